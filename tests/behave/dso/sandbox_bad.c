/* SPDX-License-Identifier: MIT */
/*
 * What a library must not do: malloc_usable_size opens a file.
 */
#include <fcntl.h>
#include <malloc.h>

size_t malloc_usable_size(void *block) {
    return (size_t)open(block ? "/dev/null" : "/", O_RDONLY) + 1;
}
