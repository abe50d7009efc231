/* SPDX-License-Identifier: MIT */
/*
 * Owns what another process reads of ours: the header in front of the counters. hakmem-stat
 * compiles it, too. All places are distances in bytes from the header, so that one reader serves
 * both kinds:
 *
 *   SHARED   a segment: header, tables, process's counters, exited threads' row, a record a heap
 *   PRIVATE  the header in the library's data (hak_stats_anchor); heaps are a list of addresses
 *
 * A reader finds each counter by name in the table of rows, so it can read a layout of the same
 * number that has more of them. Nothing here may be believed before it has been checked.
 */
#ifndef HAK_STATS_LAYOUT_H
#define HAK_STATS_LAYOUT_H

#include <stdatomic.h>
#include <stdint.h>

#define HAK_STATS_MAGIC "libhakmem stats" /* 16 bytes with its NUL */
#define HAK_STATS_LAYOUT 3u
#define HAK_STATS_SHARED 1u
#define HAK_STATS_PRIVATE 2u

enum hak_row_scope { HAK_ROW_CLASS, HAK_ROW_THREAD, HAK_ROW_PROCESS };
enum hak_row_kind { HAK_ROW_EVENT, HAK_ROW_GAUGE, HAK_ROW_INTERNAL };

struct hak_stats_row {
    char name[32];
    char unit[16];
    uint32_t offset; /* in a heap's record, or in the process's counters */
    uint16_t count;  /* of values: 1, or one a size class */
    uint8_t value_bytes;
    uint8_t kind;  /* enum hak_row_kind */
    uint8_t scope; /* enum hak_row_scope */
    uint8_t spare;
    uint16_t step_bytes; /* from one value to the next */
    uint8_t spare2[4];
};

enum hak_knob_source { HAK_SOURCE_DEFAULT, HAK_SOURCE_ENVIRONMENT };

struct hak_stats_knob {
    char name[32];
    char value[64];  /* as a user writes it */
    uint32_t source; /* enum hak_knob_source */
    uint32_t spare;
};

struct hak_stats_table {
    uint64_t offset;
    uint32_t count;
    uint32_t entry_bytes;
};

/* Addresses and distances for a reader that may read the process's memory: each slab's record. */
struct hak_stats_slabs {
    uint64_t regions;      /* of the first region */
    uint64_t region_count; /* of their number, 4 bytes */
    uint32_t region_bytes;
    uint32_t region_top;     /* in a region: how many records it has, */
    uint32_t region_records; /* and the address of the first */
    uint32_t record_bytes;
    uint32_t state, size_class, used, capacity; /* in a record: bytes, and two words of 2 bytes */
    uint32_t state_blocks;                      /* what `state` is for a slab of blocks */
    /* For a look at single addresses (tools/hakmem-gdb.py): */
    uint32_t region_base; /* in a region: its first address */
    uint32_t owner;       /* in a record: the address of the heap, */
    uint32_t run_slabs;   /* the length of the run, 4 bytes, */
    uint32_t carved;      /* blocks ever made, 2 bytes, */
    uint32_t large_bytes; /* and the bytes of a large block, 8 */
    uint32_t state_large, state_dirty, state_clean, state_unmapped, state_waiting;
    uint32_t mark_byte; /* in a free block: a byte of its mark, */
    uint32_t mark;      /* and what it then is */
    uint32_t purged;    /* in a record: 2 bytes, a bit for each page that was given back */
};

struct hak_stats_header {
    char magic[16];
    uint32_t layout;
    uint32_t header_bytes;
    uint32_t kind;
    uint32_t page_bytes;
    uint64_t total_bytes; /* SHARED: of the segment */
    char version[24];
    int32_t pid;
    uint32_t slab_bytes;
    uint64_t started_s;             /* since 1970 */
    struct hak_stats_table rows;    /* struct hak_stats_row */
    struct hak_stats_table classes; /* uint32_t: bytes of a block; [0] is no class */
    struct hak_stats_table knobs;   /* struct hak_stats_knob */
    struct hak_stats_table process; /* 1 */
    struct hak_stats_table exited;  /* 1, of a record's shape */
    struct hak_stats_table records; /* SHARED: as many as there is room for */
    uint64_t first_heap;            /* PRIVATE: where the list's first address is, */
    uint64_t abandoned_heap;        /* and that of the abandoned heap */
    uint32_t heap_next;             /* PRIVATE: distances in a heap */
    uint32_t heap_counters;
    int32_t control_id; /* System V id of the control page; -1: none */
    _Atomic uint32_t records_used;
    _Atomic uint32_t heaps_missing; /* SHARED: heaps that found no room */
    _Atomic uint32_t sequence;      /* odd while counters move to the exited threads' row */
    _Atomic uint32_t purges_served; /* the last request that a thread has begun to serve */
    uint32_t forks;                 /* as in the record of a thread that lives in this process */
    struct hak_stats_table profile; /* 1: struct hak_profile_area; PRIVATE: offset 0 until it is */
    uint64_t control;               /* PRIVATE: where the control words are */
    struct hak_stats_slabs slabs;
};

/* A page that others of the same user may write: it holds wishes, and nothing there is trusted. */
struct hak_stats_control {
    _Atomic uint32_t purge_request;
    uint32_t spare;
    _Atomic uint64_t profile_until_ms; /* CLOCK_MONOTONIC; 0: no samples, UINT64_MAX: no end */
    /* How far the reader of the profile has come: the last sample and the last free that it read. A
     * process that samples every block waits for it, until profile_until_ms at most. */
    _Atomic uint64_t samples_read;
    _Atomic uint64_t frees_read;
    _Atomic uint64_t sample_mean; /* bytes, in the place of HAKMEM_SAMPLE_MEAN; 0: that counts */
};

#endif
