/* SPDX-License-Identifier: MIT */
/*
 * load.c - is there a processor to spare?
 */
#include "load.h"

#include <stdatomic.h>

#include "clock.h"
#include "dir.h"
#include "options.h"
#include "sys.h"
#include "util.h"

#define TOGETHER 16    /* wake-ups on one processor that mean that there is no other */
#define APART 2        /* of them are made up for by one on another processor */
#define BUSY_US 100000 /* then nothing is deferred for so long */

static struct {
	_Atomic uint32_t epoch;     /* coarse time slice */
	_Atomic uint32_t active;    /* threads seen in this slice */
	_Atomic uint32_t last;      /* threads seen in the slice before */
	_Atomic int64_t busy_until; /* coarse time until which others need the processors */
	_Atomic int cpus;           /* processors this process may use */
} load;

/* The task alone: how often it was woken on the processor of who woke it, less how often not. */
static int together;

static int count_cpus(void)
{
	uint64_t mask[128];
	long n = SYS3(SYS_sched_getaffinity, 0, sizeof(mask), mask);
	int cpus = 0;

	for (long i = 0; i < n / 8; i++)
		cpus += __builtin_popcountll(mask[i]);
	return cpus > 0 ? cpus : 1;
}

bool fio_crowded(struct fio_thread *t)
{
	/* A slice is 2^14 us = 16 ms; a thread is active if it deferred in this slice or the last. */
	int64_t now_us = fio_coarse_us();
	uint32_t now = (uint32_t)(now_us >> 14), old;

	if (unlikely(!load.cpus))
		load.cpus = count_cpus();
	/* Tests of a few files want them deferred whatever else runs. */
	if (!fio_opt.warmup || atomic_load_explicit(&fio_far, memory_order_relaxed))
		return false;
	if (load.cpus == 1)
		return true;
	old = atomic_load_explicit(&load.epoch, memory_order_relaxed);
	if (now != old && atomic_compare_exchange_strong(&load.epoch, &old, now))
		atomic_store(&load.last, now == old + 1 ? atomic_exchange(&load.active, 0)
							: (atomic_store(&load.active, 0), 0));
	if (t->active_epoch != now) {
		t->active_epoch = now;
		atomic_fetch_add(&load.active, 1);
	}
	return (int)atomic_load_explicit(&load.last, memory_order_relaxed) >= load.cpus ||
	       (int)atomic_load_explicit(&load.active, memory_order_relaxed) >= load.cpus ||
	       now_us < atomic_load_explicit(&load.busy_until, memory_order_relaxed);
}

int fio_this_cpu(void)
{
	unsigned cpu = 0;

	SYS3(SYS_getcpu, &cpu, NULL, NULL);
	return (int)cpu;
}

void fio_load_woken(int waker_cpu)
{
	if (fio_this_cpu() != waker_cpu) {
		together = together > APART ? together - APART : 0;
		return;
	}
	if (++together < TOGETHER)
		return;
	together = TOGETHER / 2;
	atomic_store(&load.busy_until, fio_coarse_us() + BUSY_US);
}

void fio_load_reset(void)
{
	atomic_store(&load.active, 0);
	atomic_store(&load.last, 0);
	atomic_store(&load.busy_until, 0);
	load.cpus = 0;
}
