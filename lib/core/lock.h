/* SPDX-License-Identifier: MIT */
/*
 * Owns the one lock of the heap layer: regions, free runs, abandoned slabs, the list of heaps and
 * the process counters are what it protects. Never held across a system call; never taken twice.
 *
 * Fork does not take it: what becomes of it in the child is told in front/fork.h. A thread that
 * holds it waits for nothing, so others wait for it no longer than its section takes.
 */
#ifndef HAK_CORE_LOCK_H
#define HAK_CORE_LOCK_H

#include "os/os_lock.h"

extern struct hak_lock hak_heap_lock;

#endif
