/* SPDX-License-Identifier: MIT */
/*
 * life.c - start, fork, exec and end of a process
 */
#include <limits.h>

#include "ahead.h"
#include "change.h"
#include "channel.h"
#include "clock.h"
#include "counters.h"
#include "dir.h"
#include "errors.h"
#include "exec.h"
#include "fdtab.h"
#include "fence.h"
#include "file.h"
#include "fio.h"
#include "gate.h"
#include "heir.h"
#include "hidden.h"
#include "load.h"
#include "log.h"
#include "mem.h"
#include "options.h"
#include "placeholder.h"
#include "queue.h"
#include "sys.h"
#include "table.h"
#include "task.h"
#include "trace.h"
#include "unlink.h"
#include "util.h"

#define READS_TO_FORGET 32 /* files read in a row without one being made */

_Atomic uint32_t fio_reads;

int (*fio_clock)(clockid_t, struct timespec *);

static bool initialised; /* fio_init has run: there may be statistics to write */
static bool written;     /* the statistics line of this process was written */
static bool stopped;     /* for good, by fio_stop_deferring */

static bool size_limited(void)
{
	struct rlimit rl;

	return SYS4(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &rl) < 0 || rl.rlim_cur != RLIM_INFINITY;
}

/* Counts why deferral ends, and tells the log. */
static void report_stop(enum fio_cause cause)
{
	const char *why;

	switch (cause) {
	case FIO_CAUSE_FORK:
		fio_count(stop_fork);
		why = "a process was made that shares memory, descriptors or the working directory";
		break;
	case FIO_CAUSE_CRED:
		fio_count(stop_cred);
		why = "rights, namespaces or limits changed";
		break;
	case FIO_CAUSE_MAP:
		fio_count(stop_map);
		why = "memory is shared with other processes";
		break;
	case FIO_CAUSE_FD:
		fio_count(stop_fd);
		why = "the program took a descriptor number of the library's";
		break;
	case FIO_CAUSE_DIR:
		fio_count(stop_watch);
		why = "the program watches files, and would see the order of its own work";
		break;
	default:
		fio_count(stop_raw);
		why = "system calls are made without libc (Go, io_uring)";
	}
	fio_log("deferral stops: ", why, NULL);
}

void fio_init(const struct fio_env *env)
{
	fio_clock = env->clock_gettime;
	fio_pid = sys_getpid();
	if (env->secure)
		return;
	fio_options_read(env->envp);
	initialised = true;
	fio_errors_start();
	fio_trace_init();
	if (fio_opt.engine == FIO_ENGINE_OFF) {
		fio_count(stop_off);
	} else if (!fio_clock) {
		fio_log("no clock: everything passes through", NULL);
	} else if (env->foreign_files || env->foreign_meta) {
		fio_count(stop_preload);
		fio_log("another library in LD_PRELOAD interposes file calls: everything passes through",
			NULL);
	} else if (!fio_hidden_init()) {
		fio_count(stop_limit);
		fio_log("RLIMIT_NOFILE is too small: everything passes through; raise 'ulimit -n'",
			NULL);
	} else if (env->raw_calls) {
		report_stop(FIO_CAUSE_OTHER);
	} else if (size_limited()) {
		fio_count(stop_limit);
		fio_log("RLIMIT_FSIZE is set: everything passes through; 'ulimit -f unlimited'",
			NULL);
	} else {
		atomic_store(&fio_on, true);
	}
}

static void write_counters(void)
{
	if (initialised && !written)
		fio_counters_write(fio_task_engine());
	fio_trace_flush(true);
	written = true;
}

/* The error of a descriptor that was never used again, nor closed */
static bool record_untold(struct fio_intent *it, void *arg)
{
	(void)arg;
	fio_lock(&it->lock); /* the task may be about to make the file */
	if (fio_state(it) == FIO_ST_OPEN)
		fio_file_record(it);
	fio_unlock(&it->lock);
	return true;
}

/* The gate is closed: nothing pending, nothing of ours left in the process. */
static void wind_up(enum fio_cause cause)
{
	fio_flush_reads();
	fio_finish_all(cause);
	if (cause == FIO_CAUSE_EXIT || cause == FIO_CAUSE_EXEC)
		fio_intent_each(record_untold, NULL);
	fio_ahead_forget();
	fio_task_stop();
	fio_dirs_drop();
	fio_placeholder_close();
}

int fio_exit(int status)
{
	struct fio_thread *t;

	fio_vfork_ends();
	if (!initialised || written || !fio_gate_close(&t))
		return status;
	if (atomic_load(&fio_on)) {
		wind_up(FIO_CAUSE_EXIT);
		atomic_store(&fio_on, false);
	}
	if (fio_error_print() && status == 0)
		status = 1;
	write_counters();
	fio_gate_open(t);
	return status;
}

void fio_threads_begin(void)
{
	if (atomic_load_explicit(&fio_on, memory_order_relaxed) &&
	    !atomic_exchange(&fio_threaded, true))
		fio_hidden_prepare();
}

void fio_hide_task(void)
{
	struct fio_thread *t;

	if (!fio_task_running() || !fio_gate_close(&t))
		return;
	fio_finish_all(FIO_CAUSE_OTHER);
	fio_ahead_forget();
	fio_task_stop();
	fio_gate_open(t);
}

void fio_stop_deferring(enum fio_cause cause)
{
	struct fio_thread *t;

	if (!atomic_load(&fio_on) || !fio_gate_close(&t))
		return;
	wind_up(cause);
	fio_heirs_end();
	stopped = true;
	atomic_store(&fio_on, false);
	fio_gate_open(t);
	report_stop(cause);
}

/*
 * What the process made may remove or unmount, and somebody waits for: a directory that is held
 * open is not gone when it is removed, and keeps its file system from being unmounted.
 */
static void let_dirs_go(void)
{
	fio_ahead_forget();
	fio_dirs_drop();
	fio_task_settle_dirs();
}

void fio_let_dirs_go(void)
{
	struct fio_thread *t = fio_enter();

	if (t) {
		fio_flush_reads();
		let_dirs_go();
		fio_leave(t);
	}
}

void fio_fork_prepare(void)
{
	struct fio_thread *t;

	fio_channels_fork();
	if (!initialised || !fio_gate_close(&t)) {
		fio_channels_share();
		return;
	}
	if (fio_channels_kept() && !fio_heirs_prepare())
		fio_channels_share();
	fio_finish_all(FIO_CAUSE_FORK);
	let_dirs_go();
}

void fio_fork_parent(void)
{
	struct fio_thread *t = fio_self();

	if (initialised && t->depth && sys_getpid() == fio_pid) {
		fio_heirs_parent();
		fio_channels_forked();
		fio_gate_open(t);
		fio_acquire();
	} else {
		fio_channels_forked();
	}
}

void fio_fork_child(void)
{
	struct fio_thread *t = fio_self();

	if (!initialised || !t->depth)
		return;
	fio_pid = sys_getpid();
	fio_hidden_close_all(fio_heirs_child());
	fio_placeholder_reset();
	fio_task_reset();
	/* Shells fork for each word: pages that nobody has touched stay so. */
	if (fio_intents_used()) {
		fio_queue_reset();
		fio_fences_reset();
		fio_tables_reset();
		fio_intents_reset();
	}
	fio_dirs_reset();
	fio_fdtab_reset();
	fio_mem_reset();
	fio_errors_reset();
	fio_counters_reset();
	fio_trace_reset();
	fio_policy_reset();
	fio_gate_reset();
	fio_load_reset();
	fio_channels_reset();
	fio_changes_reset();
	if (fio_ahead_used())
		fio_ahead_reset();
	atomic_store(&fio_live, 0);
	atomic_store(&fio_held_bytes, 0);
	written = false;
	fio_gate_open(t);
}

void fio_vfork_prepare(void)
{
	struct fio_thread *t = fio_enter();

	if (!t) {
		fio_channels_share();
		return;
	}
	fio_channels_fork();
	fio_finish_all(FIO_CAUSE_FORK);
	let_dirs_go();
	fio_leave(t);
	t->vforked = true;
}

void fio_exec_prepare(void)
{
	struct fio_thread *t;

	fio_vfork_ends();
	if (!initialised || !fio_gate_close(&t))
		return;
	if (atomic_load(&fio_on))
		wind_up(FIO_CAUSE_EXEC);
	/* No later call of this program can report it. */
	fio_error_print();
	write_counters();
	fio_counters_reset();
	/* Signals stay as the program set them: exec inherits the mask. */
	fio_unmask(t);
}

void fio_exec_failed(void)
{
	struct fio_thread *t = fio_self();

	fio_vfork_goes_on();
	if (!initialised || !t->depth || sys_getpid() != fio_pid)
		return;
	written = false;
	fio_gate_open(t);
}

void fio_handlers_installed(void)
{
	atomic_store_explicit(&fio_handlers, true, memory_order_relaxed);
}

void fio_limits_changed(void)
{
	if (atomic_load(&fio_on) && size_limited())
		fio_stop_deferring(FIO_CAUSE_CRED);
}

void fio_acquire_slow(void)
{
	atomic_store(&fio_beliefs, fio_ahead());
	fio_ahead_drop();
	atomic_fetch_add(&fio_known_epoch, 1);
	atomic_fetch_add(&fio_ns_epoch, 1);
}

void fio_acquire_fd_slow(int fd)
{
	uint64_t hash;

	/*
	 * Remembered until the program closes it: reads of files are frequent and acquire nothing.
	 */
	if (fio_fd_get(fd) == FIO_FD_QUIET || fio_fd_intent(fio_fd_get(fd)) ||
	    fio_channel_quiet(fd))
		return;
	/* A program that only reads has no use for what is believed about directories. */
	if (fio_fd_class(fd, &hash) >= FIO_CLASS_CHANNEL ||
	    (atomic_fetch_add_explicit(&fio_reads, 1, memory_order_relaxed) > READS_TO_FORGET &&
	     !fio_ahead()))
		fio_acquire_slow();
	else
		fio_fd_set(fd, FIO_FD_QUIET);
}

void fio_created_slow(void)
{
	fio_ahead_drop();
	atomic_fetch_add(&fio_known_epoch, 1);
}

void fio_namespace_done(void)
{
	fio_ahead_drop();
	atomic_fetch_add(&fio_moved_epoch, 1);
	atomic_fetch_add(&fio_ns_epoch, 1);
	atomic_fetch_add(&fio_known_epoch, 1);
}

void fio_rmdir_done(void)
{
	if (!atomic_load_explicit(&fio_far, memory_order_relaxed)) {
		fio_namespace_done();
		return;
	}
	/* What is known of others is worth round trips. */
	atomic_fetch_add(&fio_moved_epoch, 1);
	atomic_fetch_add(&fio_removed_epoch, 1);
}

void fio_namespace(enum fio_cause cause)
{
	fio_release_all(cause);
	fio_namespace_done();
}

void fio_paths_changed_slow(void)
{
	atomic_fetch_add(&fio_ns_epoch, 1);
}

void fio_traits_changed(void)
{
	atomic_fetch_add(&fio_traits_epoch, 1);
	atomic_fetch_add(&fio_ns_epoch, 1);
}

void fio_cwd_changed(void)
{
	atomic_fetch_add(&fio_ns_epoch, 1);
}

void fio_fd_is_near(void)
{
	fio_fd_near = INT_MAX;
	fio_stop_deferring(FIO_CAUSE_FD);
}

bool fio_fd_hidden(int fd)
{
	return fio_hidden_is(fd);
}

bool fio_fd_hidden_range(int *lo, int *hi)
{
	return fio_hidden_bounds(lo, hi);
}

void fio_name_made_slow(int dirfd, const char *path)
{
	struct fio_thread *t;

	/* To look for the directory costs more than it saves while nothing is deferred. */
	if (fio_idle()) {
		fio_created();
		return;
	}
	t = fio_enter();
	if (!t)
		return;
	fio_dir_name_made(t, dirfd, path);
	fio_leave(t);
}

void fio_renamed_slow(int dirfd, const char *path, unsigned int flags)
{
	struct stat st;

	/* A file that moves changes no path but its own; but asking costs more than it saves while nothing
	 * is deferred. */
	if (flags || fio_idle() || sys_fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		fio_namespace_done();
	else
		fio_name_made_slow(dirfd, path);
}

/* Nothing is under the name, and nothing will be. */
static bool is_absent(int dirfd, const char *path)
{
	struct fio_thread *t = fio_enter();
	struct fio_dir *d;
	const char *name;
	size_t len;
	uint64_t hash;
	bool absent = false;
	int why;

	if (!t)
		return false;
	d = fio_dir_resolve(t, dirfd, path, &name, &len, &why);
	if (d) {
		hash = fio_hash_name(name, len);
		absent = !fio_table_by_name(d, hash, name, len).it && !fio_dir_lookup(t, d, hash);
		fio_dir_unref(d);
	}
	fio_leave(t);
	return absent;
}

void fio_mkdir_begin(int dirfd, const char *path)
{
	fio_release_removals();
	fio_metas_in(dirfd, path);
	/* To look costs a round trip there. */
	if (fio_pending() &&
	    !(atomic_load_explicit(&fio_far, memory_order_relaxed) && is_absent(dirfd, path)))
		fio_release_path(dirfd, path, false, FIO_CAUSE_PATH);
}

void fio_mkdir_done(int dirfd, const char *path)
{
	struct fio_thread *t;
	struct fio_dir *d;

	if (!fio_warm_already() || fio_idle()) {
		fio_created();
		return;
	}
	t = fio_enter();
	if (!t)
		return;
	if (fio_crowded(t)) {
		fio_created();
		goto out;
	}
	fio_dir_name_made(t, dirfd, path);
	d = fio_dir_open(t, dirfd, path);
	if (d) {
		fio_dir_fresh(d);
		fio_dir_unref(d);
	}
out:
	fio_leave(t);
}

/*
 * The task is gone and nobody has the descriptors it was sent: by name, if it is still the same
 * file.
 */
static bool finish_lost(struct fio_intent *it, void *arg)
{
	enum fio_step step = FIO_STEP_OPEN;
	int fd, err;

	(void)arg;
	if (fio_state(it) != FIO_ST_QUEUED || it->kind != FIO_KIND_WRITE ||
	    !fio_queue_claim_one(it, true))
		return true;
	it->sent = false; /* its copy went with the task */
	fd = fio_exec_reopen(it, it->dir->fd);
	err = fd < 0 ? fd : fio_exec_close(fd, fio_exec_fill(it, fd, &step), &step);
	fio_complete(it, err, step, FIO_LOCK_HELD);
	return true;
}

void fio_take_over(void)
{
	struct fio_intent *it;

	fio_intent_each(finish_lost, NULL);
	while ((it = fio_queue_claim(fio_queue_head(), true)))
		fio_exec(it, false);
	fio_queue_repair();
	fio_fences_try();
}
