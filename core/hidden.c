/* SPDX-License-Identifier: MIT */
/*
 * hidden.c - the library's own descriptors in the program's table
 */
#include "hidden.h"

#include <limits.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/socket.h>

#include "fio.h"

#include "sys.h"

#define SPAN 512  /* numbers that may be hidden from base on */
#define LEAST 256 /* RLIMIT_NOFILE below which nothing is hidden */
#define HIGHEST 4096
#define NEAR 32    /* numbers below base at which the program has come too near */
#define RESERVE 72 /* numbers below the limit where hiding begins: directories and a few more */

int fio_fd_near = INT_MAX;

static int base = -1;
static _Atomic uint64_t used[SPAN / 64];

bool fio_hidden_init(void)
{
	struct rlimit rl;
	long top;

	if (SYS4(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &rl) < 0 || rl.rlim_cur < LEAST)
		return false;
	top = rl.rlim_cur > HIGHEST ? HIGHEST : (long)rl.rlim_cur;
	base = (int)(top - RESERVE);
	fio_fd_near = base - NEAR;
	return true;
}

static bool in_span(int fd)
{
	return base >= 0 && fd >= base && fd < base + SPAN;
}

void fio_hidden_prepare(void)
{
	int low, high;

	if (base < 0)
		return;
	low = sys_openat(AT_FDCWD, "/", O_PATH | O_CLOEXEC, 0);
	high = low < 0 ? low : sys_fcntl(low, F_DUPFD_CLOEXEC, base);
	if (low >= 0)
		sys_close(low);
	if (high >= 0)
		sys_close(high);
}

int fio_hide(int fd)
{
	int high = base < 0 ? -EMFILE : sys_fcntl(fd, F_DUPFD_CLOEXEC, base);

	sys_close(fd);
	if (high >= 0 && !in_span(high)) {
		sys_close(high);
		high = -EMFILE;
	}
	if (high >= 0)
		atomic_fetch_or(&used[(high - base) / 64], 1ULL << (high - base) % 64);
	return high;
}

bool fio_hidden_is(int fd)
{
	return in_span(fd) && atomic_load(&used[(fd - base) / 64]) >> (fd - base) % 64 & 1;
}

bool fio_hidden_pair(int *a, int *b)
{
	int sv[2];

	*a = *b = -1;
	if (SYS4(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return false;
	*a = fio_hide(sv[0]);
	*b = fio_hide(sv[1]);
	if (*a >= 0 && *b >= 0)
		return true;
	fio_hidden_close(*a);
	fio_hidden_close(*b);
	*a = *b = -1;
	return false;
}

void fio_hidden_close(int fd)
{
	if (fd < 0 || !fio_hidden_is(fd))
		return;
	atomic_fetch_and(&used[(fd - base) / 64], ~(1ULL << (fd - base) % 64));
	sys_close(fd);
}

bool fio_hidden_any(void)
{
	int lo, hi;

	return fio_hidden_bounds(&lo, &hi);
}

bool fio_hidden_bounds(int *lo, int *hi)
{
	bool any = false;

	for (int i = 0; base >= 0 && i < SPAN; i++) {
		if (!(atomic_load(&used[i / 64]) >> i % 64 & 1))
			continue;
		if (!any)
			*lo = base + i;
		*hi = base + i + 1;
		any = true;
	}
	return any;
}

void fio_hidden_close_all(int but)
{
	for (int i = 0; base >= 0 && i < SPAN; i++) {
		if (base + i != but)
			fio_hidden_close(base + i);
	}
}
