/* SPDX-License-Identifier: MIT */
/*
 * file.c - write and close of deferred files
 */
#include "file.h"

#include <string.h>

#include "ahead.h"
#include "clock.h"
#include "counters.h"
#include "dir.h"
#include "durable.h"
#include "errors.h"
#include "exec.h"
#include "fdtab.h"
#include "hidden.h"
#include "keep.h"
#include "mapped.h"
#include "mem.h"
#include "options.h"
#include "placeholder.h"
#include "pool.h"
#include "queue.h"
#include "sync.h"
#include "sys.h"
#include "task.h"
#include "trace.h"
#include "util.h"

/* Handing an open file to the task costs as much as writing this much; tests hold everything. */
#define HOLD_MIN 16384
/* A write within a page is done as a whole or not at all, also when the program is killed in it. */
#define WHOLE_MAX 4096
/* Queued intents of slow file systems before the caller waits: the queue is full, or nearly. */
#define FAR_WINDOW (FIO_QUEUE_SIZE - 64)

/* ---- the descriptor's intent ---- */

struct fio_intent *fio_fd_lock(int fd)
{
	struct fio_intent *it = fio_fd_intent(fio_fd_get(fd));

	if (!it)
		return NULL;
	for (;;) {
		fio_lock(&it->lock);
		if (it->fd != fd || fio_state(it) == FIO_ST_OPEN || !atomic_load(&it->aging))
			break;
		/* The task was killed while it made the file, and the lock was broken. */
		fio_unlock(&it->lock);
		fio_task_check();
	}
	if (it->fd == fd && fio_state(it) == FIO_ST_OPEN)
		return it;
	fio_unlock(&it->lock);
	return NULL;
}

/* Locked and OPEN; the descriptor is ordinary from now on and the intent is gone. */
static void detach(struct fio_intent *it)
{
	struct fio_intent *sync = it->sync ? fio_sync_of(it) : NULL;
	bool synced = it->sync;
	int fd = it->fd;

	atomic_store(&it->done, true); /* what the program does next must be the last word */
	atomic_store(&it->state, FIO_ST_BUSY);
	fio_fd_clear(fd);
	fio_sync_mark(it, fd);
	it->fd = -1;
	atomic_fetch_sub(&fio_n_open, 1);
	fio_unlock(&it->lock);
	fio_discard(it, FIO_LOCK_HELD);
	if (unlikely(synced)) {
		if (sync)
			fio_durable_file(sync, fd);
		fio_sync_add(sync, fd);
	}
}

bool fio_file_untie(int fd)
{
	struct fio_intent *it = fio_fd_lock(fd);

	if (!it)
		return false;
	/* The task has made it: what was met under the name is this file. */
	if ((it->made && !it->err) || fio_is_kept(it)) {
		fio_unlock(&it->lock);
		return false;
	}
	detach(it);
	sys_close(fd);
	return true;
}

/* The file that the task has made early, by its own descriptor or else by its name. */
static int take_made(struct fio_intent *it)
{
	int free_number = sys_fcntl(it->fd, F_DUPFD_CLOEXEC, 0), real;
	struct stat st;

	if (free_number >= 0)
		sys_close(free_number);
	else
		sys_close(it->fd); /* the placeholder's number is the last one */
	real = fio_task_take(it);
	if (real >= 0)
		return real;
	real = sys_openat(it->dir->fd, it->name,
			  (it->oflags & ~(O_CREAT | O_EXCL | O_TRUNC)) | O_CLOEXEC, 0);
	if (real < 0)
		return real;
	if (sys_fstat(real, &st) == 0 && st.st_dev == it->dev && st.st_ino == it->ino)
		return real;
	sys_close(real);
	return -ESTALE;
}

/* The file that the task keeps. */
static int take_kept(struct fio_intent *it, enum fio_step *step)
{
	int err = fio_keep_give(it, step), real;

	if (err && err != FIO_PASS)
		return err;
	real = take_made(it);
	if (real >= 0 && err)
		err = fio_exec_fill(it, real, step);
	if (real < 0 || !err)
		return real;
	sys_close(real);
	return err;
}

static int open_real(struct fio_intent *it, enum fio_step *step)
{
	if (it->kind == FIO_KIND_READ)
		return fio_ahead_real(it, step);
	return fio_exec_open(it, it->dir->fd, step);
}

static int become_real(struct fio_intent *it, enum fio_step *step)
{
	int real, cloexec, err = 0;
	bool kept;

	cloexec = sys_fcntl(it->fd, F_GETFD, 0) & FD_CLOEXEC;
	kept = fio_is_kept(it);
	real = kept ? take_kept(it, step) : it->made ? take_made(it) : open_real(it, step);
	if (real == -EMFILE && !it->made && !kept) {
		/* The placeholder's number is the last one. */
		sys_close(it->fd);
		real = open_real(it, step);
	}
	if (real < 0)
		return real;
	if (real != it->fd) {
		sys_dup3(real, it->fd, cloexec ? O_CLOEXEC : 0);
		if (fio_hidden_is(real))
			fio_hidden_close(real);
		else
			err = fio_exec_close(real, 0, step);
	} else if (!cloexec) {
		sys_fcntl(real, F_SETFD, 0);
	}
	fio_written_made(it->fd);
	return err;
}

void fio_file_record(struct fio_intent *it)
{
	if (it->err && !it->err_told)
		fio_error_record(it, (enum fio_step)it->err_step, it->err, false);
	it->err_told = true;
}

/*
 * Locked.  An empty file may be the marker of what was done before it: that is there when the name
 * appears. False, and unlocked: the file was made meanwhile.
 */
static bool comes_last(struct fio_intent *it)
{
	uint32_t gen = atomic_load(&it->gen);

	if (likely(it->kind != FIO_KIND_CREATE || it->len || it->made || fio_is_kept(it) ||
		   !fio_queue_depth()))
		return true;
	fio_unlock(&it->lock);
	fio_drain();
	fio_lock(&it->lock);
	if (fio_state(it) == FIO_ST_OPEN && atomic_load(&it->gen) == gen)
		return true;
	fio_unlock(&it->lock);
	return false;
}

int fio_file_flush(struct fio_intent *it, unsigned how)
{
	enum fio_step step = FIO_STEP_OPEN;
	bool forced = how & FIO_FLUSH_FORCED;
	int err;

	if (!comes_last(it))
		return 0;
	err = it->err;

	if (err) {
		it->err_told |= (how & FIO_FLUSH_TELLS) != 0;
		fio_unlock(&it->lock);
		return err;
	}
	atomic_store(&it->state, FIO_ST_BUSY);
	if (fio_has_placeholder(it)) {
		err = become_real(it, &step);
		if (forced && it->kind != FIO_KIND_READ)
			fio_paid(it->kind, false);
	} else if (!it->made) {
		err = fio_exec_fill(it, it->fd, &step);
		if (it->what & FIO_SET_TRUNC && !it->len)
			fio_paid(FIO_KIND_TRUNC, false);
		else if ((forced || !it->len) && !(it->what & FIO_SET_TRUNC))
			fio_paid(FIO_KIND_WRITE, false);
	}
	if (err) {
		it->err = err;
		it->err_step = (uint8_t)step;
		it->err_told = (how & FIO_FLUSH_TELLS) != 0;
		atomic_store(&it->state, FIO_ST_OPEN);
		fio_unlock(&it->lock);
		return err;
	}
	if (it->pos)
		sys_lseek(it->fd, it->pos, SEEK_SET);
	fio_count(executed_caller);
	detach(it);
	return 0;
}

/* ---- write ---- */

/* Room for len bytes in all.  False: no memory, or too much is held already. */
static bool reserve(struct fio_thread *t, struct fio_intent *it, uint32_t len)
{
	uint32_t cap, old = it->cap;
	char *data;

	if (len <= old)
		return true;
	data = fio_buf_get(fio_shard(t), len, &cap, FIO_LOCK_HELD);
	if (!data)
		return false;
	if (atomic_fetch_add(&fio_held_bytes, (int64_t)cap - old) + cap - old >
	    fio_opt.max_pending) {
		atomic_fetch_sub(&fio_held_bytes, (int64_t)cap - old);
		fio_buf_put(fio_shard(t), data, cap, FIO_LOCK_HELD);
		return false;
	}
	if (it->data) {
		memcpy(data, it->data, it->len);
		fio_buf_put(it->shard, it->data, old, FIO_LOCK_HELD);
	}
	it->data = data;
	it->cap = cap;
	return true;
}

/* Can n bytes at off go into the intent?  Otherwise it is flushed and the call passes through. */
static bool fits(struct fio_thread *t, struct fio_intent *it, size_t n, off_t off)
{
	uint32_t len = it->len;

	if (it->made || it->err || it->kind == FIO_KIND_READ ||
	    (it->sync && !fio_syncs_writes(it->oflags)))
		return false;
	if (off != (off_t)len || it->what & FIO_SET_META) {
		fio_count(pass_order);
		return false;
	}
	if (n > (size_t)fio_opt.max_file || len + n > (size_t)fio_opt.max_file) {
		fio_count(pass_size);
		return false;
	}
	if (!fio_dir_space(it->dir, (uint32_t)n)) {
		fio_count(pass_space);
		return false;
	}
	if (it->kind == FIO_KIND_WRITE && !it->sent) {
		if (n < HOLD_MIN && fio_opt.warmup && !atomic_load(&it->dir->fs->slow)) {
			fio_count(pass_small);
			return false;
		}
		if (!fio_task_send_file(it, it->fd))
			return false;
		fio_count(deferred_write);
	}
	if (!reserve(t, it, len + (uint32_t)n)) {
		fio_count(pass_memory);
		return false;
	}
	return true;
}

/* The first write of a truncated file replaces content of the same size: overwrite it in place. */
static bool same_size(const struct fio_intent *it, size_t n, off_t off)
{
	return it->kind == FIO_KIND_WRITE && it->what == FIO_SET_TRUNC && !it->made && !it->err &&
	       it->len == 0 && off == 0 && (off_t)n == it->old_size && n <= WHOLE_MAX &&
	       n <= it->dir->fs->torn_free;
}

/* Locked.  Bytes taken, -errno, or FIO_PASS; unlocked in any case. */
static ssize_t hold(struct fio_thread *t, struct fio_intent *it, const struct iovec *iov, int cnt,
		    size_t n, off_t off)
{
	off_t at = off < 0 ? it->pos : off;
	uint32_t len;
	int err;

	if (same_size(it, n, at)) {
		/* Other sizes of this very write cannot happen: what is short is written again by the
		 * program, at the offset where the stock call would leave it. */
		it->what = 0;
		fio_paid(FIO_KIND_TRUNC, true);
		fio_count(elided_trunc);
		detach(it);
		return FIO_PASS;
	}
	if (!fits(t, it, n, at)) {
		err = fio_file_flush(it, FIO_FLUSH_TELLS);
		return err ? err : FIO_PASS;
	}
	len = it->len;
	for (int i = 0; i < cnt; i++) {
		if (iov[i].iov_len) /* else the address may be NULL */
			memcpy(it->data + len, iov[i].iov_base, iov[i].iov_len);
		len += (uint32_t)iov[i].iov_len;
	}
	if (it->len)
		fio_count(elided_write);
	if (!it->born_us)
		atomic_store_explicit(&it->born_us, fio_coarse_us(), memory_order_relaxed);
	if (off < 0)
		it->pos += (off_t)n;
	atomic_store_explicit(&it->len, len, memory_order_release);
	if (fio_syncs_writes(it->oflags)) {
		fio_sync_open(it);
		fio_count(deferred_fsync);
	}
	fio_unlock(&it->lock);
	fio_task_poke(false);
	return (ssize_t)n;
}

ssize_t fio_writev(int fd, const struct iovec *iov, int cnt, off_t off)
{
	struct fio_intent *it;
	struct fio_thread *t;
	ssize_t ret = FIO_PASS;
	size_t n = 0;
	bool ok;

	if (likely(!fio_fd_intent(fio_fd_get(fd))))
		return FIO_PASS;
	t = fio_enter();
	if (!t)
		return FIO_PASS;
	if (unlikely(atomic_load_explicit(&fio_syncs, memory_order_relaxed)))
		fio_sync_before(fd);
	ok = cnt >= 0 && cnt <= 1024 && fio_readable(t, iov, sizeof(*iov) * (size_t)cnt);
	for (int i = 0; ok && i < cnt; i++) {
		ok = iov[i].iov_len <= FIO_BUF_MAX && n <= FIO_BUF_MAX &&
		     fio_readable(t, iov[i].iov_base, iov[i].iov_len);
		n += iov[i].iov_len;
	}
	it = fio_fd_lock(fd);
	if (it) {
		if (ok && n) {
			ret = hold(t, it, iov, cnt, n, off);
		} else {
			int err = fio_file_flush(it, FIO_FLUSH_TELLS);

			ret = err ? err : FIO_PASS;
		}
	}
	fio_leave(t);
	return ret;
}

ssize_t fio_write(int fd, const void *buf, size_t n, off_t off)
{
	const struct iovec iov = {(void *)buf, n};

	if (likely(!fio_fd_intent(fio_fd_get(fd))))
		return FIO_PASS;
	return fio_writev(fd, &iov, 1, off);
}

/* ---- close ---- */

/* The caller does the work itself: nobody else could do it sooner, but the pool. */
static void help(uint32_t window)
{
	struct fio_intent *it = fio_queue_claim(fio_queue_head(), true);

	if (it)
		fio_exec(it, false);
	else
		fio_queue_wait_pos(fio_queue_head() - window + 1);
}

void fio_submit(struct fio_intent *it)
{
	uint32_t window;
	bool pooled;

	fio_trace_queued(it);
	/* Once it is queued it may be executed and become another. */
	pooled = fio_is_kept(it) ||
		 (atomic_load_explicit(&it->dir->fs->slow, memory_order_relaxed) &&
		  fio_pool_usable());
	if (pooled)
		atomic_fetch_or_explicit(&it->how, FIO_POOLED, memory_order_relaxed);
	window = pooled ? FAR_WINDOW : fio_window();
	while (fio_queue_depth() >= window || !fio_queue_put(it))
		help(window);
	if (pooled)
		fio_pool_kick();
	else
		fio_task_poke(true);
}

/* Closed all the same, as by the kernel. */
static int close_failed(struct fio_intent *it, unsigned how)
{
	int fd = it->fd, err = it->err;

	if (!(how & FIO_FLUSH_TELLS))
		fio_file_record(it);
	fio_keep_drop(it);
	detach(it);
	sys_close(fd);
	return err;
}

/* An ordinary descriptor for the stock call to close, or closed with an error. */
static int close_flushed(struct fio_intent *it, unsigned how)
{
	int fd = it->fd, err = fio_file_flush(it, how);

	if (!err)
		return FIO_PASS;
	it = fio_fd_lock(fd);
	return it ? close_failed(it, how) : err;
}

/* Locked, closed by the program with content held: to the queue. */
static int submit_closed(struct fio_intent *it)
{
	struct fio_intent *sync = it->sync ? fio_sync_of(it) : NULL;
	bool synced = it->sync;
	int fd = it->fd, err;

	/* Without memory it cannot be put off any longer. */
	if (unlikely(synced && !sync))
		return close_flushed(it, FIO_FLUSH_TELLS);
	fio_fd_clear(fd);
	it->fd = -1;
	it->peer = sync;
	atomic_fetch_sub(&fio_n_open, 1);
	atomic_store(&it->state, FIO_ST_QUEUING);
	fio_unlock(&it->lock);
	err = sys_close(fd);
	fio_count(deferred_close);
	fio_submit(it);
	if (unlikely(synced))
		fio_sync_add(sync, fd);
	return err;
}

/* Closing any descriptor of a locked file may release the lock. */
static void close_locked(int fd)
{
	uint64_t hash;

	if (fio_fd_class(fd, &hash) == FIO_CLASS_REG && fio_is_locked(hash))
		fio_release_all(FIO_CAUSE_LOCK);
}

/*
 * Closed empty where waiting is dear: it can come into being when all that is queued now is done.
 */
static bool follows_all(const struct fio_intent *it)
{
	return it->kind == FIO_KIND_CREATE && !it->sync && atomic_load(&it->dir->fs->slow) &&
	       fio_pool_usable() && atomic_load(&fio_n_open) == 1 && !atomic_load(&fio_threaded) &&
	       !atomic_load(&fio_fences) && !atomic_load(&fio_syncs) && !fio_removing_dirs();
}

static int close_deferred(int fd, unsigned how)
{
	struct fio_intent *it = fio_fd_lock(fd);

	if (!it)
		return FIO_PASS;
	if (it->kind == FIO_KIND_READ) {
		detach(it);
		return FIO_PASS;
	}
	if (it->err)
		return close_failed(it, how);
	if (it->made)
		return close_flushed(it, how);
	if (it->len) {
		fio_paid(it->kind, true);
		fio_keep_closed(false);
		return submit_closed(it);
	}
	if (follows_all(it)) {
		atomic_store_explicit(&it->how, FIO_MARKER, memory_order_relaxed);
		it->after = fio_queue_head();
		atomic_fetch_add(&fio_metas, 1);
		fio_paid(it->kind, true);
		return submit_closed(it);
	}
	if (fio_has_placeholder(it) || it->what & FIO_SET_TRUNC) {
		/* Closed empty: a marker that publishes what was done before. */
		fio_keep_closed(true);
		fio_unlock(&it->lock);
		fio_finish_others(it, FIO_CAUSE_NAMESPACE);
		it = fio_fd_lock(fd);
		if (it && fio_is_kept(it) && !it->err)
			return submit_closed(it);
		return it ? close_flushed(it, how) : FIO_PASS;
	}
	detach(it);
	return FIO_PASS;
}

int fio_close(int fd)
{
	struct fio_thread *t;
	int ret;

	if (likely(!fio_fd_intent(fio_fd_get(fd)))) {
		if (fio_fd_get(fd) && !fio_vfork_child())
			fio_fd_clear(fd);
		if (unlikely(atomic_load_explicit(&fio_locks, memory_order_relaxed)) &&
		    fio_pending())
			close_locked(fd);
		return fio_hidden_is(fd) ? -EBADF : FIO_PASS;
	}
	t = fio_enter();
	if (!t)
		return FIO_PASS;
	ret = close_deferred(fd, FIO_FLUSH_TELLS);
	if (ret == 0)
		ret = fio_error_take();
	fio_leave(t);
	return ret;
}

/* Before the number is closed or replaced by a call that returns no error of the file. */
static void forget_deferred(int fd)
{
	struct fio_thread *t = fio_enter();

	if (!t)
		return;
	close_deferred(fd, 0);
	fio_leave(t);
}

void fio_fd_forget(int fd)
{
	if (fio_fd_intent(fio_fd_get(fd))) {
		forget_deferred(fd);
		return;
	}
	if (fio_fd_get(fd) && !fio_vfork_child())
		fio_fd_clear(fd);
	if (likely(!fio_hidden_is(fd)))
		return;
	/* The program takes a number of ours: give everything hidden up. */
	fio_stop_deferring(FIO_CAUSE_FD);
}
