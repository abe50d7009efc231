/* SPDX-License-Identifier: MIT */
/*
 * The number of mappings stays small while much memory is used: with thousands of large blocks that
 * grow, so that their pages move, with purging in between, with threads that come and go, and with
 * 16 GiB of address space in use.
 * And an allocation that fails because of vm.max_map_count says so, when HAKMEM_LOG asks.
 */
#include "check.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { MIB = 1 << 20, BLOCKS = 1000, MOST = 1000 };

/* Blocks of 256 KiB to 2 MiB, a page of each written; two neighbours grow in turn. */
static void check_growth(uint64_t seed) {
    static char *blocks[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(MIB / 4 + check_random(&seed) % MIB);
        CHECK(blocks[i] != NULL);
        blocks[i][0] = (char)i;
    }
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = realloc(blocks[i], MIB + MIB / 2 + check_random(&seed) % MIB);
        CHECK(blocks[i] && blocks[i][0] == (char)i);
    }
    CHECK(check_count_maps() <= MOST);
    for (int i = 0; i < BLOCKS; i++)
        if (i % 3)
            free(blocks[i]);
    malloc_trim(0);
    CHECK(check_count_maps() <= MOST);
    for (int i = 0; i < BLOCKS; i += 3)
        free(blocks[i]);
}

/* Sizes from 64 KiB to 64 MiB, each doubling as likely as another. */
static size_t wide_size(uint64_t *seed) {
    size_t bytes = (size_t)1 << (16 + check_random(seed) % 10);
    return bytes + check_random(seed) % bytes;
}

/* Written at both ends, one in 16 as a whole if it isn't too large. */
static char *wide_block(char *old, size_t bytes) {
    char *block = realloc(old, bytes);
    CHECK(block != NULL);
    if (bytes % 16 == 0 && bytes < 4 * MIB)
        memset(block, 1, bytes);
    block[0] = block[bytes - 1] = 1;
    return block;
}

/* 16 GiB in blocks, most of them not touched, of which every round replaces, resizes and frees. */
static void check_wide(uint64_t seed) {
    enum { WIDE = 2000, ROUNDS = 8 };
    static char *blocks[WIDE];
    unsigned most = 0;
    size_t used_bytes = 0;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < WIDE; i++) {
            bool is_freed = check_random(&seed) % 3 == 0;
            if (is_freed)
                free(blocks[i]);
            if (is_freed || check_random(&seed) % 3 == 0)
                blocks[i] = wide_block(is_freed ? NULL : blocks[i], wide_size(&seed));
        }
        if (round % 4 == 3)
            malloc_trim(0);
        most = check_count_maps() > most ? check_count_maps() : most;
        used_bytes = check_value("used_bytes");
    }
    printf("%zu MiB used, %u mappings at most, %zu MiB hidden, %zu MiB resident\n",
           used_bytes / MIB, most, (size_t)check_value("unmapped_bytes") / MIB,
           check_resident_bytes() / MIB);
    fflush(stdout);
    CHECK(used_bytes >= (size_t)16 << 30 && most <= MOST);
    for (int i = 0; i < WIDE; i++)
        free(blocks[i]);
}

static void *churn(void *seed_address) {
    uint64_t seed = (uintptr_t)seed_address;
    void *slots[256] = {NULL};
    for (int i = 0; i < 20000; i++) {
        void **slot = &slots[check_random(&seed) % 256];
        free(*slot);
        *slot = malloc(check_random(&seed) % (check_random(&seed) % 100 ? 2000 : 400000));
    }
    for (int i = 0; i < 256; i++)
        free(slots[i]);
    return NULL;
}

static void check_threads(void) {
    pthread_t threads[16];
    for (uintptr_t round = 0; round < 4; round++) {
        for (uintptr_t i = 0; i < 16; i++)
            CHECK(pthread_create(&threads[i], NULL, churn, (void *)(round * 16 + i + 1)) == 0);
        for (int i = 0; i < 16; i++)
            CHECK(pthread_join(threads[i], NULL) == 0);
    }
    malloc_trim(0);
    CHECK(check_count_maps() <= MOST / 2);
}

/* Every other page another protection: as many mappings as can be had. */
static void use_up_maps(void) {
    size_t bytes = (size_t)600 << 20;
    char *pages = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(pages != MAP_FAILED);
    for (size_t at = 0; at < bytes; at += 8192)
        if (mprotect(pages + at, 4096, PROT_READ) != 0)
            break;
    CHECK(check_keep(malloc((size_t)1 << 30)) == NULL && errno == ENOMEM);
}

/* In a process of its own, whose standard error is looked at. */
static void check_words(char **argv) {
    char words[1024];
    int ends[2], status = 0;
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        setenv("CHECK_MAPS", "1", 1);
        setenv("HAKMEM_LOG", "yes", 1);
        execv("/proc/self/exe", argv);
        _exit(1);
    }
    close(ends[1]);
    ssize_t length = read(ends[0], words, sizeof words - 1);
    CHECK(length > 0);
    words[length] = '\0';
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    if (!strstr(words, "vm.max_map_count"))
        check_say(__FILE__, __LINE__, words);
    CHECK(WEXITSTATUS(status) == 0 && strstr(words, "vm.max_map_count, is reached"));
}

static unsigned max_maps(void) {
    unsigned most = 0;
    FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
    if (file && fscanf(file, "%u", &most) != 1)
        most = 0;
    if (file)
        fclose(file);
    return most;
}

int main(int argc, char **argv) {
    (void)argc;
    if (getenv("CHECK_MAPS")) {
        use_up_maps();
        return 0;
    }
    if (max_maps() && max_maps() <= 70000 && sysconf(_SC_PAGESIZE) == 4096)
        check_words(argv);
    for (uint64_t seed = 1; seed <= 3; seed++)
        check_growth(seed);
    check_threads();
    check_wide(4);
    return 0;
}
