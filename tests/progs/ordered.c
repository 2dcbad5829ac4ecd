/* SPDX-License-Identifier: MIT */
/*
 * ordered.c - metadata of names and symlinks, which follow what was done before
 */
#include "t.h"

#define FILES 12

static const struct timespec old[2] = {{1000000000, 5}, {1100000000, 7}};

/* Some files in a directory of ours: pending for long. */
static void files(const char *dir)
{
	OK(mkdir(dir, 0755));
	for (int i = 0; i < FILES; i++)
		putn(t_name("%s/f%d", dir, i), 100, (unsigned)i);
}

static void show_dir(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		out("%s: %s\n", path, t_errno(errno));
		return;
	}
	t_stat_line(path, &st);
	out("%s: old %d\n", path, st.st_mtim.tv_sec == old[1].tv_sec);
}

static void set_times(const char *path)
{
	R(utimensat(AT_FDCWD, path, old, AT_SYMLINK_NOFOLLOW));
}

static void begin(void)
{
	files("warm");
	files("d");
	set_times("d");
}

CASE(times)
{
	begin();
	files("e");
	set_times("e");
}

CASE(times_then_file)
{
	begin();
	put("d/later", "text");
	show_dir("d");
}

CASE(times_then_unlink)
{
	begin();
	R(unlink("d/f3"));
	show_dir("d");
}

CASE(times_then_mkdir)
{
	begin();
	R(mkdir("d/sub", 0755));
	show_dir("d");
}

CASE(times_then_rename)
{
	begin();
	R(rename("d/f1", "d/f100"));
	show_dir("d");
}

/* What is still open is made before the times are set. */
CASE(open_file)
{
	int fd;

	begin();
	files("e");
	fd = (int)OK(open("e/open", O_WRONLY | O_CREAT | O_TRUNC, 0644));
	write_all(fd, "text", 4);
	set_times("e");
	usleep(500000); /* if the times had been put off they would be set by now */
	close(fd);
	show_dir("e");
}

CASE(stat)
{
	begin();
	show_dir("d");
	show("d/f5");
}

CASE(fstat)
{
	struct stat st;
	int fd;

	files("warm");
	files("d");
	fd = (int)OK(open("d", O_RDONLY | O_DIRECTORY));
	set_times("d");
	OK(fstat(fd, &st));
	out("old %d\n", st.st_mtim.tv_sec == old[1].tv_sec);
	close(fd);
}

CASE(chmod)
{
	begin();
	R(chmod("d", 0700));
	put("d/after", "text");
	set_times("d");
	R(chmod("d", 0711));
	R(chmod("d", 01755));
	show_dir("d");
}

CASE(chown)
{
	begin();
	R(chown("d", 1, 2));
	R(lchown("d/f1", 3, 4));
	R(chmod("d/f1", 04755));
	R(chown("d/f1", 5, 5));
	meta("d/f1");
	show_dir("d");
}

CASE(by_descriptor)
{
	int fd;

	begin();
	fd = (int)OK(open("d", O_RDONLY | O_DIRECTORY));
	R(fchmod(fd, 0750));
	show_dir("d");
	set_times("d");
	R(futimens(fd, (struct timespec[2]){{5, 0}, {6, 0}}));
	close(fd);
}

/* By path, right after close */
CASE(files)
{
	begin();
	for (int i = 0; i < FILES; i++) {
		char *name = t_name("d/g%d", i);

		put(name, "text");
		OK(chmod(name, 0600));
		OK(chown(name, 1, 1));
		OK(utimensat(AT_FDCWD, name, old, 0));
		if (i % 3 == 0)
			meta(name);
	}
	R(chmod("d/none", 0600));
	set_times("d");
}

/* A directory cannot get the name of a file that is still to come. */
CASE(mkdir_pending)
{
	begin();
	files("e");
	R(mkdir("e/f7", 0755));
	R(mkdir("e/f11", 0755));
	R(mkdir("e/g/h", 0755));
	R(mkdir("e/g", 0755));
	R(mkdir("e/g", 0755));
	R(mkdir("none/g", 0755));
}

/* A file closed empty says that all before it is done: it is not older than the others. */
CASE(marker)
{
	struct stat st, done;
	bool last = true;

	files("warm");
	files("d");
	OK(mkdir("m", 0755));
	OK(close((int)OK(open("m/done", O_WRONLY | O_CREAT | O_TRUNC, 0644))));
	put("m/after", "text");
	OK(chmod("m/done", 0600));
	OK(stat("m/done", &done));
	for (int i = 0; i < FILES; i++) {
		OK(stat(t_name("d/f%d", i), &st));
		last = last && (st.st_mtim.tv_sec < done.st_mtim.tv_sec ||
				(st.st_mtim.tv_sec == done.st_mtim.tv_sec &&
				 st.st_mtim.tv_nsec <= done.st_mtim.tv_nsec));
	}
	out("last %d\n", last);
	meta("m/done");
}

/* Several of them, and what undoes them */
CASE(markers)
{
	begin();
	for (int i = 0; i < FILES; i++)
		OK(close((int)OK(open(t_name("d/m%d", i), O_WRONLY | O_CREAT, 0600))));
	OK(unlink("d/m1"));
	OK(rename("d/m2", "d/m20"));
	put("d/m3", "text");
	R(open("d/m4", O_WRONLY | O_CREAT | O_EXCL, 0600));
	meta("d/m5");
	set_times("d");
	OK(close((int)OK(open("d/m30", O_WRONLY | O_CREAT, 0600))));
	show_dir("d");
}

CASE(symlink)
{
	begin();
	for (int i = 0; i < FILES; i++)
		OK(symlink(t_name("f%d", i), t_name("d/l%d", i)));
	R(symlink("x", "d/l0"));
	R(symlink("x", "d/f0"));
	R(symlink("", "d/empty"));
	R(symlink("x", "none/l"));
	show("d/l7");
	meta("d/l8");
	set_times("d");
}

CASE(through)
{
	char target[20] = "";

	begin();
	OK(symlink("d", "to"));
	show("to/f4");
	OK(symlink("d", "to2"));
	put("to2/new", "text");
	OK(symlink("d", "to3"));
	R(readlink("to3", target, sizeof(target)));
	out("%s\n", target);
	R(open("to3", O_RDONLY | O_NOFOLLOW));
}

CASE(symlink_meta)
{
	begin();
	OK(symlink("f1", "d/l"));
	R(lchown("d/l", 1, 2));
	set_times("d/l");
	R(fchmodat(AT_FDCWD, "d/l", 0600, AT_SYMLINK_NOFOLLOW));
	OK(symlink("f2", "d/m"));
	R(chmod("d/m", 0600));
	R(chown("d/m", 3, 3));
	meta("d/f2");
	meta("d/l");
}

CASE(symlink_replaced)
{
	begin();
	OK(symlink("f1", "d/l"));
	put("d/l", "through the link");
	show("d/f1");
	OK(symlink("f2", "d/m"));
	R(rename("d/f3", "d/m"));
	meta("d/m");
}

CASE(symlink_removed)
{
	begin();
	OK(symlink("f1", "d/l"));
	R(unlink("d/l"));
	meta("d/l");
	OK(mkdir("e", 0755));
	OK(symlink("f1", "e/l"));
	R(rmdir("e"));
	R(unlink("e/l"));
	R(rmdir("e"));
}

static const struct t_case cases[] = {
	C(times),
	C(times_then_file),
	C(times_then_unlink),
	C(times_then_mkdir),
	C(times_then_rename),
	C(open_file),
	C(stat),
	C(fstat),
	C(chmod),
	C(chown),
	C(by_descriptor),
	C(files),
	C(mkdir_pending),
	C(marker),
	C(markers),
	C(symlink),
	C(through),
	C(symlink_meta),
	C(symlink_replaced),
	C(symlink_removed),
};

int main(int argc, char **argv)
{
	return t_main(argc, argv, cases, T_COUNT(cases), NULL);
}
