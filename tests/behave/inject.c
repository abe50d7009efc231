/* SPDX-License-Identifier: MIT */
/*
 * The system refuses memory at any single call: this program defines mmap, munmap, mprotect,
 * madvise and mremap itself, for the library as well, and lets the nth call fail, or every call
 * from the nth on. Each case runs in a child; after the failure the blocks are whole and the work
 * goes on. The coarse clock, by which the library's fences go, is the program's too and goes with
 * the steps, so that on a slow machine the same calls come.
 */
#include "check.h"
#include "system.h"

#include <malloc.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>

enum { SLOTS = 250, STEPS = 6000, STEPS_PER_MS = 20, CASES = 28 };

static const char *const call_names[SYSTEM_CALLS] = {"mmap", "munmap", "mprotect", "madvise",
                                                     "mremap"};

static int counts[SYSTEM_CALLS];
static int fail_call = -1;
static int fail_from, fail_to;

static bool must_fail(enum system_call call) {
    int count = ++counts[call];
    if ((int)call != fail_call || count < fail_from || count > fail_to)
        return false;
    errno = ENOMEM;
    return true;
}

static atomic_ulong steps;

int clock_gettime(clockid_t clock, struct timespec *ret_now) {
    if (clock != CLOCK_MONOTONIC_COARSE)
        return (int)syscall(SYS_clock_gettime, clock, ret_now);
    unsigned long now_ms = 1000000 + atomic_load(&steps) / STEPS_PER_MS;
    ret_now->tv_sec = (time_t)(now_ms / 1000);
    ret_now->tv_nsec = (long)(now_ms % 1000) * 1000000;
    return 0;
}

static void *blocks[SLOTS];
static size_t sizes[SLOTS];

static size_t random_size(uint64_t random) {
    switch (random & 31) {
    case 0:
        return random >> 8 & 0x1fffff;
    case 1:
        return random >> 8 & 0xfffff;
    case 2:
    case 3:
    case 4:
        return random >> 8 & 0xffff;
    default:
        return random >> 8 & 1023;
    }
}

static void check_slot(unsigned at) {
    size_t seen = sizes[at] < 2000 ? sizes[at] : 2000;
    CHECK(check_filled(blocks[at], seen, at));
    CHECK(!blocks[at] || malloc_usable_size(blocks[at]) >= sizes[at]);
}

static void *attempt(unsigned at, uint64_t random, size_t size) {
    if (random >> 62 == 0)
        return calloc(1, size);
    if (random >> 62 == 1)
        return memalign((size_t)16 << (random >> 50 & 7), size);
    return random >> 62 == 2 && blocks[at] ? realloc(blocks[at], size) : malloc(size);
}

/* One failure may be met twice in a call's own second try, not more: patience 3 while it lasts. */
static void step(unsigned at, uint64_t random, bool may_fail) {
    size_t size = random_size(random >> 10) + 1;
    bool is_realloc = random >> 62 == 2 && blocks[at];
    void *block = NULL;
    check_slot(at);
    for (int patience = 0; !block && patience < 3; patience++) {
        errno = 0;
        block = attempt(at, random, size);
        CHECK(block || errno == ENOMEM);
    }
    if (!block) {
        CHECK(may_fail);
        check_slot(at);
        return;
    }
    if (is_realloc) {
        size_t kept = sizes[at] < size ? sizes[at] : size;
        CHECK(check_filled(block, kept < 2000 ? kept : 2000, at));
    } else {
        CHECK(random >> 62 || check_zero(block, size));
        free(blocks[at]);
    }
    blocks[at] = block;
    sizes[at] = size;
    check_fill(block, size < 2000 ? size : 2000, at);
}

static void work(bool may_fail) {
    uint64_t state = 424242;
    for (int i = 0; i < STEPS; i++) {
        uint64_t random = check_random(&state);
        atomic_fetch_add(&steps, 1);
        step((unsigned)(random % SLOTS), random, may_fail);
        if (i % 1500 == 1499)
            malloc_trim(0);
    }
}

static void go_on(void) {
    fail_call = -1;
    work(false);
    for (unsigned i = 0; i < SLOTS; i++) {
        check_slot(i);
        free(blocks[i]);
    }
}

static void be_refused(int call, int first, int last) {
    memset(counts, 0, sizeof counts);
    fail_from = first;
    fail_to = last;
    fail_call = last ? call : -1;
    work(last > first);
}

/* Runs one case in a child; last 0 asks only for the number of calls, which comes back by a pipe.
 */
static void run_case(int call, int first, int last, int *ret_counts) {
    int ends[2], status = 0;
    alarm(CHECK_HANG_SECONDS); /* one case may hang, and be noticed; all of them take long */
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(60);
        be_refused(call, first, last);
        CHECK(write(ends[1], counts, sizeof counts) == sizeof counts);
        go_on();
        _exit(0);
    }
    close(ends[1]);
    ssize_t got = read(ends[0], ret_counts, sizeof counts);
    close(ends[0]);
    CHECK(waitpid(child, &status, 0) == child);
    if (got != sizeof counts || !WIFEXITED(status) || WEXITSTATUS(status)) {
        fprintf(stderr, "%s refused from call %d to %d: status %#x\n", call_names[call], first,
                last, (unsigned)status);
        CHECK(!"the child passed");
    }
}

int main(void) {
    int usual[SYSTEM_CALLS], seen[SYSTEM_CALLS], call, from, to, cases = 0, missed = 0;
    /* CHECK_CASE="call from to", the call as a number: that case alone, here, for a debugger. */
    if (sscanf(getenv("CHECK_CASE") ? getenv("CHECK_CASE") : "", "%d %d %d", &call, &from, &to) ==
        3) {
        be_refused(call, from, to);
        go_on();
        return 0;
    }
    run_case(0, 0, 0, usual);
    CHECK(usual[MMAP] > 0 || usual[MPROTECT] > 0);
    for (call = 0; call < SYSTEM_CALLS; call++) {
        int stride = usual[call] / CASES + 1;
        for (int nth = 1; nth <= usual[call]; nth += nth < 12 ? 1 : stride) {
            run_case(call, nth, nth, seen);
            cases++;
            missed += seen[call] < nth;
        }
        for (int nth = 1; nth <= usual[call]; nth = nth * 2)
            run_case(call, nth, 1 << 30, seen);
    }
    CHECK(missed * 4 <= cases); /* a call refused may save later ones */
    return 0;
}
