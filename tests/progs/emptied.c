/* SPDX-License-Identifier: MIT */
/*
 * emptied.c - a program that removes what it has listed, and what comes in between
 *
 * On a file system where the library takes the kind of a name, and whether any are left, from the
 * listing.
 */
#include "t.h"

#include <dirent.h>

#define FILES 24
#define HALF (FILES / 2)

static int fd_of_dir = -1;
static char names[FILES][32];
static int n_names;

/* t, with files and two directories; by a child, so that the process has made none of them. */
static void make_tree(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		OK(mkdir("t", 0755));
		OK(mkdir("t/sub", 0755));
		OK(mkdir("t/more", 0755));
		for (int i = 0; i < FILES; i++) {
			putn(t_name("t/f%02d", i), 10, (unsigned)i);
			putn(t_name("t/sub/f%02d", i), 10, (unsigned)i);
		}
		OK(link("t/f20", "other"));
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static int list(const char *path)
{
	struct dirent *e;
	DIR *dir = opendir(path);

	n_names = 0;
	while ((e = readdir(dir))) {
		if (e->d_name[0] == 'f' && n_names < FILES)
			strcpy(names[n_names++], e->d_name);
	}
	if (fd_of_dir >= 0)
		close(fd_of_dir);
	fd_of_dir = dup(dirfd(dir));
	closedir(dir);
	return n_names;
}

static void remove_some(int from, int to)
{
	for (int i = from; i < to; i++)
		OK(unlinkat(fd_of_dir, names[i], 0));
}

/* Half of the files of t/sub, of which all has been listed. */
static void begin(void)
{
	make_tree();
	list("t");
	OK(unlink("t/f20"));
	list("t/sub");
	remove_some(0, HALF);
}

static void rest(void)
{
	remove_some(HALF, FILES);
}

CASE(removed)
{
	begin();
	rest();
	R(rmdir("t/sub"));
	R(rmdir("t/sub"));
	R(unlink("t/sub/f01"));
	R(access("t/sub", F_OK));
	R(rmdir("t/more"));
	R(rmdir("t"));
	meta("other");
}

CASE(again)
{
	begin();
	R(unlinkat(fd_of_dir, names[0], 0));
	R(unlinkat(fd_of_dir, names[HALF - 1], 0));
	R(unlinkat(fd_of_dir, "sub", 0));
	R(unlinkat(fd_of_dir, names[HALF], AT_REMOVEDIR));
	R(unlinkat(fd_of_dir, t_name("%s/", names[HALF]), 0));
	rest();
}

CASE(linked)
{
	begin();
	meta("other");
	rest();
}

/* A name that is there again */
CASE(made)
{
	begin();
	put(t_name("t/sub/%s", names[0]), "text");
	rest();
	usleep(100000);
	R(rmdir("t/sub"));
	R(unlinkat(fd_of_dir, names[0], 0));
	R(rmdir("t/sub"));
}

CASE(made_dir)
{
	begin();
	R(mkdirat(fd_of_dir, names[0], 0755));
	R(unlinkat(fd_of_dir, names[0], 0));
	rest();
	R(rmdir("t/sub"));
	R(unlinkat(fd_of_dir, names[0], AT_REMOVEDIR));
	R(rmdir("t/sub"));
}

CASE(symlink_made)
{
	begin();
	OK(symlinkat("to", fd_of_dir, "l"));
	rest();
	R(rmdir("t/sub"));
}

CASE(moved)
{
	begin();
	OK(rename("other", "t/sub/f"));
	OK(renameat(fd_of_dir, names[HALF], AT_FDCWD, "away"));
	R(unlinkat(fd_of_dir, names[HALF], 0));
	remove_some(HALF + 1, FILES);
	R(rmdir("t/sub"));
}

/* Another process has put something in and says so. */
CASE(told)
{
	int go_on[2], told[2];
	char c;
	pid_t pid;

	make_tree();
	OK(pipe(go_on));
	OK(pipe(told));
	pid = fork();
	if (pid == 0) {
		read(go_on[0], &c, 1);
		list("t/sub");
		OK(unlinkat(fd_of_dir, "f23", 0));
		OK(mkdirat(fd_of_dir, "f23", 0755));
		OK(mkdirat(fd_of_dir, "new", 0755));
		write(told[1], "x", 1);
		_exit(0);
	}
	list("t");
	OK(unlink("t/f20"));
	list("t/sub");
	for (int i = 0; i < FILES; i++) {
		if (strcmp(names[i], "f23"))
			OK(unlinkat(fd_of_dir, names[i], 0));
	}
	write(go_on[1], "x", 1);
	read(told[0], &c, 1);
	R(unlinkat(fd_of_dir, "f23", 0));
	R(rmdir("t/sub"));
	waitpid(pid, NULL, 0);
}

static const struct t_case cases[] = {
	C(removed), C(again), C(linked), C(made), C(made_dir), C(symlink_made), C(moved), C(told),
};

int main(int argc, char **argv)
{
	return t_main(argc, argv, cases, T_COUNT(cases), NULL);
}
