/* SPDX-License-Identifier: MIT */
/*
 * race.c - another process acts between the acknowledgement of a call and,
 * in a library that defers it, its execution
 *
 *	fault-race [-l|-2] SCENARIO DIR
 *
 * The other process is told by raw system calls, which are no release point.
 * Every failing call of the program and the result of the other process are
 * printed at the end.  -l: the program makes further calls after the race, so
 * that an error can be reported by one of them.  -2: descriptor 2 is a file of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"

#define FILES 20

static char report[1 << 16];
static size_t report_len;
static int to_other[2], from_other[2];

static void say(const char *call, const char *name, long ret)
{
	report_len +=
		(size_t)snprintf(report + report_len, sizeof(report) - report_len, "%s %s %s\n",
				 call, name, ret < 0 ? strerrorname_np((int)-ret) : "ok");
}

static void fail(const char *call, const char *name)
{
	say(call, name, -errno);
}

static void put(const char *name, int flags, const char *text)
{
	int fd = open(name, O_WRONLY | flags, 0644);
	size_t n = strlen(text);

	if (fd < 0) {
		fail("open", name);
		return;
	}
	if (write(fd, text, n) != (ssize_t)n)
		fail("write", name);
	if (close(fd))
		fail("close", name);
}

static void put_many(const char *dir, int flags, const char *text)
{
	char name[64];

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%s/f%02d", dir, i);
		put(name, flags, text);
	}
}

/* ---- what the other process can do, by raw calls only ---- */

static long other_put(const char *name, int flags, const char *text)
{
	long fd = RAW(SYS_open, name, O_WRONLY | flags, 0644, 0);

	if (fd < 0)
		return fd;
	RAW(SYS_write, fd, text, strlen(text), 0);
	RAW(SYS_close, fd, 0, 0, 0);
	return 0;
}

static long other_replace(const char *name, const char *text)
{
	long ret = other_put("other.tmp", O_CREAT | O_TRUNC, text);

	return ret < 0 ? ret : RAW(SYS_rename, "other.tmp", name, 0, 0);
}

/* ---- scenarios: prepare, the program's part, the other's part ---- */

static void create_in_d(void)
{
	put_many("d", O_CREAT | O_TRUNC, "mine");
}

static void create_excl_in_d(void)
{
	put_many("d", O_CREAT | O_EXCL, "mine");
}

static void update_in_d(void)
{
	put_many("d", O_TRUNC, "mine");
}

static void unlink_in_d(void)
{
	char name[64];

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "d/f%02d", i);
		if (unlink(name))
			fail("unlink", name);
	}
}

/* A file that stays open meanwhile and has another name, by which it is written to afterwards. */
static int held = -1;

static void hold_in_d(void)
{
	for (int i = 0; i < 2 * FILES; i++)
		put("warm", O_CREAT | O_TRUNC, "warm");
	if (link("d/f19", "d/other"))
		fail("link", "d/other");
	held = open("d/f19", O_WRONLY | O_TRUNC);
	if (held < 0 || write(held, "mine", 4) != 4)
		fail("open", "d/f19");
}

static void use_other_name(void)
{
	int fd = open("d/other", O_WRONLY | O_APPEND);

	if (fd < 0 || write(fd, "more", 4) != 4)
		fail("write", "d/other");
	if (close(fd))
		fail("close", "d/other");
	if (close(held))
		fail("close", "d/f19");
}

static long o_rmdir(void)
{
	return RAW(SYS_rmdir, "d", 0, 0, 0);
}

static long o_swap_dir(void)
{
	long ret = RAW(SYS_rename, "d", "moved", 0, 0);

	return ret < 0 ? ret : RAW(SYS_mkdir, "d", 0755, 0, 0);
}

static long o_swap_dir_link(void)
{
	long ret = RAW(SYS_rename, "d", "moved", 0, 0);

	return ret < 0 ? ret : RAW(SYS_symlink, "elsewhere", "d", 0, 0);
}

static long o_chmod_dir(void)
{
	return RAW(SYS_chmod, "d", 0555, 0, 0);
}

static long o_mkdir_name(void)
{
	return RAW(SYS_mkdir, "d/f19", 0755, 0, 0);
}

static long o_symlink_name(void)
{
	return RAW(SYS_symlink, "../elsewhere/victim", "d/f19", 0, 0);
}

static long o_create_excl(void)
{
	return other_put("d/f19", O_CREAT | O_EXCL, "theirs");
}

static long o_create_trunc(void)
{
	return other_put("d/f19", O_CREAT | O_TRUNC, "theirs");
}

static long o_replace(void)
{
	return other_replace("d/f19", "theirs");
}

static long o_unlink(void)
{
	return RAW(SYS_unlink, "d/f19", 0, 0, 0);
}

static long o_unlink_all(void)
{
	char name[] = "d/f00";
	long ret = 0;

	for (int i = 0; i < FILES; i++) {
		name[3] = (char)('0' + i / 10);
		name[4] = (char)('0' + i % 10);
		ret = RAW(SYS_unlink, name, 0, 0, 0);
	}
	RAW(SYS_rmdir, "d", 0, 0, 0);
	return ret;
}

static long o_truncate(void)
{
	return RAW(SYS_truncate, "d/f19", 0, 0, 0);
}

static const struct scenario {
	const char *name;
	bool filled; /* d/f00..f19 hold 'old!' before */
	void (*program)(void);
	long (*other)(void);
	void (*after)(void); /* the program again, or NULL */
} scenarios[] = {
	{"rmdir", false, create_in_d, o_rmdir, NULL},
	{"swap-dir", false, create_in_d, o_swap_dir, NULL},
	{"swap-dir-link", false, create_in_d, o_swap_dir_link, NULL},
	{"chmod-dir", false, create_in_d, o_chmod_dir, NULL},
	{"mkdir-name", false, create_in_d, o_mkdir_name, NULL},
	{"symlink-name", false, create_in_d, o_symlink_name, NULL},
	{"create-excl", false, create_in_d, o_create_excl, NULL},
	{"create-trunc", false, create_in_d, o_create_trunc, NULL},
	{"excl-excl", false, create_excl_in_d, o_create_excl, NULL},
	{"create-unlink", false, create_in_d, o_unlink, NULL},
	{"create-unlink-all", false, create_in_d, o_unlink_all, NULL},
	{"update-replace", true, update_in_d, o_replace, NULL},
	{"update-unlink", true, update_in_d, o_unlink, NULL},
	{"update-unlink-all", true, update_in_d, o_unlink_all, NULL},
	{"update-swap-dir", true, update_in_d, o_swap_dir, NULL},
	{"update-truncate", true, update_in_d, o_truncate, NULL},
	{"unlink-replace", true, unlink_in_d, o_replace, NULL},
	{"unlink-create", true, unlink_in_d, o_create_trunc, NULL},
	{"unlink-unlink", true, unlink_in_d, o_unlink, NULL},
	{"unlink-swap-dir", true, unlink_in_d, o_swap_dir, NULL},
	{"unlink-chmod-dir", true, unlink_in_d, o_chmod_dir, NULL},
	{"update-held-replace", true, hold_in_d, o_replace, use_other_name},
};

static _Noreturn void be_other(const struct scenario *s)
{
	long ret;

	RAW(SYS_read, to_other[0], &ret, 1, 0);
	ret = s->other();
	RAW(SYS_write, from_other[1], &ret, sizeof(ret), 0);
	for (;;)
		RAW(SYS_exit_group, 0, 0, 0, 0);
}

static int run(const struct scenario *s, bool later)
{
	long ret = 0;
	pid_t pid;

	if (mkdir("elsewhere", 0755) || mkdir("d", 0755))
		return 99;
	put("elsewhere/victim", O_CREAT, "untouched");
	if (s->filled)
		put_many("d", O_CREAT, "old!");
	if (pipe(to_other) || pipe(from_other))
		return 99;
	pid = fork();
	if (pid == 0)
		be_other(s);

	s->program();
	RAW(SYS_write, to_other[1], "x", 1, 0);
	RAW(SYS_read, from_other[0], &ret, sizeof(ret), 0);
	if (s->after)
		s->after();
	if (later) {
		put("d/f00", O_TRUNC, "more");
		put("d/later", O_CREAT, "more");
		put("later", O_CREAT, "more");
	}
	waitpid(pid, NULL, 0);
	say("other", s->name, ret);
	return write(1, report, report_len) == (ssize_t)report_len ? 0 : 99;
}

int main(int argc, char **argv)
{
	bool later = argc > 1 && !strcmp(argv[1], "-l");
	bool taken = argc > 1 && !strcmp(argv[1], "-2");
	int option = later || taken;

	if (argc == 2 && !strcmp(argv[1], "-L")) {
		for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
			puts(scenarios[i].name);
		return 0;
	}
	if (argc != 3 + option || chdir(argv[2 + option]))
		return 99;
	if (taken &&
	    (close(2) || open("taken", O_WRONLY | O_CREAT, 0644) != 2 || write(2, "data", 4) != 4))
		return 99;
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		if (!strcmp(scenarios[i].name, argv[1 + option]))
			return run(&scenarios[i], later);
	return 99;
}
