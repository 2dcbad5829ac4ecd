/* SPDX-License-Identifier: MIT */
/*
 * durable.h - making a group of synced files durable
 *
 * By one syncfs, which also writes what others have dirtied on that file system; or by an fsync of
 * each, side by side, which the task has its ring for.  Whoever calls these holds fences.carry.
 */
#ifndef FIO_DURABLE_H
#define FIO_DURABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "intent.h"

/*
 * The part of the list of fences that one step can take: of one file system, linked by next_fence.
 */
struct fio_fence_batch {
	struct fio_intent *first; /* NULL: nothing can be done now */
	struct fio_intent *last;
	uint32_t syncs;
};

/* How many of its syncs share one step. */
uint32_t fio_durable_together(const struct fio_fence_batch *b);
/* Its syncs.  0 or -errno; *alone: what else the file system holds may not be durable. */
int fio_make_durable(const struct fio_fence_batch *b, bool task, bool *alone);
/* In the task: what a thread of the program waits for. */
void fio_durable_work(void);

/* The sync is one of the file that fd is. */
void fio_durable_file(struct fio_intent *sync, int fd);

#endif /* FIO_DURABLE_H */
