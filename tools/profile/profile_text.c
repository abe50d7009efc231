/* SPDX-License-Identifier: MIT */
/*
 * Owns the list of what is still live, with stacks, largest first. Stateless.
 */
#define _GNU_SOURCE
#include "profile/profile.h"

#include <math.h>
#include <string.h>

static void print_code(const struct hak_profile *profile, uint32_t index, FILE *out) {
    const struct hak_code *code = &profile->codes[index];
    char room[512];
    fprintf(out, "    %s", hak_profile_name(profile, index, room, sizeof room));
    if (code->file) {
        const char *name = strrchr(code->file, '/');
        fprintf(out, "  %s:%d", name ? name + 1 : code->file, code->line);
    } else if (code->function && code->module != HAK_NO_MODULE) {
        const char *path = profile->modules[code->module].path;
        const char *name = strrchr(path, '/');
        fprintf(out, "  %s", name ? name + 1 : path);
    }
    fputc('\n', out);
}

static void print_stack(const struct hak_profile *profile, const struct hak_profile_stack *stack,
                        FILE *out) {
    unsigned long long blocks = (unsigned long long)llround(stack->sums.live_blocks);
    fprintf(out, "\n%llu bytes in %llu %s, %u sampled\n",
            (unsigned long long)llround(stack->sums.live_bytes), blocks,
            blocks == 1 ? "block" : "blocks", stack->live_samples);
    for (unsigned i = 0; i < stack->depth; i++)
        print_code(profile, stack->code[i], out);
    if (stack->depth == 0)
        fputs("    (no stack)\n", out);
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
    return ferror(out) == 0;
}
