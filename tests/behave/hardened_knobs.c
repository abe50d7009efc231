/* SPDX-License-Identifier: MIT */
/*
 * What the knobs of HAKMEM_HARDENED do that no attack shows: quarantine_ms lets blocks go,
 * random_order spreads slabs, a freed large block is out of reach and comes back wiped, realloc
 * stays where it is as long as it can, sizes are held to, and a large heap has few mappings. The
 * program runs itself again, once for each case, which CHECK_CASE names. CHECK_MAPS_MIB says how
 * large is large.
 */
#include "check.h"

#include <malloc.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

enum { KIB = 1024, MIB = 1 << 20, BLOCKS = 256, SIZE = 100, RUNS = 8, MOST_MAPS = 5000 };

static void *blocks[2 * BLOCKS];

static bool was_freed_first(const void *block) {
    for (int i = 0; i < BLOCKS; i++)
        if (blocks[i] == block)
            return true;
    return false;
}

/* Half of the blocks are freed, some time goes by, the others are: is one of the first back? */
static bool comes_back(void) {
    const struct timespec pause = {0, 100 * 1000 * 1000};
    bool is_back = false;
    for (int i = 0; i < 2 * BLOCKS; i++)
        CHECK((blocks[i] = malloc(SIZE)) != NULL);
    for (int i = 0; i < 2 * BLOCKS; i++) {
        if (i == BLOCKS)
            nanosleep(&pause, NULL);
        free(blocks[i]);
    }
    for (int i = 0; i < 2 * BLOCKS; i++)
        is_back |= was_freed_first(check_keep(malloc(SIZE)));
    return is_back;
}

static int be_patient(void) {
    return comes_back();
}

static int be_impatient(void) {
    return !comes_back();
}

/* Exit status: how many slabs lie between the first blocks of two classes. */
static int tell_distance(void) {
    uintptr_t one = (uintptr_t)check_keep(malloc(40)), other = (uintptr_t)check_keep(malloc(400));
    return (int)((one >> 16) - (other >> 16)) & 127;
}

/* Freed, it can't be touched, by whatever knob. */
static int write_to_freed(size_t size) {
    char *block = check_keep(malloc(size));
    memset(block, 1, size);
    free(block);
    block[size / 2] = 2;
    return 0;
}

static int write_to_freed_small(void) {
    return write_to_freed(100 * KIB);
}

static int write_to_freed_large(void) {
    return write_to_freed(3 * MIB);
}

/* A block that waited is used again, and nothing is in it. */
static int take_again(void) {
    static const size_t sizes[] = {70 * KIB, 200 * KIB, 2 * MIB};
    for (int i = 0; i < 3; i++) {
        size_t size = sizes[i];
        char *first = check_keep(malloc(size));
        bool is_back = false;
        memset(first, 1, size);
        free(first);
        for (int turn = 0; turn < 100 && !is_back; turn++) {
            char *block = check_keep(malloc(size));
            CHECK(check_zero(block, size));
            memset(block, 1, size);
            is_back = block == first;
            free(block);
        }
        CHECK(is_back);
    }
    return 0;
}

static void resize(size_t from, size_t to, bool has_to_stay) {
    char *block = check_keep(malloc(from));
    check_fill(block, from, 1);
    char *changed = check_keep(realloc(block, to));
    CHECK(!has_to_stay || changed == block);
    CHECK(malloc_usable_size(changed) >= to && check_filled(changed, from < to ? from : to, 1));
    check_fill(changed, to, 2);
    free(changed);
}

static int resize_all(void) {
    resize(60, 65, true); /* of one size class with their trailers */
    resize(65, 60, true);
    resize(1000, 1010, true);
    resize(100000, 101000, true); /* the page */
    resize(101000, 100000, true);
    uint64_t seed = 1;
    for (int i = 0; i < 3000; i++) {
        size_t most = i % 3 ? 3000 : 600000;
        resize(1 + check_random(&seed) % most, 1 + check_random(&seed) % most, false);
    }
    return 0;
}

/* Sizes from 16 bytes to 2 MiB, above a page with as many bytes a doubling, below with fewer. Then
 * a third is replaced. */
static int fill_maps(void) {
    size_t left = check_setting("CHECK_MAPS_MIB", 384) << 20;
    size_t count = 0, capacity = left / 64;
    void **all = mmap(NULL, capacity * sizeof *all, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    uint64_t seed = 1;
    CHECK(all != MAP_FAILED);
    for (size_t step = 16; left > 4 * MIB; step = step < MIB ? step * 2 : 16) {
        for (size_t bytes = 0, most = step > 4 * KIB ? 2 * MIB : MIB / 8;
             bytes < most && count < capacity;) {
            size_t size = step + check_random(&seed) % step;
            CHECK((all[count++] = malloc(size)) != NULL);
            bytes += size;
            left -= left > size ? size : left;
        }
    }
    for (size_t i = 0; i < count; i += 3)
        free(all[i]);
    for (size_t i = 0; i < count; i += 3)
        CHECK((all[i] = malloc(check_random(&seed) % (i % 200 ? 4000 : 400000))) != NULL);
    int maps = (int)check_count_maps();
    if (maps > MOST_MAPS || getenv("CHECK_TELL"))
        printf("%d mappings\n", maps);
    return maps > MOST_MAPS;
}

/* C23: a size that isn't the block's is fatal with check_delete. */
static int free_with_size(size_t wrong) {
    void (*free_with)(void *, size_t);
    *(void **)&free_with = dlsym(RTLD_DEFAULT, "free_sized");
    CHECK(free_with != NULL);
    free_with(check_keep(malloc(SIZE)), SIZE + wrong);
    free_with(check_keep(malloc(MIB)), MIB + wrong);
    free_with(NULL, SIZE);
    return 0;
}

static int free_right_size(void) {
    return free_with_size(0);
}

static int free_wrong_size(void) {
    return free_with_size(1);
}

struct test_case {
    const char *name;
    int (*act)(void);
    const char *knobs[4];
    int ends_with; /* exit status; below 0: by that signal */
};

static const struct test_case cases[] = {
    {"patient", be_patient, {"HAKMEM_QUARANTINE=4m"}, 0},
    {"impatient", be_impatient, {"HAKMEM_QUARANTINE=4m", "HAKMEM_QUARANTINE_MS=20"}, 0},
    {"impatient-profile",
     be_impatient,
     {"HAKMEM_HARDENED=yes", "HAKMEM_QUARANTINE=4m", "HAKMEM_QUARANTINE_MS=20"},
     0},
    {"freed-small", write_to_freed_small, {"HAKMEM_QUARANTINE=64k"}, -SIGSEGV},
    {"freed-large", write_to_freed_large, {"HAKMEM_QUARANTINE=64k"}, -SIGSEGV},
    {"freed-profile", write_to_freed_large, {"HAKMEM_HARDENED=yes"}, -SIGSEGV},
    {"again", take_again, {"HAKMEM_QUARANTINE=64k", "HAKMEM_ZERO_ON_FREE=1"}, 0},
    {"again-profile", take_again, {"HAKMEM_HARDENED=yes"}, 0},
    {"resize", resize_all, {"HAKMEM_CANARY=1"}, 0},
    {"resize-guards", resize_all, {"HAKMEM_GUARD_PAGES=1"}, 0},
    {"resize-profile", resize_all, {"HAKMEM_HARDENED=yes"}, 0},
    {"sized", free_right_size, {"HAKMEM_CHECK_DELETE=1"}, 0},
    {"sized-wrong", free_wrong_size, {"HAKMEM_CHECK_DELETE=1"}, -SIGABRT},
    {"maps", fill_maps, {"HAKMEM_HARDENED=yes"}, 0},
};
static const struct test_case distance = {"distance", tell_distance, {"HAKMEM_RANDOM_ORDER=1"}, 0};

/* Exit status, or the signal below 0. */
static int run_case(const struct test_case *one, char **argv) {
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        unsetenv("HAKMEM_HARDENED");
        setenv("CHECK_CASE", one->name, 1);
        for (int i = 0; i < 4 && one->knobs[i]; i++)
            putenv((char *)(uintptr_t)one->knobs[i]);
        execv("/proc/self/exe", argv);
        _exit(126);
    }
    CHECK(waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* One place in 31 each time: all the same by chance once in 10^10 runs. */
static void check_distances(char **argv) {
    int first = run_case(&distance, argv);
    bool differs = false;
    for (int i = 1; i < RUNS; i++)
        differs |= run_case(&distance, argv) != first;
    CHECK(differs);
}

int main(int argc, char **argv) {
    (void)argc;
    const char *wanted = getenv("CHECK_CASE");
    if (wanted && strcmp(wanted, distance.name) == 0)
        return tell_distance();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (wanted && strcmp(wanted, cases[i].name) == 0)
            return cases[i].act();
        if (wanted)
            continue;
        int ended = run_case(&cases[i], argv);
        if (ended != cases[i].ends_with)
            check_say(__FILE__, ended, cases[i].name);
        CHECK(ended == cases[i].ends_with);
    }
    CHECK(!wanted);
    check_distances(argv);
    return 0;
}
