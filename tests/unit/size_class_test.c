/* SPDX-License-Identifier: MIT */
/*
 * Tests of lib/heap/size_class: every request's class, the promised waste, and the divisibility
 * trick, for every offset in a slab and every class.
 */
#include "heap/size_class.h"

#include "unit.h"

static void check_table(void) {
    CHECK(hak_class_bytes[HAK_CLASS_COUNT - 1] == HAK_CLASS_MAX_BYTES);
    for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++) {
        CHECK(hak_class_bytes[class] % 16 == 0);
        CHECK(hak_class_bytes[class] > hak_class_bytes[class - 1]);
    }
}

static void check_requests(void) {
    CHECK(hak_class_of(0) == 1);
    for (size_t bytes = 1; bytes <= HAK_CLASS_MAX_BYTES; bytes++) {
        unsigned class = hak_class_of(bytes);
        CHECK(class >= 1 && class < HAK_CLASS_COUNT);
        CHECK(hak_class_bytes[class] >= bytes && hak_class_bytes[class - 1] < bytes);
        if (bytes > 128)
            CHECK((hak_class_bytes[class] - bytes) * 8 <= hak_class_bytes[class]);
    }
}

static void check_magic(void) {
    CHECK(hak_class_magic(HAK_CLASS_NONE) == 0);
    for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++) {
        uint32_t magic = hak_class_magic(class);
        for (uint32_t offset = 0; offset < 65536; offset++)
            CHECK((offset * magic < magic) == (offset % hak_class_bytes[class] == 0));
    }
}

int main(void) {
    check_table();
    check_requests();
    check_magic();
    return 0;
}
