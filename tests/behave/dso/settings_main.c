/* SPDX-License-Identifier: MIT */
/* Uses the heap, then says in one line whether it runs in secure execution. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>

int main(void) {
    void *block = malloc(1000);
    free(block);
    puts(getauxval(AT_SECURE) ? "secure" : "plain");
    return block ? 0 : 1;
}
