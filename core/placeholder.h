/* SPDX-License-Identifier: MIT */
/*
 * placeholder.h - the descriptor a program holds for a file that does not exist yet
 *
 * A duplicate of an O_PATH descriptor of an empty memfd: it takes the lowest free number as open
 * would, and a read or write that comes by us fails with EBADF instead of going somewhere.
 */
#ifndef FIO_PLACEHOLDER_H
#define FIO_PLACEHOLDER_H

#include <stdbool.h>

/* A new one, or -errno. */
int fio_placeholder(int cloexec);
void fio_placeholder_close(void);
void fio_placeholder_reset(void);

#endif /* FIO_PLACEHOLDER_H */
