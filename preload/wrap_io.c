/* SPDX-License-Identifier: MIT */
/*
 * wrap_io.c - writing, and moving the offset
 */
#include "export.h"

ssize_t x_write(int fd, const void *buf, size_t n)
{
	ssize_t r;

	CANCEL_POINT;
	r = fio_write(fd, buf, n, -1);
	if (r != FIO_PASS)
		return RESULT(r);
	CHANNEL(fd);
	return NEXT(write)(fd, buf, n);
}

ssize_t x_writev(int fd, const struct iovec *iov, int iovcnt)
{
	ssize_t r;

	CANCEL_POINT;
	r = fio_writev(fd, iov, iovcnt, -1);
	if (r != FIO_PASS)
		return RESULT(r);
	CHANNEL(fd);
	return NEXT(writev)(fd, iov, iovcnt);
}

ssize_t x_pwrite(int fd, const void *buf, size_t n, off_t off)
{
	ssize_t r;

	CANCEL_POINT;
	r = off < 0 ? FIO_PASS : fio_write(fd, buf, n, off);
	if (r != FIO_PASS)
		return RESULT(r);
	FD(fd);
	CHANNEL(fd);
	return NEXT(pwrite)(fd, buf, n, off);
}

ssize_t x_pwritev(int fd, const struct iovec *iov, int iovcnt, off_t off)
{
	ssize_t r;

	CANCEL_POINT;
	r = off < 0 ? FIO_PASS : fio_writev(fd, iov, iovcnt, off);
	if (r != FIO_PASS)
		return RESULT(r);
	FD(fd);
	CHANNEL(fd);
	return NEXT(pwritev)(fd, iov, iovcnt, off);
}

ssize_t x_pwritev2(int fd, const struct iovec *iov, int iovcnt, off_t off, int flags)
{
	ssize_t r;

	CANCEL_POINT;
	r = flags || off < -1 ? FIO_PASS : fio_writev(fd, iov, iovcnt, off);
	if (r != FIO_PASS)
		return RESULT(r);
	FD(fd);
	CHANNEL(fd);
	return NEXT(pwritev2)(fd, iov, iovcnt, off, flags);
}

off_t x_lseek(int fd, off_t off, int whence)
{
	if (whence == SEEK_CUR && off == 0)
		PEEK(fd);
	else
		FD(fd);
	return NEXT(lseek)(fd, off, whence);
}

#define FIO_GROUP_io ~, 1
#include "aliases.h"
