/* SPDX-License-Identifier: MIT */
/*
 * Owns the compiler marks that every layer uses: hints, visibility, assertions, the two debug
 * macros. Pure: no state, no system call. Anybody may include it.
 */
#ifndef HAK_BASE_COMPILER_H
#define HAK_BASE_COMPILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HAK_LIKELY(x) __builtin_expect(!!(x), 1)
#define HAK_UNLIKELY(x) __builtin_expect(!!(x), 0)

#define HAK_INLINE static inline __attribute__((always_inline))
#define HAK_HOT __attribute__((hot))
#define HAK_COLD __attribute__((cold, noinline))
/* No instruction: the compiler takes x for a new value, so it can't keep an address made from it in
 * a register of its own and uses the processor's addressing modes instead. */
#define HAK_FORGET(x) __asm__("" : "+r"(x))
/* The same of 16 bytes of words. */
#if defined(__x86_64__)
#define HAK_FORGET_WORDS(x) __asm__("" : "+x"(x))
#else
#define HAK_FORGET_WORDS(x) __asm__("" : "+w"(x))
#endif
/* No instruction: asks that x be kept in the register of return values from here on. */
#if defined(__x86_64__)
#define HAK_RETURN_REGISTER(x) __asm__("" : "+a"(x))
#else
#define HAK_RETURN_REGISTER(x) HAK_FORGET(x)
#endif
/* Asks for a cache line to write to; any address will do. One that another processor has changed
 * comes in one trip, where a read and then a write take two. */
#if defined(__x86_64__)
#define HAK_PREFETCH_WRITE(x) __asm__ volatile("prefetchw %0" : : "m"(*(const char *)(x)))
#else
#define HAK_PREFETCH_WRITE(x) __builtin_prefetch(x, 1)
#endif

/* The out-of-line twin of a fast function: tail-called, so that the twin keeps the frame. */
#define HAK_SLOW __attribute__((noinline))
#define HAK_EXPORT __attribute__((visibility("default")))
/* On the declaration of a variable that is set at start and then made read-only (os/os_seal.h).
 * Linkers put every section of this prefix into the RELRO part. The name ends in a word of our own
 * because compilers put constants into .data.rel.ro itself, and a section can't hold both. */
#define HAK_SEALED __attribute__((section(".data.rel.ro.hakmem")))
#define HAK_TLS __attribute__((tls_model("initial-exec"))) __thread

/* A second name of a function of this file, with its attributes. */
#if defined(__has_attribute) && __has_attribute(copy)
#define HAK_ALIAS(function) __attribute__((alias(#function), copy(function)))
#else
#define HAK_ALIAS(function) __attribute__((alias(#function)))
#endif

#define HAK_PAGE_MAX_BYTES ((size_t)65536) /* the largest OS page of any supported kernel */

#ifdef HAK_DEBUG
#define HAK_DEBUG_BUILD 1
#else
#define HAK_DEBUG_BUILD 0
#endif

/* ThreadSanitizer knows only some parts of the address space. */
#if defined(__SANITIZE_THREAD__)
#define HAK_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAK_THREAD_SANITIZER 1
#endif
#endif
#ifndef HAK_THREAD_SANITIZER
#define HAK_THREAD_SANITIZER 0
#endif

/* AddressSanitizer maps its own memory over whatever lies where it wants it. */
#if defined(__SANITIZE_ADDRESS__)
#define HAK_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAK_ADDRESS_SANITIZER 1
#endif
#endif
#ifndef HAK_ADDRESS_SANITIZER
#define HAK_ADDRESS_SANITIZER 0
#endif

/* Places are the sanitizer's business: none is planned. */
#define HAK_FOREIGN_PLACES (HAK_THREAD_SANITIZER || HAK_ADDRESS_SANITIZER)

/* Debug builds only: what must hold inside the library. No side effects in the expression. */
#define hak_assert(x)                                                                              \
    do {                                                                                           \
        if (HAK_DEBUG_BUILD && HAK_UNLIKELY(!(x)))                                                 \
            __builtin_trap();                                                                      \
    } while (0)

/* glibc's thread pointer: unique among live threads, the same in a fork's child. */
HAK_INLINE uintptr_t hak_thread_pointer(void) {
#if defined(__x86_64__)
    uintptr_t value;
    __asm__("mov %%fs:0, %0" : "=r"(value));
    return value;
#else
    return (uintptr_t)__builtin_thread_pointer();
#endif
}

/* Thread pointers are pages apart: names differ within 4 TiB, and all stacks lie closer together. A
 * fork's child keeps the name. Never 0, and bit 0 is free. */
HAK_INLINE uint32_t hak_thread_name(void) {
    return (uint32_t)(hak_thread_pointer() >> 12 << 2) | 2u;
}

#endif
