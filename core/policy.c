/* SPDX-License-Identifier: MIT */
/*
 * policy.c - when deferral pays in this process
 */
#include "counters.h"
#include "file.h"
#include "options.h"
#include "queue.h"
#include "task.h"
#include "util.h"

#define WINDOW 256 /* queued intents before the caller helps */
#define CREDIT_MAX 64
#define CREDIT_START 24
#define COST 8    /* credit that a deferral costs which was forced at once */
#define PAUSE 256 /* files after which a kind of deferral that did not pay is tried again */

/*
 * A kind of deferral that is undone by the program's next call only costs.  Each success adds to the
 * credit, each failure takes more; at zero the kind pauses for a while.
 */
struct credit {
	_Atomic int left;  /* 0: paused */
	_Atomic int pause; /* files until it is tried again */
};

static struct credit create = {CREDIT_START, 0}, hold = {CREDIT_START, 0};
static _Atomic int64_t seen;

bool fio_warm(void)
{
	if (likely(atomic_load_explicit(&seen, memory_order_relaxed) >= fio_opt.warmup))
		return true;
	return atomic_fetch_add(&seen, 1) >= fio_opt.warmup;
}

bool fio_warm_already(void)
{
	return atomic_load_explicit(&seen, memory_order_relaxed) >= fio_opt.warmup;
}

static bool may(struct credit *c)
{
	if (likely(atomic_load_explicit(&c->left, memory_order_relaxed) > 0))
		return true;
	if (atomic_fetch_sub(&c->pause, 1) > 1)
		return false;
	atomic_store(&c->left, COST + 1);
	return true;
}

static void paid(struct credit *c, bool yes)
{
	int left = atomic_load_explicit(&c->left, memory_order_relaxed);

	if (yes) {
		if (left < CREDIT_MAX)
			atomic_store_explicit(&c->left, left + 1, memory_order_relaxed);
	} else if (left > COST) {
		atomic_store_explicit(&c->left, left - COST, memory_order_relaxed);
	} else {
		atomic_store_explicit(&c->left, 0, memory_order_relaxed);
		atomic_store_explicit(&c->pause, PAUSE, memory_order_relaxed);
	}
}

static bool resting(struct credit *c)
{
	return atomic_load_explicit(&c->left, memory_order_relaxed) <= 0 &&
	       atomic_load_explicit(&c->pause, memory_order_relaxed) > 1;
}

bool fio_resting(void)
{
	if (!resting(&create) || !resting(&hold))
		return false;
	atomic_fetch_sub_explicit(&create.pause, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&hold.pause, 1, memory_order_relaxed);
	return true;
}

bool fio_may_create(void)
{
	return may(&create);
}

void fio_create_paid(bool useful)
{
	paid(&create, useful);
}

bool fio_may_hold(void)
{
	return may(&hold);
}

void fio_hold_paid(bool useful)
{
	paid(&hold, useful);
}

uint32_t fio_window(void)
{
	return fio_opt.window ? (uint32_t)fio_opt.window : WINDOW;
}

void fio_policy_reset(void)
{
	atomic_store(&seen, 0);
	create = (struct credit){CREDIT_START, 0};
	hold = (struct credit){CREDIT_START, 0};
}
