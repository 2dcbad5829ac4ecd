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

/* Will len more bytes stay in the buffer?  Another thread may fill it meanwhile. */
static bool stays_in_buffer(FILE *f, size_t len)
{
	size_t size = __fbufsize(f), held = __fpending(f);

	return __libc_single_threaded && !__flbf(f) && held < size && len < size - held;
}

void fio_stream_out(FILE *f, size_t len)
{
	int err = errno, fd;

	if (!stays_in_buffer(f, len)) {
		fd = fileno_unlocked(f);
		if (fd >= 0) {
			FD_C(fd, STDIO);
			CHANNEL(fd);
		}
	}
	errno = err;
}

/* Reading an unbuffered or line buffered stream flushes stdout first. */
void fio_stream_in(FILE *f)
{
	int err = errno;

	if (__flbf(f) || __fbufsize(f) <= 1)
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
