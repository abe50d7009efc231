/* SPDX-License-Identifier: MIT */
/*
 * The words themselves.
 */
#include "core/fork_epoch.h"

_Atomic uint32_t hak_fork_epoch;
_Atomic uint32_t hak_fork_next_epoch;
_Atomic uint32_t hak_fork_frozen_before;
uint32_t hak_fork_stamp;
