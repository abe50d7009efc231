/* SPDX-License-Identifier: MIT */
/* The program of early.sh whose shared object allocated first. */
#include "check.h"

int first_user_is_well(void);

int main(void) {
    CHECK(first_user_is_well());
    free(malloc(10));
    CHECK(first_user_is_well());
    return 0;
}
