/* SPDX-License-Identifier: MIT */
/*
 * age.h - what the background task does by itself
 */
#ifndef FIO_AGE_H
#define FIO_AGE_H

#include <stdbool.h>

/* Open files that have held something for too long are written out.  True if there were any. */
bool fio_age_scan(void);

/* The program has died and nobody else runs: everything acknowledged is carried out. */
void fio_rescue(void);

#endif /* FIO_AGE_H */
