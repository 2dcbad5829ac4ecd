/* SPDX-License-Identifier: MIT */
/*
 * observe.c - runs a command, and tells a recorded disk what it has learned of it, and when
 *
 *	fault-observe MARK ROOT pipe - COMMAND...    the lines of its standard output are promises
 *	fault-observe MARK ROOT poll DIR COMMAND...  names that appear in DIR, by rename, while it runs
 *	fault-observe MARK ROOT exit DIR COMMAND...  what is in DIR when it has ended
 *	fault-observe MARK ROOT sum DIR COMMAND...   the same, below DIR, with files of whatever content
 *
 * MARK is the recorder's; the file system that lies on its disk is mounted at ROOT, and DIR is
 * below that. Promises are described in replay.c.  The exit status is that of COMMAND; 99 if a name
 * has appeared whose content is not whole.
 */
#include "disklog.h"
#include "synced.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define NAMES 4096

static const char *root;
static int mark_fd;
static char marks[100000]; /* promises not yet handed over */
static size_t marked;
static uint64_t told_ns; /* when we have learned of what is marked now */

static void die(const char *what)
{
	fprintf(stderr, "fault-observe: %s: %s\n", what, strerror(errno));
	exit(98);
}

static void hand_over(void)
{
	if (marked && write(mark_fd, marks, marked) != (ssize_t)marked)
		die("mark");
	marked = 0;
}

__attribute__((format(printf, 1, 2))) static void mark(const char *promise, ...)
{
	va_list ap;

	if (sizeof(marks) - marked < 9000)
		hand_over();
	marked += (size_t)sprintf(marks + marked, "%llu ", (unsigned long long)told_ns);
	va_start(ap, promise);
	marked += (size_t)vsnprintf(marks + marked, 8900, promise, ap);
	va_end(ap);
	marks[marked++] = '\n';
}

static void listen_to(int fd)
{
	static char text[65537];
	size_t have = 0;
	ssize_t n;

	while ((n = read(fd, text + have, sizeof(text) - 1 - have)) > 0) {
		char *line = text, *end;

		told_ns = disklog_now();
		have += (size_t)n;
		text[have] = '\0';
		for (; (end = strchr(line, '\n')); line = end + 1) {
			*end = '\0';
			mark("%s", line);
		}
		have = strlen(line);
		memmove(text, line, have);
		hand_over();
	}
}

/*
 * The files of a directory that somebody has vouched for: not the temporary ones, nor those never
 * synced
 */
static void look(const char *dir, const char *verb)
{
	static struct {
		char name[NAME_MAX + 1];
		int version;
	} seen[NAMES];
	static int n_seen;
	char path[PATH_MAX];
	DIR *d;

	snprintf(path, sizeof(path), "%s/%s", root, dir);
	d = opendir(path);
	if (!d)
		die(path);
	for (struct dirent *e; (e = readdir(d));) {
		int version, i = 0;

		if (e->d_name[0] == '.' || !strncmp(e->d_name, "noise-", 6))
			continue;
		version = synced_version(dirfd(d), e->d_name, e->d_name);
		if (version < 0) {
			fprintf(stderr, "fault-observe: %s is not whole\n", e->d_name);
			exit(99);
		}
		told_ns = disklog_now();
		while (i < n_seen && strcmp(seen[i].name, e->d_name))
			i++;
		if (i == NAMES)
			die("too many names");
		if (i < n_seen && seen[i].version == version)
			continue;
		strcpy(seen[i].name, e->d_name);
		seen[i].version = version;
		n_seen += i == n_seen;
		/* the temporary name is that of pattern 'rename' of synced.c */
		mark("%s %s/%s %d %s/.rename-%lu-%d.tmp", verb, dir, e->d_name, version, dir,
		     strtoul(strchrnul(e->d_name, '-') + 1, NULL, 10), version - 1);
	}
	closedir(d);
	hand_over();
}

static int sum(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	static char buf[SYNCED_MAX];
	ssize_t n;

	(void)ftw;
	if (type != FTW_F || st->st_size > SYNCED_MAX)
		return 0;
	n = synced_read(AT_FDCWD, path, buf);
	if (n < 0)
		die(path);
	mark("sum %s %zd %016llx", path + strlen(root) + 1, n,
	     (unsigned long long)synced_hash(buf, (size_t)n));
	return 0;
}

static int status_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int observe(const char *how, const char *dir, pid_t pid, int output)
{
	char path[PATH_MAX];
	int status;

	if (!strcmp(how, "pipe"))
		listen_to(output);
	if (!strcmp(how, "poll"))
		while (waitpid(pid, &status, WNOHANG) == 0)
			look(dir, "renamed");
	else if (waitpid(pid, &status, 0) != pid)
		die("wait");
	told_ns = disklog_now();
	if (!strcmp(how, "exit"))
		look(dir, "durable");
	if (!strcmp(how, "sum")) {
		snprintf(path, sizeof(path), "%s/%s", root, dir);
		if (nftw(path, sum, 30, FTW_PHYS))
			die(path);
		hand_over();
	}
	return status_of(status);
}

int main(int argc, char **argv)
{
	int ends[2];
	pid_t pid;

	if (argc < 6) {
		fprintf(stderr,
			"usage: fault-observe MARK ROOT pipe|poll|exit|sum DIR COMMAND...\n");
		return 98;
	}
	root = argv[2];
	mark_fd = open(argv[1], O_WRONLY | O_CLOEXEC);
	if (mark_fd < 0)
		die(argv[1]);
	if (pipe2(ends, O_CLOEXEC))
		die("pipe");
	pid = fork();
	if (pid == 0) {
		if (!strcmp(argv[3], "pipe"))
			dup2(ends[1], STDOUT_FILENO);
		execvp(argv[5], argv + 5);
		die(argv[5]);
	}
	close(ends[1]);
	return pid < 0 ? (perror("fork"), 98) : observe(argv[3], argv[4], pid, ends[0]);
}
