/* SPDX-License-Identifier: MIT */
/*
 * The program of deepbind.sh: plugin and program free each other's blocks. The argument "deep" says
 * that the plugin must have libc's malloc, "shallow" that it must have ours: only
 * then can they share blocks.
 */
#include "check.h"

void *open_plugin(const char *name, int by_dlmopen);

static void use_plugin(void *plugin, bool is_deep) {
    char *(*make)(const char *);
    void (*take)(char *);
    const char *(*malloc_from)(void);
    CHECK(plugin != NULL);
    *(void **)&make = dlsym(plugin, "plugin_make");
    *(void **)&take = dlsym(plugin, "plugin_take");
    *(void **)&malloc_from = dlsym(plugin, "plugin_malloc_from");
    CHECK(make && take && malloc_from);
    CHECK((strstr(malloc_from(), "libc.so") != NULL) == is_deep);
    CHECK((strstr(malloc_from(), "libhakmem") != NULL) == !is_deep);
    for (int i = 0; i < 1000 && !is_deep; i++) {
        char *text = make("some text");
        CHECK(text && strcmp(text, "some textsome text") == 0);
        text = realloc(text, 500);
        free(text);
        take(strdup("text from the program"));
    }
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    bool is_deep = strcmp(arguments[1], "deep") == 0;
    for (int by_dlmopen = 0; by_dlmopen < 2; by_dlmopen++) {
        void *plugin = open_plugin("plugin.so", by_dlmopen);
        use_plugin(plugin, is_deep);
        CHECK(dlclose(plugin) == 0);
    }
    CHECK(dlopen("no_such_library.so", RTLD_NOW | RTLD_DEEPBIND) == NULL);
    CHECK(strstr(dlerror(), "no_such_library.so"));
    void *own = dlopen(NULL, RTLD_NOW | RTLD_DEEPBIND);
    CHECK(own && dlsym(own, "main") == NULL);
    void *elsewhere = dlmopen(LM_ID_NEWLM, "libm.so.6", RTLD_NOW);
    CHECK(elsewhere && dlsym(elsewhere, "cos") && dlclose(elsewhere) == 0);
    return 0;
}
