/* SPDX-License-Identifier: MIT */
/*
 * Owns the name by which malloc.c takes the constructor along into a static link.
 */
#ifndef HAK_API_INIT_H
#define HAK_API_INIT_H

/* glibc calls constructors with main's arguments. */
void hak_init(int count, char **arguments);

#endif
