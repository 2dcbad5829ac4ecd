/* SPDX-License-Identifier: MIT */
/*
 * lock.c - the slow path of the futex lock
 */
#include "lock.h"

#include "sys.h"
#include "task.h"
#include "util.h"

#define SPINS 200

void fio_lock_slow(struct fio_lock *l, uint32_t held)
{
	const struct timespec patience = {.tv_nsec = 20 * 1000 * 1000};
	uint32_t old, zero;

	for (int i = 0; i < SPINS; i++) {
		zero = 0;
		if (atomic_compare_exchange_weak_explicit(
			    &l->word, &zero, held, memory_order_acquire, memory_order_relaxed))
			return;
		fio_pause();
	}

	for (;;) {
		/*
		 * From here on we may not be the only sleeper, so we hold it with the waiters bit
		 * set.
		 */
		old = atomic_load_explicit(&l->word, memory_order_relaxed);
		if (old == 0) {
			if (atomic_compare_exchange_weak_explicit(
				    &l->word, &old, held | FIO_LOCK_WAITERS, memory_order_acquire,
				    memory_order_relaxed))
				return;
			continue;
		}
		if (!(old & FIO_LOCK_WAITERS) &&
		    !atomic_compare_exchange_weak_explicit(&l->word, &old, old | FIO_LOCK_WAITERS,
							   memory_order_relaxed,
							   memory_order_relaxed))
			continue;
		old |= FIO_LOCK_WAITERS;
		if (sys_futex_wait(&l->word, old, &patience) != -ETIMEDOUT)
			continue;
		/*
		 * A holder that was killed will not come back: nothing it did not finish was
		 * acknowledged.
		 */
		if (held & FIO_LOCK_TASK ? !(old & FIO_LOCK_TASK) && fio_task_orphaned()
					 : (old & FIO_LOCK_TASK) && fio_task_lost())
			atomic_compare_exchange_strong(&l->word, &old, 0);
	}
}

void fio_unlock_slow(struct fio_lock *l)
{
	sys_futex_wake(&l->word, 1);
}
