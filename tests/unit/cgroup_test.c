/* SPDX-License-Identifier: MIT */
/*
 * Tests of lib/os/os_cgroup: limits of both versions of control groups, of the groups around the
 * process's, of containers that don't see their group's name, in a /proc and /sys of our own.
 */
#include "os/os_cgroup.h"

#include "unit.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

static char root[] = "/tmp/hakmem-cgroup-XXXXXX";

__attribute__((format(printf, 1, 2))) static void run(const char *format, ...) {
    char command[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    CHECK(system(command) == 0);
}

/* A file of the root, with its folders. */
static void put(const char *path, const char *text) {
    char name[512];
    snprintf(name, sizeof name, "%s%s", root, path);
    run("mkdir -p \"$(dirname '%s')\"", name);
    FILE *file = fopen(name, "w");
    CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void begin(const char *groups) {
    run("rm -rf %s/*", root);
    put("/proc/self/cgroup", groups);
}

static size_t limit(void) {
    errno = 4711;
    size_t bytes = hak_os_cgroup_memory_bytes();
    CHECK(errno == 4711);
    return bytes;
}

static void test_version_2(void) {
    begin("0::/a/b c/d\n");
    CHECK(limit() == SIZE_MAX);
    put("/sys/fs/cgroup/a/b c/d/memory.max", "max\n");
    CHECK(limit() == SIZE_MAX);
    put("/sys/fs/cgroup/a/memory.max", "134217728\n");
    CHECK(limit() == 134217728);
    put("/sys/fs/cgroup/a/b c/d/memory.max", "67108864\n");
    CHECK(limit() == 67108864);
    put("/sys/fs/cgroup/a/b c/memory.max", "33554432\n");
    CHECK(limit() == 33554432);
}

static void test_version_1(void) {
    begin("12:cpu,cpuacct:/x\n4:hugetlb,memory:/x/y\n2:memory_not:/z\n1:name=systemd:/\n");
    put("/sys/fs/cgroup/memory/z/memory.limit_in_bytes", "1\n");
    put("/sys/fs/cgroup/x/memory.max", "1\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    CHECK(limit() == SIZE_MAX);
    put("/sys/fs/cgroup/memory/x/y/memory.limit_in_bytes", "268435456\n");
    CHECK(limit() == 268435456);
}

/* The group's name is the host's; what is mounted is the group's own folder. */
static void test_container(void) {
    begin("0::/docker/0123456789abcdef\n");
    put("/sys/fs/cgroup/memory.max", "1073741824\n");
    CHECK(limit() == 1073741824);
    begin("0::/\n");
    put("/sys/fs/cgroup/memory.max", "4096");
    CHECK(limit() == 4096);
}

static void test_nonsense(void) {
    run("rm -rf %s/*", root);
    CHECK(limit() == SIZE_MAX);
    static const char *const files[] = {"",     "\n",    ":\n",   "::\n",
                                        "0:\n", "0::\n", "0::/a", "\n\n0::/b\n"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        begin(files[i]);
        CHECK(limit() == SIZE_MAX);
    }
    begin("0::/a\n");
    static const char *const limits[] = {"", "x", "-1", "99999999999999999999999", "none"};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        put("/sys/fs/cgroup/a/memory.max", limits[i]);
        CHECK(limit() == SIZE_MAX);
    }
}

int main(void) {
    CHECK(mkdtemp(root) != NULL);
    hak_os_cgroup_root = root;
    test_version_2();
    test_version_1();
    test_container();
    test_nonsense();
    run("rm -rf %s", root);
    return 0;
}
