/* SPDX-License-Identifier: MIT */
/*
 * Every name that programs call is ours: asked of the dynamic linker name by name, of this
 * program's own references (which ask for libc's version of a symbol), and of libc's own calls of
 * malloc. A library that interposes nothing would pass all other tests.
 */
#include "check.h"

#include <link.h>
#include <malloc.h>

static const char *const names[] = {
    "malloc",        "calloc",         "realloc",     "free",       "memalign",
    "aligned_alloc", "posix_memalign", "valloc",      "pvalloc",    "malloc_usable_size",
    "reallocarray",  "cfree",          "mallinfo",    "mallinfo2",  "mallopt",
    "malloc_trim",   "malloc_stats",   "malloc_info", "free_sized", "free_aligned_sized",
};

static const char *const shared_names[] = {
    "dlopen",
    "dlmopen",
    "_Znwm",
    "_Znam",
    "_ZnwmRKSt9nothrow_t",
    "_ZnamRKSt9nothrow_t",
    "_ZnwmSt11align_val_t",
    "_ZnamSt11align_val_t",
    "_ZnwmSt11align_val_tRKSt9nothrow_t",
    "_ZnamSt11align_val_tRKSt9nothrow_t",
    "_ZdlPv",
    "_ZdaPv",
    "_ZdlPvRKSt9nothrow_t",
    "_ZdaPvRKSt9nothrow_t",
    "_ZdlPvm",
    "_ZdaPvm",
    "_ZdlPvSt11align_val_t",
    "_ZdaPvSt11align_val_t",
    "_ZdlPvSt11align_val_tRKSt9nothrow_t",
    "_ZdaPvSt11align_val_tRKSt9nothrow_t",
    "_ZdlPvmSt11align_val_t",
    "_ZdaPvmSt11align_val_t",
    "hakmem_version",
    "hakmem_purge",
    "hakmem_defrag_hint",
};

static bool is_static;

static bool is_ours(const void *address) {
    Dl_info of_address, of_program;
    static const char here = 0;
    if (!address || !dladdr(address, &of_address))
        return false;
    if (!is_static)
        return strstr(of_address.dli_fname, "libhakmem.so") != NULL;
    return dladdr(&here, &of_program) && of_address.dli_fbase == of_program.dli_fbase;
}

static int check_names(const char *const *list, size_t count) {
    int bad = 0;
    for (size_t i = 0; i < count; i++)
        if (!is_ours(dlsym(RTLD_DEFAULT, list[i]))) {
            fprintf(stderr, "%s is not ours\n", list[i]);
            bad++;
        }
    return bad;
}

/* What this program's own references are bound to. mallinfo is called by name below. */
static void check_references(void) {
    CHECK(is_ours((void *)malloc) && is_ours((void *)calloc) && is_ours((void *)realloc));
    CHECK(is_ours((void *)free) && is_ours((void *)memalign) && is_ours((void *)aligned_alloc));
    CHECK(is_ours((void *)posix_memalign) && is_ours((void *)valloc) && is_ours((void *)pvalloc));
    CHECK(is_ours((void *)malloc_usable_size) && is_ours((void *)reallocarray));
    CHECK(is_ours((void *)mallinfo2) && is_ours((void *)mallopt) && is_ours((void *)malloc_trim));
    CHECK(is_ours((void *)malloc_stats) && is_ours((void *)malloc_info));
}

static size_t in_use(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* libc's calls come to us too: a duplicate of a long string shows in our heap's numbers. */
static void check_libc_calls(void) {
    size_t length = (size_t)32 << 20;
    char *text = malloc(length);
    memset(text, 'x', length - 1);
    text[length - 1] = '\0';
    size_t before = in_use();
    char *copy = check_keep(strdup(text));
    size_t after = in_use();
    CHECK(copy && strlen(copy) == length - 1);
    CHECK(after >= before + length);
    CHECK(malloc_usable_size(copy) >= length);
    free(copy);
    CHECK(in_use() < after);
    free(text);
}

int main(void) {
    void *bound = dlsym(RTLD_DEFAULT, "malloc");
    Dl_info info;
    CHECK(bound && dladdr(bound, &info));
    is_static = !strstr(info.dli_fname, "libhakmem.so");
    check_references();
    int bad = 0;
    if (!is_static) {
        bad += check_names(names, sizeof names / sizeof names[0]);
        bad += check_names(shared_names, sizeof shared_names / sizeof shared_names[0]);
    }
    CHECK(bad == 0);
    check_libc_calls();
    return 0;
}
