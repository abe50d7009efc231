/* SPDX-License-Identifier: MIT */
/*
 * Asks twice for more than there is. Exit status 0: neither could be had.
 */
#include "check.h"

int main(void) {
    for (int i = 0; i < 2; i++)
        if (check_keep(malloc((size_t)1 << 32)) || errno != ENOMEM)
            return 1;
    return 0;
}
