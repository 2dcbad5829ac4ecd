/* SPDX-License-Identifier: MIT */
/*
 * hidden.h - the library's own descriptors in the program's table
 *
 * They live at high numbers, close-on-exec, so that the program's lowest free number is what it
 * would be without us.
 */
#ifndef FIO_HIDDEN_H
#define FIO_HIDDEN_H

#include <stdbool.h>

/* Chooses the range from RLIMIT_NOFILE.  False: too few descriptors to hide anything. */
bool fio_hidden_init(void);
/* The descriptor table grows to its size now: with a second thread the kernel would wait for every
 * processor to pass a quiet state (10 to 20 ms) first. */
void fio_hidden_prepare(void);
/*
 * Moves fd to a hidden number and closes fd.  The new number or -errno (fd is closed all the same).
 */
int fio_hide(int fd);
/* Two connected hidden sockets, close-on-exec, that keep messages apart; false: none, both -1. */
bool fio_hidden_pair(int *a, int *b);
void fio_hidden_close(int fd);
/* A number for fio_close etc.: may the program touch it? */
bool fio_hidden_is(int fd);
bool fio_hidden_any(void);
bool fio_hidden_bounds(int *lo, int *hi);
/* but: one that stays, or -1. */
void fio_hidden_close_all(int but);

#endif /* FIO_HIDDEN_H */
