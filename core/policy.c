/* SPDX-License-Identifier: MIT */
/*
 * policy.c - when deferral pays in this process
 */
#include "clock.h"
#include "dir.h"
#include "file.h"
#include "options.h"
#include "queue.h"
#include "task.h"
#include "util.h"

#define LOOK 3     /* file of the warm-up after which its file system is looked at */
#define WINDOW 256 /* queued intents before the caller helps */
#define CREDIT_MAX 64
#define CREDIT_START 24
#define COST 8           /* credit that a deferral costs which was forced at once */
#define CHECK_COST 2     /* ... of a new file whose name the kernel was asked for: it earns 1 */
#define STREAM_COST 1    /* ... of content, that of a stream which is stock */
#define UPDATE_RUN 32    /* files overwritten in a row before that is deferred */
#define RUN_GAP_US 20000 /* more between two of them, and it is no run */
#define PAUSE_MAX 8192
#define PAUSE 256    /* files after which a kind of deferral that did not pay is tried again */
#define SYNC_PAUSE 8 /* the same for syncs: a group of one costs little more than a sync */
#define SYNC_PAUSE_MAX 16

/*
 * A kind of deferral that is undone by the program's next call only costs.  Each success adds to
 * the credit, each failure takes more; at zero the kind pauses for a while.
 */
struct credit {
	_Atomic int left;  /* 0: paused */
	_Atomic int pause; /* files until it is tried again */
	_Atomic int span;  /* length of the next pause, doubled by each trial in vain */
};

/* By kind of intent; removals have none. */
static struct credit credits[] = {
	[FIO_KIND_CREATE] = {CREDIT_START, 0, PAUSE},
	[FIO_KIND_WRITE] = {CREDIT_START, 0, PAUSE},
	[FIO_KIND_UPDATE] = {CREDIT_START, 0, PAUSE},
	[FIO_KIND_SYNC] = {CREDIT_START, 0, SYNC_PAUSE},
	[FIO_KIND_TRUNC] = {CREDIT_START, 0, PAUSE},
};
static _Atomic int64_t seen;

/* Existing files that were truncated one after another. */
static struct {
	_Atomic int64_t last_us; /* coarse time of the last one */
	_Atomic uint32_t n;      /* in this run */
} updates;

bool fio_warm(void)
{
	if (likely(fio_warm_already()))
		return true;
	return atomic_fetch_add(&seen, 1) >= fio_opt.warmup;
}

bool fio_warm_already(void)
{
	return atomic_load_explicit(&seen, memory_order_relaxed) >= fio_opt.warmup ||
	       atomic_load_explicit(&fio_far, memory_order_relaxed);
}

bool fio_warm_look(void)
{
	return atomic_load_explicit(&seen, memory_order_relaxed) == LOOK;
}

bool fio_may(enum fio_kind kind)
{
	struct credit *c = &credits[kind];

	if (likely(atomic_load_explicit(&c->left, memory_order_relaxed) > 0))
		return true;
	if (atomic_fetch_sub(&c->pause, 1) > 1)
		return false;
	atomic_store(&c->left, 1);
	return true;
}

static int least_pause(enum fio_kind kind)
{
	return kind == FIO_KIND_SYNC ? SYNC_PAUSE : PAUSE;
}

void fio_paid_often(enum fio_kind kind)
{
	atomic_store_explicit(&credits[kind].left, CREDIT_MAX, memory_order_relaxed);
	atomic_store_explicit(&credits[kind].span, least_pause(kind), memory_order_relaxed);
}

static void charge(enum fio_kind kind, int cost)
{
	struct credit *c = &credits[kind];
	int left = atomic_load_explicit(&c->left, memory_order_relaxed);
	int span = atomic_load_explicit(&c->span, memory_order_relaxed);

	if (left > cost) {
		atomic_store_explicit(&c->left, left - cost, memory_order_relaxed);
		return;
	}
	atomic_store_explicit(&c->left, 0, memory_order_relaxed);
	atomic_store_explicit(&c->pause, span, memory_order_relaxed);
	if (span < (kind == FIO_KIND_SYNC ? SYNC_PAUSE_MAX : PAUSE_MAX))
		atomic_store_explicit(&c->span, 2 * span, memory_order_relaxed);
}

void fio_paid(enum fio_kind kind, bool useful)
{
	struct credit *c = &credits[kind];
	int left = atomic_load_explicit(&c->left, memory_order_relaxed);

	if (!useful) {
		charge(kind, COST);
		return;
	}
	if (left < CREDIT_MAX)
		atomic_store_explicit(&c->left, left + 1, memory_order_relaxed);
	if (left == CREDIT_START)
		atomic_store_explicit(&c->span, least_pause(kind), memory_order_relaxed);
}

void fio_checked(void)
{
	if (fio_opt.warmup)
		charge(FIO_KIND_CREATE, CHECK_COST);
}

void fio_stock_stream(void)
{
	charge(FIO_KIND_WRITE, STREAM_COST);
}

static bool resting(struct credit *c)
{
	return atomic_load_explicit(&c->left, memory_order_relaxed) <= 0 &&
	       atomic_load_explicit(&c->pause, memory_order_relaxed) > 1;
}

bool fio_idle(void)
{
	return resting(&credits[FIO_KIND_CREATE]) && resting(&credits[FIO_KIND_WRITE]) &&
	       !fio_updating();
}

bool fio_resting(void)
{
	if (!fio_idle())
		return false;
	atomic_fetch_sub_explicit(&credits[FIO_KIND_CREATE].pause, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&credits[FIO_KIND_WRITE].pause, 1, memory_order_relaxed);
	return true;
}

void fio_update_seen(void)
{
	int64_t now = fio_coarse_us();

	if (now - atomic_exchange_explicit(&updates.last_us, now, memory_order_relaxed) >
	    RUN_GAP_US)
		atomic_store_explicit(&updates.n, 0, memory_order_relaxed);
	atomic_fetch_add_explicit(&updates.n, 1, memory_order_relaxed);
}

bool fio_updating(void)
{
	uint32_t least = fio_opt.warmup < UPDATE_RUN ? (uint32_t)fio_opt.warmup : UPDATE_RUN;

	return atomic_load_explicit(&updates.n, memory_order_relaxed) >= least;
}

uint32_t fio_window(void)
{
	return fio_opt.window ? (uint32_t)fio_opt.window : WINDOW;
}

void fio_policy_reset(void)
{
	if (!atomic_load(&seen) && !fio_warm_already())
		return;
	atomic_store(&seen, 0);
	atomic_store(&updates.n, 0);
	for (size_t i = 0; i < FIO_ARRAY_SIZE(credits); i++)
		credits[i] = (struct credit){CREDIT_START, 0, least_pause((enum fio_kind)i)};
}
