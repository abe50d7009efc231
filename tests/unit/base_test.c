/* SPDX-License-Identifier: MIT */
/*
 * Tests of lib/base: rounding and logarithms, random numbers, the linked list, and formatting, cut
 * text included.
 */
#include "base/bits.h"
#include "base/format.h"
#include "base/list.h"
#include "base/random.h"

#include "unit.h"

#include <string.h>

static void check_bits(void) {
    CHECK(hak_round_up(0, 16) == 0 && hak_round_up(1, 16) == 16 && hak_round_up(16, 16) == 16);
    CHECK(hak_round_down(31, 16) == 16);
    CHECK(hak_excess(7, 3) == 4 && hak_excess(3, 7) == 0 && hak_excess(SIZE_MAX, 0) == SIZE_MAX);
    CHECK(!hak_is_power_of_two(0) && hak_is_power_of_two(1) && !hak_is_power_of_two(3));
    for (unsigned bit = 0; bit < 64; bit++) {
        CHECK(hak_log2_floor((size_t)1 << bit) == bit);
        CHECK(hak_log2_floor(((size_t)1 << bit) | 1) == (bit ? bit : 0));
    }
    int64_t counter = -2;
    CHECK(!hak_increment_is_zero(&counter) && counter == -1);
    CHECK(hak_increment_is_zero(&counter) && counter == 0);
    CHECK(!hak_increment_is_zero(&counter) && counter == 1);
}

/* The numbers that other programs get of these seeds. */
static void check_random(void) {
    uint64_t state = 0, other = 1234567;
    CHECK(hak_random_next(&state) == 0xE220A8397B1DCDAFu);
    CHECK(hak_random_next(&state) == 0x6E789E6AA1B965F4u);
    CHECK(hak_random_next(&other) == 6457827717110365317u);
    CHECK(hak_random_next(&other) == 3203168211198807973u);
}

static unsigned length_of(const struct hak_link *head) {
    unsigned length = 0;
    for (const struct hak_link *link = head->next; link != head; link = link->next) {
        CHECK(link->next->previous == link && link->previous->next == link);
        length++;
    }
    return length;
}

static void check_list(void) {
    struct hak_link head, links[3];
    hak_list_init(&head);
    CHECK(hak_list_is_empty(&head));
    hak_list_push_front(&head, &links[1]);
    hak_list_push_front(&head, &links[0]);
    hak_list_push_back(&head, &links[2]);
    CHECK(length_of(&head) == 3 && head.next == &links[0] && head.previous == &links[2]);
    hak_list_remove(&links[1]);
    CHECK(length_of(&head) == 2 && links[0].next == &links[2]);
    hak_list_remove(&links[0]);
    hak_list_remove(&links[2]);
    CHECK(hak_list_is_empty(&head));
}

static void check_format(void) {
    char storage[40];
    struct hak_buffer buffer;
    hak_buffer_init(&buffer, storage, sizeof storage);
    hak_put_text(&buffer, "a ");
    hak_put_decimal(&buffer, UINT64_MAX);
    hak_put_char(&buffer, ' ');
    hak_put_hex(&buffer, 0xdeadbeef);
    CHECK(strcmp(storage, "a 18446744073709551615 0xdeadbeef") == 0);
    CHECK(buffer.length == strlen(storage));
    hak_buffer_init(&buffer, storage, sizeof storage);
    hak_put_signed(&buffer, INT64_MIN);
    CHECK(strcmp(storage, "-9223372036854775808") == 0);
    hak_buffer_init(&buffer, storage, 4);
    hak_put_text(&buffer, "abcdef");
    CHECK(strcmp(storage, "abc") == 0 && buffer.length == 3);
    hak_buffer_init(&buffer, storage, 1);
    hak_put_decimal(&buffer, 7);
    CHECK(storage[0] == '\0');
}

int main(void) {
    check_bits();
    check_random();
    check_list();
    check_format();
    return 0;
}
