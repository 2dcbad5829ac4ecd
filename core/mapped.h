/* SPDX-License-Identifier: MIT */
/*
 * mapped.h - files that this process has mapped, locked or opened for writing
 *
 * A load from memory cannot be intercepted; closing a locked file releases the lock; what can be
 * written to is not answered from what was read before.
 */
#ifndef FIO_MAPPED_H
#define FIO_MAPPED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* May say yes for a file that is not, never no for one that is. */
bool fio_is_mapped(uint64_t ino_hash);
bool fio_is_locked(uint64_t ino_hash);
bool fio_is_written(uint64_t ino_hash);

/* Some file was locked at all. */
extern _Atomic bool fio_locks;

/* fd's file, if it may be written to by it. */
void fio_written(int fd);
/* Whatever the process has open for writing, once; was that done? */
void fio_written_scan(void);
bool fio_written_known(void);
/* A file that was open for writing before it was made. */
void fio_written_made(int fd);
void fio_written_reset(void);

#endif /* FIO_MAPPED_H */
