/* SPDX-License-Identifier: MIT */
/*
 * load.h - is there a processor to spare?
 *
 * Without one nothing can overlap: what is handed over costs the hand-over and a change of context.
 * One sign of it is that the task, when it is woken, runs where the thread ran that woke it,
 * although the scheduler looks for an idle processor first.  The other is how long the processors
 * have been idle.
 */
#ifndef FIO_LOAD_H
#define FIO_LOAD_H

#include <stdbool.h>

#include "gate.h"

/* True if as many threads of the process as it has processors are busy in the core, or if others
 * keep the processors busy. */
bool fio_crowded(struct fio_thread *t);

/* In the task, when it was woken by a thread that ran on this processor. */
void fio_load_woken(int waker_cpu);

/* In the task, now and then: are the processors idle when it does nothing?  waits: operations wait for a disk,
 * which does not count as idle. */
void fio_load_look(bool waits);

int fio_this_cpu(void);

void fio_load_reset(void);

#endif /* FIO_LOAD_H */
