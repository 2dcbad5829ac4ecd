/* SPDX-License-Identifier: MIT */
/*
 * ahead.c - what a program that walks a slow directory reads is what is there
 *
 * The directory is on a file system where the library reads ahead.  It gets forty files; the walk
 * makes the library read some of them before they are opened, and then something happens to the
 * next one.
 */
#include "t.h"

#include <dirent.h>
#include <sys/inotify.h>
#include <sys/mman.h>

#define FILES 40
#define AT 20 /* files that are read before something happens */

static DIR *dir;
static int fd_of_dir;
static char names[FILES][32];
static int n_names;

/* By a child, so that the process has opened none of them. */
static void make_files(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		for (int i = 0; i < FILES; i++) {
			char text[64];
			int fd = open(t_name("f%02d", i), O_WRONLY | O_CREAT | O_EXCL, 0644);

			snprintf(text, sizeof(text), "file %02d 0123456789abcdefghijklmnopqrstuvwxyz", i);
			write_all(fd, text, strlen(text));
			close(fd);
		}
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The order of the directory is that in which they are used. */
static void list(void)
{
	struct dirent *e;

	n_names = 0;
	dir = opendir(".");
	while ((e = readdir(dir))) {
		if (e->d_name[0] == 'f' && n_names < FILES)
			strcpy(names[n_names++], e->d_name);
	}
	fd_of_dir = dirfd(dir);
	if (n_names != FILES)
		out("%d names\n", n_names);
}

/* Contents by name, for the notes to have an order. */
static char contents[FILES][64];

static void read_one(int i)
{
	int fd = openat(fd_of_dir, names[i], O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0) {
		out("%s: %s\n", names[i], t_errno(errno));
		return;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		out("%s: fstat\n", names[i]);
	n = read(fd, contents[i], sizeof(contents[i]) - 1);
	if (n != st.st_size)
		out("%s: %zd of %ld\n", names[i], n, (long)st.st_size);
	if (read(fd, contents[i], sizeof(contents[i])) != 0)
		out("%s: no end\n", names[i]);
	close(fd);
}

static void walk(int from, int to)
{
	for (int i = from; i < to; i++)
		read_one(i);
}

/* Walks until the next ones must have been read. */
static void begin(void)
{
	make_files();
	list();
	walk(0, AT);
	usleep(60000);
}

/* The next one, whatever its name. */
static const char *victim(void)
{
	return names[AT];
}

/* Renamed to a name that is the same in each run. */
static void show_victim(void)
{
	struct stat st;
	int fd = openat(fd_of_dir, victim(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0) {
		out("victim: %s\n", t_errno(errno));
		return;
	}
	fstat(fd, &st);
	out("victim: mode %o nlink %lu size %ld\n", st.st_mode, (unsigned long)st.st_nlink,
	    (long)st.st_size);
	t_rest("victim", fd);
	close(fd);
	if (fstatat(fd_of_dir, victim(), &st, AT_SYMLINK_NOFOLLOW) < 0)
		out("victim: stat %s\n", t_errno(errno));
	else
		out("victim: mode %o nlink %lu size %ld\n", st.st_mode, (unsigned long)st.st_nlink,
		    (long)st.st_size);
}

static void rest(void)
{
	walk(AT + 1, FILES);
	closedir(dir);
	qsort(names, FILES, sizeof(names[0]), by_name);
	for (int i = 0; i < FILES; i++)
		out("%s ", names[i]);
	out("\n");
}

/* ---- cases ---- */

CASE(read)
{
	begin();
	read_one(AT);
	rest();
}

/* All are open for writing since before the walk. */
CASE(written_before)
{
	int fds[FILES];

	make_files();
	for (int i = 0; i < FILES; i++)
		fds[i] = (int)OK(open(t_name("f%02d", i), O_RDWR));
	list();
	walk(0, AT);
	usleep(60000);
	OK(pwrite(fds[atoi(victim() + 1)], "CHANGED", 7, 0));
	show_victim();
	rest();
}

CASE(written)
{
	begin();
	int fd = openat(fd_of_dir, victim(), O_WRONLY);
	write_all(fd, "written", 7);
	show_victim();
	write_all(fd, " again", 6);
	show_victim();
	close(fd);
	show_victim();
	rest();
}

CASE(put)
{
	begin();
	put(victim(), "another text, of another length");
	show_victim();
	rest();
}

CASE(renamed_over)
{
	begin();
	put("new", "what was renamed");
	R(rename("new", victim()));
	show_victim();
	rest();
}

CASE(renamed_away)
{
	begin();
	RL("rename", rename(victim(), "old"));
	show_victim();
	rest();
}

CASE(unlinked)
{
	begin();
	RL("unlink", unlink(victim()));
	show_victim();
	rest();
}

CASE(truncated)
{
	begin();
	RL("truncate", truncate(victim(), 5));
	show_victim();
	rest();
}

CASE(chmod)
{
	begin();
	RL("chmod", chmod(victim(), 0600));
	show_victim();
	rest();
}

CASE(linked)
{
	begin();
	RL("link", link(victim(), "second"));
	show_victim();
	rest();
}

/* Another process changes it and tells. */
static void told_by(void (*tell)(int), void (*learn)(int))
{
	int go_on[2], told[2];
	pid_t pid;

	OK(pipe(go_on));
	OK(pipe(told));
	make_files();
	pid = fork();
	if (pid == 0) {
		char c;
		int fd;

		list();
		read(go_on[0], &c, 1);
		fd = openat(fd_of_dir, victim(), O_WRONLY | O_TRUNC);
		write(fd, "by the child", 12);
		close(fd);
		tell(told[1]);
		_exit(0);
	}
	list();
	walk(0, AT);
	usleep(60000);
	write(go_on[1], "x", 1);
	learn(told[0]);
	show_victim();
	waitpid(pid, NULL, 0);
	rest();
}

static void tell_pipe(int fd)
{
	write(fd, "x", 1);
}

static void learn_pipe(int fd)
{
	char c;

	read(fd, &c, 1);
}

static void tell_nothing(int fd)
{
	(void)fd;
}

static void learn_wait(int fd)
{
	(void)fd;
	wait(NULL);
}

CASE(told)
{
	told_by(tell_pipe, learn_pipe);
}

CASE(waited)
{
	told_by(tell_nothing, learn_wait);
}

/* What else can be done with the descriptor. */
static int opened;

/* Another one each time: what was used is not read ahead again. */
static int open_victim(void)
{
	return openat(fd_of_dir, names[AT + opened++], O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

CASE(descriptor)
{
	char buf[64];
	char *volatile nowhere = (char *)8;
	struct stat st;
	void *map;
	int fd, second;

	begin();
	fd = open_victim();
	out("number %s\n", fd == fd_of_dir + 1 ? "the next" : "another");
	RL("lseek", lseek(fd, 8, SEEK_SET));
	RL("read", read(fd, buf, 10));
	t_bytes("from 8", buf, 10);
	RL("pread", pread(fd, buf, 10, 12));
	t_bytes("from 12", buf, 10);
	RL("where", lseek(fd, 0, SEEK_CUR));
	RL("end", lseek(fd, -4, SEEK_END));
	RL("read", read(fd, buf, 10));
	RL("before", lseek(fd, -1, SEEK_SET));
	RL("nowhere", read(fd, nowhere, 10));
	RL("none", read(fd, buf, 0));
	RL("write", write(fd, "x", 1));
	RL("F_GETFL", fcntl(fd, F_GETFL));
	RL("F_GETFD", fcntl(fd, F_GETFD));
	RL("where", lseek(fd, 0, SEEK_CUR));
	close(fd);

	fd = open_victim();
	RL("read", read(fd, buf, 8));
	second = dup(fd);
	RL("read", read(second, buf, 2));
	RL("where", lseek(fd, 0, SEEK_CUR));
	close(fd);
	close(second);

	fd = open_victim();
	fstat(fd, &st);
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	t_bytes("mapped", (char *)map + 8, 10);
	close(fd);
	munmap(map, (size_t)st.st_size);

	RL("close", close(open_victim()));
	RL("again", close(fd));
	rest();
}

/* A child has the descriptor, and its offset, in common. */
CASE(forked)
{
	char buf[16];
	int fd;
	pid_t pid;

	begin();
	fd = open_victim();
	RL("read", read(fd, buf, 8));
	pid = fork();
	if (pid == 0) {
		read(fd, buf, 4);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	RL("where", lseek(fd, 0, SEEK_CUR));
	RL("read", read(fd, buf, 4));
	t_bytes("after the child", buf, 4);
	close(fd);
	rest();
}

/* The library stops while one is open, and the process ends with another. */
static int left;

static void at_end(void)
{
	char buf[16];

	RL("at the end", read(left, buf, 4));
	t_bytes("at the end", buf, 4);
	t_flush();
}

CASE(stopped)
{
	char buf[16];
	int fd;

	begin();
	fd = open_victim();
	RL("read", read(fd, buf, 8));
	OK(inotify_add_watch(inotify_init1(0), ".", IN_OPEN));
	RL("read", read(fd, buf, 4));
	t_bytes("after that", buf, 4);
	close(fd);
	rest();
}

CASE(left)
{
	char buf[16];

	begin();
	left = open_victim();
	RL("read", read(left, buf, 8));
	atexit(at_end);
}

/* Many descriptors at once, in any order. */
CASE(many)
{
	int fds[FILES];

	begin();
	for (int i = AT; i < FILES; i++) {
		usleep(3000);
		fds[i] = openat(fd_of_dir, names[i], O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (fds[i] != fd_of_dir + 1 + i - AT)
			out("not the lowest number\n");
	}
	for (int i = FILES - 1; i >= AT; i--) {
		char a[64], b[64];
		int again = openat(fd_of_dir, names[i], O_RDONLY);
		ssize_t n = read(fds[i], a, sizeof(a));

		if (n != read(again, b, sizeof(b)) || memcmp(a, b, (size_t)n))
			out("differ\n");
		close(fds[i]);
		close(again);
	}
	rest();
}

static const struct t_case cases[] = {
	C(read), C(written_before), C(written), C(put), C(renamed_over), C(renamed_away),
	C(unlinked), C(truncated), C(chmod), C(linked), C(told), C(waited), C(descriptor),
	C(forked), C(stopped), C(left), C(many),
};

int main(int argc, char **argv)
{
	return t_main(argc, argv, cases, T_COUNT(cases), NULL);
}
