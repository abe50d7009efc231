/* SPDX-License-Identifier: MIT */
/* A C program without libstdc++ in its scope; its argument names a C++ plugin, or nothing. */
#include "check.h"

int main(int count, char **arguments) {
    free(malloc(100));
    CHECK(dlsym(RTLD_DEFAULT, "_ZSt17__throw_bad_allocv") == NULL);
    if (count < 2)
        return 0;
    int (*works)(size_t);
    void *plugin = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    CHECK(plugin != NULL);
    *(void **)&works = dlsym(plugin, "plugin_works");
    CHECK(works && works(check_size(SIZE_MAX / 2)) == 0);
    return 0;
}
