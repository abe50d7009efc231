/* SPDX-License-Identifier: MIT */
/*
 * A model of the protocol of lib/cache/remote.c, abandoned.c and thread.c, run through every
 * interleaving: two freers send a block each to an owner that takes its inbox, leaves what it took
 * as arrivals, which a third thread may take to relieve it, and exits, while a new thread may take
 * its heap over. Each step is one atomic operation or one critical section of the code. Checked in
 * every final state: each block was freed exactly once, none waits in a dead inbox.
 *
 * Broken on purpose it must fail: 1 (the owner says DEAD after its last look), 2 (no look at the
 * state after a send), 3 (DEAD before the slabs have moved) and 4 (arrivals are forgotten at the
 * exit). The test runs them, too.
 */
#include "unit.h"

#include <stdbool.h>
#include <string.h>

enum { BLOCKS = 2, LIVE = 0, DEAD = 1, HEAP = 1, ABANDONED = 2, SPINS = 3 };

struct state {
    int slab_owner; /* HEAP or ORPHAN */
    int heap_state;
    unsigned inbox; /* bit a block */
    unsigned arrivals;
    int freed[BLOCKS];
    int step[BLOCKS + 3]; /* freers, exiting owner, next user of the heap, who relieves */
    int spins[BLOCKS];
    unsigned taken[BLOCKS + 3]; /* what an exchange brought, still to be routed */
};

static int broken;
static unsigned long final_states, failures;

enum { OWNER = BLOCKS, USER, RELIEVER, ACTORS, DONE = 100 };

static void free_blocks(struct state *s, unsigned bits) {
    for (int i = 0; i < BLOCKS; i++)
        if (bits >> i & 1)
            s->freed[i]++;
}

/* Routing what was taken: an abandoned slab takes its block; else it is sent to the inbox again. */
static int route(struct state *s, int actor, int next, int again) {
    if (s->slab_owner == ABANDONED) {
        free_blocks(s, s->taken[actor]);
        s->taken[actor] = 0;
        return next;
    }
    if (s->heap_state == LIVE) {
        s->inbox |= s->taken[actor];
        s->taken[actor] = 0;
        return next;
    }
    return again; /* the heap is dead and the slab not yet moved: look again */
}

static void freer_step(struct state *s, int i) {
    switch (s->step[i]) {
    case 0: /* whose slab? */
        s->step[i] = s->slab_owner == ABANDONED ? 4 : 1;
        break;
    case 1: /* send */
        s->inbox |= 1u << i;
        s->step[i] = broken == 2 ? DONE : 2;
        break;
    case 2: /* look at the state */
        s->step[i] = s->heap_state == LIVE ? DONE : 3;
        break;
    case 3: /* rescue: take the whole inbox */
        s->taken[i] = s->inbox;
        s->inbox = 0;
        s->step[i] = s->taken[i] ? 5 : DONE;
        break;
    case 4: /* an abandoned slab's block, under the lock */
        s->freed[i]++;
        s->step[i] = DONE;
        break;
    default:
        s->step[i] = route(s, i, 2, 5);
        if (s->step[i] == 5 && ++s->spins[i] > SPINS)
            s->step[i] = DONE + 1; /* it would spin for as long as the owner is off the CPU */
    }
}

static void owner_step(struct state *s) {
    enum { TAKE, DRAIN, MOVE, SAY, LOOK, ROUTE };
    static const int orders[5][5] = {{TAKE, DRAIN, MOVE, SAY, LOOK},
                                     {TAKE, DRAIN, MOVE, LOOK, SAY},
                                     {TAKE, DRAIN, MOVE, SAY, LOOK},
                                     {TAKE, DRAIN, SAY, MOVE, LOOK},
                                     {TAKE, MOVE, SAY, LOOK, ROUTE}};
    int step = s->step[OWNER];
    int what = step < 5 ? orders[broken][step] : ROUTE;
    s->step[OWNER] = step + 1;
    if (what == TAKE) {
        s->arrivals = s->inbox;
        s->inbox = 0;
    } else if (what == DRAIN) {
        free_blocks(s, s->arrivals);
        s->arrivals = 0;
    } else if (what == MOVE) {
        s->slab_owner = ABANDONED;
    } else if (what == SAY) {
        s->heap_state = DEAD;
    } else if (what == LOOK) {
        s->taken[OWNER] = s->inbox;
        s->inbox = 0;
    } else {
        s->step[OWNER] = route(s, OWNER, DONE, step);
    }
}

/* Parked blocks go back to the slab's owner, whoever it is by then. */
static void reliever_step(struct state *s) {
    if (s->step[RELIEVER] == 0) {
        s->taken[RELIEVER] = s->arrivals;
        s->arrivals = 0;
        s->step[RELIEVER] = s->taken[RELIEVER] ? 1 : DONE;
    } else {
        free_blocks(s, s->taken[RELIEVER]);
        s->step[RELIEVER] = DONE;
    }
}

/* The heap's structure is used again once its owner is done; its user drains at some time. */
static void user_step(struct state *s) {
    switch (s->step[USER]) {
    case 0:
        s->heap_state = LIVE;
        s->step[USER] = 1;
        break;
    case 1:
        s->taken[USER] = s->inbox;
        s->inbox = 0;
        s->step[USER] = s->taken[USER] ? 2 : DONE;
        break;
    default:
        s->step[USER] = route(s, USER, DONE, 2);
    }
}

static bool can_step(const struct state *s, int actor, bool is_reused) {
    if (s->step[actor] >= DONE)
        return false;
    if (actor == RELIEVER && s->step[actor] == 0)
        return s->arrivals != 0; /* else it finds nothing, whenever it looks */
    return actor != USER || (is_reused && s->step[OWNER] >= DONE);
}

static void check_final(const struct state *s, bool is_reused) {
    bool good = true;
    final_states++;
    for (int i = 0; i < BLOCKS; i++) {
        /* A live heap drains its inbox later; a dead one never does. */
        int waiting = s->inbox >> i & 1;
        good &= s->freed[i] + (is_reused ? waiting : 0) == 1 && s->step[i] == DONE;
    }
    failures += !good;
}

static void explore(struct state s, bool is_reused) {
    bool moved = false;
    if (broken && failures)
        return; /* seen */
    for (int actor = 0; actor < ACTORS; actor++) {
        if (!can_step(&s, actor, is_reused))
            continue;
        struct state next = s;
        moved |= actor != RELIEVER || s.step[actor]; /* who need not come at all */
        if (actor == OWNER)
            owner_step(&next);
        else if (actor == USER)
            user_step(&next);
        else if (actor == RELIEVER)
            reliever_step(&next);
        else
            freer_step(&next, actor);
        explore(next, is_reused);
    }
    if (!moved)
        check_final(&s, is_reused);
}

static unsigned long failures_when(int breakage) {
    struct state start;
    memset(&start, 0, sizeof start);
    start.slab_owner = HEAP;
    broken = breakage;
    final_states = 0;
    failures = 0;
    explore(start, false);
    explore(start, true);
    printf("breakage %d: %lu final states, %lu bad\n", breakage, final_states, failures);
    return failures;
}

int main(void) {
    CHECK(failures_when(0) == 0);
    for (int breakage = 1; breakage <= 4; breakage++)
        CHECK(failures_when(breakage) > 0);
    return 0;
}
