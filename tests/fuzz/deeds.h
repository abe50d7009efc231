/* SPDX-License-Identifier: MIT */
/*
 * Owns the fuzzer's calls: what a file's next bytes ask for, and doing it against the model. For
 * calls.c alone; one thread at a time is in here.
 */
#ifndef TESTS_FUZZ_DEEDS_H
#define TESTS_FUZZ_DEEDS_H

#include "faults.h"
#include "model.h"

#include <fcntl.h>
#include <sys/wait.h>

enum { MOST_INPUT = 4096, MOST_MODEL_BYTES = 96 << 20 };

/* What a glibc of any age, or a program without libstdc++, may not have. */
void free_sized(void *block, size_t size) __attribute__((weak));
void free_aligned_sized(void *block, size_t alignment, size_t size) __attribute__((weak));
void *new_plain(size_t size, const void *nothrow) __asm__("_ZnwmRKSt9nothrow_t")
    __attribute__((weak));
void delete_plain(void *block) __asm__("_ZdlPv") __attribute__((weak));
size_t hakmem_purge(void) __attribute__((weak));

static unsigned char input[MOST_INPUT];
static size_t input_bytes, input_at;

static unsigned take(void) {
    return input_at < input_bytes ? input[input_at++] : 0;
}

static unsigned take_two(void) {
    unsigned low = take();
    return low | take() << 8;
}

/* The sizes that matter: small ones, the ends of classes, slabs, large ones, impossible ones. */
static size_t take_size(void) {
    unsigned kind = take(), value = take_two();
    size_t size = value & 511;
    switch (kind & 15) {
    case 4:
    case 5:
        size = value & 8191;
        break;
    case 6:
    case 7:
        size = value;
        break;
    case 8:
        size = ((size_t)16 << value % 13) + (value >> 12) - 8;
        break;
    case 9:
        size = 65536u - 64 + value % 128;
        break;
    case 10:
        size = value * (size_t)16;
        break;
    case 11:
        size = value * (size_t)128;
        break;
    case 12:
        size = ((size_t)value % 40 + 1) << 16;
        break;
    case 13:
        return value & 1 ? SIZE_MAX - value : (size_t)PTRDIFF_MAX - value + 32768;
    }
    return model_bytes + size > MOST_MODEL_BYTES ? size & 1023 : size;
}

/* One call: what it is to do is read by the main thread, and done by any. */
struct call {
    unsigned what;
    struct slot *slot;
    struct bulk *bulk;
    size_t size;
    unsigned value;
    unsigned tag;
};

static bool is_impossible(size_t size) {
    return size > PTRDIFF_MAX - 65536u * 2;
}

/* No memory is an answer if the system refused some, or if nobody could have it. */
static bool may_fail(size_t size, unsigned long faults_before) {
    return is_impossible(size) || atomic_load(&faults_met) != faults_before;
}

static void release(struct slot *slot, unsigned how) {
    void *bytes = slot->bytes;
    slot_check(slot);
    errno = 77;
    switch (how % 8) {
    case 0:
        if (bytes)
            MUST(realloc(bytes, 0) == NULL);
        break;
    case 1:
        free_sized && slot->bytes ? free_sized(bytes, slot->size) : free(bytes);
        break;
    case 2:
        free_aligned_sized && slot->bytes ? free_aligned_sized(bytes, slot->alignment, slot->size)
                                          : free(bytes);
        break;
    case 3:
        delete_plain ? delete_plain(bytes) : free(bytes);
        break;
    default:
        free(bytes);
    }
    MUST(errno == 77);
    slot_clear(slot);
}

/* *ret_alignment: what the block promises. */
static void *ask(const struct call *call, size_t *ret_alignment) {
    size_t size = call->size, alignment = (size_t)8 << call->value % 15;
    void *bytes = NULL;
    *ret_alignment = 16;
    switch (call->value >> 4 & 15) {
    case 0:
        return calloc(1, size);
    case 1:
        return calloc(size, 1);
    case 2:
        *ret_alignment = alignment;
        return memalign(alignment, size);
    case 3:
        *ret_alignment = alignment;
        return aligned_alloc(alignment, size);
    case 4:
        *ret_alignment = alignment;
        errno = ENOMEM;
        return posix_memalign(&bytes, alignment, size) ? NULL : bytes;
    case 5:
        *ret_alignment = 4096;
        return call->value & 1 ? valloc(size) : pvalloc(size);
    case 6:
        return reallocarray(NULL, 1, size);
    case 7:
        return new_plain ? new_plain(size, "") : malloc(size);
    default:
        return malloc(size);
    }
}

static void do_allocate(const struct call *call) {
    unsigned long faults = atomic_load(&faults_met);
    size_t alignment;
    if (call->slot->bytes)
        release(call->slot, call->tag);
    errno = 0;
    void *bytes = ask(call, &alignment);
    if (!bytes) {
        MUST(may_fail(call->size, faults) && errno == ENOMEM);
        return;
    }
    MUST(!is_impossible(call->size));
    if ((call->value >> 4 & 15) < 2)
        MUST(check_zero(bytes, call->size));
    slot_set(call->slot, bytes, call->size, alignment, call->tag);
}

static void do_resize(const struct call *call) {
    struct slot *slot = call->slot, old = *slot;
    unsigned long faults = atomic_load(&faults_met);
    slot_check(slot);
    errno = 0;
    size_t size = call->size ? call->size : 1;
    void *bytes = call->value & 1 ? reallocarray(slot->bytes, size, 1) : realloc(slot->bytes, size);
    if (!bytes) {
        MUST(may_fail(size, faults) && errno == ENOMEM);
        slot_check(slot);
        return;
    }
    MUST(!is_impossible(size));
    slot_check_to(&old, bytes, old.size < size ? old.size : size);
    if (old.bytes)
        slot_clear(slot);
    slot_set(slot, bytes, size, 16, call->tag);
}

static void do_bulk_make(const struct call *call) {
    struct bulk *bulk = call->bulk;
    unsigned long faults = atomic_load(&faults_met);
    if (bulk->count || is_impossible(call->size))
        return;
    bulk->size = call->size % 9000 + 1;
    for (unsigned wanted = call->value % BULK; bulk->count < wanted; bulk->count++) {
        void *bytes = malloc(bulk->size);
        MUST(bytes || atomic_load(&faults_met) != faults);
        if (!bytes)
            return;
        bulk->block[bulk->count] = bytes;
        bulk_mark(bulk, bulk->count);
    }
}

/* All, or one in two, from the front or from the back. */
static void do_bulk_free(const struct call *call) {
    struct bulk *bulk = call->bulk;
    unsigned step = 1 + (call->value & 1), kept = 0;
    for (unsigned i = 0; i < bulk->count; i++) {
        unsigned at = call->value & 2 ? bulk->count - 1 - i : i;
        bulk_check(bulk, at);
        if (i % step == 0) {
            free(bulk->block[at]);
            bulk->block[at] = NULL;
        }
    }
    for (unsigned i = 0; i < bulk->count; i++)
        if (bulk->block[i]) {
            bulk->block[kept] = bulk->block[i];
            bulk_mark(bulk, kept++);
        }
    bulk->count = kept;
}

/* What malloc_stats says is nobody's concern. */
static void write_report(void) {
    int null = open("/dev/null", O_WRONLY), errors = dup(STDERR_FILENO);
    dup2(null, STDERR_FILENO);
    malloc_stats();
    dup2(errors, STDERR_FILENO);
    close(errors);
    close(null);
}

static void do_ask_about(const struct call *call) {
    switch (call->value % 5) {
    case 0:
        malloc_trim(0);
        break;
    case 1:
        (void)mallinfo2();
        break;
    case 2:
        MUST(malloc_usable_size(call->slot->bytes) >= call->slot->size);
        break;
    case 3:
        if (hakmem_purge)
            hakmem_purge();
        break;
    default:
        write_report();
    }
}

/* The child sees every block as it was, and can work. */
static void do_fork(const struct call *call) {
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        void *some[8];
        fault_disarm();
        check_all_slots();
        if (call->slot->bytes)
            release(call->slot, call->value);
        for (size_t i = 0; i < 8; i++)
            MUST((some[i] = calloc(1, (size_t)1 << (i * 2 + 3))) != NULL);
        for (size_t i = 0; i < 8; i++)
            free(some[i]);
        malloc_trim(0);
        _exit(0);
    }
    if (child > 0)
        MUST(waitpid(child, &status, 0) == child && WIFEXITED(status) && !WEXITSTATUS(status));
}

static void do_call(const struct call *call) {
    switch (call->what) {
    case 0:
        model_call = "resize";
        do_resize(call);
        break;
    case 1:
        model_call = "free";
        release(call->slot, call->value);
        break;
    case 2:
        model_call = "bulk make";
        do_bulk_make(call);
        break;
    case 3:
        model_call = "bulk free";
        do_bulk_free(call);
        break;
    case 4:
        model_call = "statistics";
        do_ask_about(call);
        break;
    case 5:
        model_call = "fork";
        do_fork(call);
        break;
    default:
        model_call = "allocate";
        do_allocate(call);
    }
}

#endif
