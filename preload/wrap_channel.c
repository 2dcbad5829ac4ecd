/* SPDX-License-Identifier: MIT */
/*
 * wrap_channel.c - pipes, sockets, events: who else can hold them, and waiting for them
 */
#include "export.h"

#include <sys/timerfd.h>
#include <unistd.h>

/* A notification queue tells of things that others did. */
#define PIPE_FLAGS (O_CLOEXEC | O_NONBLOCK | O_DIRECT)

/* ---- new ones ---- */

static void made_pair(int r, const int fds[2], uint32_t epoch, bool cloexec)
{
	if (r < 0)
		return;
	NEW_FD(fds[1]);
	fio_channel_made(fds[0], epoch, false, cloexec);
	fio_channel_made(fds[1], epoch, false, cloexec);
}

static int made(int fd, uint32_t epoch, bool poller, bool cloexec)
{
	NEW_FD(fd);
	if (fd >= 0)
		fio_channel_made(fd, epoch, poller, cloexec);
	return fd;
}

int x_pipe(int fds[2])
{
	uint32_t epoch = fio_channel_now();
	int r = NEXT(pipe)(fds);

	made_pair(r, fds, epoch, false);
	return r;
}

int x_pipe2(int fds[2], int flags)
{
	uint32_t epoch = fio_channel_now();
	int r = NEXT(pipe2)(fds, flags);

	if (!(flags & ~PIPE_FLAGS))
		made_pair(r, fds, epoch, flags & O_CLOEXEC);
	return r;
}

/* Datagrams may go to and come from other sockets than the other end. */
int x_socketpair(int family, int type, int protocol, int fds[2])
{
	int kind = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
	uint32_t epoch = fio_channel_now();
	int r = NEXT(socketpair)(family, type, protocol, fds);

	if (family == AF_UNIX && (kind == SOCK_STREAM || kind == SOCK_SEQPACKET))
		made_pair(r, fds, epoch, type & SOCK_CLOEXEC);
	return r;
}

int x_eventfd(unsigned int value, int flags)
{
	uint32_t epoch = fio_channel_now();

	return made(NEXT(eventfd)(value, flags), epoch, false, flags & EFD_CLOEXEC);
}

int x_timerfd_create(int clock, int flags)
{
	uint32_t epoch = fio_channel_now();

	return made(NEXT(timerfd_create)(clock, flags), epoch, false, flags & TFD_CLOEXEC);
}

int x_epoll_create(int size)
{
	uint32_t epoch = fio_channel_now();

	return made(NEXT(epoll_create)(size), epoch, true, false);
}

int x_epoll_create1(int flags)
{
	uint32_t epoch = fio_channel_now();

	return made(NEXT(epoll_create1)(flags), epoch, true, flags & EPOLL_CLOEXEC);
}

int x_socket(int family, int type, int protocol)
{
	int r = NEXT(socket)(family, type, protocol);

	NEW_FD(r);
	return r;
}

static int accepted(int fd)
{
	NEW_FD(fd);
	if (fd >= 0)
		ACQUIRE;
	return fd;
}

int x_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	PEEK(fd);
	return accepted(NEXT(accept)(fd, addr, len));
}

int x_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	PEEK(fd);
	return accepted(NEXT(accept4)(fd, addr, len, flags));
}

/* ---- messages ---- */

ssize_t x_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	fio_release_message(fd, msg);
	return NEXT(sendmsg)(fd, msg, flags);
}

/* ---- waiting ---- */

int x_epoll_ctl(int epfd, int op, int fd, struct epoll_event *ev)
{
	PEEK(epfd);
	PEEK(fd);
	if (op != EPOLL_CTL_DEL)
		fio_poller_add(epfd, fd, ev);
	return NEXT(epoll_ctl)(epfd, op, fd, ev);
}

int x_select(int n, fd_set *rd, fd_set *wr, fd_set *ex, struct timeval *timeout)
{
	int r;

	SELECTS(n, rd, wr, ex);
	r = NEXT(select)(n, rd, wr, ex, timeout);
	if (r > 0)
		SELECTED(n, rd, wr, ex);
	return r;
}

int x_pselect(int n, fd_set *rd, fd_set *wr, fd_set *ex, const struct timespec *timeout,
	      const sigset_t *mask)
{
	int r;

	SELECTS(n, rd, wr, ex);
	r = NEXT(pselect)(n, rd, wr, ex, timeout, mask);
	if (r > 0)
		SELECTED(n, rd, wr, ex);
	return r;
}

#define FIO_GROUP_channel ~, 1
#include "aliases.h"
