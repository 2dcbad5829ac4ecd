/* SPDX-License-Identifier: MIT */
/*
 * engine_auto.c - plain calls while operations are quick, the ring when they take long
 *
 * On a warm local file system an operation is processor time, which the ring cannot save: its
 * worker spends the same and a hand-over more (measured: 25 to 28 us for a create by the ring, 17
 * to 22 by a plain call).  Where an operation is a round trip, dozens in flight at once are what
 * counts.  So the task measures: when the quickest of SAMPLE plain calls in a row took longer than
 * SLOW_US, the ring takes over; every PROBE_EVERY intents a few plain calls tell whether it still
 * is so.  The quickest, because a busy machine makes any single call look slow.  The ring is made
 * when it is first wanted.
 */
#include <stdint.h>
#include <string.h>

#include "clock.h"
#include "engine.h"
#include "exec.h"
#include "util.h"

#define SLOW_US 150
#define PROBE_EVERY 256
#define SAMPLE 4

static struct {
	int64_t quickest; /* of the sample under way, us */
	uint32_t sampled; /* plain calls in it */
	uint32_t since;   /* intents by the ring since the last sample */
	bool slow;        /* what the last full sample said, and the ring can be used */
	bool tried;       /* the ring has been started, or cannot be */
	bool ring;        /* it is there */
} a;

static int start(void)
{
	memset(&a, 0, sizeof(a));
	a.quickest = INT64_MAX;
	return 0;
}

static bool have_ring(void)
{
	if (!a.tried) {
		a.tried = true;
		a.ring = fio_engine_uring.start() == 0;
	}
	return a.ring;
}

static void plain(struct fio_intent *it)
{
	int64_t before = fio_now_us(), took;

	fio_exec(it, true);
	took = fio_now_us() - before;
	if (took < a.quickest)
		a.quickest = took;
	if (++a.sampled < SAMPLE)
		return;
	a.slow = a.quickest > SLOW_US && have_ring();
	a.quickest = INT64_MAX;
	a.sampled = 0;
	a.since = 0;
}

static void run(struct fio_intent **batch, int n)
{
	for (int i = 0; i < n; i++) {
		if (a.slow && ++a.since < PROBE_EVERY)
			fio_engine_uring.run(&batch[i], 1);
		else
			plain(batch[i]);
	}
}

static int room(void)
{
	return a.slow ? FIO_BATCH : 1;
}

static int reap(bool wait)
{
	return a.ring ? fio_engine_uring.reap(wait) : 0;
}

static void stop(void)
{
	if (a.ring)
		fio_engine_uring.stop();
}

const struct fio_engine fio_engine_auto = {
	.name = "auto",
	.room = room,
	.start = start,
	.run = run,
	.reap = reap,
	.stop = stop,
};
