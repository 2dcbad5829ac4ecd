/* SPDX-License-Identifier: MIT */
/*
 * stream.c - when a stdio call of libc reaches a channel
 *
 * libc writes and reads inside stdio, where no export of ours is called.  Called only while
 * something is pending (stream_got: while something is believed).
 */
#include "export.h"

#include <stdio_ext.h>
#include <sys/single_threaded.h>

size_t fio_formatted_length(const char *fmt, va_list ap)
{
	int err = errno, n;
	va_list copy;

	va_copy(copy, ap);
	n = vsnprintf(NULL, 0, fmt, copy);
	va_end(copy);
	errno = err;
	return n < 0 ? SIZE_MAX : (size_t)n;
}

/* Bytes that the buffer takes for sure without being written.  Another thread may fill it. */
static size_t room(FILE *f)
{
	size_t size = __fbufsize(f), held = __fpending(f);

	return __libc_single_threaded && !__flbf(f) && held < size ? size - held : 0;
}

void fio_stream_barrier(FILE *f)
{
	int err = errno, fd = fileno_unlocked(f);

	if (fd >= 0) {
		FD_C(fd, STDIO);
		CHANNEL(fd);
	}
	errno = err;
}

void fio_stream_out(FILE *f, size_t len)
{
	if (unlikely(fio_stream_deferred(f)))
		fio_stream_make_room(f, len);
	else if (len >= room(f))
		fio_stream_barrier(f);
}

void fio_stream_print(FILE *f, const char *fmt, va_list ap)
{
	size_t left;

	if (unlikely(fio_stream_deferred(f))) {
		fio_stream_make_room(f, fio_formatted_length(fmt, ap));
		return;
	}
	left = room(f);
	if (!left || fio_formatted_length(fmt, ap) >= left)
		fio_stream_barrier(f);
}

void fio_stream_flush(FILE *f)
{
	if (unlikely(fio_stream_deferred(f)))
		fio_stream_spill(f);
	else if (__fpending(f) || !__libc_single_threaded)
		fio_stream_barrier(f);
}

/* Reading an unbuffered or line buffered stream flushes stdout first. */
void fio_stream_in(FILE *f)
{
	int err = errno;

	if (unlikely(fio_stream_deferred(f)))
		fio_stream_barrier(f);
	else if (__flbf(f) || __fbufsize(f) <= 1)
		ALL(STDIO);
	errno = err;
}

void fio_stream_got(FILE *f)
{
	int err = errno, fd = fileno_unlocked(f);

	if (fd >= 0)
		GOT(fd);
	errno = err;
}
