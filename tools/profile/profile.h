/* SPDX-License-Identifier: MIT */
/*
 * Owns what the parts of `hakmem-stat --profile` hand to each other: samples become stacks of code
 * addresses (unwinder.c), equal stacks become one with sums (profile.c), and the whole
 * is written as pprof's format, as a picture or as text. One thread only.
 */
#ifndef HAK_TOOLS_PROFILE_PROFILE_H
#define HAK_TOOLS_PROFILE_PROFILE_H

#include "stats/profile_layout.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define HAK_PROFILE_FRAMES 192u

/* A function and a line in it. Text is NULL where nothing is known. */
struct hak_frame {
    char *function; /* as the linker knows it */
    char *name;     /* as people write it, if that is another one */
    char *file;
    int line;
};

/* A place in the code. */
struct hak_code {
    uint64_t address;          /* of the call, not behind it */
    unsigned module;           /* index; HAK_NO_MODULE */
    struct hak_frame own;      /* of the function that the address lies in, */
    struct hak_frame *inlined; /* and of those that were inlined there, innermost first */
    unsigned inlined_count;
};

#define HAK_NO_MODULE UINT32_MAX

struct hak_module {
    uint64_t start, end, file_offset;
    char *path;
    char build_id[65]; /* hexadecimal; empty: none */
};

/* Estimates: what the samples stand for. */
struct hak_profile_sums {
    double allocated_blocks, allocated_bytes;
    double live_blocks, live_bytes;           /* at the end */
    double peak_blocks, peak_bytes;           /* when the sum of all was highest */
    double temporary_blocks, temporary_bytes; /* freed before another sample was taken */
};

/* How much was live in the course of time: the most in each of as many equal parts of it. */
#define HAK_PROFILE_POINTS 200u

struct hak_profile_stack {
    struct hak_profile_sums sums;
    unsigned live_samples;
    unsigned depth;
    uint32_t code[HAK_PROFILE_FRAMES]; /* indices, innermost first */
};

struct hak_profile {
    char program[32];
    pid_t pid;
    uint64_t mean_bytes;
    uint64_t begun_ns; /* since 1970 */
    uint64_t lasted_ns;
    uint64_t samples, live_samples;
    uint64_t lost;       /* overwritten before they were read */
    uint64_t lost_frees; /* likewise; of the live blocks as many may have been freed */
    uint64_t first_ms, last_ms, peak_ms; /* CLOCK_MONOTONIC: of what was sampled */
    double points[HAK_PROFILE_POINTS];   /* bytes */
    struct hak_profile_sums total;
    size_t stack_count, code_count, module_count;
    struct hak_profile_stack **stacks; /* most live bytes first once finished */
    struct hak_code *codes;
    struct hak_module *modules;
    struct hak_gather *gather; /* profile.c's own */
};

/* ---- profile.c: exits when there is no memory ---- */
void hak_profile_init(struct hak_profile *profile, pid_t pid);
void hak_profile_free(struct hak_profile *profile);
/* A sample with these code indices. Samples come in the order of their numbers. */
void hak_profile_count(struct hak_profile *profile, const struct hak_profile_sample *sample,
                       const uint32_t *code, unsigned depth);
/* The number of the sample whose block is gone. */
uint64_t hak_profile_freed_sample(const struct hak_profile_free *ended);
/* The block of a sample is gone; samples that weren't counted are nobody's. */
void hak_profile_count_free(struct hak_profile *profile, const struct hak_profile_free *ended);
/* Finds what lives, and what did at the peak; sorts. */
void hak_profile_finish(struct hak_profile *profile);
void *hak_profile_grow(void *array, size_t count, size_t entry_bytes);
char *hak_profile_copy_text(const char *text);

/* ---- writers; false: errno says why ---- */
bool hak_profile_write_pprof(const struct hak_profile *profile, const char *path);
bool hak_profile_write_svg(const struct hak_profile *profile, FILE *out);
bool hak_profile_write_leaks(const struct hak_profile *profile, FILE *out);
/* The frames of a place, innermost first: those inlined, and its own as the last. */
const struct hak_frame *hak_profile_frame(const struct hak_code *code, unsigned index);
/* A frame's function, or the module and the distance in it. */
const char *hak_profile_name(const struct hak_profile *profile, const struct hak_code *code,
                             unsigned index, char *room, size_t room_bytes);

#endif
