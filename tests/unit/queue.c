/* SPDX-License-Identifier: MIT */
/*
 * queue.c - the claimable queue
 */
#include "queue.h"

#include <pthread.h>

#include "clock.h"
#include "unit.h"

#define THREADS 4
#define ROUNDS 100000

static struct fio_intent *make(enum fio_kind kind)
{
	struct fio_intent *it = fio_intent_get(1);

	it->kind = (uint8_t)kind;
	return it;
}

static void done(struct fio_intent *it)
{
	uint64_t pos = atomic_load(&it->queue_pos);

	fio_intent_put(it, FIO_LOCK_HELD);
	fio_queue_done(pos);
}

static void fifo(void)
{
	struct fio_intent *it[10];
	uint64_t first = fio_queue_head();

	CHECK(fio_queue_claim(first, true) == NULL);
	for (int i = 0; i < 10; i++) {
		it[i] = make(FIO_KIND_CREATE);
		CHECK(fio_queue_put(it[i]));
		CHECK_EQ(fio_state(it[i]), FIO_ST_QUEUED);
		CHECK_EQ(atomic_load(&it[i]->queue_pos), first + (unsigned)i);
	}
	CHECK_EQ(fio_queue_head(), first + 10);
	CHECK_EQ(fio_queue_depth(), 10);
	CHECK_EQ(fio_queue_unclaimed(fio_queue_head()), 10);
	for (int i = 0; i < 10; i++) {
		CHECK(fio_queue_claim(first + (unsigned)i, i & 1) ==
		      NULL); /* not before its turn */
		CHECK(fio_queue_claim(first + 10, i & 1) == it[i]);
		CHECK_EQ(fio_state(it[i]), i & 1 ? FIO_ST_CLAIMED : FIO_ST_TASKED);
	}
	CHECK(fio_queue_claim(first + 10, true) == NULL);
	CHECK_EQ(fio_queue_depth(), 10);
	CHECK_EQ(fio_queue_unclaimed(fio_queue_head()), 0);
	for (int i = 0; i < 10; i++) {
		done(it[i]);
		CHECK_EQ(fio_queue_depth(), 9 - (unsigned)i);
		fio_queue_wait_pos(first + (unsigned)i + 1); /* returns at once */
	}
}

static void out_of_order(void)
{
	struct fio_intent *a = make(FIO_KIND_UNLINK), *b = make(FIO_KIND_CREATE),
			  *c = make(FIO_KIND_CREATE);
	uint64_t limit;

	CHECK(fio_queue_put(a) && fio_queue_put(b) && fio_queue_put(c));
	limit = fio_queue_head();
	CHECK(fio_queue_claim_one(b, true));
	CHECK(!fio_queue_claim_one(b, true));
	CHECK(fio_queue_claim(limit, true) == a);
	CHECK(fio_queue_claim(limit, true) == c);
	CHECK(fio_queue_claim(limit, true) == NULL);
	done(b);
	CHECK_EQ(fio_queue_depth(), 3); /* a is before it */
	done(c);
	CHECK_EQ(fio_queue_depth(), 3);
	done(a);
	CHECK_EQ(fio_queue_depth(), 0);
}

/* A caller leaves to the task what only the task has the descriptor of. */
static void write_is_for_the_task(void)
{
	struct fio_intent *w = make(FIO_KIND_WRITE), *c = make(FIO_KIND_CREATE);

	CHECK(fio_queue_put(w) && fio_queue_put(c));
	CHECK(fio_queue_claim(fio_queue_head(), true) == c);
	CHECK(fio_queue_claim(fio_queue_head(), true) == NULL);
	CHECK(fio_queue_unclaimed(fio_queue_head()) >= 1);
	CHECK(fio_queue_claim(fio_queue_head(), false) == w);
	done(c);
	done(w);
	CHECK_EQ(fio_queue_depth(), 0);
}

/* A directory goes when what was queued before the last removal in it is done. */
static void directory_goes_last(void)
{
	struct fio_intent *a = make(FIO_KIND_UNLINK), *d = make(FIO_KIND_RMDIR),
			  *b = make(FIO_KIND_UNLINK);
	uint64_t limit;

	CHECK(fio_queue_put(a));
	d->after = fio_queue_head();
	CHECK(fio_queue_put(d) && fio_queue_put(b));
	limit = fio_queue_head();
	CHECK(fio_queue_claim(limit, false) == a);
	CHECK(fio_queue_claim(limit, false) == b);
	CHECK(fio_queue_claim(limit, true) == NULL);
	CHECK(fio_queue_unclaimed(limit) >= 1);
	done(b);
	CHECK(fio_queue_claim(limit, false) == NULL);
	done(a);
	CHECK(fio_queue_claim(limit, true) == d);
	done(d);
	CHECK_EQ(fio_queue_depth(), 0);
}

static void unclaim(void)
{
	struct fio_intent *a = make(FIO_KIND_CREATE), *b = make(FIO_KIND_CREATE);

	CHECK(fio_queue_put(a) && fio_queue_put(b));
	CHECK(fio_queue_claim(fio_queue_head(), true) == a);
	CHECK(fio_queue_claim(fio_queue_head(), true) == b);
	fio_queue_unclaim(a);
	CHECK_EQ(fio_state(a), FIO_ST_QUEUED);
	CHECK(fio_queue_unclaimed(fio_queue_head()) >= 1);
	CHECK(fio_queue_claim(fio_queue_head(), false) == a);
	done(a);
	done(b);
	CHECK_EQ(fio_queue_depth(), 0);
}

static void full(void)
{
	static struct fio_intent *it[FIO_QUEUE_SIZE];
	struct fio_intent *more = make(FIO_KIND_CREATE);
	uint64_t head;

	for (int lap = 0; lap < 3; lap++) {
		for (int i = 0; i < FIO_QUEUE_SIZE; i++) {
			it[i] = make(FIO_KIND_CREATE);
			CHECK(fio_queue_put(it[i]));
		}
		head = fio_queue_head();
		CHECK(!fio_queue_put(more));
		CHECK_EQ(fio_queue_head(), head);
		CHECK(fio_state(more) == FIO_ST_FREE || fio_state(more) == FIO_ST_QUEUING);
		/* one in the middle makes no room, the first does */
		CHECK(fio_queue_claim_one(it[500], true));
		done(it[500]);
		CHECK(!fio_queue_put(more));
		CHECK(fio_queue_claim(head, true) == it[0]);
		done(it[0]);
		CHECK(fio_queue_put(more));
		CHECK(!fio_queue_put(it[0]));
		for (int i = 1; i < FIO_QUEUE_SIZE; i++) {
			if (i == 500)
				continue;
			CHECK(fio_queue_claim(fio_queue_head(), true) == it[i]);
			done(it[i]);
		}
		CHECK(fio_queue_claim(fio_queue_head(), true) == more);
		done(more);
		CHECK_EQ(fio_queue_depth(), 0);
		more = make(FIO_KIND_CREATE);
	}
	fio_intent_put(more, FIO_LOCK_HELD);
}

static void *finish_later(void *arg)
{
	const struct timespec brief = {.tv_nsec = 60 * 1000 * 1000};

	nanosleep(&brief, NULL);
	done(arg);
	return NULL;
}

/* Longer than a waiter spins. */
static void waiting(void)
{
	struct fio_intent *a = make(FIO_KIND_CREATE), *b = make(FIO_KIND_CREATE);
	uint32_t gen;
	pthread_t t;

	CHECK(fio_queue_put(a) && fio_queue_put(b));
	CHECK(fio_queue_claim(fio_queue_head(), true) == a);
	CHECK(fio_queue_claim(fio_queue_head(), true) == b);
	done(b);
	CHECK_EQ(pthread_create(&t, NULL, finish_later, a), 0);
	fio_queue_wait_pos(fio_queue_head());
	CHECK_EQ(fio_queue_depth(), 0);
	pthread_join(t, NULL);

	a = make(FIO_KIND_CREATE);
	gen = atomic_load(&a->gen);
	CHECK(fio_queue_put(a));
	CHECK(fio_queue_claim(fio_queue_head(), true) == a);
	CHECK_EQ(pthread_create(&t, NULL, finish_later, a), 0);
	fio_queue_wait_gen(a, gen);
	CHECK(atomic_load(&a->gen) != gen);
	pthread_join(t, NULL);
}

static _Atomic uint8_t times_done[THREADS * ROUNDS];
static bool with_unclaim;

static void execute(struct fio_intent *it, unsigned *dice)
{
	*dice = *dice * 1664525u + 1013904223u;
	if (with_unclaim && *dice >> 28 == 0) {
		fio_queue_unclaim(it);
		return;
	}
	atomic_fetch_add_explicit(&times_done[it->pos], 1, memory_order_relaxed);
	done(it);
}

static void *work(void *arg)
{
	int me = (int)(intptr_t)arg, checked = 0;
	unsigned dice = (unsigned)me;

	for (int i = 0; i < ROUNDS; i++) {
		struct fio_intent *it = fio_intent_get(1 + (unsigned)me), *other;
		uint64_t limit;

		it->kind = FIO_KIND_CREATE;
		it->pos = me * ROUNDS + i;
		while (fio_queue_depth() >= 64 || !fio_queue_put(it)) {
			other = fio_queue_claim(fio_queue_head(), true);
			if (other)
				execute(other, &dice);
		}
		if (i % 8 == 0) {
			other = fio_queue_claim(fio_queue_head(), i & 1);
			if (other)
				execute(other, &dice);
		}
		if (i % 50 && i != ROUNDS - 1)
			continue;
		/* a barrier: all that this thread has put is done */
		limit = fio_queue_head();
		do {
			while ((other = fio_queue_claim(limit, true)))
				execute(other, &dice);
		} while (with_unclaim && fio_queue_unclaimed(fio_queue_head()));
		fio_queue_wait_pos(limit);
		for (; checked <= i; checked++)
			CHECK_EQ(atomic_load(&times_done[me * ROUNDS + checked]), 1);
	}
	return NULL;
}

static void run_threads(void *(*fn)(void *))
{
	pthread_t t[THREADS];

	memset((void *)times_done, 0, sizeof(times_done));
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, fn, (void *)(intptr_t)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(fio_queue_depth(), 0);
	for (int i = 0; i < THREADS * ROUNDS; i++)
		CHECK_EQ(atomic_load_explicit(&times_done[i], memory_order_relaxed), 1);
}

static void stress(void)
{
	run_threads(work);
}

/*
 * Completions far out of order, as a ring delivers them: the queue wraps over cells that are done.
 */
static void *work_in_batches(void *arg)
{
	enum { BATCH = 32 };
	int me = (int)(intptr_t)arg, put = 0;
	uint64_t limit;

	do {
		struct fio_intent *batch[BATCH];
		int n = 0;

		while (put < ROUNDS && n++ < BATCH) {
			struct fio_intent *it = fio_intent_get(1 + (unsigned)me);

			it->kind = FIO_KIND_CREATE;
			it->pos = me * ROUNDS + put;
			if (!fio_queue_put(it)) {
				fio_intent_put(it, FIO_LOCK_HELD);
				break;
			}
			put++;
		}
		limit = fio_queue_head();
		for (n = 0; n < BATCH && (batch[n] = fio_queue_claim(limit, false)); n++)
			;
		while (n--) {
			atomic_fetch_add_explicit(&times_done[batch[n]->pos], 1,
						  memory_order_relaxed);
			done(batch[n]);
		}
	} while (put < ROUNDS || fio_queue_unclaimed(fio_queue_head()));
	limit = fio_queue_head();
	fio_queue_wait_pos(limit);
	for (int i = 0; i < ROUNDS; i++)
		CHECK_EQ(atomic_load(&times_done[me * ROUNDS + i]), 1);
	return NULL;
}

static void stress_in_batches(void)
{
	run_threads(work_in_batches);
}

static void stress_with_unclaim(void)
{
	with_unclaim = true;
	run_threads(work);
	with_unclaim = false;
}

static void reset(void)
{
	CHECK(fio_queue_put(make(FIO_KIND_CREATE)));
	fio_queue_reset();
	CHECK_EQ(fio_queue_head(), 0);
	CHECK_EQ(fio_queue_depth(), 0);
	CHECK(fio_queue_claim(100, true) == NULL);
	fifo();
}

static const struct unit_test tests[] = {
	TEST(fifo),
	TEST(out_of_order),
	TEST(write_is_for_the_task),
	TEST(directory_goes_last),
	TEST(unclaim),
	TEST(full),
	TEST(waiting),
	TEST(stress),
	TEST(stress_in_batches),
	TEST(stress_with_unclaim),
	TEST(reset),
};

int main(int argc, char **argv)
{
	fio_clock = clock_gettime;
	return unit_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
