/* SPDX-License-Identifier: MIT */
/*
 * files.h - the calls of a program on files, as the preload layer makes them; a process for each
 * case
 */
#ifndef FILES_H
#define FILES_H

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "counters.h"
#include "fio.h"
#include "unit.h"

#define FILES 300

static const char *engine; /* of the case that runs */
static char dir[4000];     /* its directory, empty at first */
static int sub;            /* number of the case */

/* ---- what the preload layer does ---- */

__attribute__((unused)) static int do_open(const char *path, int flags, mode_t mode)
{
	int fd = fio_open(AT_FDCWD, path, flags, mode), passed = fd, err;
	uint32_t seq = fio_seq();

	if (fd > FIO_PASS)
		return fd;
	if (passed == FIO_PASS_TRUNC)
		flags &= ~O_TRUNC;
	fd = open(path, flags, mode);
	if (fio_opened(AT_FDCWD, path, flags, fd < 0 ? -errno : fd, seq)) {
		if (fd >= 0)
			close(fd);
		fd = open(path, flags, mode);
	}
	if (fd < 0)
		return -errno;
	if (passed != FIO_PASS) {
		err = fio_opened_attach(AT_FDCWD, path, flags, passed, fd);
		CHECK_EQ(err, 0);
	}
	return fd;
}

__attribute__((unused)) static ssize_t do_write(int fd, const void *buf, size_t n)
{
	ssize_t r = fio_write(fd, buf, n, -1);

	if (r == FIO_PASS)
		r = write(fd, buf, n);
	return r == -1 ? -errno : r;
}

__attribute__((unused)) static int do_close(int fd)
{
	int r = fio_close(fd);

	return r == FIO_PASS ? close(fd) : r;
}

__attribute__((unused)) static int do_unlink(const char *path)
{
	struct fio_change change = fio_change_begin(path, NULL);
	int r = fio_unlink(AT_FDCWD, path);

	if (r == FIO_PASS)
		r = unlink(path) < 0 ? -errno : 0;
	fio_change_end(&change);
	return r;
}

/* ---- files of known content ---- */

__attribute__((unused)) static const char *path_of(int i)
{
	static _Thread_local char path[4100];

	snprintf(path, sizeof(path), "%s/f%d", dir, i);
	return path;
}

/* Content that differs from file to file; its length. */
__attribute__((unused)) static size_t fill(char *buf, int i)
{
	size_t n = 2 + (size_t)(i * 37 % 5000);

	memset(buf, 'a' + i % 26, n);
	return n;
}

__attribute__((unused)) static void put(int i, int flags)
{
	char buf[8192];
	size_t n = fill(buf, i);
	int fd = do_open(path_of(i), O_WRONLY | O_CREAT | flags, 0640);

	CHECK(fd >= 0);
	CHECK_EQ(do_write(fd, buf, n / 2), n / 2);
	CHECK_EQ(do_write(fd, buf + n / 2, n - n / 2), n - n / 2);
	CHECK_EQ(do_close(fd), 0);
}

/* Stock: does file i have its content? */
__attribute__((unused)) static bool complete(int i)
{
	char want[8192], have[8192];
	size_t n = fill(want, i);
	int fd = open(path_of(i), O_RDONLY);
	ssize_t r;

	if (fd < 0)
		return false;
	r = read(fd, have, sizeof(have));
	close(fd);
	return r == (ssize_t)n && memcmp(want, have, n) == 0;
}

__attribute__((unused)) static void all_complete(int n)
{
	for (int i = 0; i < n; i++)
		CHECK(complete(i));
}

__attribute__((unused)) static uint64_t value(enum fio_counter c)
{
	return atomic_load(&fio_counters[c]);
}

__attribute__((unused)) static uint64_t executed(void)
{
	return value(FIO_CNT_executed_task) + value(FIO_CNT_executed_ring) +
	       value(FIO_CNT_executed_caller);
}

__attribute__((unused)) static void begin(const char *more)
{
	static char assign[64], extra[128];
	static char *envp[] = {assign, (char *)"FASTIO_WARMUP=0", extra, NULL};
	const struct fio_env env = {.envp = envp, .clock_gettime = clock_gettime};

	snprintf(assign, sizeof(assign), "FASTIO_ENGINE=%s", engine);
	snprintf(extra, sizeof(extra), "%s", more ? more : "X=");
	fio_init(&env);
}

/* The end of a process: nothing pending, nothing of ours left. */
__attribute__((unused)) static void finish(int want)
{
	int lo, hi;

	CHECK_EQ(fio_exit(0), want);
	CHECK_EQ(atomic_load(&fio_live), 0);
	CHECK(!fio_pending());
	CHECK(!fio_fd_hidden_range(&lo, &hi));
	CHECK_EQ(waitpid(-1, NULL, __WALL | WNOHANG), -1);
	CHECK_EQ(errno, ECHILD);
	CHECK_EQ(fio_open(AT_FDCWD, path_of(0), O_WRONLY | O_CREAT, 0600), FIO_PASS);
}

/* Runs a case in a process of its own, in an empty directory; its wait status. */
__attribute__((unused)) static int in_child(void (*fn)(void))
{
	int status;
	pid_t pid;

	snprintf(dir, sizeof(dir), "%s/%d", unit_tmp(), sub++);
	if (mkdir(dir, 0755) < 0)
		return -1;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		alarm(30);
		fn();
		fflush(stdout);
		_exit(atomic_load(&unit_failures) != 0);
	}
	waitpid(pid, &status, 0);
	return status;
}

#endif /* FILES_H */
