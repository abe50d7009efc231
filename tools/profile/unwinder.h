/* SPDX-License-Identifier: MIT */
/*
 * From a sample's registers and stack to code addresses and their names. Belongs to one profile;
 * used by one thread.
 */
#ifndef HAK_TOOLS_PROFILE_UNWINDER_H
#define HAK_TOOLS_PROFILE_UNWINDER_H

#include "profile/profile.h"

struct hak_unwinder;
/* NULL: complained. */
struct hak_unwinder *hak_unwinder_open(struct hak_profile *profile);
void hak_unwinder_close(struct hak_unwinder *unwinder);
/* Adds the mappings of a text like /proc/PID/maps. */
void hak_unwinder_add(struct hak_unwinder *unwinder, FILE *maps);
/* Finds the sample's stack; false: some of it lies where no module is known. */
bool hak_unwinder_walk(struct hak_unwinder *unwinder, const struct hak_profile_sample *sample);
/* The stack last found, without the allocator's own frames; its depth. */
unsigned hak_unwinder_name(struct hak_unwinder *unwinder, uint32_t code[HAK_PROFILE_FRAMES]);
/* Once all samples are there: the lines of the source. */
void hak_unwinder_find_lines(struct hak_unwinder *unwinder);

#endif
