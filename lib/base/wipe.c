/* SPDX-License-Identifier: MIT */
/*
 * Owns the clearing of what may be larger than a page. Pure.
 */
#include "base/wipe.h"

#include <string.h>

#define HAK_LOOKED_AT_BYTES 4096u /* the least page */
#define HAK_LOOK_BYTES 512u       /* a page that was used mostly shows it early */

/* A page that was never used reads as zero, out of one page that is always warm, and stays so. What
 * is shorter than a step is one end of a block, where something has been written anyway. */
static void wipe_page(char *start, size_t bytes) {
    size_t first_bytes = hak_min(bytes, HAK_LOOK_BYTES);
    size_t rest_bytes = hak_max(bytes - first_bytes, HAK_WIPE_STEP_BYTES);
    if (bytes < HAK_WIPE_STEP_BYTES || !hak_wipe_is_zero(start, first_bytes) ||
        !hak_wipe_is_zero(start + bytes - rest_bytes, rest_bytes))
        memset(start, 0, bytes);
}

void hak_wipe(void *start, size_t bytes) {
    char *at = start, *end = at + bytes;
    if (bytes <= HAK_LOOKED_AT_BYTES) {
        memset(start, 0, bytes);
        return;
    }
    while (at < end) {
        size_t left = HAK_LOOKED_AT_BYTES - (uintptr_t)at % HAK_LOOKED_AT_BYTES;
        size_t part = hak_min(left, (size_t)(end - at));
        wipe_page(at, part);
        at += part;
    }
}
