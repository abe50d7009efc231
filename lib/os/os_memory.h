/* SPDX-License-Identifier: MIT */
/*
 * Owns every memory system call. Callable by any layer above, by any thread, and never while a lock
 * is held that malloc can wait on. Every function keeps errno: the api layer alone sets it.
 *
 * Life of an address range:  plan and place, or reserve (no access) and commit -> use, reads as
 * zero
 * -> purge (zero again, resident no more, address space stays).
 */
#ifndef HAK_OS_MEMORY_H
#define HAK_OS_MEMORY_H

#include "base/compiler.h"

#include <stdatomic.h>

/* OS page size, read at run time by hak_os_memory_start(); read-only afterwards. */
extern size_t hak_os_page_bytes HAK_SEALED;

void hak_os_memory_start(void);

/* True if memory of whatever origin can be read. Brings it in. Overflow is the caller's concern. */
bool hak_os_is_readable(const void *start, size_t bytes);

/* True if the range was given out by brk. */
bool hak_os_is_in_brk(uintptr_t start, size_t bytes);

/*
 * An address, aligned (a power of two), with probably `bytes` of free address space behind it: a
 * random place far from where the kernel maps by itself. Claims nothing, so a plan costs nothing
 * under RLIMIT_AS. 0: the address space is too small for it.
 */
uintptr_t hak_os_plan(size_t bytes, size_t alignment);

/* Maps usable zero pages exactly at `start`, if nothing is mapped there. */
enum hak_placing { HAK_PLACED, HAK_PLACE_TAKEN, HAK_PLACE_FAILED };
enum hak_placing hak_os_place(void *start, size_t bytes);

/*
 * The same in 2 MiB pages of the kernel's pool (hugetlb), all of them there: a shortage shows here,
 * not by SIGBUS when they are touched. HAK_PLACE_FAILED: nothing changed.
 */
enum hak_placing hak_os_place_pooled(void *start, size_t bytes);

/* Claims address space, aligned (a power of two >= the OS page). NULL when it can't be had. */
void *hak_os_reserve(size_t bytes, size_t alignment);
void hak_os_unreserve(void *start, size_t bytes);

/* Maps usable zero pages wherever the system likes, aligned as above. NULL: it gives none. */
void *hak_os_map(size_t bytes, size_t alignment);

/* Takes pages back so that they count against no limit: what was placed is mapped no more, what is
 * part of a reservation is as when it was reserved. False: nothing changed. */
bool hak_os_withdraw(void *start, size_t bytes, bool is_reserved);

/* Makes reserved space usable; new space reads as zero. False: some of it may be usable. */
bool hak_os_commit(void *start, size_t bytes);

/* Makes pages inaccessible; hak_os_commit() is the way back. False: all of them are usable. */
bool hak_os_make_inaccessible(void *start, size_t bytes);

/* Gives pages back at once. True: the range now reads as zero. False: contents are unknown. */
bool hak_os_purge(void *start, size_t bytes);

/*
 * After mlockall(MCL_FUTURE) new mappings are locked, and the system brings all their pages in, but
 * for MCL_ONFAULT. Memory that was just mapped, and is not used yet, gives them back: it is locked
 * still, page by page as it is used. That it was locked is known from then on.
 */
void hak_os_drop_locked(void *start, size_t bytes);

/* relaxed: a hint; there is no way back, since nobody says when munlockall() was called. */
extern _Atomic bool hak_os_is_locked;

/* Allows the system to take pages when it needs them. True: contents are unknown from now on. */
bool hak_os_purge_lazily(void *start, size_t bytes);

/* Brings writable pages in at once, cheaper than a fault for each; a kernel that can't be asked for
 * that has a fault for each now. Contents stay. What can't be had now comes when it is used. */
void hak_os_populate(void *start, size_t bytes);

/* Huge pages are welcome, or unwelcome, from now on; where the kernel has none, nothing happens. */
void hak_os_advise_huge(void *start, size_t bytes, bool is_welcome);

/*
 * True if the process has as many mappings as vm.max_map_count allows, asked with inaccessible
 * pages of its own: a change in their midst fails for this reason alone.
 */
#define HAK_OS_PROBE_PAGES 3u
bool hak_os_maps_are_full(void *pages);

/* Leaves a range out of core dumps, or no longer. False: some of it may be in them, which is no
 * harm. */
bool hak_os_exclude_from_dumps(void *start, size_t bytes, bool is_excluded);

/* The advice that fresh pages over old ones get; set once at start. */
extern bool hak_os_renewed_is_huge HAK_SEALED;

/*
 * Maps fresh zero pages over a committed range. Whatever the program or a move did to the mapping
 * is undone: protection, advice, files, holes, and its division. False: nothing changed.
 */
bool hak_os_renew(void *start, size_t bytes);

/*
 * True if the range is part of one mapping, so that protection and advice are the same everywhere,
 * or if the kernel does not say. Something must be mapped right behind it.
 */
bool hak_os_is_one_mapping(void *start, size_t bytes);

/*
 * Gives a range of one mapping, whose content nobody needs, the usual protection and advice about
 * fork, dumps, merging and order of access. False: it is no private memory, or can't be mended.
 */
bool hak_os_mend(void *start, size_t bytes);

/*
 * Moves the pages of a committed range to the start of another, whose rest reads as zero then.
 * HAK_MOVED: the source is still mapped and reads as zero; until they are renewed, both are
 * mappings of their own. HAK_NOT_MOVED: the source is as it was, the target usable.
 * HAK_TARGET_LOST: the source is as it was; nothing is mapped at the target, and nothing could be.
 */
enum hak_move { HAK_MOVED, HAK_NOT_MOVED, HAK_TARGET_LOST };
enum hak_move hak_os_move(void *from, size_t bytes, void *to, size_t to_bytes);

#endif
