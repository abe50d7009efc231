/* SPDX-License-Identifier: MIT */
/*
 * Owns shmget, shmat, shmctl, memfd_create and the mremap that doubles a mapping. Stateless.
 */
#define _GNU_SOURCE
#include "os/os_share.h"

#include "base/bits.h"
#include "os/os_call.h"
#include "os/os_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <time.h>
#include <unistd.h>

#define SIZE_MARK 61u       /* segments are so many bytes short of whole pages: they are ours */
#define SWEEP_MOST 1000     /* segments of the system that are looked at */
#define HIGH_DESCRIPTOR 700 /* out of the way of programs that count their descriptors */

/*
 * The owner of the segment must be able to write at attach, and only then the mode is narrowed. The
 * kernel forgets a segment that is marked for removal when nobody has it mapped any more.
 */
static void *make_system_v(size_t bytes, enum hak_share_access access, int *ret_id) {
    size_t marked_bytes = hak_round_up(bytes, hak_os_page_bytes) - SIZE_MARK;
    int id = shmget(IPC_PRIVATE, marked_bytes, IPC_CREAT | SHM_NORESERVE | 0600);
    if (id < 0)
        return NULL;
    void *segment = shmat(id, NULL, 0);
    struct shmid_ds status;
    if (access == HAK_SHARE_READ && shmctl(id, IPC_STAT, &status) == 0) {
        status.shm_perm.mode = 0400;
        shmctl(id, IPC_SET, &status);
    }
    shmctl(id, IPC_RMID, NULL);
    *ret_id = id;
    return segment == (void *)-1 ? NULL : segment;
}

/* Made by a process of this user that is gone, attached by nobody, and of our kind of size. */
static bool is_litter(const struct shmid_ds *facts) {
    const struct ipc_perm *owner = &facts->shm_perm;
    return owner->__key == IPC_PRIVATE && owner->uid == geteuid() && owner->cuid == geteuid() &&
           facts->shm_nattch == 0 &&
           facts->shm_segsz % hak_os_page_bytes == hak_os_page_bytes - SIZE_MARK &&
           kill(facts->shm_cpid, 0) != 0 && errno == ESRCH;
}

void hak_share_sweep(void) {
    int saved_errno = errno;
    struct shmid_ds facts;
    struct shm_info info;
    int last = shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&info);
    for (int i = 0; i <= last && i < SWEEP_MOST; i++) {
        int id = shmctl(i, SHM_STAT, &facts);
        if (id >= 0 && is_litter(&facts))
            shmctl(id, IPC_RMID, NULL);
    }
    errno = saved_errno;
}

static void *map_file(int file, size_t bytes) {
    if (ftruncate(file, (off_t)bytes) != 0)
        return NULL;
    void *segment = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
    return segment == MAP_FAILED ? NULL : segment;
}

/* The descriptor stays: readers open it by /proc. */
static void *make_file(size_t bytes) {
    int file = memfd_create(HAK_SHARE_FILE_NAME, MFD_CLOEXEC);
    if (file < 0)
        return NULL;
    int high = fcntl(file, F_DUPFD_CLOEXEC, HIGH_DESCRIPTOR);
    if (high >= 0) {
        hak_os_raw_close(file);
        file = high;
    }
    void *segment = map_file(file, bytes);
    if (!segment)
        hak_os_raw_close(file);
    return segment;
}

void *hak_share_make(size_t bytes, enum hak_share_access access, int *ret_id) {
    int saved_errno = errno;
    void *segment = make_system_v(bytes, access, ret_id);
    if (!segment) {
        *ret_id = -1;
        segment = access == HAK_SHARE_READ ? make_file(bytes) : NULL;
    }
    errno = saved_errno;
    return segment;
}

void hak_share_drop(void *segment, size_t bytes) {
    int saved_errno = errno;
    if (shmdt(segment) != 0)
        munmap(segment, bytes);
    errno = saved_errno;
}

/* With an old size of 0 mremap maps shared pages a second time. One that fails may have unmapped
 * the place. */
bool hak_share_alias(void *pages, size_t bytes, void *place) {
    int saved_errno = errno;
    bool done = mremap(pages, 0, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, place) != MAP_FAILED;
    errno = saved_errno;
    if (!done)
        hak_os_renew(place, bytes);
    return done;
}

bool hak_share_is_allowed(void) {
    int saved_errno = errno;
    bool allowed = prctl(PR_GET_SECCOMP) == 0;
    errno = saved_errno;
    return allowed;
}

uint64_t hak_share_now_s(void) {
    struct timespec now = {0, 0};
    int saved_errno = errno;
    clock_gettime(CLOCK_REALTIME, &now);
    errno = saved_errno;
    return (uint64_t)now.tv_sec;
}

int hak_share_pid(void) {
    return (int)getpid();
}
