/* SPDX-License-Identifier: MIT */
/*
 * histogram.c - times by powers of two, each divided into eight
 */
#include "histogram.h"

/* 0 to 7 as they are; then the position of the highest bit and the three bits below it */
static unsigned bucket_of(uint64_t ns)
{
	unsigned top, b;

	if (ns < 8)
		return (unsigned)ns;
	top = 63 - (unsigned)__builtin_clzll(ns);
	b = (top - 2) * 8 + (unsigned)(ns >> (top - 3) & 7);
	return b < FIO_HIST_BUCKETS ? b : FIO_HIST_BUCKETS - 1;
}

/* The middle of a bucket */
static uint64_t value_of(unsigned bucket)
{
	unsigned top;

	if (bucket < 8)
		return bucket;
	top = bucket / 8 + 2;
	return (8 + bucket % 8) * (1ULL << (top - 3)) + (1ULL << (top - 3)) / 2;
}

void fio_hist_add(struct fio_histogram *h, uint64_t ns)
{
	uint64_t max = atomic_load_explicit(&h->max, memory_order_relaxed);

	while (ns > max && !atomic_compare_exchange_weak_explicit(
				   &h->max, &max, ns, memory_order_relaxed, memory_order_relaxed))
		;
	atomic_fetch_add_explicit(&h->sum, ns, memory_order_relaxed);
	atomic_fetch_add_explicit(&h->buckets[bucket_of(ns)], 1, memory_order_relaxed);
}

static uint64_t at_rank(const struct fio_histogram *h, uint64_t rank)
{
	uint64_t seen = 0;
	unsigned i;

	for (i = 0; i + 1 < FIO_HIST_BUCKETS; i++) {
		seen += atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
		if (seen > rank)
			break;
	}
	return value_of(i);
}

void fio_hist_read(const struct fio_histogram *h, struct fastio_latency *out)
{
	*out = (struct fastio_latency){.max = atomic_load_explicit(&h->max, memory_order_relaxed)};
	for (unsigned i = 0; i < FIO_HIST_BUCKETS; i++)
		out->count += atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
	if (!out->count)
		return;
	out->mean = atomic_load_explicit(&h->sum, memory_order_relaxed) / out->count;
	out->p50 = at_rank(h, out->count / 2);
	out->p90 = at_rank(h, out->count * 9 / 10);
	out->p99 = at_rank(h, out->count * 99 / 100);
}
