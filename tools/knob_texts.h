/* SPDX-License-Identifier: MIT */
/*
 * Owns what the table of knobs says to people: the library itself does without it. Constant.
 */
#ifndef HAK_TOOLS_KNOB_TEXTS_H
#define HAK_TOOLS_KNOB_TEXTS_H

struct hak_knob_text {
    const char *unit;
    const char *help;
};

/* Of hak_knobs[i]. */
extern const struct hak_knob_text hak_knob_texts[];

#endif
