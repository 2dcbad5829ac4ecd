/* SPDX-License-Identifier: MIT */
/*
 * channel.h - descriptors that no other process can hold
 *
 * Programs wake their own event loops through pipes, eventfds and socketpairs.  As long as nobody
 * else can hold such a thing, writing to it tells nobody anything, and reading it teaches nothing.
 *
 * Protocol.  What this process has made is private while its entry (fdtab.h) carries the present
 * epoch. Everything that can hand descriptors on for good (SCM_RIGHTS, an owner for SIGIO ...)
 * raises the epoch: all that existed is shared from then on.  There are two epochs.  A new process
 * raises the one for what is not close-on-exec; the rest is shared until the process has executed
 * something: posix_spawn and vfork return after that, and after a fork heir.h tells.  An object of
 * which any descriptor is not close-on-exec is not either.
 *
 * While a process is being made, nothing is private or becomes so; the epoch is read before the
 * call that makes the object and raised on both sides of the fork, so what another thread makes
 * meanwhile is shared too.  Who was told "private" before has queued its work before, and the fork
 * finishes that afterwards.
 *
 * Pipes and sockets are recognised by inode.  Anonymous inodes are all the same one, so these go by
 * number, and a duplicate ends their privacy.
 */
#ifndef FIO_CHANNEL_H
#define FIO_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* Is fd a pipe, socketpair, eventfd, timerfd or epoll that nobody else can hold?  st: its fstat. */
bool fio_channel_private(int fd, const struct stat *st);

/* Does what comes out of fd come from this process? */
bool fio_channel_quiet(int fd);

/* For heir.c: somebody else holds what this entry leads to; is there anything close-on-exec? */
void fio_channel_handed_on(uint64_t object);
bool fio_channels_kept(void);

/* In the child of a fork. */
void fio_channels_reset(void);

#endif /* FIO_CHANNEL_H */
