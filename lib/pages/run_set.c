/* SPDX-License-Identifier: MIT */
/*
 * Owns the binning of free runs by length. Protected by the heap lock, which the caller holds.
 * Invariant: a bin's bit is set exactly if the bin has a run.
 */
#include "pages/run_set.h"

#define HAK_PICK_RUNS 32u /* among which one is chosen: a look at each costs a cache line */
#define HAK_FIND_TRIES 8  /* looks into the one bin that may hold runs too short */

static unsigned bin_of(size_t slabs) {
    if (slabs <= 16)
        return (unsigned)slabs - 1;
    unsigned doubling = hak_log2_floor(slabs);
    unsigned bin = 16 + (doubling - 4) * 4 + (unsigned)(slabs >> (doubling - 2) & 3);
    return bin < HAK_RUN_BINS ? bin : HAK_RUN_BINS - 1;
}

void hak_run_set_insert(struct hak_run_set *set, struct hak_slab *run) {
    unsigned bin = bin_of(run->run_slabs);
    if (hak_list_is_unused(&set->bin[bin]))
        hak_list_init(&set->bin[bin]);
    hak_list_push_front(&set->bin[bin], &run->link);
    set->nonempty[bin / 64] |= (uint64_t)1 << (bin % 64);
}

void hak_run_set_remove(struct hak_run_set *set, struct hak_slab *run) {
    unsigned bin = bin_of(run->run_slabs);
    hak_list_remove(&run->link);
    if (hak_list_is_empty(&set->bin[bin]))
        set->nonempty[bin / 64] &= ~((uint64_t)1 << (bin % 64));
}

/* First bin from `bin` on that isn't empty; HAK_RUN_BINS if there is none. */
static unsigned next_bin(const struct hak_run_set *set, unsigned bin) {
    for (unsigned word = bin / 64; word < HAK_RUN_BINS / 64; word++) {
        uint64_t bits = set->nonempty[word];
        if (word == bin / 64)
            bits &= ~(uint64_t)0 << (bin % 64);
        if (bits)
            return word * 64 + (unsigned)__builtin_ctzll(bits);
    }
    return HAK_RUN_BINS;
}

struct hak_slab *hak_run_set_find(struct hak_run_set *set, size_t slabs) {
    unsigned bin = bin_of(slabs);
    unsigned tries = HAK_FIND_TRIES;
    struct hak_link *head = &set->bin[bin];
    for (struct hak_link *link = hak_list_first(head); link != head && tries--; link = link->next) {
        struct hak_slab *run = hak_container(link, struct hak_slab, link);
        if (run->run_slabs >= slabs)
            return run;
    }
    if (bin + 1 >= HAK_RUN_BINS)
        return NULL;
    bin = next_bin(set, bin + 1);
    if (bin == HAK_RUN_BINS)
        return NULL;
    return hak_container(set->bin[bin].next, struct hak_slab, link);
}

/* How many slabs of a run come before the first multiple of the alignment. */
static size_t skip_of(const struct hak_slab *run, size_t alignment_slabs) {
    size_t index = hak_region_slab_address(run) >> HAK_SLAB_SHIFT;
    return hak_round_up(index, alignment_slabs) - index;
}

static struct hak_slab *find_in_bin(struct hak_run_set *set, unsigned bin, size_t slabs,
                                    size_t alignment_slabs) {
    unsigned tries = HAK_ALIGNED_TRIES;
    struct hak_link *head = &set->bin[bin];
    for (struct hak_link *link = hak_list_first(head); link != head && tries--; link = link->next) {
        struct hak_slab *run = hak_container(link, struct hak_slab, link);
        if (run->run_slabs >= slabs + skip_of(run, alignment_slabs))
            return run;
    }
    return NULL;
}

/* Shorter runs first: those just as long as what was freed there leave larger ones whole. */
struct hak_slab *hak_run_set_find_aligned(struct hak_run_set *set, size_t slabs,
                                          size_t alignment_slabs) {
    size_t enough = slabs + alignment_slabs - 1;
    unsigned last = bin_of(enough);
    for (unsigned bin = bin_of(slabs); alignment_slabs > 1 && bin <= last; bin++) {
        bin = next_bin(set, bin);
        struct hak_slab *run = bin <= last ? find_in_bin(set, bin, slabs, alignment_slabs) : NULL;
        if (run)
            return run;
    }
    return hak_run_set_find(set, enough);
}

struct hak_slab *hak_run_set_longest(struct hak_run_set *set) {
    for (unsigned word = HAK_RUN_BINS / 64; word-- > 0;)
        if (set->nonempty[word]) {
            unsigned bin = word * 64 + hak_log2_floor(set->nonempty[word]);
            return hak_container(set->bin[bin].next, struct hak_slab, link);
        }
    return NULL;
}

static unsigned shortest_runs(struct hak_run_set *set, struct hak_slab **runs, size_t *ret_slabs) {
    unsigned count = 0;
    *ret_slabs = 0;
    for (unsigned bin = next_bin(set, 0); bin < HAK_RUN_BINS; bin = next_bin(set, bin + 1)) {
        struct hak_link *head = &set->bin[bin];
        for (struct hak_link *link = head->next; link != head; link = link->next) {
            runs[count] = hak_container(link, struct hak_slab, link);
            *ret_slabs += runs[count]->run_slabs;
            if (++count == HAK_PICK_RUNS)
                return count;
        }
        if (bin + 1 == HAK_RUN_BINS)
            break;
    }
    return count;
}

struct hak_slab *hak_run_set_pick(struct hak_run_set *set, uint64_t random, size_t *ret_skip) {
    struct hak_slab *runs[HAK_PICK_RUNS];
    size_t slabs;
    unsigned count = shortest_runs(set, runs, &slabs);
    size_t place = count ? random % slabs : 0;
    for (unsigned i = 0; i < count; i++) {
        if (place < runs[i]->run_slabs) {
            *ret_skip = place;
            return runs[i];
        }
        place -= runs[i]->run_slabs;
    }
    return NULL;
}
