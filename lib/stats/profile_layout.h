/* SPDX-License-Identifier: MIT */
/*
 * Owns the shape of the heap profile's area, which hakmem-stat reads: samples in a ring, frees of
 * sampled blocks in another, and the text of the process's mappings. Sample number n, counted from
 * 1, lies in slot (n - 1) % HAK_PROFILE_SLOTS until sample n + HAK_PROFILE_SLOTS takes the slot;
 * frees do likewise. Nothing here may be believed before it has been checked.
 */
#ifndef HAK_STATS_PROFILE_LAYOUT_H
#define HAK_STATS_PROFILE_LAYOUT_H

#include <stdatomic.h>
#include <stdint.h>

#define HAK_PROFILE_SLOTS 1024u
/* 4 MiB, as far as it is used. A reader that looks every 10 ms misses none of 10 million a second.
 */
#define HAK_PROFILE_FREES 131072u
#define HAK_PROFILE_STACK_BYTES 16064u
#define HAK_PROFILE_MAPS_BYTES 131072u
#define HAK_PROFILE_REGISTERS 33u

struct hak_profile_sample {
    _Atomic uint64_t number; /* 0 while the rest is written */
    uint64_t address;        /* of the block */
    uint64_t bytes;          /* asked for */
    uint64_t mean_bytes;     /* a byte in so many is sampled; 1: every block */
    uint64_t time_ms;        /* CLOCK_MONOTONIC */
    int32_t thread_id;
    uint32_t stack_bytes;
    uint32_t register_count; /* by DWARF number, the last is the place in the code */
    uint32_t stack_register; /* the one that `stack` begins at */
    uint64_t registers[HAK_PROFILE_REGISTERS];
    unsigned char stack[HAK_PROFILE_STACK_BYTES];
};

struct hak_profile_free {
    _Atomic uint64_t number; /* of the free; 0 while the rest is written */
    uint64_t taken;          /* samples that had been taken by then */
    uint64_t time_ms;        /* CLOCK_MONOTONIC */
    uint32_t sample;         /* the low bits of the sample's number */
    uint32_t spare;
};

struct hak_profile_area {
    _Atomic uint64_t taken; /* samples ever */
    _Atomic uint64_t freed; /* frees of sampled blocks ever */
    _Atomic uint32_t maps_bytes;
    uint32_t spare;
    uint64_t spare2[5]; /* slots lie at cache lines */
    struct hak_profile_free free[HAK_PROFILE_FREES];
    char maps[HAK_PROFILE_MAPS_BYTES]; /* as /proc/PID/maps has them */
    struct hak_profile_sample slot[HAK_PROFILE_SLOTS];
};

_Static_assert(sizeof(struct hak_profile_sample) % 64 == 0, "slots lie at cache lines");

#endif
