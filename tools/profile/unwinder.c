/* SPDX-License-Identifier: MIT */
/*
 * Owns the way from a copied piece of stack to code addresses, and from these to names: elfutils'
 * libdwfl reads the tables that every program has for C++ exceptions. The process is not touched;
 * its files are read, through its own root folder. A stack that is longer than the copy is cut.
 */
#define _GNU_SOURCE
#include "profile/unwinder.h"

#include "common/complain.h"
#include "profile/demangle.h"
#include "profile/profile.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLACES 8192u

struct hak_unwinder {
    struct hak_profile *profile;
    Dwfl *dwfl;
    bool is_attached;
    const struct hak_profile_sample *sample; /* the one that is walked */
    uint64_t pcs[HAK_PROFILE_FRAMES];        /* its stack */
    unsigned depth;
    uint32_t place[PLACES]; /* of codes by address: index and 1 */
    uint32_t *next;
};

/* ---- what libdwfl asks ---- */

static int find_elf(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
                    char **file_name, Elf **elf) {
    char path[4200];
    const struct hak_unwinder *unwinder = *data;
    (void)module, (void)base, (void)elf;
    if (!unwinder || *name != '/')
        return -1;
    snprintf(path, sizeof path, "/proc/%ld/root%s", (long)unwinder->profile->pid, name);
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file < 0)
        file = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file >= 0)
        *file_name = hak_profile_copy_text(name);
    return file;
}

static char *debug_path;
static const Dwfl_Callbacks callbacks = {
    .find_elf = find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .section_address = dwfl_offline_section_address,
    .debuginfo_path = &debug_path,
};

static pid_t next_thread(Dwfl *dwfl, void *context, void **thread) {
    if (*thread)
        return 0;
    *thread = context;
    return dwfl_pid(dwfl);
}

static bool read_stack(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *result, void *context) {
    const struct hak_profile_sample *sample = ((struct hak_unwinder *)context)->sample;
    uint64_t from = address - sample->registers[sample->stack_register];
    (void)dwfl;
    if (from > sample->stack_bytes || sample->stack_bytes - from < sizeof *result)
        return false;
    memcpy(result, sample->stack + from, sizeof *result);
    return true;
}

static bool set_registers(Dwfl_Thread *thread, void *context) {
    const struct hak_profile_sample *sample = ((struct hak_unwinder *)context)->sample;
    unsigned last = sample->register_count - 1;
    if (!dwfl_thread_state_registers(thread, 0, last, sample->registers))
        return false;
    dwfl_thread_state_register_pc(thread, sample->registers[last]);
    return last != 16 || dwfl_thread_state_registers(thread, 16, 1, &sample->registers[16]);
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
    .next_thread = next_thread,
    .memory_read = read_stack,
    .set_initial_registers = set_registers,
};

static int take_frame(Dwfl_Frame *frame, void *context) {
    struct hak_unwinder *unwinder = context;
    Dwarf_Addr pc;
    bool is_exact;
    if (!dwfl_frame_pc(frame, &pc, &is_exact) || pc == 0)
        return DWARF_CB_ABORT;
    unwinder->pcs[unwinder->depth++] = is_exact ? pc : pc - 1;
    return unwinder->depth == HAK_PROFILE_FRAMES ? DWARF_CB_ABORT : DWARF_CB_OK;
}

/* ---- modules and names ---- */

static void read_build_id(Dwfl_Module *module, struct hak_module *to) {
    const unsigned char *bits;
    GElf_Addr address;
    int length = dwfl_module_build_id(module, &bits, &address);
    for (int i = 0; i < length && i < 32; i++)
        snprintf(to->build_id + 2 * i, 3, "%02x", bits[i]);
}

/* The part of the module that is mapped at the address, as pprof wants it: one row a mapping. */
static unsigned module_of(struct hak_unwinder *unwinder, uint64_t address) {
    struct hak_profile *profile = unwinder->profile;
    for (unsigned i = 0; i < profile->module_count; i++)
        if (address >= profile->modules[i].start && address < profile->modules[i].end)
            return i;
    return HAK_NO_MODULE;
}

static void name_code(struct hak_unwinder *unwinder, struct hak_code *code) {
    Dwfl_Module *module = dwfl_addrmodule(unwinder->dwfl, code->address);
    GElf_Sym symbol;
    GElf_Off offset;
    code->module = module_of(unwinder, code->address);
    if (!module)
        return;
    GElf_Addr bias;
    dwfl_module_getelf(module, &bias); /* finds the file, and with it the build-id */
    if (code->module != HAK_NO_MODULE && !*unwinder->profile->modules[code->module].build_id)
        read_build_id(module, &unwinder->profile->modules[code->module]);
    code->own.function = hak_profile_copy_text(
        dwfl_module_addrinfo(module, code->address, &offset, &symbol, NULL, NULL, NULL));
    code->own.name = hak_demangle(code->own.function);
}

/* ---- lines, and what was inlined ---- */

static const char *linkage_name(Dwarf_Die *function) {
    Dwarf_Attribute attribute;
    const char *name =
        dwarf_formstring(dwarf_attr_integrate(function, DW_AT_linkage_name, &attribute));
    return name ? name : dwarf_diename(function);
}

/* Where the inlined function was called. */
static void find_call(Dwarf_Die *unit, Dwarf_Die *inlined, struct hak_frame *caller) {
    Dwarf_Attribute attribute;
    Dwarf_Files *files;
    Dwarf_Word file = 0, line = 0;
    size_t file_count;
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &file) == 0 &&
        dwarf_getsrcfiles(unit, &files, &file_count) == 0)
        caller->file = hak_profile_copy_text(dwarf_filesrc(files, file, NULL, NULL));
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &line) == 0)
        caller->line = (int)line;
}

/* The line belongs to the innermost function; each one further out has the line of its call. */
static void find_inlined(Dwarf_Die *unit, Dwarf_Addr address, struct hak_code *code) {
    Dwarf_Die *innermost = NULL, *scopes = NULL;
    int count = dwarf_getscopes(unit, address, &innermost);
    if (count > 0)
        count = dwarf_getscopes_die(&innermost[0], &scopes);
    for (int i = 0; i < count && dwarf_tag(&scopes[i]) != DW_TAG_subprogram; i++) {
        if (dwarf_tag(&scopes[i]) != DW_TAG_inlined_subroutine)
            continue;
        unsigned index = code->inlined_count;
        code->inlined = hak_profile_grow(code->inlined, index, sizeof *code->inlined);
        code->inlined_count++;
        code->inlined[index] = code->own;
        code->inlined[index].function = hak_profile_copy_text(linkage_name(&scopes[i]));
        code->inlined[index].name = hak_demangle(code->inlined[index].function);
        code->own.file = NULL;
        code->own.line = 0;
        find_call(unit, &scopes[i], &code->own);
    }
    free(innermost);
    free(scopes);
}

/* Slow: it reads the debugging information of whole files. */
static void find_line(struct hak_unwinder *unwinder, struct hak_code *code) {
    Dwfl_Module *module = dwfl_addrmodule(unwinder->dwfl, code->address);
    Dwfl_Line *line = module ? dwfl_module_getsrc(module, code->address) : NULL;
    Dwarf_Addr bias;
    if (!line)
        return;
    code->own.file =
        hak_profile_copy_text(dwfl_lineinfo(line, NULL, &code->own.line, NULL, NULL, NULL));
    Dwarf_Die *unit = dwfl_module_addrdie(module, code->address, &bias);
    if (unit)
        find_inlined(unit, code->address - bias, code);
}

static uint32_t code_at(struct hak_unwinder *unwinder, uint64_t address) {
    struct hak_profile *profile = unwinder->profile;
    uint32_t *place = &unwinder->place[(address * 0x9E3779B97F4A7C15u >> 40) % PLACES];
    for (uint32_t at = *place; at; at = unwinder->next[at - 1])
        if (profile->codes[at - 1].address == address)
            return at - 1;
    uint32_t index = (uint32_t)profile->code_count;
    profile->codes = hak_profile_grow(profile->codes, index, sizeof *profile->codes);
    unwinder->next = hak_profile_grow(unwinder->next, index, sizeof *unwinder->next);
    profile->codes[index] = (struct hak_code){.address = address};
    name_code(unwinder, &profile->codes[index]);
    profile->code_count++;
    unwinder->next[index] = *place;
    *place = index + 1;
    return index;
}

/* Frames of the allocator itself, which no reader looks for. */
static bool is_own(const struct hak_profile *profile, const struct hak_code *code) {
    static const char *const names[] = {"malloc",
                                        "calloc",
                                        "realloc",
                                        "reallocarray",
                                        "memalign",
                                        "aligned_alloc",
                                        "valloc",
                                        "pvalloc",
                                        "posix_memalign",
                                        "_Znwm",
                                        "_Znam",
                                        "_ZnwmRKSt9nothrow_t",
                                        "_ZnamRKSt9nothrow_t"};
    const char *path = code->module == HAK_NO_MODULE ? "" : profile->modules[code->module].path;
    const char *slash = strrchr(path, '/');
    if (slash && strncmp(slash, "/libhakmem", 10) == 0)
        return true;
    if (!code->own.function)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(code->own.function, names[i]) == 0)
            return true;
    return strncmp(code->own.function, "hak_", 4) == 0 ||
           strncmp(code->own.function, "hakmem_", 7) == 0;
}

/* ---- for the others ---- */

struct hak_unwinder *hak_unwinder_open(struct hak_profile *profile) {
    struct hak_unwinder *unwinder = hak_profile_grow(NULL, 0, sizeof *unwinder);
    memset(unwinder, 0, sizeof *unwinder);
    unwinder->profile = profile;
    unsetenv("DEBUGINFOD_URLS"); /* nobody asked for the network */
    unwinder->dwfl = dwfl_begin(&callbacks);
    if (unwinder->dwfl)
        return unwinder;
    hak_complain("libdw: %s", dwfl_errmsg(-1));
    free(unwinder);
    return NULL;
}

void hak_unwinder_close(struct hak_unwinder *unwinder) {
    dwfl_end(unwinder->dwfl);
    free(unwinder->next);
    free(unwinder);
}

static int tell_unwinder(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr start,
                         void *context) {
    (void)module, (void)name, (void)start;
    *data = context;
    return DWARF_CB_OK;
}

/* The executable mappings, one row each. */
static void add_modules(struct hak_profile *profile, FILE *maps) {
    char line[4400], path[4200];
    unsigned long long start, end, offset;
    while (fgets(line, sizeof line, maps)) {
        char rights[5] = "";
        *path = '\0';
        if (sscanf(line, "%llx-%llx %4s %llx %*s %*s %4199[^\n]", &start, &end, rights, &offset,
                   path) < 4 ||
            rights[2] != 'x' || !*path)
            continue;
        size_t i = 0;
        while (i < profile->module_count &&
               (profile->modules[i].start != start || profile->modules[i].end != end))
            i++;
        if (i < profile->module_count)
            continue;
        profile->modules = hak_profile_grow(profile->modules, i, sizeof *profile->modules);
        profile->modules[profile->module_count++] =
            (struct hak_module){start, end, offset, hak_profile_copy_text(path), ""};
    }
}

void hak_unwinder_add(struct hak_unwinder *unwinder, FILE *maps) {
    dwfl_report_begin_add(unwinder->dwfl);
    dwfl_linux_proc_maps_report(unwinder->dwfl, maps);
    dwfl_report_end(unwinder->dwfl, NULL, NULL);
    dwfl_getmodules(unwinder->dwfl, tell_unwinder, unwinder, 0);
    rewind(maps);
    add_modules(unwinder->profile, maps);
    if (!unwinder->is_attached)
        unwinder->is_attached = dwfl_attach_state(unwinder->dwfl, NULL, unwinder->profile->pid,
                                                  &thread_callbacks, unwinder);
}

void hak_unwinder_find_lines(struct hak_unwinder *unwinder) {
    for (size_t i = 0; i < unwinder->profile->code_count; i++)
        find_line(unwinder, &unwinder->profile->codes[i]);
}

bool hak_unwinder_walk(struct hak_unwinder *unwinder, const struct hak_profile_sample *sample) {
    bool is_known = unwinder->is_attached;
    unwinder->sample = sample;
    unwinder->depth = 0;
    if (unwinder->is_attached)
        dwfl_getthread_frames(unwinder->dwfl, unwinder->profile->pid, take_frame, unwinder);
    for (unsigned i = 0; i < unwinder->depth; i++)
        is_known = is_known && module_of(unwinder, unwinder->pcs[i]) != HAK_NO_MODULE;
    return is_known;
}

unsigned hak_unwinder_name(struct hak_unwinder *unwinder, uint32_t code[HAK_PROFILE_FRAMES]) {
    unsigned depth = 0;
    for (unsigned i = 0; i < unwinder->depth; i++) {
        uint32_t found = code_at(unwinder, unwinder->pcs[i]);
        if (depth || !is_own(unwinder->profile, &unwinder->profile->codes[found]))
            code[depth++] = found;
    }
    return depth;
}
