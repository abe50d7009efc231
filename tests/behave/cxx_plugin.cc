// SPDX-License-Identifier: MIT
//
// A C++ plugin of a C program: libstdc++ comes with it, out of the program's scope, and operator
// new must still throw, handlers must be called and nothrow forms must return null.
#include <cstdlib>
#include <new>
#include <string>

static int handled;

static void give_up() {
    handled++;
    std::set_new_handler(nullptr);
}

extern "C" int plugin_works(size_t impossible) {
    int caught = 0;
    void *volatile block = nullptr;
    try {
        block = ::operator new(impossible);
    } catch (const std::bad_alloc &) {
        caught++;
    }
    if (::operator new(impossible, std::nothrow) || block)
        return 1;
    std::set_new_handler(give_up);
    try {
        block = ::operator new[](impossible);
    } catch (const std::bad_alloc &) {
        caught++;
    }
    std::set_new_handler(give_up);
    if (::operator new[](impossible, std::nothrow) || block)
        return 2;
    std::string text(1000, 'x');
    text += text;
    return caught == 2 && handled == 2 && text.size() == 2000 ? 0 : 3;
}
