/* SPDX-License-Identifier: MIT */
/*
 * Owns what the table of knobs says to people: the library itself does without it. Constant.
 */
#ifndef HAK_TOOLS_RUN_KNOB_TEXTS_H
#define HAK_TOOLS_RUN_KNOB_TEXTS_H

/* The help of hak_knobs[i]. */
extern const char *const hak_knob_help[];

#endif
