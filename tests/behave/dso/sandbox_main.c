/* SPDX-License-Identifier: MIT */
/*
 * Opens a file, which it may, and calls a function of the library's.
 */
#include <fcntl.h>
#include <malloc.h>

int main(void) {
    return open("/dev/null", O_RDONLY) < 0 || malloc_usable_size(NULL) == 0;
}
