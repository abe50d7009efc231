/* SPDX-License-Identifier: MIT */
/*
 * A model of how a reader in another process copies a countdown while its owner sets it anew
 * (arm_at in lib/cache/bin.c, copy_record in tools/stat/reader.c): the owner's stores become
 * visible in every order that its fences allow, and each of the reader's loads falls anywhere
 * between them. Checked: a copy that the reader accepts is of one arming, so that frees = goal +
 * countdown.
 *
 * Without either of the owner's fences, and without the reader's, it must fail: the test runs that.
 */
#include "unit.h"

#include <stdbool.h>
#include <string.h>

/* Two armings; each stores: sequence odd, goal, countdown, sequence even. */
enum { ARMINGS = 2, STORES = 4, ALL_STORES = ARMINGS * STORES, LOADS = 4 };
enum { SEQUENCE, GOAL, COUNTDOWN, WORDS };
enum { NO_FENCE_BEFORE = 1, NO_FENCE_AFTER = 2, NO_READER_FENCE = 4 };

static int broken;
static unsigned long accepted, torn;

static int word_of(int store) {
    static const int words[STORES] = {SEQUENCE, GOAL, COUNTDOWN, SEQUENCE};
    return words[store % STORES];
}

/* Must `one` be visible before `other`, which comes later in the program? A release fence orders
 * all that is before it before every store after it; stores to one word keep their order. */
static bool is_ordered(int one, int other) {
    if (word_of(one) == word_of(other))
        return true;
    for (int store = one; store < other; store++) {
        int place = store % STORES; /* a fence behind the 1st and the 3rd store of an arming */
        if ((place == 0 && !(broken & NO_FENCE_BEFORE)) ||
            (place == 2 && !(broken & NO_FENCE_AFTER)))
            return true;
    }
    return false;
}

struct state {
    unsigned visible; /* bit a store */
    unsigned loaded;  /* bit a load: sequence, goal, countdown, sequence */
    int value[WORDS]; /* what memory holds: sequence, or the number of the arming */
    int seen[LOADS];
};

static bool store_can_come(const struct state *s, int store) {
    if (s->visible >> store & 1)
        return false;
    for (int earlier = 0; earlier < store; earlier++)
        if (!(s->visible >> earlier & 1) && is_ordered(earlier, store))
            return false;
    return true;
}

/* The reader's acquire fences keep the copy between the two looks at the sequence. */
static bool load_can_come(const struct state *s, int load) {
    if (s->loaded >> load & 1)
        return false;
    if (broken & NO_READER_FENCE)
        return load != 3 || (s->loaded & 1); /* loads of one word keep their order */
    if (load == 3)
        return s->loaded == 7;
    return load == 0 || (s->loaded & 1);
}

static void judge(const struct state *s) {
    if (s->seen[0] != s->seen[3] || s->seen[0] % 2 != 0)
        return; /* it tries again */
    accepted++;
    torn += s->seen[1] != s->seen[2];
}

static void explore(const struct state *s) {
    static const int words[LOADS] = {SEQUENCE, GOAL, COUNTDOWN, SEQUENCE};
    if (s->loaded == 15)
        judge(s);
    for (int store = 0; store < ALL_STORES && s->loaded != 15; store++) {
        struct state next = *s;
        if (!store_can_come(s, store))
            continue;
        next.visible |= 1u << store;
        next.value[word_of(store)] += 1; /* the sequence, or one arming further */
        explore(&next);
    }
    for (int load = 0; load < LOADS; load++) {
        struct state next = *s;
        if (!load_can_come(s, load))
            continue;
        next.loaded |= 1u << load;
        next.seen[load] = s->value[words[load]];
        explore(&next);
    }
}

static unsigned long torn_when(int breakage) {
    struct state start;
    memset(&start, 0, sizeof start);
    broken = breakage;
    accepted = torn = 0;
    explore(&start);
    printf("breakage %d: %lu copies accepted, %lu torn\n", breakage, accepted, torn);
    return torn;
}

int main(void) {
    CHECK(torn_when(0) == 0 && accepted > 0);
    CHECK(torn_when(NO_FENCE_BEFORE) > 0);
    CHECK(torn_when(NO_FENCE_AFTER) > 0);
    CHECK(torn_when(NO_READER_FENCE) > 0);
    return 0;
}
