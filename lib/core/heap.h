/* SPDX-License-Identifier: MIT */
/*
 * Owns the structures of the heap layer: slab record, heap. Included by heap/ and by the api
 * layer's fast paths; each field says who may write it.
 *
 * One heap in memory (the distances are the same on every page size up to 64 KiB):
 *
 *   0        hot and slow parts of struct hak_heap, the owner's (inbox: anybody's)
 *   64 KiB   counters, on pages that hold nothing else
 *   128 KiB  slab_bound, mapped as far as it is used: one word a slab of the main region, 0 if this
 *            heap doesn't own it
 */
#ifndef HAK_CORE_HEAP_H
#define HAK_CORE_HEAP_H

#include "base/list.h"
#include "core/block.h"
#include "core/size_class.h"
#include "os/os_fatal.h"
#include "stats/process.h"

#include <stdatomic.h>

#define HAK_SLAB_SHIFT 16
#define HAK_SLAB_BYTES ((size_t)1 << HAK_SLAB_SHIFT)

_Static_assert(HAK_STATS_CLASSES == HAK_CLASS_COUNT, "one counter a size class");

enum hak_slab_state {
    HAK_SLAB_UNUSED = 0, /* never handed out, or inside another run */
    HAK_SLAB_UNMAPPED,   /* free run without address space (pages/unmapped.h) */
    HAK_SLAB_CLEAN,      /* free run, reads as zero */
    HAK_SLAB_DIRTY,      /* free run, still resident */
    HAK_SLAB_BLOCKS,     /* a slab of a size class */
    HAK_SLAB_LARGE,      /* first slab of a large block */
    HAK_SLAB_ZERO_SIZE,  /* a slab of blocks without bytes, which nobody can touch */
    HAK_SLAB_WAITING,    /* first slab of a freed large block in quarantine, inaccessible */
    HAK_SLAB_MOVING      /* taken out of the lists for a system call */
};

/*
 * The record of 64 KiB of address space. A run is several of them in a row; its first record
 * speaks for it, its last holds the length too. Written under the heap lock while free, by
 * the owner heap's thread while HAK_SLAB_BLOCKS, by the caller that holds the block while large.
 */
struct hak_slab {
    _Alignas(64) _Atomic(struct hak_heap *)
        owner;            /* BLOCKS only; changed by it, or under the heap lock */
    struct hak_link link; /* list of the owner's class, or of a run set */
    union {
        struct hak_link age;        /* DIRTY: oldest first */
        struct {                    /* BLOCKS */
            struct hak_block *free; /* blocks returned to the slab */
            uint16_t free_count;
            _Atomic uint16_t carved; /* blocks made so far, from the slab's start; freers look */
            uint16_t capacity;
            uint16_t used; /* carved blocks that are neither in `free` nor on purged pages */
        };
        struct {                  /* LARGE */
            size_t large_bytes;   /* usable bytes */
            uint32_t sample;      /* place of its sample in the heap profile; 0: none */
            uint32_t block_bytes; /* of its size class, if it is small; 0: it is not */
        };
        uint64_t zero_size_free; /* ZERO_SIZE: a bit for each free block */
    };
    uint32_t run_slabs;    /* first and last record of a run: its length */
    _Atomic uint8_t state; /* enum hak_slab_state */
    uint8_t size_class;
    bool is_full;            /* BLOCKS: on the owner's list of full slabs */
    bool is_zero : 1;        /* BLOCKS: the untouched part reads as zero; LARGE: at hand-out */
    bool is_moved : 1;       /* a mapping of its own, since mremap: renew it when it is purged */
    bool is_lazy : 1;        /* CLEAN: given back lazily, may still have its content */
    bool is_populated : 1;   /* BLOCKS: its pages are made resident in steps */
    bool has_guard : 1;      /* LARGE: the rest of the run is inaccessible */
    bool has_guard_page : 1; /* LARGE, WAITING: see large/guard_page.h */
    bool is_evacuated : 1;   /* BLOCKS: the program moves its blocks, see cache/evacuate.h */
    union {
        struct {                   /* BLOCKS, see slabs/sparse.h: */
            uint16_t purged_count; /* carved blocks with bytes on purged pages: in no list */
            uint16_t checked_free; /* free_count at the last look for wholly free pages */
        };
        uint32_t stamp; /* CLEAN, DIRTY, EXCLUDED, first and last record: hak_fork_stamp of then */
    };
    _Atomic uint16_t purged;       /* BLOCKS: a bit for each OS page given back; freers look */
    _Atomic uint16_t parked_count; /* heap lock; see cache/parked.c */
    uint64_t parked;               /* heap lock: the first parked block, and the next such slab */
};

_Static_assert(sizeof(struct hak_slab) == 64, "one cache line a slab");

/* So far from every address that none is within a region from here on. */
#define HAK_NOWHERE ((uintptr_t)1 << 63)

/* What malloc and free read; a read-only copy stands in for threads that have no heap yet. */
struct hak_heap_hot {
    uintptr_t region_base; /* the main region; HAK_NOWHERE: free is to look at no slab_bound yet */
    size_t region_slabs;   /* length of slab_bound; 0 in the stand-ins: every free is a slow one */
    uint64_t secret;
    struct hak_block *bin[HAK_CLASS_COUNT];
    uint32_t magic[HAK_CLASS_COUNT];
    /* Both say that nothing is small in the stand-ins, and while a profile runs (large/sample.h).
     */
    size_t medium_max_bytes;
    uint8_t class_of[HAK_DIRECT_MAX_BYTES + 1];
    /* What the slow twins hand over to core/hardened.c: all frees, malloc of 1 to so many bytes. */
    bool is_hardened;
    uint16_t hardened_bytes;
};

/* What the slow paths know of one bin and its class (cache/bin.c). All zero until the class's first
 * slab: a thread that needs few classes touches few of these. */
struct hak_bin_state {
    struct hak_link partial;    /* slabs with blocks to give */
    int64_t used;               /* blocks out of this heap's slabs: in the bin, or live */
    struct hak_block *old_half; /* the bin's older list */
    int32_t old_count;
    int32_t live;       /* live ones at the last length check */
    int32_t peak;       /* most live ones since the last decline */
    int32_t high_water; /* the peak when the last decline began */
    uint32_t taken_kib; /* by the heap, ever, when the last decline began */
    uint16_t cap;       /* the length check shortens a bin that is longer; 0: never used */
    uint16_t most;      /* the cap's bound */
    uint16_t
        stride; /* least number of frees between two length checks; grows while they find nothing */
    uint16_t batch;  /* blocks of the next refill; grows */
    uint8_t shrinks; /* how often the class came back after a decline */
    uint8_t backoff; /* length checks of a class of few blocks come after 2^backoff frees or more */
    bool is_shrinking : 1;   /* by the last length check */
    bool has_flushed : 1;    /* since the last refill */
    bool has_slab_grant : 1; /* of the common bound: declines leave it a slab */
};

_Static_assert(sizeof(struct hak_bin_state) == 64, "few of them on a heap's first page");

#define HAK_OUTBOX_AHEAD 8u

struct hak_outbox {
    struct hak_heap *owner; /* destination; NULL: empty */
    struct hak_block *first;
    struct hak_block *last;
    uint32_t count;
    uint32_t bytes;
    struct hak_block *recent[HAK_OUTBOX_AHEAD]; /* what came in last, and some of earlier batches */
};

/* Which allocations are taken out of the rest: those that the heap profile samples, by bytes, and
 * those that are guarded, by their number (large/sample.c). */
struct hak_sampler {
    int64_t left_bytes;  /* to be allocated before the next sample, */
    int64_t gap_bytes;   /* of as many since the last one */
    int64_t left_blocks; /* to be allocated up to the next guarded one; INT64_MAX: there is none */
    uint64_t random;
    uint64_t guard_random;
    bool is_profiling;
    bool is_on; /* one of the two: the tables send every malloc to the slow twin */
};

/* Freed blocks that wait before they may be used again (front/quarantine.c), and random numbers. */
struct hak_quarantine {
    uint64_t *ring; /* see front/quarantine.c; NULL: nothing waits */
    uint32_t mask;  /* entries of the ring, less one */
    uint32_t first; /* the oldest entry, */
    uint32_t next;  /* the place of the next one: both count on and are masked */
    size_t bytes;   /* of the blocks in it */
    uint64_t *stamps;
    uint64_t random; /* of the order of blocks (core/shuffle.c) */
    uint64_t bits;   /* of the next places in the ring, 4 each */
};

/* The slabs of a class that the program empties (cache/evacuate.h). All zero: there was none yet.
 */
struct hak_evacuation {
    struct hak_link slabs; /* refilled from last */
    uint32_t slab_count;
    uint32_t used; /* blocks that are not back yet */
};

#define HAK_OUTBOXES 16u
#define HAK_GROWN_SHIFT 7u

/* FORKED is never stored: it is LIVE, of an earlier epoch. hak_fork_epoch_state tells. */
enum hak_heap_state { HAK_HEAP_LIVE = 0, HAK_HEAP_DEAD, HAK_HEAP_FORKED, HAK_HEAP_FROZEN };

/*
 * Owner thread's, but for what is marked otherwise. In the order in which a thread comes to need
 * it: one that waits after a few calls has touched the first page, with the states of the smallest
 * classes, and the counters.
 */
struct hak_heap {
    struct hak_heap_hot hot;
    uint8_t borrowed[HAK_CLASS_COUNT]; /* blocks that the class has borrowed (cache/cache.c) */
    uint8_t next_checked;              /* counts classes looked at when another one has ended */
    bool was_used;                     /* by a thread that has exited */
    uint8_t unpublished_frees;         /* of own blocks, while slab_bound had no word for them */
    bool has_sparse;                   /* one of the lists below was used */
    bool has_evacuated;                /* one of those of evacuated slabs was used */
    uint8_t evacuated_slabs;           /* emptied since they were last given back to the system */
    uint8_t sparse_class;              /* whose slabs are looked through next */
    uint16_t fresh_slabs;              /* taken of clean memory, as far as they are counted */
    uint16_t zero_sizes_left;          /* calls of malloc(0) that get nothing to write to */
    bool is_reserved;                  /* of its place; constant (core/heap_place.h) */
    /* Length of slab_bound; 0: not in use. Others clear words that they saw. */
    _Atomic size_t shown_slabs;
    struct hak_link full;              /* slabs without any block to give */
    _Atomic(uintptr_t) thread_pointer; /* 0: no thread; others compare it with their own */
    _Atomic int thread_id;             /* for reports */
    _Atomic uint32_t busy;             /* slow paths now inside; read by a fork's child */
    uint32_t exit_rounds;              /* destructor calls seen */
    uint32_t trims_begun, trims_done;  /* of hak_limit_asks (cache/trim.h): */
    uint32_t trim_looks;         /* at slabs of the class, still to be made; 0: not counted yet */
    uint8_t trim_class;          /* the next one to be emptied, and again, to be looked through */
    uint64_t trim_rest_until_ns; /* no portion before */
    struct hak_heap *next_free;  /* heap lock: list of dead heaps */
    struct hak_heap *next_heap;  /* heap lock: list of all heaps; never removed */
    struct hak_stats_copy fork_copy; /* between the handlers of a fork by this thread */
    struct hak_sampler sampler;
    _Alignas(64) _Atomic(struct hak_block *) inbox; /* anybody pushes, the owner takes all */
    _Atomic(struct hak_block *) arrivals;           /* what of it still waits; the owner stores */
    _Atomic size_t inbox_bytes;                     /* sent, and neither in a bin nor parked yet */
    _Atomic uint32_t state;                         /* enum hak_heap_state */
    _Atomic uint32_t epoch;                         /* its thread's (front/fork.h) */
    _Atomic uint32_t visits; /* the owner's, to an inbox that had something */
    _Atomic bool has_parked; /* heap lock: one of the next two has something */
    bool is_draining;        /* owner's: a signal handler may interrupt a drain */
    uint8_t backoff;         /* heap lock, as all below: see cache/overflow.c */
    bool is_in_relief;
    uint32_t pile_visits;
    struct hak_block *unsorted;
    struct hak_slab *parked;
    struct hak_heap *next_relief;
    uint64_t pile_since_ms;
    uint64_t relieved_ms;
    _Alignas(64) struct hak_bin_state bin_state[HAK_CLASS_COUNT];
    struct hak_quarantine quarantine;
    struct hak_outbox outbox[HAK_OUTBOXES];
    uint32_t growth_hints[1u << HAK_GROWN_SHIFT]; /* see large/growth_hint.h */
    struct hak_link sparse[HAK_CLASS_COUNT]; /* partial slabs that come last (slabs/sparse.h) */
    struct hak_evacuation evacuation[HAK_CLASS_COUNT];
    _Alignas(HAK_PAGE_MAX_BYTES) struct hak_thread_counters counters;
    _Alignas(HAK_PAGE_MAX_BYTES) uint32_t slab_bound[]; /* hak_size_class_bound of what is carved */
};

extern const struct hak_heap_hot hak_heap_none; /* this thread has no heap yet */
extern const struct hak_heap_hot hak_heap_late; /* this thread has given its heap up */

/* The one thread-local word. */
extern HAK_TLS const struct hak_heap_hot *hak_heap_mine;

/* The heap that a hot part belongs to; only for one that isn't a stand-in. */
HAK_INLINE struct hak_heap *hak_heap_of_hot(const struct hak_heap_hot *hot) {
    return (struct hak_heap *)(uintptr_t)hot;
}

/* The size class in a bound, without a look at the rest of it. */
HAK_INLINE size_t hak_heap_bound_class(const uint32_t *bound) {
    return ((const uint8_t *)bound)[HAK_LOW_BYTE_OF_32];
}

/* The calling thread's heap, or NULL. */
HAK_INLINE struct hak_heap *hak_heap_get(void) {
    const struct hak_heap_hot *hot = hak_heap_mine;
    return hot->region_slabs ? hak_heap_of_hot(hot) : NULL;
}

/* Heap lock: every heap there is, newest first. A heap that is listed stays, and so does its
 * next_heap. The abandoned heap is not in it. Readers of our memory know both words. */
extern struct hak_heap *hak_first_heap;
extern struct hak_heap *hak_abandoned_heap HAK_SEALED;

/* Calls `visit` for every heap there is, the abandoned heap first. The heap lock is held. */
void hak_heap_each(void (*visit)(const struct hak_heap *heap, void *context), void *context);

/* Forks between the first process and this one; see front/fork.h. A recovery alone writes it. */
extern _Atomic uint32_t hak_fork_epoch;

/* Blocks made so far. relaxed: the owner's own; another thread that holds a block has seen it
 * carved */
HAK_INLINE unsigned hak_slab_carved(const struct hak_slab *slab) {
    return atomic_load_explicit(&slab->carved, memory_order_relaxed);
}

/* The thread whose heap owns a slab, for reports; HAK_NO_THREAD: none does. */
HAK_INLINE int hak_heap_owner_thread(const struct hak_slab *slab) {
    /* acquire pairs with the release in set_owner (slab.c) */
    const struct hak_heap *owner = atomic_load_explicit(&slab->owner, memory_order_acquire);
    if (!owner || !atomic_load_explicit(&owner->thread_pointer, memory_order_relaxed) ||
        atomic_load_explicit(&owner->epoch, memory_order_relaxed) <
            atomic_load_explicit(&hak_fork_epoch, memory_order_relaxed))
        return HAK_NO_THREAD;
    /* relaxed: a report says what is there */
    return atomic_load_explicit(&owner->thread_id, memory_order_relaxed);
}

/* While a thread is inside a slow path its slab lists may be half changed: a fork's child asks. */
HAK_INLINE void hak_heap_enter(struct hak_heap *heap) {
    uint32_t busy = atomic_load_explicit(&heap->busy, memory_order_relaxed);
    atomic_store_explicit(&heap->busy, busy + 1, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst); /* pairs with fork's snapshot of this thread */
}

HAK_INLINE void hak_heap_leave(struct hak_heap *heap) {
    atomic_signal_fence(memory_order_seq_cst);
    uint32_t busy = atomic_load_explicit(&heap->busy, memory_order_relaxed);
    atomic_store_explicit(&heap->busy, busy - 1, memory_order_relaxed);
}

#endif
