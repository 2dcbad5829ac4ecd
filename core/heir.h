/* SPDX-License-Identifier: MIT */
/*
 * heir.h - children between fork and exec, who hold what is close-on-exec
 *
 * Protocol.  A fork leaves the child one end of a hidden, close-on-exec socket pair and the parent
 * the other.  While the child's end is open somewhere, the child may hold every descriptor that the
 * parent had; when it is closed, by exec or exit, it holds none that was close-on-exec, but for
 * those that the child has named in a message before: what it duplicated or made inheritable.  The
 * parent looks only when it wants to know.  A child that forks itself, or sends descriptors away,
 * gives everything up.
 */
#ifndef FIO_HEIR_H
#define FIO_HEIR_H

#include <stdbool.h>
#include <stdint.h>

#define FIO_HEIR_ALL (~0ULL) /* message: nothing is private any more */

/* Around a fork, with the gate closed.  False: nobody will tell what the child does. */
bool fio_heirs_prepare(void);
void fio_heirs_parent(void);
/*
 * Returns the hidden descriptor that the child keeps, or -1; afterwards all others may be closed.
 */
int fio_heirs_child(void);

/* Is there a child that has not yet executed anything?  Reads what children say first. */
bool fio_heirs_hold(void);

/* Nobody tells or asks any more. */
void fio_heirs_end(void);

/*
 * In a child: is there a parent that wants to know; tells it an object (channel.c) or FIO_HEIR_ALL.
 */
bool fio_heir(void);
void fio_heir_tells(uint64_t object);

#endif /* FIO_HEIR_H */
