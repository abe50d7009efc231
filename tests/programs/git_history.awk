# SPDX-License-Identifier: MIT
# Prints a stream for git fast-import: so many commits on 200 files, a merge now and then.
function random(n) {
    state = (state * 16807) % 2147483647
    return state % n
}
function put(text) {
    printf "data %d\n%s\n", length(text), text
}
function content(file, i, text) {
    text = ""
    for (i = 0; i < 60; i++)
        text = text "line " i " of " file ": " version[file, i] "\n"
    return text
}
BEGIN {
    state = 99
    for (c = 1; c <= commits; c++) {
        printf "commit refs/heads/main\nmark :%d\n", c
        printf "author A%d <a%d@example.org> %d +0000\n", c % 7, c % 7, 1600000000 + c * 60
        printf "committer C <c@example.org> %d +0000\n", 1600000000 + c * 60
        put("commit " c "\n\nmore words about it: " random(1000000))
        if (c > 1)
            printf "from :%d\n", c - 1
        if (c > 40 && c % 50 == 0)
            printf "merge :%d\n", c - 40
        for (f = 0; f < 3; f++) {
            file = random(200)
            version[file, random(60)] = c * 31 + f
            printf "M 100644 inline dir%d/file%d\n", file % 20, file
            put(content(file))
        }
    }
}
