/* SPDX-License-Identifier: MIT */
/*
 * What is said of knobs that are valid, each by itself, and will not do what was asked for. Called
 * once, after conf.c has read them.
 */
#ifndef HAK_TOOLS_RUN_KNOB_CHECK_H
#define HAK_TOOLS_RUN_KNOB_CHECK_H

/* A line for each; the program runs all the same. */
void hak_knob_check(void);

#endif
