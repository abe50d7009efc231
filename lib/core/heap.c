/* SPDX-License-Identifier: MIT */
/*
 * The words that lead to heaps: each thread's own, and the list of all.
 * Invariant: hak_heap_mine is the calling thread's heap, or a read-only stand-in that sends every
 * call to a slow path.
 */
#include "core/heap.h"

/* clang-format off */
#define HAK_STAND_IN                                                                               \
    { .secret = 1, .bin = {[0 ... HAK_CLASS_COUNT - 1] = HAK_LIST_END} }
/* clang-format on */
const struct hak_heap_hot hak_heap_none = HAK_STAND_IN;
const struct hak_heap_hot hak_heap_late = HAK_STAND_IN;

HAK_TLS const struct hak_heap_hot *hak_heap_mine = &hak_heap_none;

struct hak_heap *hak_first_heap;
struct hak_heap *hak_abandoned_heap;

void hak_heap_each(void (*visit)(const struct hak_heap *heap, void *context), void *context) {
    if (hak_abandoned_heap)
        visit(hak_abandoned_heap, context);
    for (const struct hak_heap *heap = hak_first_heap; heap; heap = heap->next_heap)
        visit(heap, context);
}
