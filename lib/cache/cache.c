/* SPDX-License-Identifier: MIT */
/*
 * Owns filling and emptying the bins of a thread cache. Called by the heap's thread alone (and at
 * its exit). Invariant: blocks in bin = level + own frees - allocations; when the countdown is
 * armed, at most the class's cap of blocks can be in the bin before the length check.
 */
#include "cache/cache.h"

#include "cache/abandoned.h"
#include "cache/bin.h"
#include "cache/evacuate.h"
#include "cache/remote.h"
#include "cache/trim.h"
#include "cache/verify.h"
#include "core/hardened.h"
#include "core/shuffle.h"
#include "front/fork.h"
#include "front/pressure.h"
#include "front/thread.h"
#include "large/sample.h"
#include "os/os_memory.h"
#include "pages/purge.h"
#include "pages/run.h"
#include "slabs/slab.h"
#include "slabs/sparse.h"
#include "stats/process.h"

#define HAK_POPULATE_SLABS 2
#define HAK_POPULATE_PAGES 2
#define HAK_FLUSH_BLOCKS 1024
#define HAK_LOOKS 16

void hak_cache_start(struct hak_heap *heap) {
    for (unsigned size_class = 0; size_class < HAK_CLASS_COUNT; size_class++)
        heap->hot.bin[size_class] = HAK_LIST_END;
}

void hak_cache_restart(struct hak_heap *heap) {
    for (unsigned size_class = 1; size_class < HAK_CLASS_COUNT; size_class++)
        if (hak_bin_is_started(heap, size_class))
            hak_bin_start(heap, size_class);
}

bool hak_cache_has_blocks(const struct hak_heap *heap, unsigned size_class) {
    return heap->hot.bin[size_class] != HAK_LIST_END || heap->bin_state[size_class].old_count > 0;
}

static struct hak_slab *first_partial(struct hak_heap *heap, unsigned size_class) {
    struct hak_link *head = &heap->bin_state[size_class].partial;
    return hak_list_is_empty(head) ? NULL : hak_container(head->next, struct hak_slab, link);
}

/* A class that has filled some slabs will fill one more. Of blocks of many pages nobody knows which
 * will be touched. */
static bool will_be_filled(const struct hak_heap *heap, unsigned size_class) {
    size_t used_bytes = (size_t)heap->bin_state[size_class].used * hak_size_class_bytes[size_class];
    return hak_size_class_bytes[size_class] <= HAK_POPULATE_PAGES * hak_os_page_bytes &&
           used_bytes >= HAK_POPULATE_SLABS * HAK_SLAB_BYTES;
}

/* The ladder below the heap's own slabs: an abandoned slab of the class, then a fresh one. */
static struct hak_slab *find_slab(struct hak_heap *heap, unsigned size_class) {
    struct hak_slab *slab = first_partial(heap, size_class);
    if (!slab && HAK_UNLIKELY(heap->has_sparse))
        slab = hak_sparse_first(heap, size_class);
    if (!slab && HAK_UNLIKELY(heap->has_evacuated))
        slab = hak_evacuate_first(heap, size_class);
    if (slab)
        return slab;
    if (!hak_bin_is_started(heap, size_class))
        hak_bin_start(heap, size_class);
    if (hak_abandoned_reclaim(heap, size_class)) {
        heap->counters.slabs_reclaimed++;
        return first_partial(heap, size_class);
    }
    slab = hak_pressure_take_run(1, 1);
    if (slab) {
        hak_slab_start(heap, slab, size_class);
        if (slab->is_zero && will_be_filled(heap, size_class))
            hak_slab_note_populated(slab);
        if (slab->is_zero)
            hak_sparse_note_fresh(heap);
        heap->counters.slabs_taken++;
    }
    return slab;
}

/* The bin is empty: its other list takes the place. */
static bool take_old_half(struct hak_heap *heap, unsigned size_class) {
    struct hak_bin_state *state = &heap->bin_state[size_class];
    if (state->old_count == 0)
        return false;
    heap->hot.bin[size_class] = state->old_half;
    state->old_half = HAK_LIST_END;
    state->old_count = 0;
    hak_bin_note_taken_back(heap, size_class);
    return true;
}

static bool refill_from_slab(struct hak_heap *heap, unsigned size_class) {
    struct hak_slab *slab = find_slab(heap, size_class);
    struct hak_block *first;
    if (!slab)
        return false;
    unsigned carved = hak_slab_carved(slab);
    unsigned wanted = hak_slab_prepare(slab, hak_bin_refill(heap, size_class));
    unsigned count = hak_slab_take(heap, slab, wanted, &first);
    heap->counters.carved += hak_slab_carved(slab) - carved;
    heap->counters.refills++;
    heap->counters.of[size_class].cache_level += count;
    heap->hot.bin[size_class] = hak_hardened.shuffles ? hak_shuffle_list(heap, first) : first;
    hak_bin_arm(heap, size_class);
    return true;
}

/* A look at some words: the rest happens in hak_fork_attend, which may refill itself. */
static void attend_if_asked(struct hak_heap *heap) {
    if (HAK_UNLIKELY(hak_os_fork_is_unseen() || hak_fork_epoch_is_behind(heap) ||
                     hak_stats_purge_is_wanted() || heap->counters.is_doubtful))
        hak_fork_attend(heap);
    hak_sample_follow(heap);
}

bool hak_cache_refill(struct hak_heap *heap, unsigned size_class) {
    if (take_old_half(heap, size_class))
        return true;
    attend_if_asked(heap);
    hak_heap_enter(heap);
    hak_remote_follow(heap);
    hak_trim_follow(heap);
    bool done = heap->hot.bin[size_class] != HAK_LIST_END || refill_from_slab(heap, size_class);
    hak_verify_heap(heap);
    hak_heap_leave(heap);
    return done;
}

/* One block at a time: a batch would soil the first page of each. */
static void *carve_untouched(struct hak_heap *heap, unsigned size_class) {
    struct hak_slab *slab = find_slab(heap, size_class);
    struct hak_block *block;
    if (!slab || slab->free_count || slab->purged_count || !slab->is_zero)
        return NULL;
    hak_slab_take(heap, slab, 1, &block);
    heap->counters.carved++;
    heap->counters.allocations[size_class]++;
    heap->counters.of[size_class].cache_level++;
    *block = (struct hak_block){NULL, 0};
    return block;
}

void *hak_cache_take_untouched(struct hak_heap *heap, unsigned size_class) {
    if (hak_cache_has_blocks(heap, size_class))
        return NULL;
    hak_heap_enter(heap);
    hak_remote_follow(heap);
    void *block = carve_untouched(heap, size_class);
    hak_verify_heap(heap);
    hak_heap_leave(heap);
    return block;
}

void hak_cache_retire(struct hak_heap *heap, struct hak_slab *slab) {
    bool is_untouched = hak_slab_carved(slab) == 0 && slab->is_zero;
    hak_slab_stop(heap, slab);
    heap->counters.slabs_retired++;
    if (is_untouched)
        hak_run_return_clean(slab);
    else
        hak_run_return(slab);
}

/* The last one of its class stays: the next refill would take it again. */
static void retire_if_spare(struct hak_heap *heap, struct hak_slab *slab) {
    struct hak_link *head = &heap->bin_state[slab->size_class].partial;
    bool is_only_one = head->next == &slab->link && head->previous == &slab->link;
    if (!is_only_one)
        hak_cache_retire(heap, slab);
}

void hak_cache_release_spare(struct hak_heap *heap, unsigned size_class) {
    struct hak_link *head = &heap->bin_state[size_class].partial;
    struct hak_link *link = hak_list_first(head);
    while (link != head) {
        struct hak_slab *slab = hak_container(link, struct hak_slab, link);
        link = link->next;
        if (slab->used == 0)
            hak_cache_retire(heap, slab);
    }
}

static void settle(struct hak_heap *heap, struct hak_slab *slab) {
    if (slab->is_full)
        hak_slab_relist(heap, slab);
    if (slab->used == 0)
        retire_if_spare(heap, slab);
}

/*
 * Gives `*first` and those behind it back, until the list ends or `most` are gone: neighbours that
 * lie in one slab go as they are. Returns how many. A block in a bin is of an own slab: it was
 * looked up when it was freed, and its link proves that it is still the one.
 */
static int64_t return_list(struct hak_heap *heap, struct hak_block **first, int64_t most) {
    struct hak_block *block = *first;
    int64_t total = 0;
    while (block != HAK_LIST_END && total < most) {
        struct hak_block *last = block;
        struct hak_block *next = hak_block_next(block);
        struct hak_slab *slab = hak_region_slab_own(block);
        unsigned count = 1;
        for (; hak_region_is_same_slab(block, next); next = hak_block_next(next), count++)
            last = next;
        hak_assert(atomic_load_explicit(&slab->owner, memory_order_relaxed) == heap);
        total += count;
        if (HAK_UNLIKELY(hak_slab_join_list(slab, block, last, count)))
            settle(heap, slab);
        block = next;
    }
    *first = block;
    return total;
}

static void note_flush(struct hak_heap *heap, unsigned size_class, int64_t count) {
    hak_slab_count_used(heap, size_class, -count);
    heap->counters.of[size_class].cache_level -= (uint64_t)count;
    heap->counters.flushes++;
}

/* The blocks that were freed first go first, and not more than `most`. Returns how many. */
static int64_t empty_bin(struct hak_heap *heap, unsigned size_class, int64_t most) {
    struct hak_bin_state *state = &heap->bin_state[size_class];
    int64_t count = return_list(heap, &state->old_half, most);
    state->old_count -= (int32_t)count;
    count += return_list(heap, &heap->hot.bin[size_class], most - count);
    note_flush(heap, size_class, count);
    return count;
}

/* What was set aside goes back to the slabs; what was freed since, still warm, takes its place. */
static void shorten_bin(struct hak_heap *heap, unsigned size_class) {
    struct hak_bin_state *state = &heap->bin_state[size_class];
    if (state->old_count > 0) {
        int64_t count = return_list(heap, &state->old_half, HAK_FLUSH_BLOCKS);
        state->old_count -= (int32_t)count;
        note_flush(heap, size_class, count);
    }
    if (state->old_count > 0)
        return;
    state->old_half = heap->hot.bin[size_class];
    state->old_count = (int32_t)hak_bin_length(heap, size_class);
    heap->hot.bin[size_class] = HAK_LIST_END;
}

/* Where one class has ended others have, too, whose length checks are far away: some at a time. */
static void check_others(struct hak_heap *heap) {
    for (int i = 0; i < HAK_LOOKS; i++) {
        unsigned size_class = heap->next_checked;
        heap->next_checked = (uint8_t)(size_class + 1 < HAK_CLASS_COUNT ? size_class + 1 : 0);
        if (hak_bin_judge_unasked(heap, size_class)) {
            empty_bin(heap, size_class, INT64_MAX);
            hak_cache_release_spare(heap, size_class);
            hak_bin_arm(heap, size_class);
        }
    }
}

void hak_cache_judge(struct hak_heap *heap, unsigned size_class) {
    enum hak_bin_verdict verdict = hak_bin_judge(heap, size_class);
    if (verdict == HAK_BIN_EMPTY)
        empty_bin(heap, size_class,
                  heap->bin_state[size_class].live ? HAK_FLUSH_BLOCKS : INT64_MAX);
    else if (verdict == HAK_BIN_SHORTEN)
        shorten_bin(heap, size_class);
    bool is_over = hak_bin_is_over(heap, size_class);
    if (is_over)
        hak_cache_release_spare(heap, size_class);
    hak_bin_arm(heap, size_class);
    if (is_over)
        check_others(heap);
}

void hak_cache_check_length(struct hak_heap *heap, size_t tripped) {
    if (hak_purge_is_due())
        hak_purge_idle();
    attend_if_asked(heap);
    hak_heap_enter(heap);
    hak_cache_judge(heap, (unsigned)tripped);
    hak_remote_follow(heap); /* a thread whose bins never get empty doesn't refill */
    hak_trim_follow(heap);
    hak_verify_heap(heap);
    hak_heap_leave(heap);
}

void hak_cache_push(struct hak_heap *heap, unsigned size_class, struct hak_block *block) {
    struct hak_block *next = heap->hot.bin[size_class];
    hak_block_link(block, next);
    heap->hot.bin[size_class] = block;
    if (++heap->counters.free_countdown[size_class] == 0)
        hak_cache_check_length(heap, size_class);
}

int64_t hak_cache_flush_some(struct hak_heap *heap, unsigned size_class, int64_t most) {
    if (!hak_cache_has_blocks(heap, size_class))
        return 0;
    int64_t count = empty_bin(heap, size_class, most);
    hak_bin_arm(heap, size_class);
    return count;
}

void hak_cache_flush_all(struct hak_heap *heap) {
    hak_heap_enter(heap);
    for (unsigned size_class = 1; size_class < HAK_CLASS_COUNT; size_class++) {
        hak_cache_flush_some(heap, size_class, INT64_MAX);
        hak_cache_release_spare(heap, size_class);
    }
    hak_heap_leave(heap);
}

static bool lists(const struct hak_block *entry, const struct hak_block *block) {
    for (; entry != HAK_LIST_END; entry = hak_block_next(entry))
        if (entry == block)
            return true;
    return false;
}

bool hak_cache_lists(const struct hak_heap *heap, unsigned size_class,
                     const struct hak_block *block) {
    return lists(heap->hot.bin[size_class], block) ||
           lists(heap->bin_state[size_class].old_half, block);
}
