/* SPDX-License-Identifier: MIT */
/*
 * A plugin that allocates what its opener frees, and frees what its opener allocated; it also says
 * whose malloc it is bound to.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *plugin_make(const char *text);
void plugin_take(char *text);
const char *plugin_malloc_from(void);

char *plugin_make(const char *text) {
    char *copy = NULL;
    return asprintf(&copy, "%s%s", text, text) < 0 ? NULL : strdup(strcat(copy, ""));
}

void plugin_take(char *text) {
    text = realloc(text, strlen(text) + 4000);
    free(text);
}

const char *plugin_malloc_from(void) {
    Dl_info info;
    return dladdr((void *)malloc, &info) ? info.dli_fname : "nowhere";
}
