/* SPDX-License-Identifier: MIT */
/*
 * Owns the caps of the bins. A heap's bin states are its thread's; the sum of what all caps were
 * granted is one atomic word. Invariant: granted_bytes is the sum over all heaps of what lies
 * above the first caps.
 */
#include "cache/bin.h"

#include "conf/conf.h"
#include "os/os_memory.h"
#include "pages/limit.h"

#define HAK_MOST_BLOCKS 32768u /* counts are of 16 bits */
#define HAK_LEAST_BLOCKS 64u   /* the first cap of small classes */
#define HAK_SHRINK_RATIO 4
#define HAK_SHRINK_BLOCKS 8    /* fewer live blocks than that come and go by chance, */
#define HAK_SHRINK_BYTES 16384 /* and so do those with less bytes in them, */
#define HAK_SHRINK_MANY 128    /* unless they are many */
#define HAK_MOST_SHRINKS 4u
#define HAK_MOST_BACKOFF 12u
#define HAK_SOON_KIB 4096u /* taken of other classes meanwhile: a second-level cache */
#define HAK_STRIDE_BYTES HAK_KIB(32)
#define HAK_STRIDE_BLOCKS 256u
#define HAK_STRIDE_MOST_BLOCKS 1024u
#define HAK_BATCH_BLOCKS 512u
#define HAK_TRIM_STRIDE_BLOCKS 256 /* frees between two portions of trimming */

/* relaxed everywhere: a bound, nothing is read because of it */
static _Atomic int64_t granted_bytes;

static unsigned first_cap(unsigned size_class) {
    size_t blocks = hak_os_page_bytes / hak_size_class_bytes[size_class];
    return (unsigned)hak_min(hak_max(blocks, 1), HAK_LEAST_BLOCKS);
}

static unsigned last_cap(unsigned size_class) {
    size_t blocks = hak_conf.cache / hak_size_class_bytes[size_class];
    return (unsigned)hak_min(hak_max(blocks, 4), HAK_MOST_BLOCKS);
}

static uint16_t first_stride(unsigned size_class) {
    size_t blocks = HAK_STRIDE_BYTES / hak_size_class_bytes[size_class];
    return (uint16_t)hak_min(hak_max(blocks, 1), HAK_STRIDE_BLOCKS);
}

/* `share`: of the bound, one part in so many may be granted then. */
static bool take_grant(size_t bytes, unsigned share) {
    int64_t wanted = (int64_t)bytes;
    int64_t before = atomic_fetch_add_explicit(&granted_bytes, wanted, memory_order_relaxed);
    if (before + wanted <= (int64_t)(hak_conf.cache_total / share) && !hak_limit_is_pressed())
        return true;
    atomic_fetch_sub_explicit(&granted_bytes, wanted, memory_order_relaxed);
    return false;
}

static void give_grant(size_t bytes) {
    atomic_fetch_sub_explicit(&granted_bytes, (int64_t)bytes, memory_order_relaxed);
}

static int64_t granted_to(const struct hak_bin_state *state, unsigned size_class) {
    size_t bytes = hak_excess(state->cap, first_cap(size_class)) * hak_size_class_bytes[size_class];
    return (int64_t)(bytes + (state->has_slab_grant ? HAK_SLAB_BYTES : 0));
}

void hak_bin_forget_others(const struct hak_heap *heap) {
    int64_t bytes = 0;
    for (unsigned size_class = 1; heap && size_class < HAK_CLASS_COUNT; size_class++)
        bytes += granted_to(&heap->bin_state[size_class], size_class);
    atomic_store_explicit(&granted_bytes, bytes, memory_order_relaxed);
}

static bool raise_cap(struct hak_bin_state *state, unsigned size_class, int64_t wanted) {
    unsigned cap = wanted < state->most ? (unsigned)wanted : state->most;
    if (cap <= state->cap)
        return true;
    if (!take_grant((cap - state->cap) * (size_t)hak_size_class_bytes[size_class], 1))
        return false;
    state->cap = (uint16_t)cap;
    return true;
}

static void reset_cap(struct hak_bin_state *state, unsigned size_class) {
    unsigned first = first_cap(size_class);
    if (state->cap > first)
        give_grant((state->cap - first) * (size_t)hak_size_class_bytes[size_class]);
    state->cap = (uint16_t)first;
}

/* A class that keeps its blocks through declines keeps a slab, too. What a bin can't hold is
 * better off in slabs: they get wholly free and are carved anew, in order. */
static bool keeps_through_shrinking(const struct hak_bin_state *state) {
    return state->has_slab_grant && state->high_water <= state->most && state->peak <= state->most;
}

/* What the heap ever handed out; differences count. */
static uint32_t taken_kib(const struct hak_heap *heap) {
    uint64_t bytes = 0;
    for (unsigned size_class = 1; size_class < HAK_CLASS_COUNT; size_class++)
        bytes += heap->counters.allocations[size_class] * hak_size_class_bytes[size_class];
    return (uint32_t)(bytes >> 10);
}

/* So many live blocks, at one time, that none of them must leave anything behind. */
static bool are_many(int32_t peak, unsigned size_class) {
    if (peak < HAK_SHRINK_BLOCKS)
        return false;
    return peak >= HAK_SHRINK_MANY ||
           (size_t)peak * hak_size_class_bytes[size_class] >= HAK_SHRINK_BYTES;
}

static void back_off(struct hak_bin_state *state) {
    if (state->backoff < HAK_MOST_BACKOFF)
        state->backoff++;
}

static void begin_shrinking(const struct hak_heap *heap, struct hak_bin_state *state,
                            unsigned size_class) {
    state->high_water = state->peak;
    if (state->high_water >= HAK_SHRINK_BLOCKS)
        state->backoff = 0;
    if (are_many(state->high_water, size_class))
        state->taken_kib = taken_kib(heap);
}

/* It came back after a decline. One that does so again and again gets room for all of it, unless
 * its memory served others meanwhile: they would have to use memory that isn't warm. Classes of few
 * blocks leave half of the bound to the others; of very few, more frees pass between two looks. */
static void end_shrinking(const struct hak_heap *heap, struct hak_bin_state *state,
                          unsigned size_class) {
    state->is_shrinking = false;
    if (state->high_water < HAK_SHRINK_BLOCKS) {
        back_off(state);
        return;
    }
    if (are_many(state->high_water, size_class) &&
        taken_kib(heap) - state->taken_kib >= HAK_SOON_KIB)
        return;
    if (state->shrinks < HAK_MOST_SHRINKS)
        state->shrinks++;
    if (state->shrinks < HAK_MOST_SHRINKS || !raise_cap(state, size_class, state->high_water))
        return;
    if (!state->has_slab_grant)
        state->has_slab_grant =
            take_grant(HAK_SLAB_BYTES, are_many(state->high_water, size_class) ? 1 : 2);
}

void hak_bin_start(struct hak_heap *heap, unsigned size_class) {
    struct hak_bin_state *state = &heap->bin_state[size_class];
    *state = (struct hak_bin_state){
        .partial = state->partial,
        .used = state->used,
        .old_half = HAK_LIST_END,
        .cap = (uint16_t)first_cap(size_class),
        .most = (uint16_t)last_cap(size_class),
        .stride = first_stride(size_class),
    };
    heap->hot.bin[size_class] = HAK_LIST_END;
    hak_bin_arm(heap, size_class);
}

void hak_bin_stop(struct hak_heap *heap, unsigned size_class) {
    struct hak_bin_state *state = &heap->bin_state[size_class];
    if (!hak_bin_is_started(heap, size_class))
        return;
    reset_cap(state, size_class);
    if (state->has_slab_grant)
        give_grant(HAK_SLAB_BYTES);
}

/* Goal first: see struct hak_thread_counters. */
static void arm_at(struct hak_heap *heap, unsigned size_class, int64_t room) {
    struct hak_thread_counters *counters = &heap->counters;
    int64_t frees = (int64_t)hak_own_frees(counters, size_class);
    counters->sequence++;
    atomic_thread_fence(memory_order_release); /* pairs with the reader's loads of sequence */
    counters->of[size_class].free_goal = frees + room;
    counters->free_countdown[size_class] = -room;
    atomic_thread_fence(memory_order_release);
    counters->sequence++;
}

/* More than that are as many as that. */
static int32_t count_of(int64_t blocks) {
    return blocks < INT32_MAX ? (int32_t)blocks : INT32_MAX;
}

static void note_live(struct hak_bin_state *state, int64_t live) {
    if (live > state->peak)
        state->peak = count_of(live);
}

/* There is one first thread, but what a thousand others keep of a few blocks adds up. */
static bool is_one_of_many(const struct hak_heap *heap) {
    return heap->next_heap != NULL;
}

/* `room`, or fewer frees, if the class may be shrinking by then. */
static int64_t before_shrinking(const struct hak_heap *heap, unsigned size_class, int64_t room,
                                int64_t live) {
    const struct hak_bin_state *state = &heap->bin_state[size_class];
    int64_t sooner = live - state->peak / HAK_SHRINK_RATIO, least = HAK_SHRINK_BLOCKS;
    if (keeps_through_shrinking(state))
        return room;
    if (!are_many(state->peak, size_class)) {
        if (!is_one_of_many(heap))
            return room;
        sooner = live;
        least = 1 << state->backoff >> 2;
    } else if (sooner <= 0) {
        return room;
    }
    if (sooner < least)
        sooner = least;
    return sooner < room ? sooner : room;
}

void hak_bin_arm(struct hak_heap *heap, unsigned size_class) {
    const struct hak_bin_state *state = &heap->bin_state[size_class];
    int64_t length = hak_bin_length(heap, size_class);
    int64_t room = state->cap - length;
    if (room < state->stride)
        room = state->stride;
    if (state->is_shrinking && length > 0 && room > HAK_STRIDE_BLOCKS)
        room = HAK_STRIDE_BLOCKS;
    if (state->is_shrinking && room > state->live / 2)
        room = state->live / 2;
    else
        room = before_shrinking(heap, size_class, room, state->used - length);
    if (HAK_UNLIKELY(heap->trims_done != heap->trims_begun) && room > HAK_TRIM_STRIDE_BLOCKS)
        room = HAK_TRIM_STRIDE_BLOCKS;
    arm_at(heap, size_class, room > 0 ? room : 1);
}

/* Small caps only: those of large blocks would keep memory for the sake of a few length checks. */
void hak_bin_note_taken_back(struct hak_heap *heap, unsigned size_class) {
    struct hak_bin_state *state = &heap->bin_state[size_class];
    size_t most = HAK_STRIDE_BYTES / hak_size_class_bytes[size_class];
    raise_cap(state, size_class, (int64_t)hak_min(state->cap * 2u, most));
}

/* Steps grow: one OS page of blocks first, twice as many each time. */
unsigned hak_bin_refill(struct hak_heap *heap, unsigned size_class) {
    struct hak_bin_state *state = &heap->bin_state[size_class];
    unsigned most = (unsigned)hak_min(state->most / 2u, HAK_BATCH_BLOCKS);
    unsigned least = (unsigned)hak_max(hak_os_page_bytes / hak_size_class_bytes[size_class], 1);
    note_live(state, state->used);
    if (state->has_flushed)
        raise_cap(state, size_class, state->cap * 2);
    if (state->is_shrinking)
        end_shrinking(heap, state, size_class);
    state->has_flushed = false;
    unsigned batch = state->batch > least ? state->batch : least;
    batch = batch < most ? batch : most;
    state->batch = (uint16_t)(batch * 2);
    return batch;
}

/* Many have fallen far below their peak, or are shrinking already and still falling; few are gone.
 */
static bool is_shrinking(const struct hak_heap *heap, const struct hak_bin_state *state,
                         unsigned size_class, int64_t live) {
    if (state->is_shrinking && !keeps_through_shrinking(state))
        return live < state->live;
    if (live > state->peak / HAK_SHRINK_RATIO || keeps_through_shrinking(state))
        return false;
    return are_many(state->peak, size_class) || (live == 0 && is_one_of_many(heap));
}

static enum hak_bin_verdict empty(struct hak_bin_state *state, unsigned size_class) {
    state->stride = first_stride(size_class);
    state->batch = (uint16_t)(state->cap / 2);
    state->has_flushed = true;
    state->peak = state->live;
    reset_cap(state, size_class);
    return HAK_BIN_EMPTY;
}

static enum hak_bin_verdict shorten(struct hak_bin_state *state, unsigned size_class) {
    state->stride = first_stride(size_class);
    state->batch = (uint16_t)(state->cap / 2);
    state->has_flushed = state->old_count > 0;
    return HAK_BIN_SHORTEN;
}

enum hak_bin_verdict hak_bin_judge(struct hak_heap *heap, unsigned size_class) {
    struct hak_bin_state *state = &heap->bin_state[size_class];
    int64_t length = hak_bin_length(heap, size_class);
    int64_t live = state->used - length;
    bool was_shrinking = state->is_shrinking;
    note_live(state, live);
    state->is_shrinking = is_shrinking(heap, state, size_class, live);
    state->live = count_of(live);
    if (state->is_shrinking) {
        if (!was_shrinking)
            begin_shrinking(heap, state, size_class);
        return empty(state, size_class);
    }
    if (length > state->cap)
        return shorten(state, size_class);
    back_off(state);
    if (state->stride < hak_min(state->most, HAK_STRIDE_MOST_BLOCKS))
        state->stride = (uint16_t)(state->stride * 2); /* nothing to do: look less often */
    return HAK_BIN_KEEP;
}

bool hak_bin_judge_unasked(struct hak_heap *heap, unsigned size_class) {
    struct hak_bin_state *state = &heap->bin_state[size_class];
    if (!hak_bin_is_started(heap, size_class) || state->used != hak_bin_length(heap, size_class))
        return false;
    bool has_nothing = state->used == 0 && hak_list_is_empty(&state->partial);
    if (has_nothing || keeps_through_shrinking(state) || !is_one_of_many(heap))
        return false;
    if (!state->is_shrinking)
        begin_shrinking(heap, state, size_class);
    state->is_shrinking = true;
    state->live = 0;
    empty(state, size_class);
    return true;
}
