/* SPDX-License-Identifier: MIT */
/*
 * Owns the language in which the fuzzer writes: a file's bytes are calls of the allocator, made by
 * four threads one after the other, with threads that come and go, forks, refused system calls and
 * a clock between them, against a model of every block. `calls FILE` plays one file and aborts at a
 * finding; without a file every file of the corpus is played, each in a process of its own.
 */
#include "deeds.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>

enum { THREADS = 4, PARCELS = 16, STORM = 300 };
enum { KEPT_BYTES = 64 << 10, KEPT_SLABS_BYTES = 1 << 20 };

/* Threads: each does the call that it is handed; one works while the others wait. */
struct worker {
    pthread_t thread;
    bool is_there;
    const struct call *call; /* NULL: nothing to do */
    bool must_end;
};

static struct worker workers[THREADS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static _Atomic(void *) parcels[PARCELS];

static void *work(void *argument) {
    struct worker *me = argument;
    pthread_mutex_lock(&lock);
    while (!me->must_end) {
        if (me->call) {
            do_call(me->call);
            me->call = NULL;
            pthread_cond_broadcast(&changed);
        } else {
            pthread_cond_wait(&changed, &lock);
        }
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

static bool start_worker(struct worker *worker) {
    worker->must_end = false;
    worker->call = NULL;
    if (!worker->is_there)
        worker->is_there = pthread_create(&worker->thread, NULL, work, worker) == 0;
    return worker->is_there;
}

static void end_worker(struct worker *worker) {
    if (!worker->is_there)
        return;
    pthread_mutex_lock(&lock);
    worker->must_end = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    pthread_join(worker->thread, NULL);
    worker->is_there = false;
}

/* Thread 0 is the caller itself. */
static void do_by(unsigned thread, const struct call *call) {
    struct worker *worker = &workers[thread];
    if (thread == 0 || !start_worker(worker)) {
        do_call(call);
        return;
    }
    pthread_mutex_lock(&lock);
    worker->call = call;
    pthread_cond_broadcast(&changed);
    while (worker->call)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

/* All at once, for a moment: blocks go from thread to thread. */
static void *storm(void *argument) {
    uint64_t random = (uintptr_t)argument * 0x9E3779B97F4A7C15ULL | 1;
    for (int i = 0; i < STORM; i++) {
        size_t size = check_random(&random) % 600 + 1;
        unsigned char *block = malloc(size);
        if (block)
            block[0] = block[size - 1] = 0x77;
        block = atomic_exchange(&parcels[check_random(&random) % PARCELS], block);
        MUST(!block || block[0] == 0x77);
        free(block);
    }
    return NULL;
}

static void do_storm(unsigned seed) {
    pthread_t threads[3];
    int count = 0;
    for (uintptr_t i = 0; i < 3; i++)
        count += pthread_create(&threads[count], NULL, storm, (void *)(seed + i)) == 0;
    while (count)
        pthread_join(threads[--count], NULL);
    for (int i = 0; i < PARCELS; i++)
        free(atomic_exchange(&parcels[i], NULL));
}

/* A thread whose stack can't be had: libc takes memory for it, and gives it back. */
static void fail_to_start(void) {
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)1 << 46);
    MUST(pthread_create(&thread, &attributes, storm, NULL) != 0);
    pthread_attr_destroy(&attributes);
}

/* What concerns no block: 16 of 64 values of a call's first byte. */
static void do_control(unsigned what) {
    model_call = "control";
    switch (what) {
    case 0:
    case 1:
    case 2: {
        unsigned which = take(), skip = take(), count = take();
        fault_arm((int)which % FAULTS, (int)skip % 32, (int)count % 64 + 1);
        break;
    }
    case 3:
        fault_disarm();
        break;
    case 4:
    case 5:
    case 6:
        clock_pass_ms(take() * 4);
        break;
    case 7:
    case 8:
        end_worker(&workers[1 + take() % (THREADS - 1)]);
        break;
    case 9:
        do_storm(take());
        break;
    case 10:
        fail_to_start();
        break;
    default:
        check_all_slots();
    }
}

static void do_next(void) {
    unsigned first = take(), place = take();
    if ((first & 63) < 16) {
        do_control(first & 15);
        return;
    }
    struct call call = {.what = first >> 2 & 15,
                        .slot = &slots[place % SLOTS],
                        .bulk = &bulks[place % 4],
                        .tag = (unsigned)input_at};
    call.what = call.what >= 4 ? call.what - 4 : 12;
    if (call.what != 1 && call.what != 3)
        call.size = take_size();
    call.value = call.what == 2 ? take_two() : take();
    do_by(first & 3, &call);
}

static void finish(void) {
    struct call call = {.value = 0};
    fault_disarm();
    check_all_slots();
    for (int i = 0; i < SLOTS; i++)
        if (slots[i].bytes)
            release(&slots[i], 4);
    for (int i = 0; i < 4; i++) {
        call.bulk = &bulks[i];
        do_bulk_free(&call);
    }
    for (int i = 1; i < THREADS; i++)
        end_worker(&workers[i]);
}

/* In the end nothing is live but what libc keeps for itself: stacks' tables, mostly. */
static void play(const char *name) {
    int file = open(name, O_RDONLY);
    CHECK(file >= 0);
    ssize_t bytes = read(file, input, sizeof input);
    CHECK(bytes >= 0);
    close(file);
    input_bytes = (size_t)bytes;
    struct mallinfo2 before = mallinfo2();
    while (input_at < input_bytes)
        do_next();
    model_call = "end";
    finish();
    malloc_trim(0);
    struct mallinfo2 after = mallinfo2();
    MUST(after.uordblks <= before.uordblks + KEPT_BYTES);
    MUST(after.arena <= before.arena + KEPT_SLABS_BYTES);
}

static bool play_apart(const char *folder, const char *name) {
    char path[1000];
    int status = 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(60);
        play(path);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    if (status)
        printf("%s: status 0x%x\n", path, (unsigned)status);
    return status == 0;
}

static int play_corpus(void) {
    char folder[900];
    int played = 0, failed = 0;
    const char *top = getenv("top_srcdir");
    snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus", top ? top : ".");
    DIR *files = opendir(folder);
    CHECK(files != NULL);
    for (struct dirent *entry; (entry = readdir(files)) != NULL;)
        if (entry->d_name[0] != '.') {
            played++;
            failed += !play_apart(folder, entry->d_name);
        }
    closedir(files);
    printf("%d files played\n", played);
    CHECK(played >= 20);
    return failed != 0;
}

int main(int count, char **arguments) {
    if (count < 2)
        return play_corpus();
    alarm(60);
    play(arguments[1]);
    return 0;
}
