/* SPDX-License-Identifier: MIT */
/*
 * How much stack each function uses at its deepest, on a thread whose stack is as small as libc
 * allows. The stack below a call is painted before it and looked at after it, in slow paths of
 * every kind: the first call of a thread, refills, frees to others, an inbox of a million blocks,
 * trims, refused requests, the end of a thread, reports. All of it again hardened, with every block
 * sampled, with guarded blocks, and with live statistics. BLOCKS= says how many remote frees;
 * VERBOSE=1 prints the depths.
 */
#include "check.h"

#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* A thread has 16 KiB. libc keeps its descriptor and thread-local storage there, 4 KiB, and its own
 * functions want some: half of it is ours at most. malloc and its relatives leave another half to
 * a program. */
enum { STACK_BYTES = 16384, MOST_BYTES = 8192, MOST_MALLOC_BYTES = 4096, PAINT = 0xA7, ROOM = 512 };
enum { SLOTS = 4000, FREED_THERE = 200, FREERS = 2, CHUNK = 4096 };

static char *stack;
static size_t stack_bytes;
static bool is_small; /* the caller runs on it */
static void *slots[SLOTS];
static void **given;
static size_t given_count;
static atomic_int turn;
static atomic_size_t freed_chunks;

struct step {
    const char *name;
    size_t most_bytes;
    void (*call)(void);
};

/* Bytes of stack that a call touched. */
static __attribute__((noinline)) size_t depth_of(void (*call)(void)) {
    char *here = __builtin_frame_address(0);
    volatile char *at = stack;
    if (!is_small) {
        call();
        return 0;
    }
    for (; at < here - ROOM; at++)
        *at = (char)PAINT;
    call();
    for (at = stack; at < here - ROOM && *at == (char)PAINT;)
        at++;
    CHECK(at > (volatile char *)stack); /* or more than there is */
    return (size_t)(here - at);
}

static void fill_slots(void) {
    for (size_t i = 0; i < SLOTS; i++)
        CHECK((slots[i] = malloc(i * 17 % 3000)) != NULL);
}

static void free_slots(void) {
    for (size_t i = 0; i < SLOTS; i++)
        free(slots[i]);
}

static void call_one(void) {
    free(check_keep(malloc(100)));
}

static void call_calloc(void) {
    for (size_t bytes = 1; bytes < 200000; bytes += bytes / 3 + 1) {
        void *block = check_keep(calloc(1, bytes));
        CHECK(block && check_zero(block, bytes));
        free(block);
    }
}

static void call_realloc(void) {
    void *block = NULL;
    for (size_t bytes = 1; bytes < 9000000; bytes += bytes / 3 + 1)
        CHECK((block = realloc(block, bytes)) != NULL);
    for (size_t bytes = 9000000; bytes > 1; bytes /= 2)
        CHECK((block = realloc(block, bytes)) != NULL);
    free(block);
    free(reallocarray(NULL, 3, 100));
}

static void call_aligned(void) {
    for (size_t alignment = 16; alignment < 4000000; alignment *= 4) {
        void *block = NULL;
        free(check_keep(memalign(alignment, 1000)));
        free(check_keep(aligned_alloc(alignment, 100)));
        CHECK(posix_memalign(&block, alignment, 70000) == 0);
        CHECK(malloc_usable_size(block) >= 70000);
        free(block);
    }
    free(check_keep(valloc(100)));
    free(check_keep(pvalloc(100)));
}

static void call_large(void) {
    for (size_t i = 0; i < 40; i++)
        CHECK((slots[i] = malloc(70000 + i * 50000)) != NULL);
    for (size_t i = 0; i < 40; i++)
        free(slots[i]);
}

static void call_refused(void) {
    CHECK(check_keep(malloc(check_size(PTRDIFF_MAX))) == NULL && errno == ENOMEM);
    CHECK(check_keep(calloc(check_size((size_t)1 << 46), 2)) == NULL);
    CHECK(check_keep(memalign(64, check_size((size_t)1 << 47))) == NULL);
    void *block = malloc(10);
    CHECK(check_keep(realloc(block, check_size((size_t)1 << 47))) == NULL);
    free(block);
}

static void call_trim(void) {
    malloc_trim(0);
}

static void ignore(void *context, const char *name, const char *unit, uint64_t value) {
    (void)context, (void)name, (void)unit, (void)value;
}

static void *ours(const char *name) {
    void *found = dlsym(RTLD_DEFAULT, name);
    CHECK(found != NULL);
    return found;
}

/* Looked up before: the linker's own stack is not the question. */
static int (*stats_each)(void (*)(void *, const char *, const char *, uint64_t), void *);
static int (*stats_get)(const char *, uint64_t *);
static int (*stats_write)(int);
static size_t (*purge)(void);
static int (*defrag_hint)(void *);

static void call_reports(void) {
    uint64_t value;
    int null = open("/dev/null", O_WRONLY);
    struct mallinfo2 info = mallinfo2();
    CHECK(info.hblkhd != 0); /* the array of what is given away */
    mallopt(M_TRIM_THRESHOLD, 3 << 20);
    stats_each(ignore, NULL);
    CHECK(stats_get("allocations", &value) == 0);
    CHECK(stats_write(null) == 0);
    purge();
    close(null);
}

static void call_stats(void) {
    int kept = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);
    dup2(null, STDERR_FILENO);
    malloc_stats();
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(null);
}

static void call_hint(void) {
    void *block = malloc(100);
    defrag_hint(block);
    free(block);
}

/* Of blocks of the main thread, which sleeps. */
static void call_give(void) {
    for (size_t i = 0; i < given_count; i++)
        free(given[i]);
}

/* While others free, and until all is taken. */
static void call_drain(void) {
    for (int i = 0; i < 300000 || atomic_load(&turn) < 1 + FREERS; i++) {
        void *block = check_keep(malloc(64)), *other = check_keep(malloc(64));
        free(block);
        free(other);
    }
}

static const struct step steps[] = {
    {"first call", MOST_BYTES, call_one},
    {"malloc", MOST_MALLOC_BYTES, fill_slots},
    {"free", MOST_MALLOC_BYTES, free_slots},
    {"calloc", MOST_MALLOC_BYTES, call_calloc},
    {"realloc", MOST_MALLOC_BYTES, call_realloc},
    {"aligned", MOST_MALLOC_BYTES, call_aligned},
    {"large", MOST_MALLOC_BYTES, call_large},
    {"refused", MOST_MALLOC_BYTES, call_refused},
    {"free to a sleeping owner", MOST_MALLOC_BYTES, call_give},
    {"trim", MOST_MALLOC_BYTES, call_trim},
    {"defrag hint", MOST_MALLOC_BYTES, call_hint},
    {"reports", MOST_BYTES, call_reports},
    {"malloc_stats", MOST_BYTES, call_stats},
};

static void measure(const struct step *step) {
    size_t bytes = depth_of(step->call);
    if (is_small && check_setting("VERBOSE", 0))
        printf("%-26s %5zu\n", step->name, bytes);
    if (bytes > step->most_bytes) {
        fprintf(stderr, "%s: %zu bytes of stack, %zu allowed\n", step->name, bytes,
                step->most_bytes);
        check_failed(__FILE__, __LINE__, "depth of stack");
    }
}

/* Touched by a whole thread, its start and end and libc's part among it. */
static void run_thread(void *(*body)(void *)) {
    pthread_attr_t attributes;
    pthread_t thread;
    size_t free_bytes = 0;
    memset(stack, PAINT, stack_bytes);
    is_small = true;
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstack(&attributes, stack, stack_bytes) == 0);
    CHECK(pthread_create(&thread, &attributes, body, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    is_small = false;
    while (free_bytes < stack_bytes && stack[free_bytes] == (char)PAINT)
        free_bytes++;
    CHECK(free_bytes > 0);
    if (check_setting("VERBOSE", 0))
        printf("%-26s %5zu\n", "whole thread", stack_bytes - free_bytes);
}

static void *take_steps(void *unused) {
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        measure(&steps[i]);
    for (size_t i = 0; i < FREED_THERE; i++) /* to be sent at the end, and found in bins there */
        slots[i] = malloc(i);
    for (size_t i = 0; i < FREED_THERE; i++)
        free(slots[i]);
    return unused;
}

static void make_given(size_t count) {
    given_count = count;
    for (size_t i = 0; i < count; i++)
        CHECK((given[i] = malloc(64)) != NULL);
}

/* The small thread owns what another one frees. */
static void *own_given(void *count) {
    static const struct step drain = {"drain", MOST_MALLOC_BYTES, call_drain};
    (void)count;
    make_given(check_setting("BLOCKS", 1000000));
    atomic_store(&turn, 1);
    while (atomic_load(&freed_chunks) < given_count / CHUNK / 2)
        sched_yield(); /* so that the first drain is long, and more comes meanwhile */
    measure(&drain);
    return NULL;
}

static void *free_for_owner(void *me) {
    while (atomic_load(&turn) == 0)
        sched_yield();
    for (size_t i = (uintptr_t)me * CHUNK; i < given_count; i += FREERS * CHUNK) {
        for (size_t k = i; k < i + CHUNK && k < given_count; k++)
            free(given[k]);
        atomic_fetch_add(&freed_chunks, 1);
    }
    atomic_fetch_add(&turn, 1);
    return NULL;
}

static void run_drain(void) {
    pthread_t freers[FREERS];
    for (uintptr_t i = 0; i < FREERS; i++)
        CHECK(pthread_create(&freers[i], NULL, free_for_owner, (void *)i) == 0);
    run_thread(own_given);
    for (int i = 0; i < FREERS; i++)
        CHECK(pthread_join(freers[i], NULL) == 0);
}

/* A thread that ends with a full inbox, bins, outboxes and slabs of others. */
static void *end_with_blocks(void *unused) {
    for (size_t i = 0; i < SLOTS; i++)
        slots[i] = malloc(i * 17 % 3000);
    for (size_t i = 0; i < SLOTS; i += 3)
        free(slots[i]);
    for (size_t i = 0; i < 20000 && i < given_count; i++)
        free(given[i]);
    return unused;
}

/* ---- reports: the process must die of the report, not of its stack ---- */

static void *free_twice(void *unused) {
    char *block = check_keep(malloc(100));
    free(block);
    free(check_keep(block));
    return unused;
}

static void *free_inside(void *unused) {
    char *block = check_keep(malloc(100));
    free(check_keep(block + 32));
    return unused;
}

static void *free_stray(void *unused) {
    static char memory[64] __attribute__((aligned(16)));
    free(check_keep(memory + 16));
    return unused;
}

static void check_report(void *(*body)(void *)) {
    int ends[2], status;
    char text[2000] = "";
    fflush(NULL);
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        run_thread(body);
        _exit(0);
    }
    close(ends[1]);
    for (size_t length = 0; length < sizeof text - 1;) {
        ssize_t got = read(ends[0], text + length, sizeof text - 1 - length);
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    close(ends[0]);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(strstr(text, "hakmem: fatal: ") != NULL);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void look_up(void) {
    *(void **)&stats_each = ours("hakmem_stats_each");
    *(void **)&stats_get = ours("hakmem_stats_get");
    *(void **)&stats_write = ours("hakmem_stats_write");
    *(void **)&purge = ours("hakmem_purge");
    *(void **)&defrag_hint = ours("hakmem_defrag_hint");
}

static void make_stack(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    stack_bytes = (size_t)PTHREAD_STACK_MIN > STACK_BYTES ? (size_t)PTHREAD_STACK_MIN : STACK_BYTES;
    char *area =
        mmap(NULL, stack_bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(area != MAP_FAILED && mprotect(area, page, PROT_NONE) == 0);
    stack = area + page;
}

static void run_profile(void) {
    size_t blocks = check_setting("BLOCKS", 1000000);
    given = calloc(blocks, sizeof *given);
    CHECK(given != NULL);
    look_up();
    make_stack();
    make_given(20000);
    take_steps(NULL); /* what libc does once is done, and every call is bound */
    make_given(blocks);
    run_thread(take_steps);
    make_given(20000);
    run_thread(end_with_blocks);
    run_drain();
    check_report(free_twice);
    check_report(free_inside);
    check_report(free_stray);
}

int main(int count, char **words) {
    static const char *const profiles[][2] = {
        {"HAKMEM_PROFILE", "hardened"}, {"HAKMEM_SAMPLE", "1"},      {"HAKMEM_GUARD_SAMPLE", "3"},
        {"HAKMEM_STATS", "1"},          {"HAKMEM_SOFT_LIMIT", "8m"}, {"HAKMEM_LOG", "1"},
    };
    if (count > 1) {
        run_profile();
        return 0;
    }
    run_profile();
    for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++) {
        int status;
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            setenv(profiles[i][0], profiles[i][1], 1);
            setenv("HAKMEM_SAMPLE_MEAN", "100", 0);
            setenv("BLOCKS", "100000", 0);
            execl("/proc/self/exe", words[0], profiles[i][1], (char *)NULL);
            _exit(1);
        }
        CHECK(waitpid(child, &status, 0) == child);
        if (check_setting("VERBOSE", 0))
            printf("(%s=%s)\n", profiles[i][0], profiles[i][1]);
        CHECK(status == 0);
    }
    return 0;
}
