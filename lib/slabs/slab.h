/* SPDX-License-Identifier: MIT */
/*
 * Owns a slab's blocks: carving, its free list, and whether it is on its owner's list of partial or
 * full slabs. A slab belongs to the heap in its `owner`: that heap's thread calls, or, for the
 * abandoned heap, whoever holds the heap lock.
 */
#ifndef HAK_SLABS_SLAB_H
#define HAK_SLABS_SLAB_H

#include "core/block.h"
#include "slabs/purged_page.h"

/* Makes a run of one slab into a slab of `class` of `heap`, first on its partial list. */
void hak_slab_start(struct hak_heap *heap, struct hak_slab *slab, unsigned size_class);

/* The pages of a slab, just started, will be made resident as it is carved. */
void hak_slab_note_populated(struct hak_slab *slab);

/* So much of a slab is made resident, and carved, at a time: nobody is to wait for a whole one. */
#define HAK_SLAB_STEP_BYTES HAK_KIB(16)

HAK_INLINE size_t hak_slab_step_bytes(void) {
    return hak_max(HAK_SLAB_STEP_BYTES, hak_os_page_bytes);
}

/* Hands a slab from one heap to another; lists and slab_bound follow. */
void hak_slab_move(struct hak_heap *from, struct hak_heap *to, struct hak_slab *slab);

/* A partial slab of the heap is evacuated from now on (cache/evacuate.h), until it is empty, or
 * blocks are taken from it after all. No bin has a block of it. */
void hak_slab_evacuate(struct hak_heap *heap, struct hak_slab *slab);

/* Takes an empty slab off its heap; the caller gives the run back. */
void hak_slab_stop(struct hak_heap *heap, struct hak_slab *slab);

/*
 * Before blocks are taken: how many of `wanted` it should be, and their memory made resident, if it
 * was never touched. Each page of it is a fault. A system call: without the heap lock.
 */
unsigned hak_slab_prepare(const struct hak_slab *slab, unsigned wanted);

/*
 * Takes up to `wanted` blocks as a list that ends with hak_list_end; returns how many. They come
 * from the slab's free list, or, if that is empty, from purged pages, or from untouched
 * memory.
 */
unsigned hak_slab_take(struct hak_heap *heap, struct hak_slab *slab, unsigned wanted,
                       struct hak_block **ret_first);

/* Takes the blocks of wholly free OS pages off the slab's list and says that they are purged, if
 * they are `least` pages and more: those pages, as bits. The caller purges them. */
unsigned hak_slab_leave_pages(struct hak_heap *heap, struct hak_slab *slab, unsigned least);

/* Returns one block, checked again. True: the slab is empty now. */
bool hak_slab_return(struct hak_heap *heap, struct hak_slab *slab, struct hak_block *block);

/* Returns the blocks of a remote list, all of this slab. */
void hak_slab_return_remote(struct hak_heap *heap, struct hak_slab *slab, struct hak_block *block);

/* From now on free() of the owner looks at slab_bound, of so many slabs at least, and finds what
 * changes. Without the heap lock, which it takes. */
void hak_slab_show_first(struct hak_heap *heap, size_t slabs);

/* A block of the owner's was freed without help of slab_bound: from a number of them on there will
 * be help. A thread that frees little has no slab_bound at all. */
void hak_slab_publish(struct hak_heap *heap, const struct hak_slab *slab);

/* Makes free() of its owner take the slow path for every block of a slab that has no live one: so
 * the owner looks at the byte that is written here only if it frees a block twice. Lock held. */
void hak_slab_retract(struct hak_heap *heap, struct hak_slab *slab);

/* Makes a slab whose blocks are all free, wherever they were listed, one without carved blocks.
 * is_zero: its memory reads as zero. */
void hak_slab_reset(struct hak_heap *heap, struct hak_slab *slab, bool is_zero);

/* Ends the process: it has no block at that address. */
__attribute__((noreturn)) HAK_COLD void hak_slab_report_stray(const struct hak_slab *slab,
                                                              const void *pointer);

/* A fatal report unless `block` starts a block that was carved. */
void hak_slab_check(const struct hak_slab *slab, const struct hak_block *block);

/* Puts a slab on the list, of partial or of full slabs, where it belongs now. */
void hak_slab_relist(struct hak_heap *heap, struct hak_slab *slab);

/* The blocks out of a heap's slabs, for the bins' policy and for the statistics. */
HAK_INLINE void hak_slab_count_used(struct hak_heap *heap, unsigned size_class, int64_t change) {
    heap->bin_state[size_class].used += change;
    heap->counters.of[size_class].blocks_out = (uint64_t)heap->bin_state[size_class].used;
}

/*
 * Puts `count` blocks, linked as in a bin from `first` to `last`, on the slab's free list; the
 * caller counts them. True: the slab is on the wrong list now, or empty.
 */
HAK_INLINE bool hak_slab_join_list(struct hak_slab *slab, struct hak_block *first,
                                   struct hak_block *last, unsigned count) {
    hak_block_link(last, slab->free);
    slab->free = first;
    slab->free_count = (uint16_t)(slab->free_count + count);
    slab->used = (uint16_t)(slab->used - count);
    return slab->is_full || slab->used == 0;
}

/* True if the address is the start of a block of the slab's class, carved or not. */
HAK_INLINE bool hak_slab_has_start(const struct hak_slab *slab, uintptr_t address) {
    return hak_size_class_rest(slab->size_class, address) <
           hak_size_class_bound(slab->size_class, slab->capacity);
}

/* True if the address is the start of a block that was carved. */
HAK_INLINE bool hak_slab_has_block(const struct hak_slab *slab, uintptr_t address) {
    return hak_size_class_rest(slab->size_class, address) <
           hak_size_class_bound(slab->size_class, hak_slab_carved(slab));
}

/* True if `block` is on the slab's own free list. */
bool hak_slab_lists(const struct hak_slab *slab, const struct hak_block *block);

#endif
