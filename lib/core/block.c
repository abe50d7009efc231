/* SPDX-License-Identifier: MIT */
/*
 * The end of every local list, the secret in every mark, and the report of a link that does not
 * prove itself. Any thread may call; the secret is written once, before the first heap exists.
 */
#include "core/block.h"

#include "core/region.h"
#include "os/os_fatal.h"

const struct hak_block hak_list_end = {NULL, 0};
uint64_t hak_secret;

void hak_block_report_link(const struct hak_block *block) {
    const struct hak_slab *slab = hak_region_slab(block);
    if (slab && atomic_load_explicit(&slab->state, memory_order_acquire) == HAK_SLAB_BLOCKS)
        hak_fatal(HAK_FATAL_CORRUPT_LINK, block, hak_size_class_bytes[slab->size_class],
                  hak_heap_owner_thread(slab));
    hak_fatal(HAK_FATAL_CORRUPT_LINK, block, 0, HAK_NO_THREAD);
}
