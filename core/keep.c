/* SPDX-License-Identifier: MIT */
/*
 * keep.c - new files that the program looks at, where operations are round trips
 */
#include "keep.h"

#include <string.h>
#include <strings.h>
#include <sys/sysmacros.h>

#include "counters.h"
#include "dir.h"
#include "fdtab.h"
#include "file.h"
#include "fio.h"
#include "options.h"
#include "pool.h"
#include "queue.h"
#include "sync.h"
#include "sys.h"
#include "table.h"
#include "task.h"
#include "util.h"

#define QUESTIONS 64
#define RUN_MIN 16 /* files closed with content: the next one is not a marker */
#define RUN_MAX 64
#define RUN_EMPTY 4 /* what an empty one takes from that */

enum { FREE, FILLING, ASKED, TAKEN, ANSWERED };
enum what { MAKE, STAT, STATX, GIVE };

struct question {
	_Atomic uint32_t state; /* futex */
	enum what what;
	struct fio_intent *it;
	int flags;          /* STATX: of the program's call */
	unsigned mask;      /* the same */
	int err;            /* with it the file could not be made or filled */
	enum fio_step step; /* of err */
	int ret;            /* of STAT, STATX */
	union {
		struct stat st;
		struct statx sx;
	};
};

static struct question questions[QUESTIONS];
static _Atomic uint32_t asked; /* questions in that state */
static _Atomic bool any;       /* one has ever been asked */
static _Atomic int run;        /* files closed with content, less what empty ones take */

/*
 * The task's descriptor of a directory in which a file was made, or -1.  Now the kernel knows
 * nothing of the directory's rights and asks before it makes the next file: a worker asks earlier.
 */
static _Atomic int changed = -1;

static const uint32_t as_task = FIO_LOCK_HELD | FIO_LOCK_TASK;

bool fio_keep_may(const struct fio_intent *it)
{
	return it->kind == FIO_KIND_CREATE && !it->made && !it->err && it->linked &&
	       !fio_syncs_writes(it->oflags) && fio_opt.fsync != FIO_FSYNC_GROUP &&
	       atomic_load_explicit(&it->dir->fs->slow, memory_order_relaxed) && it->dir->traits &&
	       fio_task_running() && fio_pool_usable();
}

/* ---- in the task ---- */

/* Which file it is: from now on it is found by its inode as well. */
static void has_inode(struct fio_intent *it, int fd)
{
	struct statx sx;

	if (sys_statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &sx) < 0)
		return;
	it->dev = makedev(sx.stx_dev_major, sx.stx_dev_minor);
	it->ino = sx.stx_ino;
	it->ino_hash = fio_hash_inode(it->dev, it->ino);
	fio_table_add_ino(it, as_task);
}

static void refresh(int fd)
{
	struct statx sx;

	sys_statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &sx);
	sys_close(fd);
	fio_task_copy_closed();
}

static void has_changed(int dirfd)
{
	int fd = sys_fcntl(dirfd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return;
	atomic_fetch_add(&fio_copies, 1);
	fd = atomic_exchange(&changed, fd);
	if (fd >= 0) {
		sys_close(fd);
		fio_task_copy_closed();
	}
	fio_pool_kick();
}

int fio_keep_make(struct fio_intent *it, enum fio_step *step)
{
	int fd = atomic_load(&it->kept_fd), dirfd = atomic_load(&it->dir->task_fd), err = 0;

	if (fd < 0) {
		fd = fio_exec_create(it, dirfd, step);
		if (fd < 0)
			return fd;
		has_changed(dirfd);
		has_inode(it, fd);
		atomic_fetch_add(&fio_copies, 1);
		atomic_store(&it->kept_fd, fd);
		fio_count(pool_kept);
	}
	if (fio_keep_lacks(it))
		err = fio_exec_fill(it, fd, step);
	if (!err) {
		it->put = it->len;
		it->what &= (uint8_t)~FIO_SET_META;
		atomic_store_explicit(&it->born_us, 0, memory_order_relaxed);
	}
	atomic_fetch_add(&fio_done_seq, 1);
	return err;
}

static int answer(struct question *q)
{
	int err = fio_keep_make(q->it, &q->step), fd = atomic_load(&q->it->kept_fd);

	if (err)
		return err;
	switch (q->what) {
	case MAKE:
		break;
	case STAT:
		q->ret = sys_fstat(fd, &q->st);
		break;
	case STATX:
		q->ret = sys_statx(fd, "", q->flags, q->mask, &q->sx);
		break;
	case GIVE:
		fio_task_give(q->it, fd);
		atomic_store(&q->it->kept_fd, -1);
		break;
	}
	return 0;
}

bool fio_keep_asked(void)
{
	return atomic_load(&asked) || atomic_load(&changed) >= 0;
}

bool fio_keep_work(void)
{
	int dirfd;

	for (int i = 0; atomic_load(&asked) && i < QUESTIONS; i++) {
		struct question *q = &questions[i];
		uint32_t state = ASKED;
		int given = -1;

		if (atomic_load(&q->state) != ASKED ||
		    !atomic_compare_exchange_strong(&q->state, &state, TAKEN))
			continue;
		atomic_fetch_sub(&asked, 1);
		fio_task_await_mail(q->it);
		fio_task_lag();
		if (q->what == GIVE)
			given = atomic_load(&q->it->kept_fd);
		q->err = answer(q);
		if (q->err)
			given = -1;
		atomic_store(&q->state, ANSWERED);
		sys_futex_wake(&q->state, 1);
		/* Nobody waits for what closing takes. */
		if (given >= 0) {
			sys_close(given);
			fio_task_copy_closed();
		}
		return true;
	}
	dirfd = atomic_load(&changed) < 0 ? -1 : atomic_exchange(&changed, -1);
	if (dirfd >= 0)
		refresh(dirfd);
	return dirfd >= 0;
}

void fio_keep_reset(void)
{
	atomic_store(&changed, -1);
	if (atomic_load(&any)) {
		for (int i = 0; i < QUESTIONS; i++)
			atomic_store(&questions[i].state, FREE);
		atomic_store(&any, false);
	}
	atomic_store(&asked, 0);
}

/* ---- in the program ---- */

static struct question *place(void)
{
	const struct timespec brief = {.tv_nsec = 1000000};

	atomic_store(&any, true);
	for (;; sys_nanosleep(&brief)) {
		for (int i = 0; i < QUESTIONS; i++) {
			uint32_t state = FREE;

			if (atomic_compare_exchange_strong(&questions[i].state, &state, FILLING))
				return &questions[i];
		}
	}
}

static void leave(struct question *q)
{
	atomic_store(&q->state, FREE);
}

/* Until it is answered; false: it never will be. */
static bool is_answered(struct question *q)
{
	const struct timespec patience = {.tv_nsec = 20 * 1000 * 1000};
	uint32_t state;

	while ((state = atomic_load(&q->state)) != ANSWERED) {
		if (sys_futex_wait(&q->state, state, &patience) != -ETIMEDOUT)
			continue;
		if (fio_task_running() && !fio_task_gone())
			continue;
		state = ASKED;
		if (atomic_compare_exchange_strong(&q->state, &state, FILLING))
			atomic_fetch_sub(&asked, 1);
		return atomic_load(&q->state) == ANSWERED;
	}
	return true;
}

/* The intent is locked and BUSY. */
static bool ask(struct question *q, struct fio_intent *it, enum what what)
{
	q->it = it;
	q->what = what;
	q->step = FIO_STEP_OPEN;
	atomic_fetch_add(&asked, 1);
	atomic_store(&q->state, ASKED);
	fio_pool_kick();
	if (is_answered(q))
		return true;
	/* What it has begun, if anything, is no conflict. */
	it->oflags &= ~O_EXCL;
	return false;
}

static int keep(struct question *q, struct fio_intent *it, enum what what)
{
	int err = FIO_PASS;

	atomic_store(&it->state, FIO_ST_BUSY);
	if (ask(q, it, what)) {
		err = q->err;
		if (err) {
			it->err = err;
			it->err_step = (uint8_t)q->step;
			it->err_told = what != MAKE;
		}
	}
	atomic_store(&it->state, FIO_ST_OPEN);
	return err;
}

int fio_keep(struct fio_intent *it)
{
	struct question *q = place();
	int err = keep(q, it, MAKE);

	leave(q);
	return err;
}

int fio_keep_give(struct fio_intent *it, enum fio_step *step)
{
	struct question *q;
	int err = FIO_PASS;

	if (!fio_task_running())
		return FIO_PASS;
	q = place();
	if (ask(q, it, GIVE)) {
		err = q->err;
		*step = q->step;
		fio_count(pool_given);
	}
	leave(q);
	return err;
}

void fio_keep_drop(struct fio_intent *it)
{
	int fd = atomic_exchange(&it->kept_fd, -1);

	if (fd >= 0)
		fio_task_close(fd, false);
}

void fio_keep_closed(bool empty)
{
	int n = atomic_load_explicit(&run, memory_order_relaxed);

	if (empty)
		n = n > RUN_EMPTY ? n - RUN_EMPTY : 0;
	else if (n < RUN_MAX)
		n++;
	atomic_store_explicit(&run, n, memory_order_relaxed);
}

/* ---- what the program asks about a descriptor ---- */

static bool has_part(const char *name, const char *part)
{
	size_t n = strlen(part);

	for (; *name; name++) {
		if (strncasecmp(name, part, n) == 0)
			return true;
	}
	return false;
}

/*
 * An empty file may be the marker of what was done before it, which is in place when its name
 * appears; unless it is one of many that got content, and is not called like one.
 */
static bool may_be_marker(const struct fio_intent *it)
{
	static const char *const parts[] = {"done",  "succe", "complete", "finish",
					    "ready", "stamp", "marker",   "ok"};

	if (it->len || fio_is_kept(it))
		return false;
	if (atomic_load_explicit(&run, memory_order_relaxed) < RUN_MIN || it->name[0] == '_')
		return true;
	for (size_t i = 0; i < FIO_ARRAY_SIZE(parts); i++) {
		if (has_part(it->name, parts[i]))
			return true;
	}
	return false;
}

/*
 * The new file of fd, locked, if it may be asked about; it is made after what was done before if
 * that matters.
 */
static struct fio_intent *lock_new(int fd)
{
	struct fio_intent *it = fio_fd_lock(fd);

	if (!it)
		return NULL;
	if (fio_keep_may(it) && may_be_marker(it) && fio_queue_depth()) {
		fio_unlock(&it->lock);
		fio_drain();
		it = fio_fd_lock(fd);
		if (!it)
			return NULL;
	}
	if (fio_keep_may(it))
		return it;
	fio_unlock(&it->lock);
	return NULL;
}

/* The answer goes to where the program says, which may be nowhere. */
static int query(int fd, enum what what, int flags, unsigned mask, void *to, size_t size)
{
	struct fio_thread *t = fio_enter();
	struct fio_intent *it;
	struct question *q;
	int err = FIO_PASS;

	if (!t)
		return FIO_PASS;
	it = lock_new(fd);
	if (!it)
		goto out;
	q = place();
	q->flags = flags;
	q->mask = mask;
	err = keep(q, it, what);
	fio_unlock(&it->lock);
	if (!err)
		err = q->ret;
	if (!err) {
		fio_count(pool_asked);
		if (fio_copy_out(to, &q->st, size) != (ssize_t)size)
			err = FIO_PASS;
	}
	leave(q);
out:
	fio_leave(t);
	return err;
}

int fio_new_fstat_slow(int fd, struct stat *st)
{
	return query(fd, STAT, 0, 0, st, sizeof(*st));
}

int fio_new_statx_slow(int fd, int flags, unsigned mask, struct statx *sx)
{
	return query(fd, STATX, flags, mask, sx, sizeof(*sx));
}
