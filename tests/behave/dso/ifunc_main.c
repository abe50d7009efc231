/* SPDX-License-Identifier: MIT */
/*
 * The program of early.sh whose shared object has an indirect function; with -DOPENS_PLUGIN the
 * object is opened at run time.
 */
#include <dlfcn.h>
#include <stddef.h>

#ifdef OPENS_PLUGIN
int main(int count, char **arguments) {
    int (*is_well)(void);
    void *plugin = count == 2 ? dlopen(arguments[1], RTLD_NOW) : NULL;
    if (!plugin)
        return 2;
    *(void **)&is_well = dlsym(plugin, "ifunc_is_well");
    return is_well && is_well() ? 0 : 1;
}
#else
int ifunc_is_well(void);

int main(void) {
    return ifunc_is_well() ? 0 : 1;
}
#endif
