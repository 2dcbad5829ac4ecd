/* SPDX-License-Identifier: MIT */
/*
 * counters.c - gcov's counters in a file that all processes share; part of what is built with COV=1
 *
 * gcov counts in memory and writes at exit, through libc: nothing for a library that interposes
 * libc, whose programs are killed, replaced by exec, or left by a raw _exit.  Here the counters
 * have a section of their own (counters.ld), and before anything is counted a shared mapping of
 * COUNTS_FILE takes its place.  So every process, its background task included, counts in the file
 * at once, whatever ends it. With FASTIO_COUNTS_DUMP in the environment a process only turns the
 * file into gcov's files, and ends.
 */
#include <gcov.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../core/sys.h"

extern char cov_begin[], cov_end[]; /* counters.ld */
extern const struct gcov_info *const __start_gcov_infos[], *const __stop_gcov_infos[];

/* Named by the tables that describe the counters; only gcov's own runtime calls it. */
void __gcov_merge_add(void *counters, unsigned int n);
void __gcov_merge_add(void *counters, unsigned int n)
{
	(void)counters;
	(void)n;
}

static void open_file(const char *name, void *fd)
{
	*(int *)fd = sys_openat(AT_FDCWD, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (*(int *)fd < 0)
		_exit(1);
}

static void write_file(const void *data, unsigned int n, void *fd)
{
	if (sys_write(*(int *)fd, data, n) != (ssize_t)n)
		_exit(1);
}

static void *no_memory(unsigned int n, void *arg)
{
	(void)n;
	(void)arg;
	_exit(1);
}

static void dump(void)
{
	for (const struct gcov_info *const *info = __start_gcov_infos; info < __stop_gcov_infos;
	     info++) {
		int fd = -1;

		__gcov_info_to_gcda(*info, open_file, write_file, no_memory, &fd);
		sys_close(fd);
	}
	_exit(0);
}

__attribute__((constructor(101))) static void share(void)
{
	size_t size = (size_t)(cov_end - cov_begin);
	int fd = sys_openat(AT_FDCWD, COUNTS_FILE, O_RDWR | O_CLOEXEC, 0);
	struct stat st;

	if (fd < 0)
		return;
	if (sys_fstat(fd, &st) == 0 && (size_t)st.st_size >= size)
		SYS6(SYS_mmap, cov_begin, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
		     0);
	sys_close(fd);
	for (char **e = environ; *e; e++)
		if (!strncmp(*e, "FASTIO_COUNTS_DUMP=", 19))
			dump();
}
