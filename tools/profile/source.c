/* SPDX-License-Identifier: MIT */
/*
 * Owns the reading of the area of samples. Nothing that it holds is believed: sizes are cut, and a
 * sample counts only if its number was the right one before and after it was copied.
 */
#define _GNU_SOURCE
#include "profile/source.h"

#include "stat/target.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/uio.h>
#include <time.h>

#define AT(field) offsetof(struct hak_profile_area, field)

static bool read_area(const struct hak_profile_source *source, uint64_t offset, void *to,
                      size_t bytes) {
    return source->header.profile.offset &&
           hak_target_read(&source->target, source->header.profile.offset + offset, to, bytes);
}

/* A process without segment gets its area when it first samples. */
static bool find_area(struct hak_profile_source *source) {
    if (source->header.profile.offset)
        return true;
    return hak_target_read(&source->target, 0, &source->header, sizeof source->header) &&
           source->header.profile.offset &&
           source->header.profile.entry_bytes == sizeof(struct hak_profile_area);
}

static uint64_t count_at(const struct hak_profile_source *source, uint64_t offset) {
    uint64_t count = 0;
    read_area(source, offset, &count, sizeof count);
    return count;
}

static bool header_fits(const struct hak_stats_header *header) {
    bool has_area = header->profile.entry_bytes == sizeof(struct hak_profile_area);
    return header->header_bytes >= sizeof *header &&
           (has_area || (header->kind == HAK_STATS_PRIVATE && header->profile.offset == 0));
}

enum hak_stat_error hak_source_open(struct hak_profile_source *source, pid_t pid, bool from_start) {
    memset(source, 0, sizeof *source);
    enum hak_stat_error error = hak_target_open(&source->target, pid);
    if (error == HAK_STAT_OK &&
        !hak_target_read(&source->target, 0, &source->header, sizeof source->header))
        error = HAK_STAT_NO_PROCESS;
    if (error == HAK_STAT_OK && source->header.rows.count == 0)
        error = HAK_STAT_NO_HAKMEM;
    if (error == HAK_STAT_OK && !header_fits(&source->header))
        error = HAK_STAT_OTHER_LAYOUT;
    if (error != HAK_STAT_OK) {
        hak_target_close(&source->target);
        return error;
    }
    if (source->header.kind == HAK_STATS_SHARED)
        source->control = hak_target_control(&source->target, source->header.control_id);
    source->next = source->next_free = 1;
    if (!from_start && find_area(source)) {
        source->next = count_at(source, AT(taken)) + 1;
        source->next_free = count_at(source, AT(freed)) + 1;
    }
    hak_source_publish(source);
    return HAK_STAT_OK;
}

void hak_source_close(struct hak_profile_source *source) {
    if (source->control)
        shmdt(source->control);
    source->control = NULL;
    hak_target_close(&source->target);
}

/* A word of the control page, by its distance. relaxed: a wish, or a number that orders nothing. */
static bool write_control(const struct hak_profile_source *source, size_t offset, uint64_t value) {
    if (source->control) {
        _Atomic uint64_t *word = (void *)((char *)source->control + offset);
        atomic_store_explicit(word, value, memory_order_relaxed);
        return true;
    }
    if (source->header.kind != HAK_STATS_PRIVATE || source->header.control == 0)
        return false;
    uint64_t there = source->target.base + source->header.control + offset;
    struct iovec local = {&value, sizeof value};
    struct iovec remote = {(void *)(uintptr_t)there, sizeof value};
    return process_vm_writev(source->target.pid, &local, 1, &remote, 1, 0) == (ssize_t)sizeof value;
}

void hak_source_set_mean(const struct hak_profile_source *source, uint64_t mean_bytes) {
    write_control(source, offsetof(struct hak_stats_control, sample_mean), mean_bytes);
}

void hak_source_publish(const struct hak_profile_source *source) {
    write_control(source, offsetof(struct hak_stats_control, samples_read), source->next - 1);
    write_control(source, offsetof(struct hak_stats_control, frees_read), source->next_free - 1);
}

bool hak_source_ask(const struct hak_profile_source *source, unsigned seconds) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    return write_control(source, offsetof(struct hak_stats_control, profile_until_ms),
                         seconds ? now_ms + seconds * UINT64_C(1000) : 0);
}

static bool sample_is_sane(const struct hak_profile_sample *sample) {
    unsigned count = sample->register_count;
    return count > 1 && count <= HAK_PROFILE_REGISTERS && sample->stack_register < count &&
           sample->stack_bytes <= sizeof sample->stack;
}

/* What became of a slot that should hold a certain number. */
enum slot { SLOT_READ, SLOT_EARLIER, SLOT_LATER };

/* Copies a slot, whose first word is its number, 0 while it is written. */
static enum slot read_slot(const struct hak_profile_source *source, uint64_t place, uint64_t number,
                           void *to, size_t bytes) {
    uint64_t before = 0, after = 0;
    if (!read_area(source, place, &before, sizeof before) || before < number)
        return SLOT_EARLIER;
    atomic_thread_fence(memory_order_acquire); /* pairs with the release of the number */
    if (before > number || !read_area(source, place, to, bytes))
        return SLOT_LATER;
    atomic_thread_fence(memory_order_acquire); /* the copy is complete before the second look */
    return read_area(source, place, &after, sizeof after) && after == number ? SLOT_READ
                                                                             : SLOT_LATER;
}

/* Reads on in a ring; what was overwritten is lost. A slot that is still written stops us. */
static bool read_next(const struct hak_profile_source *source, uint64_t ring, uint64_t slots,
                      uint64_t *next, uint64_t *lost, uint64_t last, void *to, size_t bytes) {
    while (*next <= last) {
        uint64_t place = ring + (*next - 1) % slots * bytes;
        enum slot slot = read_slot(source, place, *next, to, bytes);
        if (slot == SLOT_EARLIER)
            return false;
        ++*next;
        if (slot == SLOT_READ)
            return true;
        ++*lost;
    }
    return false;
}

uint64_t hak_source_taken(struct hak_profile_source *source) {
    return find_area(source) ? count_at(source, AT(taken)) : 0;
}

uint64_t hak_source_freed(struct hak_profile_source *source) {
    return find_area(source) ? count_at(source, AT(freed)) : 0;
}

bool hak_source_read(struct hak_profile_source *source, struct hak_profile_sample *sample) {
    while (find_area(source) &&
           read_next(source, AT(slot), HAK_PROFILE_SLOTS, &source->next, &source->lost,
                     count_at(source, AT(taken)), sample, sizeof *sample)) {
        if (sample_is_sane(sample))
            return true;
        source->lost++;
    }
    return false;
}

bool hak_source_read_free(struct hak_profile_source *source, struct hak_profile_free *ended) {
    return find_area(source) &&
           read_next(source, AT(free), HAK_PROFILE_FREES, &source->next_free, &source->lost_frees,
                     count_at(source, AT(freed)), ended, sizeof *ended);
}

FILE *hak_source_maps(const struct hak_profile_source *source, char **ret_text) {
    uint32_t bytes = 0;
    read_area(source, AT(maps_bytes), &bytes, sizeof bytes);
    *ret_text = bytes && bytes <= HAK_PROFILE_MAPS_BYTES ? malloc(bytes) : NULL;
    if (!*ret_text || !read_area(source, AT(maps), *ret_text, bytes))
        return NULL;
    return fmemopen(*ret_text, bytes, "r");
}
