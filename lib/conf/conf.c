/* SPDX-License-Identifier: MIT */
/*
 * Owns the reading of HAKMEM_ variables. Runs once, at the library's first slow path: perhaps
 * before libc is ready, so it calls nothing of libc and allocates nothing. A complaint is made into
 * text at once, because the program may overwrite its environment later. Invariant: a wrong
 * variable leaves the default; each value of hak_conf is within its range.
 */
#include "conf/conf.h"

#include "base/bits.h"
#include "os/os_seal.h"

#define PREFIX "HAKMEM_"
#define PREFIX_CHARS (sizeof PREFIX - 1)
#define SHOWN_NAME_CHARS 48u    /* of a stranger's name in a complaint */
#define SHOWN_VALUE_CHARS 32u   /* of a value in a complaint */
#define COMPLAINT_LINES 4u      /* more are only counted */
#define COMPLAINT_CAPACITY 224u /* SHOWN_… and the longest message fit */

struct hak_conf hak_conf = {
#define HAK_KNOB(name, kind, initial, min, max, unit, stability, help) .name = (initial),
#include "conf/knobs.def"
#undef HAK_KNOB
};

const struct hak_knob hak_knobs[] = {
#define HAK_KNOB(name, kind, initial, min, max, unit, stability, help)                             \
    {unit, #name, (initial), (min), (max), HAK_KNOB_##kind, HAK_KNOB_##stability},
#include "conf/knobs.def"
#undef HAK_KNOB
};

#define KNOB_INDEX(name) (offsetof(struct hak_conf, name) / sizeof(uint64_t))
#define KNOB_COUNT (sizeof hak_knobs / sizeof hak_knobs[0])
const unsigned hak_knob_count = KNOB_COUNT;

/* hak_conf is an array of values in the order of the table: value i belongs to hak_knobs[i]. */
_Static_assert(sizeof(struct hak_conf) == KNOB_COUNT * sizeof(uint64_t), "one value a knob");

#define HAK_KNOB(name, kind, initial, min, max, unit, stability, help)                             \
    _Static_assert((min) <= (max) && (initial) <= (max), #name ": the default is out of range");   \
    _Static_assert((min) == 0 || (initial) >= (min), #name ": the default is out of range");       \
    _Static_assert(sizeof #name <= HAK_KNOB_NAME_CHARS - PREFIX_CHARS, #name ": too long a name"); \
    _Static_assert(HAK_KNOB_##kind != HAK_KNOB_BOOL || (max) == 1, #name ": 0 or 1");
#include "conf/knobs.def"
#undef HAK_KNOB

/* One byte for each TEXT knob, and one more, so that there may be none. */
struct text_count {
#define HAK_KNOB(name, kind, initial, min, max, unit, stability, help)                             \
    char name[HAK_KNOB_##kind == HAK_KNOB_TEXT];
#include "conf/knobs.def"
#undef HAK_KNOB
    char more;
};

static const char *const other_variables[] = {
#define HAK_VARIABLE(name, help) #name,
#include "conf/variables.def"
#undef HAK_VARIABLE
};

/* How the values of retired knobs are read, and the knobs that they set. */
static const struct hak_knob retired[] = {
#define HAK_RETIRED(old, new, kind, min, max, unit)                                                \
    {unit, #old, 0, (min), (max), HAK_KNOB_##kind, HAK_KNOB_DEBUG},
#include "conf/retired.def"
#undef HAK_RETIRED
};

static const unsigned retired_sets[] = {
#define HAK_RETIRED(old, new, kind, min, max, unit) KNOB_INDEX(new),
#include "conf/retired.def"
#undef HAK_RETIRED
};

#define RETIRED_COUNT (sizeof retired / sizeof retired[0])

static char complaint_text[COMPLAINT_LINES][COMPLAINT_CAPACITY];
static char texts[sizeof(struct text_count)][HAK_TEXT_CAPACITY];
static unsigned texts_used;
static bool is_set[KNOB_COUNT];
static unsigned error_count;
static unsigned complaint_count; /* read-only after hak_conf_read, as all of this file's state */

static char to_upper(char c) {
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* The text before `=`, or all of it. */
static size_t name_length(const char *text) {
    size_t length = 0;
    while (text[length] != '\0' && text[length] != '=')
        length++;
    return length;
}

static bool names_are_equal(const char *name, const char *variable, size_t variable_length) {
    size_t i = 0;
    while (i < variable_length && name[i] != '\0' && to_upper(name[i]) == variable[i])
        i++;
    return i == variable_length && name[i] == '\0';
}

void hak_conf_put_variable(struct hak_buffer *buffer, const struct hak_knob *knob) {
    hak_put_text(buffer, PREFIX);
    for (const char *at = knob->name; *at; at++)
        hak_put_char(buffer, to_upper(*at));
}

/* ---- the nearest name ---- */

/* NULL: none is near. */
static const struct hak_knob *nearest_knob(const char *name) {
    const struct hak_knob *nearest = NULL;
    unsigned nearest_distance = UINT32_MAX;
    for (unsigned i = 0; i < hak_knob_count; i++) {
        unsigned distance = hak_conf_distance(name, hak_knobs[i].name);
        if (distance < nearest_distance) {
            nearest = &hak_knobs[i];
            nearest_distance = distance;
        }
    }
    return hak_conf_is_near(name, nearest_distance) ? nearest : NULL;
}

/* ---- complaints ---- */

/* A stranger's text: cut, and without what would break the line or drive a terminal. */
static void put_shown(struct hak_buffer *line, const char *text, size_t length, size_t limit) {
    for (size_t i = 0; i < length && text[i] != '\0'; i++) {
        if (i == limit) {
            hak_put_text(line, "...");
            return;
        }
        hak_put_char(line, text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
    }
}

/* False: there are lines enough, this one is only counted. */
static bool begin_complaint(struct hak_buffer *line) {
    unsigned index = complaint_count++;
    if (index >= COMPLAINT_LINES)
        return false;
    hak_buffer_init(line, complaint_text[index], COMPLAINT_CAPACITY);
    return true;
}

static void complain_unknown(const char *name) {
    struct hak_buffer line;
    error_count++;
    if (!begin_complaint(&line))
        return;
    hak_put_text(&line, PREFIX);
    put_shown(&line, name, name_length(name), SHOWN_NAME_CHARS);
    hak_put_text(&line, ": unknown knob");
    const struct hak_knob *nearest = nearest_knob(name);
    if (!nearest)
        return;
    hak_put_text(&line, " (nearest: ");
    hak_conf_put_variable(&line, nearest);
    hak_put_char(&line, ')');
}

static const char *expected(const struct hak_knob *knob) {
    switch (knob->kind) {
    case HAK_KNOB_BOOL:
        return "yes or no";
    case HAK_KNOB_SIZE:
        return "a size, as 64k, 8m or 1g";
    case HAK_KNOB_PERCENT:
        return "a percentage";
    case HAK_KNOB_COUNT:
        return "a number";
    case HAK_KNOB_LIMIT:
        return "a size, as 64k, 8m or 1g, or a percentage";
    case HAK_KNOB_CHOICE:
        return knob->unit;
    case HAK_KNOB_TEXT:
        return "a text of 1 to 255 characters";
    }
    return "";
}

static void complain_value(const struct hak_knob *knob, const char *value, bool is_malformed) {
    struct hak_buffer line;
    error_count++;
    if (!begin_complaint(&line))
        return;
    hak_conf_put_variable(&line, knob);
    hak_put_char(&line, '=');
    put_shown(&line, value, SIZE_MAX, SHOWN_VALUE_CHARS);
    hak_put_text(&line, is_malformed ? ": not " : ": out of range (");
    if (is_malformed) {
        hak_put_text(&line, expected(knob));
        if (knob->kind == HAK_KNOB_BOOL || knob->kind == HAK_KNOB_TEXT ||
            knob->kind == HAK_KNOB_CHOICE)
            return;
        hak_put_text(&line, " (");
    }
    hak_conf_put_value(&line, knob->kind, knob->unit, knob->min);
    hak_put_text(&line, " to ");
    hak_conf_put_value(&line, knob->kind, knob->unit, knob->max);
    hak_put_char(&line, ')');
}

static void complain_retired(const struct hak_knob *old, const struct hak_knob *new) {
    struct hak_buffer line;
    if (!begin_complaint(&line))
        return;
    hak_conf_put_variable(&line, old);
    hak_put_text(&line, ": retired, use ");
    hak_conf_put_variable(&line, new);
}

unsigned hak_conf_complaint_count(void) {
    return complaint_count;
}

unsigned hak_conf_error_count(void) {
    return error_count;
}

const char *hak_conf_complaint(unsigned index) {
    return index < complaint_count && index < COMPLAINT_LINES ? complaint_text[index] : NULL;
}

void hak_conf_report(void (*line)(struct hak_buffer *)) {
    char storage[COMPLAINT_CAPACITY + 16];
    struct hak_buffer buffer;
    for (unsigned i = 0; hak_conf_complaint(i); i++) {
        hak_buffer_init(&buffer, storage, sizeof storage);
        hak_put_text(&buffer, "hakmem: ");
        hak_put_text(&buffer, hak_conf_complaint(i));
        line(&buffer);
    }
    if (complaint_count <= COMPLAINT_LINES)
        return;
    hak_buffer_init(&buffer, storage, sizeof storage);
    hak_put_text(&buffer, "hakmem: ");
    hak_put_decimal(&buffer, complaint_count - COMPLAINT_LINES);
    hak_put_text(&buffer, " more HAKMEM_ variables are wrong");
    line(&buffer);
}

bool hak_conf_is_strict_failure(void) {
    return hak_conf.strict != 0 && error_count != 0;
}

/* ---- the environment ---- */

static void reset(void) {
    uint64_t *values = (uint64_t *)&hak_conf;
    for (unsigned i = 0; i < KNOB_COUNT; i++)
        values[i] = hak_knobs[i].initial;
    for (unsigned i = 0; i < KNOB_COUNT; i++)
        is_set[i] = false;
    complaint_count = 0;
    error_count = 0;
    texts_used = 0;
}

static bool is_other_variable(const char *name, size_t length) {
    for (unsigned i = 0; i < sizeof other_variables / sizeof other_variables[0]; i++) {
        if (names_are_equal(other_variables[i], name, length))
            return true;
    }
    return false;
}

/* The environment may change: the text is copied. */
static uint64_t keep_text(const char *value) {
    struct hak_buffer copy;
    char *text = texts[texts_used++];
    hak_buffer_init(&copy, text, HAK_TEXT_CAPACITY);
    hak_put_text(&copy, value);
    return (uintptr_t)text;
}

/* `knob` is how the value is read; its place is that of the knob that is set. */
static void set_knob(const struct hak_knob *knob, unsigned index, const char *value) {
    uint64_t parsed;
    if (!hak_conf_parse(knob->kind, knob->unit, value, &parsed)) {
        complain_value(knob, value, true);
        return;
    }
    if (knob->kind == HAK_KNOB_TEXT) {
        parsed = keep_text(value);
    } else if (!hak_conf_is_percent(knob->kind, parsed) &&
               (parsed < knob->min || parsed > knob->max)) {
        complain_value(knob, value, false);
        return;
    }
    ((uint64_t *)&hak_conf)[index] = parsed;
    is_set[index] = true;
}

bool hak_conf_is_set(unsigned index) {
    return is_set[index];
}

/* The new variable wins, wherever it stands. */
static void set_retired(unsigned which, const char *value, const bool *seen) {
    unsigned index = retired_sets[which];
    complain_retired(&retired[which], &hak_knobs[index]);
    if (!seen[index])
        set_knob(&retired[which], index, value);
}

/* `name` is what follows the prefix; `seen` has a mark for each knob that was met before. */
static void read_variable(const char *name, bool *seen) {
    size_t length = name_length(name);
    const char *value = name[length] == '=' ? name + length + 1 : "";
    for (unsigned i = 0; i < KNOB_COUNT; i++) {
        if (!names_are_equal(hak_knobs[i].name, name, length))
            continue;
        if (!seen[i])
            set_knob(&hak_knobs[i], i, value);
        seen[i] = true;
        return;
    }
    for (unsigned i = 0; i < RETIRED_COUNT; i++) {
        if (names_are_equal(retired[i].name, name, length)) {
            set_retired(i, value, seen);
            return;
        }
    }
    if (!is_other_variable(name, length))
        complain_unknown(name);
}

/* What HAKMEM_HARDENED turns on. */
static const struct {
    unsigned index;
    unsigned value;
} hardened[] = {
    {KNOB_INDEX(canary), 1},
    {KNOB_INDEX(zero_on_free), 1},
    {KNOB_INDEX(random_order), 1},
    {KNOB_INDEX(quarantine), HAK_KIB(64)},
    {KNOB_INDEX(quarantine_ms), 10000},
    {KNOB_INDEX(guard_pages), 1},
    {KNOB_INDEX(check_delete), 1},
};

static void apply_hardened(void) {
    if (!hak_conf.hardened)
        return;
    for (size_t i = 0; i < sizeof hardened / sizeof hardened[0]; i++)
        if (!is_set[hardened[i].index])
            ((uint64_t *)&hak_conf)[hardened[i].index] = hardened[i].value;
}

void hak_conf_read(const char *const *environ_block, bool secure) {
    bool seen[KNOB_COUNT] = {false};
    if (!hak_os_seal_open())
        return;
    reset();
    if (secure || !environ_block)
        return;
    for (; *environ_block; environ_block++) {
        size_t at = 0;
        while (at < PREFIX_CHARS && (*environ_block)[at] == PREFIX[at])
            at++;
        if (at == PREFIX_CHARS)
            read_variable(*environ_block + PREFIX_CHARS, seen);
    }
    apply_hardened();
}
