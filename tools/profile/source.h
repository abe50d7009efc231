/* SPDX-License-Identifier: MIT */
/*
 * Owns the way to a process's heap profile: the wish for one, renewed while somebody reads, so that
 * it ends by itself when the reader is gone; the samples, in order; the places of live ones.
 */
#ifndef HAK_TOOLS_PROFILE_SOURCE_H
#define HAK_TOOLS_PROFILE_SOURCE_H

#include "profile/profile.h"
#include "stat/target.h"
#include "stats/layout.h"

struct hak_profile_source {
    struct hak_target target;
    struct hak_stats_header header;
    struct hak_stats_control *control; /* NULL: the words are in the process's own memory */
    uint64_t next;                     /* the first sample that wasn't read */
    uint64_t lost;
};

/* HAK_STAT_NO_RIGHT: it can be seen, but not be asked. `from_start`: of samples before, too. */
enum hak_stat_error hak_source_open(struct hak_profile_source *source, pid_t pid, bool from_start);
void hak_source_close(struct hak_profile_source *source);

/* Asks for samples during the next `seconds`; 0: no more. False: it can't be asked. */
bool hak_source_ask(const struct hak_profile_source *source, unsigned seconds);

/* The next sample; false: there is none yet, or the process is gone. */
bool hak_source_read(struct hak_profile_source *source, struct hak_profile_sample *sample);

/* Calls `visit` with the number of each live sample. */
void hak_source_each_live(const struct hak_profile_source *source,
                          void (*visit)(struct hak_profile *profile, uint64_t number),
                          struct hak_profile *profile);

/* Samples that found no place in the process since it started. */
uint64_t hak_source_missed(const struct hak_profile_source *source);

/* The list of mappings that the process left behind; NULL: none. The caller closes and frees. */
FILE *hak_source_maps(const struct hak_profile_source *source, char **ret_text);

#endif
