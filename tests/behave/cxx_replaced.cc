// SPDX-License-Identifier: MIT
//
// A program replaces some operators; the forms that it doesn't replace must reach its own. Compiled
// once for each set: REPLACE_NEW, REPLACE_NEW_ARRAY, REPLACE_ALIGNED, REPLACE_ARRAY_ALIGNED.
#include "check.h"

#include <new>

static int news, deletes, array_news, array_deletes;
static int aligned_news, aligned_deletes, array_aligned_news, array_aligned_deletes;
static bool must_throw;

static void *counted(int &count, size_t size, size_t alignment) {
    count++;
    if (must_throw)
        throw std::bad_alloc();
    char *block = static_cast<char *>(aligned_alloc(alignment, size + 2 * alignment));
    CHECK(block != nullptr);
    memset(block, 0x42, alignment);
    return block + alignment; // not what malloc returned: only our own delete can free it
}

static void uncounted(int &count, void *block, size_t alignment) {
    count++;
    if (!block)
        return;
    char *start = static_cast<char *>(block) - alignment;
    CHECK(start[0] == 0x42);
    free(start);
}

#ifdef REPLACE_NEW
void *operator new(size_t size) { return counted(news, size, 16); }
void operator delete(void *block) noexcept { uncounted(deletes, block, 16); }
#endif
#ifdef REPLACE_NEW_ARRAY
void *operator new[](size_t size) { return counted(array_news, size, 32); }
void operator delete[](void *block) noexcept { uncounted(array_deletes, block, 32); }
#endif
#ifdef REPLACE_ALIGNED
void *operator new(size_t size, std::align_val_t) { return counted(aligned_news, size, 64); }
void operator delete(void *block, std::align_val_t) noexcept {
    uncounted(aligned_deletes, block, 64);
}
#endif
#ifdef REPLACE_ARRAY_ALIGNED
void *operator new[](size_t size, std::align_val_t) {
    return counted(array_aligned_news, size, 128);
}
void operator delete[](void *block, std::align_val_t) noexcept {
    uncounted(array_aligned_deletes, block, 128);
}
#endif

#ifdef REPLACE_NEW
static const int plain_base = 1;
#else
static const int plain_base = 0;
#endif
#ifdef REPLACE_NEW_ARRAY
static const int array_base = 1;
#else
static const int array_base = 0;
#endif
#ifdef REPLACE_ALIGNED
static const int aligned_base = 1;
#else
static const int aligned_base = 0;
#endif
#ifdef REPLACE_ARRAY_ALIGNED
static const int array_aligned_base = 1;
#else
static const int array_aligned_base = 0;
#endif

static const std::align_val_t wide{64};

// Each call and where it must have been counted: the replaced form nearest to it, if any.
#define REACHES(call, counter, times)                                                              \
    do {                                                                                           \
        int before = counter;                                                                      \
        call;                                                                                      \
        CHECK(counter == before + (times));                                                        \
    } while (0)

static void check_plain() {
    void *block = nullptr;
    REACHES(block = ::operator new(100), news, plain_base);
    REACHES(::operator delete(block), deletes, plain_base);
    REACHES(block = ::operator new(100, std::nothrow), news, plain_base);
    REACHES(::operator delete(block, std::nothrow), deletes, plain_base);
    block = ::operator new(100);
    REACHES(::operator delete(block, size_t(100)), deletes, plain_base);
    int by_array = array_base ? 0 : plain_base;
    REACHES(block = ::operator new[](100), array_news, array_base);
    REACHES(::operator delete[](block), array_deletes, array_base);
    REACHES(block = ::operator new[](100), news, by_array);
    REACHES(::operator delete[](block), deletes, by_array);
    REACHES(block = ::operator new[](100, std::nothrow), array_news, array_base);
    REACHES(::operator delete[](block, std::nothrow), array_deletes, array_base);
    REACHES(block = ::operator new[](100, std::nothrow), news, by_array);
    REACHES(::operator delete[](block, std::nothrow), deletes, by_array);
    block = ::operator new[](100);
    REACHES(::operator delete[](block, size_t(100)), array_deletes, array_base);
    block = ::operator new[](100);
    REACHES(::operator delete[](block, size_t(100)), deletes, by_array);
}

static void check_aligned() {
    void *block = nullptr;
    REACHES(block = ::operator new(100, wide), aligned_news, aligned_base);
    REACHES(::operator delete(block, wide), aligned_deletes, aligned_base);
    REACHES(block = ::operator new(100, wide, std::nothrow), aligned_news, aligned_base);
    REACHES(::operator delete(block, wide, std::nothrow), aligned_deletes, aligned_base);
    block = ::operator new(100, wide);
    REACHES(::operator delete(block, size_t(100), wide), aligned_deletes, aligned_base);
    int by_array = array_aligned_base ? 0 : aligned_base;
    REACHES(block = ::operator new[](100, wide), array_aligned_news, array_aligned_base);
    REACHES(::operator delete[](block, wide), array_aligned_deletes, array_aligned_base);
    REACHES(block = ::operator new[](100, wide), aligned_news, by_array);
    REACHES(::operator delete[](block, wide), aligned_deletes, by_array);
    REACHES(block = ::operator new[](9, wide, std::nothrow), array_aligned_news,
            array_aligned_base);
    REACHES(::operator delete[](block, wide, std::nothrow), array_aligned_deletes,
            array_aligned_base);
    REACHES(block = ::operator new[](9, wide, std::nothrow), aligned_news, by_array);
    REACHES(::operator delete[](block, wide, std::nothrow), aligned_deletes, by_array);
    block = ::operator new[](100, wide);
    REACHES(::operator delete[](block, size_t(9), wide), array_aligned_deletes,
            array_aligned_base);
    block = ::operator new[](100, wide);
    REACHES(::operator delete[](block, size_t(9), wide), aligned_deletes, by_array);
}

// A replaced base that throws: nothrow forms turn that into null.
static void check_nothrow() {
    must_throw = true;
    if (plain_base)
        CHECK(check_keep(::operator new(100, std::nothrow)) == nullptr);
    if (plain_base || array_base)
        CHECK(check_keep(::operator new[](100, std::nothrow)) == nullptr);
    if (aligned_base)
        CHECK(check_keep(::operator new(100, wide, std::nothrow)) == nullptr);
    if (aligned_base || array_aligned_base)
        CHECK(check_keep(::operator new[](100, wide, std::nothrow)) == nullptr);
    must_throw = false;
}

int main() {
    for (int i = 0; i < 3; i++) {
        check_plain();
        check_aligned();
        check_nothrow();
    }
    return 0;
}
