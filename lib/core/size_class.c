/* SPDX-License-Identifier: MIT */
/*
 * Owns the one table of size classes; constant, so any thread may read it. Invariant: strictly
 * increasing multiples of 16, and hak_size_class_of() finds the smallest class that holds a
 * request.
 */
#include "core/size_class.h"

#define HAK_DOUBLING(X, base)                                                                      \
    X((base) + (base) / 8)                                                                         \
    X((base) + 2 * (base) / 8)                                                                     \
    X((base) + 3 * (base) / 8)                                                                     \
    X((base) + 4 * (base) / 8)                                                                     \
    X((base) + 5 * (base) / 8)                                                                     \
    X((base) + 6 * (base) / 8)                                                                     \
    X((base) + 7 * (base) / 8)                                                                     \
    X(2 * (base))

#define HAK_CLASSES(X)                                                                             \
    X(16u)                                                                                         \
    X(32u)                                                                                         \
    X(48u)                                                                                         \
    X(64u)                                                                                         \
    X(80u)                                                                                         \
    X(96u)                                                                                         \
    X(112u)                                                                                        \
    X(128u)                                                                                        \
    HAK_DOUBLING(X, 128u)                                                                          \
    HAK_DOUBLING(X, 256u)                                                                          \
    HAK_DOUBLING(X, 512u)                                                                          \
    HAK_DOUBLING(X, 1024u)                                                                         \
    HAK_DOUBLING(X, 2048u)                                                                         \
    X(4368u)                                                                                       \
    X(4608u)                                                                                       \
    X(4864u)                                                                                       \
    X(5376u)                                                                                       \
    X(5888u)                                                                                       \
    X(6400u)                                                                                       \
    X(7168u)                                                                                       \
    X(8192u)                                                                                       \
    HAK_DOUBLING(X, 8192u)                                                                         \
    HAK_DOUBLING(X, 16384u)                                                                        \
    HAK_DOUBLING(X, 32768u)

#define HAK_BYTES(bytes) bytes,
#define HAK_MAGIC_LEAST(bytes) ((((uint64_t)1 << 32) + (bytes)-1) / (bytes))
#define HAK_STEP(bytes) (HAK_MAGIC_LEAST(bytes) * (bytes) - ((uint64_t)1 << 32))
#define HAK_STEP_LACKS(bytes)                                                                      \
    (HAK_STEP(bytes) < HAK_STEP_LEAST && 2 * (bytes) <= HAK_CLASS_MAX_BYTES                        \
         ? HAK_STEP_LEAST - HAK_STEP(bytes)                                                        \
         : 0)
#define HAK_MAGIC(bytes)                                                                           \
    (uint32_t)(HAK_MAGIC_LEAST(bytes) + (HAK_STEP_LACKS(bytes) + (bytes)-1) / (bytes)),

const uint32_t hak_size_class_bytes[HAK_CLASS_COUNT] = {0, HAK_CLASSES(HAK_BYTES)};
const uint32_t hak_size_class_magics[HAK_CLASS_COUNT] = {0, HAK_CLASSES(HAK_MAGIC)};
