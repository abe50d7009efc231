/* SPDX-License-Identifier: MIT */
/*
 * Owns the texts of the knobs, expanded from their table. Constant.
 */
#include "knob_texts.h"

const struct hak_knob_text hak_knob_texts[] = {
#define HAK_KNOB(name, kind, initial, min, max, unit, stability, help) {unit, help},
#include "conf/knobs.def"
#undef HAK_KNOB
};
