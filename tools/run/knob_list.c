/* SPDX-License-Identifier: MIT */
/*
 * Owns the two forms of the list of knobs. No knob is named here: all comes from the table.
 */
#include "run/knob_list.h"

#include "common/json.h"
#include "common/output.h"
#include "conf/conf.h"
#include "run/knob_texts.h"

#include <inttypes.h>
#include <string.h>

static const char *const stabilities[] = {"stable", "tuning", "debug"};
static const char *const kinds[] = {"bool", "size", "percent", "count", "limit", "choice", "text"};

static uint64_t value_now(unsigned index) {
    return ((const uint64_t *)&hak_conf)[index];
}

static const char *source_of(const struct hak_run_options *options, unsigned index) {
    char storage[HAK_KNOB_NAME_CHARS + 8];
    struct hak_buffer variable;
    if (!hak_conf_is_set(index))
        return "default";
    hak_buffer_init(&variable, storage, sizeof storage);
    hak_conf_put_variable(&variable, &hak_knobs[index]);
    hak_put_char(&variable, '=');
    for (unsigned i = 0; i < options->setting_count; i++)
        if (strncmp(options->settings[i], storage, variable.length) == 0)
            return "option";
    return "environment";
}

static bool has_range(const struct hak_knob *knob) {
    return knob->kind != HAK_KNOB_BOOL && knob->kind != HAK_KNOB_TEXT &&
           knob->kind != HAK_KNOB_CHOICE;
}

static void print_knob(const struct hak_run_options *options, unsigned index) {
    const struct hak_knob *knob = &hak_knobs[index];
    char storage[640];
    struct hak_buffer line;
    hak_buffer_init(&line, storage, sizeof storage);
    hak_conf_put_variable(&line, knob);
    hak_put_text(&line, ": ");
    hak_put_text(&line, knob->unit);
    if (has_range(knob)) {
        hak_put_text(&line, ", ");
        hak_conf_put_value(&line, knob->kind, knob->unit, knob->min);
        hak_put_text(&line, " to ");
        hak_conf_put_value(&line, knob->kind, knob->unit, knob->max);
    }
    hak_put_text(&line, ", default ");
    hak_conf_put_value(&line, knob->kind, knob->unit, knob->initial);
    printf("%s, %s\n", storage, stabilities[knob->stability]);
    hak_output_wrap(hak_knob_help[knob - hak_knobs], 4, 0);
    hak_buffer_init(&line, storage, sizeof storage);
    hak_put_text(&line, "now ");
    hak_conf_put_value(&line, knob->kind, knob->unit, value_now(index));
    hak_put_text(&line, " (");
    hak_put_text(&line, source_of(options, index));
    hak_put_char(&line, ')');
    hak_output_wrap(storage, 4, 0);
}

static void put_written(const struct hak_knob *knob, uint64_t value) {
    char storage[64];
    struct hak_buffer text;
    hak_buffer_init(&text, storage, sizeof storage);
    hak_conf_put_value(&text, knob->kind, knob->unit, value);
    hak_json_text(stdout, storage);
}

/* A value is a number or a boolean; a choice or a percentage is a string; a text, too, or null. */
static void put_value(const char *name, const struct hak_knob *knob, uint64_t value) {
    printf(",\"%s\":", name);
    if (knob->kind == HAK_KNOB_BOOL)
        fputs(value ? "true" : "false", stdout);
    else if (knob->kind == HAK_KNOB_CHOICE || hak_conf_is_percent(knob->kind, value))
        put_written(knob, value);
    else if (knob->kind != HAK_KNOB_TEXT)
        printf("%" PRIu64, value);
    else if (value)
        hak_json_text(stdout, (const char *)(uintptr_t)value);
    else
        fputs("null", stdout);
}

static void put_text(const char *name, const char *text) {
    printf(",\"%s\":", name);
    hak_json_text(stdout, text);
}

static void put_knob(const struct hak_run_options *options, unsigned index) {
    const struct hak_knob *knob = &hak_knobs[index];
    char storage[HAK_KNOB_NAME_CHARS + 8];
    struct hak_buffer variable;
    hak_buffer_init(&variable, storage, sizeof storage);
    hak_conf_put_variable(&variable, knob);
    fputs(index ? ",{\"name\":" : "{\"name\":", stdout);
    hak_json_text(stdout, knob->name);
    put_text("variable", storage);
    put_text("kind", kinds[knob->kind]);
    put_text("unit", knob->unit);
    put_text("stability", stabilities[knob->stability]);
    put_value("default", knob, knob->initial);
    if (has_range(knob)) {
        put_value("min", knob, knob->min);
        put_value("max", knob, knob->max);
    }
    put_value("value", knob, value_now(index));
    put_text("source", source_of(options, index));
    put_text("help", hak_knob_help[knob - hak_knobs]);
    putchar('}');
}

void hak_knob_list(const struct hak_run_options *options) {
    if (options->is_json)
        fputs("{\"schema\":\"" HAK_KNOBS_SCHEMA "\",\"knobs\":[", stdout);
    for (unsigned i = 0; i < hak_knob_count; i++) {
        if (options->is_json)
            put_knob(options, i);
        else
            print_knob(options, i);
    }
    if (options->is_json)
        puts("]}");
}
