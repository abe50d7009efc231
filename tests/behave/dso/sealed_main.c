/* SPDX-License-Identifier: MIT */
/*
 * Looks at the library's own memory, at the addresses that sealed.sh found in the symbol table:
 * NAME=OFFSET... Prints a line for each thing that isn't as it should be. With "write" as its first
 * argument it writes to the first name, and ought not to live longer.
 */
#include "core/region.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAPS = 4000 };

static struct map {
    uintptr_t start, end;
    char rights[5];
    char name[200];
} maps[MAPS];
static int map_count;
static int failures;

static void read_maps(void) {
    char line[512];
    FILE *file = fopen("/proc/self/maps", "r");
    while (file && map_count < MAPS && fgets(line, sizeof line, file)) {
        struct map *map = &maps[map_count++];
        sscanf(line, "%zx-%zx %4s %*s %*s %*s %199s", &map->start, &map->end, map->rights,
               map->name);
    }
    if (file)
        fclose(file);
}

static int map_at(uintptr_t address) {
    for (int i = 0; i < map_count; i++)
        if (address >= maps[i].start && address < maps[i].end)
            return i;
    return -1;
}

static void expect(const char *what, uintptr_t address, const char *rights) {
    int at = map_at(address);
    const char *found = at < 0 ? "nothing" : maps[at].rights;
    if (strcmp(found, rights) == 0)
        return;
    printf("%s: %s instead of %s\n", what, found, rights);
    failures++;
}

/* Unmapped, or mapped without any right. */
static void expect_out_of_reach(const char *what, uintptr_t address) {
    int at = map_at(address);
    if (at < 0 || strcmp(maps[at].rights, "---p") == 0)
        return;
    printf("%s: %s can be touched\n", what, maps[at].rights);
    failures++;
}

static bool is_joined(int at, int next) {
    return at >= 0 && next < map_count && maps[at].end == maps[next].start &&
           strcmp(maps[at].rights, maps[next].rights) == 0;
}

/* On both sides of a structure of ours, advice may have cut it, there is what nobody can touch. */
static void expect_fences(const char *what, uintptr_t address) {
    int first = map_at(address), last = first;
    expect(what, address, "rw-p");
    while (is_joined(first - 1, first))
        first--;
    while (is_joined(last, last + 1))
        last++;
    if (first >= 0)
        expect_out_of_reach("in front of it", maps[first].start - 1);
    if (first >= 0)
        expect_out_of_reach("behind it", maps[last].end);
}

static uintptr_t base; /* of the module that the library is in */

static uintptr_t address_of(char **names, const char *name) {
    for (; *names; names++) {
        size_t length = strlen(name);
        if (strncmp(*names, name, length) == 0 && (*names)[length] == '=')
            return base + strtoull(*names + length + 1, NULL, 16);
    }
    printf("%s is not in the symbol table\n", name);
    exit(1);
}

static void find_base(const char *module) {
    for (int i = map_count - 1; i >= 0; i--)
        if (strstr(maps[i].name, module))
            base = maps[i].start;
}

static void expect_nothing_executable(void) {
    for (int i = 0; i < map_count; i++) {
        if (!strchr(maps[i].rights, 'x'))
            continue;
        if (strchr(maps[i].rights, 'w') || (!maps[i].name[0])) {
            printf("%s %s is executable\n", maps[i].name, maps[i].rights);
            failures++;
        }
    }
}

/* Usage: [write] MODULE NAME=OFFSET... */
int main(int argc, char **argv) {
    bool is_writing = argc > 1 && strcmp(argv[1], "write") == 0;
    char **names = argv + 2 + is_writing;
    free(malloc(100));
    void *large = malloc((size_t)1 << 20);
    read_maps();
    if (argc < 3)
        return 2;
    if (strcmp(names[-1], "fixed") != 0)
        find_base(names[-1]);
    if (is_writing) {
        *(volatile char *)(base + strtoull(strchr(names[0], '=') + 1, NULL, 16)) ^= 1;
        return 0;
    }
    const struct hak_region *regions = (void *)address_of(names, "hak_regions");
    const uintptr_t *heap = (void *)address_of(names, "hak_first_heap");
    const uintptr_t *abandoned = (void *)address_of(names, "hak_abandoned_heap");
    for (char **name = names; *name; name++)
        if (strncmp(*name, "hak_regions", 10) != 0 && strncmp(*name, "hak_first_heap", 14) != 0)
            expect(*name, base + strtoull(strchr(*name, '=') + 1, NULL, 16), "r--p");
    expect("hak_regions", (uintptr_t)regions, "rw-p");
    expect_fences("the heap", *heap);
    expect_fences("the abandoned heap", *abandoned);
    expect_fences("the SuperSlabs' marks", (uintptr_t)regions[0].superslab_ready);
    expect("the slab records", (uintptr_t)regions[0].slab, "rw-p");
    expect("in front of the records", (uintptr_t)regions[0].slab - 1, "---p");
    expect("blocks", regions[0].base, "rw-p");
    expect("a large block", (uintptr_t)large, "rw-p");
    expect_nothing_executable();
    return failures != 0;
}
