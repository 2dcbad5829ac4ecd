/* SPDX-License-Identifier: MIT */
/*
 * change.h - names that one thread changes while another opens or removes files
 *
 * Protocol.  A call that makes, replaces or removes a name counts itself under the name's hash from
 * before its barrier until it has returned from the kernel (fio_change_begin, fio_change_end in
 * fio.h). Who defers something under a name ties the intent to the tables first and looks here
 * afterwards: either the other's barrier finds the intent, or the other is found here, or it has
 * returned, and has either deferred something, which is in the tables too (fio_table_has_other), or
 * the name itself shows what it did; to be asked in this order.
 */
#ifndef FIO_CHANGE_H
#define FIO_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Is any thread changing this name, or one that cannot be told?  own: calls that are the caller's.
 */
bool fio_changing(uint64_t name_hash, unsigned own);

/* Are two names counted as one? */
bool fio_change_shared(uint64_t a, uint64_t b);

/* Is the name no longer that of this inode (0: that of none)?  To be asked after fio_changing. */
bool fio_name_differs(int dirfd, const char *name, uint64_t ino);

/* In the child of a fork, which is the only thread. */
void fio_changes_reset(void);

#endif /* FIO_CHANGE_H */
