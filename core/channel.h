/* SPDX-License-Identifier: MIT */
/*
 * channel.h - descriptors that no other process can hold
 *
 * Programs wake their own event loops through pipes, eventfds and socketpairs.  As long as nobody else
 * can hold such a thing, writing to it tells nobody anything, and reading it teaches nothing.
 *
 * Protocol.  What this process has made is private while its entry (fdtab.h) carries the present epoch.
 * Everything that can hand descriptors on (a new process, SCM_RIGHTS, an owner for SIGIO ...) raises the
 * epoch: all that existed is shared from then on, for good.  While a process is being made, nothing
 * becomes private; the epoch is read before the call that makes the object and raised on both sides of
 * the fork, so what another thread makes meanwhile is shared too.  Who was told "private" before the
 * epoch rose has queued its work before, and the fork finishes that after raising it.
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

/* In the child of a fork. */
void fio_channels_reset(void);

#endif /* FIO_CHANNEL_H */
