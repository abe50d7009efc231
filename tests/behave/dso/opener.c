/* SPDX-License-Identifier: MIT */
/*
 * Opens plugin.so with RTLD_DEEPBIND by dlopen or dlmopen. It stands in a library of its own, whose
 * RUNPATH ($ORIGIN/plugins) is the only way to the plugin: libc must see this library as the
 * caller.
 */
#include <dlfcn.h>
#include <stdio.h>

void *open_plugin(const char *name, int by_dlmopen);

void *open_plugin(const char *name, int by_dlmopen) {
    int mode = RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND;
    void *plugin = by_dlmopen ? dlmopen(LM_ID_BASE, name, mode) : dlopen(name, mode);
    if (!plugin)
        fprintf(stderr, "%s\n", dlerror());
    return plugin;
}
