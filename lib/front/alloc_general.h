/* SPDX-License-Identifier: MIT */
/*
 * malloc of any size in any state of the thread. Any thread may call.
 */
#ifndef HAK_FRONT_ALLOC_GENERAL_H
#define HAK_FRONT_ALLOC_GENERAL_H

#include "base/compiler.h"

/* hak_alloc_slow without the plain cases of hardened heaps. NULL: no memory; errno is ENOMEM. */
HAK_SLOW void *hak_alloc_general(size_t bytes);

#endif
