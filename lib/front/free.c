/* SPDX-License-Identifier: MIT */
/*
 * The slow twin of free: everything but a plain block of the caller's own heap.
 */
#include "front/free.h"

#include "front/free_general.h"
#include "front/hardened_path.h"

/* Remote frees come here all the time: the block is to be read, and then written to. */
void hak_free_slow(void *pointer) {
    HAK_PREFETCH_WRITE(pointer);
    const struct hak_heap_hot *hot = hak_heap_mine;
    if (HAK_UNLIKELY(hot->is_hardened))
        hak_hardened_path_free(pointer, hak_heap_of_hot(hot));
    else
        hak_free_general_plain(pointer, hot);
}
