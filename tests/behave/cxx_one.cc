// SPDX-License-Identifier: MIT
//
// Replaces one form of new or delete alone, by way of malloc or free, as programs do that count or
// trace. Compiled once for each: REPLACE_ONE is its number, 0: none; with AS_LIBRARY it is what a
// library does that calls its own definition. Run with check_delete: nothing may abort.
#include "check.h"

#include <new>
#include <string>
#include <vector>

#if REPLACE_ONE == 1
void *operator new(size_t size) { return check_keep(malloc(size)); }
#elif REPLACE_ONE == 2
void operator delete(void *block) noexcept { free(block); }
#elif REPLACE_ONE == 3
void *operator new[](size_t size) { return check_keep(malloc(size)); }
#elif REPLACE_ONE == 4
void operator delete[](void *block) noexcept { free(block); }
#elif REPLACE_ONE == 5
void operator delete(void *block, size_t) noexcept { free(block); }
#elif REPLACE_ONE == 6
void *operator new(size_t size, std::align_val_t alignment) {
    return check_keep(aligned_alloc(static_cast<size_t>(alignment), size));
}
#elif REPLACE_ONE == 7
void operator delete(void *block, std::align_val_t) noexcept { free(block); }
#endif

struct alignas(64) Aligned {
    char bytes[64];
};

extern "C" __attribute__((visibility("default"))) void use_all() {
    int *one = new int(1);
    delete static_cast<int *>(check_keep(one));
    int *many = new int[10];
    delete[] static_cast<int *>(check_keep(many));
    Aligned *aligned = new Aligned;
    delete static_cast<Aligned *>(check_keep(aligned));
    aligned = new Aligned[3];
    delete[] static_cast<Aligned *>(check_keep(aligned));
    one = new (std::nothrow) int(2);
    delete static_cast<int *>(check_keep(one));
    ::operator delete(check_keep(::operator new(24)));
    ::operator delete(check_keep(::operator new(24)), 24);
    std::vector<std::string> strings;
    for (size_t i = 0; i < 300; i++)
        strings.push_back(std::string(i, 'x'));
}

#ifndef AS_LIBRARY
int main() {
    use_all();
    return 0;
}
#endif
