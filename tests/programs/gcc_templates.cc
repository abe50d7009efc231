// SPDX-License-Identifier: MIT
// What gcc.sh compiles with g++ and runs: recursive templates, the containers, streams, regular
// expressions, exceptions and threads. Prints the same at every run.
#include <algorithm>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

template <int N> struct Chain {
    using Tail = typename Chain<N - 1>::List;
    using List = decltype(std::tuple_cat(std::declval<std::tuple<std::integral_constant<int, N>>>(),
                                         std::declval<Tail>()));
};
template <> struct Chain<0> {
    using List = std::tuple<>;
};

template <class... Parts> int sum_of(const std::tuple<Parts...> &parts) {
    return std::apply([](auto... part) { return (0 + ... + part()); }, parts);
}

template <int N> struct Fibonacci {
    static constexpr unsigned long value = Fibonacci<N - 1>::value + Fibonacci<N - 2>::value;
};
template <> struct Fibonacci<1> {
    static constexpr unsigned long value = 1;
};
template <> struct Fibonacci<0> {
    static constexpr unsigned long value = 0;
};

using Leaf = std::variant<int, double, std::string>;
struct Tree {
    Leaf leaf;
    std::vector<std::unique_ptr<Tree>> below;
};

static std::unique_ptr<Tree> grow(int depth, int &next) {
    auto tree = std::make_unique<Tree>();
    switch (next++ % 3) {
    case 0:
        tree->leaf = next;
        break;
    case 1:
        tree->leaf = next / 2.0;
        break;
    default:
        tree->leaf = std::string(static_cast<size_t>(next % 50), 'x');
    }
    for (int i = 0; depth > 0 && i < 3; i++)
        tree->below.push_back(grow(depth - 1, next));
    return tree;
}

static double weigh(const Tree &tree) {
    double weight = std::visit(
        [](const auto &leaf) -> double {
            if constexpr (std::is_same_v<std::decay_t<decltype(leaf)>, std::string>)
                return static_cast<double>(leaf.size());
            else
                return static_cast<double>(leaf);
        },
        tree.leaf);
    return std::accumulate(tree.below.begin(), tree.below.end(), weight,
                           [](double sum, const auto &next) { return sum + weigh(*next); });
}

static size_t count_words(int seed) {
    std::unordered_map<std::string, std::map<int, std::set<long>>> words;
    unsigned state = static_cast<unsigned>(seed);
    for (int i = 0; i < 40000; i++) {
        state = state * 1103515245U + 12345U;
        words["word" + std::to_string((state >> 16) % 700)][static_cast<int>(state % 13)].insert(i);
    }
    size_t total = 0;
    for (auto &[word, numbers] : words)
        for (auto &[number, places] : numbers)
            total += places.size() * word.size();
    return total;
}

static int catch_many() {
    int caught = 0;
    for (int i = 0; i < 20000; i++) {
        try {
            throw std::runtime_error(std::string(static_cast<size_t>(i % 300), 'e'));
        } catch (const std::exception &error) {
            caught += static_cast<int>(std::string(error.what()).size());
        }
    }
    return caught;
}

int main() {
    std::cout << sum_of(Chain<120>::List{}) << ' ' << Fibonacci<80>::value << '\n';
    int next = 0;
    std::cout << weigh(*grow(8, next)) << ' ' << next << '\n';
    std::vector<std::future<size_t>> counts;
    for (int seed = 0; seed < 6; seed++)
        counts.push_back(std::async(std::launch::async, count_words, seed));
    for (auto &count : counts)
        std::cout << count.get() << '\n';
    std::ostringstream text;
    for (int i = 0; i < 3000; i++)
        text << "key" << i << "=" << i * 7 << ';';
    const std::string all = text.str();
    const std::regex pattern("key([0-9]+)=([0-9]+)");
    long sum = 0;
    for (std::sregex_iterator match(all.begin(), all.end(), pattern), end; match != end; ++match)
        sum += std::stol((*match)[2]);
    std::cout << sum << ' ' << catch_many() << '\n';
}
