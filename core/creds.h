/* SPDX-License-Identifier: MIT */
/*
 * creds.h - what the process may do to files that are not its own
 *
 * Asked once: a process that changes its credentials stops deferring for good.
 */
#ifndef FIO_CREDS_H
#define FIO_CREDS_H

#include <stdbool.h>
#include <sys/types.h>

/* Root over all ids: in a user namespace an id may have no mapping. */
bool fio_may_chown_to_all(void);

/* Is opening a file of this mode and owner for writing (and reading, O_RDWR) sure to be allowed? */
bool fio_may_open(mode_t mode, uid_t uid, int flags);

#endif /* FIO_CREDS_H */
