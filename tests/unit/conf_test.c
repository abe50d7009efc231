/* SPDX-License-Identifier: MIT */
/*
 * Tests of lib/conf: parsing, ranges, overflow, strangers' names and values of any length, nearest
 * names, secure execution, strict mode. Needs nothing but lib/conf and lib/base.
 */
#include "conf/conf.h"

#include "unit.h"

#include <string.h>

static void read_one(const char *entry) {
    const char *const block[] = {"PATH=/bin", entry, "HOME=/", NULL};
    hak_conf_read(block, false);
}

static bool complains(const char *entry, const char *expected) {
    read_one(entry);
    const char *text = hak_conf_complaint(0);
    if (text && strcmp(text, expected) == 0 && hak_conf_complaint_count() == 1)
        return true;
    fprintf(stderr, "%s: got: %s\n", entry, text ? text : "nothing");
    return false;
}

static bool is_default(void) {
    const uint64_t *values = (const uint64_t *)&hak_conf;
    for (unsigned i = 0; i < hak_knob_count; i++) {
        if (values[i] != hak_knobs[i].initial)
            return false;
    }
    return true;
}

static void test_defaults(void) {
    CHECK(is_default());
    hak_conf_read(NULL, false);
    CHECK(is_default() && hak_conf_complaint_count() == 0);
    const char *const other[] = {"HAKME=1", "HAKMEN_LOG=1", "xHAKMEM_LOG=1", "", "=", NULL};
    hak_conf_read(other, false);
    CHECK(is_default() && hak_conf_complaint_count() == 0);
    read_one("HAKMEM_LIBRARY=/anything");
    CHECK(is_default() && hak_conf_complaint_count() == 0);
    read_one("HAKMEM_NO_INHERIT=LOG=x");
    CHECK(is_default() && hak_conf_complaint_count() == 0);
}

static uint64_t parsed(enum hak_knob_kind kind, const char *text) {
    uint64_t value = 4711;
    return hak_conf_parse(kind, "one, two or three", text, &value) ? value : UINT64_MAX - 1;
}

static bool is_malformed(enum hak_knob_kind kind, const char *text) {
    uint64_t value = 4711;
    return !hak_conf_parse(kind, "one, two or three", text, &value) && value == 4711;
}

static void test_sizes(void) {
    CHECK(parsed(HAK_KNOB_SIZE, "0") == 0);
    CHECK(parsed(HAK_KNOB_SIZE, "1") == 1);
    CHECK(parsed(HAK_KNOB_SIZE, "3k") == 3 * 1024 && parsed(HAK_KNOB_SIZE, "3K") == 3 * 1024);
    CHECK(parsed(HAK_KNOB_SIZE, "8m") == 8 << 20 && parsed(HAK_KNOB_SIZE, "8M") == 8 << 20);
    CHECK(parsed(HAK_KNOB_SIZE, "2g") == (uint64_t)2 << 30);
    CHECK(parsed(HAK_KNOB_SIZE, "5T") == (uint64_t)5 << 40);
    CHECK(parsed(HAK_KNOB_SIZE, "18446744073709551615") == UINT64_MAX);
    CHECK(parsed(HAK_KNOB_SIZE, "16777215t") == (uint64_t)16777215 << 40);
    static const char *const wrong[] = {"",
                                        " 1",
                                        "1 ",
                                        "+1",
                                        "-1",
                                        "k",
                                        "1kk",
                                        "1kb",
                                        "1.5",
                                        "0x1",
                                        "1,0",
                                        "m1",
                                        "1p",
                                        "one",
                                        "1\n",
                                        "1%",
                                        "16777216t",
                                        "18446744073709551616",
                                        "18014398509481984k",
                                        "99999999999999999999999999999999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CHECK(is_malformed(HAK_KNOB_SIZE, wrong[i]));
}

static void test_other_kinds(void) {
    static const char *const no[] = {"0", "no", "off"}, *const yes[] = {"1", "yes", "on"};
    for (size_t i = 0; i < 3; i++)
        CHECK(parsed(HAK_KNOB_BOOL, no[i]) == 0 && parsed(HAK_KNOB_BOOL, yes[i]) == 1);
    static const char *const wrong[] = {"", "2", "ye", "yess", "YES", "true", "01", "o", "-1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CHECK(is_malformed(HAK_KNOB_BOOL, wrong[i]));
    CHECK(parsed(HAK_KNOB_PERCENT, "10") == 10 && parsed(HAK_KNOB_PERCENT, "10%") == 10);
    CHECK(is_malformed(HAK_KNOB_PERCENT, "10%%") && is_malformed(HAK_KNOB_PERCENT, "10k"));
    CHECK(is_malformed(HAK_KNOB_PERCENT, "%") && is_malformed(HAK_KNOB_COUNT, "10%"));
    static const char *const no_limit[] = {
        "", "%", "0%", "101%", "9%%", "9k%", "9223372036854775808"};
    for (size_t i = 0; i < sizeof no_limit / sizeof no_limit[0]; i++)
        CHECK(is_malformed(HAK_KNOB_LIMIT, no_limit[i]));
    static const char *const no_choice[] = {"", "on", "ones", "or", "two ", "four", "one,"};
    for (size_t i = 0; i < sizeof no_choice / sizeof no_choice[0]; i++)
        CHECK(is_malformed(HAK_KNOB_CHOICE, no_choice[i]));
    CHECK(parsed(HAK_KNOB_COUNT, "7") == 7 && is_malformed(HAK_KNOB_COUNT, "7k"));
}

static void put(enum hak_knob_kind kind, uint64_t value, const char *expected) {
    char storage[40];
    struct hak_buffer text;
    hak_buffer_init(&text, storage, sizeof storage);
    hak_conf_put_value(&text, kind, "one, two or three", value);
    CHECK(strcmp(storage, expected) == 0);
    uint64_t back;
    CHECK(hak_conf_parse(kind, "one, two or three", storage, &back) && back == value);
}

static void test_values_as_text(void) {
    put(HAK_KNOB_SIZE, 0, "0");
    put(HAK_KNOB_SIZE, 1023, "1023");
    put(HAK_KNOB_SIZE, 1024, "1k");
    put(HAK_KNOB_SIZE, (uint64_t)4096 << 40, "4096t");
    put(HAK_KNOB_SIZE, UINT64_MAX, "18446744073709551615");
    put(HAK_KNOB_BOOL, 1, "yes");
    put(HAK_KNOB_PERCENT, 1024, "1024");
    put(HAK_KNOB_LIMIT, 1 << 20, "1m");
    put(HAK_KNOB_LIMIT, HAK_LIMIT_PERCENT + 90, "90%");
    put(HAK_KNOB_CHOICE, 0, "one");
    put(HAK_KNOB_CHOICE, 1, "two");
    put(HAK_KNOB_CHOICE, 2, "three");
}

/* Each knob, at and beyond both of its bounds, through the environment. */
static void test_ranges(void) {
    const uint64_t *values = (const uint64_t *)&hak_conf;
    for (unsigned i = 0; i < hak_knob_count; i++) {
        const struct hak_knob *knob = &hak_knobs[i];
        char entry[128];
        struct hak_buffer line;
        if (knob->kind == HAK_KNOB_TEXT || knob->kind == HAK_KNOB_CHOICE)
            continue; /* words, not numbers */
        for (int beyond = 0; beyond < 4; beyond++) {
            uint64_t value = beyond & 1 ? knob->max + (beyond >> 1) : knob->min - (beyond >> 1);
            hak_buffer_init(&line, entry, sizeof entry);
            hak_conf_put_variable(&line, knob);
            hak_put_char(&line, '=');
            hak_put_decimal(&line, value);
            read_one(entry);
            bool is_valid = value >= knob->min && value <= knob->max;
            CHECK(values[i] == (is_valid ? value : knob->initial));
            CHECK(hak_conf_complaint_count() == (is_valid ? 0 : 1));
        }
    }
}

static void test_text(void) {
    char entry[400] = "HAKMEM_STATS_FILE=/tmp/%p";
    read_one(entry);
    entry[18] = 'x'; /* the environment may change */
    CHECK(hak_conf.stats_file && strcmp((char *)(uintptr_t)hak_conf.stats_file, "/tmp/%p") == 0);
    CHECK(hak_conf_complaint_count() == 0);
    memset(entry + 18, 'y', 256);
    entry[18 + 256] = '\0';
    read_one(entry);
    CHECK(!hak_conf.stats_file && hak_conf_complaint_count() == 1);
    entry[18 + 255] = '\0';
    read_one(entry);
    CHECK(hak_conf.stats_file && strlen((char *)(uintptr_t)hak_conf.stats_file) == 255);
    read_one("HAKMEM_STATS_FILE=");
    CHECK(!hak_conf.stats_file && hak_conf_complaint_count() == 1);
}

static void test_first_counts(void) {
    const char *const block[] = {"HAKMEM_DIRTY_MIN=1m", "HAKMEM_DIRTY_MIN=2m", "HAKMEM_DIRTY_MIN=x",
                                 "HAKMEM_LOG", NULL};
    hak_conf_read(block, false);
    CHECK(hak_conf.dirty_min == 1 << 20);
    CHECK(hak_conf_complaint_count() == 1);
    CHECK(strcmp(hak_conf_complaint(0), "HAKMEM_LOG=: not yes or no") == 0);
}

static void test_complaints(void) {
    CHECK(complains("HAKMEM_DIRTY_MIN=8x",
                    "HAKMEM_DIRTY_MIN=8x: not a size, as 64k, 8m or 1g (0 to 1t)"));
    CHECK(complains("HAKMEM_CACHE=8m", "HAKMEM_CACHE=8m: out of range (4k to 4m)"));
    CHECK(complains("HAKMEM_CACHE=1", "HAKMEM_CACHE=1: out of range (4k to 4m)"));
    CHECK(complains("HAKMEM_PURGE=maybe", "HAKMEM_PURGE=maybe: not yes or no"));
    CHECK(complains("HAKMEM_DIRTY_PERCENT=k",
                    "HAKMEM_DIRTY_PERCENT=k: not a percentage (0 to 1000)"));
    CHECK(complains("HAKMEM_PURGE=a\nb\033", "HAKMEM_PURGE=a?b?: not yes or no"));
    CHECK(complains("HAKMEM_log=1", "HAKMEM_log: unknown knob (nearest: HAKMEM_LOG)"));
    CHECK(complains("HAKMEM_=1", "HAKMEM_: unknown knob"));
    CHECK(complains("HAKMEM_FOO=1", "HAKMEM_FOO: unknown knob"));
    CHECK(complains("HAKMEM_LIBRARYY=1", "HAKMEM_LIBRARYY: unknown knob"));
}

static bool is_nearest(const char *given, const char *name) {
    char entry[128], expected[256];
    snprintf(entry, sizeof entry, "HAKMEM_%s=1", given);
    snprintf(expected, sizeof expected, "HAKMEM_%s: unknown knob (nearest: HAKMEM_%s)", given,
             name);
    return complains(entry, expected);
}

static void test_nearest(void) {
    CHECK(is_nearest("DRITY_MIN", "DIRTY_MIN"));
    CHECK(is_nearest("DIRTYMIN", "DIRTY_MIN"));
    CHECK(is_nearest("DIRTY_PERCENTAGE", "DIRTY_PERCENT"));
    CHECK(is_nearest("DRITY", "DIRTY_MIN"));
    CHECK(is_nearest("PURGES", "PURGE"));
    CHECK(is_nearest("LOGS", "LOG"));
    CHECK(is_nearest("DEEP_BIND", "DEEPBIND"));
    CHECK(is_nearest("LIBCFREE", "LIBC_FREE"));
    CHECK(hak_conf_distance("log", "LOG") == 0 && hak_conf_distance("log=1", "LOG") == 0);
    CHECK(hak_conf_distance("", "abc") == 3 && hak_conf_distance("abc", "") == 6);
    CHECK(hak_conf_distance("abdc", "abcd") == 2 && hak_conf_distance("axcd", "abcd") == 2);
}

/* Names and values of a megabyte: cut in the text, never believed. */
static void test_monsters(void) {
    static char entry[(1 << 20) + 64];
    memset(entry, '9', sizeof entry - 1);
    memcpy(entry, "HAKMEM_DIRTY_MIN=", strlen("HAKMEM_DIRTY_MIN="));
    read_one(entry);
    CHECK(is_default() && hak_conf_complaint_count() == 1);
    CHECK(strlen(hak_conf_complaint(0)) < 128 && strstr(hak_conf_complaint(0), "999...: not"));
    memset(entry, 'D', sizeof entry - 1);
    memcpy(entry, "HAKMEM_", strlen("HAKMEM_"));
    read_one(entry);
    CHECK(is_default() && strlen(hak_conf_complaint(0)) < 128);
    CHECK(strstr(hak_conf_complaint(0), "DDD...: unknown knob"));
    memset(entry + 17, '0', sizeof entry - 18);
    memcpy(entry, "HAKMEM_DIRTY_MIN=", strlen("HAKMEM_DIRTY_MIN="));
    entry[sizeof entry - 2] = '7';
    read_one(entry);
    CHECK(hak_conf.dirty_min == 7 && hak_conf_complaint_count() == 0);
}

static unsigned reported_lines;

static void count_line(struct hak_buffer *line) {
    CHECK(strncmp(line->text, "hakmem: ", 8) == 0 && !strchr(line->text, '\n'));
    CHECK(strlen(line->text) == line->length);
    reported_lines++;
}

static void test_many_complaints(void) {
    static char text[1000][32];
    static const char *block[1001];
    for (int i = 0; i < 1000; i++) {
        snprintf(text[i], sizeof text[i], "HAKMEM_X%d=1", i);
        block[i] = text[i];
    }
    hak_conf_read(block, false);
    CHECK(hak_conf_complaint_count() == 1000);
    memset(text, '!', sizeof text); /* the program overwrites its environment */
    hak_conf_report(count_line);
    CHECK(reported_lines == 5);
    CHECK(strcmp(hak_conf_complaint(3), "HAKMEM_X3: unknown knob") == 0);
    CHECK(!hak_conf_complaint(4) && !hak_conf_complaint(1000) && !hak_conf_complaint(UINT32_MAX));
}

static void test_secure_and_strict(void) {
    const char *const block[] = {"HAKMEM_STRICT=1", "HAKMEM_DIRTY_MIN=1m", "HAKMEM_FOO=1", NULL};
    hak_conf_read(block, true);
    CHECK(is_default() && hak_conf_complaint_count() == 0 && !hak_conf_is_strict_failure());
    hak_conf_read(block, false);
    CHECK(hak_conf.strict == 1 && hak_conf.dirty_min == 1 << 20 && hak_conf_is_strict_failure());
    read_one("HAKMEM_FOO=1");
    CHECK(hak_conf_complaint_count() == 1 && !hak_conf_is_strict_failure());
    read_one("HAKMEM_STRICT=1");
    CHECK(hak_conf_complaint_count() == 0 && !hak_conf_is_strict_failure());
}

static void test_hardened(void) {
    read_one("HAKMEM_HARDENED=yes");
    CHECK(hak_conf.hardened && hak_conf.canary && hak_conf.quarantine_ms == 10000);
    const char *const block[] = {"HAKMEM_CANARY=no", "HAKMEM_HARDENED=yes", NULL};
    hak_conf_read(block, false);
    CHECK(!hak_conf.canary && hak_conf.zero_on_free && hak_conf_complaint_count() == 0);
}

/* The old name sets the new knob, says so, and fails nothing; the new name wins in either order. */
static void test_retired(void) {
    CHECK(complains("HAKMEM_PROFILE=hardened", "HAKMEM_PROFILE: retired, use HAKMEM_HARDENED"));
    CHECK(hak_conf.hardened && hak_conf.canary && hak_conf_error_count() == 0);
    CHECK(complains("HAKMEM_PROFILE=normal", "HAKMEM_PROFILE: retired, use HAKMEM_HARDENED"));
    CHECK(!hak_conf.hardened && !hak_conf.canary);
    const char *const first[] = {"HAKMEM_HARDENED=no", "HAKMEM_PROFILE=hardened", NULL};
    hak_conf_read(first, false);
    CHECK(!hak_conf.hardened);
    const char *const last[] = {"HAKMEM_PROFILE=normal", "HAKMEM_HARDENED=yes", "HAKMEM_STRICT=1",
                                NULL};
    hak_conf_read(last, false);
    CHECK(hak_conf.hardened && !hak_conf_is_strict_failure());
    read_one("HAKMEM_PROFILE=soft");
    CHECK(hak_conf_error_count() == 1);
    CHECK(strcmp(hak_conf_complaint(1), "HAKMEM_PROFILE=soft: not normal or hardened") == 0);
}

int main(void) {
    test_defaults();
    test_sizes();
    test_other_kinds();
    test_values_as_text();
    test_ranges();
    test_text();
    test_first_counts();
    test_complaints();
    test_nearest();
    test_monsters();
    test_many_complaints();
    test_secure_and_strict();
    test_hardened();
    test_retired();
    return 0;
}
