/* SPDX-License-Identifier: MIT */
/*
 * Owns the segment of counters. Written under the heap lock, or before the process has a second
 * thread. Invariant: a record is some heap's for ever; records_used only grows; what the header
 * says is not read back by this process but for records_used.
 *
 *   segment  header | rows | class sizes | knobs | process | exited | ... | record | record | ...
 */
#include "stats/process.h"

#include "base/bits.h"
#include "os/os_lock.h"
#include "os/os_memory.h"
#include "os/os_share.h"
#include "stats/profile_layout.h"

#include <string.h>

#define COPY_TRIES 3u
#define RECORDS_MOST 4096u /* address space alone: pages come when they are written */

static struct hak_thread_counters private_exited;
static struct hak_process_record private_process;
struct hak_process_record *hak_stats_process = &private_process;
struct hak_thread_counters *hak_stats_exited = &private_exited;

static struct hak_stats_control private_control;
struct hak_stats_control *hak_stats_control = &private_control;
_Atomic uint32_t hak_stats_purges_taken; /* the last request that a thread took */

static struct hak_stats_header *segment; /* NULL: counters are private */

/* The process's row when the heap lock was given last. The segment is no part of what fork copies:
 * the parent goes on counting there. */
static struct hak_process_record kept_process;
static _Atomic(struct hak_profile_area *) profile_area; /* changes but once, and in fork */

#define ROW(name, bytes, unit, kind, scope, offset, count, step)                                   \
    {                                                                                              \
#name, unit, offset, count, bytes, kind, scope, 0, step, {                                 \
            0                                                                                      \
        }                                                                                          \
    }
#define WORD_ROW(name, bytes, unit, kind, scope, structure)                                        \
    ROW(name, bytes, unit, kind, scope, offsetof(structure, name), 1, bytes)
#define ARRAY_ROW(name, unit, kind)                                                                \
    ROW(name, 8, unit, kind, HAK_ROW_CLASS, offsetof(struct hak_thread_counters, name),            \
        HAK_STATS_CLASSES, 8)
#define GROUP_ROW(name, unit, kind)                                                                \
    ROW(name, 8, unit, kind, HAK_ROW_CLASS, offsetof(struct hak_thread_counters, of[0].name),      \
        HAK_STATS_CLASSES, sizeof(struct hak_class_counters))

static const struct hak_stats_row rows[] = {
    GROUP_ROW(free_goal, "blocks", HAK_ROW_INTERNAL),
    ARRAY_ROW(free_countdown, "blocks", HAK_ROW_INTERNAL),
    WORD_ROW(sequence, 4, "", HAK_ROW_INTERNAL, HAK_ROW_THREAD, struct hak_thread_counters),
    WORD_ROW(state, 4, "", HAK_ROW_INTERNAL, HAK_ROW_THREAD, struct hak_thread_counters),
    WORD_ROW(forks, 4, "", HAK_ROW_INTERNAL, HAK_ROW_THREAD, struct hak_thread_counters),
    WORD_ROW(thread_id, 4, "", HAK_ROW_INTERNAL, HAK_ROW_THREAD, struct hak_thread_counters),
#define HAK_CLASS_COUNTER(name, place, unit, kind, help) place##_ROW(name, unit, HAK_ROW_##kind),
#define HAK_THREAD_COUNTER(name, unit, kind, help)                                                 \
    WORD_ROW(name, 8, unit, HAK_ROW_##kind, HAK_ROW_THREAD, struct hak_thread_counters),
#define HAK_PROCESS_COUNTER(name, unit, kind, help)                                                \
    WORD_ROW(name, 8, unit, HAK_ROW_##kind, HAK_ROW_PROCESS, struct hak_process_record),
#include "stats/counters.def"
#undef HAK_CLASS_COUNTER
#undef HAK_THREAD_COUNTER
#undef HAK_PROCESS_COUNTER
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

struct hak_stats_header hak_stats_anchor = {
    .magic = HAK_STATS_MAGIC,
    .layout = HAK_STATS_LAYOUT,
    .header_bytes = sizeof(struct hak_stats_header),
    .kind = HAK_STATS_PRIVATE,
    .version = HAK_VERSION,
    .control_id = -1,
};

static struct hak_stats_table table_at(const struct hak_stats_header *header, const void *place,
                                       size_t count, size_t entry_bytes) {
    return (struct hak_stats_table){(uintptr_t)place - (uintptr_t)header, (uint32_t)count,
                                    (uint32_t)entry_bytes};
}

static void point_anchor_to_rows(void) {
    struct hak_stats_header *anchor = &hak_stats_anchor;
    anchor->process = table_at(anchor, hak_stats_process, 1, sizeof *hak_stats_process);
    anchor->exited = table_at(anchor, hak_stats_exited, 1, sizeof *hak_stats_exited);
}

void hak_stats_start(const struct hak_stats_facts *facts) {
    struct hak_stats_header *anchor = &hak_stats_anchor;
    anchor->page_bytes = (uint32_t)hak_os_page_bytes;
    anchor->slab_bytes = facts->slab_bytes;
    anchor->rows = table_at(anchor, rows, ROW_COUNT, sizeof rows[0]);
    anchor->classes =
        table_at(anchor, facts->class_bytes, HAK_STATS_CLASSES, sizeof *facts->class_bytes);
    anchor->knobs = table_at(anchor, facts->knobs, facts->knob_count, sizeof *facts->knobs);
    anchor->first_heap = (uintptr_t)facts->first_heap - (uintptr_t)anchor;
    anchor->abandoned_heap = (uintptr_t)facts->abandoned_heap - (uintptr_t)anchor;
    anchor->heap_next = facts->heap_next;
    anchor->heap_counters = facts->heap_counters;
    anchor->slabs = facts->slabs;
    anchor->control = (uintptr_t)&private_control - (uintptr_t)anchor;
    point_anchor_to_rows();
}

/* ---- the segment ---- */

static size_t record_bytes(void) {
    return hak_round_up(sizeof(struct hak_thread_counters), hak_os_page_bytes);
}

/* Places of the tables in a segment, one behind the other. */
static struct hak_stats_header plan_segment(uint32_t knob_count) {
    struct hak_stats_header plan = hak_stats_anchor;
    struct hak_stats_table *tables[] = {&plan.rows,   &plan.classes, &plan.knobs,  &plan.process,
                                        &plan.exited, &plan.records, &plan.profile};
    size_t at = hak_round_up(sizeof plan, 64);
    plan.kind = HAK_STATS_SHARED;
    plan.pid = hak_share_pid();
    plan.started_s = hak_share_now_s();
    plan.knobs.count = knob_count;
    plan.records.count = RECORDS_MOST;
    plan.records.entry_bytes = (uint32_t)record_bytes();
    plan.profile.count = 1;
    plan.profile.entry_bytes = (uint32_t)sizeof(struct hak_profile_area);
    plan.first_heap = plan.abandoned_heap = plan.control = 0;
    for (unsigned i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (tables[i] == &plan.records || tables[i] == &plan.profile)
            at = hak_round_up(at, hak_os_page_bytes);
        tables[i]->offset = at;
        at += hak_round_up((size_t)tables[i]->count * tables[i]->entry_bytes, 64);
    }
    plan.total_bytes = at;
    return plan;
}

static void *place_in(struct hak_stats_header *in, uint64_t offset) {
    return (char *)in + offset;
}

static struct hak_thread_counters *record_of(struct hak_stats_header *in, uint32_t index) {
    return place_in(in, in->records.offset + (uint64_t)index * in->records.entry_bytes);
}

/* The wish page is a luxury: no segment fails for want of it. */
static struct hak_stats_control *make_control(struct hak_stats_header *for_segment) {
    int id;
    void *page = hak_share_make(hak_os_page_bytes, HAK_SHARE_WRITE, &id);
    for_segment->control_id = id;
    return page ? page : &private_control;
}

static void drop_control(struct hak_stats_control *control) {
    if (control != &private_control)
        hak_share_drop(control, hak_os_page_bytes);
}

/* release: a reader of the address finds the pages that the caller has made */
static void set_profile_area(struct hak_profile_area *area) {
    atomic_store_explicit(&profile_area, area, memory_order_release);
}

struct hak_profile_area *hak_stats_profile_area(void) {
    /* acquire pairs with the release in set_profile_area */
    return atomic_load_explicit(&profile_area, memory_order_acquire);
}

bool hak_stats_profile_use(struct hak_profile_area *area) {
    struct hak_profile_area *none = NULL;
    if (!atomic_compare_exchange_strong_explicit(&profile_area, &none, area, memory_order_release,
                                                 memory_order_relaxed))
        return false;
    hak_stats_anchor.profile = table_at(&hak_stats_anchor, area, 1, sizeof *area);
    return true;
}

/* The rows of the process move into the segment: from here on they are counted there. */
static void use_segment(struct hak_stats_header *made, struct hak_stats_control *control) {
    segment = made;
    hak_stats_process = place_in(made, made->process.offset);
    hak_stats_exited = place_in(made, made->exited.offset);
    hak_stats_control = control;
    set_profile_area(place_in(made, made->profile.offset));
    point_anchor_to_rows();
}

/* The magic last: a reader that comes too early finds nothing rather than a half. */
static void publish_header(struct hak_stats_header *made, const struct hak_stats_header *plan) {
    size_t rest = sizeof plan->magic;
    memcpy((char *)made + rest, (const char *)plan + rest, sizeof *plan - rest);
    atomic_thread_fence(memory_order_release);
    memcpy(made->magic, plan->magic, sizeof made->magic);
}

static void keep_process(void) {
    kept_process = *hak_stats_process;
}

void hak_stats_share(const struct hak_stats_facts *facts) {
    struct hak_stats_header plan = plan_segment(facts->knob_count);
    int id;
    if (hak_share_is_allowed())
        hak_share_sweep();
    struct hak_stats_header *made = hak_share_make(plan.total_bytes, HAK_SHARE_READ, &id);
    if (!made)
        return;
    memcpy(place_in(made, plan.rows.offset), rows, sizeof rows);
    memcpy(place_in(made, plan.classes.offset), facts->class_bytes,
           HAK_STATS_CLASSES * sizeof *facts->class_bytes);
    memcpy(place_in(made, plan.knobs.offset), facts->knobs,
           facts->knob_count * sizeof *facts->knobs);
    memcpy(place_in(made, plan.process.offset), hak_stats_process, sizeof *hak_stats_process);
    memcpy(place_in(made, plan.exited.offset), hak_stats_exited, sizeof *hak_stats_exited);
    struct hak_stats_control *control = make_control(&plan);
    publish_header(made, &plan);
    use_segment(made, control);
    keep_process();
    hak_lock_before_give = keep_process;
}

void hak_stats_adopt(struct hak_thread_counters *counters) {
    if (!segment)
        return;
    /* relaxed: the index alone is wanted; a reader tests each record's state */
    uint32_t index = atomic_fetch_add_explicit(&segment->records_used, 1, memory_order_relaxed);
    if (index >= segment->records.count) {
        atomic_store_explicit(&segment->records_used, segment->records.count, memory_order_relaxed);
        atomic_fetch_add_explicit(&segment->heaps_missing, 1, memory_order_relaxed);
        return;
    }
    if (hak_share_alias(record_of(segment, index), record_bytes(), counters))
        counters->record = index + 1;
    else
        atomic_fetch_add_explicit(&segment->heaps_missing, 1, memory_order_relaxed);
}

/* ---- fork ---- */

static uint32_t used_records(const struct hak_stats_header *in) {
    uint32_t used = atomic_load_explicit(&in->records_used, memory_order_relaxed);
    return used < in->records.count ? used : in->records.count;
}

bool hak_stats_is_shared(void) {
    return segment != NULL;
}

/* Once more if a thread's counts were moving just then, but nobody is waited for. */
static void copy_counters(struct hak_stats_header *copy) {
    for (unsigned tries = 0; tries < COPY_TRIES; tries++) {
        uint32_t sequence = atomic_load_explicit(&segment->sequence, memory_order_acquire);
        memcpy(copy, segment,
               segment->records.offset + (size_t)used_records(segment) * record_bytes());
        atomic_thread_fence(memory_order_acquire); /* what was copied was read before */
        if (sequence % 2 == 0 &&
            sequence == atomic_load_explicit(&segment->sequence, memory_order_relaxed))
            break;
    }
    atomic_store_explicit(&copy->sequence, 0, memory_order_relaxed);
}

void hak_stats_profile_inherit(struct hak_profile_area *to) {
    const struct hak_profile_area *from = hak_stats_profile_area();
    if (from)
        atomic_store_explicit(&to->taken, atomic_load(&from->taken), memory_order_relaxed);
}

void hak_stats_fork_copy(struct hak_stats_copy *ret_copy) {
    int id;
    if (!segment || !hak_share_is_allowed())
        return;
    struct hak_stats_header *copy = hak_share_make(segment->total_bytes, HAK_SHARE_READ, &id);
    if (!copy)
        return;
    copy_counters(copy);
    atomic_store_explicit(&copy->purges_served, 0, memory_order_relaxed);
    hak_stats_profile_inherit(place_in(copy, copy->profile.offset));
    *ret_copy = (struct hak_stats_copy){copy, make_control(copy)};
}

void hak_stats_fork_drop(struct hak_stats_copy *copy) {
    struct hak_stats_header *dropped = copy->segment;
    if (!dropped)
        return;
    copy->segment = NULL; /* first: a signal handler may fork */
    drop_control(copy->control);
    hak_share_drop(dropped, dropped->total_bytes);
}

/* No copy: the rows of the process are taken home; its heaps follow in hak_stats_readopt. */
static void leave_segment(void) {
    private_process = *hak_stats_process;
    private_exited = *hak_stats_exited;
    hak_stats_process = &private_process;
    hak_stats_exited = &private_exited;
    hak_stats_control = &private_control;
    set_profile_area(NULL);
    segment = NULL;
    point_anchor_to_rows();
}

void hak_stats_fork_change(struct hak_stats_copy *copy, bool is_inside) {
    struct hak_stats_header *old = segment;
    struct hak_stats_control *old_control = hak_stats_control;
    atomic_store_explicit(&private_control.profile_until_ms, 0, memory_order_relaxed);
    if (!old)
        return;
    size_t old_bytes = old->total_bytes;
    atomic_store_explicit(&hak_stats_purges_taken, 0, memory_order_relaxed);
    if (copy->segment) {
        copy->segment->pid = hak_share_pid();
        copy->segment->started_s = hak_share_now_s();
        use_segment(copy->segment, copy->control);
        copy->segment = NULL;
    } else {
        leave_segment();
    }
    if (!is_inside)
        *hak_stats_process = kept_process;
    drop_control(old_control);
    hak_share_drop(old, old_bytes);
}

/* The copy may be older than the heap: then its record is what the parent counts there now. */
static struct hak_thread_counters *copied_record(const struct hak_thread_counters *counters) {
    uint32_t used = used_records(segment);
    struct hak_thread_counters *record = record_of(segment, counters->record - 1);
    if (counters->record > used) {
        memcpy(record, counters, sizeof *record);
        atomic_store_explicit(&segment->records_used, counters->record, memory_order_relaxed);
    }
    return record;
}

void hak_stats_readopt(struct hak_thread_counters *counters) {
    if (counters->record == 0)
        return;
    struct hak_thread_counters now = *counters;
    if (segment && hak_share_alias(copied_record(counters), record_bytes(), counters))
        return;
    if (!segment)
        hak_os_renew(counters, record_bytes());
    *counters = now;
    counters->record = 0;
}

void hak_stats_set_forks(uint32_t forks) {
    hak_stats_anchor.forks = forks;
    if (segment)
        segment->forks = forks;
}

/* ---- what is said to readers ---- */

void hak_stats_begin_move(void) {
    if (segment)
        /* seq_cst, here and below: the moved words stay between; pairs with the readers' loads */
        atomic_fetch_add_explicit(&segment->sequence, 1, memory_order_seq_cst);
}

void hak_stats_end_move(void) {
    if (segment)
        atomic_fetch_add_explicit(&segment->sequence, 1, memory_order_seq_cst);
}

bool hak_stats_take_purge(void) {
    uint32_t request =
        atomic_load_explicit(&hak_stats_control->purge_request, memory_order_relaxed);
    uint32_t before =
        atomic_exchange_explicit(&hak_stats_purges_taken, request, memory_order_relaxed);
    if (before == request)
        return false;
    if (segment)
        atomic_store_explicit(&segment->purges_served, request, memory_order_relaxed);
    return true;
}
