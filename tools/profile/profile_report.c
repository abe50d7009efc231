/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a profile that is finished: a file, standard output, the list of leaks.
 * Stateless.
 */
#define _GNU_SOURCE
#include "profile/profile_report.h"

#include "common/complain.h"
#include "profile/profile.h"
#include "stat/target.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static bool write_file(const struct hak_profile *profile, const char *path) {
    bool is_svg = ends_with(path, ".svg");
    if (!is_svg && !ends_with(path, ".txt"))
        return hak_profile_write_pprof(profile, path);
    FILE *out = fopen(path, "we");
    if (!out)
        return false;
    bool done =
        is_svg ? hak_profile_write_svg(profile, out) : hak_profile_write_leaks(profile, out);
    return fclose(out) == 0 && done;
}

/* What the file does not say, or nobody reads there. */
static void say_result(const struct hak_profile *profile, const char *path) {
    hak_complain("%s: %llu samples of %s, %.1f s%s", path, (unsigned long long)profile->samples,
                 profile->program, (double)profile->lasted_ns / 1e9,
                 profile->samples ? "" : " (it allocated too little, or is stopped)");
    if (profile->lost)
        hak_complain("%s: %llu samples more were lost", path, (unsigned long long)profile->lost);
    if (profile->lost_frees)
        hak_complain("%s: %llu frees were lost: as many blocks less may be live", path,
                     (unsigned long long)profile->lost_frees);
}

/* `%p` becomes the process's ID, `%%` a `%`. */
static void expand_path(const char *pattern, pid_t pid, char path[PATH_MAX]) {
    size_t length = 0;
    *path = '\0';
    for (; *pattern && length + 24 < PATH_MAX; pattern++) {
        bool is_id = pattern[0] == '%' && pattern[1] == 'p';
        if (is_id || (pattern[0] == '%' && pattern[1] == '%'))
            pattern++;
        length += (size_t)(is_id ? snprintf(path + length, 24, "%ld", (long)pid)
                                 : snprintf(path + length, 24, "%c", *pattern));
    }
}

int hak_profile_report(const struct hak_profile *profile, const struct hak_stat_options *options) {
    char path[PATH_MAX];
    if (options->is_leaks)
        hak_profile_write_leaks(profile, stderr);
    if (!options->output && options->is_leaks)
        return 0;
    expand_path(options->output ? options->output : "hakmem-%p.pb.gz", profile->pid, path);
    if (!write_file(profile, path)) {
        hak_complain("%s: %s", path, strerror(errno));
        return HAK_EXIT_FAILED;
    }
    say_result(profile, strcmp(path, "-") == 0 ? "standard output" : path);
    return 0;
}
