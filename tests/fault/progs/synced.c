/* SPDX-License-Identifier: MIT */
/*
 * synced.c - makes files durable in many ways, and says so
 *
 *	fault-synced talk|quiet THREADS ROUNDS DIR PATTERN...
 *
 * In each round every thread goes through the patterns (all: all there are), with files of its own.
 * With talk, standard output gets a promise (see replay.c) as soon as the calls that make a file
 * durable have returned.  Before each file there are some that nobody syncs, which the library
 * defers.
 */
#include "synced.h"

#include <aio.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define THREADS_MAX 16
#define SEVERAL 9

static const char *dir_name; /* below the root of the file system */
static bool talk;
static int dir_fd;
static unsigned rounds;
static char **chosen;            /* patterns */
static __thread unsigned thread; /* which one this is */

static void die(const char *what)
{
	fprintf(stderr, "fault-synced: %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* "VERB DIR/NAME REST": one write, so lines of several threads stay whole */
__attribute__((format(printf, 3, 4))) static void promise(const char *verb, const char *name,
							  const char *rest, ...)
{
	char line[600];
	va_list ap;
	int n;

	if (!talk)
		return;
	n = snprintf(line, sizeof(line), "%s %s/%s ", verb, dir_name, name);
	va_start(ap, rest);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n, rest, ap);
	va_end(ap);
	line[n++] = '\n';
	if (write(STDOUT_FILENO, line, (size_t)n) != n)
		die("standard output");
}

static int put_open(const char *path, const char *name, unsigned version, size_t length, int flags)
{
	static __thread char buf[SYNCED_MAX];
	int fd = open(path, O_WRONLY | O_CREAT | flags, 0644);

	synced_fill(buf, name, version, length);
	if (fd < 0 || write(fd, buf, length) != (ssize_t)length)
		die(path);
	return fd;
}

static void put(const char *name, unsigned version, size_t length)
{
	if (close(put_open(name, name, version, length, O_TRUNC)))
		die(name);
}

static void synced(const char *path, int fd, int (*sync_call)(int))
{
	if (sync_call(fd) || close(fd))
		die(path);
}

static void await_child(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		die("child");
}

/* What is pending when something else is synced: files that are new, replaced, removed */
static void noise(const char *name)
{
	char other[300];

	for (int i = 0; i < 4; i++) {
		snprintf(other, sizeof(other), "noise-%s-%d", name, i);
		put(other, 1, 100 + 900 * (size_t)i);
	}
	put(other, 2, 2800);
	if (unlink(other))
		die(other);
	snprintf(other, sizeof(other), "noise-%u", thread);
	put(other, 1, 300);
	put(other, 2, 300);
}

static size_t length_of(unsigned round)
{
	static const size_t lengths[] = {200, 4096, 30000, 700, 9000};

	return lengths[round % 5];
}

/* ---- patterns ---- */

static void create(const char *name, unsigned round)
{
	int fd = put_open(name, name, 1, length_of(round), O_TRUNC);

	synced(name, fd, round % 2 ? fdatasync : fsync);
	promise("durable", name, "1");
}

static void excl(const char *name, unsigned round)
{
	int fd = put_open(name, name, 1, length_of(round), O_EXCL);

	synced(name, fd, fsync);
	promise("durable", name, "1");
}

/* Closed, and synced by another descriptor */
static void reopen(const char *name, unsigned round)
{
	int fd;

	put(name, 1, length_of(round));
	noise(name);
	fd = open(name, round % 2 ? O_RDONLY : O_RDWR);
	if (fd < 0)
		die(name);
	synced(name, fd, fsync);
	promise("durable", name, "1");
}

/* Several files, closed, then one after the other synced, and their directory */
static void batch(const char *name, unsigned round)
{
	char each[4][300];

	for (int i = 0; i < 4; i++) {
		snprintf(each[i], sizeof(each[i]), "%s-%d", name, i);
		put(each[i], 1, length_of(round + (unsigned)i));
	}
	for (int i = 0; i < 4; i++)
		synced(each[i], open(each[i], O_RDONLY), fsync);
	if (fsync(dir_fd))
		die("fsync of a directory");
	for (int i = 0; i < 4; i++)
		promise("durable", each[i], "1");
}

/* Synced one by one, and told of at the end only: a group, for a library that makes groups */
static void several(const char *name, unsigned round)
{
	char each[SEVERAL][300];

	for (unsigned i = 0; i < SEVERAL; i++) {
		int fd;

		snprintf(each[i], sizeof(each[i]), "%s-%u", name, i);
		fd = put_open(each[i], each[i], 1, length_of(round + i),
			      i % 3 == 1 ? O_SYNC : O_TRUNC);
		if (i % 3 == 1)
			close(fd);
		else
			synced(each[i], fd, i % 3 ? fsync : fdatasync);
		if (i % 4 == 3) {
			fd = put_open(each[i], each[i], 2, length_of(round + i), O_TRUNC);
			synced(each[i], fd, fsync);
		}
	}
	for (unsigned i = 0; i < SEVERAL; i++)
		promise("durable", each[i], "%d", i % 4 == 3 ? 2 : 1);
}

static void several_renamed(const char *name, unsigned round)
{
	char temp[SEVERAL][300], final[SEVERAL][300];

	for (unsigned i = 0; i < SEVERAL; i++) {
		snprintf(temp[i], sizeof(temp[i]), ".%s-%u.tmp", name, i);
		snprintf(final[i], sizeof(final[i]), "%s-%u", name, i);
		if (round % 2)
			synced(final[i], put_open(final[i], final[i], 1, 600, O_EXCL), fdatasync);
		synced(temp[i], put_open(temp[i], final[i], 2, length_of(round + i), O_EXCL),
		       fsync);
		if (rename(temp[i], final[i]))
			die(final[i]);
	}
	for (unsigned i = 0; i < SEVERAL; i++)
		promise("renamed", final[i], "2 %s/%s", dir_name, temp[i]);
	if (fsync(dir_fd))
		die("fsync of a directory");
	for (unsigned i = 0; i < SEVERAL; i++)
		promise("durable", final[i], "2");
}

static void call_sync(const char *name, unsigned round)
{
	put(name, 1, length_of(round));
	if (round % 2)
		sync();
	else if (syncfs(dir_fd))
		die("syncfs");
	promise("durable", name, "1");
}

static void rename_over(const char *name, unsigned round)
{
	char temp[300], final[300];

	snprintf(temp, sizeof(temp), ".%s.tmp", name);
	snprintf(final, sizeof(final), "renamed-%u-%u", thread, round % 3);
	synced(temp, put_open(temp, final, round + 1, length_of(round), O_EXCL), fsync);
	if (rename(temp, final))
		die(final);
	promise("renamed", final, "%u %s/%s", round + 1, dir_name, temp);
	if (round % 2) {
		if (fsync(dir_fd))
			die("fsync of a directory");
		promise("durable", final, "%u", round + 1);
	}
}

/* Overwritten with the same length: in place */
static void update(const char *name, unsigned round)
{
	put(name, 1, length_of(round));
	noise(name);
	synced(name, put_open(name, name, 2, length_of(round), O_TRUNC),
	       round % 2 ? fsync : fdatasync);
	promise("durable", name, "2");
}

static void update_reopened(const char *name, unsigned round)
{
	int fd;

	put(name, 1, length_of(round));
	put(name, 2, length_of(round + 1));
	put(name, 3, length_of(round));
	fd = open(name, O_RDONLY);
	if (fd < 0)
		die(name);
	synced(name, fd, fsync);
	promise("durable", name, "3");
}

static void append(const char *name, unsigned round)
{
	static __thread size_t done;
	size_t n = 50 + round * 37 % 500;
	char buf[600], log[30];
	int fd;

	(void)name;
	snprintf(log, sizeof(log), "log-%u", thread);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
	synced_text(buf, log, 0, done, done + n);
	if (fd < 0 || write(fd, buf, n) != (ssize_t)n)
		die(log);
	synced(log, fd, fdatasync);
	done += n;
	promise("grown", log, "%zu", done);
}

static void flagged(const char *name, unsigned round)
{
	int fd =
		put_open(name, name, 1, length_of(round), O_TRUNC | (round % 2 ? O_SYNC : O_DSYNC));

	promise("durable", name, "1");
	close(fd);
}

/* By a write that is synced as such */
static void by_write(const char *name, unsigned round)
{
	char buf[SYNCED_MAX];
	size_t length = length_of(round);
	struct iovec v = {buf, length};
	int fd;

	synced_fill(buf, name, 1, length);
	put(name, 2, 500);
	noise(name);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || pwritev2(fd, &v, 1, 0, RWF_SYNC) != (ssize_t)length || close(fd))
		die(name);
	promise("durable", name, "1");
}

static void by_stream(const char *name, unsigned round)
{
	static __thread char buf[SYNCED_MAX];
	size_t length = length_of(round);
	FILE *f;

	put(name, 1, 700);
	synced_fill(buf, name, 2, length);
	f = fopen(name, "w");
	if (!f || fwrite(buf, 1, length, f) != length || fflush(f) || fsync(fileno(f)) || fclose(f))
		die(name);
	promise("durable", name, "2");
}

static void by_aio(const char *name, unsigned round)
{
	struct aiocb cb = {.aio_fildes = put_open(name, name, 1, length_of(round), O_TRUNC)};
	const struct aiocb *list = &cb;

	if (aio_fsync(O_SYNC, &cb) || aio_suspend(&list, 1, NULL) || aio_error(&cb) ||
	    aio_return(&cb) || close(cb.aio_fildes))
		die(name);
	promise("durable", name, "1");
}

/* Synced by another link, the file being written by the first */
static void by_link(const char *name, unsigned round)
{
	char other[300];

	snprintf(other, sizeof(other), "other-%s", name);
	put(name, 1, length_of(round));
	if (link(name, other))
		die(other);
	put(name, 2, length_of(round));
	noise(name);
	synced(other, open(other, O_RDONLY), fsync);
	promise("durable", name, "2");
}

static void copied(const char *name, unsigned round)
{
	char from[300];
	int in, out;

	snprintf(from, sizeof(from), "noise-from-%s", name);
	if (close(put_open(from, name, 1, length_of(round), O_TRUNC)))
		die(from);
	in = open(from, O_RDONLY);
	out = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (in < 0 || out < 0 ||
	    copy_file_range(in, NULL, out, NULL, length_of(round), 0) != (ssize_t)length_of(round))
		die(name);
	close(in);
	synced(name, out, fsync);
	promise("durable", name, "1");
}

/* Cut short, then the rest written */
static void truncated(const char *name, unsigned round)
{
	static __thread char buf[SYNCED_MAX];
	size_t length = length_of(round);
	int fd;

	put(name, 1, 20000);
	fd = open(name, O_RDWR);
	synced_fill(buf, name, 2, length);
	if (fd < 0 || ftruncate(fd, round % 3 * 50) ||
	    pwrite(fd, buf, length, 0) != (ssize_t)length)
		die(name);
	synced(name, fd, fdatasync);
	promise("durable", name, "2");
}

/* A new name, made durable by its directory */
static void named(const char *name, unsigned round)
{
	put(name, 1, length_of(round));
	if (fsync(dir_fd))
		die("fsync of a directory");
	promise("named", name, "-");
}

static void moved(const char *name, unsigned round)
{
	char folder[300], to[600];
	int fd;

	snprintf(folder, sizeof(folder), "folder-%s", name);
	snprintf(to, sizeof(to), "%s/file", folder);
	if (mkdir(folder, 0755) || close(put_open(name, to, 1, length_of(round), O_EXCL)))
		die(folder);
	if (rename(name, to))
		die(to);
	fd = open(folder, O_RDONLY | O_DIRECTORY);
	synced(to, open(to, O_RDONLY), fsync);
	synced(folder, fd, fsync);
	promise("durable", to, "1");
}

static void removed(const char *name, unsigned round)
{
	put(name, 1, length_of(round));
	sync();
	noise(name);
	if (unlink(name) || fsync(dir_fd))
		die(name);
	promise("gone", name, "-");
}

static void linked(const char *name, unsigned round)
{
	char first[300];

	snprintf(first, sizeof(first), "first-%s", name);
	put(first, 1, 10);
	put(first, 2, 0);
	synced(first, put_open(first, name, 1, length_of(round), O_TRUNC), fsync);
	if (link(first, name) || fsync(dir_fd) || unlink(first))
		die(name);
	promise("durable", name, "1");
}

/* In a child: with shared memory a process stops deferring. */
static void mapped(const char *name, unsigned round)
{
	size_t length = 4096;
	pid_t pid = fork();
	int fd;
	char *p;

	if (pid == 0) {
		fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
		if (fd < 0 || ftruncate(fd, (off_t)length))
			die(name);
		p = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (p == MAP_FAILED)
			die(name);
		synced_fill(p, name, 1, length);
		if (msync(p, length, MS_SYNC) || (round % 2 && fsync(fd)))
			die(name);
		promise("durable", name, "1");
		_exit(0);
	}
	await_child(pid);
}

static void in_folder(const char *name, unsigned round)
{
	char path[600];

	if (mkdir(name, 0755))
		die(name);
	snprintf(path, sizeof(path), "%s/file", name);
	synced(path, put_open(path, path, 1, length_of(round), O_TRUNC), fsync);
	promise("durable", path, "1");
}

static void child(const char *name, unsigned round)
{
	pid_t pid;

	noise(name);
	pid = fork();
	if (pid == 0) {
		synced(name, put_open(name, name, 1, length_of(round), O_TRUNC), fsync);
		_exit(0);
	}
	await_child(pid);
	promise("durable", name, "1");
}

/* By whoever has inherited or duplicated the descriptor */
static void by_another(const char *name, unsigned round)
{
	int fd = put_open(name, name, 1, length_of(round), O_TRUNC), copy;
	pid_t pid;

	if (round % 2) {
		copy = dup(fd);
		close(fd);
		synced(name, copy, fsync);
	} else {
		pid = fork();
		if (pid == 0)
			_exit(fsync(fd) ? 1 : 0);
		close(fd);
		await_child(pid);
	}
	promise("durable", name, "1");
}

static const struct pattern {
	const char *name;
	void (*run)(const char *name, unsigned round);
} patterns[] = {
	{"create", create},   {"excl", excl},
	{"reopen", reopen},   {"batch", batch},
	{"several", several}, {"severalren", several_renamed},
	{"sync", call_sync},  {"rename", rename_over},
	{"update", update},   {"updates", update_reopened},
	{"append", append},   {"flagged", flagged},
	{"removed", removed}, {"linked", linked},
	{"mapped", mapped},   {"folder", in_folder},
	{"child", child},     {"another", by_another},
	{"write", by_write},  {"stream", by_stream},
	{"aio", by_aio},      {"link", by_link},
	{"copied", copied},   {"truncated", truncated},
	{"named", named},     {"moved", moved},
};

#define PATTERNS (sizeof(patterns) / sizeof(patterns[0]))

static void run(const char *pattern, unsigned round)
{
	bool known = false, all = !strcmp(pattern, "all");
	char name[100];

	for (size_t k = 0; k < PATTERNS; k++) {
		/* threads do different things at the same time */
		size_t i = (k + thread * 7) % PATTERNS;

		if (!all && strcmp(pattern, patterns[i].name))
			continue;
		known = true;
		snprintf(name, sizeof(name), "%s-%u-%u", patterns[i].name, thread, round);
		noise(name);
		patterns[i].run(name, round);
	}
	if (!known) {
		fprintf(stderr, "fault-synced: unknown pattern: %s\n", pattern);
		_exit(99);
	}
}

static void *run_all(void *number)
{
	thread = (unsigned)(uintptr_t)number;
	for (unsigned round = 0; round < rounds; round++)
		for (char **p = chosen; *p; p++)
			run(*p, round);
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned threads = argc > 5 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	pthread_t started[THREADS_MAX];

	rounds = argc > 5 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
	if (!rounds || !threads || threads > THREADS_MAX) {
		fprintf(stderr, "usage: fault-synced talk|quiet THREADS ROUNDS DIR PATTERN...\n");
		return 99;
	}
	talk = !strcmp(argv[1], "talk");
	dir_name = strrchr(argv[4], '/') ? strrchr(argv[4], '/') + 1 : argv[4];
	if (chdir(argv[4]))
		die(argv[4]);
	dir_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		die(argv[4]);
	chosen = argv + 5;
	for (unsigned i = 1; i < threads; i++)
		if (pthread_create(&started[i], NULL, run_all, (void *)(uintptr_t)i))
			die("pthread_create");
	run_all(NULL);
	for (unsigned i = 1; i < threads; i++)
		pthread_join(started[i], NULL);
	return 0;
}
