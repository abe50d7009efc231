/* SPDX-License-Identifier: MIT */
/*
 * An audit library for LD_AUDIT: allocates at each call of the dynamic linker, in its own namespace
 * and before the program's libraries exist.
 */
#include <link.h>
#include <stdlib.h>

unsigned int la_version(unsigned int version) {
    free(malloc(100));
    return version;
}

unsigned int la_objopen(struct link_map *map, Lmid_t id, uintptr_t *cookie) {
    (void)map;
    (void)id;
    (void)cookie;
    free(realloc(calloc(10, 10), 5000));
    return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}

void la_activity(uintptr_t *cookie, unsigned int flag) {
    (void)cookie;
    (void)flag;
    free(malloc(70000));
}

void la_preinit(uintptr_t *cookie) {
    (void)cookie;
    free(malloc(20));
}
