/* SPDX-License-Identifier: MIT */
/*
 * What libc allocates for its callers is freed, grown and measured by them: strdup, getline,
 * asprintf, open_memstream, realpath, scandir, getaddrinfo, regcomp, qsort, search trees and more.
 */
#include "check.h"

#include <dirent.h>
#include <glob.h>
#include <locale.h>
#include <malloc.h>
#include <netdb.h>
#include <regex.h>
#include <search.h>
#include <wchar.h>
#include <wordexp.h>

static void check_strings(void) {
    char *copy = strdup("copied"), *part = strndup("partial", 4), *text = NULL;
    wchar_t *wide = wcsdup(L"wide");
    CHECK(strcmp(copy, "copied") == 0 && strcmp(part, "part") == 0 && wcscmp(wide, L"wide") == 0);
    CHECK(malloc_usable_size(copy) >= 7);
    copy = realloc(copy, 5000);
    CHECK(copy && strcmp(copy, "copied") == 0);
    CHECK(asprintf(&text, "%0*d", 100000, 7) == 100000 && strlen(text) == 100000);
    CHECK(strspn(text, "0") == 99999 && text[99999] == '7');
    free(copy);
    free(part);
    free(wide);
    free(text);
    CHECK(sscanf("word 5", "%ms", &text) == 1 && strcmp(text, "word") == 0);
    free(text);
}

static void check_lines(const char *text) {
    char line[40];
    for (int i = 0; i < 20000; i++) {
        int length = snprintf(line, sizeof line, "line %d%c", i, i % 100 ? ' ' : '\n');
        CHECK(strncmp(text, line, (size_t)length) == 0);
        text += length;
    }
    CHECK(*text == '\0');
}

static void check_streams(void) {
    char *line = NULL, *memory = NULL;
    size_t capacity = 0, size = 0, total = 0;
    FILE *stream = open_memstream(&memory, &size);
    CHECK(stream != NULL);
    for (int i = 0; i < 20000; i++)
        fprintf(stream, "line %d%c", i, i % 100 ? ' ' : '\n');
    CHECK(fclose(stream) == 0 && memory && size == strlen(memory));
    check_lines(memory);
    stream = fmemopen(memory, size, "r");
    CHECK(stream != NULL);
    for (ssize_t got; (got = getline(&line, &capacity, stream)) > 0; total += (size_t)got)
        CHECK(memcmp(line, memory + total, (size_t)got) == 0);
    CHECK(total == size && fclose(stream) == 0);
    free(line);
    line = malloc(2);
    capacity = 2;
    stream = fmemopen(memory, size, "r");
    CHECK(stream && getdelim(&line, &capacity, '9', stream) > 5 && fclose(stream) == 0);
    free(line);
    free(memory);
}

static void check_files(void) {
    char *here = getcwd(NULL, 0), *real = realpath("/proc/self/../self/..", NULL);
    struct dirent **entries = NULL;
    CHECK(here && real);
    free(here);
    free(real);
    here = get_current_dir_name();
    CHECK(here != NULL);
    free(here);
    int count = scandir("/proc/self", &entries, NULL, alphasort);
    CHECK(count > 5);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    DIR *directory = opendir("/proc");
    CHECK(directory && readdir(directory) && closedir(directory) == 0);
    glob_t found;
    CHECK(glob("/proc/s*", 0, NULL, &found) == 0 && found.gl_pathc > 0);
    globfree(&found);
    wordexp_t words;
    CHECK(wordexp("a b c", &words, 0) == 0 && words.we_wordc == 3);
    wordfree(&words);
}

static int by_value(const void *a, const void *b) {
    int x = *(const int *)a, y = *(const int *)b;
    return x < y ? -1 : x > y;
}

static int by_text(const void *a, const void *b) {
    return strcmp(a, b);
}

static void check_algorithms(void) {
    enum { COUNT = 300000 };
    int *numbers = malloc(COUNT * sizeof *numbers);
    for (int i = 0; i < COUNT; i++)
        numbers[i] = (int)((unsigned)i * 2654435761u >> 1);
    qsort(numbers, COUNT, sizeof *numbers, by_value);
    for (int i = 1; i < COUNT; i++)
        CHECK(numbers[i - 1] <= numbers[i]);
    free(numbers);
    regex_t expression;
    CHECK(regcomp(&expression, "^(a|b)+[[:digit:]]{2,5}(x*)$", REG_EXTENDED) == 0);
    CHECK(regexec(&expression, "abab123xx", 0, NULL, 0) == 0);
    regfree(&expression);
    void *root = NULL;
    char *key = strdup("key");
    CHECK(tsearch(key, &root, by_text) && tfind("key", &root, by_text));
    tdestroy(root, free);
    CHECK(hcreate(100) != 0);
    hdestroy();
}

static void check_environment(void) {
    char name[40], value[200];
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "CHECK_VARIABLE_%d", i % 60);
        snprintf(value, sizeof value, "%0*d", i % 150 + 1, i);
        CHECK(setenv(name, value, 1) == 0 && strcmp(getenv(name), value) == 0);
    }
    CHECK(clearenv() == 0 && setenv("A", "b", 1) == 0);
    CHECK(setlocale(LC_ALL, "C.UTF-8") || setlocale(LC_ALL, "C"));
    locale_t locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    CHECK(locale != (locale_t)0);
    freelocale(locale);
    struct addrinfo *addresses = NULL, hints = {.ai_flags = AI_NUMERICHOST};
    CHECK(getaddrinfo("127.0.0.1", "80", &hints, &addresses) == 0 && addresses);
    freeaddrinfo(addresses);
    FILE *pipe = popen("echo out", "r");
    char text[10] = "";
    CHECK(pipe && fgets(text, sizeof text, pipe) && strcmp(text, "out\n") == 0);
    CHECK(pclose(pipe) == 0);
}

int main(void) {
    for (int round = 0; round < 3; round++) {
        check_strings();
        check_streams();
        check_files();
        check_algorithms();
    }
    check_environment();
    return 0;
}
