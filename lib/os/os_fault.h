/* SPDX-License-Identifier: MIT */
/*
 * Owns the handler of SIGSEGV, which exists only once somebody asks for it. It shows a fault to its
 * watcher, then hands it to whoever would have had it: the handler that was there before, or the
 * kernel, which ends the process where the fault was. A handler that the program installs later
 * takes its place.
 */
#ifndef HAK_OS_FAULT_H
#define HAK_OS_FAULT_H

#include "base/compiler.h"

enum hak_access { HAK_ACCESS_UNKNOWN, HAK_ACCESS_READ, HAK_ACCESS_WRITE };

struct hak_fault {
    uintptr_t address; /* touched */
    uintptr_t place;   /* of the instruction */
    enum hak_access access;
};

/* From now on `watcher` sees each fault first, in the thread's signal handler. Once a process. */
void hak_os_fault_watch(void (*watcher)(const struct hak_fault *fault));

#endif
