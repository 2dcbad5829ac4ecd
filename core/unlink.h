/* SPDX-License-Identifier: MIT */
/*
 * unlink.h - what removing files and removing directories share
 */
#ifndef FIO_UNLINK_H
#define FIO_UNLINK_H

#include <linux/stat.h>

#include "dir.h"
#include "gate.h"

#define FIO_ATTR_IMMUTABLE 0x10u
#define FIO_ATTR_APPEND 0x20u
#define FIO_ATTR_MOUNT_ROOT 0x2000u
#define FIO_ATTRS_KEPT (FIO_ATTR_IMMUTABLE | FIO_ATTR_APPEND | FIO_ATTR_MOUNT_ROOT)

/* Queues the removal of a name; target: it is this directory.  0 or FIO_PASS. */
int fio_defer_removal(struct fio_thread *t, struct fio_dir *dir, const char *name, size_t len,
		      const struct statx *sx, struct fio_dir *target);

/* A directory is to be removed: is that in the course of a run of removals? */
bool fio_removing(const struct fio_thread *t);

/* It is a lock that is given back. */
bool fio_removal_unlocks(struct fio_thread *t, const char *path);

/* A directory is about to go, or has gone: paths that led through it lead nowhere. */
void fio_rmdir_done(void);

#endif /* FIO_UNLINK_H */
