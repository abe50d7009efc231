/* SPDX-License-Identifier: MIT */
/*
 * Owns the picture: two flame graphs, of the bytes that are live and of all that were allocated. A
 * box is a function, as wide as what was allocated in it and below it; who called it lies under
 * it. The whole name and the figures show where the pointer rests. Plain SVG 1.1, no script.
 */
#define _GNU_SOURCE
#include "common/output.h"
#include "profile/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 1200.0
#define MARGIN 10.0
#define ROW 17.0
#define TITLE 34.0
#define LEAST_WIDTH 0.3 /* narrower boxes can't be seen */
#define CHARACTER 6.6   /* of the font, about */

/* A box: the calls from one stack of callers into one function. */
struct node {
    const char *name;
    double bytes;
    struct node *first, *next; /* callees; the next callee of the same caller */
};

struct graph {
    FILE *out;
    const struct hak_profile *profile;
    struct node root;
    bool is_live;
    unsigned depth; /* most rows */
    double bottom;
};

static struct node *callee(struct node *of, const char *name) {
    struct node **at = &of->first;
    while (*at && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    if (!*at) {
        *at = hak_profile_grow(NULL, 0, sizeof **at);
        **at = (struct node){hak_profile_copy_text(name), 0, NULL, NULL};
    }
    return *at;
}

static void add_stack(struct graph *graph, const struct hak_profile_stack *stack) {
    double bytes = graph->is_live ? stack->sums.live_bytes : stack->sums.allocated_bytes;
    struct node *node = &graph->root;
    char room[512];
    if (bytes <= 0)
        return;
    node->bytes += bytes;
    for (unsigned i = stack->depth; i-- > 0;) {
        node = callee(node, hak_profile_name(graph->profile, stack->code[i], room, sizeof room));
        node->bytes += bytes;
    }
    if (stack->depth > graph->depth)
        graph->depth = stack->depth;
}

static void free_nodes(struct node *node) {
    while (node) {
        struct node *next = node->next;
        free_nodes(node->first);
        free((char *)(uintptr_t)node->name);
        free(node);
        node = next;
    }
}

static void put_text(FILE *out, const char *text, size_t most) {
    for (; *text && most; text++, most--) {
        if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '>')
            fputs("&gt;", out);
        else if (*text == '&')
            fputs("&amp;", out);
        else
            fputc((unsigned char)*text < ' ' ? '?' : *text, out);
    }
}

/* Warm, and the same for the same name. */
static void put_colour(FILE *out, const char *name) {
    uint32_t hash = 2166136261u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    fprintf(out, "rgb(%u,%u,%u)", 215 + hash % 40, 110 + hash / 64 % 110, 60 + hash / 8192 % 40);
}

static void put_box(const struct graph *graph, const struct node *node, double left, double width,
                    double top) {
    FILE *out = graph->out;
    size_t room = (size_t)(width / CHARACTER);
    fputs("<g><title>", out);
    put_text(out, node->name, SIZE_MAX);
    fprintf(out, ": %s, %.1f %%</title>", hak_output_size((uint64_t)node->bytes),
            100 * node->bytes / graph->root.bytes);
    fprintf(out, "<rect x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%.1f\" fill=\"", left, top,
            width, ROW - 1);
    put_colour(out, node->name);
    fputs("\"/>", out);
    if (room >= 3) {
        fprintf(out, "<text x=\"%.2f\" y=\"%.1f\">", left + 3, top + ROW - 5);
        put_text(out, node->name, room - 1);
        fputs("</text>", out);
    }
    fputs("</g>\n", out);
}

static int by_name(const void *left, const void *right) {
    return strcmp((*(struct node *const *)left)->name, (*(struct node *const *)right)->name);
}

/* Callees side by side, ordered by name, so that two pictures can be compared. */
static void put_callees(const struct graph *graph, const struct node *node, double left,
                        double top) {
    double scale = (WIDTH - 2 * MARGIN) / graph->root.bytes;
    struct node **sorted = NULL;
    size_t count = 0;
    for (struct node *at = node->first; at; at = at->next) {
        sorted = hak_profile_grow(sorted, count, sizeof *sorted);
        sorted[count++] = at;
    }
    if (count)
        qsort(sorted, count, sizeof *sorted, by_name);
    for (size_t i = 0; i < count; i++) {
        double width = sorted[i]->bytes * scale;
        if (width >= LEAST_WIDTH) {
            put_box(graph, sorted[i], left, width, top);
            put_callees(graph, sorted[i], left, top - ROW);
        }
        left += width;
    }
    free(sorted);
}

static void gather(struct graph *graph) {
    graph->root.name = "all";
    for (size_t i = 0; i < graph->profile->stack_count; i++)
        add_stack(graph, graph->profile->stacks[i]);
}

static void put_graph(const struct graph *graph) {
    double top = graph->bottom - ROW * (graph->depth + 1);
    fprintf(graph->out, "<text class=\"title\" x=\"%.1f\" y=\"%.1f\">", MARGIN, top - 10);
    put_text(graph->out, graph->profile->program, SIZE_MAX);
    fprintf(graph->out, ": %s %s</text>\n", hak_output_size((uint64_t)graph->root.bytes),
            graph->is_live ? "live" : "allocated");
    if (graph->root.bytes <= 0)
        return;
    put_box(graph, &graph->root, MARGIN, WIDTH - 2 * MARGIN, graph->bottom - ROW);
    put_callees(graph, &graph->root, MARGIN, graph->bottom - 2 * ROW);
}

bool hak_profile_write_svg(const struct hak_profile *profile, FILE *out) {
    struct graph live = {.out = out, .profile = profile, .is_live = true};
    struct graph all = {.out = out, .profile = profile};
    gather(&live);
    gather(&all);
    live.bottom = TITLE + ROW * (live.depth + 1);
    all.bottom = live.bottom + TITLE + ROW * (all.depth + 1);
    double height = all.bottom + MARGIN;
    fprintf(out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
            "viewBox=\"0 0 %.0f %.0f\">\n"
            "<style>text{font:11px monospace;fill:#222}.title{font-size:14px;font-weight:bold}"
            "rect:hover{stroke:#000}</style>\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"#fcfaf5\"/>\n",
            WIDTH, height, WIDTH, height);
    put_graph(&live);
    put_graph(&all);
    fputs("</svg>\n", out);
    free_nodes(live.root.first);
    free_nodes(all.root.first);
    return ferror(out) == 0;
}
