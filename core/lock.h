/* SPDX-License-Identifier: MIT */
/*
 * lock.h - a small futex lock shared by program threads and the background task
 *
 * Word: 0 free; bit 0 held, bit 1 somebody may sleep, bit 2 the holder is the background task. The
 * holder alone clears the word; a waiter sets bit 1 before it sleeps and the holder that sees it
 * wakes one.  Critical sections contain no system call that can block, so a holder is never gone
 * for long; the one exception is a background task that was killed, and a program that was, hence
 * the bounded sleep after which a lock is broken whose holder no longer exists.
 */
#ifndef FIO_LOCK_H
#define FIO_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define FIO_LOCK_HELD 1u
#define FIO_LOCK_WAITERS 2u
#define FIO_LOCK_TASK 4u

struct fio_lock {
	_Atomic uint32_t word;
};

void fio_lock_slow(struct fio_lock *l, uint32_t held);
void fio_unlock_slow(struct fio_lock *l);

static inline void fio_lock_as(struct fio_lock *l, uint32_t held)
{
	uint32_t zero = 0;

	if (!atomic_compare_exchange_strong_explicit(&l->word, &zero, held, memory_order_acquire,
						     memory_order_relaxed))
		fio_lock_slow(l, held);
}

static inline bool fio_trylock_as(struct fio_lock *l, uint32_t held)
{
	uint32_t zero = 0;

	return atomic_compare_exchange_strong_explicit(&l->word, &zero, held, memory_order_acquire,
						       memory_order_relaxed);
}

static inline void fio_unlock(struct fio_lock *l)
{
	uint32_t old = atomic_exchange_explicit(&l->word, 0, memory_order_release);

	if (old & FIO_LOCK_WAITERS)
		fio_unlock_slow(l);
}

/* Program threads hold locks as FIO_LOCK_HELD, the task as FIO_LOCK_HELD|FIO_LOCK_TASK. */
static inline void fio_lock(struct fio_lock *l)
{
	fio_lock_as(l, FIO_LOCK_HELD);
}

#endif /* FIO_LOCK_H */
