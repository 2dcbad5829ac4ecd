/* SPDX-License-Identifier: MIT */
/*
 * clock.h - time through libc's own vdso call, which nobody can have interposed
 */
#ifndef FIO_CLOCK_H
#define FIO_CLOCK_H

#include <stdint.h>
#include <time.h>

extern int (*fio_clock)(clockid_t, struct timespec *);

static inline int64_t fio_clock_us(clockid_t id)
{
	struct timespec ts;

	fio_clock(id, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

/* Monotonic, cheap, as coarse as a tick (a few ms). */
static inline int64_t fio_coarse_us(void)
{
	return fio_clock_us(CLOCK_MONOTONIC_COARSE);
}

static inline int64_t fio_now_us(void)
{
	return fio_clock_us(CLOCK_MONOTONIC);
}

#endif /* FIO_CLOCK_H */
