/* SPDX-License-Identifier: MIT */
/*
 * Owns the choice of the allocators and the report. What glibc gives is the measure of all.
 * Invariant: contender 0 is glibc, contender 1 is libhakmem.
 */
#define _GNU_SOURCE
#include "compare/compare.h"

#include "common/complain.h"
#include "common/json.h"
#include "common/output.h"
#include "compare/verdict.h"
#include "run/library.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CONTENDERS_MAX (2 + 32 + HAK_WITH_MAX)
#define VERDICT_COLUMN 12
#define PART_END "\n"     /* between the parts of a verdict */
#define SHORT_RUN_NS 20e6 /* below, the program's start is most of what is measured */

static const struct {
    const char *name, *soname;
} known[] = {
#define HAK_ALLOCATOR(name, soname) {name, soname},
#include "compare/allocators.def"
#undef HAK_ALLOCATOR
};

/* ---- who takes part ---- */

static struct hak_contender *add(struct hak_rounds *rounds, const char *name, const char *preload) {
    struct hak_contender *contender = &rounds->contenders[rounds->count++];
    contender->name = name;
    contender->preload = preload;
    return contender;
}

static bool takes_part(const struct hak_rounds *rounds, const char *name) {
    for (unsigned i = 0; i < rounds->count; i++)
        if (strcmp(rounds->contenders[i].name, name) == 0)
            return true;
    return false;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A path must lead to a file, a bare name is the dynamic linker's to find. */
static bool add_named(struct hak_rounds *rounds, const char *library) {
    char path[PATH_MAX];
    bool is_there = strchr(library, '/') ? realpath(library, path) != NULL
                                         : hak_library_is_installed(library, path);
    if (!is_there)
        hak_complain("--with %s: %s", library,
                     strchr(library, '/') ? strerror(errno) : "no such library");
    else if (strpbrk(library, " :$"))
        hak_complain("--with %s: LD_PRELOAD cannot hold such a path", library);
    else
        add(rounds, base_name(library), strchr(library, '/') ? strdup(path) : library);
    return is_there && !strpbrk(library, " :$");
}

static bool choose(struct hak_rounds *rounds, const struct hak_run_options *options,
                   const char *library) {
    char path[PATH_MAX];
    add(rounds, "glibc", "");
    struct hak_contender *ours = add(rounds, "hakmem", library);
    for (unsigned i = 0; i < options->setting_count; i++)
        ours->settings[i] = options->settings[i];
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
        if (!takes_part(rounds, known[i].name) && hak_library_is_installed(known[i].soname, path))
            add(rounds, known[i].name, known[i].soname);
    for (unsigned i = 0; i < options->with_count; i++)
        if (!add_named(rounds, options->with[i]))
            return false;
    return true;
}

/* ---- text ---- */

static void print_table(const struct hak_rounds *rounds) {
    printf("%-11s%9s%17s%17s%17s\n", "ALLOCATOR", "TIME", "CPU", "PEAK MEMORY", "PAGE FAULTS");
    for (unsigned i = 0; i < rounds->count; i++) {
        const struct hak_contender *contender = &rounds->contenders[i];
        if (contender->run_count == 0)
            continue;
        printf("%-11.11s", contender->name);
        for (unsigned q = 0; q < HAK_QUANTITIES; q++)
            hak_verdict_put_cell(stdout, contender, q);
        putchar('\n');
    }
}

static void put_flaw(FILE *out, const struct hak_contender *contender) {
    if (contender->flaw == HAK_FLAW_STATUS) {
        hak_verdict_put_ending(out, contender->odd_status);
        if (contender->is_out)
            fputs(" at once: not measured", out);
        else
            fprintf(out, " in %u of %u runs: not judged", contender->odd_runs,
                    contender->run_count + 1);
    } else if (contender->binding.proof == HAK_PROOF_WRONG) {
        fprintf(out, "not in effect: the program took its malloc from %s: not measured",
                contender->binding.other);
    } else {
        fputs("not seen to be in effect: not measured", out);
    }
}

static void put_verdict(FILE *out, const struct hak_rounds *rounds,
                        const struct hak_contender *contender) {
    const struct hak_contender *base = &rounds->contenders[0];
    if (contender->flaw) {
        put_flaw(out, contender);
        return;
    }
    if (base->flaw == HAK_FLAW_STATUS) {
        fputs("not judged: the program ends now so, now so", out);
        return;
    }
    struct hak_interval time = hak_rounds_ratio(contender, base, HAK_WALL, HAK_ERROR_RATE);
    struct hak_interval memory = hak_rounds_ratio(contender, base, HAK_PEAK, HAK_ERROR_RATE);
    struct hak_interval cpu = hak_rounds_ratio(contender, base, HAK_CPU, HAK_ERROR_RATE);
    hak_verdict_put_change(out, &time, HAK_WALL, "than glibc", rounds->wanted);
    if (hak_verdict_change(&time) == 0 && hak_verdict_change(&cpu) != 0) {
        fputs(PART_END, out);
        hak_verdict_put_change(out, &cpu, HAK_CPU, "", rounds->wanted);
    }
    fputs(PART_END, out);
    hak_verdict_put_change(out, &memory, HAK_PEAK, "", rounds->wanted);
    if (contender->binding.proof == HAK_PROOF_PARTLY)
        fprintf(out, " (in part: some objects took malloc from %s)", contender->binding.other);
}

/* The parts one behind another, a new line for one that doesn't fit. */
static void print_verdict(const struct hak_rounds *rounds, const struct hak_contender *contender) {
    char *text = NULL, *rest, *part;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return;
    put_verdict(out, rounds, contender);
    fclose(out);
    int column = printf("%-*s", VERDICT_COLUMN - 2, contender->name);
    for (rest = text; (part = strsep(&rest, PART_END)); column = 0) {
        char line[400];
        size_t room = HAK_OUTPUT_COLUMNS - VERDICT_COLUMN;
        snprintf(line, sizeof line, "%s%s", part, rest ? "," : "");
        while (rest && strlen(line) + 1 + strcspn(rest, PART_END) < room) {
            part = strsep(&rest, PART_END);
            length = strlen(line);
            snprintf(line + length, sizeof line - length, " %s%s", part, rest ? "," : "");
        }
        hak_output_wrap(line, VERDICT_COLUMN, column);
    }
    free(text);
}

static void print_notes(const struct hak_rounds *rounds) {
    double wall_ns = hak_rounds_median(&rounds->contenders[0], HAK_WALL);
    if (rounds->wanted < hak_sample_least(HAK_ERROR_RATE))
        printf("%u runs are too few to claim anything: at least %u are needed.\n", rounds->wanted,
               hak_sample_least(HAK_ERROR_RATE));
    if (wall_ns < SHORT_RUN_NS)
        printf("A run takes %s: much of that is the program's start.\n",
               hak_verdict_quantity(wall_ns, HAK_WALL));
    if (rounds->status != 0) {
        fputs("Without any of this the program ends with ", stdout);
        hak_verdict_put_ending(stdout, rounds->status);
        puts(".");
    }
}

static void print_text(const struct hak_rounds *rounds, const struct hak_run_options *options) {
    printf("%.40s: %u runs with each allocator; median, and spread of the middle half\n\n",
           base_name(options->program[0]), rounds->wanted);
    print_table(rounds);
    putchar('\n');
    for (unsigned i = 0; i < rounds->count; i++)
        if (i || rounds->contenders[0].flaw)
            print_verdict(rounds, &rounds->contenders[i]);
    print_notes(rounds);
}

/* ---- JSON ---- */

static void put_contender(const struct hak_rounds *rounds, const struct hak_contender *contender) {
    static const char *const flaws[] = {"null", "\"preload\"", "\"exit status\""};
    static const char *const proofs[] = {"unseen", "yes", "partly", "no"};
    fputs("{\"name\":", stdout);
    hak_json_text(stdout, contender->name);
    fputs(",\"preload\":", stdout);
    hak_json_text(stdout, contender->preload);
    printf(",\"in_effect\":\"%s\",\"flaw\":%s,", proofs[contender->binding.proof],
           flaws[contender->flaw]);
    hak_verdict_put_numbers(stdout, contender, &rounds->contenders[0], HAK_ERROR_RATE);
    putchar('}');
}

static void print_json(const struct hak_rounds *rounds, const struct hak_run_options *options) {
    fputs("{\"schema\":\"" HAK_COMPARE_SCHEMA "\",\"version\":\"" HAK_VERSION "\",\"command\":[",
          stdout);
    for (char **word = options->program; *word; word++) {
        if (word != options->program)
            putchar(',');
        hak_json_text(stdout, *word);
    }
    printf("],\"runs\":%u,\"error_rate\":%g,\"failed_runs\":%u,\"allocators\":[", rounds->wanted,
           HAK_ERROR_RATE, rounds->failed_runs);
    for (unsigned i = 0; i < rounds->count; i++) {
        if (i)
            putchar(',');
        put_contender(rounds, &rounds->contenders[i]);
    }
    puts("]}");
}

enum hak_outcome hak_compare(const struct hak_run_options *options,
                             const struct hak_program *program, const char *library, int *ret_error,
                             int *ret_signal) {
    static struct hak_contender contenders[CONTENDERS_MAX];
    struct hak_measure measure;
    struct hak_rounds rounds = {.measure = &measure, .contenders = contenders};
    rounds.wanted = options->runs ? options->runs : HAK_RUNS_DEFAULT;
    rounds.needs_proof = true;
    *ret_error = 0;
    if (!choose(&rounds, options, library))
        return HAK_CANNOT;
    if (rounds.wanted < hak_sample_least(HAK_ERROR_RATE))
        hak_complain("%u runs are too few to claim anything: at least %u are needed", rounds.wanted,
                     hak_sample_least(HAK_ERROR_RATE));
    *ret_error = hak_measure_begin(&measure, program);
    measure.shows_output = options->shows_output;
    if (*ret_error == 0)
        *ret_error = hak_rounds_run(&rounds);
    *ret_signal = measure.stopped;
    if (*ret_error)
        return HAK_CANNOT;
    if (options->is_json)
        print_json(&rounds, options);
    else
        print_text(&rounds, options);
    hak_rounds_free(&rounds);
    return rounds.failed_runs ? HAK_SOME_FAILED : HAK_ALL_WELL;
}
