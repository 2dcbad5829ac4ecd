/* SPDX-License-Identifier: MIT */
/*
 * sync.h - files that were synced in a group (FASTIO_FSYNC=group)
 */
#ifndef FIO_SYNC_H
#define FIO_SYNC_H

#include <fcntl.h>
#include <stdbool.h>

#include "intent.h"

/* Whoever opens a file so wants each write to be synced.  O_SYNC has the bit, too. */
static inline bool fio_syncs_writes(int flags)
{
	return flags & O_DSYNC;
}
/* Syncs can be put off. */
bool fio_sync_may(void);
/* An open new file (locked) that holds something was synced. */
void fio_sync_open(struct fio_intent *it);

/*
 * The program syncs an open deferred file: a fence for it, once it is queued or real.  NULL: no
 * memory.
 */
struct fio_intent *fio_sync_of(const struct fio_intent *it);
/* Appends what fio_sync_of gave; NULL: syncs the file system of fd at once. */
void fio_sync_add(struct fio_intent *sync, int fd);

/* Content goes to the deferred descriptor: what was synced is durable if it replaces something. */
void fio_sync_before(int fd);
/* What was synced is durable. */
void fio_sync_all(void);

/* fd is a file that it (locked) has made: what is written to it changes nothing older. */
void fio_sync_mark(const struct fio_intent *it, int fd);
/* The file was made since the oldest sync that is pending. */
bool fio_sync_fresh(int fd);
/* The descriptor's intent is to know that too. */
void fio_sync_remember(struct fio_intent *it, int fd);

#endif /* FIO_SYNC_H */
