/* SPDX-License-Identifier: MIT */
/*
 * intent.c - slabs of intents
 */
#include "intent.h"

#include <pthread.h>

#include "mem.h"
#include "unit.h"

#define MANY 10000
#define THREADS 4
#define ROUNDS 20000

static void blank(void)
{
	struct fio_intent *it = fio_intent_get(1), *again;
	uint32_t gen, cap;

	CHECK(it != NULL);
	CHECK_EQ(fio_state(it), FIO_ST_FREE);
	CHECK(fio_intent_at(it->index) == it);
	gen = atomic_load(&it->gen);
	it->what = 0xff;
	it->made = true;
	it->sent = true;
	it->fd = 5;
	it->err = -5;
	it->pos = 7;
	it->name_hash = it->ino_hash = 9;
	strcpy(it->name, "name");
	it->name_len = 4;
	it->data = fio_buf_get(1, 100, &cap, FIO_LOCK_HELD);
	it->cap = cap;
	atomic_store(&it->len, 100);
	atomic_store(&it->state, FIO_ST_OPEN);
	fio_intent_put(it, FIO_LOCK_HELD);
	CHECK_EQ(fio_state(it), FIO_ST_FREE);
	CHECK_EQ(atomic_load(&it->gen), gen + 1);

	again = fio_intent_get(1);
	CHECK(again == it);
	CHECK_EQ(it->what, 0);
	CHECK(!it->made && !it->sent && !it->linked && !atomic_load(&it->by_caller));
	CHECK_EQ(it->fd, -1);
	CHECK_EQ(atomic_load(&it->task_fd), -1);
	CHECK_EQ(it->err, 0);
	CHECK_EQ(it->pos, 0);
	CHECK_EQ(it->name_hash, 0);
	CHECK_EQ(it->ino_hash, 0);
	CHECK_EQ(atomic_load(&it->len), 0);
	CHECK(it->data == NULL && it->cap == 0 && it->dir == NULL);
	CHECK_STR(it->name, "");
	CHECK_EQ(atomic_load(&it->gen), gen + 1);
	fio_intent_put(it, FIO_LOCK_HELD | FIO_LOCK_TASK);
	CHECK_EQ(atomic_load(&it->lock.word), 0);
}

static struct fio_intent *many[MANY];
static uint8_t seen[MANY * 8];
static int n_seen;

static bool see(struct fio_intent *it, void *arg)
{
	CHECK(it->index < sizeof(seen));
	CHECK(seen[it->index] == 0);
	seen[it->index] = 1;
	n_seen++;
	return arg == NULL || --*(int *)arg > 0;
}

static void walk(int *limit)
{
	memset(seen, 0, sizeof(seen));
	n_seen = 0;
	fio_intent_each(see, limit);
}

static void each(void)
{
	int limit = 7;

	for (int i = 0; i < MANY; i++) {
		many[i] = fio_intent_get(1 + (unsigned)i % FIO_SHARDS);
		CHECK(many[i] != NULL);
		CHECK(fio_intent_at(many[i]->index) == many[i]);
		many[i]->pos = i;
		atomic_store(&many[i]->state, FIO_ST_OPEN);
	}
	walk(NULL);
	CHECK_EQ(n_seen, MANY);
	for (int i = 0; i < MANY; i++) {
		CHECK(seen[many[i]->index]);
		CHECK_EQ(many[i]->pos, i); /* no two share memory */
	}
	walk(&limit);
	CHECK_EQ(n_seen, 7);

	/* every other one is given back */
	for (int i = 0; i < MANY; i += 2)
		fio_intent_put(many[i], FIO_LOCK_HELD);
	walk(NULL);
	CHECK_EQ(n_seen, MANY / 2);
	for (int i = 0; i < MANY; i++)
		CHECK_EQ(seen[many[i]->index], i & 1);
	for (int i = 1; i < MANY; i += 2)
		fio_intent_put(many[i], FIO_LOCK_HELD);
	walk(NULL);
	CHECK_EQ(n_seen, 0);
	CHECK(fio_intent_at(UINT32_MAX) == NULL);
}

static bool put_all(struct fio_intent *it, void *arg)
{
	(void)arg;
	fio_intent_put(it, FIO_LOCK_HELD);
	return true;
}

static void reset(void)
{
	struct fio_intent *it = fio_intent_get(3);

	atomic_store(&it->state, FIO_ST_QUEUED);
	fio_intents_reset();
	walk(NULL);
	CHECK_EQ(n_seen, 0);
	for (int i = 0; i < 200; i++)
		CHECK(fio_intent_get(3) != NULL);
	walk(NULL);
	CHECK_EQ(n_seen, 200);
	fio_intent_each(put_all, NULL);
	walk(NULL);
	CHECK_EQ(n_seen, 0);
}

static _Atomic bool stop;

/* Each intent belongs to who got it. */
static void *churn(void *arg)
{
	struct fio_intent *kept[8] = {0};
	int me = (int)(intptr_t)arg;

	for (int i = 0; i < ROUNDS; i++) {
		struct fio_intent **k = &kept[i % 8];

		if (*k) {
			CHECK_EQ((*k)->pos, me);
			fio_intent_put(*k, FIO_LOCK_HELD);
		}
		*k = fio_intent_get(1 + (unsigned)(me + i) % 2);
		CHECK(*k != NULL);
		(*k)->pos = me;
		atomic_store(&(*k)->state, FIO_ST_OPEN);
	}
	for (int i = 0; i < 8; i++)
		fio_intent_put(kept[i], FIO_LOCK_HELD);
	return NULL;
}

static bool look(struct fio_intent *it, void *arg)
{
	CHECK(fio_state(it) <= FIO_ST_TASKED);
	CHECK(fio_intent_at(it->index) == it);
	*(long *)arg += 1;
	return true;
}

static void *walker(void *arg)
{
	while (!atomic_load(&stop))
		fio_intent_each(look, arg);
	return NULL;
}

static void threads(void)
{
	pthread_t t[THREADS], w;
	long looked = 0;

	atomic_store(&stop, false);
	CHECK_EQ(pthread_create(&w, NULL, walker, &looked), 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, churn, (void *)(intptr_t)(i + 1)), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	atomic_store(&stop, true);
	pthread_join(w, NULL);
	walk(NULL);
	CHECK_EQ(n_seen, 0);
}

static const struct unit_test tests[] = {TEST(blank), TEST(each), TEST(reset), TEST(threads)};

UNIT_MAIN(tests)
