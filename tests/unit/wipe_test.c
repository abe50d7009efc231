/* SPDX-License-Identifier: MIT */
/*
 * Tests of lib/base/wipe and lib/heap/trailer: in blocks of every length a byte that was written is
 * seen wherever it is, and nothing else is; what is cleared ends where the block does; pages of
 * zeroes are not written to.
 */
#include "hardening/trailer.h"

#include "unit.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FILLER 0x8182838485868788u
#define PAGES 8

static _Alignas(64) unsigned char memory[16 + 8192 + 16];
static unsigned char *const block = memory + 16;

static const size_t rooms[] = {32,  48,  64,  80,  96,   112,  128,  144,  160,  256, 272,
                               288, 512, 528, 544, 1024, 1040, 1152, 2048, 4096, 8192};

static bool is_any_set(const unsigned char *at, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (at[i])
            return true;
    return false;
}

/* The block is zero but for its trailer; what is around it isn't. */
static void check_zero(size_t room) {
    memset(memory, 1, sizeof memory);
    memset(block, 0, room - HAK_TRAILER_BYTES);
    CHECK(hak_wipe_is_block_zero(block, room));
    for (size_t i = sizeof(struct hak_block); i < room - HAK_TRAILER_BYTES; i++) {
        block[i] = 0x40;
        CHECK(!hak_wipe_is_block_zero(block, room));
        block[i] = 0;
    }
}

static void check_wipe(size_t room) {
    memset(memory, 1, sizeof memory);
    if (room <= HAK_WIPE_BLOCK_BYTES)
        hak_wipe_block(block, room);
    else
        hak_wipe(block, room - HAK_TRAILER_BYTES - 8);
    size_t end = room - HAK_TRAILER_BYTES - (room <= HAK_WIPE_BLOCK_BYTES ? 0 : 8);
    CHECK(!is_any_set(block, end));
    CHECK(block[-1] == 1 && block[end] == 1);
}

/* Whatever is in front of the slack; by the near way, too, where it goes. */
static bool is_filled(size_t room, size_t bytes) {
    size_t slack = room - HAK_TRAILER_BYTES - bytes;
    bool is_so = hak_trailer_slack_is_filled(block, room, bytes, FILLER);
    bool is_near_so = hak_trailer_slack_is_near_filled(block, room, slack, FILLER);
    CHECK(is_near_so == (is_so && hak_trailer_slack_is_near(room, slack)));
    return is_so;
}

static void check_slack(size_t room, size_t bytes) {
    size_t end = room - HAK_TRAILER_BYTES;
    memset(memory, 1, sizeof memory);
    hak_trailer_slack_fill(block, room, bytes, FILLER);
    CHECK(is_filled(room, bytes));
    CHECK((bytes == 0 || block[bytes - 1] == 1) && block[end] == 1 && block[-1] == 1);
    for (size_t i = bytes; i < end; i += 1 + i / 64) {
        block[i] ^= 0x10;
        CHECK(!is_filled(room, bytes));
        block[i] ^= 0x10;
    }
    if (!hak_trailer_slack_is_near(room, end - bytes))
        return;
    memset(block, 0, end);
    hak_trailer_slack_fill_zeroed(block, room, end - bytes, FILLER);
    CHECK(!is_any_set(block, bytes) && is_filled(room, bytes));
    CHECK(block[end] == 1 && block[-1] == 1);
}

/* A byte of one page of several; the others can't be written to. */
static void check_pages(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *pages = mmap(NULL, PAGES * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    for (size_t at = 0; at < PAGES * page; at += page + 528) {
        unsigned char *used = pages + at / page * page;
        CHECK(mprotect(used, page, PROT_READ | PROT_WRITE) == 0);
        pages[at] = 1;
        hak_wipe(pages + 128, (PAGES - 1) * page);
        CHECK(pages[at] == (at < 128 || at >= 128 + (PAGES - 1) * page));
        pages[at] = 0;
        CHECK(mprotect(used, page, PROT_READ) == 0);
    }
    munmap(pages, PAGES * page);
}

int main(void) {
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        check_zero(rooms[i]);
        check_wipe(rooms[i]);
        for (size_t bytes = 0; bytes <= rooms[i] - HAK_TRAILER_BYTES; bytes += 1 + bytes / 128)
            check_slack(rooms[i], bytes);
        check_slack(rooms[i], rooms[i] - HAK_TRAILER_BYTES);
    }
    check_pages();
    return 0;
}
