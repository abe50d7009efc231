// SPDX-License-Identifier: MIT
//
// Failure of operator new: std::bad_alloc is thrown and caught, the new_handler is called until it
// gives up, makes room or throws, and nothrow forms return null in all of these cases.
#include "check.h"

#include <new>
#include <sys/resource.h>
#include <vector>

static const std::align_val_t wide{128};
static int handled;
static void *reserve;

struct own_error : std::bad_alloc {};

static void give_up_at_third() {
    if (++handled == 3)
        std::set_new_handler(nullptr);
}

static void throw_at_second() {
    if (++handled == 2)
        throw own_error();
}

static void make_room() {
    handled++;
    CHECK(reserve != nullptr);
    free(reserve);
    reserve = nullptr;
}

static void *call(int form, size_t size) {
    switch (form) {
    case 0: return ::operator new(size);
    case 1: return ::operator new[](size);
    case 2: return ::operator new(size, wide);
    case 3: return ::operator new[](size, wide);
    case 4: return ::operator new(size, std::nothrow);
    case 5: return ::operator new[](size, std::nothrow);
    case 6: return ::operator new(size, wide, std::nothrow);
    default: return ::operator new[](size, wide, std::nothrow);
    }
}

// 0: returned null, 1: std::bad_alloc, 2: the handler's own error
static int outcome(int form, size_t size) {
    try {
        void *block = check_keep(call(form, check_size(size)));
        CHECK(block == nullptr);
        return 0;
    } catch (const own_error &) {
        return 2;
    } catch (const std::bad_alloc &) {
        return 1;
    }
}

static void check_form(int form, size_t size) {
    bool is_nothrow = form >= 4;
    std::set_new_handler(nullptr);
    for (int i = 0; i < 100; i++)
        CHECK(outcome(form, size) == (is_nothrow ? 0 : 1));
    handled = 0;
    std::set_new_handler(give_up_at_third);
    CHECK(outcome(form, size) == (is_nothrow ? 0 : 1));
    CHECK(handled == 3);
    handled = 0;
    std::set_new_handler(throw_at_second);
    CHECK(outcome(form, size) == (is_nothrow ? 0 : 2));
    CHECK(handled == 2);
    std::set_new_handler(nullptr);
}

// Below a limit the handler frees a reserve, and the call then succeeds.
static void check_room() {
    rlimit old, limit;
    const size_t size = size_t(96) << 20;
    CHECK(getrlimit(RLIMIT_AS, &old) == 0);
    for (int form = 0; form < 8; form++) {
        std::vector<void *> taken;
        taken.reserve(10000);
        reserve = malloc(size + (size_t(64) << 20));
        CHECK(reserve != nullptr);
        limit = old;
        limit.rlim_cur = size_t(1) << 30;
        CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
        while (void *block = malloc(size_t(8) << 20))
            taken.push_back(block);
        handled = 0;
        std::set_new_handler(make_room);
        void *block = check_keep(call(form, size));
        CHECK(block != nullptr && handled == 1);
        std::set_new_handler(nullptr);
        free(block);
        for (void *one : taken)
            free(one);
        CHECK(setrlimit(RLIMIT_AS, &old) == 0);
    }
}

int main() {
    for (int form = 0; form < 8; form++) {
        if (check_is_hakmem()) // libstdc++ rounds this size up, to zero
            check_form(form, SIZE_MAX);
        check_form(form, SIZE_MAX / 2 + 1);
        check_form(form, size_t(1) << 60);
    }
    check_room();
    try {
        std::vector<char> impossible(check_size(size_t(1) << 58));
        CHECK(!"thrown");
    } catch (const std::bad_alloc &) {
    }
    return 0;
}
