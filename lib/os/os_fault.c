/* SPDX-License-Identifier: MIT */
/*
 * Owns sigaction for SIGSEGV, and what the processor says of a fault. The state is set before the
 * handler is installed and read-only afterwards.
 */
#define _GNU_SOURCE
#include "os/os_fault.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#define HAK_X86_FAULT_IS_WRITE 2      /* of the error code that the processor pushes */
#define HAK_ARM_FAULT_IS_WRITE 64     /* of the exception syndrome, */
#define HAK_ARM_ESR_MAGIC 0x45535201u /* which is in a record of this kind */

static void (*watch)(const struct hak_fault *fault);
static struct sigaction before;

#if defined(__aarch64__)
/* Records follow one another, each with its kind and length in front; one without length ends. */
static enum hak_access access_of(const mcontext_t *machine) {
    const unsigned char *at = (const unsigned char *)machine->__reserved;
    const unsigned char *end = at + sizeof machine->__reserved;
    while (end - at >= 16) {
        uint32_t head[2];
        uint64_t syndrome;
        memcpy(head, at, sizeof head);
        memcpy(&syndrome, at + sizeof head, sizeof syndrome);
        if (head[0] == HAK_ARM_ESR_MAGIC)
            return syndrome & HAK_ARM_FAULT_IS_WRITE ? HAK_ACCESS_WRITE : HAK_ACCESS_READ;
        if (head[1] < 16 || (size_t)(end - at) < head[1])
            break;
        at += head[1];
    }
    return HAK_ACCESS_UNKNOWN;
}
#endif

static struct hak_fault read_context(const siginfo_t *info, const void *context) {
    const ucontext_t *thread = context;
    struct hak_fault fault = {.address = (uintptr_t)info->si_addr};
#if defined(__x86_64__)
    fault.place = (uintptr_t)thread->uc_mcontext.gregs[REG_RIP];
    fault.access = thread->uc_mcontext.gregs[REG_ERR] & HAK_X86_FAULT_IS_WRITE ? HAK_ACCESS_WRITE
                                                                               : HAK_ACCESS_READ;
#else
    fault.place = (uintptr_t)thread->uc_mcontext.pc;
    fault.access = access_of(&thread->uc_mcontext);
#endif
    return fault;
}

/* Without a handler the instruction faults once more, and the kernel does the rest. What was sent
 * by kill has no instruction: it is sent again. */
static void hand_on(int number, siginfo_t *info, void *context) {
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    bool is_sent = info->si_code <= 0;
    if (before.sa_flags & SA_SIGINFO) {
        before.sa_sigaction(number, info, context);
    } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
        before.sa_handler(number);
    } else if (!is_sent || before.sa_handler == SIG_DFL) {
        sigaction(number, &standard, NULL);
        if (is_sent)
            raise(number);
    }
}

static void on_fault(int number, siginfo_t *info, void *context) {
    int saved_errno = errno;
    if (info->si_code > 0) {
        struct hak_fault fault = read_context(info, context);
        watch(&fault);
    }
    errno = saved_errno;
    hand_on(number, info, context);
}

void hak_os_fault_watch(void (*watcher)(const struct hak_fault *fault)) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    int saved_errno = errno;
    sigemptyset(&action.sa_mask);
    watch = watcher;
    if (sigaction(SIGSEGV, NULL, &before) == 0)
        sigaction(SIGSEGV, &action, NULL);
    errno = saved_errno;
}
