/* SPDX-License-Identifier: MIT */
/*
 * many.c - makes files without end in one process, and says what that costs in memory
 *
 *	fault-many FILES DIR
 *
 * In turns of a thousand: a new directory, the files created, written, closed and unlinked, the
 * directory removed.  After a tenth, a half and all of the files prints 'files N rss KIB task KIB
 * fds N task-fds N': the resident memory and the descriptors of the program, and of its child, the
 * background task.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TURN 1000

static char text[4096];
static size_t len;

static long rss(const char *pid)
{
	char path[64];
	long pages = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.20s/statm", pid);
	f = fopen(path, "r");
	if (f && fscanf(f, "%*d %ld", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return pages * 4;
}

static int fds(const char *pid)
{
	char path[64];
	DIR *d;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	d = opendir(path);
	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

/* Kept until the end: printing is a release point. */
static void note(unsigned long files)
{
	char path[64], child[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	f = fopen(path, "r");
	if (f && fscanf(f, "%31s", child) != 1)
		*child = 0;
	if (f)
		fclose(f);
	len += (size_t)snprintf(
		text + len, sizeof(text) - len, "files %lu rss %ld task %ld fds %d task-fds %d\n",
		files, rss("self"), *child ? rss(child) : 0, fds("self"), *child ? fds(child) : 0);
}

static int bad(const char *call, const char *name)
{
	fprintf(stderr, "%s %s: %s\n", call, name, strerror(errno));
	return 1;
}

static int turn(const char *dir, unsigned long first)
{
	char sub[300], name[340], content[400];
	int fd;

	snprintf(sub, sizeof(sub), "%.200s/d%lu", dir, first);
	if (mkdir(sub, 0755))
		return bad("mkdir", sub);
	for (unsigned long i = first; i < first + TURN; i++) {
		size_t size = 1 + i % sizeof(content);

		snprintf(name, sizeof(name), "%s/f%lu", sub, i);
		memset(content, 'a' + (int)(i % 26), size);
		fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		if (fd < 0)
			return bad("open", name);
		if (write(fd, content, size) != (ssize_t)size)
			return bad("write", name);
		if (close(fd))
			return bad("close", name);
	}
	for (unsigned long i = first; i < first + TURN; i++) {
		snprintf(name, sizeof(name), "%s/f%lu", sub, i);
		if (unlink(name))
			return bad("unlink", name);
	}
	return rmdir(sub) ? bad("rmdir", sub) : 0;
}

int main(int argc, char **argv)
{
	unsigned long files;

	if (argc != 3)
		return 64;
	files = strtoul(argv[1], NULL, 10) / TURN * TURN;
	for (unsigned long i = 0; i < files;) {
		if (turn(argv[2], i))
			return 1;
		i += TURN;
		if (i == files / 10 || i == files / 2 || i == files)
			note(i);
	}
	return fputs(text, stdout) < 0;
}
