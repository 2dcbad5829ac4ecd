/* SPDX-License-Identifier: MIT */
/*
 * exec.c - carrying an intent out with plain system calls
 *
 * Canonical order: open, truncate, write, chown, chmod, utimens, close.
 */
#include "exec.h"

#include "ahead.h"
#include "counters.h"
#include "dir.h"
#include "durable.h"
#include "errors.h"
#include "fio.h"
#include "keep.h"
#include "options.h"
#include "queue.h"
#include "sys.h"
#include "table.h"
#include "task.h"
#include "trace.h"
#include "util.h"

_Atomic int64_t fio_held_bytes;

int fio_exec_flags(const struct fio_intent *it)
{
	int flags = (it->oflags & ~(O_EXCL | O_CREAT | O_TRUNC)) | O_CLOEXEC;

	if (it->kind == FIO_KIND_CREATE)
		flags |= O_CREAT | (it->oflags & O_TRUNC);
	/* What another executor may have begun is not a conflict. */
	if (it->oflags & O_EXCL && !it->made)
		flags |= O_EXCL;
	/* The name was absent: a symlink under it now is somebody else's.  Not on a descriptor that the
	 * program gets, where F_GETFL would show it.  Nor is it one that syncs: its group does. */
	if (it->fd < 0)
		flags = (flags & ~O_SYNC) | O_NOFOLLOW;
	return flags;
}

static int write_all(int fd, const char *data, uint32_t off, uint32_t len)
{
	while (off < len) {
		ssize_t n = sys_pwrite(fd, data + off, len - off, off);

		if (n == -EINTR || n == -EAGAIN)
			continue;
		if (n < 0)
			return (int)n;
		if (n == 0)
			return -EIO;
		off += (uint32_t)n;
	}
	return 0;
}

int fio_exec_meta(struct fio_intent *it, int fd, enum fio_step *step)
{
	int err = 0;

	if (it->what & FIO_SET_OWNER) {
		*step = FIO_STEP_CHOWN;
		err = sys_fchown(fd, it->uid, it->gid);
	}
	if (!err && it->what & FIO_SET_MODE) {
		*step = FIO_STEP_CHMOD;
		err = sys_fchmod(fd, it->chmod_mode);
	}
	if (!err && it->what & FIO_SET_TIMES) {
		*step = FIO_STEP_UTIMENS;
		err = sys_futimens(fd, it->ts);
	}
	return err;
}

int fio_exec_fill(struct fio_intent *it, int fd, enum fio_step *step)
{
	uint32_t len = atomic_load_explicit(&it->len, memory_order_acquire);
	bool in_place = false;
	int err = 0;

	if (it->what & FIO_SET_TRUNC) {
		*step = FIO_STEP_TRUNCATE;
		in_place = len && (fio_opt.crash == FIO_CRASH_POSIX ||
				   (it->old_size == (off_t)len && len <= it->dir->fs->torn_free));
		if (in_place)
			fio_count(elided_trunc);
		else
			err = sys_ftruncate(fd, 0);
	}
	if (!err && len > it->put) {
		*step = FIO_STEP_WRITE;
		err = write_all(fd, it->data, it->put, len);
	}
	if (!err && in_place && it->old_size > (off_t)len) {
		*step = FIO_STEP_TRUNCATE;
		err = sys_ftruncate(fd, len);
	}
	return err ? err : fio_exec_meta(it, fd, step);
}

bool fio_exec_is_same(struct fio_intent *it, int fd)
{
	struct stat st;

	if (sys_fstat(fd, &st) < 0 || st.st_dev != it->dev || st.st_ino != it->ino)
		return false;
	it->old_size = st.st_size;
	return true;
}

int fio_exec_create(struct fio_intent *it, int dirfd, enum fio_step *step)
{
	int flags = fio_exec_flags(it), fd;

	*step = FIO_STEP_OPEN;
	it->put = 0;
	do {
		fd = sys_openat(dirfd, it->name, flags, it->mode);
	} while (fd == -EINTR);
	if (fd < 0)
		return fd;
	if (it->kind == FIO_KIND_UPDATE && !fio_exec_is_same(it, fd)) {
		sys_close(fd);
		return -ESTALE;
	}
	if (it->peer)
		fio_durable_file(it->peer, fd);
	if (fio_is_pooled(it)) {
		atomic_fetch_or(&it->how, FIO_NAMED);
		fio_queue_notify();
	}
	return fd;
}

int fio_exec_open(struct fio_intent *it, int dirfd, enum fio_step *step)
{
	int fd = fio_exec_create(it, dirfd, step), err;

	if (fd < 0)
		return fd;
	err = fio_exec_fill(it, fd, step);
	if (err) {
		sys_close(fd);
		return err;
	}
	return fd;
}

int fio_exec_close(int fd, int err, enum fio_step *step)
{
	int closed = sys_close(fd);

	if (err || !closed)
		return err;
	*step = FIO_STEP_CLOSE;
	return closed;
}

int fio_exec_make(struct fio_intent *it, int dirfd, bool task, enum fio_step *step)
{
	int fd, err;

	if (!fio_is_kept(it))
		return fio_exec_open(it, dirfd, step);
	*step = FIO_STEP_OPEN;
	fd = task ? atomic_load(&it->kept_fd) : fio_exec_reopen(it, dirfd);
	if (fd < 0)
		return fd;
	err = fio_exec_fill(it, fd, step);
	if (!err)
		return fd;
	sys_close(fd);
	return err;
}

void fio_exec_copy_used(struct fio_intent *it)
{
	if (it->sent)
		fio_task_copy_closed();
	it->sent = false;
}

int fio_exec_reopen(const struct fio_intent *it, int dirfd)
{
	struct stat st;
	int fd;

	fd = sys_openat(dirfd, it->name, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
	if (fd < 0)
		return fd;
	if (sys_fstat(fd, &st) == 0 && st.st_dev == it->dev && st.st_ino == it->ino)
		return fd;
	sys_close(fd);
	return -ESTALE;
}

bool fio_exec_replaced(const struct fio_intent *it, int dirfd)
{
	struct stat st;

	/* There an inode may have another number each time. */
	if (it->dir->fs->remote)
		return false;
	return sys_fstatat(dirfd, it->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (st.st_ino != it->ino || st.st_dev != it->dev);
}

int fio_exec_rmdir(const struct fio_intent *it, int dirfd)
{
	int err = 0;

	if (!fio_exec_replaced(it, dirfd))
		err = sys_unlinkat(dirfd, it->name, AT_REMOVEDIR);
	return err == -ENOENT && it->made ? 0 : err;
}

void fio_exec(struct fio_intent *it, bool task)
{
	int dirfd = task ? atomic_load(&it->dir->task_fd) : it->dir->fd;
	enum fio_step step = FIO_STEP_NONE;
	int err = 0, fd;

	switch ((enum fio_kind)it->kind) {
	case FIO_KIND_CREATE:
	case FIO_KIND_UPDATE:
		fd = fio_exec_make(it, dirfd, task, &step);
		if (fd == -EMFILE && !task && fio_task_running()) {
			/* The program has no number left; the task has a table of its own. */
			fio_queue_unclaim(it);
			fio_task_wake();
			return;
		}
		err = fd < 0 ? fd : fio_exec_close(fd, 0, &step);
		if (task && fio_is_kept(it))
			fio_task_copy_closed();
		break;
	case FIO_KIND_WRITE:
		fd = atomic_exchange(&it->task_fd, -1);
		if (fd < 0)
			fd = fio_exec_reopen(it, dirfd);
		step = FIO_STEP_OPEN;
		err = fd < 0 ? fd : fio_exec_close(fd, fio_exec_fill(it, fd, &step), &step);
		fio_exec_copy_used(it);
		break;
	case FIO_KIND_UNLINK:
		step = FIO_STEP_UNLINK;
		if (!fio_exec_replaced(it, dirfd))
			err = sys_unlinkat(dirfd, it->name, 0);
		if (err == -ENOENT && it->made) /* by the task before it was killed */
			err = 0;
		break;
	case FIO_KIND_RMDIR:
		step = FIO_STEP_RMDIR;
		err = fio_exec_rmdir(it, dirfd);
		break;
	case FIO_KIND_META:
	case FIO_KIND_SYMLINK:
		err = fio_exec_at(it, dirfd, &step);
		break;
	case FIO_KIND_READ:
	case FIO_KIND_RENAME:
	case FIO_KIND_LINK:
	case FIO_KIND_SOURCE:
	case FIO_KIND_SYNC:
		break; /* never in the queue */
	}
	if (task)
		fio_count(executed_task);
	else
		fio_count(executed_caller);
	fio_complete(it, err, step, FIO_LOCK_HELD | (task ? FIO_LOCK_TASK : 0));
}

/*
 * A task that is killed in here leaves the rest to whoever takes over, who does all of it again:
 * each step is one that can be.
 */
static void release(struct fio_intent *it, uint32_t held)
{
	struct fio_dir *dir = it->dir, *target = it->target;
	uint32_t cap = it->cap;
	bool meta = fio_is_ordered(it) && it->kind != FIO_KIND_RMDIR && !atomic_load(&it->done);

	atomic_store(&it->done, true);
	/* First: who looks the tables up in vain afterwards must see that something was done. */
	atomic_fetch_add(&fio_done_seq, 1);
	fio_table_del(it, held);
	atomic_store_explicit(&it->dir, NULL, memory_order_relaxed);
	if (dir)
		fio_dir_unref(dir);
	if (target) {
		it->target = NULL;
		atomic_store(&target->gone, true);
		fio_dir_unref(target);
		atomic_fetch_sub(&fio_removals, 1);
	}
	if (meta)
		atomic_fetch_sub(&fio_metas, 1);
	if (it->kind == FIO_KIND_READ)
		fio_ahead_end(it);
	if (it->sent) {
		/* From here on the task closes what arrives late; what has arrived we hand back. */
		int fd;

		atomic_fetch_add(&it->gen, 1);
		fd = atomic_exchange(&it->task_fd, -1);
		if (fd >= 0)
			fio_task_close(fd, (held & FIO_LOCK_TASK) != 0);
		else if (fd == FIO_FD_LOST)
			fio_task_copy_closed();
	}
	fio_intent_put(it, held);
	atomic_fetch_sub_explicit(&fio_held_bytes, cap, memory_order_relaxed);
	atomic_fetch_sub_explicit(&fio_live, 1, memory_order_release);
}

void fio_complete_release(struct fio_intent *it, uint32_t held)
{
	uint64_t pos = atomic_load(&it->queue_pos);

	release(it, held);
	fio_queue_done(pos);
}

void fio_complete(struct fio_intent *it, int err, enum fio_step step, uint32_t held)
{
	if (unlikely(err))
		fio_error_record(it, step, err, (held & FIO_LOCK_TASK) != 0);
	fio_trace_done(it, err, (held & FIO_LOCK_TASK) != 0);
	fio_complete_release(it, held);
}

void fio_discard(struct fio_intent *it, uint32_t held)
{
	fio_trace_real(it);
	release(it, held);
	fio_queue_notify();
}
