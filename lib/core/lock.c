/* SPDX-License-Identifier: MIT */
/*
 * The lock itself.
 */
#include "core/lock.h"

struct hak_lock hak_heap_lock;
