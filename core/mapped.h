/* SPDX-License-Identifier: MIT */
/*
 * mapped.h - files that this process has mapped or locked
 *
 * A load from memory cannot be intercepted; closing a locked file releases the lock.
 */
#ifndef FIO_MAPPED_H
#define FIO_MAPPED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* May say yes for a file that is not, never no for one that is. */
bool fio_is_mapped(uint64_t ino_hash);
bool fio_is_locked(uint64_t ino_hash);

/* Some file was locked at all. */
extern _Atomic bool fio_locks;

#endif /* FIO_MAPPED_H */
