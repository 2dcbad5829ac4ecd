/* SPDX-License-Identifier: MIT */
/*
 * wrap_io.c - reading, writing, and moving the offset
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

ssize_t x_read(int fd, void *buf, size_t n)
{
	ssize_t r;

	if (unlikely(fio_ahead_reads())) {
		CANCEL_POINT;
		r = fio_read_slow(fd, buf, n, -1);
		if (r != FIO_PASS)
			return RESULT(r);
	}
	FD(fd);
	r = NEXT(read)(fd, buf, n);
	if (r >= 0)
		GOT(fd);
	return r;
}

ssize_t x___read_chk(int fd, void *buf, size_t n, size_t size)
{
	return n > size ? NEXT(__read_chk)(fd, buf, n, size) : x_read(fd, buf, n);
}

ssize_t x_pread(int fd, void *buf, size_t n, off_t off)
{
	if (unlikely(fio_ahead_reads()) && off >= 0) {
		ssize_t r;

		CANCEL_POINT;
		r = fio_read_slow(fd, buf, n, off);
		if (r != FIO_PASS)
			return RESULT(r);
	}
	FD(fd);
	return NEXT(pread)(fd, buf, n, off);
}

int x_posix_fadvise(int fd, off_t off, off_t len, int advice)
{
	/* Of a file that is in memory. */
	if (unlikely(fio_ahead_reads()) && fio_ahead_is_read(fd) && len >= 0 && advice >= 0 &&
	    advice <= POSIX_FADV_NOREUSE)
		return 0;
	PEEK(fd);
	return NEXT(posix_fadvise)(fd, off, len, advice);
}

off_t x_lseek(int fd, off_t off, int whence)
{
	if (unlikely(fio_ahead_reads())) {
		off_t r = fio_lseek_slow(fd, off, whence);

		if (r != FIO_PASS)
			return r;
	}
	ANSWER(fio_new_lseek(fd, off, whence));
	if (whence == SEEK_CUR && off == 0)
		PEEK(fd);
	else
		FD(fd);
	return NEXT(lseek)(fd, off, whence);
}

ssize_t x_copy_file_range(int in, off_t *inoff, int out, off_t *outoff, size_t n,
			  unsigned int flags)
{
	if (!fio_ahead_is_read(in))
		FD(in);
	if (!inoff && !outoff && !flags)
		ANSWER(fio_new_copy(in, out, n));
	FD(in);
	FD(out);
	ORDERED;
	return NEXT(copy_file_range)(in, inoff, out, outoff, n, flags);
}

#define FIO_GROUP_io ~, 1
#define FIO_GROUP_read ~, 1
#include "aliases.h"
