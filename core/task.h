/* SPDX-License-Identifier: MIT */
/*
 * task.h - the background task
 *
 * Made with clone(CLONE_VM | CLONE_FS | CLONE_IO | CLONE_SETTLS): it shares the program's memory,
 * working directory and umask, but is neither a thread of it (SIGKILL of the program leaves it
 * alive) nor a user of its descriptor table (its open files take no number from the program, and
 * the program's pipes are not held open by it).  Descriptors it needs - directories, and files
 * whose content was held while they were open - are sent to it through a socket pair.
 */
#ifndef FIO_TASK_H
#define FIO_TASK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct fio_dir;
struct fio_intent;

/* Running and able to take work.  Starts it if it is not; false: it cannot be had. */
bool fio_task_start(void);
/* Ends it; everything queued is done before.  The gate is closed or nobody else is in the core. */
void fio_task_stop(void);
bool fio_task_running(void);
/* Started once, and no longer alive although nobody stopped it. */
bool fio_task_gone(void);
/* There is none, and there was one that was killed: what it holds nobody gives back. */
bool fio_task_lost(void);
/* In the task: the program has died. */
bool fio_task_orphaned(void);
/* If it is gone, put back what it had claimed and go on without it. */
void fio_task_check(void);
/* Work was queued (or an open file holds something): wake it if it is due. */
void fio_task_poke(bool queued);
/* Whatever else it waits for: look now. */
void fio_task_wake(void);

/* In a worker: until the task has the descriptor that a claimed intent needs. */
void fio_task_await_mail(struct fio_intent *it);
/* In the task, where it does not come to its loop. */
void fio_task_look_for_mail(void);
/* What a thread of the task has for thread-local storage: nobody stores there. */
void *fio_task_tls(void);
/* In the task, before a batch: what FASTIO_LAG_US asks for. */
void fio_task_lag(void);

/* Sends a directory's descriptor; clears its traits if that fails.  Under the directories' lock. */
void fio_task_send_dir(struct fio_dir *d);
/* Sends the descriptor of directory n of those in which the pool works ahead. */
bool fio_task_send_listed(uint32_t n, uint32_t gen, int fd);
/* Sends the descriptor of an open file whose content is going to be held. */
bool fio_task_send_file(struct fio_intent *it, int fd);
/* The descriptor of a file that the task has made early (it->made), or FIO_FD_LOST. */
int fio_task_take(struct fio_intent *it);
/* In the task: sends that descriptor. */
void fio_task_give(struct fio_intent *it, int fd);

/* Closes a descriptor in the task's table. */
void fio_task_close(int fd, bool task);
/* Descriptors of open files that the task has or will get. */
extern _Atomic uint32_t fio_copies;
void fio_task_copy_closed(void);
/* Waits until the task has closed all of them; everything is flushed. */
void fio_task_settle(void);
/* Waits until it has closed the directories that were retired. */
void fio_task_settle_dirs(void);

/* After the task was killed: what it had claimed is queued again; see life.c. */
void fio_take_over(void);

/* In a child of fork: there is none. */
void fio_task_reset(void);
const char *fio_task_engine(void);

/* clone.S: runs fn(arg) as a new task on the given stack; its pid or -errno. */
int fio_clone(int (*fn)(void *), void *stack_top, unsigned long flags, void *arg, void *tls);

#endif /* FIO_TASK_H */
