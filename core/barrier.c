/* SPDX-License-Identifier: MIT */
/*
 * barrier.c - finishing what others are about to see
 */
#include "channel.h"
#include "clock.h"
#include "counters.h"
#include "dir.h"
#include "exec.h"
#include "fdtab.h"
#include "fence.h"
#include "file.h"
#include "fio.h"
#include "keep.h"
#include "options.h"
#include "queue.h"
#include "sync.h"
#include "sys.h"
#include "task.h"
#include "trace.h"
#include "util.h"

_Atomic uint32_t fio_live;
_Atomic uint32_t fio_done_seq;

void fio_finish_queued(uint64_t pos)
{
	struct fio_intent *it;

	for (;;) {
		uint64_t retired = fio_queue_retired();

		while ((it = fio_queue_claim(pos, true)))
			fio_exec(it, false);
		/* Directories that wait for what others are removing in them. */
		if ((!fio_removing_dirs() && !atomic_load(&fio_metas)) || retired >= pos ||
		    !fio_queue_unclaimed(pos))
			break;
		if (fio_task_running() && !fio_queue_pooled())
			fio_task_wake();
		fio_queue_wait_move(retired);
	}
	if (fio_queue_unclaimed(pos) && !fio_queue_pooled()) {
		/* Only the task has the descriptors: holding these was of no use. */
		fio_paid(FIO_KIND_WRITE, false);
		fio_task_wake();
	}
	fio_queue_wait_pos(pos);
}

static void finish(struct fio_found f)
{
	struct fio_intent *it = f.it;

	for (;;) {
		if (atomic_load(&it->gen) != f.gen)
			return;
		switch (fio_state(it)) {
		case FIO_ST_FREE:
			return;
		case FIO_ST_OPEN:
			fio_lock(&it->lock);
			if (fio_state(it) == FIO_ST_OPEN && atomic_load(&it->gen) == f.gen) {
				if (fio_file_flush(it, FIO_FLUSH_FORCED) < 0)
					return;
			} else {
				fio_unlock(&it->lock);
			}
			continue;
		case FIO_ST_QUEUED:
			if (fio_is_kept(it) && fio_task_running()) {
				fio_queue_wait_gen(it, f.gen);
			} else if (it->kind == FIO_KIND_WRITE && fio_task_running()) {
				fio_finish_queued(atomic_load(&it->queue_pos) + 1);
				fio_queue_wait_gen(it, f.gen);
			} else {
				bool pooled = fio_is_pooled(it) && !fio_is_ordered(it);

				/*
				 * What was closed before it keeps an earlier time of modification.
				 */
				if (!pooled)
					fio_finish_queued(atomic_load(&it->queue_pos));
				if (!fio_queue_claim_one(it, true))
					continue;
				if (atomic_load(&it->gen) == f.gen)
					fio_exec(it, false);
				else /* executed and reused since it was found */
					fio_queue_unclaim(it);
			}
			continue;
		case FIO_ST_BUSY:
			fio_lock(&it->lock);
			fio_unlock(&it->lock);
			if (unlikely(atomic_load(&it->aging)))
				fio_task_check();
			continue;
		case FIO_ST_QUEUING:
		case FIO_ST_CLAIMED:
		case FIO_ST_TASKED:
			fio_queue_wait_gen(it, f.gen);
			continue;
		case FIO_ST_FENCED:
			fio_fence_finish(it, f.gen);
			continue;
		}
	}
}

/* What was just closed is wanted: nothing could overlap. */
static void was_wanted(enum fio_kind kind)
{
	if (fio_opt.warmup && !atomic_load_explicit(&fio_far, memory_order_relaxed) &&
	    (kind == FIO_KIND_CREATE || kind == FIO_KIND_WRITE || kind == FIO_KIND_UPDATE))
		fio_paid(kind, false);
}

void fio_finish(struct fio_found f, enum fio_cause cause)
{
	int64_t since = fio_trace_begin();
	enum fio_state state = fio_state(f.it);

	fio_count(barrier_file);
	fio_count_at(FIO_CNT_cause_exit + (int)cause);
	if (state == FIO_ST_QUEUED || fio_is_claimed(state))
		was_wanted(f.it->kind);
	finish(f);
	fio_trace_barrier(since, FIO_TRACE_FILE, cause);
}

bool fio_finish_inode(dev_t dev, ino_t ino, enum fio_cause cause)
{
	uint64_t hash = fio_hash_inode(dev, ino);
	struct fio_found f;
	bool any = false;

	while ((f = fio_table_by_ino(hash)).it) {
		fio_finish(f, cause);
		any = true;
		if (fio_state(f.it) == FIO_ST_OPEN && f.it->err)
			break; /* cannot be opened: its descriptor says so */
	}
	return any;
}

void fio_drain(void)
{
	uint64_t limit = fio_queue_head();
	uint32_t depth = fio_queue_depth();

	/* One file, then a release, and so on: nothing ever overlaps. */
	if ((depth == 1 || depth == 2) && !atomic_load(&fio_far)) {
		fio_paid(FIO_KIND_CREATE, false);
		fio_paid(FIO_KIND_UPDATE, false);
	}
	fio_finish_queued(limit);
}

/* Which open files a barrier is for. */
struct flush {
	const struct fio_intent *but; /* not this one */
	bool reads;                   /* those that were read ahead, too */
};

/* Somebody else is about to get the program's descriptors, or to look at them. */
static bool concerns_reads(enum fio_cause cause)
{
	return cause != FIO_CAUSE_CHANNEL && cause != FIO_CAUSE_NAMESPACE &&
	       cause != FIO_CAUSE_STDIO && cause != FIO_CAUSE_DIR && cause != FIO_CAUSE_SYNC;
}

static bool flush_open(struct fio_intent *it, void *arg)
{
	enum fio_state state = fio_state(it);
	const struct flush *f = arg;

	if (it == f->but || (state != FIO_ST_OPEN && state != FIO_ST_BUSY) ||
	    (it->kind == FIO_KIND_READ && !f->reads))
		return true;
	fio_lock(&it->lock);
	/* Opened and not even written to: deferring it was of no use. */
	if (fio_state(it) == FIO_ST_OPEN)
		fio_file_flush(it, it->len ? 0 : FIO_FLUSH_FORCED);
	else
		fio_unlock(&it->lock);
	return true;
}

void fio_flush_open(void)
{
	struct flush f = {NULL, false};

	if (atomic_load(&fio_n_open))
		fio_intent_each(flush_open, &f);
}

void fio_flush_reads(void)
{
	struct flush f = {NULL, true};

	if (atomic_load(&fio_ahead_taken))
		fio_intent_each(flush_open, &f);
}

void fio_finish_all(enum fio_cause cause)
{
	fio_finish_others(NULL, cause);
}

void fio_finish_others(struct fio_intent *but, enum fio_cause cause)
{
	struct flush f = {but, concerns_reads(cause)};
	int64_t since = fio_trace_begin();

	if (!fio_pending())
		return;
	fio_count(barrier_all);
	fio_count_at(FIO_CNT_cause_exit + (int)cause);
	if (atomic_load(&fio_n_open))
		fio_intent_each(flush_open, &f);
	fio_drain();
	fio_fences_finish();
	if (!but)
		fio_task_settle();
	fio_trace_barrier(since, FIO_TRACE_ALL, cause);
}

void fio_release_all_slow(enum fio_cause cause)
{
	struct fio_thread *t = fio_enter();

	if (!t)
		return;
	fio_finish_all(cause);
	fio_leave(t);
}

/* What is pending in a directory. */
struct in_dir {
	dev_t dev;
	ino_t ino;
	bool names;             /* only what makes and removes names matters */
	uint64_t end;           /* one past the last queued one */
	struct fio_found found; /* one that is not queued, or that a worker has */
};

/* Queued or claimed: has it yet to change what stat says of its directory? */
static bool is_unnamed(const struct fio_intent *it)
{
	switch ((enum fio_kind)it->kind) {
	case FIO_KIND_CREATE:
		return !(atomic_load(&it->how) & FIO_NAMED);
	case FIO_KIND_WRITE:
	case FIO_KIND_UPDATE:
	case FIO_KIND_META:
		return false;
	default:
		return true;
	}
}

static bool look_in_dir(struct fio_intent *it, void *arg)
{
	struct in_dir *in = arg;
	uint32_t gen = atomic_load(&it->gen);
	enum fio_state state = fio_state(it);
	struct fio_dir *d = it->dir;
	uint64_t pos;

	if (state == FIO_ST_FREE || !d || d->ino != in->ino || d->dev != in->dev)
		return true;
	if (state == FIO_ST_OPEN && it->err) /* cannot be made: its descriptor says so */
		return true;
	if (it->kind == FIO_KIND_SYNC) /* is done by now */
		return true;
	if (state == FIO_ST_OPEN && fio_is_kept(it)) /* its name is there */
		return true;
	pos = atomic_load(&it->queue_pos);
	if (state == FIO_ST_QUEUED || fio_is_claimed(state)) {
		if (in->names && fio_is_pooled(it)) {
			if (fio_is_kept(it) || !is_unnamed(it))
				return true;
			goto found;
		}
		if (!fio_is_kept(it) && pos >= in->end)
			in->end = pos + 1;
		return true;
	}
found:
	in->found = (struct fio_found){it, gen};
	return false;
}

/* Workers make the name first; what else they do, the directory does not show. */
static void finish_name(struct fio_found f)
{
	enum fio_state state = fio_state(f.it);

	if ((state == FIO_ST_QUEUED || fio_is_claimed(state)) && fio_task_running())
		fio_queue_wait_named(f.it, f.gen);
	else
		finish(f);
}

static bool finish_dir(struct in_dir in, enum fio_cause cause)
{
	int64_t since;
	bool any = false;

	if (!fio_dir_busy(in.dev, in.ino))
		return false;
	since = fio_trace_begin();
	fio_count(barrier_dir);
	fio_count_at(FIO_CNT_cause_exit + (int)cause);
	for (;;) {
		in.found.it = NULL;
		in.end = 0;
		fio_intent_each(look_in_dir, &in);
		if (!in.found.it)
			break;
		any = true;
		if (in.names)
			finish_name(in.found);
		else
			finish(in.found);
	}
	/*
	 * Together, not one after the other: nobody waits for what another could begin meanwhile.
	 */
	if (in.end)
		fio_finish_queued(in.end);
	fio_trace_barrier(since, FIO_TRACE_DIRECTORY, cause);
	return any || in.end;
}

bool fio_finish_dir(dev_t dev, ino_t ino, enum fio_cause cause)
{
	return finish_dir((struct in_dir){.dev = dev, .ino = ino}, cause);
}

bool fio_finish_names(dev_t dev, ino_t ino, enum fio_cause cause)
{
	return finish_dir((struct in_dir){.dev = dev, .ino = ino, .names = true}, cause);
}

/*
 * An ordinary descriptor: whatever is pending on its inode under another name or descriptor;
 * listed: and, if it is a directory, in it.
 */
static enum fio_class finish_fd(int fd, bool listed, enum fio_cause cause)
{
	enum fio_class class;
	struct stat st;

	if (sys_fstat(fd, &st) < 0)
		return FIO_CLASS_OTHER;
	class = fio_class_of(&st);
	if (class >= FIO_CLASS_CHANNEL && fio_channel_private(fd, &st))
		class = FIO_CLASS_QUIET;
	if (class == FIO_CLASS_DIR && !listed)
		return class;
	if (class == FIO_CLASS_DIR)
		fio_finish_dir(st.st_dev, st.st_ino, cause);
	if (class == FIO_CLASS_REG ||
	    (class == FIO_CLASS_DIR && (fio_removing_dirs() || atomic_load(&fio_metas))))
		fio_finish_inode(st.st_dev, st.st_ino, cause);
	return class;
}

void fio_release_fd_slow(int fd, enum fio_cause cause)
{
	struct fio_thread *t = fio_enter();
	struct fio_intent *it;

	if (!t)
		return;
	it = fio_fd_lock(fd);
	if (it) {
		fio_count(barrier_file);
		fio_count_at(FIO_CNT_cause_exit + (int)cause);
		fio_file_flush(it, FIO_FLUSH_FORCED);
	} else {
		finish_fd(fd, true, cause);
	}
	fio_leave(t);
}

void fio_peek_fd_slow(int fd, enum fio_cause cause)
{
	struct fio_thread *t = fio_enter();
	char name[FIO_NAME_MAX + 1];
	struct fio_intent *it;
	struct fio_dir *dir;
	size_t len;
	bool create;

	if (!t)
		return;
	it = fio_fd_lock(fd);
	if (!it) {
		finish_fd(fd, true, cause);
		goto out;
	}
	if (it->kind == FIO_KIND_WRITE && !it->len && !it->what) {
		fio_unlock(&it->lock);
		goto out;
	}
	if (it->kind == FIO_KIND_READ) {
		fio_file_flush(it, FIO_FLUSH_FORCED);
		goto out;
	}
	create = it->kind == FIO_KIND_CREATE && !it->len && !it->made &&
		 !(it->what & FIO_SET_META) && !fio_syncs_writes(it->oflags);
	dir = it->dir;
	len = it->name_len;
	__builtin_memcpy(name, it->name, len);
	fio_dir_ref(dir);
	if (fio_file_flush(it, FIO_FLUSH_FORCED) == 0 && create)
		fio_file_rehold(t, dir, name, len, fd);
	fio_dir_unref(dir);
out:
	fio_leave(t);
}

void fio_release_channel_slow(int fd)
{
	struct fio_thread *t = fio_enter();
	struct fio_intent *it;

	if (!t)
		return;
	it = fio_fd_lock(fd);
	if (it)
		fio_file_flush(it, FIO_FLUSH_FORCED);
	else if (finish_fd(fd, false, FIO_CAUSE_FD) >= FIO_CLASS_CHANNEL)
		fio_finish_all(FIO_CAUSE_CHANNEL);
	if (unlikely(atomic_load(&fio_syncs)) && !fio_sync_fresh(fd))
		fio_sync_all();
	fio_leave(t);
}

void fio_release_closing_slow(int fd)
{
	struct fio_thread *t = fio_enter();
	struct stat st;

	if (!t)
		return;
	if (sys_fstat(fd, &st) == 0 && fio_class_of(&st) >= FIO_CLASS_CHANNEL &&
	    !fio_channel_private(fd, &st))
		fio_finish_all(FIO_CAUSE_CHANNEL);
	fio_leave(t);
}

void fio_release_dirfd_slow(int fd, enum fio_cause cause)
{
	struct fio_thread *t = fio_enter();
	struct stat st;

	if (!t)
		return;
	if (sys_fstat(fd, &st) == 0) {
		fio_finish_dir(st.st_dev, st.st_ino, cause);
		if (fio_removing_dirs())
			fio_finish_inode(st.st_dev, st.st_ino, cause);
	}
	fio_leave(t);
}
