/* SPDX-License-Identifier: MIT */
/*
 * Owns the knobs: their table, their values, the parser of HAKMEM_ variables and its complaints.
 * The library calls hak_conf_read once, under the lock of its start, possibly before libc is ready;
 * afterwards everything here is read-only, so that any thread may read without a lock.
 * hakmem-run compiles the same code, to check the variables before the program starts.
 */
#ifndef HAK_CONF_CONF_H
#define HAK_CONF_CONF_H

#include "base/compiler.h"
#include "base/format.h"

#define HAK_KNOB_NAME_CHARS 40u /* with HAKMEM_ and a NUL */
#define HAK_TEXT_CAPACITY 256u  /* of a value of kind TEXT */

/* A LIMIT is a size, or this and a percentage. */
#define HAK_LIMIT_PERCENT ((uint64_t)1 << 63)

/* One field a knob, named as in knobs.def. Holds the defaults until hak_conf_read. A TEXT is the
 * address of our copy; 0: none. */
struct hak_conf {
#define HAK_KNOB(name, kind, initial, min, max, unit, stability, help) uint64_t name;
#include "conf/knobs.def"
#undef HAK_KNOB
};

extern struct hak_conf hak_conf HAK_SEALED;

enum hak_knob_kind {
    HAK_KNOB_BOOL,
    HAK_KNOB_SIZE,
    HAK_KNOB_PERCENT,
    HAK_KNOB_COUNT,
    HAK_KNOB_LIMIT,
    HAK_KNOB_CHOICE,
    HAK_KNOB_TEXT
};
enum hak_knob_stability { HAK_KNOB_STABLE, HAK_KNOB_TUNING, HAK_KNOB_DEBUG };

/* Without pointers, which would have to be relocated at each start of each program. */
struct hak_knob {
    char unit[56];
    char name[24]; /* as in the table; the variable's is HAKMEM_ and this in capitals */
    uint64_t initial, min, max;
    enum hak_knob_kind kind;
    enum hak_knob_stability stability;
};

extern const struct hak_knob hak_knobs[];
extern const unsigned hak_knob_count;

/*
 * Sets hak_conf from the variables of a block that ends with NULL (a NULL block: none). With
 * `secure` every variable is ignored. Of a variable that occurs twice the first counts, as with
 * getenv. Starts from the defaults, so that it may be called again.
 */
void hak_conf_read(const char *const *environ_block, bool secure);

/* True if a variable set the knob. */
bool hak_conf_is_set(unsigned index);

/* Variables that were wrong or are retired; the first few have a line of text. */
unsigned hak_conf_complaint_count(void);

/* Those of them that were wrong. */
unsigned hak_conf_error_count(void);

/* `HAKMEM_PURGES: unknown knob (nearest: HAKMEM_PURGE)`, without prefix; NULL: no such line. */
const char *hak_conf_complaint(unsigned index);

/* Hands each complaint, prefixed with `hakmem: `, to `line`. */
void hak_conf_report(void (*line)(struct hak_buffer *));

/* HAKMEM_STRICT=1 and something was wrong. */
bool hak_conf_is_strict_failure(void);

/* Parses the whole of `text` as a value of `kind`; false: malformed. Ranges are not looked at. A
 * TEXT is its own value; `unit` holds the words of a CHOICE, whose value is the word's index. */
bool hak_conf_parse(enum hak_knob_kind kind, const char *unit, const char *text,
                    uint64_t *ret_value);

/* True for a LIMIT that was given as a percentage. */
bool hak_conf_is_percent(enum hak_knob_kind kind, uint64_t value);

/* The name of the knob's variable, HAKMEM_DIRTY_MIN. */
void hak_conf_put_variable(struct hak_buffer *buffer, const struct hak_knob *knob);

/* A value as the user would write it: 4m, 10, yes. */
void hak_conf_put_value(struct hak_buffer *buffer, enum hak_knob_kind kind, const char *unit,
                        uint64_t value);

/*
 * How unlike the names are: 2 for each character more, less, other or swapped with its neighbour,
 * 1 for each that is missing at the end of `given`; case doesn't count. Names end at `=`.
 */
unsigned hak_conf_distance(const char *given, const char *name);

/* True if a name at this distance is worth being offered for `given`. */
bool hak_conf_is_near(const char *given, unsigned distance);

#endif
