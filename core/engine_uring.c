/* SPDX-License-Identifier: MIT */
/*
 * engine_uring.c - batches of operations through io_uring
 */
#include "engine.h"
#include "exec.h"

static int start(void)
{
	return -38;
}

static void run(struct fio_intent **batch, int n)
{
	for (int i = 0; i < n; i++)
		fio_exec(batch[i], true);
}

static int reap(bool wait)
{
	(void)wait;
	return 0;
}

static void stop(void)
{
}

const struct fio_engine fio_engine_uring = {
	.name = "uring",
	.batch = 1,
	.start = start,
	.run = run,
	.reap = reap,
	.stop = stop,
};
