/* SPDX-License-Identifier: MIT */
/*
 * Prints what a freed block's two words have between them: the secret that guards its link.
 */
#include "check.h"

#include <inttypes.h>

int main(void) {
    uint64_t words[2];
    void *blocks[2] = {malloc(100), malloc(100)};
    free(blocks[0]);
    free(blocks[1]);
    memcpy(words, check_keep(blocks[1]), sizeof words);
    CHECK(words[0] == (uintptr_t)blocks[0]); /* the link itself is plain */
    printf("%016" PRIx64 "\n", words[1] - words[0]);
    return 0;
}
