/* SPDX-License-Identifier: MIT */
/*
 * pool.h - the background task's workers, for file systems where an operation is a round trip
 *
 * There an intent is a dozen round trips one after another, most of them without an opcode of the
 * ring (owner, mode, times): what counts is how many intents are under way at once.  Each worker
 * is a thread of the background task (not of the program) that claims intents from the queue and
 * carries them out by plain calls.  Workers are made one by one while all others are busy, up to
 * FIO_POOL_MAX, and end with the task.
 *
 * An intent is for the pool (pooled) if its file system was slow when it was queued.  The kernel
 * changes a directory's names one at a time, so no more than FIO_POOL_PER_DIR intents of one are
 * under way.
 */
#ifndef FIO_POOL_H
#define FIO_POOL_H

#include <stdatomic.h>
#include <stdbool.h>

#define FIO_POOL_MAX 64
#define FIO_POOL_PER_DIR 4

/* Can there be workers? */
bool fio_pool_usable(void);
/* Something was queued for it: by any thread. */
void fio_pool_kick(void);
/* In the task: makes the first worker if there is work for it. */
void fio_pool_look(void);
/* In the task, when nothing is queued any more: until the workers have nothing to do. */
void fio_pool_drain(void);
/* Before a task is started, and in a child of fork: there are none. */
void fio_pool_reset(void);

#endif /* FIO_POOL_H */
