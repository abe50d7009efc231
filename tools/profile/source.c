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
    source->next = 1;
    if (!from_start && find_area(source)) {
        uint64_t taken = 0;
        read_area(source, AT(taken), &taken, sizeof taken);
        source->next = taken + 1;
    }
    return HAK_STAT_OK;
}

void hak_source_close(struct hak_profile_source *source) {
    if (source->control)
        shmdt(source->control);
    source->control = NULL;
    hak_target_close(&source->target);
}

static bool write_wish(const struct hak_profile_source *source, uint64_t until_ms) {
    if (source->control) {
        /* relaxed: a wish */
        atomic_store_explicit(&source->control->profile_until_ms, until_ms, memory_order_relaxed);
        return true;
    }
    if (source->header.kind != HAK_STATS_PRIVATE || source->header.control == 0)
        return false;
    uint64_t there = source->target.base + source->header.control +
                     offsetof(struct hak_stats_control, profile_until_ms);
    struct iovec local = {&until_ms, sizeof until_ms};
    struct iovec remote = {(void *)(uintptr_t)there, sizeof until_ms};
    return process_vm_writev(source->target.pid, &local, 1, &remote, 1, 0) ==
           (ssize_t)sizeof until_ms;
}

bool hak_source_ask(const struct hak_profile_source *source, unsigned seconds) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    return write_wish(source, seconds ? now_ms + seconds * UINT64_C(1000) : 0);
}

static bool sample_is_sane(const struct hak_profile_sample *sample) {
    unsigned count = sample->register_count;
    return count > 1 && count <= HAK_PROFILE_REGISTERS && sample->stack_register < count &&
           sample->stack_bytes <= sizeof sample->stack;
}

static bool read_slot(const struct hak_profile_source *source, uint64_t number,
                      struct hak_profile_sample *sample) {
    uint64_t slot = AT(slot) + (number - 1) % HAK_PROFILE_SLOTS * sizeof *sample;
    uint64_t before = 0, after = 0;
    if (!read_area(source, slot, &before, sizeof before) || before != number)
        return false;
    atomic_thread_fence(memory_order_acquire); /* pairs with the release of the number */
    if (!read_area(source, slot, sample, sizeof *sample))
        return false;
    atomic_thread_fence(memory_order_acquire); /* the copy is complete before the second look */
    return read_area(source, slot, &after, sizeof after) && after == number &&
           sample_is_sane(sample);
}

bool hak_source_read(struct hak_profile_source *source, struct hak_profile_sample *sample) {
    uint64_t taken = 0;
    if (!find_area(source) || !read_area(source, AT(taken), &taken, sizeof taken))
        return false;
    if (taken >= HAK_PROFILE_SLOTS && source->next <= taken - HAK_PROFILE_SLOTS) {
        source->lost += taken - HAK_PROFILE_SLOTS + 1 - source->next;
        source->next = taken - HAK_PROFILE_SLOTS + 1;
    }
    while (source->next <= taken) {
        if (read_slot(source, source->next, sample)) {
            source->next++;
            return true;
        }
        if (source->next == taken)
            return false; /* it is being written */
        source->next++;
        source->lost++;
    }
    return false;
}

void hak_source_each_live(const struct hak_profile_source *source,
                          void (*visit)(struct hak_profile *profile, uint64_t number),
                          struct hak_profile *profile) {
    uint64_t *live = malloc(HAK_PROFILE_LIVE * sizeof *live);
    if (live && read_area(source, AT(live), live, HAK_PROFILE_LIVE * sizeof *live))
        for (unsigned i = 0; i < HAK_PROFILE_LIVE; i++)
            if (live[i])
                visit(profile, live[i]);
    free(live);
}

uint64_t hak_source_missed(const struct hak_profile_source *source) {
    uint64_t missed = 0;
    read_area(source, AT(missed), &missed, sizeof missed);
    return missed;
}

FILE *hak_source_maps(const struct hak_profile_source *source, char **ret_text) {
    uint32_t bytes = 0;
    read_area(source, AT(maps_bytes), &bytes, sizeof bytes);
    *ret_text = bytes && bytes <= HAK_PROFILE_MAPS_BYTES ? malloc(bytes) : NULL;
    if (!*ret_text || !read_area(source, AT(maps), *ret_text, bytes))
        return NULL;
    return fmemopen(*ret_text, bytes, "r");
}
