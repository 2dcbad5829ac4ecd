/* SPDX-License-Identifier: MIT */
/*
 * rmtree.c - directories are removed with what is in them, and looked for afterwards
 *
 * rmtree kill      removes a tree and is killed
 * rmtree stranger  removes a directory into which somebody else puts a file at that moment
 */
#include "t.h"

#include <dirent.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#include "../fault/progs/raw.h"

#define FILES 12

static void fixture(void)
{
	for (int i = 0; i < 4; i++) {
		OK(mkdir(t_name("d%d", i), 0755));
		for (int j = 0; j < 3; j++) {
			OK(mkdir(t_name("d%d/sub%d", i, j), 0755));
			for (int k = 0; k < FILES; k++)
				putn(t_name("d%d/sub%d/f%d", i, j, k), 50, (unsigned)k);
		}
		for (int k = 0; k < FILES; k++)
			putn(t_name("d%d/f%d", i, k), 50, (unsigned)k);
	}
	OK(symlink("d0/sub0", "link"));
}

static void empty(const char *path)
{
	char name[100];

	for (int k = 0; k < FILES; k++) {
		snprintf(name, sizeof(name), "%s/f%d", path, k);
		OK(unlink(name));
	}
}

/* d0/sub0, by the names in it and its own. */
static void gone(void)
{
	empty("d0/sub0");
	OK(rmdir("d0/sub0"));
}

static void names_in(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int n = 0;

	if (!d) {
		out("%s: %s\n", path, t_errno(errno));
		return;
	}
	while ((e = readdir(d)))
		n++;
	closedir(d);
	out("%s: %d names\n", path, n);
}

static void links_of(int fd)
{
	struct stat st;

	OK(fstat(fd, &st));
	out("links: %lu\n", (unsigned long)st.st_nlink);
}

/* One look in each run: the first would make up for all others. */
#define LOOK(name, call)       \
	CASE(name)             \
	{                      \
		gone();        \
		call;          \
		meta("d0");    \
		show("d1/f3"); \
	}

static struct stat st;
static struct statfs sf;
static char text[4096];

LOOK(look_stat, R(stat("d0/sub0", &st)))
LOOK(look_lstat, R(lstat("d0/sub0", &st)))
LOOK(look_parent, R(stat("d0/sub0/..", &st)))
LOOK(look_grandparent, R(stat("d0/sub0/../..", &st)))
LOOK(look_inside, R(stat("d0/sub0/f3", &st)))
LOOK(look_by_link, R(stat("link", &st)))
LOOK(look_link_parent, R(stat("link/..", &st)))
LOOK(look_access, R(access("d0/sub0", F_OK)))
LOOK(look_open, R(open("d0/sub0", O_RDONLY | O_DIRECTORY)))
LOOK(look_open_plain, R(open("d0/sub0", O_RDONLY)))
LOOK(look_opath, R(open("d0/sub0", O_PATH)))
LOOK(look_opendir, names_in("d0/sub0"))
LOOK(look_listing, names_in("d0"))
LOOK(look_create, R(open("d0/sub0/new", O_WRONLY | O_CREAT, 0644)))
LOOK(look_create_link, R(open("link/new", O_WRONLY | O_CREAT, 0644)))
LOOK(look_create_name, R(open("d0/sub0", O_WRONLY | O_CREAT, 0644)))
LOOK(look_tmpfile, R(open("d0/sub0", O_WRONLY | O_TMPFILE, 0644)))
LOOK(look_mkdir, R(mkdir("d0/sub0/new", 0755)))
LOOK(look_mkdir_link, R(mkdir("link/new", 0755)))
LOOK(look_mkdir_again, R(mkdir("d0/sub0", 0755)); names_in("d0/sub0"))
LOOK(look_mknod, R(mknod("link/new", S_IFIFO | 0644, 0)))
LOOK(look_rename_into, R(rename("d1/f1", "d0/sub0/f1")))
LOOK(look_rename_over, R(rename("d1/sub1", "d0/sub0")))
LOOK(look_link_into, R(link("d1/f1", "link/f1")))
LOOK(look_symlink_into, R(symlink("x", "link/f1")))
LOOK(look_rmdir, R(rmdir("d0/sub0")))
LOOK(look_unlink, R(unlink("d0/sub0")))
LOOK(look_unlink_inside, R(unlink("d0/sub0/f3")))
LOOK(look_chmod, R(chmod("d0/sub0", 0700)))
LOOK(look_chdir, R(chdir("d0/sub0")))
LOOK(look_statfs, R(statfs("d0/sub0", &sf)))
LOOK(look_utimens, R(utimensat(AT_FDCWD, "d0/sub0", NULL, 0)))
LOOK(look_realpath, R(realpath("d0/sub0", text) == NULL))
LOOK(look_truncate, R(truncate("d0/sub0", 0)))
LOOK(look_tree, R(rmdir("d0")))

/* The directory is open. */
#define HELD(name, call)                                                   \
	CASE(name)                                                         \
	{                                                                  \
		int fd = (int)OK(open("d0/sub0", O_RDONLY | O_DIRECTORY)); \
                                                                           \
		gone();                                                    \
		call;                                                      \
		R(close(fd));                                              \
		meta("d0");                                                \
	}

HELD(held_links, links_of(fd))
HELD(held_create, R(openat(fd, "new", O_WRONLY | O_CREAT, 0644)))
HELD(held_open, R(openat(fd, ".", O_RDONLY | O_DIRECTORY)); links_of(fd))
HELD(held_stat, R(fstatat(fd, "f3", &st, 0)))
HELD(held_dots, R(fstatat(fd, "..", &st, 0)))
HELD(held_list, out("%ld\n", syscall(SYS_getdents64, fd, text, sizeof(text))))
HELD(held_chdir, R(fchdir(fd)); R(getcwd(text, sizeof(text)) == NULL); OK(chdir("/")))

static void rm(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char sub[1000];

	while (d && (e = readdir(d))) {
		snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
		if (e->d_name[0] == '.')
			continue;
		if (e->d_type == DT_DIR)
			rm(sub);
		else
			OK(unlinkat(dirfd(d), e->d_name, 0));
	}
	if (d)
		closedir(d);
	R(rmdir(path));
}

CASE(tree)
{
	for (int i = 0; i < 4; i++)
		rm(t_name("d%d", i));
	names_in(".");
}

CASE(not_empty)
{
	for (int k = 1; k < FILES; k++)
		OK(unlink(t_name("d0/sub0/f%d", k)));
	R(rmdir("d0/sub0"));
	show("d0/sub0/f0");
	OK(unlink("d0/sub0/f0"));
	R(rmdir("d0/sub0/"));
	empty("d0/sub1");
	put("d0/sub1/new", "a file that is on its way");
	R(rmdir("d0/sub1"));
	OK(unlink("d0/sub1/new"));
	R(rmdir("d0/sub1"));
	empty("d0");
	R(rmdir("d0"));
	R(rmdir("d0/sub2/f1"));
	R(rmdir("d0/sub2/."));
	R(rmdir("d0/sub2/.."));
	names_in("d0");
}

/* Made again under the same name, with files in it. */
CASE(again)
{
	for (int n = 0; n < 3; n++) {
		empty("d1/sub1");
		R(rmdir("d1/sub1"));
		R(mkdir("d1/sub1", 0700));
		for (int k = 0; k < FILES; k++)
			putn(t_name("d1/sub1/f%d", k), 60 + (size_t)n, (unsigned)k);
	}
	show("d1/sub1/f7");
	empty("d1/sub1");
	R(rmdir("d1/sub1"));
}

CASE(current)
{
	OK(chdir("d2/sub2"));
	for (int k = 0; k < FILES; k++)
		OK(unlink(t_name("f%d", k)));
	R(rmdir("../sub2"));
	R(getcwd(text, sizeof(text)) == NULL);
	R(open("new", O_WRONLY | O_CREAT, 0644));
	OK(chdir("/"));
}

CASE(kill)
{
	for (int i = 1; i < 4; i++) {
		for (int j = 0; j < 3; j++) {
			empty(t_name("d%d/sub%d", i, j));
			OK(rmdir(t_name("d%d/sub%d", i, j)));
		}
		empty(t_name("d%d", i));
		OK(rmdir(t_name("d%d", i)));
	}
	RAW(SYS_kill, getpid(), SIGKILL, 0, 0);
}

/* As by another process: not seen by the library. */
CASE(stranger)
{
	gone();
	RAW(SYS_mknodat, AT_FDCWD, "d0/sub0/stranger", S_IFREG | 0644, 0);
}

static const struct t_case cases[] = {
	C(look_stat),
	C(look_lstat),
	C(look_parent),
	C(look_inside),
	C(look_grandparent),
	C(look_mkdir_link),
	C(look_by_link),
	C(look_link_parent),
	C(look_access),
	C(look_open),
	C(look_open_plain),
	C(look_opath),
	C(look_opendir),
	C(look_listing),
	C(look_create),
	C(look_create_link),
	C(look_create_name),
	C(look_tmpfile),
	C(look_mkdir),
	C(look_mkdir_again),
	C(look_mknod),
	C(look_rename_into),
	C(look_rename_over),
	C(look_link_into),
	C(look_symlink_into),
	C(look_rmdir),
	C(look_unlink),
	C(look_unlink_inside),
	C(look_chmod),
	C(look_chdir),
	C(look_statfs),
	C(look_utimens),
	C(look_realpath),
	C(look_truncate),
	C(look_tree),
	C(held_links),
	C(held_create),
	C(held_open),
	C(held_stat),
	C(held_dots),
	C(held_list),
	C(held_chdir),
	C(tree),
	C(not_empty),
	C(again),
	C(current),
	C(kill),
	C(stranger),
};

int main(int argc, char **argv)
{
	return t_main(argc, argv, cases, T_COUNT(cases), fixture);
}
