/* SPDX-License-Identifier: MIT */
/*
 * Owns the sums: each different stack once, and for each sample its stack, until it is known which
 * blocks live. A sample stands for 1 / p requests of its size, p being the probability that one
 * such request is sampled. Invariant: a stack's index never changes before hak_profile_finish.
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
    uint64_t bytes, mean_bytes;
};

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

void hak_profile_free(struct hak_profile *profile) {
    for (size_t i = 0; i < profile->stack_count; i++)
        free(profile->stacks[i]);
    for (size_t i = 0; i < profile->code_count; i++) {
        free(profile->codes[i].function);
        free(profile->codes[i].file);
    }
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
        (struct counted){atomic_load_explicit(&sample->number, memory_order_relaxed), index,
                         sample->bytes, sample->mean_bytes};
    profile->samples++;
}

static int by_number(const void *key, const void *entry) {
    uint64_t number = *(const uint64_t *)key, other = ((const struct counted *)entry)->number;
    return number < other ? -1 : number > other;
}

void hak_profile_count_live(struct hak_profile *profile, uint64_t number) {
    const struct hak_gather *gather = profile->gather;
    const struct counted *found = gather->count ? bsearch(&number, gather->counted, gather->count,
                                                          sizeof *gather->counted, by_number)
                                                : NULL;
    if (!found)
        return;
    struct hak_profile_stack *stack = profile->stacks[found->stack];
    double blocks = weight(found->bytes, found->mean_bytes);
    stack->sums.live_blocks += blocks;
    stack->sums.live_bytes += blocks * (double)found->bytes;
    stack->live_samples++;
    profile->total.live_blocks += blocks;
    profile->total.live_bytes += blocks * (double)found->bytes;
    profile->live_samples++;
}

static int by_live_bytes(const void *left, const void *right) {
    const struct hak_profile_sums *a = &(*(struct hak_profile_stack *const *)left)->sums;
    const struct hak_profile_sums *b = &(*(struct hak_profile_stack *const *)right)->sums;
    if (a->live_bytes < b->live_bytes || a->live_bytes > b->live_bytes)
        return a->live_bytes < b->live_bytes ? 1 : -1;
    return (a->allocated_bytes < b->allocated_bytes) - (a->allocated_bytes > b->allocated_bytes);
}

void hak_profile_finish(struct hak_profile *profile) {
    if (profile->stack_count)
        qsort(profile->stacks, profile->stack_count, sizeof *profile->stacks, by_live_bytes);
}

const char *hak_profile_name(const struct hak_profile *profile, uint32_t index, char *room,
                             size_t room_bytes) {
    const struct hak_code *code = &profile->codes[index];
    if (code->function)
        return code->function;
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
