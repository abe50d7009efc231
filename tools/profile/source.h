/* SPDX-License-Identifier: MIT */
/*
 * Owns the way to a process's heap profile: the wish for one, renewed while somebody reads, so that
 * it ends by itself when the reader is gone; the samples and the frees of sampled blocks, in order;
 * and how far both were read, which a process that samples every block waits for.
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
    uint64_t next;                     /* the first sample that wasn't read, */
    uint64_t next_free;                /* and the first free */
    uint64_t lost, lost_frees;         /* overwritten before they were read */
};

/* HAK_STAT_NO_RIGHT: it can be seen, but not be asked. `from_start`: of samples before, too. */
enum hak_stat_error hak_source_open(struct hak_profile_source *source, pid_t pid, bool from_start);
void hak_source_close(struct hak_profile_source *source);

/* Asks for samples during the next `seconds`; 0: no more. False: it can't be asked. */
bool hak_source_ask(const struct hak_profile_source *source, unsigned seconds);

/* The next sample; false: there is none yet, or the process is gone. */
bool hak_source_read(struct hak_profile_source *source, struct hak_profile_sample *sample);

/* The next free; its sample may be one that was not read yet. */
bool hak_source_read_free(struct hak_profile_source *source, struct hak_profile_free *ended);

/* How many bytes there are to be for one that is sampled; 0: as the process was told at its start.
 */
void hak_source_set_mean(const struct hak_profile_source *source, uint64_t mean_bytes);

/* Samples, and frees of sampled blocks, that there have been until now. */
uint64_t hak_source_taken(struct hak_profile_source *source);
uint64_t hak_source_freed(struct hak_profile_source *source);

/* Tells the process how far it was read. */
void hak_source_publish(const struct hak_profile_source *source);

/* The list of mappings that the process left behind; NULL: none. The caller closes and frees. */
FILE *hak_source_maps(const struct hak_profile_source *source, char **ret_text);

#endif
