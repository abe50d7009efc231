/* SPDX-License-Identifier: MIT */
/*
 * Owns the name by which malloc.c takes the constructor along into a static link.
 */
#ifndef HAK_API_INIT_H
#define HAK_API_INIT_H

void hak_init(void);

#endif
