/* SPDX-License-Identifier: MIT */
/*
 * age.c - held data of open files comes of age; a dead program's work is finished
 *
 * An open file whose data is older than age_us is not one of those written and closed in one go.
 * The task writes it out; the next call of the program on the descriptor finds `made` set, takes
 * the real file (for a create: the descriptor that the task gives back) and passes through from
 * then on.  One that the task may keep (keep.h) stays deferred.
 */
#include "age.h"

#include "clock.h"
#include "counters.h"
#include "dir.h"
#include "errors.h"
#include "exec.h"
#include "fence.h"
#include "fio.h"
#include "keep.h"
#include "options.h"
#include "queue.h"
#include "sys.h"
#include "task.h"

static const uint32_t as_task = FIO_LOCK_HELD | FIO_LOCK_TASK;

struct scan {
	int64_t now; /* coarse time */
	bool any;    /* something was written out */
};

/*
 * A file that the program has open for real: its descriptor if it was sent (content is held), else
 * (only a truncation is due) the file of that name, if it still is the same file.
 */
static int file_of(struct fio_intent *it)
{
	int fd = atomic_exchange(&it->task_fd, -1);

	if (fd >= 0 || (it->sent && fd != FIO_FD_LOST))
		return fd;
	return fio_exec_reopen(it, atomic_load(&it->dir->task_fd));
}

/* The file of an open intent, for the task: an open descriptor or -errno. */
static int make(struct fio_intent *it, enum fio_step *step)
{
	int fd, err;

	if (fio_has_placeholder(it))
		return fio_exec_open(it, atomic_load(&it->dir->task_fd), step);
	fd = file_of(it);
	if (fd < 0)
		return -EBADF;
	*step = FIO_STEP_OPEN;
	err = fio_exec_fill(it, fd, step);
	if (!err)
		return fd;
	sys_close(fd);
	return err;
}

static void give(struct fio_intent *it, int fd)
{
	struct stat st;

	if (sys_fstat(fd, &st) == 0) {
		it->dev = st.st_dev;
		it->ino = st.st_ino;
	}
	fio_task_give(it, fd);
}

static bool age_one(struct fio_intent *it, void *arg)
{
	struct scan *s = arg;
	enum fio_step step;
	int64_t born;
	bool kept;
	int fd, err;

	if (fio_state(it) != FIO_ST_OPEN || it->made)
		return true;
	born = it->born_us;
	if (!born || s->now - born < fio_opt.age_us)
		return true;
	if (!fio_trylock_as(&it->lock, as_task))
		return true;
	/* What was closed before it keeps an earlier time of modification. */
	if (fio_state(it) == FIO_ST_OPEN && !it->made && !it->err && it->linked &&
	    !fio_queue_depth() && atomic_load(&it->dir->task_fd) >= 0) {
		atomic_store(&it->aging, true);
		atomic_store(&it->state, FIO_ST_BUSY);
		kept = fio_keep_may(it);
		err = fd = kept ? fio_keep_make(it, &step) : make(it, &step);
		if (fd >= 0 && !kept) {
			if (fio_has_placeholder(it))
				give(it, fd);
			err = fio_exec_close(fd, 0, &step);
			fio_exec_copy_used(it);
		}
		if (err != -EBADF) {
			it->err = err;
			it->err_step = (uint8_t)step;
			it->err_told = false;
			it->made = !kept;
			s->any = true;
			fio_count(task_aged);
		}
		atomic_fetch_add(&fio_done_seq, 1);
		atomic_store(&it->state, FIO_ST_OPEN);
		atomic_store(&it->aging, false);
	}
	fio_unlock(&it->lock);
	return true;
}

bool fio_age_scan(void)
{
	struct scan s = {.now = 0, .any = false};

	if (!atomic_load_explicit(&fio_n_open, memory_order_relaxed))
		return false;
	s.now = fio_coarse_us();
	fio_intent_each(age_one, &s);
	return s.any;
}

/* What follows others, and last the times of directories, which each new name changes. */
enum turn { FIRST, FOLLOWS, LAST };

static enum turn turn_of(const struct fio_intent *it)
{
	if (it->kind == FIO_KIND_META)
		return LAST;
	return fio_is_ordered(it) ? FOLLOWS : FIRST;
}

static bool rescue_one(struct fio_intent *it, void *arg)
{
	const enum turn *turn = arg;
	enum fio_state state = fio_state(it);
	enum fio_step step = FIO_STEP_NONE;
	int dirfd, fd, err = 0;

	if (state == FIO_ST_FREE || state == FIO_ST_FENCED || atomic_load(&it->done) ||
	    !it->linked || !it->dir || turn_of(it) != *turn)
		return true;
	if (it->made && !fio_is_claimed(state) && *turn == FIRST)
		return true; /* written out by age */
	dirfd = atomic_load(&it->dir->task_fd);
	/* A thread that died may have begun what it had claimed. */
	if (fio_is_claimed(state) || state == FIO_ST_BUSY)
		it->made = true;
	switch ((enum fio_kind)it->kind) {
	case FIO_KIND_CREATE:
	case FIO_KIND_UPDATE:
		fd = fio_exec_make(it, dirfd, true, &step);
		err = fd < 0 ? fd : fio_exec_close(fd, 0, &step);
		break;
	case FIO_KIND_WRITE:
		fd = file_of(it);
		step = FIO_STEP_OPEN;
		err = fd < 0 ? fd : fio_exec_close(fd, fio_exec_fill(it, fd, &step), &step);
		break;
	case FIO_KIND_UNLINK:
		step = FIO_STEP_UNLINK;
		if (!fio_exec_replaced(it, dirfd))
			err = sys_unlinkat(dirfd, it->name, 0);
		if (err == -ENOENT)
			err = 0;
		break;
	case FIO_KIND_READ:
		break;
	case FIO_KIND_META:
	case FIO_KIND_SYMLINK:
		err = fio_exec_at(it, dirfd, &step);
		break;
	case FIO_KIND_RMDIR:
		return true; /* after the others */
	case FIO_KIND_RENAME:
	case FIO_KIND_LINK:
	case FIO_KIND_SOURCE:
	case FIO_KIND_SYNC:
		break; /* on its way to the fences: not acknowledged */
	}
	if (err < 0)
		fio_error_log(it, step, err);
	return true;
}

struct empty {
	bool last; /* what still is not empty will not become so */
	bool any;  /* some directory was removed, so others may be empty now */
};

static bool rescue_rmdir(struct fio_intent *it, void *arg)
{
	struct empty *e = arg;
	int err;

	if (fio_state(it) == FIO_ST_FREE || it->kind != FIO_KIND_RMDIR || atomic_load(&it->done) ||
	    !it->linked || !it->dir)
		return true;
	it->made = true; /* whoever died may have begun it */
	err = fio_exec_rmdir(it, atomic_load(&it->dir->task_fd));
	if (err == -ENOTEMPTY && !e->last)
		return true;
	e->any = true;
	atomic_store(&it->done, true);
	if (err < 0)
		fio_error_log(it, FIO_STEP_RMDIR, err);
	return true;
}

void fio_rescue(void)
{
	struct empty e = {false, true};

	for (enum turn turn = FIRST; turn <= LAST; turn++)
		fio_intent_each(rescue_one, &turn);
	while (e.any) {
		e.any = false;
		fio_intent_each(rescue_rmdir, &e);
	}
	e.last = true;
	fio_intent_each(rescue_rmdir, &e);
	fio_fences_rescue();
}
