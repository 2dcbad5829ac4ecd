/* SPDX-License-Identifier: MIT */
/*
 * t.h - what the test programs share: a transcript of calls and results
 *
 * A test program is a set of named cases.  A case makes calls and notes what they answer; the notes
 * are kept in memory (printing could finish pending work and hide a fault) and go to standard
 * output at the end.  They hold nothing that differs between two correct runs, so that the runs of
 * all modes can be compared verbatim.
 */
#ifndef T_H
#define T_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define T_UNUSED __attribute__((unused))
#define T_COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define T_UNTOUCHED 12345 /* an errno nobody sets: success must leave it alone */

static char t_text[4 << 20];
static size_t t_len;

/* Writes the notes so far to standard output, a regular file in the suite: not a release. */
T_UNUSED static void t_flush(void)
{
	size_t done = 0;

	while (done < t_len) {
		ssize_t n = write(1, t_text + done, t_len - done);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	t_len = 0;
}

__attribute__((format(printf, 1, 2))) T_UNUSED static void out(const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t_text + t_len, sizeof(t_text) - t_len, fmt, ap);
	va_end(ap);
	if (n > 0)
		t_len += (size_t)n;
	if (t_len >= sizeof(t_text))
		t_len = sizeof(t_text) - 1;
}

T_UNUSED static const char *t_errno(int e)
{
	const char *name = strerrorname_np(e);

	return name ? name : "?";
}

T_UNUSED static int t_note(const char *what, long r)
{
	int e = errno;

	if (r == -1)
		out("%s = -1 %s\n", what, t_errno(e));
	else if (e != T_UNTOUCHED)
		out("%s = %ld, errno now %s\n", what, r, t_errno(e));
	else
		out("%s = %ld\n", what, r);
	errno = e;
	return (int)r;
}

T_UNUSED static long t_ok(const char *what, long r)
{
	if (r < 0)
		out("%s failed: %s\n", what, t_errno(errno));
	return r;
}

T_UNUSED static long t_quiet(long r)
{
	if (r != -1)
		errno = T_UNTOUCHED;
	return r;
}

/* Makes the call, notes its text and its answer. */
#define R(x) t_note(#x, (errno = T_UNTOUCHED, (long)(x)))
/* The same with a label in place of the text. */
#define RL(label, x) t_note((label), (errno = T_UNTOUCHED, (long)(x)))
/* For calls that may touch errno on success in stock. */
#define RQ(x) t_note(#x, t_quiet((long)(x)))
/* Must succeed; noted only if it does not. */
#define OK(x) t_ok(#x, (long)(x))

T_UNUSED static uint64_t t_hash(const void *p, size_t n)
{
	const unsigned char *s = p;
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ s[i]) * 0x100000001b3u;
	return h;
}

/* Fills buf with n bytes that depend on seed and position. */
T_UNUSED static void t_fill(char *buf, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		buf[i] = (char)('a' + (seed * 7 + i + i / 26 * 3) % 26);
}

/* Notes n bytes: in full if there are few, else by hash. */
T_UNUSED static void t_bytes(const char *label, const char *p, size_t n)
{
	if (n > 60) {
		out("%s: %zu bytes, hash %016lx\n", label, n, t_hash(p, n));
		return;
	}
	out("%s: %zu bytes \"", label, n);
	for (size_t i = 0; i < n; i++)
		if (p[i] >= ' ' && p[i] < 127)
			out("%c", p[i]);
		else
			out("\\x%02x", (unsigned char)p[i]);
	out("\"\n");
}

/* Notes all that read() gives from fd's offset on. */
T_UNUSED static void t_rest(const char *label, int fd)
{
	static __thread char buf[1 << 20];
	size_t len = 0;

	for (;;) {
		ssize_t n = read(fd, buf + len, sizeof(buf) - len);

		if (n < 0)
			out("%s: read %s\n", label, t_errno(errno));
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	t_bytes(label, buf, len);
}

/* Notes the content found under path. */
T_UNUSED static void show(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0) {
		out("%s: %s\n", path, t_errno(errno));
		return;
	}
	t_rest(path, fd);
	close(fd);
}

T_UNUSED static void t_stat_line(const char *label, const struct stat *st)
{
	out("%s: mode %o nlink %lu uid %u gid %u size %ld\n", label, st->st_mode,
	    (unsigned long)st->st_nlink, st->st_uid, st->st_gid,
	    S_ISDIR(st->st_mode) ? 0L : (long)st->st_size);
}

/* Notes what lstat says of path. */
T_UNUSED static void meta(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		out("%s: %s\n", path, t_errno(errno));
	else
		t_stat_line(path, &st);
}

T_UNUSED static void write_all(int fd, const char *p, size_t n)
{
	ssize_t r = write(fd, p, n);

	if (r != (ssize_t)n)
		out("write of %zu = %zd %s\n", n, r, r < 0 ? t_errno(errno) : "");
}

/* With T_SYNC in the environment what put and putn write is synced. */
T_UNUSED static void t_sync(int fd)
{
	if (getenv("T_SYNC") && fsync(fd) < 0)
		out("fsync: %s\n", t_errno(errno));
}

/* open (create, truncate), write, close: what the library defers. */
T_UNUSED static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0) {
		out("put %s: %s\n", path, t_errno(errno));
		return;
	}
	if (*text)
		write_all(fd, text, strlen(text));
	t_sync(fd);
	if (close(fd) < 0)
		out("put %s: close %s\n", path, t_errno(errno));
}

/* The same with n bytes of a pattern. */
T_UNUSED static void putn(const char *path, size_t n, unsigned seed)
{
	static __thread char buf[1 << 20];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0) {
		out("putn %s: %s\n", path, t_errno(errno));
		return;
	}
	t_fill(buf, n, seed);
	write_all(fd, buf, n);
	t_sync(fd);
	if (close(fd) < 0)
		out("putn %s: close %s\n", path, t_errno(errno));
}

T_UNUSED static char *t_name(const char *fmt, ...)
{
	static __thread char ring[8][8192];
	static __thread unsigned next;
	char *s = ring[next++ % 8];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s, sizeof(ring[0]), fmt, ap);
	va_end(ap);
	return s;
}

/* Ends the process at once, notes printed, without any exit handler. */
T_UNUSED __attribute__((noreturn)) static void t_leave(int status)
{
	t_flush();
	_exit(status);
}

/* Notes how a child ended. */
T_UNUSED static void t_reap(pid_t pid)
{
	int st = 0;

	if (pid < 0 || waitpid(pid, &st, 0) != pid)
		out("child: %s\n", t_errno(errno));
	else if (WIFSIGNALED(st))
		out("child: signal %d\n", WTERMSIG(st));
	else
		out("child: status %d\n", WEXITSTATUS(st));
}

struct t_case {
	const char *name;
	void (*run)(void);
};

/* Defines a case; CASE(chdir) does not collide with chdir(). */
#define CASE(name) static void case_##name(void)
#define C(name)                    \
	{                          \
#name, case_##name \
	}

/*
 * PROG --fixture prepares the current directory (run without the library); PROG CASE runs a case.
 */
T_UNUSED static int t_main(int argc, char **argv, const struct t_case *cases, size_t n,
			   void (*fixture)(void))
{
	if (argc >= 2 && !strcmp(argv[1], "--fixture")) {
		if (fixture)
			fixture();
		t_flush();
		return 0;
	}
	for (size_t i = 0; i < n && argc >= 2; i++)
		if (!strcmp(cases[i].name, argv[1])) {
			cases[i].run();
			t_flush();
			return 0;
		}
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "%s\n", cases[i].name);
	return 64;
}

#endif /* T_H */
