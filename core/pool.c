/* SPDX-License-Identifier: MIT */
/*
 * pool.c - the background task's workers, for file systems where an operation is a round trip
 *
 * Protocol.  A worker that finds nothing counts itself in idle, reads event, looks once more, and
 * sleeps on event.  Whoever queues something for the pool looks at idle afterwards: if somebody is,
 * event changes and one is woken.  If nobody is, the next worker that takes something makes another
 * one, so their number grows until all have enough to do.  The first is made by the task.
 */
#include "pool.h"

#include <linux/sched.h>

#include "ahead.h"
#include "clock.h"
#include "counters.h"
#include "dir.h"
#include "exec.h"
#include "keep.h"
#include "mem.h"
#include "queue.h"
#include "sys.h"
#include "task.h"
#include "util.h"

#define STACK (64u * 1024)
#define SLEEP_NS 100000000 /* an idle worker looks again */
#define SOON_NS 200000     /* the same while a directory's descriptor is on its way to it */
#define LOOK_NS 1000000    /* between two looks whether all are idle */
#define SETTLED 3          /* such looks in a row that mean it */

static struct {
	_Atomic uint32_t places;    /* of workers: made, or tried to */
	_Atomic uint32_t workers;   /* made */
	_Atomic uint32_t idle;      /* asleep, or about to be */
	_Atomic uint32_t event;     /* futex of idle workers */
	_Atomic bool failed;        /* none could be made */
	char *stacks[FIO_POOL_MAX]; /* kept for the next task */
} pool;

bool fio_pool_usable(void)
{
#ifdef __SANITIZE_THREAD__
	return false; /* its runtime has no state for them */
#else
	return !atomic_load_explicit(&pool.failed, memory_order_relaxed);
#endif
}

static int worker(void *arg);

/* Is there more to do than those who are busy can? */
static bool has_work(void)
{
	return fio_queue_pooled() || fio_ahead_wanted() || fio_keep_asked();
}

static void make_one(void)
{
	const unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
				    CLONE_THREAD | CLONE_SYSVSEM | CLONE_IO | CLONE_SETTLS;
	uint32_t n = atomic_load(&pool.places);

	do {
		if (n >= FIO_POOL_MAX)
			return;
	} while (!atomic_compare_exchange_weak(&pool.places, &n, n + 1));
	if (!pool.stacks[n])
		pool.stacks[n] = fio_region(STACK);
	/* Counted first: who sees that there is one leaves the work to it. */
	atomic_fetch_add(&pool.workers, 1);
	if (pool.stacks[n] &&
	    fio_clone(worker, pool.stacks[n] + STACK, flags, NULL, fio_task_tls()) > 0) {
		fio_count(pool_workers);
		return;
	}
	/* No room: as many as there are have to do. */
	if (atomic_fetch_sub(&pool.workers, 1) == 1)
		atomic_store(&pool.failed, true);
}

static struct fio_intent *next(void)
{
	struct timespec patience = {.tv_nsec = SLEEP_NS};
	struct fio_intent *it = fio_queue_claim_pooled();
	uint32_t e;

	if (it)
		return it;
	atomic_fetch_add(&pool.idle, 1);
	e = atomic_load(&pool.event);
	it = fio_queue_claim_pooled();
	if (!it && fio_ahead_wanted() && !fio_ahead_work())
		patience.tv_nsec = SOON_NS;
	if (!it && !fio_keep_asked())
		sys_futex_wait(&pool.event, e, &patience);
	atomic_fetch_sub(&pool.idle, 1);
	return it;
}

static int worker(void *arg)
{
	(void)arg;
	for (;;) {
		struct fio_intent *it;
		struct fio_dir *dir;
		struct fio_fs *fs;
		int64_t began;

		/* The program waits for it. */
		if (fio_keep_work())
			continue;
		it = next();
		if (!atomic_load(&pool.idle) && has_work())
			make_one();
		if (!it) {
			while (fio_ahead_work() && !fio_queue_pooled())
				;
			continue;
		}
		/*
		 * Without a reference of its own, which a worker that is killed would leave behind:
		 * the intent has one until it is done, and under_way counts on whatever dir is
		 * then.
		 */
		dir = it->dir;
		fs = dir->fs;
		fio_task_await_mail(it);
		fio_task_lag();
		began = fio_now_us();
		fio_exec(it, true);
		fio_fs_took(fs, fio_now_us() - began);
		fio_count(pool_executed);
		atomic_fetch_sub(&dir->under_way, 1);
	}
	return 0;
}

void fio_pool_kick(void)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&pool.idle, memory_order_relaxed)) {
		atomic_fetch_add(&pool.event, 1);
		sys_futex_wake(&pool.event, 1);
	} else if (!atomic_load_explicit(&pool.workers, memory_order_relaxed)) {
		fio_task_wake();
	}
}

void fio_pool_look(void)
{
	if (has_work() && !atomic_load(&pool.workers) && fio_pool_usable())
		make_one();
}

void fio_pool_drain(void)
{
	const struct timespec brief = {.tv_nsec = LOOK_NS};
	int settled = 0;

	while (settled < SETTLED) {
		uint32_t idle = atomic_load(&pool.idle);

		settled = idle == atomic_load(&pool.workers) ? settled + 1 : 0;
		fio_task_look_for_mail(); /* which they may wait for */
		sys_nanosleep(&brief);
	}
}

void fio_pool_reset(void)
{
	atomic_store(&pool.places, 0);
	atomic_store(&pool.workers, 0);
	atomic_store(&pool.idle, 0);
	atomic_store(&pool.event, 0);
	atomic_store(&pool.failed, false);
	fio_keep_reset();
}
