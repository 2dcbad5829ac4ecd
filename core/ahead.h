/* SPDX-License-Identifier: MIT */
/*
 * ahead.h - looking up and reading ahead of the program where that is a round trip
 *
 * A program that lists a directory and uses one of its names will use the next ones too.  On a slow file
 * system the pool looks them up meanwhile, so that the kernel knows them, and once the program has read some,
 * opens and reads small files whole.  The program's open is answered by a placeholder, its fstat and
 * reads by what is in memory (an intent of kind READ, always open); whatever else it does makes the descriptor
 * real (fio_ahead_real).  What was read is dropped at an acquire, after a second, and once
 * the process has opened the file for writing.
 */
#ifndef FIO_AHEAD_H
#define FIO_AHEAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "exec.h"
#include "intent.h"

struct fio_thread;

/* In the task: descriptor fd (or -1) of directory n has arrived. */
void fio_ahead_got_dir(uint32_t n, uint32_t gen, int fd);
/* In a worker: does one thing that is wanted; false: nothing is. */
bool fio_ahead_work(void);
/* Is anything wanted? */
bool fio_ahead_wanted(void);

/* A READ intent, locked and busy: an open descriptor with the program's flags, or -errno. */
int fio_ahead_real(struct fio_intent *it, enum fio_step *step);
/* Its memory goes. */
void fio_ahead_end(struct fio_intent *it);

/* A file that the program has open for writing has an inode now: nothing of it is answered from memory. */
void fio_ahead_made_real(int fd);

/* Lets all directories go, and waits until the task has. */
void fio_ahead_forget(void);
/* In a child of fork, or before a task is started: there is nothing. */
void fio_ahead_reset(void);

#endif /* FIO_AHEAD_H */
