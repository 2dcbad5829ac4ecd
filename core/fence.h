/* SPDX-License-Identifier: MIT */
/*
 * fence.h - operations that follow, in the file system, what the program did before them
 *
 * A fence is an intent beside the queue: a rename, a link, the removal of a name, or a sync of one
 * file or directory (FASTIO_FSYNC=group).  The program goes on; the fence runs when everything
 * queued before it is done and, after a sync, when that is durable.
 *
 * Protocol.  One list in the order of the program's calls.  Threads append under list_lock; who
 * holds carry (a program thread, or the task, which only tries) is alone in walking the list and in
 * taking fences out.  It carries them out in steps: one syncfs (or durable.h's other way) for all
 * that are in the list by then, which makes the syncs in front of the first name durable; then the
 * names.  A sync that stands between names stays: it also covers the names before it, and the next
 * step's syncfs is for that.
 */
#ifndef FIO_FENCE_H
#define FIO_FENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "intent.h"

/* Appends; may carry some out itself when there are many. */
void fio_fence_add(struct fio_intent *it);
/* Until this one is done. */
void fio_fence_finish(struct fio_intent *it, uint32_t gen);
/* Until all that there are now are done. */
void fio_fences_finish(void);
/* The same if nobody else is at it. */
void fio_fences_try(void);
/* In the task: what is due.  True if there was something. */
bool fio_fence_work(void);
/* The task was killed: what it had done and not let go of. */
void fio_fence_take_back(struct fio_intent *it);
/* In the task, the program is dead: all of them. */
void fio_fences_rescue(void);
void fio_fences_reset(void);
/*
 * Number of the last one that was appended, and of the oldest sync that is not durable (0: none).
 */
uint64_t fio_fence_last(void);
uint64_t fio_sync_oldest(void);

#endif /* FIO_FENCE_H */
