/* SPDX-License-Identifier: MIT */
/*
 * wrap_fd.c - closing, duplicating and controlling descriptors; mappings; metadata by descriptor
 */
#include "export.h"

#include "maps.h"

#include <linux/fs.h>
#include <sys/mman.h>

/* ---- closing and duplicating ---- */

int x_close(int fd)
{
	int r;

	CANCEL_POINT;
	r = fio_close(fd);
	if (r != FIO_PASS)
		return RESULT(r);
	CLOSES(fd);
	return NEXT(close)(fd);
}

/* What the descriptors first..last carry is finished, and they are forgotten. */
static void forget_range(unsigned int first, unsigned int last)
{
	struct rlimit limit;
	unsigned int end = 1 << 16;

	ALL(FD);
	if (!NEXT(prlimit)(0, RLIMIT_NOFILE, NULL, &limit) && limit.rlim_cur < end)
		end = (unsigned int)limit.rlim_cur;
	for (unsigned int fd = first; fd <= last && fd < end; fd++)
		if (!fio_fd_hidden((int)fd))
			fio_fd_forget((int)fd);
}

/* close_range without the library's own descriptors */
static int close_around(unsigned int first, unsigned int last, int flags)
{
	unsigned int from = first;
	int lo, hi, r = 0;

	if (!fio_fd_hidden_range(&lo, &hi) || last < (unsigned int)lo || first >= (unsigned int)hi)
		return NEXT(close_range)(first, last, flags);
	for (unsigned int fd = (unsigned int)lo; fd < (unsigned int)hi && fd <= last; fd++) {
		if (fd < from || !fio_fd_hidden((int)fd))
			continue;
		if (fd > from)
			r = NEXT(close_range)(from, fd - 1, flags);
		if (r)
			return r;
		from = fd + 1;
	}
	return from <= last ? NEXT(close_range)(from, last, flags) : 0;
}

int x_close_range(unsigned int first, unsigned int last, int flags)
{
	const int known = CLOSE_RANGE_CLOEXEC | CLOSE_RANGE_UNSHARE;

	/* These two leave every descriptor open, and the library's own are close-on-exec. */
	if (first > last || (flags & ~known) || flags == CLOSE_RANGE_CLOEXEC) {
		ALL(FD);
		return NEXT(close_range)(first, last, flags);
	}
	/* The background task would keep the old descriptor table. */
	if (flags & CLOSE_RANGE_UNSHARE)
		STOP(CRED);
	if (!(flags & CLOSE_RANGE_CLOEXEC))
		forget_range(first, last);
	return close_around(first, last, flags);
}

void x_closefrom(int lowfd)
{
	unsigned int first = lowfd < 0 ? 0 : (unsigned int)lowfd;
	int err = errno;

	forget_range(first, ~0U);
	if (close_around(first, ~0U, 0))
		NEXT(closefrom)(lowfd);
	errno = err;
}

int x_dup(int fd)
{
	int r;

	FD(fd);
	DUPLICATES(fd);
	r = NEXT(dup)(fd);
	NEW_FD(r);
	return r;
}

static void replaces(int oldfd, int newfd, int flags)
{
	FD(oldfd);
	DUPLICATES(oldfd);
	/* What is refused leaves newfd as it is. */
	if (fio_pending() && (flags & ~O_CLOEXEC || NEXT(fcntl)(oldfd, F_GETFD) < 0))
		return;
	CLOSES(newfd);
	fio_fd_forget(newfd);
}

int x_dup2(int oldfd, int newfd)
{
	if (oldfd != newfd)
		replaces(oldfd, newfd, 0);
	return NEXT(dup2)(oldfd, newfd);
}

int x_dup3(int oldfd, int newfd, int flags)
{
	if (oldfd != newfd)
		replaces(oldfd, newfd, flags);
	return NEXT(dup3)(oldfd, newfd, flags);
}

/* ---- fcntl, ioctl ---- */

int x_fcntl(int fd, int cmd, ...)
{
	va_list ap;
	long arg;
	int r;

	va_start(ap, cmd);
	arg = va_arg(ap, long);
	va_end(ap);
	switch (cmd) {
	case F_SETFD:
		CLOEXEC(fd, arg & FD_CLOEXEC);
		PEEK(fd);
		break;
	case F_GETFD:
	case F_GETFL:
	case F_GETPIPE_SZ:
	case F_GETOWN:
	case F_GETOWN_EX:
	case F_GETSIG:
	case F_GET_SEALS:
		PEEK(fd);
		break;
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
	case F_SETLEASE:
		ALL(LOCK);
		r = NEXT(fcntl)(fd, cmd, arg);
		if (r == 0)
			LOCKED(fd);
		return r;
	case F_SETOWN:
	case F_SETOWN_EX:
		/* Somebody else may be signalled when something is written to it. */
		SHARES;
		FD(fd);
		break;
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		NEW_FD((int)arg);
		DUPLICATES(fd);
		FD(fd);
		r = NEXT(fcntl)(fd, cmd, arg);
		NEW_FD(r);
		return r;
	default:
		FD(fd);
	}
	return NEXT(fcntl)(fd, cmd, arg);
}

int x_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	long arg;
	int r;

	va_start(ap, request);
	arg = va_arg(ap, long);
	va_end(ap);
	r = fio_new_ioctl(fd, request, arg);
	if (r != FIO_PASS)
		return RESULT(r);
	switch (request) {
	case FIOCLEX:
	case FIONCLEX:
		CLOEXEC(fd, request == FIOCLEX);
		PEEK(fd);
		break;
	case TCGETS:
	case TIOCGWINSZ:
	case TIOCGPGRP:
	case FIONREAD:
	case FIONBIO:
	case FS_IOC_GETFLAGS:
	case FS_IOC_GETVERSION:
		PEEK(fd);
		break;
	case FICLONE:
	case FICLONERANGE:
	case FIDEDUPERANGE:
	case FIGETBSZ:
	case FS_IOC_SETFLAGS:
	case TCSETS:
	case TCSETSW:
	case TIOCSWINSZ:
		ALL(FD);
		break;
	default:
		/* It may hand an eventfd to the kernel, or set who is signalled. */
		SHARES;
		ALL(FD);
	}
	r = NEXT(ioctl)(fd, request, arg);
	if (r < 0)
		fio_new_ioctl_said(fd, request, arg, errno);
	return r;
}

int x_tcgetattr(int fd, struct termios *t)
{
	int r;

	ANSWER(fio_new_ioctl(fd, TCGETS, 0));
	PEEK(fd);
	r = NEXT(tcgetattr)(fd, t);
	if (r < 0)
		fio_new_ioctl_said(fd, TCGETS, 0, errno);
	return r;
}

int x_isatty(int fd)
{
	int r = fio_new_ioctl(fd, TCGETS, 0);

	if (r == -ENOTTY) {
		errno = ENOTTY;
		return 0;
	}
	PEEK(fd);
	r = NEXT(isatty)(fd);
	if (!r)
		fio_new_ioctl_said(fd, TCGETS, 0, errno);
	return r;
}

/* ---- mappings ---- */

bool fio_shared_map;

void *x_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	bool shared = (flags & MAP_TYPE) == MAP_SHARED || (flags & MAP_TYPE) == MAP_SHARED_VALIDATE;

	if (!(flags & MAP_ANONYMOUS))
		fio_mapped(fd);
	if (shared) {
		ALL(MAP);
		if (!(flags & MAP_ANONYMOUS)) {
			int err = errno;

			/* Only memory files have seals: memfd_create, shm_open, tmpfs. */
			if (NEXT(fcntl)(fd, F_GET_SEALS) >= 0)
				STOP(MAP);
			errno = err;
		}
		/* mprotect may make it writable later. */
		if (prot & PROT_WRITE || flags & MAP_ANONYMOUS ||
		    (NEXT(fcntl)(fd, F_GETFL) & O_ACCMODE) == O_RDWR)
			fio_shared_map = true;
		/* What is written there nobody sees. */
		if (!(flags & MAP_ANONYMOUS))
			fio_sync_no_more();
	}
	return NEXT(mmap)(addr, len, prot, flags, fd, off);
}

/* ---- metadata ---- */

int x_fchmod(int fd, mode_t mode)
{
	int r = fio_fchmod(fd, mode);

	if (r != FIO_PASS)
		return RESULT(r);
	FD(fd);
	CHANGES;
	r = NEXT(fchmod)(fd, mode);
	CHANGED;
	return r;
}

int x_fchown(int fd, uid_t uid, gid_t gid)
{
	int r = fio_fchown(fd, uid, gid);

	if (r != FIO_PASS)
		return RESULT(r);
	FD(fd);
	CHANGES;
	r = NEXT(fchown)(fd, uid, gid);
	CHANGED;
	return r;
}

int x_futimens(int fd, const struct timespec *ts)
{
	int r = fio_futimens(fd, ts);

	if (r != FIO_PASS)
		return RESULT(r);
	FD(fd);
	CHANGES;
	return NEXT(futimens)(fd, ts);
}

/* futimes in nanoseconds, FIO_PASS for what libc refuses */
static int core_futimes(int fd, const struct timeval *tv)
{
	struct timespec ts[2];

	if (!tv)
		return fio_futimens(fd, NULL);
	for (int i = 0; i < 2; i++) {
		if (tv[i].tv_usec < 0 || tv[i].tv_usec >= 1000000)
			return FIO_PASS;
		ts[i].tv_sec = tv[i].tv_sec;
		ts[i].tv_nsec = tv[i].tv_usec * 1000;
	}
	return fio_futimens(fd, ts);
}

int x_futimes(int fd, const struct timeval *tv)
{
	int r = core_futimes(fd, tv);

	if (r != FIO_PASS)
		return RESULT(r);
	FD(fd);
	CHANGES;
	return NEXT(futimes)(fd, tv);
}

int x_futimesat(int dirfd, const char *path, const struct timeval *tv)
{
	CHANGES;
	if (path)
		AT_PATH(dirfd, path, true, 0);
	else
		FD(dirfd);
	return NEXT(futimesat)(dirfd, path, tv);
}

#define FIO_GROUP_fd ~, 1
#include "aliases.h"
