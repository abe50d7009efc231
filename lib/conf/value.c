/* SPDX-License-Identifier: MIT */
/*
 * Owns the values of knobs as text: parsing, and writing as a user would. Pure; anybody may call.
 * Invariant: what is written is read as the same value again.
 */
#include "conf/conf.h"

static char to_upper(char c) {
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool parse_bool(const char *text, uint64_t *ret_value) {
    static const char words[][2][4] = {{"0", "1"}, {"no", "yes"}, {"off", "on"}};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        for (unsigned value = 0; value < 2; value++) {
            const char *word = words[i][value];
            size_t at = 0;
            while (word[at] != '\0' && word[at] == text[at])
                at++;
            if (word[at] == '\0' && text[at] == '\0') {
                *ret_value = value;
                return true;
            }
        }
    }
    return false;
}

static const char size_suffixes[] = "kmgt";

/* The binary exponent that a suffix stands for; 0: none. */
static unsigned suffix_shift(char c) {
    for (unsigned i = 0; size_suffixes[i] != '\0'; i++) {
        if (to_upper(size_suffixes[i]) == to_upper(c))
            return 10 * (i + 1);
    }
    return 0;
}

static bool parse_number(const char **text, uint64_t *ret_value) {
    const char *at = *text;
    uint64_t value = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
            return false;
    }
    bool has_digits = at != *text;
    *text = at;
    *ret_value = value;
    return has_digits;
}

static bool parse_text(const char *text, uint64_t *ret_value) {
    *ret_value = (uintptr_t)text;
    for (unsigned length = 0; length < HAK_TEXT_CAPACITY; length++)
        if (text[length] == '\0')
            return length != 0;
    return false;
}

/* Moves past what parts two words of a unit: "never, auto or always". */
static const char *next_word(const char *words) {
    for (; *words == ',' || *words == ' '; words++)
        ;
    return words[0] == 'o' && words[1] == 'r' && words[2] == ' ' ? words + 3 : words;
}

static size_t word_length(const char *word) {
    size_t length = 0;
    while (word[length] != '\0' && word[length] != ',' && word[length] != ' ')
        length++;
    return length;
}

static bool parse_choice(const char *words, const char *text, uint64_t *ret_value) {
    for (uint64_t index = 0; *words; index++, words = next_word(words + word_length(words))) {
        size_t length = word_length(words), at = 0;
        while (at < length && text[at] == words[at])
            at++;
        if (at == length && text[at] == '\0') {
            *ret_value = index;
            return true;
        }
    }
    return false;
}

static void put_choice(struct hak_buffer *buffer, const char *words, uint64_t value) {
    for (; value && *words; value--)
        words = next_word(words + word_length(words));
    for (size_t length = word_length(words), at = 0; at < length; at++)
        hak_put_char(buffer, words[at]);
}

bool hak_conf_is_percent(enum hak_knob_kind kind, uint64_t value) {
    return kind == HAK_KNOB_LIMIT && value > HAK_LIMIT_PERCENT && value <= HAK_LIMIT_PERCENT + 100;
}

/* A number, with the suffix that its kind may have. */
static bool parse_quantity(enum hak_knob_kind kind, const char *text, uint64_t *ret_value) {
    uint64_t value;
    if (!parse_number(&text, &value))
        return false;
    if (kind == HAK_KNOB_SIZE && *text != '\0') {
        unsigned shift = suffix_shift(*text);
        if (shift == 0 || value > UINT64_MAX >> shift)
            return false;
        value <<= shift;
        text++;
    } else if (kind == HAK_KNOB_PERCENT && *text == '%') {
        text++;
    }
    if (*text != '\0')
        return false;
    *ret_value = value;
    return true;
}

/* A size, or a percentage from 1 to 100. */
static bool parse_limit(const char *text, uint64_t *ret_value) {
    uint64_t value;
    const char *at = text;
    if (parse_number(&at, &value) && at[0] == '%' && at[1] == '\0') {
        *ret_value = HAK_LIMIT_PERCENT + value;
        return value >= 1 && value <= 100;
    }
    return parse_quantity(HAK_KNOB_SIZE, text, ret_value) && *ret_value < HAK_LIMIT_PERCENT;
}

bool hak_conf_parse(enum hak_knob_kind kind, const char *unit, const char *text,
                    uint64_t *ret_value) {
    uint64_t value;
    if (kind == HAK_KNOB_CHOICE)
        return parse_choice(unit, text, ret_value);
    if (kind == HAK_KNOB_LIMIT) {
        bool done = parse_limit(text, &value);
        *ret_value = done ? value : *ret_value;
        return done;
    }
    if (kind == HAK_KNOB_BOOL)
        return parse_bool(text, ret_value);
    if (kind == HAK_KNOB_TEXT)
        return parse_text(text, ret_value);
    return parse_quantity(kind, text, ret_value);
}

void hak_conf_put_value(struct hak_buffer *buffer, enum hak_knob_kind kind, const char *unit,
                        uint64_t value) {
    unsigned thousands = 0; /* suffix */
    if (kind == HAK_KNOB_CHOICE) {
        put_choice(buffer, unit, value);
        return;
    }
    if (hak_conf_is_percent(kind, value)) {
        hak_put_decimal(buffer, value - HAK_LIMIT_PERCENT);
        hak_put_char(buffer, '%');
        return;
    }
    if (kind == HAK_KNOB_BOOL) {
        hak_put_text(buffer, value ? "yes" : "no");
        return;
    }
    if (kind == HAK_KNOB_TEXT) {
        hak_put_text(buffer, value ? (const char *)(uintptr_t)value : "none");
        return;
    }
    bool is_size = kind == HAK_KNOB_SIZE || kind == HAK_KNOB_LIMIT;
    while (is_size && value != 0 && value % 1024 == 0 && size_suffixes[thousands] != '\0') {
        value /= 1024;
        thousands++;
    }
    hak_put_decimal(buffer, value);
    if (thousands != 0)
        hak_put_char(buffer, size_suffixes[thousands - 1]);
}
