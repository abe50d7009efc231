/* SPDX-License-Identifier: MIT */
/*
 * Owns the proof that a preload took effect: the dynamic linker writes down whose malloc each
 * object got, and we read it. Used by one thread; the folder is ours from begin to end.
 */
#ifndef HAK_TOOLS_COMPARE_BINDING_H
#define HAK_TOOLS_COMPARE_BINDING_H

#include <sys/types.h>

enum hak_proof {
    HAK_PROOF_NONE,   /* no use of malloc was seen */
    HAK_PROOF_WHOLE,  /* every object that uses malloc got this one */
    HAK_PROOF_PARTLY, /* some did */
    HAK_PROOF_WRONG   /* none did */
};

struct hak_binding {
    enum hak_proof proof;
    char other[128]; /* where else malloc came from: a library's name */
};

/* Makes the folder; 0, or an errno value. */
int hak_binding_begin(void);

/* In the child, before exec: asks the dynamic linker. */
void hak_binding_ask(void);

/* What the dynamic linker said of the process `pid`, whose malloc should be that of `library`, a
 * path or a bare name. */
void hak_binding_read(pid_t pid, const char *library, struct hak_binding *ret_binding);

/* Removes the folder and what the children wrote there; may be called twice. */
void hak_binding_end(void);

#endif
