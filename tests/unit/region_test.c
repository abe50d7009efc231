/* SPDX-License-Identifier: MIT */
/*
 * Tests of lib/core/region: a region is planned where no other one is, however the random numbers
 * fall, and each address is found in its own region. The random numbers are this file's. The thread
 * sanitizer allows no plans: then regions are reserved.
 */
#include "core/region.h"
#include "os/os_memory.h"
#include "os/os_random.h"

#include "unit.h"

#define RANGE_BYTES HAK_GIB(1)
#define FURTHER 6

/* Plans lie a quarter of a region apart: of four in a row, three are in the region before. */
uint64_t hak_os_random(uint64_t salt) {
    return HAK_GIB(64) + salt * (RANGE_BYTES / 4);
}

static void check_apart(uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t other = 0; other < i; other++) {
            const struct hak_region *low = &hak_regions[i], *high = &hak_regions[other];
            if (low->base > high->base) {
                low = &hak_regions[other];
                high = &hak_regions[i];
            }
            CHECK(low->base + low->slabs * HAK_SLAB_BYTES <= high->base);
        }
}

/* All that is left of the last region and a slab more: another region must be made. */
static void add_range(uint32_t count) {
    size_t slabs, most = RANGE_BYTES / HAK_SLAB_BYTES;
    struct hak_slab *run = hak_region_grow(most, &slabs);
    CHECK(run && slabs >= most);
    CHECK(atomic_load(&hak_region_count) == count);
    CHECK(hak_region_of_slab(run) == &hak_regions[count - 1]);
    for (size_t i = 0; i < slabs; i += HAK_SUPERSLAB_SLABS)
        CHECK(hak_region_slab((void *)hak_region_slab_address(run + i)) == run + i);
}

int main(void) {
    size_t grown;
    hak_os_memory_start();
    CHECK(hak_region_start(RANGE_BYTES));
    CHECK(hak_regions[0].is_reserved == HAK_FOREIGN_PLACES);
    CHECK(hak_region_grow(1, &grown) != NULL);
    for (uint32_t i = 0; i < FURTHER; i++) {
        add_range(i + 2);
        check_apart(i + 2);
    }
    return 0;
}
