/* SPDX-License-Identifier: MIT */
/*
 * errors.h - errors that nobody could foresee
 *
 * An intent that fails after it was acknowledged leaves a record.  The next call that can fail
 * takes the oldest record and returns its error; what nobody took is printed at exit.
 */
#ifndef FIO_ERRORS_H
#define FIO_ERRORS_H

#include <stdbool.h>

#include "exec.h"

void fio_error_record(const struct fio_intent *it, enum fio_step step, int err, bool task);
/* A line of the log: the program is dead, and the task alone is left. */
void fio_error_log(const struct fio_intent *it, enum fio_step step, int err);
/* -errno of the oldest record, which is thereby reported, or 0. */
int fio_error_take(void);
/* Prints what is left to standard error, unless a file of the program has its number; true if there was
 * anything. */
bool fio_error_print(void);
/* At the start: remembers what standard error is. */
void fio_errors_start(void);
void fio_errors_reset(void);

#endif /* FIO_ERRORS_H */
