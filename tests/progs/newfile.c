/* SPDX-License-Identifier: MIT */
/*
 * newfile.c - new files that the program looks at while they are open, and names that are not there
 */
#include "t.h"

#include "../fault/progs/raw.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <termios.h>

#define FILES 40

static const struct timespec old[2] = {{1000000000, 5}, {1100000000, 7}};

static void nap(int ms)
{
	const struct timespec ts = {.tv_nsec = ms * 1000000};

	RAW(SYS_nanosleep, &ts, NULL, 0, 0);
}

static int new_file(const char *name)
{
	return (int)OK(open(name, O_RDWR | O_CREAT | O_TRUNC, 0644));
}

/* Files with content: from then on an empty one is no marker. */
static void many(const char *dir, bool look)
{
	struct stat st;

	OK(mkdir(dir, 0755));
	for (int i = 0; i < FILES; i++) {
		char text[64];
		int fd = new_file(t_name("%s/f%d", dir, i)), n;

		if (look)
			OK(fstat(fd, &st));
		n = snprintf(text, sizeof(text), "this is file %d\n", i);
		write_all(fd, text, (size_t)n);
		OK(close(fd));
	}
}

static void same(const char *what, const struct stat *a, const struct stat *b)
{
	out("%s: dev %d ino %d mtime %d ctime %d nlink %d blksize %d\n", what,
	    a->st_dev == b->st_dev, a->st_ino == b->st_ino,
	    !memcmp(&a->st_mtim, &b->st_mtim, sizeof(a->st_mtim)),
	    !memcmp(&a->st_ctim, &b->st_ctim, sizeof(a->st_ctim)), (int)b->st_nlink,
	    a->st_blksize == b->st_blksize);
}

/* What fstat says is what everybody sees later. */
CASE(look)
{
	struct stat empty, full, more, end;
	int fd;

	many("d", true);
	fd = new_file("d/file");
	R(fstat(fd, &empty));
	t_stat_line("empty", &empty);
	R(write(fd, "first\n", 6));
	R(fstat(fd, &full));
	t_stat_line("full", &full);
	R(write(fd, "second\n", 7));
	R(write(fd, "third\n", 6));
	R(fstat(fd, &more));
	t_stat_line("more", &more);
	R(close(fd));
	R(lstat("d/file", &end));
	t_stat_line("end", &end);
	same("end", &more, &end);
	same("empty", &empty, &end);
	show("d/file");
}

CASE(statx)
{
	struct statx a, b;
	int fd;

	many("d", true);
	fd = new_file("d/file");
	R(write(fd, "text", 4));
	R(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &a));
	R(close(fd));
	R(statx(AT_FDCWD, "d/file", 0, STATX_BASIC_STATS | STATX_BTIME, &b));
	out("mask %d ino %d size %d mtime %d\n", a.stx_mask == b.stx_mask, a.stx_ino == b.stx_ino,
	    (int)a.stx_size, !memcmp(&a.stx_mtime, &b.stx_mtime, sizeof(a.stx_mtime)));
	R(statx(AT_FDCWD, "d/other", 0x80000, STATX_BASIC_STATS, &a));
	R(statx(AT_FDCWD, "d/other", 0, STATX_BASIC_STATS, &a));
	R(fstatat(AT_FDCWD, "d/other", &(struct stat){0}, 0x80000));
	R(fstat(fd, &(struct stat){0}));
}

/* The names are there, although content may be pending. */
CASE(directory)
{
	static const char *const dirs[] = {"d0", "d1", "d2", "d3", "d4", "d5"};
	struct stat a, b;

	for (int i = 0; i < 6; i++) {
		many(dirs[i], true);
		R(stat(dirs[i], &a));
		out("links %d\n", (int)a.st_nlink);
		nap(30);
		R(stat(dirs[i], &b));
		same("directory", &a, &b);
	}
}

/* Owner, mode and times before and after a look. */
CASE(metadata)
{
	struct stat st;
	int fd;

	many("d", true);
	fd = new_file("d/file");
	R(fchmod(fd, 0600));
	R(fstat(fd, &st));
	t_stat_line("mode", &st);
	R(fchown(fd, 1234, 5678));
	R(fstat(fd, &st));
	t_stat_line("owner", &st);
	R(fchown(fd, 0, 0));
	R(write(fd, "text", 4));
	R(futimens(fd, old));
	R(fstat(fd, &st));
	out("old %d\n", st.st_mtim.tv_sec == old[1].tv_sec);
	R(write(fd, "more", 4));
	R(fchmod(fd, 0444));
	R(close(fd));
	meta("d/file");
	show("d/file");
	R(lstat("d/file", &st));
	out("old %d\n", st.st_mtim.tv_sec == old[1].tv_sec);
	fd = (int)R(open("d/readonly", O_WRONLY | O_CREAT | O_EXCL, 0400));
	R(fstat(fd, &st));
	R(write(fd, "text", 4));
	R(close(fd));
	meta("d/readonly");
	show("d/readonly");
	fd = new_file("d/later");
	R(fstat(fd, &st));
	R(write(fd, "text", 4));
	R(close(fd));
	R(chmod("d/later", 0640));
	R(utimensat(AT_FDCWD, "d/later", old, 0));
	meta("d/later");
	R(lstat("d/later", &st));
	out("old %d\n", st.st_mtim.tv_sec == old[1].tv_sec);
}

static int looked_at(const char *name)
{
	struct stat st;
	int fd = new_file(name);

	OK(fstat(fd, &st));
	write_all(fd, "0123456789", 10);
	return fd;
}

/* Whatever else is done with the descriptor or the name finds the file. */
CASE(used)
{
	char buf[32] = "";
	struct stat st;
	int fd, other;
	char *p;

	many("d", true);
	fd = looked_at("d/dup");
	other = (int)R(dup(fd));
	R(write(other, "dup", 3));
	R(close(fd));
	R(close(other));
	show("d/dup");
	fd = looked_at("d/read");
	R(pread(fd, buf, 4, 3));
	out("%s\n", buf);
	R(write(fd, "end", 3));
	R(close(fd));
	show("d/read");
	fd = looked_at("d/seek");
	R(lseek(fd, 0, SEEK_CUR));
	R(lseek(fd, 2, SEEK_SET));
	R(write(fd, "xx", 2));
	R(lseek(fd, 0, SEEK_END));
	R(close(fd));
	show("d/seek");
	fd = looked_at("d/mapped");
	p = mmap(NULL, 10, PROT_READ, MAP_SHARED, fd, 0);
	t_bytes("mapped", p, 10);
	R(write(fd, "more", 4));
	R(close(fd));
	show("d/mapped");
	fd = looked_at("d/short");
	R(ftruncate(fd, 5));
	R(close(fd));
	show("d/short");
	fd = looked_at("d/opened");
	show("d/opened");
	R(write(fd, "more", 4));
	show("d/opened");
	R(close(fd));
	fd = looked_at("d/stat");
	meta("d/stat");
	R(write(fd, "more", 4));
	meta("d/stat");
	R(close(fd));
	meta("d/stat");
	fd = looked_at("d/renamed");
	R(rename("d/renamed", "d/new name"));
	R(write(fd, "more", 4));
	R(close(fd));
	show("d/new name");
	fd = looked_at("d/linked");
	R(link("d/linked", "d/link"));
	R(fstat(fd, &st));
	out("links %d\n", (int)st.st_nlink);
	R(close(fd));
	fd = looked_at("d/unlinked");
	R(unlink("d/unlinked"));
	R(fstat(fd, &st));
	out("links %d size %d\n", (int)st.st_nlink, (int)st.st_size);
	R(close(fd));
	meta("d/unlinked");
	fd = looked_at("d/gone");
	R(close(fd));
	R(unlink("d/gone"));
	meta("d/gone");
	fd = looked_at("d/synced");
	R(fsync(fd));
	R(write(fd, "more", 4));
	R(close(fd));
	fd = looked_at("d/twice");
	other = new_file("d/twice");
	R(write(other, "x", 1));
	R(write(fd, "more", 4));
	R(close(other));
	R(close(fd));
	show("d/twice");
}

/* Another process sees what is there when it is told. */
CASE(forked)
{
	int fd, pipes[2];
	char c = 0;
	pid_t pid;

	many("d", true);
	OK(pipe(pipes));
	pid = fork();
	if (pid == 0) {
		OK(read(pipes[0], &c, 1));
		show("d/told");
		t_flush();
		_exit(0);
	}
	fd = looked_at("d/told");
	R(write(pipes[1], "x", 1));
	t_reap(pid);
	R(close(fd));
	fd = looked_at("d/inherited");
	pid = fork();
	if (pid == 0) {
		write_all(fd, "child", 5);
		_exit(0);
	}
	t_reap(pid);
	R(write(fd, "parent", 6));
	R(close(fd));
	show("d/inherited");
}

/* The process dies with files that it has looked at open, and closed just then. */
CASE(killed)
{
	struct stat st = {0};
	pid_t pid = fork();
	int fd;

	if (pid == 0) {
		many("d", true);
		for (int i = 0; i < 4; i++) {
			fd = looked_at(t_name("d/open%d", i));
			OK(fchmod(fd, 0600));
		}
		fd = looked_at("d/last");
		write_all(fd, "more", 4);
		RAW(SYS_kill, getpid(), SIGKILL, 0, 0);
	}
	t_reap(pid);
	for (int i = 0; i < 10000 && st.st_size != 14; i++) {
		nap(1);
		RAW(SYS_stat, "d/last", &st, 0, 0);
	}
	nap(500);
	show("d/last");
	show("d/open0");
	meta("d/open3");
	show("d/f39");
}

/* Ends the children that the process has not made. */
static void kill_task(void)
{
	char path[64], line[256];

	for (int pid = getpid() - 2000 > 2 ? getpid() - 2000 : 2; pid < getpid() + 2000; pid++) {
		int fd;
		ssize_t n;
		char *p;

		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		fd = (int)RAW(SYS_open, path, O_RDONLY, 0, 0);
		if (fd < 0)
			continue;
		n = RAW(SYS_read, fd, line, sizeof(line) - 1, 0);
		RAW(SYS_close, fd, 0, 0, 0);
		line[n > 0 ? n : 0] = '\0';
		p = strrchr(line, ')');
		if (p && atoi(p + 4) == getpid())
			RAW(SYS_kill, pid, SIGKILL, 0, 0);
	}
}

/* The background task is killed, and the descriptors that it kept are gone. */
CASE(task_killed)
{
	struct stat a, b;
	int fds[4];

	many("d", true);
	for (int i = 0; i < 4; i++)
		fds[i] = looked_at(t_name("d/open%d", i));
	R(fstat(fds[1], &a));
	for (int i = 0; i < 6; i++)
		OK(close(looked_at(t_name("d/closed%d", i))));
	kill_task();
	R(close(fds[0]));
	R(fstat(fds[1], &b));
	same("after", &a, &b);
	R(write(fds[1], "more", 4));
	R(fstat(fds[1], &b));
	t_stat_line("more", &b);
	R(close(fds[1]));
	R(fchmod(fds[2], 0600));
	R(write(fds[2], "more", 4));
	R(close(fds[2]));
	meta("d/open3");
	R(close(fds[3]));
	for (int i = 0; i < 4; i++)
		show(t_name("d/open%d", i));
	for (int i = 0; i < 6; i++)
		show(t_name("d/closed%d", i));
}

/* An empty file may be the marker of what was done before it. */
CASE(marker)
{
	struct stat st;
	int fd;

	for (int i = 0; i < FILES; i++)
		put(t_name("before%d", i), "text");
	fd = new_file("marker");
	R(fstat(fd, &st)); /* makes it appear */
	out("marker %ld\n", RAW(SYS_access, "marker", F_OK, 0, 0));
	for (int i = 0; i < FILES; i++) {
		RAW(SYS_stat, t_name("before%d", i), &st, 0, 0);
		out("%d ", (int)st.st_size);
	}
	R(close(fd));
	many("d", true);
	fd = new_file("d/empty");
	R(fstat(fd, &st));
	R(close(fd));
	for (int i = 0; i < FILES; i++) {
		RAW(SYS_stat, t_name("d/f%d", i), &st, 0, 0);
		out("%d ", (int)st.st_size);
	}
	out("\n");
}

/* What a regular file refuses. */
CASE(refused)
{
	struct termios t;
	int fd, from;

	put("from", "to be cloned");
	from = (int)R(open("from", O_RDONLY));
	many("d", true);
	for (int i = 0; i < 4; i++) {
		fd = new_file(t_name("d/file%d", i));
		R(isatty(fd));
		R(tcgetattr(fd, &t));
		R(ioctl(fd, TCGETS, &t));
		R(ioctl(fd, FICLONE, from));
		R(ioctl(fd, FICLONE, fd + 100));
		R(lseek(fd, 0, SEEK_CUR));
		R(lseek(fd, 0, SEEK_SET));
		write_all(fd, "text", 4);
		R(lseek(fd, 0, SEEK_CUR));
		R(close(fd));
	}
}

static void copy(const char *from, const char *to)
{
	int in = (int)R(open(from, O_RDONLY)), fd = new_file(to);
	struct stat st;

	R(fstat(fd, &st));
	R(copy_file_range(in, NULL, fd, NULL, 1 << 30, 0));
	R(copy_file_range(in, NULL, fd, NULL, 1 << 30, 0));
	R(lseek(in, 0, SEEK_CUR));
	R(lseek(fd, 0, SEEK_CUR));
	R(write(fd, "end", 3));
	R(close(fd));
	R(close(in));
	show(to);
}

CASE(copied)
{
	int in, fd;

	putn("small", 5000, 1);
	putn("large", 300000, 2);
	put("nothing", "");
	many("d", true);
	copy("small", "d/small");
	copy("large", "d/large");
	copy("nothing", "d/nothing");
	in = (int)R(open("small", O_WRONLY));
	fd = new_file("d/refused");
	R(copy_file_range(in, NULL, fd, NULL, 100, 0));
	R(copy_file_range(fd + 100, NULL, fd, NULL, 100, 0));
	R(copy_file_range(fd, NULL, fd, NULL, 0, 0));
	R(close(fd));
	R(close(in));
	/* what is copied from is pending itself */
	copy("d/f1", "d/f1.copy");
	in = looked_at("d/open");
	R(lseek(in, 3, SEEK_SET));
	fd = new_file("d/open.copy");
	R(copy_file_range(in, NULL, fd, NULL, 100, 0));
	R(close(fd));
	R(close(in));
	show("d/open.copy");
}

/* A name that is not there, in a directory that was made here. */
CASE(absent)
{
	struct stat st;
	int tries = 0;
	pid_t pid;

	many("d", false);
	R(lstat("d/later", &st));
	R(stat("d/later/", &st));
	R(stat("d/f1/x", &st));
	R(access("d/later", F_OK));
	put("d/later", "text");
	meta("d/later");
	R(unlink("d/later"));
	R(lstat("d/later", &st));
	R(mkdir("d/later", 0755));
	R(lstat("d/later", &st));
	R(rename("d/later", "d/moved"));
	R(lstat("d/later", &st));
	R(lstat("d/moved", &st));
	R(symlink("f1", "d/link"));
	R(stat("d/link", &st));
	R(stat("d/child", &st));
	pid = fork();
	if (pid == 0)
		_exit(RAW(SYS_mkdir, "d/child", 0755, 0, 0) ? 1 : 0);
	t_reap(pid);
	R(stat("d/child", &st));
	/* somebody who says nothing makes it; we look again and again */
	many("e", false);
	R(stat("e/child", &st));
	RAW(SYS_mkdir, "e/child", 0755, 0, 0);
	while (stat("e/child", &st) < 0 && tries++ < 5000)
		nap(1);
	out("found %d\n", tries < 5000);
}

static const struct t_case cases[] = {
	C(look),   C(statx),       C(directory), C(metadata), C(used),   C(forked),
	C(killed), C(task_killed), C(marker),    C(refused),  C(copied), C(absent),
};

int main(int argc, char **argv)
{
	return t_main(argc, argv, cases, T_COUNT(cases), NULL);
}
