/* SPDX-License-Identifier: MIT */
/*
 * Owns mmap, munmap, mprotect, madvise and mremap. Thread-safe without locks: each call concerns a
 * range that its caller alone decides about. Invariant: errno is unchanged.
 */
#define _GNU_SOURCE
#include "os/os_memory.h"

#include "base/bits.h"
#include "os/os_random.h"

#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#define MADV_KEEPONFORK 19
#endif

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

#define HAK_RENEW_TRIES 100u
#define HAK_MAP_HUGE_2MB (21 << 26)
#define HAK_MADV_DONTNEED_LOCKED 24 /* Linux 5.18 */
#define HAK_MADV_POPULATE_WRITE 23  /* Linux 5.14; not in every libc's headers */

size_t hak_os_page_bytes = 4096;
bool hak_os_renewed_is_huge;

static uintptr_t brk_start HAK_SEALED; /* or some address below it, behind the program */

/* Where the kernel put the program: what brk gives out lies behind it. */
static uintptr_t program_end(void) {
    const ElfW(Phdr) *header = (const ElfW(Phdr) *)getauxval(AT_PHDR);
    size_t count = header ? (size_t)getauxval(AT_PHNUM) : 0;
    uintptr_t bias = 0, end = 0;
    for (size_t i = 0; i < count; i++)
        if (header[i].p_type == PT_PHDR)
            bias = (uintptr_t)header - header[i].p_vaddr;
    for (size_t i = 0; i < count; i++)
        if (header[i].p_type == PT_LOAD)
            end = hak_max(end, bias + header[i].p_vaddr + header[i].p_memsz);
    return end;
}

/* sbrk(0) makes a system call the first time at most, which is here: brk may be forbidden later. A
 * program that ld.so was told to run may lie above what brk gives out. */
void hak_os_memory_start(void) {
    size_t page_bytes = (size_t)getauxval(AT_PAGESZ);
    if (hak_is_power_of_two(page_bytes))
        hak_os_page_bytes = page_bytes;
    brk_start = hak_min(program_end(), (uintptr_t)sbrk(0));
}

bool hak_os_is_in_brk(uintptr_t start, size_t bytes) {
    uintptr_t end = (uintptr_t)sbrk(0);
    return start >= brk_start && start < end && bytes <= end - start;
}

/*
 * POPULATE_READ (Linux 5.14, EINVAL before) tells what can be read: EFAULT or ENOMEM is no.
 * WILLNEED tells what is mapped: ENOMEM is no, and EBADF comes from a kernel without swap. A
 * sandbox that forbids the question (EPERM, ENOSYS) gets no report of ours.
 */
bool hak_os_is_readable(const void *start, size_t bytes) {
    int saved_errno = errno;
    uintptr_t first = hak_round_down((uintptr_t)start, hak_os_page_bytes);
    size_t length = hak_round_up((uintptr_t)start + bytes, hak_os_page_bytes) - first;
    bool done = madvise((void *)first, length, MADV_POPULATE_READ) == 0;
    if (!done && errno == EINVAL)
        done = madvise((void *)first, length, MADV_WILLNEED) == 0 || errno == EBADF;
    bool is_readable = done || errno == EPERM || errno == ENOSYS;
    errno = saved_errno;
    return is_readable;
}

/* The stack lies in the topmost part of the user's address space, whatever its width. */
static size_t address_space_bytes(void) {
    char here;
    return (size_t)1 << (hak_log2_floor((uintptr_t)&here) + 1);
}

/*
 * From 11 to 14 sixteenths of the address space: above programs, which lie at two thirds at most,
 * and their heaps, and below libraries, mappings and stacks, which grow down from its end. What is
 * free below stays one piece, in which the program finds room for the largest of its own.
 */
uintptr_t hak_os_plan(size_t bytes, size_t alignment) {
    static _Atomic uint64_t plans;
    size_t space = address_space_bytes();
    size_t first = space / 16 * 11;
    size_t room = space / 16 * 3;
    if (bytes > room / 2 || HAK_FOREIGN_PLACES)
        return 0;
    /* relaxed: only to be another number each time */
    uint64_t plan = atomic_fetch_add_explicit(&plans, 1, memory_order_relaxed);
    return hak_round_down(first + hak_os_random(plan) % (room - bytes), alignment);
}

/*
 * Kernels before 4.17 take the address for a hint: then the place isn't ours. Emulators do, too.
 * A failure maps nothing.
 */
static enum hak_placing place(void *start, size_t bytes, int flags) {
    int saved_errno = errno;
    enum hak_placing result = HAK_PLACED;
    void *got = mmap(start, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | flags, -1, 0);
    if (got == MAP_FAILED)
        result = errno == EEXIST ? HAK_PLACE_TAKEN : HAK_PLACE_FAILED;
    else if (got != start) {
        munmap(got, bytes);
        result = HAK_PLACE_FAILED;
    }
    errno = saved_errno;
    return result;
}

enum hak_placing hak_os_place(void *start, size_t bytes) {
    return place(start, bytes, 0);
}

static bool advise_populate(void *start, size_t bytes) {
    int saved_errno = errno;
    bool done = madvise(start, bytes, HAK_MADV_POPULATE_WRITE) == 0;
    errno = saved_errno;
    return done;
}

/* The mapping reserves its pages, but a control group or node that has none shows when they are
 * brought in: by SIGBUS if they are written to. Where that can't be asked without (before Linux
 * 5.14), such pages are not used. */
enum hak_placing hak_os_place_pooled(void *start, size_t bytes) {
    enum hak_placing result = place(start, bytes, MAP_HUGETLB | HAK_MAP_HUGE_2MB);
    if (result != HAK_PLACED || advise_populate(start, bytes))
        return result;
    hak_os_unreserve(start, bytes);
    return HAK_PLACE_FAILED;
}

static void *map(size_t bytes, int protection) {
    void *start = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return start == MAP_FAILED ? NULL : start;
}

/* What munmap may refuse at vm.max_map_count, where the kernel joined the mapping with another, is
 * address space that stays out of use. */
static void *map_aligned(size_t bytes, size_t alignment, int protection) {
    int saved_errno = errno;
    size_t slack = alignment > hak_os_page_bytes ? alignment : 0;
    char *start = map(bytes + slack, protection);
    if (start && slack) {
        char *aligned = (char *)hak_round_up((uintptr_t)start, alignment);
        size_t before = (size_t)(aligned - start);
        if (before)
            munmap(start, before);
        if (slack - before)
            munmap(aligned + bytes, slack - before);
        start = aligned;
    }
    errno = saved_errno;
    return start;
}

void *hak_os_reserve(size_t bytes, size_t alignment) {
    return map_aligned(bytes, alignment, PROT_NONE);
}

void *hak_os_map(size_t bytes, size_t alignment) {
    return map_aligned(bytes, alignment, PROT_READ | PROT_WRITE);
}

bool hak_os_withdraw(void *start, size_t bytes, bool is_reserved) {
    int saved_errno = errno;
    bool done = is_reserved ? mmap(start, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                                   -1, 0) != MAP_FAILED
                            : munmap(start, bytes) == 0;
    errno = saved_errno;
    return done;
}

/* At vm.max_map_count a hole in a longer mapping may be refused: then the range stays mapped. */
void hak_os_unreserve(void *start, size_t bytes) {
    int saved_errno = errno;
    munmap(start, bytes);
    errno = saved_errno;
}

/*
 * mprotect of several mappings is done one by one: when a later one is refused (ENOMEM, for
 * vm.max_map_count or overcommit), the earlier ones are changed. More access than was there does no
 * harm; less would.
 */
bool hak_os_commit(void *start, size_t bytes) {
    int saved_errno = errno;
    bool done = mprotect(start, bytes, PROT_READ | PROT_WRITE) == 0;
    errno = saved_errno;
    return done;
}

bool hak_os_make_inaccessible(void *start, size_t bytes) {
    int saved_errno = errno;
    bool done = mprotect(start, bytes, PROT_NONE) == 0;
    if (!done)
        mprotect(start, bytes, PROT_READ | PROT_WRITE); /* needs no mapping more than there were */
    errno = saved_errno;
    return done;
}

_Atomic bool hak_os_is_locked;

/* Linux from 5.18 on; earlier ones take back no page that is locked. */
static bool drop_locked(void *start, size_t bytes) {
    return errno == EINVAL && madvise(start, bytes, HAK_MADV_DONTNEED_LOCKED) == 0;
}

static bool drop(void *start, size_t bytes) {
    return madvise(start, bytes, MADV_DONTNEED) == 0 || drop_locked(start, bytes);
}

void hak_os_drop_locked(void *start, size_t bytes) {
    int saved_errno = errno;
    if (madvise(start, bytes, MADV_DONTNEED) != 0 && errno == EINVAL) {
        atomic_store_explicit(&hak_os_is_locked, true, memory_order_relaxed);
        drop_locked(start, bytes);
    }
    errno = saved_errno;
}

/*
 * Emulators of the kernel have been seen to ignore MADV_DONTNEED and to call it done. calloc relies
 * on the zeroes, so the first purge is looked at.
 */
static bool purge_zeroes(volatile char *start, size_t bytes) {
    static _Atomic char verdict; /* 0 not known, 'y', 'n'; relaxed: every thread finds the same */
    char known = atomic_load_explicit(&verdict, memory_order_relaxed);
    if (known == 'n')
        return false;
    bool is_probed = !known && bytes;
    if (is_probed)
        *start = 1;
    bool done = drop((char *)start, bytes);
    if (is_probed && done) {
        known = *start == 0 ? 'y' : 'n';
        atomic_store_explicit(&verdict, known, memory_order_relaxed);
    }
    return done && known == 'y';
}

/* MADV_DONTNEED refuses locked and hugetlb pages (EINVAL), perhaps when it has begun: content is
 * unknown then, until it is mapped anew. */
bool hak_os_purge(void *start, size_t bytes) {
    int saved_errno = errno;
    bool done = purge_zeroes(start, bytes);
    errno = saved_errno;
    return done || hak_os_renew(start, bytes);
}

/* MADV_FREE (Linux 4.5) refuses locked pages (EINVAL), and may have begun. */
bool hak_os_purge_lazily(void *start, size_t bytes) {
    int saved_errno = errno;
    bool done = madvise(start, bytes, MADV_FREE) == 0;
    errno = saved_errno;
    return done;
}

/* EINVAL may be about the pages: nothing is wrong with none of them. A sandbox says EPERM or
 * ENOSYS. */
static bool knows_populate(void *start) {
    return madvise(start, 0, HAK_MADV_POPULATE_WRITE) == 0;
}

/* A write that changes nothing; a byte other than zero shows that its page was written before.
 * relaxed: pairs with nothing; atomic, because what shares the first or last page may be in use. */
static void touch_pages(char *start, size_t bytes) {
    for (size_t at = 0; at < bytes; at += hak_os_page_bytes) {
        unsigned char zero = 0;
        atomic_compare_exchange_strong_explicit((volatile _Atomic unsigned char *)(start + at),
                                                &zero, 0, memory_order_relaxed,
                                                memory_order_relaxed);
    }
}

/* A failure (ENOMEM, EFAULT, EHWPOISON) may have brought some pages in; the rest come by faults. */
void hak_os_populate(void *start, size_t bytes) {
    static _Atomic bool is_unknown; /* relaxed: every thread finds the same */
    int saved_errno = errno;
    if (!atomic_load_explicit(&is_unknown, memory_order_relaxed) && !advise_populate(start, bytes))
        atomic_store_explicit(&is_unknown, !knows_populate(start), memory_order_relaxed);
    if (atomic_load_explicit(&is_unknown, memory_order_relaxed))
        touch_pages(start, bytes);
    errno = saved_errno;
}

/* A kernel without huge pages says EINVAL. */
void hak_os_advise_huge(void *start, size_t bytes, bool is_welcome) {
    int saved_errno = errno;
    madvise(start, bytes, is_welcome ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    errno = saved_errno;
}

bool hak_os_maps_are_full(void *pages) {
    int saved_errno = errno;
    char *middle = (char *)pages + hak_os_page_bytes;
    bool is_full = mprotect(middle, hak_os_page_bytes, PROT_READ) != 0 && errno == ENOMEM;
    mprotect(pages, HAK_OS_PROBE_PAGES * hak_os_page_bytes, PROT_NONE); /* one mapping again */
    errno = saved_errno;
    return is_full;
}

bool hak_os_exclude_from_dumps(void *start, size_t bytes, bool is_excluded) {
    int saved_errno = errno;
    bool done = madvise(start, bytes, is_excluded ? MADV_DONTDUMP : MADV_DODUMP) == 0;
    if (!done && is_excluded) /* of several mappings, some may be unmapped now */
        madvise(start, bytes, MADV_DODUMP);
    errno = saved_errno;
    return done;
}

static bool map_anew(void *start, size_t bytes) {
    return mmap(start, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                0) != MAP_FAILED;
}

/* WILLNEED of anonymous memory does nothing, or reads from swap. */
static bool is_mapped(void *start, size_t bytes) {
    return madvise(start, bytes, MADV_WILLNEED) == 0 || errno != ENOMEM;
}

/*
 * At vm.max_map_count mmap refuses before it does anything. But under strict overcommit it unmaps
 * what was there before it finds, because another thread was quicker, that memory is short (ENOMEM,
 * before Linux 6.12): then what was given up just now is asked for again.
 */
bool hak_os_renew(void *start, size_t bytes) {
    int saved_errno = errno;
    bool done = map_anew(start, bytes);
    for (unsigned tries = HAK_RENEW_TRIES; !done && tries && !is_mapped(start, bytes); tries--)
        done = map_anew(start, bytes);
    if (done) /* else it would not become one mapping with its neighbours */
        hak_os_advise_huge(start, bytes, hak_os_renewed_is_huge);
    errno = saved_errno;
    return done;
}

/*
 * Asks to lengthen the range by the page behind it, in place, where something is mapped already.
 * That fails with ENOMEM (EAGAIN if it is locked), but with EFAULT if the range is no single
 * mapping, which the kernel finds first. If it is done, the program had unmapped that page, or
 * another thread just has, whose page it was: then nothing is mapped there again.
 */
bool hak_os_is_one_mapping(void *start, size_t bytes) {
    int saved_errno = errno;
    bool is_done = mremap(start, bytes, bytes + hak_os_page_bytes, 0) != MAP_FAILED;
    bool is_split = is_done || errno == EFAULT;
    if (is_done)
        munmap((char *)start + bytes, hak_os_page_bytes);
    errno = saved_errno;
    return !is_split;
}

/*
 * WIPEONFORK (Linux 4.14) is refused for all but private anonymous memory; a fork just now finds a
 * free range empty, which does no harm. Advice that the kernel was built without is an error of no
 * interest.
 */
bool hak_os_mend(void *start, size_t bytes) {
    static const int plain_advice[] = {MADV_KEEPONFORK, MADV_DOFORK, MADV_DODUMP, MADV_UNMERGEABLE,
                                       MADV_NORMAL};
    int saved_errno = errno;
    bool done = madvise(start, bytes, MADV_WIPEONFORK) == 0 &&
                mprotect(start, bytes, PROT_READ | PROT_WRITE) == 0;
    for (unsigned i = 0; i < sizeof plain_advice / sizeof plain_advice[0]; i++)
        madvise(start, bytes, plain_advice[i]);
    errno = saved_errno;
    return done;
}

/* The target of a failed move may be unmapped. The content goes back where it came from. */
static enum hak_move take_back(void *between, void *from, size_t bytes, void *to, size_t to_bytes) {
    bool is_mapped = hak_os_renew(to, to_bytes);
    memcpy(from, between, bytes);
    munmap(between, bytes);
    return is_mapped ? HAK_NOT_MOVED : HAK_TARGET_LOST;
}

/*
 * Two steps, because a move onto a target unmaps the target first and may fail then: of a source of
 * several mappings nothing is moved before Linux 6.17 (EFAULT), and perhaps a part of it since. The
 * first step has no target, and refuses such a source as a whole. DONTUNMAP (Linux 5.7, EINVAL
 * before) keeps the source mapped: no hole that another thread's mmap could fall into. RLIMIT_AS,
 * RLIMIT_DATA and overcommit may refuse the address space for what is between (ENOMEM).
 */
enum hak_move hak_os_move(void *from, size_t bytes, void *to, size_t to_bytes) {
    int saved_errno = errno;
    enum hak_move result = HAK_NOT_MOVED;
    void *between = mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
    if (between != MAP_FAILED) {
        void *moved = mremap(between, bytes, to_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to);
        result = moved == to ? HAK_MOVED : take_back(between, from, bytes, to, to_bytes);
    }
    errno = saved_errno;
    return result;
}
