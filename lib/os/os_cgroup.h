/* SPDX-License-Identifier: MIT */
/*
 * Owns the question "how much memory does this process's control group allow?". Asked only when a
 * knob needs the answer. Without stdio and malloc, stateless; errno is kept.
 */
#ifndef HAK_OS_CGROUP_H
#define HAK_OS_CGROUP_H

#include "base/compiler.h"

/* The least limit of the group and those around it, version 2 or 1; SIZE_MAX without one. */
size_t hak_os_cgroup_memory_bytes(void);

/* Put before /proc and /sys; a test sets another. */
extern const char *hak_os_cgroup_root;

#endif
