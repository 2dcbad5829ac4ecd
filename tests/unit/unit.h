/* SPDX-License-Identifier: MIT */
/*
 * unit.h - what the unit tests share: checks, a list of tests, a temporary directory
 *
 * A program prints "ok NAME" or "not ok NAME" per test and ends with 0, 1, or 77: skipped, the
 * reason is its last line.  Checks may be used in any thread.
 */
#ifndef UNIT_H
#define UNIT_H

#include <ftw.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define UNIT_SKIP 77
#define UNIT_TIMEOUT 60 /* seconds after which a program hangs */

struct unit_test {
	const char *name;
	void (*fn)(void);
};

static _Atomic int unit_failures;

#define CHECK(cond)                                           \
	do {                                                  \
		if (!(cond))                                  \
			unit_fail(__FILE__, __LINE__, #cond); \
	} while (0)

#define CHECK_EQ(a, b) unit_eq(__FILE__, __LINE__, #a " == " #b, (long long)(a), (long long)(b))
#define CHECK_STR(a, b) unit_str(__FILE__, __LINE__, a, b)

#define TEST(name)          \
	{                   \
#name, name \
	}

__attribute__((unused)) static void unit_fail(const char *file, int line, const char *what)
{
	if (atomic_fetch_add(&unit_failures, 1) < 20)
		printf("# %s:%d: %s\n", file, line, what);
}

__attribute__((unused)) static void unit_eq(const char *file, int line, const char *what,
					    long long a, long long b)
{
	if (a == b)
		return;
	unit_fail(file, line, what);
	printf("#   %lld and %lld\n", a, b);
}

__attribute__((unused)) static void unit_str(const char *file, int line, const char *a,
					     const char *b)
{
	if (strcmp(a, b) == 0)
		return;
	unit_fail(file, line, "strings are equal");
	printf("#   '%s' and '%s'\n", a, b);
}

/* All tests, or those whose names are given. */
__attribute__((unused)) static int unit_run(const struct unit_test *tests, size_t n, int argc,
					    char **argv)
{
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(UNIT_TIMEOUT);
	for (size_t i = 0; i < n; i++) {
		bool wanted = argc < 2;
		int before = atomic_load(&unit_failures);

		for (int k = 1; k < argc; k++)
			wanted |= strcmp(argv[k], tests[i].name) == 0;
		if (!wanted)
			continue;
		tests[i].fn();
		if (atomic_load(&unit_failures) != before)
			failed++;
		printf("%s %s\n", atomic_load(&unit_failures) == before ? "ok" : "not ok",
		       tests[i].name);
	}
	return failed ? 1 : 0;
}

#define UNIT_MAIN(tests)                                                                \
	int main(int argc, char **argv)                                                 \
	{                                                                               \
		return unit_run(tests, sizeof(tests) / sizeof((tests)[0]), argc, argv); \
	}

__attribute__((unused)) static void unit_skip(const char *why)
{
	printf("skip: %s\n", why);
	exit(UNIT_SKIP);
}

static char unit_dir[4096 - 256];
static pid_t unit_owner;

static int unit_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void unit_cleanup(void)
{
	if (unit_owner == getpid() && unit_dir[0])
		nftw(unit_dir, unit_remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

/* A temporary directory on a file system on which files are deferred; removed at exit. */
__attribute__((unused)) static const char *unit_tmp(void)
{
	static const uint32_t known[] = {0xEF53,     0x58465342, 0x9123683E,
					 0x01021994, 0xF2F52010, 0x794c7630};
	const char *base = getenv("TMPDIR");
	struct statfs sf;

	if (unit_dir[0])
		return unit_dir;
	snprintf(unit_dir, sizeof(unit_dir), "%s/fastio-unit.XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(unit_dir) || statfs(unit_dir, &sf) < 0) {
		perror(unit_dir);
		exit(1);
	}
	unit_owner = getpid();
	atexit(unit_cleanup);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i] == (uint32_t)sf.f_type)
			return unit_dir;
	}
	unit_skip("nothing is deferred on the file system of $TMPDIR");
	return NULL;
}

/* With one processor nothing can overlap, and nothing is deferred. */
__attribute__((unused)) static void unit_need_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) < 2)
		unit_skip("one processor: nothing is deferred");
}

#endif /* UNIT_H */
