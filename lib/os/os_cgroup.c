/* SPDX-License-Identifier: MIT */
/*
 * Owns the reading of /proc/self/cgroup and of the limits below /sys/fs/cgroup, where systemd and
 * containers mount them. A group's folder that isn't there is one whose name the container doesn't
 * see: its limit then stands in the topmost folder. Files are short: what doesn't fit is cut.
 */
#include "os/os_cgroup.h"

#include "base/bits.h"
#include "base/format.h"
#include "os/os_call.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define HAK_PATH_CAPACITY 1024u
#define HAK_FILE_CAPACITY 4096u
#define HAK_NO_LIMIT_BYTES ((size_t)1 << 60) /* version 1 says "none" by a number near 2^63 */

const char *hak_os_cgroup_root = "";

static bool read_text(const char *path, char *text, size_t capacity) {
    int descriptor = hak_os_raw_open(path, O_RDONLY | O_CLOEXEC, 0);
    size_t length = 0;
    if (descriptor < 0)
        return false;
    while (length + 1 < capacity) {
        ssize_t count = hak_os_raw_read(descriptor, text + length, capacity - 1 - length);
        if (count <= 0 && !(count < 0 && errno == EINTR))
            break;
        length += count > 0 ? (size_t)count : 0;
    }
    text[length] = '\0';
    hak_os_raw_close(descriptor);
    return length != 0;
}

/* A number, or "max". */
static size_t read_limit(const char *path) {
    char text[32];
    size_t bytes = 0;
    if (!read_text(path, text, sizeof text) || text[0] < '0' || text[0] > '9')
        return SIZE_MAX;
    for (const char *at = text; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(bytes, 10u, &bytes) ||
            __builtin_add_overflow(bytes, (size_t)(*at - '0'), &bytes))
            return SIZE_MAX;
    return bytes >= HAK_NO_LIMIT_BYTES ? SIZE_MAX : bytes;
}

/* The least limit from the group's folder upwards to that of the hierarchy. */
static size_t least_limit(const char *hierarchy, const char *group, size_t length,
                          const char *file) {
    size_t least_bytes = SIZE_MAX;
    for (;;) {
        char path[HAK_PATH_CAPACITY];
        struct hak_buffer buffer;
        hak_buffer_init(&buffer, path, sizeof path);
        hak_put_text(&buffer, hak_os_cgroup_root);
        hak_put_text(&buffer, hierarchy);
        for (size_t i = 0; i < length; i++)
            hak_put_char(&buffer, group[i]);
        hak_put_text(&buffer, file);
        least_bytes = hak_min(least_bytes, read_limit(path));
        if (length == 0)
            return least_bytes;
        while (length > 0 && group[--length] != '/')
            ;
    }
}

/* True if `controllers`, which ends at a colon, has "memory" in it. */
static bool has_memory(const char *controllers) {
    static const char name[] = "memory";
    for (const char *at = controllers; *at && *at != ':'; at++) {
        bool starts = at == controllers || at[-1] == ',';
        char after = starts && strncmp(at, name, sizeof name - 1) == 0 ? at[sizeof name - 1] : ' ';
        if (after == ',' || after == ':')
            return true;
    }
    return false;
}

/* One line: "0::/group" of version 2, "4:cpu,memory:/group" of version 1. */
static size_t limit_of_line(const char *line, size_t length) {
    const char *controllers = memchr(line, ':', length);
    const char *end = line + length;
    const char *group =
        controllers ? memchr(controllers + 1, ':', (size_t)(end - controllers) - 1) : NULL;
    if (!group)
        return SIZE_MAX;
    controllers++;
    group++;
    size_t group_length = (size_t)(end - group);
    if (group_length == 1)
        group_length = 0; /* "/" */
    if (controllers[0] == ':')
        return least_limit("/sys/fs/cgroup", group, group_length, "/memory.max");
    if (has_memory(controllers))
        return least_limit("/sys/fs/cgroup/memory", group, group_length, "/memory.limit_in_bytes");
    return SIZE_MAX;
}

size_t hak_os_cgroup_memory_bytes(void) {
    int saved_errno = errno;
    char path[HAK_PATH_CAPACITY], text[HAK_FILE_CAPACITY];
    size_t least_bytes = SIZE_MAX;
    struct hak_buffer buffer;
    hak_buffer_init(&buffer, path, sizeof path);
    hak_put_text(&buffer, hak_os_cgroup_root);
    hak_put_text(&buffer, "/proc/self/cgroup");
    if (read_text(path, text, sizeof text)) {
        const char *line = text;
        for (const char *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
            least_bytes = hak_min(least_bytes, limit_of_line(line, (size_t)(end - line)));
    }
    errno = saved_errno;
    return least_bytes;
}
