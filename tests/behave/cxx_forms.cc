// SPDX-License-Identifier: MIT
//
// Every form of operator new and delete: blocks are aligned, whole and released by each matching
// form; a wrong size given to a sized delete is harmless; containers and exceptions work.
#include "check.h"

#include <malloc.h>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static const std::align_val_t wide{256};

static void *made(void *block, size_t size, size_t alignment) {
    CHECK(block && check_is_aligned(block, alignment));
    CHECK(malloc_usable_size(block) >= size);
    check_fill(block, size, 1);
    return check_keep(block);
}

static void check_plain(size_t size) {
    void *block = made(::operator new(size), size, 16);
    ::operator delete(block);
    block = made(::operator new(size), size, 16);
    ::operator delete(block, size);
    block = made(::operator new(size, std::nothrow), size, 16);
    ::operator delete(block, std::nothrow);
    block = made(::operator new[](size), size, 16);
    ::operator delete[](block);
    block = made(::operator new[](size), size, 16);
    ::operator delete[](block, size);
    block = made(::operator new[](size, std::nothrow), size, 16);
    ::operator delete[](block, std::nothrow);
}

static void check_aligned(size_t size) {
    void *block = made(::operator new(size, wide), size, 256);
    ::operator delete(block, wide);
    block = made(::operator new(size, wide), size, 256);
    ::operator delete(block, size, wide);
    block = made(::operator new(size, wide, std::nothrow), size, 256);
    ::operator delete(block, wide, std::nothrow);
    block = made(::operator new[](size, wide), size, 256);
    ::operator delete[](block, wide);
    block = made(::operator new[](size, wide), size, 256);
    ::operator delete[](block, size, wide);
    block = made(::operator new[](size, wide, std::nothrow), size, 256);
    ::operator delete[](block, wide, std::nothrow);
}

static void check_alignments() {
    for (size_t alignment = 1; alignment <= 1 << 20; alignment *= 2)
        for (size_t size = 0; size < 100000; size = size * 3 + 1) {
            std::align_val_t value{alignment};
            void *block = made(::operator new(size, value), size, alignment);
            ::operator delete(block, size, value);
        }
}

static void check_null() {
    ::operator delete(nullptr);
    ::operator delete[](nullptr);
    ::operator delete(nullptr, 10);
    ::operator delete[](nullptr, 10);
    ::operator delete(nullptr, std::nothrow);
    ::operator delete[](nullptr, std::nothrow);
    ::operator delete(nullptr, wide);
    ::operator delete[](nullptr, wide);
    ::operator delete(nullptr, 10, wide);
    ::operator delete[](nullptr, 10, wide);
    ::operator delete(nullptr, wide, std::nothrow);
    ::operator delete[](nullptr, wide, std::nothrow);
}

static void check_wrong_sizes() {
    for (size_t size = 1; size < 200000; size = size * 2 + 1)
        for (size_t wrong : {size_t(0), size / 2, size + 1, size * 100, SIZE_MAX}) {
            ::operator delete(check_keep(::operator new(size)), check_size(wrong));
            ::operator delete[](check_keep(::operator new[](size)), check_size(wrong));
            ::operator delete(check_keep(::operator new(size, wide)), check_size(wrong), wide);
            free(check_keep(::operator new(size)));
            ::operator delete(check_keep(malloc(size)));
        }
}

struct alignas(128) overaligned {
    char bytes[130];
};

struct thrower {
    std::string text = std::string(100, 'x');
    thrower() { throw std::runtime_error(text); }
};

static void check_language() {
    for (int i = 0; i < 1000; i++) {
        std::unique_ptr<overaligned> one(new overaligned);
        std::unique_ptr<overaligned[]> many(new overaligned[5]);
        CHECK(check_is_aligned(one.get(), 128) && check_is_aligned(many.get(), 128));
        try {
            delete new thrower;
            CHECK(!"thrown");
        } catch (const std::runtime_error &error) {
            CHECK(strlen(error.what()) == 100);
        }
    }
    std::map<int, std::vector<std::string>> table;
    for (int i = 0; i < 20000; i++)
        table[i % 500].push_back(std::to_string(i) + " and some more to leave the small string");
    size_t total = 0;
    for (const auto &row : table)
        total += row.second.size();
    CHECK(total == 20000);
}

// The destructor of a thread_local object runs at thread exit and frees.
static thread_local std::vector<std::string> late;

static void check_threads() {
    std::vector<std::thread> threads;
    std::string *shared[16];
    for (int i = 0; i < 16; i++)
        threads.emplace_back([&shared, i] {
            for (int j = 0; j < 1000; j++)
                late.push_back(std::string(size_t(j), 'y'));
            shared[i] = new std::string(500, 'z');
        });
    for (auto &thread : threads)
        thread.join();
    for (auto *text : shared) {
        CHECK(text->size() == 500);
        delete text;
    }
}

int main() {
    for (size_t size = 0; size < 3000000; size = size * 5 / 4 + 1) {
        check_plain(size);
        check_aligned(size);
    }
    check_alignments();
    check_null();
    if (!getenv("HAKMEM_HARDENED")) // hardened: fatal, as documented
        check_wrong_sizes();
    check_language();
    check_threads();
    return 0;
}
