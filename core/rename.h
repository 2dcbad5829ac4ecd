/* SPDX-License-Identifier: MIT */
/*
 * rename.h - names that are put off until what comes before them is done
 */
#ifndef FIO_RENAME_H
#define FIO_RENAME_H

#include "gate.h"

/* what of a SOURCE: the name stays (link) */
#define FIO_SOURCE_STAYS 1u

/* unlink while fences are pending: 0 or FIO_PASS. */
int fio_fence_unlink(struct fio_thread *t, int dirfd, const char *path);

#endif /* FIO_RENAME_H */
