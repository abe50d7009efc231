/* SPDX-License-Identifier: MIT */
/*
 * --diff: the numbers of two JSON files, under the names of the objects they stand in, and what
 * changed between them. An object in a list goes by its first member, which is a size or a TID, so
 * that lists of different lengths compare. Only the first object of a file counts. Stateless.
 */
#define _GNU_SOURCE
#include "common/complain.h"
#include "stat/show.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MOST 16
#define NAME_CHARS 128u
#define BUFFER_BYTES 65536u

struct number {
    char name[NAME_CHARS]; /* classes.64.live_blocks */
    uint64_t value;
};

struct numbers {
    struct number *number;
    size_t count;
};

static void add_value(struct numbers *numbers, const char *name, struct json_object *value);

static void add_number(struct numbers *numbers, const char *name, struct json_object *value) {
    if ((numbers->count & (numbers->count + 1)) == 0) {
        struct number *grown = reallocarray(numbers->number, 2 * numbers->count + 2, sizeof *grown);
        if (!grown) {
            hak_complain("out of memory");
            exit(HAK_EXIT_FAILED);
        }
        numbers->number = grown;
    }
    struct number *number = &numbers->number[numbers->count++];
    snprintf(number->name, NAME_CHARS, "%s", name);
    number->value = json_object_get_uint64(value);
}

/* The name, extended by a part. */
static void add_named(struct numbers *numbers, const char *name, const char *part,
                      struct json_object *value) {
    char longer[NAME_CHARS + 64];
    snprintf(longer, sizeof longer, "%s%s%.60s", name, *name ? "." : "", part);
    longer[NAME_CHARS - 1] = '\0';
    add_value(numbers, longer, value);
}

static void add_list(struct numbers *numbers, const char *name, struct json_object *list) {
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *entry = json_object_array_get_idx(list, i);
        const char *part = "";
        if (json_object_is_type(entry, json_type_object) && json_object_object_length(entry)) {
            struct json_object_iterator first = json_object_iter_begin(entry);
            struct json_object *value = json_object_iter_peek_value(&first);
            part = json_object_is_type(value, json_type_int) ? json_object_get_string(value) : "";
        }
        if (*part)
            add_named(numbers, name, part, entry);
        else
            add_value(numbers, name, entry);
    }
}

static void add_value(struct numbers *numbers, const char *name, struct json_object *value) {
    if (json_object_is_type(value, json_type_object)) {
        json_object_object_foreach(value, key, member) add_named(numbers, name, key, member);
    } else if (json_object_is_type(value, json_type_array)) {
        add_list(numbers, name, value);
    } else if (json_object_is_type(value, json_type_int)) {
        add_number(numbers, name, value);
    }
}

/* ---- files ---- */

/* NULL: no object, or none that is read whole. */
static struct json_object *parse(FILE *file) {
    char *buffer = malloc(BUFFER_BYTES);
    struct json_tokener *tokener = buffer ? json_tokener_new_ex(DEPTH_MOST) : NULL;
    struct json_object *object = NULL;
    size_t bytes;
    while (tokener && !object && (bytes = fread(buffer, 1, BUFFER_BYTES, file)) > 0) {
        object = json_tokener_parse_ex(tokener, buffer, (int)bytes);
        if (json_tokener_get_error(tokener) != json_tokener_continue)
            break;
    }
    if (tokener)
        json_tokener_free(tokener);
    free(buffer);
    return object;
}

static bool has_schema(struct json_object *object) {
    struct json_object *schema;
    return json_object_is_type(object, json_type_object) &&
           json_object_object_get_ex(object, "schema", &schema) &&
           json_object_is_type(schema, json_type_string) &&
           strcmp(json_object_get_string(schema), HAK_JSON_SCHEMA) == 0;
}

static bool read_numbers(const char *path, struct numbers *numbers) {
    FILE *file = fopen(path, "re");
    errno = file ? 0 : errno;
    struct json_object *object = file ? parse(file) : NULL;
    int error = !file || ferror(file) ? errno : 0;
    bool done = has_schema(object);
    if (file)
        fclose(file);
    if (error)
        hak_complain("%s: %s", path, strerror(error));
    else if (!done)
        hak_complain("%s: not written by hakmem-stat --json (schema " HAK_JSON_SCHEMA ")", path);
    if (done)
        add_value(numbers, "", object);
    json_object_put(object);
    return done;
}

static const struct number *find(const struct numbers *numbers, const char *name) {
    for (size_t i = 0; i < numbers->count; i++)
        if (strcmp(numbers->number[i].name, name) == 0)
            return &numbers->number[i];
    return NULL;
}

static void print_change(FILE *out, const char *name, uint64_t before, uint64_t after) {
    if (before != after)
        fprintf(out, "%-44s %20" PRIu64 " %20" PRIu64 " %+20" PRId64 "\n", name, before, after,
                (int64_t)(after - before));
}

int hak_show_diff(FILE *out, const char *before_path, const char *after_path) {
    struct numbers before = {NULL, 0}, after = {NULL, 0};
    bool done = read_numbers(before_path, &before) && read_numbers(after_path, &after);
    if (done)
        fprintf(out, "%-44s %20s %20s %20s\n", "NAME", "BEFORE", "AFTER", "CHANGE");
    for (size_t i = 0; done && i < after.count; i++) {
        const struct number *old = find(&before, after.number[i].name);
        print_change(out, after.number[i].name, old ? old->value : 0, after.number[i].value);
    }
    for (size_t i = 0; done && i < before.count; i++)
        if (!find(&after, before.number[i].name))
            print_change(out, before.number[i].name, before.number[i].value, 0);
    free(before.number);
    free(after.number);
    return done ? 0 : HAK_EXIT_FAILED;
}
