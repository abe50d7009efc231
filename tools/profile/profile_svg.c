/* SPDX-License-Identifier: MIT */
/*
 * The picture: the course of what was live, and three flame graphs, of the bytes that are live at
 * the end, that were live at the peak, and of all that were allocated. A box is a function, as wide
 * as what was allocated in it and below it; who called it lies under it. A click on a box makes it
 * as wide as the picture and names its callers; "search" marks boxes by name. The script is in the
 * file and asks for nothing from outside; without one, and printed, the picture is whole.
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
#define COURSE 60.0     /* height of the course of time */

/* A box: the calls from one stack of callers into one function. */
struct node {
    const char *name;
    double bytes;
    struct node *first, *next; /* callees; the next callee of the same caller */
};

enum quantity { LIVE, PEAK, ALLOCATED, QUANTITIES };

struct graph {
    FILE *out;
    const struct hak_profile *profile;
    struct node root;
    enum quantity quantity;
    unsigned depth; /* most rows */
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
    const double quantities[QUANTITIES] = {stack->sums.live_bytes, stack->sums.peak_bytes,
                                           stack->sums.allocated_bytes};
    double bytes = quantities[graph->quantity];
    unsigned depth = 0;
    struct node *node = &graph->root;
    char room[512];
    if (bytes <= 0)
        return;
    node->bytes += bytes;
    for (unsigned i = stack->depth; i-- > 0;) {
        const struct hak_code *code = &graph->profile->codes[stack->code[i]];
        for (unsigned k = code->inlined_count + 1; k-- > 0; depth++) {
            const char *name = hak_profile_name(graph->profile, code, k, room, sizeof room);
            node = callee(node, name);
            node->bytes += bytes;
        }
    }
    if (depth > graph->depth)
        graph->depth = depth;
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

static void put_title(FILE *out, const struct hak_profile *profile, const char *words, double bytes,
                      double top) {
    fprintf(out, "<text class=\"title\" x=\"%.1f\" y=\"%.1f\">", MARGIN, top);
    put_text(out, profile->program, SIZE_MAX);
    fprintf(out, ": %s %s</text>\n", hak_output_size((uint64_t)bytes), words);
}

/* A picture in the picture, which the script finds by its class. */
static void put_graph(const struct graph *graph, double top) {
    static const char *const words[QUANTITIES] = {"live at the end", "live at the peak",
                                                  "allocated"};
    put_title(graph->out, graph->profile, words[graph->quantity], graph->root.bytes,
              top + TITLE - 10);
    if (graph->root.bytes <= 0)
        return;
    fprintf(graph->out, "<svg class=\"graph\" x=\"0\" y=\"%.1f\" width=\"%.0f\" height=\"%.1f\">\n",
            top + TITLE, WIDTH, ROW * (graph->depth + 1));
    double bottom = ROW * (graph->depth + 1);
    put_box(graph, &graph->root, MARGIN, WIDTH - 2 * MARGIN, bottom - ROW);
    put_callees(graph, &graph->root, MARGIN, bottom - 2 * ROW);
    fputs("</svg>\n", graph->out);
}

/* What was live from the first sample to the last event, the peak at full height. */
static void put_course(const struct hak_profile *profile, FILE *out) {
    double most = profile->total.peak_bytes, step = (WIDTH - 2 * MARGIN) / HAK_PROFILE_POINTS;
    put_title(out, profile, "at the peak; the course of what was live", most, TITLE - 10);
    fprintf(out, "<polyline class=\"course\" points=\"%.1f,%.1f", MARGIN, TITLE + COURSE);
    for (unsigned i = 0; i < HAK_PROFILE_POINTS; i++) {
        double y = TITLE + COURSE * (1 - (most > 0 ? profile->points[i] / most : 0));
        fprintf(out, " %.1f,%.1f %.1f,%.1f", MARGIN + i * step, y, MARGIN + (i + 1) * step, y);
    }
    fprintf(out, " %.1f,%.1f\"/>\n", WIDTH - MARGIN, TITLE + COURSE);
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\">0 s</text>\n", MARGIN, TITLE + COURSE + 14);
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%.3g s</text>\n", WIDTH - MARGIN,
            TITLE + COURSE + 14, (double)(profile->last_ms - profile->first_ms) / 1e3);
}

static void put_losses(const struct hak_profile *profile, FILE *out, double bottom) {
    fprintf(out, "<text id=\"path\" x=\"%.1f\" y=\"%.1f\">%llu samples", MARGIN, bottom,
            (unsigned long long)profile->samples);
    if (profile->lost)
        fprintf(out, ", %llu more were lost", (unsigned long long)profile->lost);
    if (profile->lost_frees)
        fprintf(out, ", %llu frees were lost", (unsigned long long)profile->lost_frees);
    fputs("</text>\n", out);
}

/* Boxes are children of their graph: their place and width at first are kept in the script. */
static const char script[] =
    "<script><![CDATA[\n"
    "(function () {\n"
    "var W = 1180, M = 10, C = 6.6, path = document.getElementById('path');\n"
    "var said = path.textContent, graphs = document.querySelectorAll('svg.graph');\n"
    "function name(b) { return b.g.querySelector('title').textContent; }\n"
    "function short(b) { return name(b).replace(/: [^:]*$/, ''); }\n"
    "function place(b, x, w) {\n"
    "  b.g.style.display = w < 0.3 || x + w < M || x > M + W ? 'none' : '';\n"
    "  var left = Math.max(x, M), right = Math.min(x + w, M + W);\n"
    "  b.r.setAttribute('x', left); b.r.setAttribute('width', Math.max(right - left, 0));\n"
    "  var room = Math.floor((right - left) / C), t = b.g.querySelector('text');\n"
    "  if (!t) { t = document.createElementNS('http://www.w3.org/2000/svg', 'text');\n"
    "    t.setAttribute('y', b.y + 12); b.g.appendChild(t); }\n"
    "  t.setAttribute('x', left + 3);\n"
    "  t.textContent = room < 3 ? '' : short(b).slice(0, room - 1);\n"
    "}\n"
    "function zoom(boxes, to) {\n"
    "  boxes.forEach(function (b) { var f = W / to.w; place(b, M + (b.x - to.x) * f, b.w * f); "
    "});\n"
    "}\n"
    "function callers(boxes, of) {\n"
    "  return boxes.filter(function (b) {\n"
    "    return b.y >= of.y && b.x <= of.x + 0.01 && b.x + b.w >= of.x + of.w - 0.01;\n"
    "  }).sort(function (a, b) { return b.y - a.y; }).map(short).join(' \u203a ');\n"
    "}\n"
    "var all = [];\n"
    "graphs.forEach(function (graph) {\n"
    "  var boxes = [];\n"
    "  graph.querySelectorAll('g').forEach(function (g) {\n"
    "    var r = g.querySelector('rect');\n"
    "    var b = { g: g, r: r, x: +r.getAttribute('x'), w: +r.getAttribute('width'),\n"
    "              y: +r.getAttribute('y'), fill: r.getAttribute('fill') };\n"
    "    boxes.push(b); all.push(b);\n"
    "    g.addEventListener('click', function () {\n"
    "      zoom(boxes, b);\n"
    "      path.textContent = callers(boxes, b) + '  (' + name(b).replace(/^.*: /, '') + ')';\n"
    "    });\n"
    "  });\n"
    "});\n"
    "function search() {\n"
    "  var word = prompt('Function (a part of its name, or a regular expression):', '');\n"
    "  if (word !== null) mark(word);\n"
    "}\n"
    "function mark(word) {\n"
    "  var found = 0, fits = null;\n"
    "  try { fits = word ? new RegExp(word) : null; } catch (e) { fits = null; }\n"
    "  all.forEach(function (b) {\n"
    "    var is = word && (fits ? fits.test(short(b)) : short(b).indexOf(word) >= 0);\n"
    "    found += is ? 1 : 0; b.r.setAttribute('fill', is ? '#b04be0' : b.fill);\n"
    "  });\n"
    "  path.textContent = word ? found + ' boxes with ' + word : said;\n"
    "}\n"
    "document.getElementById('search').addEventListener('click', search);\n"
    "document.addEventListener('keydown', function (e) {\n"
    "  if (e.key === '/' || (e.ctrlKey && e.key === 'f')) { e.preventDefault(); search(); }\n"
    "});\n"
    "window.hakmemMark = mark;\n"
    "}());\n"
    "]]></script>\n";

static void put_head(FILE *out, double height) {
    fprintf(out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
            "viewBox=\"0 0 %.0f %.0f\">\n"
            "<style>text{font:11px monospace;fill:#222}.title{font-size:14px;font-weight:bold}"
            "svg.graph rect:hover{stroke:#000}svg.graph g{cursor:pointer}"
            ".course{fill:#e8d8b8;stroke:#a07030}#search{fill:#06c;cursor:pointer}"
            "@media print{#search{display:none}}</style>\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"#fcfaf5\"/>\n"
            "<text id=\"search\" x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">search (/)</text>\n",
            WIDTH, height, WIDTH, height, WIDTH - MARGIN, TITLE - 10);
}

bool hak_profile_write_svg(const struct hak_profile *profile, FILE *out) {
    struct graph graphs[QUANTITIES];
    double height = TITLE + COURSE + ROW, top = height;
    for (unsigned i = 0; i < QUANTITIES; i++) {
        graphs[i] = (struct graph){.out = out, .profile = profile, .quantity = (enum quantity)i};
        gather(&graphs[i]);
        height += TITLE + (graphs[i].root.bytes > 0 ? ROW * (graphs[i].depth + 1) : 0);
    }
    height += ROW + MARGIN;
    put_head(out, height);
    put_course(profile, out);
    for (unsigned i = 0; i < QUANTITIES; i++) {
        put_graph(&graphs[i], top);
        top += TITLE + (graphs[i].root.bytes > 0 ? ROW * (graphs[i].depth + 1) : 0);
    }
    put_losses(profile, out, height - MARGIN);
    fputs(script, out);
    fputs("</svg>\n", out);
    for (unsigned i = 0; i < QUANTITIES; i++)
        free_nodes(graphs[i].root.first);
    return ferror(out) == 0;
}
