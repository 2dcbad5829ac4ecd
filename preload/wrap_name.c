/* SPDX-License-Identifier: MIT */
/*
 * wrap_name.c - names that files get: rename, link; and fsync, which they may have to wait for
 */
#include "export.h"

static int renamed(int r, int dirfd, const char *to, unsigned int flags)
{
	if (r == 0 && fio_believing())
		RENAMED(dirfd, to, flags);
	return r;
}

int x_rename(const char *from, const char *to)
{
	CHANGING_BOTH(from, to);
	LOADED;
	int r = fio_rename(AT_FDCWD, from, AT_FDCWD, to, 0);

	return r != FIO_PASS ? RESULT(r) : renamed(NEXT(rename)(from, to), AT_FDCWD, to, 0);
}

int x_renameat(int fromfd, const char *from, int tofd, const char *to)
{
	CHANGING_BOTH(from, to);
	LOADED;
	int r = fio_rename(fromfd, from, tofd, to, 0);

	return r != FIO_PASS ? RESULT(r)
			     : renamed(NEXT(renameat)(fromfd, from, tofd, to), tofd, to, 0);
}

int x_renameat2(int fromfd, const char *from, int tofd, const char *to, unsigned int flags)
{
	CHANGING_BOTH(from, to);
	LOADED;
	int r = fio_rename(fromfd, from, tofd, to, flags);

	return r != FIO_PASS
		       ? RESULT(r)
		       : renamed(NEXT(renameat2)(fromfd, from, tofd, to, flags), tofd, to, flags);
}

static int linked(int r, int dirfd, const char *to)
{
	if (r == 0)
		MADE(dirfd, to);
	return r;
}

int x_link(const char *from, const char *to)
{
	CHANGING_BOTH(from, to);
	LOADED;
	int r = fio_link(AT_FDCWD, from, AT_FDCWD, to, 0);

	return r != FIO_PASS ? RESULT(r) : linked(NEXT(link)(from, to), AT_FDCWD, to);
}

int x_linkat(int fromfd, const char *from, int tofd, const char *to, int flags)
{
	CHANGING_BOTH(from, to);
	LOADED;
	int r = fio_link(fromfd, from, tofd, to, flags);

	return r != FIO_PASS ? RESULT(r)
			     : linked(NEXT(linkat)(fromfd, from, tofd, to, flags), tofd, to);
}

static int sync_file(int fd, int (*next)(int))
{
	int r;

	CANCEL_POINT;
	r = fio_fsync(fd);
	if (r != FIO_PASS)
		return RESULT(r);
	FD_C(fd, SYNC);
	return next(fd);
}

int x_fsync(int fd)
{
	return sync_file(fd, NEXT(fsync));
}

int x_fdatasync(int fd)
{
	return sync_file(fd, NEXT(fdatasync));
}

int x_sync_file_range(int fd, off_t off, off_t n, unsigned int flags)
{
	int r;

	CANCEL_POINT;
	r = fio_sync_range(fd, off, n, flags);
	if (r != FIO_PASS)
		return RESULT(r);
	FD_C(fd, SYNC);
	return NEXT(sync_file_range)(fd, off, n, flags);
}
