/* SPDX-License-Identifier: MIT */
/*
 * Owns the library's half of `hakmem-run --no-inherit`: it takes back, from this process's own
 * environment, what hakmem-run put there, so that the programs it starts get the old LD_PRELOAD.
 * Called once by the library's constructor, before main and while there is one thread, and after
 * hak_conf_read, which still needs the variables.
 *
 *   HAKMEM_NO_INHERIT=LOG,DIRTY_MIN=old    knobs to remove; LD_PRELOAD was `old`
 *   HAKMEM_NO_INHERIT=LOG,DIRTY_MIN        the same; LD_PRELOAD was not set
 */
#ifndef HAK_API_PRELOAD_H
#define HAK_API_PRELOAD_H

/* Changes environ in place: no malloc, no lock, no setenv. Does nothing under secure execution. */
void hak_init_restore_preload(void);

#endif
