/* SPDX-License-Identifier: MIT */
/*
 * engine_sync.c - plain system calls from the background task
 */
#include "engine.h"
#include "exec.h"

static int start(void)
{
	return 0;
}

static int room(void)
{
	return 1; /* what is claimed cannot be helped with */
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

const struct fio_engine fio_engine_sync = {
	.name = "sync",
	.room = room,
	.start = start,
	.run = run,
	.reap = reap,
	.stop = stop,
};
