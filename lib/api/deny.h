/* SPDX-License-Identifier: MIT */
/*
 * Owns the library's half of the deny list: a program that was started by another one inherits
 * LD_PRELOAD, and if it is on the list that HAKMEM_DENY names, it starts itself again without us.
 * Called once by the library's constructor, before main and while there is one thread.
 */
#ifndef HAK_API_DENY_H
#define HAK_API_DENY_H

/* Comes back unless the program is on the list. Does nothing under secure execution. */
void hak_init_deny(char **arguments);

#endif
