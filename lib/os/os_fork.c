/* SPDX-License-Identifier: MIT */
/*
 * Owns the page of the mark. Invariant: the mark is HAK_FORK_SEEN before the start, and from each
 * recovery to the next fork; where the page is one that children lack, it is never so after the
 * start, and every look asks the kernel.
 */
#define _GNU_SOURCE
#include "os/os_fork.h"

#include "os/os_futex.h"
#include "os/os_memory.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

#define HAK_NAP_MS 1u /* a recovery takes some microseconds, and wakes nobody */

static _Atomic uint32_t private_mark = HAK_FORK_SEEN;
_Atomic uint32_t *hak_fork_mark HAK_SEALED = &private_mark;
/* used: with link-time optimisation clang would make a flag of it, and that one is not sealed. */
__attribute__((used)) static void (*recover_child)(void) HAK_SEALED = NULL;
static void *absent_in_children; /* NULL: the mark is cleared, or nothing can be had */

static void *map_page(int advice) {
    void *page =
        mmap(NULL, hak_os_page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return NULL;
    if (madvise(page, hak_os_page_bytes, advice) == 0)
        return page;
    munmap(page, hak_os_page_bytes);
    return NULL;
}

bool hak_os_fork_is_noticed(void) {
    return hak_fork_mark != &private_mark || absent_in_children;
}

void hak_os_fork_start(void (*recover)(void)) {
    int saved_errno = errno;
    recover_child = recover;
    if (hak_os_fork_is_noticed())
        return; /* an earlier start ran out of memory later on */
    _Atomic uint32_t *mark = map_page(MADV_WIPEONFORK);
    if (mark) {
        atomic_store_explicit(mark, HAK_FORK_SEEN, memory_order_relaxed);
        hak_fork_mark = mark;
    } else {
        absent_in_children = map_page(MADV_DONTFORK);
        if (absent_in_children)
            atomic_store_explicit(&private_mark, HAK_FORK_UNSEEN, memory_order_relaxed);
    }
    errno = saved_errno;
}

/* Of a page that children lack. */
static bool is_absent(void *page) {
    unsigned char is_resident;
    int saved_errno = errno;
    bool is_purged = mincore(page, hak_os_page_bytes, &is_resident) != 0 && errno == ENOMEM;
    errno = saved_errno;
    return is_purged;
}

/* The thread that forked is the child's first. libc remembers the parent's ids where the fork was
 * none of its own. */
bool hak_os_fork_is_first_thread(void) {
    return syscall(SYS_gettid) == syscall(SYS_getpid);
}

/* False: another thread does, or has done. */
static bool begin(uint32_t *ret_seen) {
    *ret_seen = HAK_FORK_UNSEEN;
    /* acquire pairs with the release in end */
    return atomic_compare_exchange_strong_explicit(hak_fork_mark, ret_seen, hak_thread_name(),
                                                   memory_order_acquire, memory_order_acquire);
}

static void end(void) {
    uint32_t next = HAK_FORK_SEEN;
    if (absent_in_children) {
        absent_in_children = map_page(MADV_DONTFORK);
        next = absent_in_children ? HAK_FORK_UNSEEN : HAK_FORK_SEEN;
    }
    /* release pairs with the acquires in begin and in hak_os_fork_is_unseen */
    atomic_store_explicit(hak_fork_mark, next, memory_order_release);
}

static void attend(void) {
    uint32_t seen;
    while (!begin(&seen)) {
        if (seen == HAK_FORK_SEEN || seen == hak_thread_name())
            return;
        hak_os_futex_wait(hak_fork_mark, seen, HAK_NAP_MS);
    }
    recover_child();
    end();
}

void hak_os_fork_attend(void) {
    if (!absent_in_children || is_absent(absent_in_children))
        attend();
}

void hak_os_fork_attend_child(void) {
    if (!hak_os_fork_is_noticed())
        atomic_store_explicit(hak_fork_mark, HAK_FORK_UNSEEN, memory_order_relaxed);
    hak_os_fork_attend();
}
