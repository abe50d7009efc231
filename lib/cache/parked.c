/* SPDX-License-Identifier: MIT */
/*
 * Owns parked blocks. The heap lock protects a record's parked word and count, a heap's list of
 * such slabs and what it has to sort; the count is read without it as a hint. Invariant: a block is
 * in one place, so a slab with `capacity` blocks parked has none in a bin, in its free list or with
 * the program; its owner has nothing to do with its memory until it takes the slab off the list.
 *
 * A fork's child finds records and lists as some thread left them in the middle of a change: stores
 * come in an order that may lose a block at any moment, but never list it twice.
 *
 *   0 .. capacity - 1 parked -> PURGING (by the sender, without the lock) -> EMPTY or ZERO -> taken
 */
#include "cache/parked.h"

#include "base/bits.h"
#include "cache/abandoned.h"
#include "cache/remote.h"
#include "conf/conf.h"
#include "core/lock.h"
#include "os/os_memory.h"
#include "os/os_time.h"
#include "pages/huge.h"
#include "slabs/slab.h"
#include "stats/process.h"

size_t hak_parked_bytes;

/* Heap lock: slabs that were all parked when they came here; their owners may have taken some. */
static struct hak_slab *ready[HAK_RELIEF_SLABS];
static unsigned ready_count;

static unsigned parked_count(const struct hak_slab *slab) {
    /* relaxed: a hint without the lock */
    return atomic_load_explicit(&slab->parked_count, memory_order_relaxed);
}

static void set_parked_count(struct hak_slab *slab, unsigned count) {
    atomic_store_explicit(&slab->parked_count, (uint16_t)count, memory_order_relaxed);
}

/*
 * A record's parked word: whether it is on its heap's list, the place of the first parked block, in
 * 16 bytes, counted from 1, and the list's next record, in 64 bytes.
 */
#define HAK_PARKED_IS_LISTED 1u
#define HAK_PARKED_PLACE_SHIFT 1u
#define HAK_PARKED_PLACE_MASK 0x1FFFu
#define HAK_PARKED_NEXT_SHIFT 14u
#define HAK_PARKED_NEXT_UNIT 64u

_Static_assert(HAK_SLAB_BYTES / 16 <= HAK_PARKED_PLACE_MASK, "every place has a number");

static struct hak_block *first_parked(const struct hak_slab *slab) {
    uintptr_t place = slab->parked >> HAK_PARKED_PLACE_SHIFT & HAK_PARKED_PLACE_MASK;
    return place ? (struct hak_block *)(hak_region_slab_address(slab) + (place - 1) * 16) : NULL;
}

static void set_first_parked(struct hak_slab *slab, const struct hak_block *block) {
    uint64_t place = block ? ((uintptr_t)block % HAK_SLAB_BYTES) / 16 + 1 : 0;
    uint64_t mask = (uint64_t)HAK_PARKED_PLACE_MASK << HAK_PARKED_PLACE_SHIFT;
    slab->parked = (slab->parked & ~mask) | place << HAK_PARKED_PLACE_SHIFT;
}

static struct hak_slab *next_parked(const struct hak_slab *slab) {
    return (struct hak_slab *)((slab->parked >> HAK_PARKED_NEXT_SHIFT) * HAK_PARKED_NEXT_UNIT);
}

/* The owner will see it when it next looks at its inbox. Lock held. */
static void notify_owner(struct hak_heap *owner) {
    /* release pairs with the acquire in hak_overflow_take; the lists are under the lock */
    atomic_store_explicit(&owner->has_parked, true, memory_order_release);
}

/* Lock held. */
static void list_for_owner(struct hak_heap *owner, struct hak_slab *slab) {
    if (slab->parked & HAK_PARKED_IS_LISTED)
        return;
    uint64_t next = (uintptr_t)owner->parked / HAK_PARKED_NEXT_UNIT;
    slab->parked |= HAK_PARKED_IS_LISTED | next << HAK_PARKED_NEXT_SHIFT;
    atomic_signal_fence(memory_order_release); /* the record is whole before it is listed */
    owner->parked = slab;
}

/* Parks the blocks of one slab from the front of what is to be sorted. Lock held. */
static void park_front(struct hak_heap *owner, struct hak_slab *slab, struct hak_relief *relief) {
    struct hak_block *first = owner->unsorted, *last = first;
    struct hak_block *next = hak_block_next_remote(first);
    unsigned count = 1;
    for (; count < relief->left && next && hak_region_is_same_slab(next, first); count++) {
        last = next;
        next = hak_block_next_remote(next);
    }
    owner->unsorted = next;
    atomic_signal_fence(memory_order_release); /* out of one list before it is in another */
    hak_block_link_remote(last, first_parked(slab));
    atomic_signal_fence(memory_order_release); /* the list is whole before it is the slab's */
    set_first_parked(slab, first);
    set_parked_count(slab, parked_count(slab) + count);
    list_for_owner(owner, slab);
    relief->left -= count;
    relief->bytes += count * (size_t)hak_size_class_bytes[slab->size_class];
    hak_parked_bytes += count * (size_t)hak_size_class_bytes[slab->size_class];
}

/* A slab's parked blocks go elsewhere, or their memory does; returns their bytes. Lock held. */
static size_t unpark(struct hak_slab *slab, unsigned new_count) {
    size_t bytes = parked_count(slab) * (size_t)hak_size_class_bytes[slab->size_class];
    set_parked_count(slab, new_count);
    hak_parked_bytes = hak_excess(hak_parked_bytes, bytes); /* 0 after a freeze */
    return bytes;
}

static bool is_all_parked(const struct hak_slab *slab) {
    return atomic_load_explicit(&slab->state, memory_order_relaxed) == HAK_SLAB_BLOCKS &&
           parked_count(slab) == slab->capacity;
}

/* What is ready and still all parked: the caller purges it next. Lock held. */
static void begin_purges(struct hak_relief *relief) {
    for (unsigned i = 0; i < ready_count; i++) {
        struct hak_slab *slab = ready[i];
        if (!is_all_parked(slab))
            continue;
        set_first_parked(slab, NULL);
        unpark(slab, HAK_PARKED_PURGING);
        hak_slab_retract(atomic_load_explicit(&slab->owner, memory_order_relaxed), slab);
        relief->purge[relief->purges++] = slab;
    }
    ready_count = 0;
}

void hak_parked_forget(void) {
    ready_count = 0;
    hak_parked_bytes = 0;
}

/* Slabs are purged many at once: neighbours need one system call. Lock held. */
void hak_parked_sort(struct hak_heap *owner, struct hak_relief *relief) {
    while (owner->unsorted && relief->left && ready_count < HAK_RELIEF_SLABS) {
        struct hak_block *block = owner->unsorted;
        struct hak_slab *slab = hak_region_slab(block);
        if (HAK_UNLIKELY(!slab))
            hak_block_report_link(block);
        if (atomic_load_explicit(&slab->owner, memory_order_relaxed) != owner) {
            owner->unsorted = hak_block_next_remote(block);
            hak_block_link_remote(block, relief->others);
            relief->others = block;
            relief->bytes += hak_size_class_bytes[slab->size_class];
            relief->left--;
            continue;
        }
        park_front(owner, slab, relief);
        if (is_all_parked(slab))
            ready[ready_count++] = slab;
    }
    if (!owner->unsorted || ready_count == HAK_RELIEF_SLABS)
        begin_purges(relief);
    if (owner->unsorted || owner->parked)
        notify_owner(owner);
}

/* Makes a slab whose blocks are all free look new. Lock held. */
static void reset_slab(struct hak_heap *heap, struct hak_slab *slab) {
    bool is_zero = parked_count(slab) == HAK_PARKED_ZERO;
    set_parked_count(slab, 0);
    slab->parked = 0;
    hak_slab_reset(heap, slab, is_zero);
}

/* True: it is abandoned, and to be given back. Lock held. */
static bool end_purge(struct hak_slab *slab, bool is_zero) {
    struct hak_heap *owner = atomic_load_explicit(&slab->owner, memory_order_relaxed);
    set_parked_count(slab, is_zero ? HAK_PARKED_ZERO : HAK_PARKED_EMPTY);
    if (owner == hak_abandoned_heap)
        return hak_abandoned_absorb(slab);
    list_for_owner(owner, slab);
    notify_owner(owner);
    return false;
}

/* Gives the pages of neighbours back in one go. */
static void purge_run(struct hak_slab **slab, unsigned count) {
    struct hak_slab *abandoned[HAK_RELIEF_SLABS];
    unsigned abandoned_count = 0;
    void *start = (void *)hak_region_slab_address(slab[0]);
    size_t bytes = count * HAK_SLAB_BYTES;
    bool is_pooled = false;
    for (unsigned i = 0; i < count; i++) {
        hak_huge_note_purge(slab[i]);
        is_pooled |= hak_huge_is_pooled(slab[i]);
    }
    bool is_lazy = !is_pooled && hak_conf.lazy_purge && hak_os_purge_lazily(start, bytes);
    bool is_zero = !is_pooled && !is_lazy && hak_os_purge(start, bytes);
    uint64_t now_ms = hak_os_now_ms();
    hak_lock_take(&hak_heap_lock);
    if (is_zero || is_lazy) {
        struct hak_heap *owner = atomic_load_explicit(&slab[0]->owner, memory_order_relaxed);
        owner->relieved_ms = now_ms;
        hak_process_counters.purges++;
        hak_process_counters.purged_bytes += bytes;
    }
    for (unsigned i = 0; i < count; i++)
        if (end_purge(slab[i], is_zero))
            abandoned[abandoned_count++] = slab[i];
    hak_lock_release(&hak_heap_lock);
    while (abandoned_count)
        hak_abandoned_return_run(abandoned[--abandoned_count]);
}

static void put_in_order(struct hak_slab **slab, unsigned count) {
    for (unsigned i = 1; i < count; i++) {
        struct hak_slab *one = slab[i];
        unsigned place = i;
        for (; place && hak_region_slab_address(slab[place - 1]) > hak_region_slab_address(one);
             place--)
            slab[place] = slab[place - 1];
        slab[place] = one;
    }
}

/* Neighbours need one system call. */
void hak_parked_purge(struct hak_relief *relief) {
    put_in_order(relief->purge, relief->purges);
    for (unsigned first = 0, end; first < relief->purges; first = end) {
        uintptr_t next = hak_region_slab_address(relief->purge[first]);
        for (end = first;
             end < relief->purges && hak_region_slab_address(relief->purge[end]) == next;)
            next += HAK_SLAB_BYTES, end++;
        purge_run(relief->purge + first, end - first);
    }
}

/* A slab that is being purged comes back to the list. */
struct hak_block *hak_parked_take(struct hak_heap *heap, struct hak_slab **ret_empty,
                                  size_t *ret_bytes) {
    while (heap->parked) {
        struct hak_slab *slab = heap->parked;
        struct hak_block *first = first_parked(slab);
        unsigned count = parked_count(slab);
        heap->parked = next_parked(slab);
        slab->parked = 0;
        if (count >= HAK_PARKED_EMPTY) {
            reset_slab(heap, slab);
            *ret_empty = slab;
            return NULL;
        }
        if (count != HAK_PARKED_PURGING) {
            *ret_bytes = unpark(slab, 0);
            return first;
        }
    }
    struct hak_block *unsorted = heap->unsorted;
    heap->unsorted = NULL;
    return unsorted;
}

void hak_parked_absorb(struct hak_slab *slab) {
    struct hak_block *first = first_parked(slab);
    unsigned count = parked_count(slab);
    slab->parked = 0;
    if (count >= HAK_PARKED_EMPTY) {
        reset_slab(hak_abandoned_heap, slab);
    } else if (count && count != HAK_PARKED_PURGING) {
        unpark(slab, 0);
        hak_slab_return_remote(hak_abandoned_heap, slab, first);
    }
}
