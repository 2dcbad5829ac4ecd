/* SPDX-License-Identifier: MIT */
/*
 * histogram.h - times by powers of two, each divided into eight
 */
#ifndef FIO_HISTOGRAM_H
#define FIO_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

#include "fastio/ring.h"

#define FIO_HIST_BUCKETS 320 /* up to 2^42 ns, more than an hour */

struct fio_histogram {
	_Atomic uint64_t sum, max;
	_Atomic uint32_t buckets[FIO_HIST_BUCKETS];
};

void fio_hist_add(struct fio_histogram *h, uint64_t ns);
void fio_hist_read(const struct fio_histogram *h, struct fastio_latency *out);

#endif /* FIO_HISTOGRAM_H */
