/* SPDX-License-Identifier: MIT */
/*
 * exec.h - carrying an intent out with plain system calls
 *
 * The caller owns the intent (CLAIMED, or BUSY with the lock held).
 */
#ifndef FIO_EXEC_H
#define FIO_EXEC_H

#include <stdbool.h>

#include "intent.h"

/* Which step failed, for messages. */
enum fio_step {
	FIO_STEP_NONE,
	FIO_STEP_OPEN,
	FIO_STEP_WRITE,
	FIO_STEP_TRUNCATE,
	FIO_STEP_CHOWN,
	FIO_STEP_CHMOD,
	FIO_STEP_UTIMENS,
	FIO_STEP_CLOSE,
	FIO_STEP_UNLINK,
	FIO_STEP_RMDIR,
	FIO_STEP_RENAME,
	FIO_STEP_LINK,
	FIO_STEP_FSYNC,
	FIO_STEP_SYMLINK,
};

/* The open flags with which the file is created or opened for its update. */
int fio_exec_flags(const struct fio_intent *it);

/*
 * Creates or opens the file in dirfd and gives it content and metadata; the open descriptor or
 * -errno, -ESTALE if the file to be updated has been replaced by another one.
 */
int fio_exec_open(struct fio_intent *it, int dirfd, enum fio_step *step);
/* The same, but for content and metadata. */
int fio_exec_create(struct fio_intent *it, int dirfd, enum fio_step *step);
/*
 * The same, also of one that the task keeps open.  Another that finishes such a file, because the
 * task is dead, opens it by its name.
 */
int fio_exec_make(struct fio_intent *it, int dirfd, bool task, enum fio_step *step);
/* Is fd the file to be updated?  Then its size is known afresh. */
bool fio_exec_is_same(struct fio_intent *it, int fd);
/* Content and metadata through an open descriptor; 0 or -errno. */
int fio_exec_fill(struct fio_intent *it, int fd, enum fio_step *step);
/* The directory goes, unless it has gone; 0 or -errno. */
int fio_exec_rmdir(const struct fio_intent *it, int dirfd);
/* Somebody else has removed the file that is to be unlinked and made another of that name. */
bool fio_exec_replaced(const struct fio_intent *it, int dirfd);
/* The file of that name in dirfd opened again, if it still is the same; -errno. */
int fio_exec_reopen(const struct fio_intent *it, int dirfd);
/* The task has used and closed the descriptor it was sent, if it was sent one. */
void fio_exec_copy_used(struct fio_intent *it);
/*
 * Closes the file, of which err is known so far; the result.  Some file systems (network, FUSE) say
 * only now what did not get through.
 */
int fio_exec_close(int fd, int err, enum fio_step *step);
/* META and SYMLINK; 0 or -errno. */
int fio_exec_at(const struct fio_intent *it, int dirfd, enum fio_step *step);
/* Metadata only. */
int fio_exec_meta(struct fio_intent *it, int fd, enum fio_step *step);

/* All of it, then fio_complete.  task: the background task runs this. */
void fio_exec(struct fio_intent *it, bool task);

/*
 * The intent is carried out (err 0) or has failed for good: out of the tables, its memory back,
 * waiters told; a failure is recorded for the program.  held: how the caller holds locks (lock.h).
 */
void fio_complete(struct fio_intent *it, int err, enum fio_step step, uint32_t held);
/*
 * The last part of that; alone for what the task had executed and not released when it was killed.
 */
void fio_complete_release(struct fio_intent *it, uint32_t held);
/* Same for one that never was in the queue. */
void fio_discard(struct fio_intent *it, uint32_t held);

/* Bytes held by all intents. */
extern _Atomic int64_t fio_held_bytes;

#endif /* FIO_EXEC_H */
