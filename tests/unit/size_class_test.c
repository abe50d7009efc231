/* SPDX-License-Identifier: MIT */
/*
 * Tests of lib/heap/size_class: every request's class, the promised waste, alignments, and the
 * divisibility trick, for every offset in a slab and every class.
 */
#include "core/size_class.h"

#include "core/heap.h"

#include "unit.h"

static void check_table(void) {
    CHECK(hak_size_class_bytes[HAK_CLASS_COUNT - 1] == HAK_CLASS_MAX_BYTES);
    for (unsigned size_class = 1; size_class < HAK_CLASS_COUNT; size_class++) {
        CHECK(hak_size_class_bytes[size_class] % 16 == 0);
        CHECK(hak_size_class_bytes[size_class] > hak_size_class_bytes[size_class - 1]);
    }
}

static void check_requests(void) {
    CHECK(hak_size_class_of(0) == 1);
    for (size_t bytes = 1; bytes <= HAK_CLASS_MAX_BYTES; bytes++) {
        unsigned size_class = hak_size_class_of(bytes);
        CHECK(size_class >= 1 && size_class < HAK_CLASS_COUNT);
        CHECK(hak_size_class_bytes[size_class] >= bytes &&
              hak_size_class_bytes[size_class - 1] < bytes);
        if (bytes > 128)
            CHECK((hak_size_class_bytes[size_class] - bytes) * 8 <=
                  hak_size_class_bytes[size_class]);
    }
}

/* Every power of two up to a slab's length: a block that long is one of a class of multiples. */
static void check_alignments(void) {
    for (size_t alignment = 32; alignment <= HAK_CLASS_MAX_BYTES; alignment *= 2) {
        for (size_t bytes = 1; bytes <= HAK_CLASS_MAX_BYTES; bytes += 7) {
            size_t aligned_bytes = hak_size_class_aligned_bytes(bytes, alignment);
            CHECK(aligned_bytes >= bytes);
            CHECK(hak_size_class_bytes[hak_size_class_of(aligned_bytes)] % alignment == 0);
            CHECK(bytes % alignment || aligned_bytes - bytes <= bytes / 2);
        }
    }
}

/* Bounds rise with their count, so a bound that lies right at its own block's rest does everywhere.
 */
static void check_bounds(void) {
    CHECK(hak_size_class_bound(HAK_CLASS_NONE, 0) == 0);
    for (unsigned size_class = 1; size_class < HAK_CLASS_COUNT; size_class++) {
        for (unsigned count = 1; count <= 65536 / hak_size_class_bytes[size_class]; count++) {
            uint32_t bound = hak_size_class_bound(size_class, count);
            CHECK(hak_heap_bound_class(&bound) == size_class);
            CHECK(bound > hak_size_class_bound(size_class, count - 1));
        }
    }
}

static void check_magic(void) {
    for (unsigned size_class = 1; size_class < HAK_CLASS_COUNT; size_class++) {
        uint32_t bytes = hak_size_class_bytes[size_class];
        unsigned capacity = 65536 / bytes;
        uint32_t full = hak_size_class_bound(size_class, capacity);
        for (uint32_t offset = 0; offset < 65536; offset++) {
            uint32_t rest = hak_size_class_rest(size_class, offset);
            unsigned index = offset / bytes;
            bool is_start = offset % bytes == 0 && index < capacity;
            CHECK((rest < full) == is_start);
            CHECK(!is_start || (rest < hak_size_class_bound(size_class, index + 1) &&
                                rest >= hak_size_class_bound(size_class, index)));
        }
    }
}

int main(void) {
    check_table();
    check_requests();
    check_alignments();
    check_magic();
    check_bounds();
    return 0;
}
