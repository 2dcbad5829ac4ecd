/* SPDX-License-Identifier: MIT */
/*
 * fence.c - operations that follow, in the file system, what the program did before them
 */
#include "fence.h"

#include "clock.h"
#include "counters.h"
#include "dir.h"
#include "durable.h"
#include "errors.h"
#include "exec.h"
#include "file.h"
#include "fio.h"
#include "options.h"
#include "queue.h"
#include "sys.h"
#include "task.h"
#include "trace.h"

#define FENCES_MAX 1024    /* more, and the caller carries some out */
#define GROUP_US 4000      /* age at which the task makes a group of syncs durable unasked */
#define GROUP_US_MAX 50000 /* the same after syncs that took long */
#define PART 1             /* between two, so many times as long as the last one took */
#define GROUP_MANY 512     /* or as many fences */
#define SMALL_GROUP 2      /* syncs in a group that a release closed: nothing was gained */
#define LARGE_GROUP 8      /* syncs in a group that makes up for small ones */

_Atomic uint32_t fio_fences;
_Atomic uint32_t fio_syncs;

static struct {
	struct fio_lock list_lock;   /* head, tail, next_fence, seq */
	struct fio_lock carry;       /* whose holder carries fences out */
	struct fio_intent *head;     /* oldest */
	struct fio_intent *tail;     /* newest */
	_Atomic uint64_t seq;        /* of the newest ever */
	_Atomic uint64_t first_sync; /* seq of the oldest sync in the list, 0: none */
	int64_t took_us;             /* the last group; carry protects it */
	int64_t ended_us;            /* when it ended */
} fences;

uint64_t fio_fence_last(void)
{
	return atomic_load(&fences.seq);
}

uint64_t fio_sync_oldest(void)
{
	return atomic_load(&fences.first_sync);
}

static bool is_sync(const struct fio_intent *it)
{
	return it->kind == FIO_KIND_SYNC;
}

static uint32_t holder(bool task)
{
	return FIO_LOCK_HELD | (task ? FIO_LOCK_TASK : 0);
}

/* ---- carrying out ---- */

static int dir_of(const struct fio_intent *it, bool task)
{
	return task ? atomic_load(&it->dir->task_fd) : it->dir->fd;
}

/*
 * Can it be carried out by the task now?  What was queued before it is done, its directories are
 * here.
 */
static bool ready(const struct fio_intent *it)
{
	return fio_queue_retired() >= atomic_load(&it->queue_pos) && dir_of(it, true) >= 0 &&
	       (!it->peer || dir_of(it->peer, true) >= 0);
}

static struct fio_fence_batch collect(bool task)
{
	struct fio_intent *it, *tail;
	struct fio_fence_batch b = {0};

	fio_lock_as(&fences.list_lock, holder(task));
	it = fences.head;
	tail = fences.tail;
	fio_unlock(&fences.list_lock);
	for (b.first = it; it; it = it->next_fence) {
		if (it->dir->fs != b.first->dir->fs || (task && !ready(it)))
			break;
		b.last = it;
		b.syncs += is_sync(it);
		if (it == tail)
			break;
	}
	if (!b.last)
		b.first = NULL;
	return b;
}

static void take_out(struct fio_intent *prev, struct fio_intent *it, bool task)
{
	struct fio_intent *s;

	fio_lock_as(&fences.list_lock, holder(task));
	if (prev)
		prev->next_fence = it->next_fence;
	else
		fences.head = it->next_fence;
	if (fences.tail == it)
		fences.tail = prev;
	if (is_sync(it)) {
		for (s = fences.head; s && !is_sync(s); s = s->next_fence)
			;
		atomic_store(&fences.first_sync, s ? s->order : 0);
	}
	fio_unlock(&fences.list_lock);
	if (is_sync(it))
		atomic_fetch_sub(&fio_syncs, 1);
	atomic_fetch_sub(&fio_fences, 1);
}

/* Somebody who was killed may have begun it, or done it. */
static int exec_name(struct fio_intent *it, bool task, enum fio_step *step)
{
	const struct fio_intent *from = it->peer;
	bool again = it->made;
	int err;

	it->made = true;
	switch ((enum fio_kind)it->kind) {
	case FIO_KIND_RENAME:
		*step = FIO_STEP_RENAME;
		err = it->oflags ? (int)SYS5(SYS_renameat2, dir_of(from, task), from->name,
					     dir_of(it, task), it->name, it->oflags)
				 : (int)SYS4(SYS_renameat, dir_of(from, task), from->name,
					     dir_of(it, task), it->name);
		return err == -ENOENT && again ? 0 : err;
	case FIO_KIND_LINK:
		*step = FIO_STEP_LINK;
		err = (int)SYS5(SYS_linkat, dir_of(from, task), from->name, dir_of(it, task),
				it->name, 0);
		return err == -EEXIST && again ? 0 : err;
	default:
		*step = FIO_STEP_UNLINK;
		err = sys_unlinkat(dir_of(it, task), it->name, 0);
		return err == -ENOENT && again ? 0 : err;
	}
}

static void let_go(struct fio_intent *it, bool task)
{
	struct fio_intent *from = it->peer;

	if (from && fio_state(from) == FIO_ST_FENCED)
		fio_discard(from, holder(task));
	fio_discard(it, holder(task));
}

static void end(struct fio_intent *prev, struct fio_intent *it, int err, enum fio_step step,
		bool task)
{
	struct fio_intent *from = it->peer;

	if (err && !it->err_told)
		fio_error_record(from ? from : it, step, err, task);
	if (task)
		fio_count(executed_task);
	else
		fio_count(executed_caller);
	atomic_store(&it->by_caller, !task);
	atomic_store(&it->done, true);
	take_out(prev, it, task);
	let_go(it, task);
}

static int make_durable(const struct fio_fence_batch *b, bool task, bool *alone)
{
	int64_t since = fio_now_us();
	uint32_t n = fio_durable_together(b);
	int err = fio_make_durable(b, task, alone);

	if (n >= LARGE_GROUP)
		fio_paid_often(FIO_KIND_SYNC);
	else if (n > SMALL_GROUP)
		fio_paid(FIO_KIND_SYNC, true);
	else if (n < b->syncs)
		fio_paid(FIO_KIND_SYNC, false);
	fences.ended_us = fio_now_us();
	fences.took_us = fences.ended_us - since;
	return err;
}

/*
 * What it is of is durable: what it still has to cover are the names up to one in that directory.
 */
static void covers(struct fio_intent *it, struct fio_dir *dir)
{
	struct fio_dir *old = it->dir;

	fio_dir_ref(dir);
	it->name_len = 0;
	it->dir = dir;
	fio_dir_unref(old);
}

/* One step, with carry held; false if nothing could be done. */
static bool step(bool task, const struct fio_fence_batch *b)
{
	struct fio_intent *it = b->first, *prev = NULL, *next;
	bool synced = is_sync(it), names = false, alone = false, last;
	struct fio_dir *named = NULL;
	int err = 0;

	if (synced)
		err = make_durable(b, task, &alone);
	for (;; it = next) {
		enum fio_step what = FIO_STEP_FSYNC;

		next = it->next_fence;
		last = it == b->last;
		if (is_sync(it)) {
			if (!synced || (names && !it->dir->fs->ordered))
				break;
			if (!names) {
				end(prev, it, err, what, task);
			} else {
				/* It also is for the names before it. */
				if (err && !it->err_told)
					fio_error_record(it, what, err, task);
				it->err_told |= err != 0;
				if (alone && named)
					covers(it, named);
				prev = it;
			}
		} else {
			/* What was not brought to the disk is not published either. */
			int failed = err ? err : exec_name(it, task, &what);

			if (err)
				what = it->kind == FIO_KIND_UNLINK ? FIO_STEP_UNLINK
								   : FIO_STEP_RENAME;
			if (named)
				fio_dir_unref(named);
			named = it->dir;
			fio_dir_ref(named);
			end(prev, it, failed, what, task);
			names = true;
		}
		if (last)
			break;
	}
	if (named)
		fio_dir_unref(named);
	return true;
}

static bool carry_out(void)
{
	struct fio_fence_batch b = collect(false);

	if (!b.first)
		return false;
	fio_finish_queued(atomic_load(&b.last->queue_pos));
	return step(false, &b);
}

/* Synced, then told or asked for: a group of one is dearer than a sync of one file. */
static void judge_group(void)
{
	uint32_t n = atomic_load(&fio_syncs);

	if (n && n <= SMALL_GROUP)
		fio_paid(FIO_KIND_SYNC, false);
}

void fio_fence_finish(struct fio_intent *it, uint32_t gen)
{
	judge_group();
	fio_lock(&fences.carry);
	while (atomic_load(&it->gen) == gen && carry_out())
		;
	fio_unlock(&fences.carry);
}

static void finish_until(uint64_t seq)
{
	while (fences.head && fences.head->order <= seq && carry_out())
		;
}

void fio_fences_finish(void)
{
	uint64_t seq = fio_fence_last();

	if (!atomic_load(&fio_fences))
		return;
	judge_group();
	fio_lock(&fences.carry);
	finish_until(seq);
	fio_unlock(&fences.carry);
}

void fio_fences_try(void)
{
	if (!fio_trylock_as(&fences.carry, FIO_LOCK_HELD))
		return;
	finish_until(fio_fence_last());
	fio_unlock(&fences.carry);
}

/* A group that is old enough.  The more one costs, the more files are to share it. */
static bool is_due(const struct fio_intent *first)
{
	int64_t wait = fences.took_us * PART;

	if (!is_sync(first))
		return true;
	if (wait > GROUP_US_MAX)
		wait = GROUP_US_MAX;
	return atomic_load(&fio_fences) >= GROUP_MANY ||
	       (fio_coarse_us() - first->born_us >= GROUP_US &&
		fio_now_us() - fences.ended_us >= wait);
}

bool fio_fence_work(void)
{
	struct fio_intent *first;
	struct fio_fence_batch b = {0};

	fio_durable_work();
	if (!atomic_load(&fio_fences) || !fio_trylock_as(&fences.carry, holder(true)))
		return false;
	first = fences.head;
	if (first && is_due(first))
		b = collect(true);
	if (b.first) {
		fio_task_lag();
		step(true, &b);
	}
	fio_unlock(&fences.carry);
	return b.first;
}

void fio_fence_take_back(struct fio_intent *it)
{
	struct fio_intent *i, *prev = NULL;

	if (!atomic_load(&it->done) || atomic_load(&it->by_caller))
		return;
	for (i = fences.head; i && i != it; i = i->next_fence)
		prev = i;
	if (i)
		take_out(prev, it, false);
	let_go(it, false);
}

void fio_fences_rescue(void)
{
	fences.list_lock = (struct fio_lock){0};
	for (struct fio_intent *it; (it = fences.head);) {
		struct fio_fence_batch b = {it, it, is_sync(it)};

		while (b.last->next_fence && b.last->next_fence->dir->fs == it->dir->fs)
			b.last = b.last->next_fence;
		step(true, &b);
	}
}

/* ---- adding ---- */

void fio_fence_add(struct fio_intent *it)
{
	it->next_fence = NULL;
	it->born_us = fio_coarse_us();
	atomic_store(&it->queue_pos, fio_queue_head());
	atomic_fetch_add(&fio_fences, 1);
	fio_lock(&fences.list_lock);
	it->order = atomic_fetch_add(&fences.seq, 1) + 1;
	if (fences.tail)
		fences.tail->next_fence = it;
	else
		fences.head = it;
	fences.tail = it;
	if (is_sync(it)) {
		atomic_fetch_add(&fio_syncs, 1);
		if (!atomic_load(&fences.first_sync))
			atomic_store(&fences.first_sync, it->order);
	}
	if (it->peer)
		atomic_store(&it->peer->state, FIO_ST_FENCED);
	atomic_store(&it->state, FIO_ST_FENCED);
	fio_unlock(&fences.list_lock);
	if (atomic_load(&fio_fences) > FENCES_MAX) {
		fio_lock(&fences.carry);
		carry_out();
		fio_unlock(&fences.carry);
	}
	fio_task_poke(false);
}

void fio_fences_reset(void)
{
	fences.list_lock = fences.carry = (struct fio_lock){0};
	fences.head = fences.tail = NULL;
	atomic_store(&fences.first_sync, 0);
	atomic_store(&fio_fences, 0);
	atomic_store(&fio_syncs, 0);
}
