/* SPDX-License-Identifier: MIT */
/*
 * Owns the one lock of the heap layer: ranges, free runs, orphaned slabs, the list of heaps and the
 * process counters are what it protects. Never held across a system call; never taken twice.
 *
 * One lock and not three, because of fork: a thread whose signal handler forks while it is inside a
 * critical section holds all that fork needs, and waits for nobody. With several locks two such
 * threads would wait for each other.
 */
#ifndef HAK_HEAP_LOCK_H
#define HAK_HEAP_LOCK_H

#include "os/os_lock.h"

extern struct hak_lock hak_heap_lock;

#endif
