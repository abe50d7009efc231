/* SPDX-License-Identifier: MIT */
/*
 * Owns what is said of a guarded block's misuse, and the watching for faults. It may run in a
 * signal handler, on any stack: the text is made in memory of the pool, by the first thread that
 * has something to tell.
 */
#include "hardening/sampled_guard.h"

#include "os/os_env.h"
#include "os/os_fault.h"

static _Atomic bool is_told;

static void put_count(struct hak_buffer *text, size_t bytes, const char *after) {
    hak_put_decimal(text, bytes);
    hak_put_text(text, bytes == 1 ? " byte" : " bytes");
    hak_put_text(text, after);
}

static void put_distance(struct hak_buffer *text, const struct hak_sampled_guard *slot,
                         uintptr_t address) {
    if (address < slot->block)
        put_count(text, slot->block - address, " before the start of a block of ");
    else if (address >= slot->block + slot->bytes)
        put_count(text, address - (slot->block + slot->bytes) + 1, " past the end of a block of ");
    else
        put_count(text, address - slot->block, " into a block of ");
    put_count(text, slot->bytes, " at ");
    hak_put_hex(text, slot->block);
}

static void put_stack(struct hak_buffer *text, const char *what, int thread_id,
                      const struct hak_stack *stack) {
    hak_put_text(text, what);
    hak_put_text(text, " by thread ");
    hak_put_signed(text, thread_id);
    hak_os_unwind_put(text, "\nhakmem:     ", stack);
}

struct hak_buffer *hak_sampled_guard_report(const struct hak_sampled_guard *slot,
                                            const struct hak_sampled_guard_misuse *misuse) {
    static struct hak_buffer text;
    unsigned size_class = hak_size_class_of(slot->bytes);
    if (atomic_exchange_explicit(&is_told, true, memory_order_relaxed))
        return NULL;
    hak_buffer_init(&text, hak_sampled_guard_pool.report, HAK_SAMPLED_GUARD_REPORT_BYTES);
    hak_fatal_begin(&text, misuse->code, (const void *)slot->block,
                    hak_size_class_bytes[size_class], slot->taken_by);
    hak_put_text(&text, "\nhakmem:   ");
    hak_put_text(&text, misuse->verb);
    hak_put_hex(&text, misuse->address);
    hak_put_text(&text, ", ");
    put_distance(&text, slot, misuse->address);
    put_stack(&text, ",", hak_os_thread_id(), misuse->stack);
    if (slot->freed.count)
        put_stack(&text, "\nhakmem:   freed", slot->freed_by, &slot->freed);
    put_stack(&text, "\nhakmem:   allocated", slot->taken_by, &slot->taken);
    return &text;
}

static enum hak_fatal_code code_of(const struct hak_sampled_guard *slot, uintptr_t address) {
    /* relaxed: a report reads what is there */
    if (atomic_load_explicit(&slot->state, memory_order_relaxed) != HAK_SAMPLED_GUARD_LIVE)
        return HAK_FATAL_ACCESS_AFTER_FREE;
    return address < slot->block ? HAK_FATAL_ACCESS_BEFORE_START : HAK_FATAL_ACCESS_PAST_END;
}

static void on_fault(const struct hak_fault *fault) {
    static const char verbs[][16] = {"access to ", "read of ", "write to "};
    const struct hak_sampled_guard *slot = NULL;
    struct hak_stack stack;
    if (hak_sampled_guard_holds((const void *)fault->address))
        slot = hak_sampled_guard_near(fault->address);
    if (!slot)
        return;
    hak_os_unwind_from(&stack, fault->place);
    const struct hak_sampled_guard_misuse misuse = {code_of(slot, fault->address),
                                                    verbs[fault->access], fault->address, &stack};
    struct hak_buffer *text = hak_sampled_guard_report(slot, &misuse);
    if (text)
        hak_log_line(text);
}

void hak_sampled_guard_report_watch(void) {
    if (!hak_sampled_guard_is_on())
        return;
    hak_os_unwind_prepare();
    hak_os_fault_watch(on_fault);
}
