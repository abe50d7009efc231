/* SPDX-License-Identifier: MIT */
/*
 * Owns the walk through an ELF file: headers, program headers, the dynamic section, and the lookup
 * of one symbol through the hash tables that the dynamic linker itself would use.
 * Invariant: nothing is read but through `load`, which keeps within the file.
 */
#include "common/elf.h"

#include <elf.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* This tool's own header, as it lies in memory; the linker defines the name. */
extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));

struct image {
    const char *bytes;
    uint64_t size;
    Elf64_Ehdr header;
    uint64_t dynamic, dynamic_bytes; /* file range of the dynamic section */
};

/* What the dynamic section says; offsets are in the file, 0: not there. */
struct dynamic {
    uint64_t symbols, strings, gnu_hash, old_hash;
    uint64_t strings_bytes;
    bool has_soname;
};

static bool load(const struct image *image, uint64_t offset, void *ret, size_t bytes) {
    if (offset > image->size || bytes > image->size - offset)
        return false;
    memcpy(ret, image->bytes + offset, bytes);
    return true;
}

static bool load_segment(const struct image *image, unsigned index, Elf64_Phdr *ret) {
    return index < image->header.e_phnum && image->header.e_phentsize == sizeof *ret &&
           image->header.e_phoff < image->size &&
           load(image, image->header.e_phoff + index * (uint64_t)sizeof *ret, ret, sizeof *ret);
}

/* Where in the file the byte lies that will be at `address`; 0: nowhere. */
static uint64_t file_offset(const struct image *image, uint64_t address) {
    Elf64_Phdr segment;
    for (unsigned i = 0; load_segment(image, i, &segment); i++) {
        if (segment.p_type == PT_LOAD && address >= segment.p_vaddr &&
            address - segment.p_vaddr < segment.p_filesz && segment.p_offset < image->size)
            return segment.p_offset + (address - segment.p_vaddr);
    }
    return 0;
}

/* A string of the string table, if it is `prefix` or begins with it. */
static bool string_starts(const struct image *image, const struct dynamic *dynamic, uint64_t index,
                          const char *prefix, size_t bytes) {
    char text[32];
    return bytes <= sizeof text && index < dynamic->strings_bytes && dynamic->strings != 0 &&
           load(image, dynamic->strings + index, text, bytes) && memcmp(text, prefix, bytes) == 0;
}

static void read_entry(const struct image *image, const Elf64_Dyn *entry, struct dynamic *ret) {
    switch (entry->d_tag) {
    case DT_SYMTAB:
        ret->symbols = file_offset(image, entry->d_un.d_ptr);
        break;
    case DT_STRTAB:
        ret->strings = file_offset(image, entry->d_un.d_ptr);
        break;
    case DT_STRSZ:
        ret->strings_bytes = entry->d_un.d_val;
        break;
    case DT_GNU_HASH:
        ret->gnu_hash = file_offset(image, entry->d_un.d_ptr);
        break;
    case DT_HASH:
        ret->old_hash = file_offset(image, entry->d_un.d_ptr);
        break;
    case DT_SONAME:
        ret->has_soname = true;
        break;
    default:
        break;
    }
}

static bool load_entry(const struct image *image, uint64_t index, Elf64_Dyn *ret) {
    return index < image->dynamic_bytes / sizeof *ret && image->dynamic < image->size &&
           load(image, image->dynamic + index * sizeof *ret, ret, sizeof *ret) &&
           ret->d_tag != DT_NULL;
}

static bool needs_sanitizer(const struct image *image, const struct dynamic *dynamic) {
    static const char *const libraries[] = {"libasan.so",      "libtsan.so",   "liblsan.so",
                                            "libmsan.so",      "libhwasan.so", "libclang_rt.asan",
                                            "libclang_rt.tsan"};
    Elf64_Dyn entry;
    for (uint64_t i = 0; load_entry(image, i, &entry); i++) {
        for (unsigned k = 0; k < sizeof libraries / sizeof libraries[0]; k++) {
            if (entry.d_tag == DT_NEEDED &&
                string_starts(image, dynamic, entry.d_un.d_val, libraries[k], strlen(libraries[k])))
                return true;
        }
    }
    return false;
}

static bool is_malloc(const struct image *image, const struct dynamic *dynamic, uint32_t index) {
    Elf64_Sym symbol;
    if (!load(image, dynamic->symbols + index * (uint64_t)sizeof symbol, &symbol, sizeof symbol))
        return false;
    return symbol.st_shndx != SHN_UNDEF && ELF64_ST_BIND(symbol.st_info) != STB_LOCAL &&
           string_starts(image, dynamic, symbol.st_name, "malloc", sizeof "malloc");
}

static uint32_t gnu_hash(const char *name) {
    uint32_t hash = 5381;
    while (*name)
        hash = hash * 33 + (unsigned char)*name++;
    return hash;
}

static bool gnu_hash_has_malloc(const struct image *image, const struct dynamic *dynamic) {
    uint32_t head[4]; /* buckets, first symbol, words of the filter, its shift */
    uint32_t index, hash = gnu_hash("malloc"), found;
    if (!load(image, dynamic->gnu_hash, head, sizeof head) || head[0] == 0)
        return false;
    uint64_t buckets = dynamic->gnu_hash + sizeof head + head[2] * (uint64_t)8;
    uint64_t chains = buckets + head[0] * (uint64_t)4;
    if (!load(image, buckets + hash % head[0] * (uint64_t)4, &index, sizeof index))
        return false;
    for (; index >= head[1] && index != 0; index++) {
        if (!load(image, chains + (index - head[1]) * (uint64_t)4, &found, sizeof found))
            return false;
        if ((found | 1) == (hash | 1) && is_malloc(image, dynamic, index))
            return true;
        if (found & 1)
            return false;
    }
    return false;
}

static bool old_hash_has_malloc(const struct image *image, const struct dynamic *dynamic) {
    uint32_t head[2]; /* buckets, symbols */
    if (!load(image, dynamic->old_hash, head, sizeof head))
        return false;
    for (uint32_t index = 1; index < head[1] && index < image->size; index++) {
        if (is_malloc(image, dynamic, index))
            return true;
    }
    return false;
}

static void read_dynamic(const struct image *image, struct hak_elf_facts *facts) {
    struct dynamic dynamic = {0};
    Elf64_Dyn entry;
    for (uint64_t i = 0; load_entry(image, i, &entry); i++)
        read_entry(image, &entry, &dynamic);
    /* The dynamic linker, run as a program, has a SONAME; a static PIE has none. */
    facts->is_static = facts->interpreter[0] == '\0' && !dynamic.has_soname;
    facts->has_sanitizer = needs_sanitizer(image, &dynamic);
    if (dynamic.symbols != 0 && dynamic.gnu_hash != 0)
        facts->defines_malloc = gnu_hash_has_malloc(image, &dynamic);
    else if (dynamic.symbols != 0 && dynamic.old_hash != 0)
        facts->defines_malloc = old_hash_has_malloc(image, &dynamic);
}

static void read_segments(struct image *image, struct hak_elf_facts *facts) {
    Elf64_Phdr segment;
    for (unsigned i = 0; load_segment(image, i, &segment); i++) {
        if (segment.p_type == PT_INTERP && segment.p_filesz < sizeof facts->interpreter) {
            if (!load(image, segment.p_offset, facts->interpreter, segment.p_filesz))
                facts->interpreter[0] = '\0';
        } else if (segment.p_type == PT_DYNAMIC) {
            image->dynamic = segment.p_offset;
            image->dynamic_bytes = segment.p_filesz;
        }
    }
}

static void read_image(struct image *image, struct hak_elf_facts *facts) {
    unsigned char ident[EI_NIDENT];
    if (!load(image, 0, ident, sizeof ident) || memcmp(ident, ELFMAG, SELFMAG) != 0)
        return;
    /* Type and machine lie at the same place in both word sizes. */
    if (!load(image, 0, &image->header, offsetof(Elf64_Ehdr, e_version)))
        return;
    facts->is_elf = true;
    facts->is_64_bit = ident[EI_CLASS] == ELFCLASS64;
    facts->is_for_this_machine = facts->is_64_bit &&
                                 ident[EI_DATA] == __ehdr_start.e_ident[EI_DATA] &&
                                 image->header.e_machine == __ehdr_start.e_machine;
    if (!facts->is_for_this_machine)
        return;
    if (!load(image, 0, &image->header, sizeof image->header)) {
        facts->is_elf = false;
        return;
    }
    facts->is_shared_object = image->header.e_type == ET_DYN;
    read_segments(image, facts);
    read_dynamic(image, facts);
}

void hak_elf_read(int fd, struct hak_elf_facts *ret_facts) {
    struct stat status;
    memset(ret_facts, 0, sizeof *ret_facts);
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size <= 0)
        return;
    struct image image = {.size = (uint64_t)status.st_size};
    void *bytes = mmap(NULL, image.size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return;
    image.bytes = bytes;
    read_image(&image, ret_facts);
    munmap(bytes, image.size);
}
