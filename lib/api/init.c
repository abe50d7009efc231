/* SPDX-License-Identifier: MIT */
/*
 * Owns the library's constructor. It runs once, in the thread that loads the library, before main;
 * malloc works before it too. Nothing of the allocator depends on it but the fork handlers.
 */
#include "api/init.h"

#include "api/deny.h"
#include "api/preload.h"
#include "conf/conf.h"
#include "front/fork.h"
#include "front/start.h"
#include "hardening/sampled_guard.h"
#include "os/os_seal.h"
#include "os/os_share.h"
#include "report/dump.h"
#include "report/summary.h"
#include "stats/profile.h"

__attribute__((constructor)) void hak_init(int count, char **arguments) {
    (void)count;
    hak_init_deny(arguments);
    hak_start_process();
    hak_fork_register();
    hak_sampled_guard_report_watch();
    hak_init_restore_preload();
    if (hak_conf.sample > 1 && hak_conf.sample == (uint64_t)hak_share_pid())
        hak_profile_await_reader();
    hak_summary_start();
    hak_os_seal_close();
}

/* exit() runs it behind the program's own handlers. */
__attribute__((destructor)) static void finish(void) {
    hak_dump_at_exit();
    hak_profile_note_maps();
    hak_summary_at_exit();
}
