/* SPDX-License-Identifier: MIT */
/*
 * What both forms of the screen share. Called by them alone.
 */
#ifndef HAK_TOOLS_STAT_SCREEN_SIGNALS_H
#define HAK_TOOLS_STAT_SCREEN_SIGNALS_H

/* END: told by a signal. REDRAW: the descriptor (-1: none) is ready, or something interrupted. */
int hak_screen_signals_wait(int descriptor, int timeout_ms);

#endif
