/* SPDX-License-Identifier: MIT */
/*
 * keep.h - new files that the program looks at, where operations are round trips
 *
 * What fstat says of a deferred file that is still open only the file system knows.  A worker of
 * the pool makes the file, writes what is held and asks for it; it keeps the descriptor (kept_fd),
 * and the program its placeholder.  So the program waits for the round trips without which there is
 * no answer and no others: later writes are held again, and after close a worker writes the rest,
 * changes owner, mode and times, and closes the file.
 *
 * Protocol.  The program's thread holds the intent's lock, with the state BUSY, puts a question
 * into a place of its own (FREE -> FILLING -> ASKED), and sleeps on that.  A worker takes it
 * (TAKEN), is the only one to touch the intent, and answers (ANSWERED).  If the task dies
 * meanwhile, the thread goes on alone: the file may be there. kept_fd is a descriptor of the task
 * and means nothing without it; then the file is opened by its name again.
 */
#ifndef FIO_KEEP_H
#define FIO_KEEP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "exec.h"
#include "intent.h"

static inline bool fio_is_kept(const struct fio_intent *it)
{
	return atomic_load_explicit(&it->kept_fd, memory_order_acquire) >= 0;
}

/* The file does not have everything yet. */
static inline bool fio_keep_lacks(const struct fio_intent *it)
{
	return it->put != it->len || it->what & FIO_SET_META;
}

/* May the pool make this one (locked and OPEN) and keep it? */
bool fio_keep_may(const struct fio_intent *it);
/*
 * Makes it (locked and OPEN, as it is afterwards), with all that is held.  0, or the error that the
 * descriptor keeps, or FIO_PASS: there is no task any more.
 */
int fio_keep(struct fio_intent *it);
/*
 * The task sends the file (locked and BUSY) with all that is held; it is kept no more.  0, -errno
 * or FIO_PASS.
 */
int fio_keep_give(struct fio_intent *it, enum fio_step *step);
/* It is closed with an error: nothing more comes. */
void fio_keep_drop(struct fio_intent *it);
/* The program has closed a file with content, or an empty one, which may be a marker. */
void fio_keep_closed(bool empty);

/* In the task, for an intent that is its own: the same as fio_keep.  0 or -errno. */
int fio_keep_make(struct fio_intent *it, enum fio_step *step);
/* In a worker: answers one question; false: there is none. */
bool fio_keep_work(void);
bool fio_keep_asked(void);
void fio_keep_reset(void);

#endif /* FIO_KEEP_H */
