/* SPDX-License-Identifier: MIT */
/*
 * Owns the texts of the knobs, expanded from their table. Constant.
 */
#include "run/knob_texts.h"

const char *const hak_knob_help[] = {
#define HAK_KNOB(name, kind, initial, min, max, unit, stability, help) help,
#include "conf/knobs.def"
#undef HAK_KNOB
};
