// SPDX-License-Identifier: MIT
// Owns main of bench_micro: which bench is run, its options, the clock, and the printed line.
// Usage: bench_micro KIND [KEY=VALUE...]. Exit status 2 for a wrong argument.
#include "micro.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static const struct {
    const char *name;
    bench_body *body;
} benches[] = {
    {"mix", bench_mix},         {"calloc", bench_calloc},   {"aligned", bench_aligned},
    {"realloc", bench_realloc}, {"large", bench_large},     {"live", bench_live},
    {"order", bench_order},     {"ring", bench_ring},       {"bleed", bench_bleed},
    {"churn", bench_churn},     {"sharing", bench_sharing}, {"idle", bench_idle},
    {"threads", bench_threads}, {"start", bench_start},     {"burst", bench_burst},
    {"pool", bench_pool},       {"queue", bench_queue},     {"trim", bench_trim},
    {"holes", bench_holes},     {"cycle", bench_cycle},     {"tail", bench_tail},
    {"core", bench_core},       {"maps", bench_maps},       {"faults", bench_faults},
};

static char **options;
static struct {
    uint64_t wall_ns, cpu_ns, ops;
    char more[256];
} result;

void micro_refuse(const char *what, const char *word) {
    fprintf(stderr, "bench_micro: %s: %s\n", what, word);
    exit(2);
}

void micro_fail(const char *what) {
    fprintf(stderr, "bench_micro: %s\n", what);
    _exit(1);
}

const char *option_word(const char *key, const char *otherwise) {
    size_t length = strlen(key);
    for (char **option = options; *option != NULL; option++)
        if (strncmp(*option, key, length) == 0 && (*option)[length] == '=')
            return *option + length + 1;
    return otherwise;
}

uint64_t option_number(const char *key, uint64_t otherwise) {
    const char *word = option_word(key, NULL);
    if (word == NULL)
        return otherwise;
    char *end;
    uint64_t value = strtoull(word, &end, 10);
    const char *unit = *end == '\0' ? "" : strchr("kmg", *end);
    if (end == word || unit == NULL || (*end != '\0' && end[1] != '\0'))
        micro_refuse("not a number", word);
    switch (*end) {
    case 'g':
        return value << 30;
    case 'm':
        return value << 20;
    case 'k':
        return value << 10;
    default:
        return value;
    }
}

uint64_t option_ops(uint64_t otherwise) {
    uint64_t ops = option_number("ops", otherwise) * option_number("scale", 100) / 100;
    return ops != 0 ? ops : 1;
}

struct random random_of_thread(unsigned index) {
    struct random random = {option_number("seed", 42) * 0x9e3779b97f4a7c15U + index + 1};
    for (int i = 0; i < 8; i++)
        random_next(&random);
    return random;
}

static uint32_t size_between(struct random *random, size_t low, size_t high) {
    return (uint32_t)(low + random_below(random, high - low + 1));
}

/* Each doubling of the size is half as likely as the one before, up to 1 MiB. */
static uint32_t size_heavy(struct random *random) {
    unsigned shift = (unsigned)__builtin_ctzll(random_next(random) | 1U << 15);
    return size_between(random, (size_t)16 << shift, ((size_t)32 << shift) - 1);
}

/* A number is one size; LOW-HIGH is a range, all sizes alike. */
static void size_range(const char *name, size_t *ret_low, size_t *ret_high) {
    char *end;
    *ret_low = *ret_high = strtoul(name, &end, 10);
    if (*end == '-')
        *ret_high = strtoul(end + 1, &end, 10);
    if (*end != '\0' || *ret_low == 0 || *ret_high < *ret_low || *ret_high > UINT32_MAX)
        micro_refuse("no such size", name);
}

void sizes_fill(struct sizes *sizes, const char *name) {
    struct random random = random_of_thread(1000);
    bool heavy = strcmp(name, "heavy") == 0;
    size_t low = 0, high = 0;
    if (strcmp(name, "tiny") == 0)
        low = 8, high = 64;
    else if (strcmp(name, "mixed") == 0)
        low = 16, high = 1039;
    else if (strcmp(name, "medium") == 0)
        low = 1024, high = 65536;
    else if (!heavy)
        size_range(name, &low, &high);
    for (size_t i = 0; i < SIZES_COUNT; i++)
        sizes->bytes[i] = heavy ? size_heavy(&random) : size_between(&random, low, high);
}

static uint64_t ns_of(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

uint64_t clock_ns(void) {
    return ns_of(CLOCK_MONOTONIC);
}

static uint64_t cpu_ns(void) {
    return ns_of(CLOCK_PROCESS_CPUTIME_ID);
}

void measure_begin(void) {
    result.cpu_ns = cpu_ns();
    result.wall_ns = clock_ns();
}

void measure_end(uint64_t ops) {
    result.wall_ns = clock_ns() - result.wall_ns;
    result.cpu_ns = cpu_ns() - result.cpu_ns;
    result.ops = ops;
}

void measure_add(const char *name, uint64_t value) {
    size_t length = strlen(result.more);
    snprintf(result.more + length, sizeof result.more - length, " %s=%llu", name,
             (unsigned long long)value);
}

/* A line "NAME: NUMBER kB" of /proc/self/status. */
static uint64_t status_kib(const char *name) {
    char text[64];
    unsigned long value = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(text, sizeof text, status) != NULL)
        if (strncmp(text, name, strlen(name)) == 0)
            value = strtoul(text + strlen(name), NULL, 10);
    if (status != NULL)
        fclose(status);
    return value;
}

uint64_t resident_kib(void) {
    return status_kib("VmRSS:");
}

struct group {
    pthread_barrier_t barrier;
    thread_body *body;
    void *argument;
};

struct member {
    struct group *group;
    pthread_t thread;
    unsigned index;
};

static void *member_main(void *argument) {
    struct member *member = argument;
    pthread_barrier_wait(&member->group->barrier);
    member->group->body(member->group->argument, member->index);
    return NULL;
}

void threads_run(unsigned count, thread_body *body, void *argument) {
    static struct member members[4096];
    struct group group = {.body = body, .argument = argument};
    if (count > 4096)
        micro_fail("more than 4096 threads");
    pthread_barrier_init(&group.barrier, NULL, count + 1);
    for (unsigned i = 0; i < count; i++) {
        members[i].group = &group;
        members[i].index = i;
        if (pthread_create(&members[i].thread, NULL, member_main, &members[i]) != 0)
            micro_fail("no thread to be had");
    }
    pthread_barrier_wait(&group.barrier);
    for (unsigned i = 0; i < count; i++)
        pthread_join(members[i].thread, NULL);
    pthread_barrier_destroy(&group.barrier);
}

static void print_line(const char *kind) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%s ops=%llu wall_ns=%llu cpu_ns=%llu ns_op=%.3f peak_kib=%llu faults=%ld%s\n",
           option_word("row", kind), (unsigned long long)result.ops,
           (unsigned long long)result.wall_ns, (unsigned long long)result.cpu_ns,
           (double)result.wall_ns / (double)result.ops, (unsigned long long)status_kib("VmHWM:"),
           usage.ru_minflt, result.more);
}

int main(int argc, char **argv) {
    const char *kind = argc > 1 ? argv[1] : "(none)";
    options = argv + (argc > 1 ? 2 : 1);
    for (int i = 2; i < argc; i++)
        if (strchr(argv[i], '=') == NULL)
            micro_refuse("not KEY=VALUE", argv[i]);
    for (size_t i = 0; i < sizeof benches / sizeof benches[0]; i++)
        if (strcmp(kind, benches[i].name) == 0) {
            benches[i].body();
            print_line(kind);
            return fflush(stdout) == 0 ? 0 : 1;
        }
    micro_refuse("no such bench", kind);
}
