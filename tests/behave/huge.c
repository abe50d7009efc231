/* SPDX-License-Identifier: MIT */
/*
 * HAKMEM_HUGE_PAGES: never and always are what the kernel is told of our memory, and auto keeps
 * small processes, and large ones whose memory is sparse or was purged, free of huge pages. The
 * program runs itself again with each word. CHECK_HUGE= says which.
 */
#include "check.h"

#include <malloc.h>
#include <sys/wait.h>

enum { MIB = 1 << 20, MOST = 400000 };

static void *blocks[MOST];

/* The flags of the mapping that an address lies in. */
static void flags_at(const void *address, char *flags, size_t capacity) {
    char line[512];
    bool is_inside = false;
    FILE *maps = fopen("/proc/self/smaps", "r");
    flags[0] = '\0';
    if (!maps)
        SKIP("no /proc/self/smaps");
    while (fgets(line, sizeof line, maps)) {
        unsigned long start, end;
        if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
            is_inside = (unsigned long)address >= start && (unsigned long)address < end;
        else if (is_inside && strncmp(line, "VmFlags:", 8) == 0)
            snprintf(flags, capacity, "%s", line);
    }
    fclose(maps);
}

static bool has_flag(const void *address, const char *flag) {
    char flags[512];
    flags_at(address, flags, sizeof flags);
    return strstr(flags, flag) != NULL;
}

/* 100 MiB of small blocks and back. */
static void fill_and_empty(void) {
    for (int i = 0; i < MOST; i++)
        blocks[i] = memset(check_keep(malloc(256)), 1, 256);
    CHECK(check_resident_bytes() < 110 * MIB);
    for (int i = 0; i < MOST; i++)
        free(blocks[i]);
    malloc_trim(0);
}

static void be_auto(void *block) {
    CHECK(has_flag(block, " nh"));
    for (int i = 0; i < 2000; i++)
        blocks[i] = check_keep(malloc(MIB));
    for (int i = 0; i < 2000; i++)
        *(char *)blocks[i] = 1; /* sparse: a page each */
    CHECK(check_value("huge_bytes") == 0 && check_resident_bytes() < 24 * MIB);
    for (int i = 0; i < 2000; i++)
        free(blocks[i]);
    malloc_trim(0);
    unsigned maps = check_count_maps();
    fill_and_empty();
    CHECK(check_value("huge_bytes") == 0 && check_resident_bytes() < 24 * MIB);
    CHECK(check_count_maps() <= maps + 4);
}

int main(int argc, char **argv) {
    static const char *const words[] = {"auto", "never", "always"};
    const char *which = getenv("CHECK_HUGE");
    void *block = malloc(100);
    if (check_is_sampled())
        SKIP("sampled blocks take more memory");
    (void)argc;
    if (access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK) != 0)
        SKIP("the kernel has no transparent huge pages");
    if (which && strcmp(which, "auto") == 0)
        be_auto(block);
    if (which && strcmp(which, "never") == 0) {
        CHECK(has_flag(block, " nh"));
        fill_and_empty();
        CHECK(check_value("huge_bytes") == 0);
    }
    if (which && strcmp(which, "always") == 0)
        CHECK(has_flag(block, " hg") && check_value("huge_bytes") > 0);
    for (int i = 0; i < 3 && !which; i++) {
        int status = 0;
        setenv("HAKMEM_HUGE_PAGES", words[i], 1);
        setenv("CHECK_HUGE", words[i], 1);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            execv("/proc/self/exe", argv);
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    return 0;
}
