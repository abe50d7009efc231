/* SPDX-License-Identifier: MIT */
/*
 * Owns the sums: each different stack once, and for each sample its stack, until it is known which
 * blocks live, and which did when most was live. A sample stands for 1 / p requests of its size, p
 * being the probability that one such request is sampled. Invariant: a stack's index never changes
 * before hak_profile_finish.
 */
#define _GNU_SOURCE
#include "profile/profile.h"

#include "common/complain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 16384u

struct counted {
    uint64_t number;
    uint32_t stack;
    double blocks; /* that it stands for, */
    double bytes;  /* and all their bytes */
    uint64_t time_ms, freed_ms;
    uint64_t freed_after; /* the last sample that was taken before its block's free */
};

#define NOT_FREED UINT64_MAX

struct hak_gather {
    uint32_t *next; /* of the same bucket, by stack: index and 1 */
    uint32_t bucket[BUCKETS];
    struct counted *counted; /* ordered by number */
    size_t count;
};

/* Room for one entry more, at powers of two. */
void *hak_profile_grow(void *array, size_t count, size_t entry_bytes) {
    if (count & (count - 1))
        return array;
    void *grown = reallocarray(array, count ? count * 2 : 1, entry_bytes);
    if (grown)
        return grown;
    hak_complain("out of memory");
    exit(1);
}

char *hak_profile_copy_text(const char *text) {
    char *copy = text ? strdup(text) : NULL;
    if (copy || !text)
        return copy;
    hak_complain("out of memory");
    exit(1);
}

void hak_profile_init(struct hak_profile *profile, pid_t pid) {
    memset(profile, 0, sizeof *profile);
    profile->pid = pid;
    profile->mean_bytes = 1;
    profile->gather = hak_profile_grow(NULL, 0, sizeof *profile->gather);
    memset(profile->gather, 0, sizeof *profile->gather);
}

static void free_code(struct hak_code *code) {
    for (unsigned i = 0; i <= code->inlined_count; i++) {
        const struct hak_frame *frame = hak_profile_frame(code, i);
        free(frame->function);
        free(frame->name);
        free(frame->file);
    }
    free(code->inlined);
}

void hak_profile_free(struct hak_profile *profile) {
    for (size_t i = 0; i < profile->stack_count; i++)
        free(profile->stacks[i]);
    for (size_t i = 0; i < profile->code_count; i++)
        free_code(&profile->codes[i]);
    for (size_t i = 0; i < profile->module_count; i++)
        free(profile->modules[i].path);
    free(profile->stacks);
    free(profile->codes);
    free(profile->modules);
    if (profile->gather) {
        free(profile->gather->next);
        free(profile->gather->counted);
    }
    free(profile->gather);
}

static uint32_t hash(const uint32_t *code, unsigned depth) {
    uint64_t sum = depth;
    for (unsigned i = 0; i < depth; i++)
        sum = (sum ^ code[i]) * 0x9E3779B97F4A7C15u;
    return (uint32_t)(sum >> 40) % BUCKETS;
}

static uint32_t find_stack(struct hak_profile *profile, const uint32_t *code, unsigned depth) {
    struct hak_gather *gather = profile->gather;
    uint32_t *bucket = &gather->bucket[hash(code, depth)];
    for (uint32_t at = *bucket; at; at = gather->next[at - 1]) {
        const struct hak_profile_stack *stack = profile->stacks[at - 1];
        if (stack->depth == depth && memcmp(stack->code, code, depth * sizeof *code) == 0)
            return at - 1;
    }
    uint32_t index = (uint32_t)profile->stack_count;
    profile->stacks = hak_profile_grow(profile->stacks, index, sizeof *profile->stacks);
    gather->next = hak_profile_grow(gather->next, index, sizeof *gather->next);
    struct hak_profile_stack *stack = hak_profile_grow(NULL, 0, sizeof *stack);
    memset(stack, 0, sizeof *stack);
    stack->depth = depth;
    memcpy(stack->code, code, depth * sizeof *code);
    profile->stacks[index] = stack;
    profile->stack_count++;
    gather->next[index] = *bucket;
    *bucket = index + 1;
    return index;
}

/* How many requests of the size a sample stands for. */
static double weight(uint64_t bytes, uint64_t mean_bytes) {
    double asked = bytes ? (double)bytes : 1;
    return mean_bytes <= 1 ? 1 : 1 / -expm1(-asked / (double)mean_bytes);
}

void hak_profile_count(struct hak_profile *profile, const struct hak_profile_sample *sample,
                       const uint32_t *code, unsigned depth) {
    struct hak_gather *gather = profile->gather;
    uint32_t index = find_stack(profile, code, depth);
    struct hak_profile_sums *sums = &profile->stacks[index]->sums;
    double blocks = weight(sample->bytes, sample->mean_bytes);
    sums->allocated_blocks += blocks;
    sums->allocated_bytes += blocks * (double)sample->bytes;
    profile->total.allocated_blocks += blocks;
    profile->total.allocated_bytes += blocks * (double)sample->bytes;
    profile->mean_bytes = sample->mean_bytes;
    gather->counted = hak_profile_grow(gather->counted, gather->count, sizeof *gather->counted);
    gather->counted[gather->count++] =
        (struct counted){.number = atomic_load_explicit(&sample->number, memory_order_relaxed),
                         .stack = index,
                         .blocks = blocks,
                         .bytes = blocks * (double)sample->bytes,
                         .time_ms = sample->time_ms,
                         .freed_after = NOT_FREED};
    profile->samples++;
}

/* A process keeps the low bits of a number; the rest is that of the samples taken last. */
uint64_t hak_profile_freed_sample(const struct hak_profile_free *ended) {
    uint64_t number = (ended->taken & ~(uint64_t)UINT32_MAX) | ended->sample;
    return number > ended->taken ? number - UINT32_MAX - 1 : number;
}

static int by_number(const void *key, const void *entry) {
    uint64_t number = *(const uint64_t *)key, other = ((const struct counted *)entry)->number;
    return number < other ? -1 : number > other;
}

void hak_profile_count_free(struct hak_profile *profile, const struct hak_profile_free *ended) {
    const struct hak_gather *gather = profile->gather;
    uint64_t number = hak_profile_freed_sample(ended);
    struct counted *found = gather->count ? bsearch(&number, gather->counted, gather->count,
                                                    sizeof *gather->counted, by_number)
                                          : NULL;
    if (!found)
        return;
    found->freed_after = ended->taken;
    found->freed_ms = ended->time_ms;
}

/* ---- the course of time ---- */

static int by_free(const void *left, const void *right) {
    const struct counted *a = *(const struct counted *const *)left;
    const struct counted *b = *(const struct counted *const *)right;
    return a->freed_after < b->freed_after ? -1 : a->freed_after > b->freed_after;
}

/* All samples in the order of their blocks' frees. */
static struct counted **order_frees(const struct hak_gather *gather) {
    struct counted **freed = NULL;
    for (size_t i = 0; i < gather->count; i++) {
        freed = hak_profile_grow(freed, i, sizeof(struct counted *));
        freed[i] = &gather->counted[i];
    }
    if (freed)
        qsort(freed, gather->count, sizeof(struct counted *), by_free);
    return freed;
}

/* What is live, and its course. */
struct course {
    struct hak_profile *profile;
    double bytes;
    double ends[HAK_PROFILE_POINTS]; /* at the end of each part of the time; below 0: no change */
};

static void change(struct course *course, uint64_t time_ms, double by) {
    struct hak_profile *profile = course->profile;
    uint64_t span = profile->last_ms - profile->first_ms + 1;
    uint64_t at = time_ms > profile->first_ms ? time_ms - profile->first_ms : 0;
    uint64_t point = at * HAK_PROFILE_POINTS / span;
    point = point < HAK_PROFILE_POINTS ? point : HAK_PROFILE_POINTS - 1;
    double before = course->bytes, *most = &profile->points[point];
    course->bytes += by;
    *most = fmax(*most, fmax(before, course->bytes));
    course->ends[point] = fmax(course->bytes, 0);
}

/* Walks through allocations and frees in their order; the number of the sample at the peak. */
static uint64_t find_peak(struct course *course, struct counted **freed) {
    struct hak_profile *profile = course->profile;
    const struct hak_gather *gather = profile->gather;
    double most = 0;
    uint64_t peak = 0;
    size_t ended = 0;
    for (size_t i = 0; freed && i < gather->count; i++) {
        const struct counted *counted = &gather->counted[i];
        for (; freed[ended]->freed_after < counted->number; ended++)
            change(course, freed[ended]->freed_ms, -freed[ended]->bytes);
        change(course, counted->time_ms, counted->bytes);
        if (course->bytes > most) {
            most = course->bytes;
            peak = counted->number;
            profile->peak_ms = counted->time_ms;
        }
    }
    for (; freed && ended < gather->count && freed[ended]->freed_after != NOT_FREED; ended++)
        change(course, freed[ended]->freed_ms, -freed[ended]->bytes);
    return peak;
}

/* Parts of the time in which nothing changed are as the one before ended. */
static void fill_points(struct course *course) {
    for (unsigned i = 1; i < HAK_PROFILE_POINTS; i++) {
        if (course->ends[i] >= 0)
            continue;
        course->ends[i] = course->ends[i - 1];
        course->profile->points[i] = course->ends[i];
    }
}

static void find_span(struct hak_profile *profile) {
    const struct hak_gather *gather = profile->gather;
    for (size_t i = 0; i < gather->count; i++) {
        const struct counted *counted = &gather->counted[i];
        uint64_t end = counted->freed_after == NOT_FREED ? counted->time_ms : counted->freed_ms;
        if (i == 0 || profile->first_ms > counted->time_ms)
            profile->first_ms = counted->time_ms;
        if (profile->last_ms < end)
            profile->last_ms = end;
    }
}

static void add_to(struct hak_profile_sums *sums, const struct counted *counted, uint64_t peak) {
    if (counted->freed_after == NOT_FREED) {
        sums->live_blocks += counted->blocks;
        sums->live_bytes += counted->bytes;
    }
    if (counted->number <= peak && counted->freed_after >= peak) {
        sums->peak_blocks += counted->blocks;
        sums->peak_bytes += counted->bytes;
    }
    if (counted->freed_after == counted->number) {
        sums->temporary_blocks += counted->blocks;
        sums->temporary_bytes += counted->bytes;
    }
}

static void sum_up(struct hak_profile *profile) {
    const struct hak_gather *gather = profile->gather;
    struct counted **freed = order_frees(gather);
    struct course course = {.profile = profile};
    for (unsigned i = 0; i < HAK_PROFILE_POINTS; i++)
        course.ends[i] = -1;
    find_span(profile);
    uint64_t peak = find_peak(&course, freed);
    fill_points(&course);
    for (size_t i = 0; i < gather->count; i++) {
        const struct counted *counted = &gather->counted[i];
        bool is_live = counted->freed_after == NOT_FREED;
        add_to(&profile->stacks[counted->stack]->sums, counted, peak);
        add_to(&profile->total, counted, peak);
        profile->stacks[counted->stack]->live_samples += is_live;
        profile->live_samples += is_live;
    }
    free(freed);
}

static int by_live_bytes(const void *left, const void *right) {
    const struct hak_profile_sums *a = &(*(struct hak_profile_stack *const *)left)->sums;
    const struct hak_profile_sums *b = &(*(struct hak_profile_stack *const *)right)->sums;
    if (a->live_bytes < b->live_bytes || a->live_bytes > b->live_bytes)
        return a->live_bytes < b->live_bytes ? 1 : -1;
    return (a->allocated_bytes < b->allocated_bytes) - (a->allocated_bytes > b->allocated_bytes);
}

void hak_profile_finish(struct hak_profile *profile) {
    sum_up(profile);
    if (profile->stack_count)
        qsort(profile->stacks, profile->stack_count, sizeof *profile->stacks, by_live_bytes);
}

const struct hak_frame *hak_profile_frame(const struct hak_code *code, unsigned index) {
    return index < code->inlined_count ? &code->inlined[index] : &code->own;
}

const char *hak_profile_name(const struct hak_profile *profile, const struct hak_code *code,
                             unsigned index, char *room, size_t room_bytes) {
    const struct hak_frame *frame = hak_profile_frame(code, index);
    if (frame->function)
        return frame->name ? frame->name : frame->function;
    if (code->module == HAK_NO_MODULE) {
        snprintf(room, room_bytes, "0x%llx", (unsigned long long)code->address);
        return room;
    }
    const struct hak_module *module = &profile->modules[code->module];
    const char *name = strrchr(module->path, '/');
    unsigned long long offset = code->address - module->start + module->file_offset;
    snprintf(room, room_bytes, "%s+0x%llx", name ? name + 1 : module->path, offset);
    return room;
}
