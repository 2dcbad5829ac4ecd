/* SPDX-License-Identifier: MIT */
/*
 * limits.c - what a program sees of its limits while files are being written
 *
 *	fault-limits DIR
 *
 * Writes some small files, then opens files until that fails, twice, and
 * prints how many descriptors it got, which, and the error.  All output is
 * printed at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char out[1 << 16];
static size_t len;

#define SAY(...) (len += (size_t)snprintf(out + len, sizeof(out) - len, __VA_ARGS__))

static int put(const char *dir, const char *kind, int i, size_t size)
{
	static char data[1 << 16];
	char name[4096];
	ssize_t n;
	int fd;

	snprintf(name, sizeof(name), "%s/%s%d", dir, kind, i);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0) {
		SAY("%s%d open %s\n", kind, i, strerrorname_np(errno));
		return -1;
	}
	memset(data, 'a' + i % 26, size);
	n = write(fd, data, size);
	if (n != (ssize_t)size)
		SAY("%s%d write %zd %s\n", kind, i, n, n < 0 ? strerrorname_np(errno) : "");
	if (close(fd))
		SAY("%s%d close %s\n", kind, i, strerrorname_np(errno));
	return fd;
}

static void exhaust(const char *dir, const char *kind, int flags)
{
	int fds[4096], n = 0, sum = 0;
	char name[4096];

	for (; n < 4096; n++) {
		snprintf(name, sizeof(name), "%s/%s%d", dir, kind, n);
		fds[n] = open(name, flags, 0644);
		if (fds[n] < 0)
			break;
		sum += fds[n];
		if ((flags & O_ACCMODE) == O_WRONLY && write(fds[n], kind, strlen(kind)) < 0)
			SAY("%s write %s\n", kind, strerrorname_np(errno));
	}
	SAY("%s: %d descriptors, sum %d, %s\n", kind, n, sum,
	    n < 4096 ? strerrorname_np(errno) : "");
	while (n--)
		close(fds[n]);
}

int main(int argc, char **argv)
{
	struct rlimit rl;
	int first, last = -1;

	if (argc != 2)
		return 99;
	signal(SIGXFSZ, SIG_IGN);
	first = put(argv[1], "a", 0, 100);
	for (int i = 1; i < 50; i++)
		last = put(argv[1], "a", i, 100);
	SAY("descriptor %d, then %d\n", first, last);
	exhaust(argv[1], "read-a", O_RDONLY | O_CREAT);
	exhaust(argv[1], "write-b", O_WRONLY | O_CREAT);
	for (int i = 50; i < 100; i++)
		put(argv[1], "a", i, 200);
	getrlimit(RLIMIT_FSIZE, &rl);
	if (rl.rlim_cur != RLIM_INFINITY)
		for (int i = 0; i < 20; i++)
			put(argv[1], "big", i, (size_t)rl.rlim_cur - 10 + (size_t)i);
	return write(1, out, len) == (ssize_t)len ? 0 : 99;
}
