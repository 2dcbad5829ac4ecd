/* SPDX-License-Identifier: MIT */
/*
 * walked.c - a program that walks a slow tree and reads it, where the library is ahead in the next
 * directories
 */
#include "t.h"

#include <dirent.h>

#define DIRS 10
#define FILES 8
#define AT 4 /* directories that are read before something happens */

static char names[DIRS][16];

static char *file_of(int dir, int file)
{
	return t_name("w/%s/f%d", names[dir], file);
}

/* By a child, so that the process has opened none of them. */
static void make_tree(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		OK(mkdir("w", 0755));
		for (int d = 0; d < DIRS; d++) {
			OK(mkdir(t_name("w/d%d", d), 0755));
			for (int f = 0; f < FILES; f++)
				put(t_name("w/d%d/f%d", d, f), t_name("%d of %d", f, d));
		}
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* The order of the directory is that in which they are used. */
static void list_top(void)
{
	DIR *dir = opendir("w");
	struct dirent *e;
	int n = 0;

	while ((e = readdir(dir))) {
		if (e->d_name[0] == 'd' && n < DIRS)
			strcpy(names[n++], e->d_name);
	}
	closedir(dir);
}

/* A sum that does not depend on the order. */
static unsigned long sum_of(const char *path)
{
	char text[64] = "";
	struct stat st;
	unsigned long sum = 0;
	int fd = (int)OK(open(path, O_RDONLY | O_NOFOLLOW));

	OK(fstat(fd, &st));
	if (read(fd, text, sizeof(text)) != st.st_size)
		out("%s: its size\n", path);
	close(fd);
	for (const char *p = text; *p; p++)
		sum = sum * 31 + (unsigned char)*p;
	return sum;
}

static int walk_one(const char *name, unsigned long *sum)
{
	DIR *dir = opendir(t_name("w/%s", name));
	char *path[FILES * 2];
	struct dirent *e;
	int n = 0;

	if (!dir) {
		out("%s: %s\n", name, t_errno(errno));
		return 0;
	}
	while ((e = readdir(dir)) && n < FILES * 2) {
		if (e->d_name[0] != '.')
			path[n++] = strdup(t_name("w/%s/%s", name, e->d_name));
	}
	closedir(dir);
	for (int i = 0; i < n; i++) {
		*sum += sum_of(path[i]);
		free(path[i]);
	}
	return n;
}

static void walk(int from, int to)
{
	unsigned long sum = 0;
	int n = 0;

	for (int i = from; i < to; i++)
		n += walk_one(names[i], &sum);
	out("%d files, %lx\n", n, sum);
}

/* The next directories must have been listed and read by now. */
static void begin(void)
{
	make_tree();
	list_top();
	walk(0, AT);
	usleep(80000);
}

static void rest(void)
{
	unsigned long sum = 0;
	int n = 0;

	for (int i = 0; i < DIRS; i++)
		n += walk_one(names[i], &sum);
	out("%d files, %lx\n", n, sum);
}

CASE(read)
{
	make_tree();
	list_top();
	walk(0, DIRS);
}

CASE(written)
{
	int fd;

	begin();
	for (int d = AT; d < DIRS; d++) {
		fd = (int)OK(open(file_of(d, 2), O_WRONLY));
		OK(pwrite(fd, "XX", 2, 0));
		close(fd);
	}
	rest();
}

CASE(made)
{
	begin();
	for (int d = AT; d < DIRS; d++)
		put(t_name("w/%s/new", names[d]), "text");
	rest();
}

CASE(removed)
{
	begin();
	for (int d = AT; d < DIRS; d++) {
		OK(unlink(file_of(d, 1)));
		OK(rename(file_of(d, 2), file_of(d, 3)));
	}
	rest();
}

CASE(moved)
{
	begin();
	OK(rename(t_name("w/%s", names[AT]), "away"));
	OK(rename(t_name("w/%s", names[AT + 1]), t_name("w/%s", names[AT])));
	rest();
}

CASE(opened_only)
{
	begin();
	for (int d = AT; d < DIRS; d++)
		sum_of(file_of(d, 5));
	rest();
}

CASE(told)
{
	int go_on[2], told[2];
	pid_t pid;
	char c;

	OK(pipe(go_on));
	OK(pipe(told));
	make_tree();
	pid = fork();
	if (pid == 0) {
		list_top();
		read(go_on[0], &c, 1);
		for (int d = AT; d < DIRS; d++) {
			put(file_of(d, 2), "by the child");
			put(t_name("w/%s/new", names[d]), "by the child");
			OK(unlink(file_of(d, 3)));
		}
		write(told[1], "x", 1);
		_exit(0);
	}
	list_top();
	walk(0, AT);
	usleep(80000);
	write(go_on[1], "x", 1);
	read(told[0], &c, 1);
	rest();
	waitpid(pid, NULL, 0);
}

static const struct t_case cases[] = {
	C(read), C(written), C(made), C(removed), C(moved), C(opened_only), C(told),
};

int main(int argc, char **argv)
{
	return t_main(argc, argv, cases, T_COUNT(cases), NULL);
}
