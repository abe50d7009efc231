/* SPDX-License-Identifier: MIT */
/*
 * The list of what is still live, with stacks, largest first; then the callers of what was live at
 * the peak, and of what was freed at once. Stateless.
 */
#define _GNU_SOURCE
#include "profile/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RANKING_MOST 10u /* stacks of a list beside that of what lives */

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void print_code(const struct hak_profile *profile, uint32_t index, FILE *out) {
    const struct hak_code *code = &profile->codes[index];
    char room[512];
    for (unsigned i = 0; i <= code->inlined_count; i++) {
        const struct hak_frame *frame = hak_profile_frame(code, i);
        fprintf(out, "    %s", hak_profile_name(profile, code, i, room, sizeof room));
        if (frame->file)
            fprintf(out, "  %s:%d", base_name(frame->file), frame->line);
        else if (frame->function && code->module != HAK_NO_MODULE)
            fprintf(out, "  %s", base_name(profile->modules[code->module].path));
        fputs(i < code->inlined_count ? "  (inlined)\n" : "\n", out);
    }
}

static void print_codes(const struct hak_profile *profile, const struct hak_profile_stack *stack,
                        FILE *out) {
    for (unsigned i = 0; i < stack->depth; i++)
        print_code(profile, stack->code[i], out);
    if (stack->depth == 0)
        fputs("    (no stack)\n", out);
}

static void print_stack(const struct hak_profile *profile, const struct hak_profile_stack *stack,
                        FILE *out) {
    unsigned long long blocks = (unsigned long long)llround(stack->sums.live_blocks);
    fprintf(out, "\n%llu bytes in %llu %s, %u sampled\n",
            (unsigned long long)llround(stack->sums.live_bytes), blocks,
            blocks == 1 ? "block" : "blocks", stack->live_samples);
    print_codes(profile, stack, out);
}

/* ---- what was live at the peak, and what was freed at once ---- */

enum ranking { BY_PEAK, BY_TEMPORARY };

static double rank_of(const struct hak_profile_stack *stack, enum ranking ranking) {
    return ranking == BY_PEAK ? stack->sums.peak_bytes : stack->sums.temporary_blocks;
}

static const struct hak_profile_stack *largest_below(const struct hak_profile *profile,
                                                     enum ranking ranking, const bool *is_shown,
                                                     size_t *ret_index) {
    const struct hak_profile_stack *largest = NULL;
    for (size_t i = 0; i < profile->stack_count; i++) {
        const struct hak_profile_stack *stack = profile->stacks[i];
        if (is_shown[i] || rank_of(stack, ranking) <= 0 ||
            (largest && rank_of(stack, ranking) <= rank_of(largest, ranking)))
            continue;
        largest = stack;
        *ret_index = i;
    }
    return largest;
}

static void print_ranking(const struct hak_profile *profile, enum ranking ranking, FILE *out) {
    const struct hak_profile_stack *stack;
    bool *is_shown = calloc(profile->stack_count + 1, sizeof *is_shown);
    size_t index = 0;
    for (unsigned i = 0; is_shown && i < RANKING_MOST &&
                         (stack = largest_below(profile, ranking, is_shown, &index));
         i++) {
        const struct hak_profile_sums *sums = &stack->sums;
        is_shown[index] = true;
        fprintf(out, "\n%.0f bytes in %.0f %s\n",
                ranking == BY_PEAK ? sums->peak_bytes : sums->temporary_bytes,
                ranking == BY_PEAK ? sums->peak_blocks : sums->temporary_blocks,
                ranking == BY_PEAK ? "blocks at the peak" : "temporary blocks");
        print_codes(profile, stack, out);
    }
    free(is_shown);
}

static void print_peak(const struct hak_profile *profile, FILE *out) {
    const struct hak_profile_sums *total = &profile->total;
    if (total->peak_bytes > total->live_bytes) {
        fprintf(out, "\nPeak: %.0f bytes in %.0f blocks, %.3f s after the first; most of it:\n",
                total->peak_bytes, total->peak_blocks,
                (double)(profile->peak_ms - profile->first_ms) / 1e3);
        print_ranking(profile, BY_PEAK, out);
    }
    if (total->temporary_blocks > 0) {
        fprintf(out,
                "\nTemporary: %.0f of %.0f blocks were freed before the next one was %s; mostly:\n",
                total->temporary_blocks, total->allocated_blocks,
                profile->mean_bytes <= 1 ? "allocated" : "sampled");
        print_ranking(profile, BY_TEMPORARY, out);
    }
}

bool hak_profile_write_leaks(const struct hak_profile *profile, FILE *out) {
    bool is_exact = profile->mean_bytes <= 1 && profile->lost + profile->lost_frees == 0;
    fprintf(out, "%s (PID %ld): %llu bytes in %llu blocks are live%s\n", profile->program,
            (long)profile->pid, (unsigned long long)llround(profile->total.live_bytes),
            (unsigned long long)llround(profile->total.live_blocks),
            is_exact ? "" : ", by estimate");
    fprintf(out, "%llu of %llu samples are live", (unsigned long long)profile->live_samples,
            (unsigned long long)profile->samples);
    if (profile->samples)
        fprintf(out, "; one byte in %llu is sampled", (unsigned long long)profile->mean_bytes);
    fputc('\n', out);
    if (profile->lost)
        fprintf(out, "%llu samples more were lost\n", (unsigned long long)profile->lost);
    if (profile->lost_frees)
        fprintf(out, "%llu frees were lost: as many blocks less may be live\n",
                (unsigned long long)profile->lost_frees);
    for (size_t i = 0; i < profile->stack_count; i++)
        if (profile->stacks[i]->live_samples)
            print_stack(profile, profile->stacks[i], out);
    print_peak(profile, out);
    return ferror(out) == 0;
}
