/* SPDX-License-Identifier: MIT */
/*
 * file.h - parts of the file logic that barriers need too
 */
#ifndef FIO_FILE_H
#define FIO_FILE_H

#include "fio.h"
#include "gate.h"
#include "intent.h"
#include "table.h"

/* The intent that fd carries, locked and in state OPEN, or NULL. */
struct fio_intent *fio_fd_lock(int fd);
/* Open for the program as fd from now on, and in the tables. */
void fio_file_tie(struct fio_intent *it, int fd);

/*
 * Makes an open deferred file (locked) real: content and metadata are in it, the program's
 * descriptor is the file, the intent is gone (unlocked).  0 or -errno, in which case the descriptor
 * keeps the error.
 */
#define FIO_FLUSH_FORCED 1u /* by a call that deferral does not allow: it did not pay */
#define FIO_FLUSH_TELLS 2u  /* the caller returns the error to the program */
int fio_file_flush(struct fio_intent *it, unsigned how);
/* Records the error that a descriptor keeps, unless the program was told of it. */
void fio_file_record(struct fio_intent *it);

/* fd is ordinary and closed, what was put off is forgotten; false: it was made real meanwhile. */
bool fio_file_untie(int fd);

/* Finishes an intent found in a table: claims and executes it or waits for it. */
void fio_finish(struct fio_found f, enum fio_cause cause);

/* Finishes what is pending on an inode; false if there was nothing. */
bool fio_finish_inode(dev_t dev, ino_t ino, enum fio_cause cause);
/* Finishes what is pending in a directory; false if there was nothing. */
bool fio_finish_dir(dev_t dev, ino_t ino, enum fio_cause cause);
/* The same for what changes what stat says of the directory. */
bool fio_finish_names(dev_t dev, ino_t ino, enum fio_cause cause);
/* Finishes whatever is pending under path's last component, in any directory. */
void fio_finish_last(struct fio_thread *t, const char *path);

/* Carries out, and waits for, what was queued before this position. */
void fio_finish_queued(uint64_t pos);
/* Makes all open deferred files real. */
void fio_flush_open(void);
/* The same, and those that were read ahead: from now on nothing is answered from memory. */
void fio_flush_reads(void);
/* Carries out queued intents until all before the head of now are done. */
void fio_drain(void);
/* The same for open deferred files, then drain: nothing of this process is held back. */
void fio_finish_all(enum fio_cause cause);
/* The same but for one that is about to be published. */
void fio_finish_others(struct fio_intent *but, enum fio_cause cause);

/* Queues an intent (state FREE or QUEUING), helping first while the window is full. */
void fio_submit(struct fio_intent *it);

/* The program's descriptor fd is a new, empty, real file: hold what is written to it. */
void fio_file_rehold(struct fio_thread *t, struct fio_dir *dir, const char *name, size_t len,
		     int fd);

/* Programs lock by making such a name and unlock by removing it. */
bool fio_name_is_lock(const char *name, size_t len);

/* Policy (policy.c). */
#define FIO_KIND_TRUNC ((enum fio_kind)(FIO_KIND_SYNC + 1)) /* here alone: truncation by open */
bool fio_warm(void); /* the first files of a process are stock */
bool fio_idle(void); /* nothing pays at present: files are stock */
/* The same for a file that is opened now; counts it. */
bool fio_resting(void);
bool fio_warm_already(void);
/* So few files were seen that only the kind of file system matters. */
bool fio_warm_look(void);         /* the same, without counting a file */
bool fio_may(enum fio_kind kind); /* deferring this kind pays in this process */
void fio_paid(enum fio_kind kind, bool useful);
/*
 * The kernel was asked for the name of a new file, behind the lock that creating in the directory
 * takes.
 */
void fio_checked(void);
void fio_stock_stream(void);             /* one was opened by which no content can be put off */
void fio_paid_often(enum fio_kind kind); /* it saved more than failures can cost */
/* An existing file was truncated by open; and: is a run of that under way? */
void fio_update_seen(void);
bool fio_updating(void);
uint32_t fio_window(void); /* most intents queued */
void fio_policy_reset(void);

#endif /* FIO_FILE_H */
