/* SPDX-License-Identifier: MIT */
/*
 * load.c - is there a processor to spare?
 */
#include "load.h"

#include <fcntl.h>
#include <stdatomic.h>

#include "clock.h"
#include "counters.h"
#include "dir.h"
#include "fio.h"
#include "options.h"
#include "sys.h"
#include "util.h"

#define TOGETHER 16    /* wake-ups on one processor that mean that there is no other */
#define APART 2        /* of them are made up for by one on another processor */
#define BUSY_US 100000 /* then nothing is deferred for so long */
#define LOOK_US 100000 /* idle time is counted in 10 ms: between two looks at it */
#define FIRST_US 40000 /* the first of them: roughly */
#define ALONE 8        /* the callers carry out so many times as much as the task, */
#define ALONE_MIN 64   /* of not fewer */
#define SPARE 2        /* less than one processor in so many to spare: others need them */

static struct {
	_Atomic uint32_t epoch;     /* coarse time slice */
	_Atomic uint32_t active;    /* threads seen in this slice */
	_Atomic uint32_t last;      /* threads seen in the slice before */
	_Atomic int64_t busy_until; /* coarse time until which others need the processors */
	_Atomic int cpus;           /* processors this process may use */
} load;

#define COUNTED(name) atomic_load_explicit(&fio_counters[FIO_CNT_##name], memory_order_relaxed)

/* The task alone: what it saw when it looked last. */
static struct {
	int64_t at_us;   /* when; 0: never */
	int64_t idle_us; /* of all processors together */
	int64_t own_us;  /* the task's processor time */
	uint64_t done;   /* intents carried out in the background */
	uint64_t helped; /* ... by the callers */
	bool looked;     /* more than once */
} seen;

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
	/*
	 * A slice is 2^14 us = 16 ms; a thread is active if it deferred in this slice or the last.
	 */
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

/* The second number of /proc/uptime, in seconds with two decimals; -1: not known. */
static int64_t idle_us(void)
{
	int fd = sys_openat(AT_FDCWD, "/proc/uptime", O_RDONLY | O_CLOEXEC, 0);
	char text[64], *p = text;
	ssize_t n = fd < 0 ? -1 : sys_read(fd, text, sizeof(text) - 1);
	int64_t v = 0;

	if (fd >= 0)
		sys_close(fd);
	text[n > 0 ? n : 0] = '\0';
	while (*p && *p != ' ')
		p++;
	if (!*p++)
		return -1;
	for (; (*p >= '0' && *p <= '9') || *p == '.'; p++)
		v = *p == '.' ? v : v * 10 + (*p - '0');
	return v * 10000;
}

/* The task gets no processor: what was put off is left for the callers. */
static bool alone(void)
{
	uint64_t done = COUNTED(executed_task) + COUNTED(executed_ring);
	uint64_t helped = COUNTED(executed_caller), more = helped - seen.helped;
	bool is = more >= ALONE_MIN && (done - seen.done) * ALONE < more;

	seen.done = done;
	seen.helped = helped;
	return is;
}

/* What the task itself used would be idle without it. */
void fio_load_look(bool waits)
{
	int64_t now = fio_coarse_us(), span = now - seen.at_us, idle, own, spare;

	if (span < (seen.looked ? LOOK_US : FIRST_US))
		return;
	idle = idle_us();
	own = fio_clock_us(CLOCK_PROCESS_CPUTIME_ID);
	spare = idle - seen.idle_us + own - seen.own_us;
	if ((alone() || (!waits && idle >= 0 && spare < span / SPARE)) && seen.at_us)
		atomic_store(&load.busy_until, now + BUSY_US);
	seen.looked = seen.at_us;
	seen.at_us = now;
	seen.idle_us = idle;
	seen.own_us = own;
}

void fio_load_reset(void)
{
	if (!atomic_load(&load.epoch) && !seen.at_us)
		return;
	atomic_store(&load.epoch, 0);
	atomic_store(&load.active, 0);
	atomic_store(&load.last, 0);
	atomic_store(&load.busy_until, 0);
	load.cpus = 0;
	seen.at_us = 0;
	seen.looked = false;
	seen.done = seen.helped = 0;
}
