# SPDX-License-Identifier: MIT
# Writes a C++ file whose work is in instantiating templates, for the row g++.
BEGIN {
    split("map set unordered_map vector string tuple variant functional memory algorithm",
          heads, " ")
    for (i = 1; i in heads; i++)
        printf "#include <%s>\n", heads[i]
    print "template <int N> struct node { std::map<std::string, std::vector<int>> below;"
    print "    std::variant<int, double, std::string, std::tuple<int, node<N - 1> *>> leaf; };"
    print "template <> struct node<0> { int leaf; };"
    print "template <int N, class T> struct pack { using type ="
    print "    typename pack<N - 1, std::tuple<T, std::integral_constant<int, N>>>::type; };"
    print "template <class T> struct pack<0, T> { using type = T; };"
    for (i = 1; i <= 6; i++) {
        printf "struct key%d { int a; std::string b;", i
        printf " bool operator<(const key%d &o) const", i
        print " { return std::tie(a, b) < std::tie(o.a, o.b); } };"
        printf "int use%d(int n) {\n    std::map<key%d, std::vector<node<%d>>> all;\n", i, i, i
        printf "    std::set<key%d> keys;\n", i
        printf "    std::unordered_map<std::string, key%d> names;\n", i
        printf "    std::function<int(const key%d &)> f = [&](const key%d &k)", i, i
        print " { return k.a + n + (int)all.size(); };"
        printf "    std::vector<std::unique_ptr<key%d>> owned;\n", i
        printf "    for (int j = 0; j < n; j++) { key%d k{j, std::to_string(j)};\n", i
        print "        keys.insert(k);"
        print "        all[k].resize(2); names[k.b] = k;"
        printf "        owned.push_back(std::make_unique<key%d>(k)); }\n", i
        print "    std::sort(owned.begin(), owned.end(),"
        print "        [](const auto &l, const auto &r) { return *l < *r; });"
        printf "    return (int)sizeof(typename pack<%d, int>::type) + f(*owned[0]);\n}\n", 20 + i
    }
    print "int main() { return use1(3) + use6(2); }"
}
