/* SPDX-License-Identifier: MIT */
/*
 * Owns the writing of pprof's format: the message Profile of github.com/google/pprof's
 * proto/profile.proto, in the wire format of Protocol Buffers, compressed as gzip. Sample values
 * are named as Go names them: alloc_objects, alloc_space, inuse_objects, inuse_space.
 */
#define _GNU_SOURCE
#include "profile/profile.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

/* Fields of the messages. */
enum {
    PROFILE_SAMPLE_TYPE = 1,
    PROFILE_SAMPLE,
    PROFILE_MAPPING,
    PROFILE_LOCATION,
    PROFILE_FUNCTION,
    PROFILE_STRINGS,
    PROFILE_TIME_NS = 9,
    PROFILE_DURATION_NS,
    PROFILE_PERIOD_TYPE,
    PROFILE_PERIOD,
    PROFILE_COMMENT,
    PROFILE_DEFAULT_TYPE
};
enum { TYPE_TYPE = 1, TYPE_UNIT };
enum { SAMPLE_LOCATION = 1, SAMPLE_VALUE };
enum {
    MAPPING_ID = 1,
    MAPPING_START,
    MAPPING_LIMIT,
    MAPPING_OFFSET,
    MAPPING_FILE,
    MAPPING_BUILD_ID,
    MAPPING_HAS_FUNCTIONS
};
enum { LOCATION_ID = 1, LOCATION_MAPPING, LOCATION_ADDRESS, LOCATION_LINE };
enum { LINE_FUNCTION = 1, LINE_NUMBER };
enum { FUNCTION_ID = 1, FUNCTION_NAME, FUNCTION_SYSTEM_NAME, FUNCTION_FILE };

struct message {
    unsigned char *bytes;
    size_t length;
};

struct writer {
    const struct hak_profile *profile;
    struct message out;
    char **strings;
    size_t string_count;
    uint64_t function_count;
};

static void put_byte(struct message *message, unsigned char byte) {
    message->bytes = hak_profile_grow(message->bytes, message->length, 1);
    message->bytes[message->length++] = byte;
}

static void put_number(struct message *message, uint64_t value) {
    for (; value >= 128; value >>= 7)
        put_byte(message, (unsigned char)(value | 128));
    put_byte(message, (unsigned char)value);
}

static void put_field(struct message *message, unsigned field, uint64_t value) {
    put_number(message, field << 3);
    put_number(message, value);
}

static void put_bytes(struct message *message, unsigned field, const void *bytes, size_t length) {
    put_number(message, field << 3 | 2);
    put_number(message, length);
    for (size_t i = 0; i < length; i++)
        put_byte(message, ((const unsigned char *)bytes)[i]);
}

/* Empties `part` into `message`. */
static void put_message(struct message *message, unsigned field, struct message *part) {
    put_bytes(message, field, part->bytes, part->length);
    free(part->bytes);
    *part = (struct message){NULL, 0};
}

/* The index of a text in the table of strings, which begins with "". */
static uint64_t string(struct writer *writer, const char *text) {
    for (size_t i = 0; i < writer->string_count; i++)
        if (strcmp(writer->strings[i], text) == 0)
            return i;
    writer->strings =
        hak_profile_grow(writer->strings, writer->string_count, sizeof *writer->strings);
    writer->strings[writer->string_count] = hak_profile_copy_text(text);
    return writer->string_count++;
}

static void put_type(struct writer *writer, unsigned field, const char *type, const char *unit) {
    struct message part = {NULL, 0};
    put_field(&part, TYPE_TYPE, string(writer, type));
    put_field(&part, TYPE_UNIT, string(writer, unit));
    put_message(&writer->out, field, &part);
}

static void put_sample(struct writer *writer, const struct hak_profile_stack *stack) {
    const double values[] = {stack->sums.allocated_blocks, stack->sums.allocated_bytes,
                             stack->sums.live_blocks,      stack->sums.live_bytes,
                             stack->sums.peak_blocks,      stack->sums.peak_bytes};
    struct message part = {NULL, 0}, list = {NULL, 0};
    for (unsigned i = 0; i < stack->depth; i++)
        put_number(&list, stack->code[i] + UINT64_C(1));
    put_message(&part, SAMPLE_LOCATION, &list);
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++)
        put_number(&list, (uint64_t)llround(values[i]));
    put_message(&part, SAMPLE_VALUE, &list);
    put_message(&writer->out, PROFILE_SAMPLE, &part);
}

static void put_mapping(struct writer *writer, unsigned index) {
    const struct hak_module *module = &writer->profile->modules[index];
    struct message part = {NULL, 0};
    bool has_functions = false;
    for (size_t i = 0; i < writer->profile->code_count; i++)
        has_functions |= writer->profile->codes[i].module == index &&
                         writer->profile->codes[i].own.function != NULL;
    put_field(&part, MAPPING_ID, index + UINT64_C(1));
    put_field(&part, MAPPING_START, module->start);
    put_field(&part, MAPPING_LIMIT, module->end);
    put_field(&part, MAPPING_OFFSET, module->file_offset);
    put_field(&part, MAPPING_FILE, string(writer, module->path));
    put_field(&part, MAPPING_BUILD_ID, string(writer, module->build_id));
    put_field(&part, MAPPING_HAS_FUNCTIONS, has_functions);
    put_message(&writer->out, PROFILE_MAPPING, &part);
}

/* A function a frame: those of one function have the same name, which is what readers go by. */
static void put_function(struct writer *writer, const struct hak_frame *frame, uint64_t id) {
    struct message part = {NULL, 0};
    put_field(&part, FUNCTION_ID, id);
    put_field(&part, FUNCTION_NAME, string(writer, frame->name ? frame->name : frame->function));
    put_field(&part, FUNCTION_SYSTEM_NAME, string(writer, frame->function));
    put_field(&part, FUNCTION_FILE, string(writer, frame->file ? frame->file : ""));
    put_message(&writer->out, PROFILE_FUNCTION, &part);
}

/* The lines of a location are its frames, innermost first. */
static void put_code(struct writer *writer, size_t index) {
    const struct hak_code *code = &writer->profile->codes[index];
    struct message part = {NULL, 0}, line = {NULL, 0};
    uint64_t first_id = writer->function_count + 1;
    put_field(&part, LOCATION_ID, index + 1);
    if (code->module != HAK_NO_MODULE)
        put_field(&part, LOCATION_MAPPING, code->module + UINT64_C(1));
    put_field(&part, LOCATION_ADDRESS, code->address);
    for (unsigned i = 0; i <= code->inlined_count; i++) {
        const struct hak_frame *frame = hak_profile_frame(code, i);
        if (!frame->function)
            continue;
        put_field(&line, LINE_FUNCTION, ++writer->function_count);
        put_field(&line, LINE_NUMBER, (uint64_t)(frame->line > 0 ? frame->line : 0));
        put_message(&part, LOCATION_LINE, &line);
    }
    put_message(&writer->out, PROFILE_LOCATION, &part);
    for (unsigned i = 0; i <= code->inlined_count; i++)
        if (hak_profile_frame(code, i)->function)
            put_function(writer, hak_profile_frame(code, i), first_id++);
}

static void put_all(struct writer *writer) {
    const struct hak_profile *profile = writer->profile;
    char comment[128];
    string(writer, "");
    put_type(writer, PROFILE_SAMPLE_TYPE, "alloc_objects", "count");
    put_type(writer, PROFILE_SAMPLE_TYPE, "alloc_space", "bytes");
    put_type(writer, PROFILE_SAMPLE_TYPE, "inuse_objects", "count");
    put_type(writer, PROFILE_SAMPLE_TYPE, "inuse_space", "bytes");
    put_type(writer, PROFILE_SAMPLE_TYPE, "peak_objects", "count");
    put_type(writer, PROFILE_SAMPLE_TYPE, "peak_space", "bytes");
    for (size_t i = 0; i < profile->stack_count; i++)
        put_sample(writer, profile->stacks[i]);
    for (unsigned i = 0; i < profile->module_count; i++)
        put_mapping(writer, i);
    for (size_t i = 0; i < profile->code_count; i++)
        put_code(writer, i);
    put_field(&writer->out, PROFILE_TIME_NS, profile->begun_ns);
    put_field(&writer->out, PROFILE_DURATION_NS, profile->lasted_ns);
    put_type(writer, PROFILE_PERIOD_TYPE, "space", "bytes");
    put_field(&writer->out, PROFILE_PERIOD, profile->mean_bytes);
    snprintf(comment, sizeof comment, "hakmem-stat " HAK_VERSION ": %llu samples, %llu lost",
             (unsigned long long)profile->samples, (unsigned long long)profile->lost);
    put_field(&writer->out, PROFILE_COMMENT, string(writer, comment));
    put_field(&writer->out, PROFILE_DEFAULT_TYPE, string(writer, "inuse_space"));
    for (size_t i = 0; i < writer->string_count; i++)
        put_bytes(&writer->out, PROFILE_STRINGS, writer->strings[i], strlen(writer->strings[i]));
}

bool hak_profile_write_pprof(const struct hak_profile *profile, const char *path) {
    struct writer writer = {.profile = profile};
    put_all(&writer);
    int out = strcmp(path, "-") == 0 ? dup(STDOUT_FILENO) : -1;
    gzFile file = out >= 0 ? gzdopen(out, "wb") : gzopen(path, "wbe");
    bool done = file && gzwrite(file, writer.out.bytes, (unsigned)writer.out.length) ==
                            (int)writer.out.length;
    int error = errno;
    if (file && gzclose(file) != Z_OK) {
        error = done ? errno : error;
        done = false;
    }
    errno = error;
    for (size_t i = 0; i < writer.string_count; i++)
        free(writer.strings[i]);
    free(writer.strings);
    free(writer.out.bytes);
    return done;
}
