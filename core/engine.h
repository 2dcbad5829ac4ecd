/* SPDX-License-Identifier: MIT */
/*
 * engine.h - how the background task carries a batch of intents out
 *
 * Engines run in the background task only and use nothing but raw system calls.
 */
#ifndef FIO_ENGINE_H
#define FIO_ENGINE_H

#include <stdbool.h>

#include "intent.h"

#define FIO_BATCH 32

struct fio_engine {
	const char *name;
	/* Most intents it would have under way now, <= FIO_BATCH. */
	int (*room)(void);
	/* In the task, once.  0 or -errno: not usable here. */
	int (*start)(void);
	/* Takes claimed intents over; may return before they are complete. */
	void (*run)(struct fio_intent **batch, int n);
	/* Completes what is done; waits for at least one if wait.  Intents still under way. */
	int (*reap)(bool wait);
	/* In the task, last; nothing is under way. */
	void (*stop)(void);
};

extern const struct fio_engine fio_engine_auto;
extern const struct fio_engine fio_engine_sync;
extern const struct fio_engine fio_engine_uring;

#endif /* FIO_ENGINE_H */
