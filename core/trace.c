/* SPDX-License-Identifier: MIT */
/*
 * trace.c - the recorder
 */
#include "trace.h"

#include <string.h>

#include "clock.h"
#include "dir.h"
#include "fmt.h"
#include "intent.h"
#include "log.h"
#include "mem.h"
#include "options.h"
#include "sys.h"

#define RECORDS 16384u
#define ENOUGH (RECORDS / 8) /* records that the task writes out at a time */
#define DIRS 4096u           /* directories of which it is known that their path was recorded */
#define CLAIMS 4096u

bool fio_tracing;

static struct fio_trace_record *ring;
static _Alignas(FIO_CACHELINE) _Atomic uint64_t head; /* next position to reserve */
static _Alignas(FIO_CACHELINE) _Atomic uint64_t tail; /* everything before is in the file */
static _Atomic uint32_t lost;
static bool introduced;              /* the record of the process was written */
static _Atomic uint32_t named[DIRS]; /* gen + 1 of the directory whose path was recorded */

/* Since when and by whom an intent is being executed; by index, the executor owns its entry. */
static struct claim {
	uint32_t index; /* + 1 */
	uint32_t by;    /* enum fio_trace_by */
	int64_t since_ns;
} claims[CLAIMS];

int64_t fio_trace_now(void)
{
	struct timespec ts;

	fio_clock(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

void fio_trace_init(void)
{
	if (!fio_opt.trace[0] || !fio_clock)
		return;
	ring = fio_region(RECORDS * sizeof(*ring));
	fio_tracing = ring != NULL;
}

void fio_trace_reset(void)
{
	if (!fio_tracing)
		return;
	atomic_store(&head, 0);
	atomic_store(&tail, 0);
	atomic_store(&lost, 0);
	introduced = false;
	memset(claims, 0, sizeof(claims));
	memset((void *)named, 0, sizeof(named));
	for (uint32_t i = 0; i < RECORDS; i++)
		atomic_store_explicit(&ring[i].seq, 0, memory_order_relaxed);
}

/* A record to fill in, or NULL: no room. */
static struct fio_trace_record *reserve(enum fio_trace_type type, uint64_t *pos)
{
	struct fio_trace_record *r;

	*pos = atomic_load(&head);
	do {
		if (*pos - atomic_load(&tail) >= RECORDS) {
			atomic_fetch_add(&lost, 1);
			return NULL;
		}
	} while (!atomic_compare_exchange_weak(&head, pos, *pos + 1));
	r = &ring[*pos % RECORDS];
	r->begin_ns = fio_trace_now();
	r->took_ns = 0;
	r->pid = fio_pid;
	r->tid = sys_gettid();
	r->type = (uint8_t)type;
	r->kind = r->cause = r->by = 0;
	r->size = r->dir = r->gen = 0;
	r->err = 0;
	r->name[0] = '\0';
	return r;
}

static void publish(struct fio_trace_record *r, uint64_t pos)
{
	atomic_store_explicit(&r->seq, pos + 1, memory_order_release);
}

static void put_name(struct fio_trace_record *r, const char *name)
{
	struct fio_fmt f;

	fmt_init(&f, r->name, sizeof(r->name));
	fmt_str(&f, name);
}

/* By a program thread, which alone can ask for the path of the program's descriptor. */
static void name_dir(const struct fio_dir *d)
{
	uint32_t gen = atomic_load(&d->gen);
	struct fio_trace_record *r;
	char link[40];
	struct fio_fmt f;
	uint64_t pos;
	long n;

	if (d->index >= DIRS || atomic_exchange(&named[d->index], gen + 1) == gen + 1)
		return;
	r = reserve(FIO_TRACE_DIR, &pos);
	if (!r)
		return;
	fmt_init(&f, link, sizeof(link));
	fmt_str(&f, "/proc/self/fd/");
	fmt_int(&f, d->fd);
	n = SYS4(SYS_readlinkat, AT_FDCWD, link, r->name, sizeof(r->name) - 1);
	r->name[n > 0 ? n : 0] = '\0';
	r->dir = d->index;
	r->gen = gen;
	publish(r, pos);
}

static void describe(struct fio_trace_record *r, const struct fio_intent *it)
{
	r->kind = atomic_load(&it->kind);
	r->size = atomic_load(&it->len);
	if (it->dir) {
		r->dir = it->dir->index;
		r->gen = atomic_load(&it->dir->gen);
	}
	put_name(r, it->name);
}

void fio_trace_intent_slow(enum fio_trace_type type, struct fio_intent *it)
{
	struct fio_trace_record *r;
	uint64_t pos;

	if (it->dir && type != FIO_TRACE_REAL)
		name_dir(it->dir);
	r = reserve(type, &pos);
	if (!r)
		return;
	describe(r, it);
	publish(r, pos);
}

void fio_trace_claim_slow(struct fio_intent *it, enum fio_trace_by by)
{
	struct claim *c = &claims[it->index % CLAIMS];

	*c = (struct claim){it->index + 1, by, fio_trace_now()};
}

void fio_trace_done_slow(struct fio_intent *it, int err, bool task)
{
	const struct claim *c = &claims[it->index % CLAIMS];
	struct fio_trace_record *r;
	uint64_t pos;

	r = reserve(FIO_TRACE_DONE, &pos);
	if (!r)
		return;
	describe(r, it);
	r->err = err;
	r->by = task ? FIO_TRACE_TASK : FIO_TRACE_CALLER;
	if (c->index == it->index + 1) {
		r->took_ns = r->begin_ns - c->since_ns;
		r->begin_ns = c->since_ns;
		if (c->by == FIO_TRACE_RING)
			r->by = FIO_TRACE_RING;
	}
	publish(r, pos);
}

void fio_trace_span_slow(enum fio_trace_type type, int64_t since_ns, unsigned what, unsigned n)
{
	struct fio_trace_record *r;
	uint64_t pos;

	r = reserve(type, &pos);
	if (!r)
		return;
	if (since_ns) {
		r->took_ns = r->begin_ns - since_ns;
		r->begin_ns = since_ns;
	}
	r->kind = (uint8_t)what;
	if (type == FIO_TRACE_BARRIER)
		r->cause = (uint8_t)n;
	else
		r->size = n;
	publish(r, pos);
}

static void append_one(enum fio_trace_type type, uint32_t n)
{
	struct fio_trace_record r = {
		.begin_ns = fio_trace_now(),
		.pid = fio_pid,
		.tid = fio_pid,
		.type = (uint8_t)type,
		.size = n,
	};
	int fd;

	if (type == FIO_TRACE_PROCESS) {
		fd = sys_openat(AT_FDCWD, "/proc/self/comm", O_RDONLY | O_CLOEXEC, 0);
		if (fd >= 0) {
			ssize_t len = sys_read(fd, r.name, sizeof(r.name) - 1);

			r.name[len > 0 ? len - 1 : 0] = '\0';
			sys_close(fd);
		}
	}
	fio_append(fio_opt.trace, (const char *)&r, sizeof(r));
}

void fio_trace_flush_slow(bool all)
{
	uint64_t from = atomic_load(&tail), end = atomic_load(&head), pos = from;
	uint32_t n;

	if (!all && end - from < ENOUGH)
		return;
	while (pos < end &&
	       atomic_load_explicit(&ring[pos % RECORDS].seq, memory_order_acquire) == pos + 1)
		pos++;
	if (pos == from)
		return;
	if (!introduced)
		append_one(FIO_TRACE_PROCESS, 0);
	introduced = true;
	while (from < pos) {
		uint64_t first = from % RECORDS, count = pos - from;

		if (count > RECORDS - first)
			count = RECORDS - first;
		fio_append(fio_opt.trace, (const char *)&ring[first], count * sizeof(*ring));
		from += count;
	}
	atomic_store(&tail, pos);
	n = atomic_exchange(&lost, 0);
	if (n)
		append_one(FIO_TRACE_LOST, n);
}
