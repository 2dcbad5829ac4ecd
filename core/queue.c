/* SPDX-License-Identifier: MIT */
/*
 * queue.c - the claimable queue
 */
#include "queue.h"

#include "clock.h"
#include "counters.h"
#include "dir.h"
#include "pool.h"
#include "sys.h"
#include "task.h"
#include "trace.h"
#include "util.h"

#define MASK (FIO_QUEUE_SIZE - 1)
#define CELL_EMPTY 0u
#define CELL_DONE(pos) ((uintptr_t)(pos) << 1 | 1) /* of one lap only; intents are even */
#define SPINS 300 /* looks before a waiter sleeps: about as long as a small operation */

static_assert((FIO_QUEUE_SIZE & MASK) == 0, "size is a power of two");

static _Atomic uintptr_t cells[FIO_QUEUE_SIZE];
static _Alignas(FIO_CACHELINE) _Atomic uint64_t head;   /* next position to reserve */
static _Alignas(FIO_CACHELINE) _Atomic uint64_t hint;   /* everything before is claimed */
static _Alignas(FIO_CACHELINE) _Atomic uint64_t retire; /* everything before is done */
static _Alignas(FIO_CACHELINE) _Atomic uint32_t waiters;
static _Atomic uint32_t event;    /* futex */
static _Atomic uint32_t n_back;   /* intents that were unclaimed and not claimed again */
static _Atomic uint32_t n_pooled; /* intents for the pool that nobody has claimed */

enum claimer { CALLER, TASK, WORKER };

uint64_t fio_queue_head(void)
{
	return atomic_load(&head);
}

uint32_t fio_queue_depth(void)
{
	uint64_t r = atomic_load_explicit(&retire, memory_order_relaxed);

	return (uint32_t)(atomic_load_explicit(&head, memory_order_relaxed) - r);
}

uint32_t fio_queue_unclaimed(uint64_t limit)
{
	uint64_t h = atomic_load_explicit(&hint, memory_order_relaxed);
	uint64_t r = atomic_load_explicit(&retire, memory_order_relaxed);
	uint32_t back = atomic_load_explicit(&n_back, memory_order_relaxed);

	if (h < r)
		h = r;
	return (h < limit ? (uint32_t)(limit - h) : 0) + back;
}

bool fio_queue_put(struct fio_intent *it)
{
	uint64_t pos = atomic_load(&head);

	do {
		if (pos - atomic_load(&retire) >= FIO_QUEUE_SIZE)
			return false;
	} while (!atomic_compare_exchange_weak(&head, &pos, pos + 1));
	if (fio_is_pooled(it))
		atomic_fetch_add(&n_pooled, 1);
	/*
	 * Whoever may claim it must find it in its cell, else its end could come before its begin.
	 */
	atomic_store(&it->queue_pos, pos);
	atomic_store(&it->state, FIO_ST_QUEUING);
	atomic_store(&cells[pos & MASK], (uintptr_t)it);
	atomic_store(&it->state, FIO_ST_QUEUED);
	return true;
}

bool fio_queue_claim_one(struct fio_intent *it, bool by_caller)
{
	uint32_t queued = FIO_ST_QUEUED;

	/* In one step with who it is: were the task killed now, that decides who carries it out. */
	if (!atomic_compare_exchange_strong(&it->state, &queued,
					    by_caller ? FIO_ST_CLAIMED : FIO_ST_TASKED))
		return false;
	fio_trace_claim(it, by_caller ? FIO_TRACE_CALLER : FIO_TRACE_TASK);
	if (unlikely(it->back)) {
		it->back = false;
		atomic_fetch_sub(&n_back, 1);
	}
	if (fio_is_pooled(it))
		atomic_fetch_sub(&n_pooled, 1);
	return true;
}

/* As many as there may be are under way in its directory. */
static bool dir_is_full(const struct fio_intent *it)
{
	const struct fio_dir *d = atomic_load(&it->dir);

	return d && atomic_load(&d->under_way) >= FIO_POOL_PER_DIR;
}

/* A caller has no descriptor of a file that was closed; a directory goes after what is in it. */
static bool claimable(const struct fio_intent *it, enum claimer who)
{
	if (fio_is_ordered(it) && atomic_load(&retire) < it->after)
		return false;
	if (fio_is_pooled(it) ? who != WORKER && fio_pool_usable() && fio_task_running()
			      : who == WORKER)
		return false;
	if (who == WORKER)
		return !dir_is_full(it);
	return who == TASK || it->kind != FIO_KIND_WRITE;
}

static struct fio_intent *claim(uint64_t limit, enum claimer who)
{
	uint64_t pos = atomic_load(&hint), r = atomic_load(&retire);
	bool gap = false;

	/* What was given back may be before the hint. */
	if (pos < r || unlikely(atomic_load(&n_back)))
		pos = r;
	for (; pos < limit; pos++) {
		uintptr_t cell = atomic_load(&cells[pos & MASK]);
		uint64_t expect;
		bool mine = false;

		if (cell == CELL_EMPTY || (cell & 1 && cell != CELL_DONE(pos))) {
			/*
			 * Reserved and not yet stored, or retired meanwhile: look again next time.
			 */
			gap = true;
			continue;
		}
		if (!(cell & 1)) {
			struct fio_intent *it = (struct fio_intent *)cell;

			if (atomic_load(&it->state) == FIO_ST_QUEUING &&
			    atomic_load(&it->queue_pos) == pos) {
				gap = true;
				continue;
			}
			if (!claimable(it, who)) {
				gap = true;
				continue;
			}
			mine = fio_queue_claim_one(it, who == CALLER);
			if (mine && !claimable(it, who)) {
				/* It was reused between the look at its kind and the claim. */
				fio_queue_unclaim(it);
				gap = true;
				continue;
			}
		}
		expect = pos;
		if (!gap) {
			uint64_t old = atomic_load(&hint);

			while (old <= expect && !atomic_compare_exchange_weak(&hint, &old, pos + 1))
				;
		}
		if (mine)
			return (struct fio_intent *)cell;
	}
	return NULL;
}

struct fio_intent *fio_queue_claim(uint64_t limit, bool by_caller)
{
	return claim(limit, by_caller ? CALLER : TASK);
}

struct fio_intent *fio_queue_claim_pooled(void)
{
	struct fio_intent *it = atomic_load(&n_pooled) ? claim(atomic_load(&head), WORKER) : NULL;

	if (it)
		atomic_fetch_add(&it->dir->under_way, 1);
	return it;
}

uint32_t fio_queue_pooled(void)
{
	return atomic_load(&n_pooled);
}

/*
 * retire moves first: a task that is killed in between leaves a cell of an earlier lap behind,
 * which is nothing to anybody.  The position's next user may have taken the cell meanwhile.
 */
static void advance(void)
{
	for (;;) {
		uint64_t r = atomic_load(&retire);
		uintptr_t done = CELL_DONE(r);

		if (r == atomic_load(&head) || atomic_load(&cells[r & MASK]) != done)
			break;
		if (atomic_compare_exchange_strong(&retire, &r, r + 1))
			atomic_compare_exchange_strong(&cells[r & MASK], &done, CELL_EMPTY);
	}
}

void fio_queue_done(uint64_t pos)
{
	/*
	 * Else it was retired for us by whoever took the work of a task over: the cell is
	 * another's.
	 */
	if (pos >= atomic_load(&retire))
		atomic_store(&cells[pos & MASK], CELL_DONE(pos));
	advance();
	fio_queue_notify();
}

void fio_queue_notify(void)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&waiters, memory_order_relaxed)) {
		atomic_fetch_add(&event, 1);
		sys_futex_wake(&event, INT32_MAX);
	}
}

static bool pos_done(const void *arg, uint64_t pos)
{
	(void)arg;
	return atomic_load(&retire) >= pos;
}

static bool gen_done(const void *arg, uint64_t gen)
{
	const struct fio_intent *it = arg;

	/* Free with this gen: the task was killed while it gave it back. */
	return atomic_load(&it->gen) != (uint32_t)gen || atomic_load(&it->state) == FIO_ST_FREE;
}

static void wait_until(bool (*reached)(const void *, uint64_t), const void *arg, uint64_t value)
{
	const struct timespec patience = {.tv_nsec = 20 * 1000 * 1000};
	int64_t since;

	for (int i = 0; i < SPINS; i++) {
		if (reached(arg, value))
			return;
		fio_pause();
	}
	since = fio_now_us();
	atomic_fetch_add(&waiters, 1);
	for (;;) {
		uint32_t e = atomic_load(&event);

		if (reached(arg, value))
			break;
		if (sys_futex_wait(&event, e, &patience) == -ETIMEDOUT)
			fio_task_check();
	}
	atomic_fetch_sub(&waiters, 1);
	fio_count_n(barrier_wait_us, fio_now_us() - since);
	fio_trace_wait(since);
}

void fio_queue_wait_pos(uint64_t pos)
{
	wait_until(pos_done, NULL, pos);
}

static bool moved(const void *arg, uint64_t pos)
{
	(void)arg;
	return atomic_load(&retire) != pos;
}

void fio_queue_wait_move(uint64_t pos)
{
	if (pos != atomic_load(&head))
		wait_until(moved, NULL, pos);
}

uint64_t fio_queue_retired(void)
{
	return atomic_load(&retire);
}

void fio_queue_wait_gen(struct fio_intent *it, uint32_t gen)
{
	wait_until(gen_done, it, gen);
}

static bool named(const void *arg, uint64_t gen)
{
	const struct fio_intent *it = arg;

	return gen_done(arg, gen) || atomic_load(&it->how) & FIO_NAMED;
}

void fio_queue_wait_named(struct fio_intent *it, uint32_t gen)
{
	wait_until(named, it, gen);
}

static bool copies_done(const void *arg, uint64_t value)
{
	(void)arg;
	return atomic_load(&fio_copies) == value || !fio_task_running();
}

void fio_queue_wait_copies(void)
{
	wait_until(copies_done, NULL, 0);
}

void fio_queue_unclaim(struct fio_intent *it)
{
	it->back = true;
	atomic_fetch_add(&n_back, 1);
	if (fio_is_pooled(it))
		atomic_fetch_add(&n_pooled, 1);
	atomic_store(&it->state, FIO_ST_QUEUED);
}

void fio_queue_repair(void)
{
	uint64_t end = atomic_load(&head);

	for (uint64_t pos = atomic_load(&retire); pos < end; pos++) {
		uintptr_t cell = atomic_load(&cells[pos & MASK]);
		struct fio_intent *it = (struct fio_intent *)cell;

		if (cell == CELL_EMPTY || cell & 1)
			continue;
		if (atomic_load(&it->state) == FIO_ST_FREE || atomic_load(&it->queue_pos) != pos)
			fio_queue_done(pos);
	}
	advance();
	fio_queue_notify();
}

void fio_queue_reset(void)
{
	for (int i = 0; i < FIO_QUEUE_SIZE; i++)
		atomic_store(&cells[i], CELL_EMPTY);
	atomic_store(&head, 0);
	atomic_store(&hint, 0);
	atomic_store(&retire, 0);
	atomic_store(&waiters, 0);
	atomic_store(&event, 0);
	atomic_store(&n_back, 0);
	atomic_store(&n_pooled, 0);
}
