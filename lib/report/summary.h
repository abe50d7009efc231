/* SPDX-License-Identifier: MIT */
/*
 * Owns the summary for people that the knob `summary` asks for at exit, and the descriptor that it
 * goes to: a copy of standard error, because many programs close theirs before they end.
 * hak_summary_start: once, in the library's constructor; hak_summary_at_exit: in its destructor.
 */
#ifndef HAK_REPORT_SUMMARY_H
#define HAK_REPORT_SUMMARY_H

void hak_summary_start(void);
void hak_summary_at_exit(void);

#endif
