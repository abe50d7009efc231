/* SPDX-License-Identifier: MIT */
/*
 * Owns --diff: the numbers of two JSON files, under the names of the objects they stand in, and
 * what changed between them. An object in a list goes by its first member, which is a size or a
 * TID, so that lists of different lengths compare. Only the first line's object counts. Stateless.
 */
#define _GNU_SOURCE
#include "common/complain.h"
#include "stat/show.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MOST 16
#define NAME_CHARS 128u
#define FILE_BYTES_MOST (64u << 20)

struct number {
    char name[NAME_CHARS]; /* classes.64.live_blocks */
    uint64_t value;
};

struct numbers {
    struct number *number;
    size_t count;
    bool has_schema;
};

struct parser {
    const char *at;
    struct numbers *numbers;
    char name[NAME_CHARS]; /* of the value that is read */
};

static bool read_value(struct parser *parser, unsigned depth);

static void skip_space(struct parser *parser) {
    parser->at += strspn(parser->at, " \t\r\n");
}

static bool take_char(struct parser *parser, char c) {
    skip_space(parser);
    if (*parser->at != c)
        return false;
    parser->at++;
    return true;
}

static bool read_string(struct parser *parser, char *text, size_t capacity) {
    size_t length = 0;
    if (!take_char(parser, '"'))
        return false;
    while (*parser->at && *parser->at != '"') {
        if (*parser->at == '\\' && parser->at[1])
            parser->at++;
        if (length + 1 < capacity)
            text[length++] = *parser->at;
        parser->at++;
    }
    text[length] = '\0';
    return take_char(parser, '"');
}

static bool add_number(struct parser *parser, uint64_t value) {
    struct numbers *numbers = parser->numbers;
    if ((numbers->count & (numbers->count + 1)) == 0) {
        struct number *grown = reallocarray(numbers->number, 2 * numbers->count + 2, sizeof *grown);
        if (!grown)
            return false;
        numbers->number = grown;
    }
    struct number *number = &numbers->number[numbers->count++];
    memcpy(number->name, parser->name, NAME_CHARS);
    number->value = value;
    return true;
}

/* Extends the name by a part; returns the length to cut it back to. */
static size_t enter(struct parser *parser, const char *part) {
    size_t length = strlen(parser->name);
    snprintf(parser->name + length, NAME_CHARS - length, "%s%s", length ? "." : "", part);
    return length;
}

/* Of an object in a list, the first member's number becomes a part of the name. */
static bool read_members(struct parser *parser, unsigned depth, bool is_in_list) {
    char key[64], part[32];
    if (take_char(parser, '}'))
        return true;
    do {
        if (!read_string(parser, key, sizeof key) || !take_char(parser, ':'))
            return false;
        skip_space(parser);
        if (is_in_list && *parser->at >= '0' && *parser->at <= '9') {
            snprintf(part, sizeof part, "%.*s", (int)strspn(parser->at, "0123456789"), parser->at);
            enter(parser, part);
        }
        is_in_list = false;
        size_t length = enter(parser, key);
        if (!read_value(parser, depth + 1))
            return false;
        parser->name[length] = '\0';
    } while (take_char(parser, ','));
    return take_char(parser, '}');
}

static bool read_list(struct parser *parser, unsigned depth) {
    if (take_char(parser, ']'))
        return true;
    do {
        size_t length = strlen(parser->name);
        bool done = take_char(parser, '{') ? read_members(parser, depth + 1, true)
                                           : read_value(parser, depth + 1);
        if (!done)
            return false;
        parser->name[length] = '\0';
    } while (take_char(parser, ','));
    return take_char(parser, ']');
}

static bool read_number(struct parser *parser) {
    char *end;
    bool is_negative = *parser->at == '-';
    errno = 0;
    uint64_t value = strtoull(parser->at + is_negative, &end, 10);
    if (end == parser->at + is_negative || errno)
        return false;
    parser->at = end;
    return is_negative || add_number(parser, value);
}

static bool read_value(struct parser *parser, unsigned depth) {
    char text[64];
    skip_space(parser);
    if (depth > DEPTH_MOST)
        return false;
    if (*parser->at == '"') {
        bool done = read_string(parser, text, sizeof text);
        if (strcmp(parser->name, "schema") == 0 && strcmp(text, HAK_JSON_SCHEMA) == 0)
            parser->numbers->has_schema = true;
        return done;
    }
    if (take_char(parser, '{'))
        return read_members(parser, depth, false);
    if (take_char(parser, '['))
        return read_list(parser, depth);
    if (strncmp(parser->at, "null", 4) == 0) {
        parser->at += 4;
        return true;
    }
    return read_number(parser);
}

static char *read_file(const char *path) {
    FILE *file = fopen(path, "re");
    char *text = file ? calloc(1, FILE_BYTES_MOST + 1) : NULL;
    size_t bytes = text ? fread(text, 1, FILE_BYTES_MOST, file) : 0;
    if (!file || ferror(file)) {
        hak_complain("%s: %s", path, strerror(errno));
        free(text);
        text = NULL;
    } else if (text) {
        text[bytes] = '\0';
    }
    if (file)
        fclose(file);
    return text;
}

static bool read_numbers(const char *path, struct numbers *numbers) {
    char *text = read_file(path);
    struct parser parser = {.at = text, .numbers = numbers};
    if (!text)
        return false;
    bool done = read_value(&parser, 0) && numbers->has_schema;
    if (!done)
        hak_complain("%s: not written by hakmem-stat --json (schema " HAK_JSON_SCHEMA ")", path);
    free(text);
    return done;
}

static uint64_t value_of(const struct numbers *numbers, const char *name) {
    for (size_t i = 0; i < numbers->count; i++)
        if (strcmp(numbers->number[i].name, name) == 0)
            return numbers->number[i].value;
    return 0;
}

static bool has_name(const struct numbers *numbers, const char *name) {
    for (size_t i = 0; i < numbers->count; i++)
        if (strcmp(numbers->number[i].name, name) == 0)
            return true;
    return false;
}

static void print_change(FILE *out, const char *name, uint64_t before, uint64_t after) {
    if (before != after)
        fprintf(out, "%-44s %20" PRIu64 " %20" PRIu64 " %+20" PRId64 "\n", name, before, after,
                (int64_t)(after - before));
}

int hak_show_diff(FILE *out, const char *before_path, const char *after_path) {
    struct numbers before = {NULL, 0, false}, after = {NULL, 0, false};
    bool done = read_numbers(before_path, &before) && read_numbers(after_path, &after);
    if (done)
        fprintf(out, "%-44s %20s %20s %20s\n", "NAME", "BEFORE", "AFTER", "CHANGE");
    for (size_t i = 0; done && i < after.count; i++)
        print_change(out, after.number[i].name, value_of(&before, after.number[i].name),
                     after.number[i].value);
    for (size_t i = 0; done && i < before.count; i++)
        if (!has_name(&after, before.number[i].name))
            print_change(out, before.number[i].name, before.number[i].value, 0);
    free(before.number);
    free(after.number);
    return done ? 0 : 1;
}
