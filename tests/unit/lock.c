/* SPDX-License-Identifier: MIT */
/*
 * lock.c - the futex lock
 */
#include "lock.h"

#include <pthread.h>
#include <time.h>

#include "unit.h"

#define THREADS 4
#define ROUNDS 100000

static struct fio_lock lock;
static long shared; /* plain on purpose */
static int inside;

static void word(void)
{
	fio_lock(&lock);
	CHECK_EQ(atomic_load(&lock.word), FIO_LOCK_HELD);
	CHECK(!fio_trylock_as(&lock, FIO_LOCK_HELD));
	CHECK(!fio_trylock_as(&lock, FIO_LOCK_HELD | FIO_LOCK_TASK));
	fio_unlock(&lock);
	CHECK_EQ(atomic_load(&lock.word), 0);
	CHECK(fio_trylock_as(&lock, FIO_LOCK_HELD | FIO_LOCK_TASK));
	CHECK_EQ(atomic_load(&lock.word), FIO_LOCK_HELD | FIO_LOCK_TASK);
	fio_unlock(&lock);
	CHECK_EQ(atomic_load(&lock.word), 0);
}

static void *count(void *arg)
{
	bool try = (bool)(intptr_t)arg;

	for (int i = 0; i < ROUNDS; i++) {
		if (!try || !fio_trylock_as(&lock, FIO_LOCK_HELD))
			fio_lock(&lock);
		CHECK_EQ(inside++, 0);
		shared++;
		if (i % 1000 == 0)
			sched_yield(); /* somebody runs into a held lock */
		inside--;
		fio_unlock(&lock);
	}
	return NULL;
}

static void exclusion(void)
{
	pthread_t t[THREADS];

	shared = 0;
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, count, (void *)(intptr_t)(i & 1)), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(shared, (long)THREADS * ROUNDS);
	CHECK_EQ(atomic_load(&lock.word), 0);
}

static void *take(void *arg)
{
	(void)arg;
	fio_lock(&lock);
	shared++;
	fio_unlock(&lock);
	return NULL;
}

/* Held for long: the others sleep, and all of them are woken. */
static void sleepers(void)
{
	const struct timespec held = {.tv_nsec = 150 * 1000 * 1000};
	pthread_t t[THREADS];

	shared = 0;
	fio_lock(&lock);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, take, NULL), 0);
	nanosleep(&held, NULL);
	CHECK_EQ(shared, 0);
	CHECK(atomic_load(&lock.word) & FIO_LOCK_WAITERS);
	fio_unlock(&lock);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(shared, THREADS);
	CHECK_EQ(atomic_load(&lock.word), 0);
}

static const struct unit_test tests[] = {TEST(word), TEST(exclusion), TEST(sleepers)};

UNIT_MAIN(tests)
