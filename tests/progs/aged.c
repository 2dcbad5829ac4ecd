/* SPDX-License-Identifier: MIT */
/*
 * aged.c - somebody who only polls the file system sees each change soon
 *
 * `aged CASE` is the observer (without the library), see peek.h.  The worker makes one change, then
 * does nothing at all; the change must be seen within a second.
 */
#include "peek.h"

#include <time.h>

static void fixture(void)
{
	putn("old", 100, 1);
	putn("gone", 100, 1);
}

static void done(void)
{
	peek_area.flag = 2;
	for (int i = 0; i < 100 && peek_area.go < 2; i++)
		usleep(50000);
	t_leave(0);
}

static void spin_done(void)
{
	peek_area.flag = 2;
	peek_spin(&peek_area.go, 2);
	t_leave(0);
}

static void change_create(void)
{
	putn("f", 100, 1);
	done();
}

static void change_update(void)
{
	putn("old", 70, 5);
	done();
}

static void change_unlink(void)
{
	unlink("gone");
	done();
}

/* still open, never closed */
static void change_open(void)
{
	char b[100];
	int fd = open("f", O_WRONLY | O_CREAT | O_TRUNC, 0644);

	t_fill(b, sizeof(b), 1);
	write_all(fd, b, sizeof(b));
	done();
}

static void change_open_more(void)
{
	char b[100];
	int fd = open("f", O_WRONLY | O_CREAT | O_TRUNC, 0644);

	t_fill(b, sizeof(b), 1);
	for (size_t i = 0; i < sizeof(b); i += 10) {
		write_all(fd, b + i, 10);
		usleep(5000);
	}
	done();
}

static void change_created_only(void)
{
	OK(open("f", O_WRONLY | O_CREAT | O_TRUNC, 0644));
	done();
}

static void change_meta(void)
{
	int fd = open("old", O_WRONLY | O_TRUNC);

	write_all(fd, "x", 1);
	fchmod(fd, 0604);
	done();
}

/* the program computes, no call at all */
static void change_busy(void)
{
	putn("f", 100, 1);
	spin_done();
}

static void change_many(void)
{
	for (unsigned i = 0; i < 100; i++)
		putn(t_name("m%u", i), 100, i);
	putn("f", 100, 1);
	done();
}

static void *sleeper(void *arg)
{
	putn("f", 100, 1);
	done();
	return arg;
}

static void change_thread(void)
{
	pthread_t t;

	pthread_create(&t, NULL, sleeper, NULL);
	pthread_join(t, NULL);
}

/* the program blocks in a read for good */
static void change_blocked(void)
{
	char c;
	int p[2];

	OK(pipe(p));
	putn("f", 100, 1);
	peek_area.flag = 2;
	if (read(p[0], &c, 1) != 1)
		t_leave(1);
}

static bool is(const char *path, long size, unsigned mode)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return size < 0;
	return st.st_size == size && (st.st_mode & 0777) == mode;
}

static const struct {
	const char *name;
	void (*change)(void);
	const char *path;
	long size;
	unsigned mode;
} rows[] = {
	{"create", change_create, "f", 100, 0644},
	{"update", change_update, "old", 70, 0644},
	{"unlink", change_unlink, "gone", -1, 0},
	{"open", change_open, "f", 100, 0644},
	{"open_more", change_open_more, "f", 100, 0644},
	{"created_only", change_created_only, "f", 0, 0644},
	{"meta", change_meta, "old", 1, 0604},
	{"busy", change_busy, "f", 100, 0644},
	{"many", change_many, "f", 100, 0644},
	{"thread", change_thread, "f", 100, 0644},
	{"blocked", change_blocked, "f", 100, 0644},
};

int main(int argc, char **argv)
{
	struct timespec t0, t1;
	size_t i;
	pid_t pid;
	long ms;

	if (argc == 2 && !strcmp(argv[1], "--fixture")) {
		fixture();
		t_flush();
		return 0;
	}
	for (i = 0; i < T_COUNT(rows); i++)
		if (argc == 2 && !strcmp(argv[1], rows[i].name))
			break;
	if (i == T_COUNT(rows)) {
		for (i = 0; i < T_COUNT(rows); i++)
			fprintf(stderr, "%s\n", rows[i].name);
		return 64;
	}
	if (getenv("T_WORKER")) {
		peek_ready();
		rows[i].change();
		return 1;
	}
	pid = peek_start(rows[i].name);
	peek_go(pid);
	if (!peek_wait(pid, &peek_area.flag, 2))
		out("the worker ended early\n");
	clock_gettime(CLOCK_MONOTONIC, &t0);
	do {
		usleep(500);
		clock_gettime(CLOCK_MONOTONIC, &t1);
		ms = (t1.tv_sec - t0.tv_sec) * 1000 + (t1.tv_nsec - t0.tv_nsec) / 1000000;
	} while (!is(rows[i].path, rows[i].size, rows[i].mode) && ms < 3000);
	out("seen within a second: %d\n", ms <= 1000);
	meta(rows[i].path);
	peek_set(pid, &peek_area.go, 2);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	t_flush();
	return 0;
}
