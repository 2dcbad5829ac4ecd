/* SPDX-License-Identifier: MIT */
/*
 * stream_file.c - streams of deferred files
 *
 * Such a stream has a descriptor that libc must not touch.  What its buffer cannot take is given to
 * core where libc would write it; whatever else libc wants of the descriptor makes the file real
 * before.  So it is in a process of one thread; otherwise each call makes it real.
 */
#include "export.h"

#include <stdio_ext.h>
#include <sys/single_threaded.h>

#include "../core/fdtab.h"

#define BUFFER 4096 /* what libc takes for a stream that has no buffer yet: st_blksize */
#define SMALL 128   /* into a smaller buffer libc puts single characters only */
#define LINE 1024   /* bytes that are formatted at once */

/* The checked form's body; glibc declares it only to fortified code. */
int __vsnprintf_chk(char *s, size_t n, int flag, size_t room, const char *fmt, va_list ap);

bool fio_stream_deferred(FILE *f)
{
	int fd = f->_fileno;

	return fd >= 0 && fio_fd_intent(fio_fd_get(fd));
}

/* By a single thread, in bytes, and libc writes only what the buffer cannot take. */
static bool is_plain(FILE *f)
{
	size_t size = __fbufsize(f);

	return __libc_single_threaded && f->_mode <= 0 && !__flbf(f) && (!size || size >= SMALL);
}

/* What libc would write.  False: the file is real now, or keeps an error. */
static bool spill(FILE *f)
{
	size_t n = __fpending(f);

	if (n && fio_write(f->_fileno, f->_IO_write_base, n, -1) != (ssize_t)n)
		return false;
	__fpurge(f);
	return true;
}

static size_t buffer_size(FILE *f)
{
	size_t size = __fbufsize(f);

	return size ? size : BUFFER;
}

/* Unlike a channel's buffer, one that is just full stays so. */
void fio_stream_make_room(FILE *f, size_t len)
{
	if (!is_plain(f) || len >= buffer_size(f) ||
	    (len > buffer_size(f) - __fpending(f) && !spill(f)))
		fio_stream_barrier(f);
}

void fio_stream_spill(FILE *f)
{
	if (!is_plain(f) || !spill(f))
		fio_stream_barrier(f);
}

static size_t failed(FILE *f, int err)
{
	f->_flags |= _IO_ERR_SEEN;
	errno = err;
	return 0;
}

/* As libc does it: the buffer is filled and written, then whole blocks, and the rest is held. */
size_t fio_stream_write(const char *p, size_t n, FILE *f)
{
	size_t size, left = 0, whole;
	ssize_t r;

	if (!is_plain(f))
		goto stock;
	size = buffer_size(f);
	if (f->_IO_write_end > f->_IO_write_ptr)
		left = (size_t)(f->_IO_write_end - f->_IO_write_ptr);
	if (n <= left || (n < size && !__fpending(f)))
		return NEXT(fwrite)(p, 1, n, f);
	if (left < size && __fpending(f)) {
		if (left && NEXT(fwrite)(p, 1, left, f) != left)
			return 0;
		r = fio_write(f->_fileno, f->_IO_write_base, __fpending(f), -1);
		if (r == FIO_PASS)
			return left + NEXT(fwrite)(p + left, 1, n - left, f);
		if (r < 0)
			return failed(f, (int)-r);
		__fpurge(f);
	} else {
		left = 0;
	}
	whole = (n - left) - (n - left) % size;
	r = whole ? fio_write(f->_fileno, p + left, whole, -1) : 0;
	if (r == FIO_PASS)
		whole = 0;
	else if (r < 0)
		return failed(f, (int)-r);
	left += whole;
	return left + (n > left ? NEXT(fwrite)(p + left, 1, n - left, f) : 0);

stock:
	fio_stream_barrier(f);
	return NEXT(fwrite)(p, 1, n, f);
}

int fio_stream_format(FILE *f, int flag, const char *fmt, va_list ap)
{
	char line[LINE];
	va_list copy;
	int n;

	va_copy(copy, ap);
	n = flag < 0 ? vsnprintf(line, sizeof(line), fmt, copy)
		     : __vsnprintf_chk(line, sizeof(line), flag, sizeof(line), fmt, copy);
	va_end(copy);
	if (n >= 0 && (size_t)n < sizeof(line))
		return fio_stream_write(line, (size_t)n, f) == (size_t)n ? n : -1;
	fio_stream_barrier(f);
	return flag < 0 ? NEXT(vfprintf)(f, fmt, ap) : NEXT(__vfprintf_chk)(f, flag, fmt, ap);
}

void fio_stream_moves(FILE *f)
{
	if (fio_stream_deferred(f))
		fio_stream_barrier(f);
	else
		fio_stream_flush(f);
}

void fio_stream_real(FILE *f)
{
	if (fio_stream_deferred(f))
		fio_stream_barrier(f);
}

/* libc closes another descriptor, so that core may answer for this one. */
int fio_stream_close(FILE *f)
{
	int fd = f->_fileno, other, r, err, s;

	fio_stream_spill(f);
	other = fio_stream_deferred(f) ? NEXT(fcntl)(fd, F_DUPFD_CLOEXEC, 0) : -1;
	if (other < 0) {
		fio_stream_barrier(f);
		FORGET(fd);
		return NEXT(fclose)(f);
	}
	__fpurge(f);
	f->_fileno = other;
	r = x_close(fd);
	err = errno;
	s = NEXT(fclose)(f);
	if (r == 0)
		return s;
	errno = err;
	return EOF;
}

/* ---- opening ---- */

/* Of fopen's mode, if it is one that core may take. */
static int flags_of(const char *mode)
{
	int flags = O_WRONLY | O_CREAT | O_TRUNC;

	if (*mode != 'w')
		return -1;
	while (*++mode) {
		if (*mode == '+')
			flags = (flags & ~O_WRONLY) | O_RDWR;
		else if (*mode == 'e')
			flags |= O_CLOEXEC;
		else if (*mode == 'x')
			flags |= O_EXCL;
		else if (*mode != 'b')
			return -1;
	}
	return flags;
}

/* A stream needs a descriptor that can be written when it is made. */
static FILE *stream_of(int fd, bool reads)
{
	const char *mode = reads ? "w+" : "w";
	int err = errno, other;
	FILE *f = NEXT(fopen)("/dev/null", mode);

	if (f) {
		other = f->_fileno;
		f->_fileno = fd;
		NEXT(close)(other);
		errno = err;
		return f;
	}
	FD_C(fd, STDIO);
	f = NEXT(fdopen)(fd, mode);
	if (!f) {
		err = errno;
		x_close(fd);
		errno = err;
	}
	return f;
}

FILE *x_fopen(const char *path, const char *mode)
{
	int flags = flags_of(mode), fd = FIO_PASS;
	FILE *f;

	LOADED;
	if (flags >= 0 && __libc_single_threaded)
		fd = fio_open_stream(path, flags, 0666);
	if (fd >= 0) {
		NEW_FD(fd);
		return stream_of(fd, flags & O_RDWR);
	}
	if (fd > FIO_PASS) {
		errno = -fd;
		return NULL;
	}
	STREAM_OPEN(path, mode);
	f = NEXT(fopen)(path, mode);
	if (!f || *mode == 'r')
		return f;
	if (fd == FIO_PASS_HOLD)
		fio_opened_look(f->_fileno);
	if (fio_believing())
		CREATED;
	return f;
}

#define FIO_GROUP_stream ~, 1
#include "aliases.h"
