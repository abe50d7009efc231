/* SPDX-License-Identifier: MIT */
/*
 * Owns the looks at sparse slabs. Called by the heap's thread alone. Invariant: a slab of a class
 * is on one of four lists, of full, partial, sparse or evacuated ones (cache/evacuate.h); sparse
 * ones are refilled from when there is no partial one.
 */
#include "slabs/sparse.h"

#include "base/bits.h"
#include "conf/conf.h"
#include "core/hardened.h"
#include "os/os_time.h"
#include "pages/huge.h"
#include "slabs/slab.h"
#include "stats/process.h"

#define HAK_PAY_BACK_BYTES HAK_KIB(128)

/* What a look costs, in records looked at: a system call takes a microsecond or, where
 * page tables are not the processor's own, many for each page. */
#define HAK_LOOK_THROUGH 8 /* the list of a slab's free blocks */
#define HAK_PURGE_PAGE 8
#define HAK_HOLES_BYTES HAK_KIB(256) /* of a class: less is not looked for */

/* One look at a heap. */
struct look {
    struct hak_heap *heap;
    int64_t effort;    /* left */
    uint64_t until_ns; /* 0: no hurry */
    size_t goal_bytes; /* enough */
    uint32_t looks;    /* made so far */
    bool is_trim;
    size_t purged_bytes;
    unsigned purges;
};

static bool is_done(const struct look *look) {
    return look->effort <= 0 || look->purged_bytes >= look->goal_bytes;
}

/* Free blocks in the slabs of a class. */
static size_t holes_bytes(const struct hak_heap *heap, unsigned size_class) {
    const struct hak_class_counters *counters = &heap->counters.of[size_class];
    return (counters->blocks_carved - counters->blocks_out) * hak_size_class_bytes[size_class];
}

/* One block is in use, or at most a quarter by so few blocks that some pages have none; and since
 * the last look more came home. */
static bool is_sparse(const struct hak_slab *slab) {
    size_t pages = HAK_SLAB_BYTES / hak_os_page_bytes;
    bool is_empty_enough = slab->used == 1 || slab->used * 4u <= hak_slab_carved(slab);
    return slab->used && is_empty_enough && slab->used <= pages &&
           slab->free_count > slab->checked_free;
}

static void purge_pages(struct look *look, struct hak_slab *slab, unsigned pages) {
    hak_huge_note_purge(slab);
    while (pages) {
        unsigned first = (unsigned)__builtin_ctz(pages);
        unsigned count = (unsigned)__builtin_ctz(~(pages >> first));
        char *start = (char *)hak_region_slab_address(slab) + first * hak_os_page_bytes;
        size_t bytes = count * hak_os_page_bytes;
        if ((hak_conf.lazy_purge && hak_os_purge_lazily(start, bytes)) ||
            hak_os_purge(start, bytes)) {
            look->purged_bytes += bytes;
            look->purges++;
        }
        pages &= ~(((1u << count) - 1) << first);
    }
}

/* One page of eight is too little for frees that are slow from then on. */
static void look_through(struct look *look, struct hak_slab *slab) {
    unsigned least = (unsigned)(HAK_SLAB_BYTES / hak_os_page_bytes / 4);
    unsigned pages = hak_slab_leave_pages(look->heap, slab, least ? least : 1);
    look->effort -= HAK_LOOK_THROUGH + HAK_PURGE_PAGE * __builtin_popcount(pages);
    if (pages)
        purge_pages(look, slab, pages);
    if (look->until_ns && hak_os_now_ns() >= look->until_ns)
        look->effort = 0;
}

static void note_look(struct look *look) {
    look->effort--;
    look->looks++;
}

static struct hak_slab *last_of(const struct hak_link *head) {
    return hak_container(head->previous, struct hak_slab, link);
}

/* From the end on; denser slabs go to the front, where malloc comes first. */
static void look_at_partial(struct look *look, unsigned size_class) {
    struct hak_link *head = &look->heap->bin_state[size_class].partial;
    struct hak_link *sparse = &look->heap->sparse[size_class];
    const struct hak_slab *first_kept = NULL;
    if (hak_list_is_unused(sparse))
        hak_list_init(sparse);
    while (!is_done(look) && !hak_list_is_empty(head) && last_of(head) != first_kept) {
        struct hak_slab *slab = last_of(head);
        note_look(look);
        hak_list_remove(&slab->link);
        if (is_sparse(slab) && !hak_huge_is_pooled(slab)) {
            hak_list_push_back(sparse, &slab->link);
            look_through(look, slab);
        } else {
            hak_list_push_front(head, &slab->link);
            first_kept = first_kept ? first_kept : slab;
        }
    }
}

/* From the end on, and to the front: the next look goes on from here. */
static void look_at_last(struct look *look, struct hak_link *head) {
    const struct hak_slab *first = NULL;
    while (!is_done(look) && !hak_list_is_empty(head) && last_of(head) != first) {
        struct hak_slab *slab = last_of(head);
        note_look(look);
        hak_list_remove(&slab->link);
        hak_list_push_front(head, &slab->link);
        first = first ? first : slab;
        if (is_sparse(slab))
            look_through(look, slab);
        else if (slab->checked_free > slab->free_count)
            slab->checked_free = slab->free_count;
    }
}

/* A class that comes back after declines is let alone, unless all that can be had is wanted. */
static bool is_wanted(const struct look *look, unsigned size_class) {
    size_t bytes = holes_bytes(look->heap, size_class);
    bool is_kept = look->heap->bin_state[size_class].has_slab_grant;
    return bytes && (look->is_trim || (bytes >= HAK_HOLES_BYTES && !is_kept));
}

static void count_purges(const struct look *look) {
    if (look->purges == 0)
        return;
    hak_lock_take(&hak_heap_lock);
    hak_process_counters.purges += look->purges;
    hak_process_counters.purged_bytes += look->purged_bytes;
    hak_lock_release(&hak_heap_lock);
}

/* Begins where the last one ended. */
static size_t look_at_heap(struct look *look) {
    struct hak_heap *heap = look->heap;
    for (unsigned i = 0; i < HAK_CLASS_COUNT && !is_done(look); i++) {
        unsigned size_class = heap->sparse_class;
        if (size_class && is_wanted(look, size_class)) {
            heap->has_sparse = true;
            look_at_partial(look, size_class);
            look_at_last(look, &heap->sparse[size_class]);
            look_at_last(look, &heap->evacuation[size_class].slabs);
        }
        if (!is_done(look))
            heap->sparse_class = (uint8_t)((size_class + 1) % HAK_CLASS_COUNT);
    }
    count_purges(look);
    return look->purged_bytes;
}

static bool is_possible(void) {
    return hak_conf.purge && !hak_hardened.is_on && hak_os_page_bytes < HAK_SLAB_BYTES;
}

/* Are the holes more than may stay resident of free runs? */
static bool is_worthwhile(const struct hak_heap *heap) {
    size_t holes = 0, total = 0;
    for (unsigned size_class = 1; size_class < HAK_CLASS_COUNT; size_class++) {
        holes += holes_bytes(heap, size_class);
        total += heap->counters.of[size_class].slab_bytes;
    }
    return holes > hak_max(hak_conf.dirty_min, total / 100 * hak_conf.dirty_percent);
}

void hak_sparse_pay_back(struct hak_heap *heap) {
    struct look look = {
        .heap = heap, .effort = 2 * HAK_SPARSE_EFFORT, .goal_bytes = HAK_PAY_BACK_BYTES};
    if (is_possible() && is_worthwhile(heap))
        look_at_heap(&look);
}

size_t hak_sparse_trim(struct hak_heap *heap) {
    struct look look = {.heap = heap, .effort = INT64_MAX, .goal_bytes = SIZE_MAX, .is_trim = true};
    if (!is_possible())
        return 0;
    hak_heap_enter(heap);
    size_t purged_bytes = look_at_heap(&look);
    hak_heap_leave(heap);
    return purged_bytes;
}

/* Lists go round, so as many looks as a class has slabs pass by all of one. */
static uint32_t looks_of(const struct hak_heap *heap, unsigned size_class) {
    return (uint32_t)heap->counters.of[size_class].slabs + 1;
}

/* True: all were looked at. */
static bool look_on(struct look *look, unsigned size_class) {
    struct hak_heap *heap = look->heap;
    uint32_t all = looks_of(heap, size_class);
    if (heap->trim_looks == 0)
        heap->trim_looks = 2 * all; /* of partial ones, then of sparse ones */
    if (heap->trim_looks > all) {
        look_at_partial(look, size_class);
        uint32_t left = heap->trim_looks - (uint32_t)hak_min(look->looks, heap->trim_looks);
        heap->trim_looks = is_done(look) && left > all ? left : all;
        return false;
    }
    look_at_last(look, &heap->sparse[size_class]);
    if (is_done(look) && look->looks < heap->trim_looks) {
        heap->trim_looks -= look->looks;
        return false;
    }
    heap->trim_looks = 0;
    return true;
}

bool hak_sparse_trim_some(struct hak_heap *heap, unsigned size_class, struct hak_portion *portion) {
    struct look look = {.heap = heap,
                        .effort = portion->effort,
                        .until_ns = portion->until_ns,
                        .goal_bytes = SIZE_MAX,
                        .is_trim = true};
    if (!is_possible() || !is_wanted(&look, size_class)) {
        heap->trim_looks = 0;
        return true;
    }
    heap->has_sparse = true;
    bool is_over = look_on(&look, size_class);
    count_purges(&look);
    portion->effort = look.effort;
    return is_over;
}

struct hak_slab *hak_sparse_first(struct hak_heap *heap, unsigned size_class) {
    struct hak_link *head = &heap->sparse[size_class];
    return hak_list_is_empty(head) ? NULL : hak_container(head->next, struct hak_slab, link);
}
