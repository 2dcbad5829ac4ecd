/* SPDX-License-Identifier: MIT */
/*
 * mem.c - buffers for held content
 */
#include "mem.h"

#include <pthread.h>

#include "lock.h"
#include "unit.h"

#define THREADS 4
#define ROUNDS 20000
#define KEPT 16

static void classes(void)
{
	static const uint32_t sizes[] = {1,    255,  256,   257,   512,    513,    1000,
					 4096, 4097, 65536, 65537, 131073, 262143, FIO_BUF_MAX};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint32_t cap = 0;
		char *p = fio_buf_get(1, sizes[i], &cap, FIO_LOCK_HELD);

		CHECK(p != NULL);
		CHECK(cap >= sizes[i]);
		CHECK(cap >= FIO_BUF_MIN && cap <= FIO_BUF_MAX);
		CHECK((cap & (cap - 1)) == 0);
		CHECK(cap == FIO_BUF_MIN || cap / 2 < sizes[i]);
		CHECK(((uintptr_t)p & 15) == 0);
		memset(p, 0xff, cap);
		fio_buf_put(1, p, cap, FIO_LOCK_HELD);
	}
}

static void reuse(void)
{
	uint32_t cap;
	char *a = fio_buf_get(2, 1000, &cap, FIO_LOCK_HELD);
	char *b = fio_buf_get(2, 1000, &cap, FIO_LOCK_HELD);

	CHECK(a != b && (a + cap <= b || b + cap <= a));
	fio_buf_put(2, a, cap, FIO_LOCK_HELD);
	CHECK(fio_buf_get(2, 513, &cap, FIO_LOCK_HELD) == a);
	fio_buf_put(2, a, cap, FIO_LOCK_HELD);
	/* another class, another shard: another buffer */
	CHECK(fio_buf_get(2, 512, &cap, FIO_LOCK_HELD) != a);
	CHECK(fio_buf_get(3, 1000, &cap, FIO_LOCK_HELD) != a);
	/* a buffer may go to another shard */
	fio_buf_put(4, b, 1024, FIO_LOCK_HELD);
	CHECK(fio_buf_get(4, 1000, &cap, FIO_LOCK_HELD) == b);
}

static int by_address(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;

	return (x > y) - (x < y);
}

/* More than a region holds: none overlap. */
static void many(void)
{
	enum { N = 300 };
	static char *p[N];
	uint32_t cap;

	for (int i = 0; i < N; i++) {
		p[i] = fio_buf_get(5, 16384, &cap, FIO_LOCK_HELD);
		CHECK(p[i] != NULL && cap == 16384);
	}
	qsort(p, N, sizeof(p[0]), by_address);
	for (int i = 1; i < N; i++)
		CHECK(p[i - 1] + cap <= p[i]);
	for (int i = 0; i < N; i++)
		fio_buf_put(5, p[i], cap, FIO_LOCK_HELD);
}

static uint32_t random_size(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return 1 + (uint32_t)(*seed >> 33) % (256u << (*seed >> 60) % 5);
}

/* What is mine nobody else writes to; buffers wander between shards. */
static void *churn(void *arg)
{
	struct {
		unsigned char *p;
		uint32_t cap;
	} kept[KEPT] = {0};
	unsigned me = (unsigned)(uintptr_t)arg;
	uint64_t seed = me;

	for (int i = 0; i < ROUNDS; i++) {
		uint32_t n = random_size(&seed);
		int k = i % KEPT;

		if (kept[k].p) {
			CHECK(kept[k].p[0] == me && kept[k].p[kept[k].cap / 2] == me &&
			      kept[k].p[kept[k].cap - 1] == me);
			fio_buf_put(6 + (unsigned)i % 2, kept[k].p, kept[k].cap, FIO_LOCK_HELD);
		}
		kept[k].p = fio_buf_get(6 + n % 2, n, &kept[k].cap, FIO_LOCK_HELD);
		CHECK(kept[k].p != NULL && kept[k].cap >= n);
		memset(kept[k].p, (int)me, kept[k].cap);
	}
	return NULL;
}

static void threads(void)
{
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, churn, (void *)(intptr_t)(i + 1)), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

static void reset(void)
{
	uint32_t cap;
	char *old = fio_buf_get(7, 4096, &cap, FIO_LOCK_HELD), *p;

	old[0] = 'o';
	fio_mem_reset();
	CHECK_EQ(old[0], 'o'); /* stays mapped */
	p = fio_buf_get(7, 4096, &cap, FIO_LOCK_HELD);
	CHECK(p != NULL);
	memset(p, 1, cap);
}

static void region(void)
{
	char *p = fio_region(123456);

	CHECK(p != NULL);
	for (int i = 0; p && i < 123456; i++)
		CHECK(p[i] == 0);
	CHECK(fio_region((size_t)1 << 62) == NULL);
}

static const struct unit_test tests[] = {
	TEST(classes), TEST(reuse), TEST(many), TEST(threads), TEST(reset), TEST(region),
};

UNIT_MAIN(tests)
