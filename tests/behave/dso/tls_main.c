/* SPDX-License-Identifier: MIT */
/*
 * Opens the libraries named on the command line, in order; the last is libhakmem, which must find
 * room in the static thread-local storage and work by its own names.
 */
#include "check.h"

#include <pthread.h>

static void *(*allocate)(size_t);
static void (*release)(void *);

static void *use(void *unused) {
    for (size_t i = 0; i < 5000; i++) {
        void *block = allocate(i * 3);
        CHECK(block && check_is_aligned(block, 16));
        memset(block, 1, i * 3);
        release(block);
    }
    return unused;
}

int main(int count, char **names) {
    void *library = NULL;
    pthread_t thread;
    for (int i = 1; i < count; i++) {
        library = dlopen(names[i], RTLD_NOW);
        if (!library)
            fprintf(stderr, "%s\n", dlerror());
        CHECK(library != NULL);
    }
    *(void **)&allocate = dlsym(library, "hakmem_malloc");
    *(void **)&release = dlsym(library, "hakmem_free");
    CHECK(allocate && release);
    use(NULL);
    CHECK(pthread_create(&thread, NULL, use, NULL) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(dlclose(library) == 0);
    use(NULL);
    return 0;
}
