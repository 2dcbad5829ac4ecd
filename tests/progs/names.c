/* SPDX-License-Identifier: MIT */
/* names.c - names come and go: unlink, rename, link, mkdir, rmdir around pending work */
#include "t.h"

#include <dirent.h>

static void fixture(void)
{
	for (int i = 0; i < 8; i++)
		putn(t_name("old%d", i), 100, (unsigned)i);
	OK(link("old1", "hard1"));
	OK(symlink("old2", "sym2"));
	OK(mkdir("d", 0755));
	for (int i = 0; i < 20; i++)
		putn(t_name("d/in%d", i), 100, (unsigned)i);
	OK(mkdir("deep", 0755));
	OK(mkdir("deep/er", 0755));
	putn("deep/er/file", 10, 1);
}

CASE(unlink_then_open)
{
	R(unlink("old0"));
	R(open("old0", O_RDONLY));
	R(open("old0", O_WRONLY | O_TRUNC));
	R(access("old0", F_OK));
	meta("old0");
	R(unlink("old0"));
	R(truncate("old0", 0));
	R(chmod("old0", 0600));
	R(rename("old0", "x"));
	R(link("old0", "x"));
	R(rmdir("old0"));
}

CASE(create_unlink_create)
{
	for (int i = 0; i < 4; i++) {
		put("f", t_name("life %d", i));
		R(unlink("f"));
	}
	meta("f");
	put("f", "last life");
	show("f");
	for (int i = 0; i < 4; i++) {
		R(unlink("old3"));
		put("old3", t_name("life %d", i));
	}
	show("old3");
	for (int i = 0; i < 50; i++) {
		put(t_name("temp%d", i), "short life");
		R(unlink(t_name("temp%d", i)));
	}
	R(open("temp7", O_RDONLY));
}

CASE(unlink_while_open)
{
	char b[200];
	struct stat st;
	int r = R(open("old0", O_RDONLY)), w, rw;

	R(unlink("old0"));
	R(fstat(r, &st));
	out("nlink %d size %d\n", (int)st.st_nlink, (int)st.st_size);
	t_rest("unlinked", r);
	put("old0", "successor");
	R(lseek(r, 0, SEEK_SET));
	t_rest("unlinked", r);
	show("old0");
	R(close(r));
	w = R(open("w", O_WRONLY | O_CREAT | O_TRUNC, 0644));
	R(write(w, "held", 4));
	R(unlink("w"));
	R(fstat(w, &st));
	out("nlink %d size %d\n", (int)st.st_nlink, (int)st.st_size);
	R(write(w, " more", 5));
	R(close(w));
	meta("w");
	rw = R(open("rw", O_RDWR | O_CREAT | O_EXCL, 0600));
	R(unlink("rw"));
	R(write(rw, "anonymous", 9));
	R(lseek(rw, 0, SEEK_SET));
	R(read(rw, b, sizeof(b)));
	R(close(rw));
	meta("rw");
	w = R(open("w", O_RDWR | O_CREAT | O_TRUNC, 0644));
	R(write(w, "first w", 7));
	R(unlink("w"));
	put("w", "second w");
	R(lseek(w, 0, SEEK_SET));
	t_rest("first", w);
	show("w");
	R(write(w, "+", 1));
	R(close(w));
	show("w");
}

CASE(unlink_of_hard_link)
{
	struct stat st;

	putn("old1", 100, 50);
	R(unlink("hard1"));
	show("old1");
	meta("old1");
	put("old4", "four");
	R(link("old4", "hard4"));
	R(unlink("old4"));
	show("hard4");
	meta("hard4");
	put("hard4", "again");
	R(link("hard4", "old4"));
	R(unlink("hard4"));
	R(unlink("old4"));
	meta("hard4");
	meta("old4");
	R(link("old5", "a"));
	R(unlink("old5"));
	R(stat("a", &st));
	out("nlink %d\n", (int)st.st_nlink);
	R(link("a", "b"));
	R(unlink("a"));
	put("b", "through the last name");
	show("b");
	meta("b");
}

CASE(rename_pending)
{
	put("f", "renamed");
	R(rename("f", "g"));
	show("g");
	meta("f");
	putn("old0", 100, 40);
	R(rename("old0", "old1"));
	show("old1");
	show("hard1");
	put("h", "one");
	put("i", "two");
	R(rename("h", "i"));
	show("i");
	meta("h");
	for (int i = 0; i < 10; i++) {
		put("target.tmp", t_name("version %d", i));
		R(rename("target.tmp", "target"));
	}
	show("target");
	meta("target.tmp");
	R(unlink("target"));
	R(rename("old2", "target"));
	show("target");
	show("sym2");
	put("old2", "new old2");
	show("sym2");
	put("d/moved", "into d");
	R(rename("d/moved", "out"));
	show("out");
	R(rename("out", "d"));
	R(rename("d", "out"));
	R(rename("out", "missing/x"));
	R(rename("missing", "x"));
}

CASE(rename_open)
{
	int fd = R(open("f", O_WRONLY | O_CREAT | O_TRUNC, 0644));

	R(write(fd, "before", 6));
	R(rename("f", "g"));
	R(write(fd, " after", 6));
	show("g");
	R(write(fd, " end", 4));
	R(close(fd));
	show("g");
	meta("f");
	fd = R(open("old0", O_WRONLY | O_TRUNC));
	R(write(fd, "before", 6));
	put("x", "replacement");
	R(rename("x", "old0"));
	R(write(fd, " lost", 5));
	show("old0");
	R(close(fd));
	show("old0");
}

CASE(rename_dir)
{
	int fd;

	put("d/new", "in d");
	R(unlink("d/in0"));
	fd = R(open("d/open", O_WRONLY | O_CREAT | O_TRUNC, 0644));
	R(write(fd, "open in d", 9));
	R(rename("d", "e"));
	R(write(fd, " then in e", 10));
	R(close(fd));
	show("e/new");
	show("e/open");
	show("e/in0");
	show("d/new");
	R(mkdir("d", 0755));
	put("d/new", "in the second d");
	show("d/new");
	R(rename("d", "e"));
	R(rename("e", "e/sub"));
	R(unlink("d/new"));
	R(rename("d", "f"));
	put("f/x", "in f");
	show("f/x");
	show("d/x");
}

CASE(link_pending)
{
	int fd;

	put("f", "linked");
	R(link("f", "g"));
	R(link("f", "g"));
	meta("g");
	put("g", "other");
	show("f");
	fd = R(open("h", O_WRONLY | O_CREAT | O_TRUNC, 0644));
	R(write(fd, "open", 4));
	R(link("h", "i"));
	R(write(fd, " on", 3));
	show("i");
	R(close(fd));
	show("i");
	meta("h");
	R(symlink("k", "l"));
	put("k", "behind l");
	show("l");
	R(unlink("l"));
	show("k");
	R(symlink("f", "f"));
	R(link("missing", "x"));
	R(link("d", "x"));
}

CASE(mkdir_rmdir)
{
	R(mkdir("n", 0755));
	put("n/f", "inside");
	R(rmdir("n"));
	R(unlink("n/f"));
	R(rmdir("n"));
	put("n/f", "gone");
	R(mkdir("n", 0700));
	R(mkdir("n", 0700));
	put("n/f", "second");
	show("n/f");
	R(rmdir("n"));
	for (int i = 0; i < 20; i++)
		R(unlink(t_name("d/in%d", i)));
	R(rmdir("d"));
	meta("d");
	put("d/x", "gone");
	R(mkdir("d", 0755));
	put("d/x", "in the new d");
	show("d/x");
	R(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR));
	R(unlink("d/x"));
	R(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR));
	R(mkdirat(AT_FDCWD, "m", 0755));
	R(open("m/f", O_WRONLY | O_CREAT | O_EXCL, 0644));
	R(rmdir("m"));
	RQ(remove("m/f"));
	RQ(remove("m"));
	R(mkdir("old0", 0755));
	R(mkdir("missing/x", 0755));
	R(rmdir("old0"));
	R(rmdir("missing"));
}

static void rm_rf(const char *path)
{
	char sub[1000];
	DIR *d = opendir(path);
	struct dirent *e;

	if (!d) {
		out("%s: %s\n", path, t_errno(errno));
		return;
	}
	while ((e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
		if (e->d_type == DT_DIR)
			rm_rf(sub);
		else
			OK(unlinkat(dirfd(d), e->d_name, 0));
	}
	closedir(d);
	OK(rmdir(path));
}

CASE(rm_rf)
{
	for (int i = 0; i < 3; i++) {
		OK(mkdir(t_name("t%d", i), 0755));
		for (int j = 0; j < 5; j++) {
			OK(mkdir(t_name("t%d/s%d", i, j), 0755));
			for (int k = 0; k < 10; k++)
				putn(t_name("t%d/s%d/f%d", i, j, k), 100, (unsigned)k);
		}
	}
	show("t1/s1/f1");
	rm_rf("t0");
	rm_rf("t1");
	rm_rf("d");
	rm_rf("deep");
	meta("t0");
	meta("t1/s1/f1");
	meta("t2/s4/f9");
	show("t2/s4/f9");
	rm_rf("t2");
	rm_rf("t2");
	meta("t2");
}

/* Unlinking while the listing goes on: each name once, none comes back. */
CASE(unlink_in_listing)
{
	struct dirent *e;
	int n = 0, m = 0;
	DIR *d;

	OK(mkdir("many", 0755));
	for (int i = 0; i < 600; i++)
		putn(t_name("many/file-with-a-longer-name-%d", i), 10, (unsigned)i);
	d = opendir("many");
	while ((e = readdir(d)))
		if (e->d_name[0] != '.') {
			OK(unlinkat(dirfd(d), e->d_name, 0));
			n++;
		}
	out("unlinked %d\n", n);
	rewinddir(d);
	while ((e = readdir(d)))
		m++;
	out("left %d\n", m);
	closedir(d);
	R(rmdir("many"));
}

CASE(cwd_gone)
{
	R(mkdir("here", 0755));
	R(chdir("here"));
	put("f", "in here");
	R(unlink("f"));
	R(rmdir("../here"));
	R(open("f", O_WRONLY | O_CREAT, 0644));
	R(open("f", O_RDONLY));
	R(unlink("f"));
	R(mkdir("x", 0755));
	R(chdir("/"));
}

/* A directory is moved away and another takes its place, while descriptors point to the first. */
CASE(dirfd_moved)
{
	int d = R(open("d", O_RDONLY | O_DIRECTORY)), fd;

	fd = R(openat(d, "a", O_WRONLY | O_CREAT | O_TRUNC, 0644));
	R(write(fd, "in the first d", 14));
	R(close(fd));
	R(rename("d", "was"));
	R(mkdir("d", 0755));
	fd = R(openat(d, "b", O_WRONLY | O_CREAT | O_TRUNC, 0644));
	R(write(fd, "in the first d too", 18));
	R(close(fd));
	put("d/a", "in the second d");
	put("d/b", "in the second d too");
	show("was/a");
	show("was/b");
	show("d/a");
	R(unlinkat(d, "a", 0));
	show("d/a");
	show("was/a");
	R(close(d));
}

CASE(symlink_swapped)
{
	R(mkdir("one", 0755));
	R(mkdir("two", 0755));
	R(symlink("one", "cur"));
	put("cur/f", "in one");
	R(unlink("cur"));
	R(symlink("two", "cur"));
	put("cur/f", "in two");
	show("one/f");
	show("two/f");
	show("cur/f");
	R(unlink("cur/f"));
	show("one/f");
	R(unlink("cur"));
	show("cur/f");
	put("lnk_target", "target");
	R(symlink("lnk_target", "lnk"));
	R(unlink("lnk"));
	show("lnk_target");
	put("lnk", "a file of its own");
	show("lnk");
	show("lnk_target");
}

CASE(exchange)
{
	put("a", "was a");
	put("b", "was b");
	R(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE));
	show("a");
	show("b");
	put("a", "new a");
	R(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE));
	R(unlink("b"));
	R(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE));
	show("b");
	R(renameat2(AT_FDCWD, "d", AT_FDCWD, "b", RENAME_EXCHANGE));
	show("d");
	show("b/in3");
}

CASE(odd_names)
{
	static const char *const names[] = {"with space", "-dash",  "new\nline", "\xff\xfe",
					    "..dots",     "trail.", "a'b\"c",    ".hidden",
					    "~",          "*"};
	char longest[256];

	memset(longest, 'n', 255);
	longest[255] = '\0';
	for (size_t i = 0; i < T_COUNT(names); i++) {
		put(names[i], names[i]);
		show(names[i]);
	}
	put(longest, "longest name");
	show(longest);
	R(unlink(longest));
	for (size_t i = 0; i < T_COUNT(names); i += 2)
		R(unlink(names[i]));
}

/* Each byte that a name may have, alone and in the middle */
CASE(any_byte)
{
	char name[3][8];

	OK(mkdir("bytes", 0755));
	OK(chdir("bytes"));
	for (int c = 1; c < 256; c++) {
		if (c == '/' || c == '.')
			continue;
		for (int i = 0; i < 3; i++)
			snprintf(name[i], sizeof(name[0]),
				 i == 0   ? "%c"
				 : i == 1 ? "a%cb"
					  : "%cm",
				 c);
		for (int i = 0; i < 3; i++)
			put(name[i], name[i]);
		show(name[0]);
		R(rename(name[1], "renamed"));
		R(rename("renamed", name[1]));
		R(unlink(name[2]));
		meta(name[2]);
	}
	OK(chdir(".."));
}

/* Deeper than any path may be long: by steps, and by descriptors */
CASE(deeper_than_paths)
{
	char name[201];
	int fd, up = 0;

	memset(name, 'd', 200);
	name[200] = '\0';
	OK(mkdir("top", 0755));
	OK(chdir("top"));
	for (int i = 0; i < 30; i++) {
		put("f", t_name("level %d", i));
		R(mkdir(name, 0755));
		R(chdir(name));
	}
	for (int i = 0; i < 40; i++)
		put(t_name("f%d", i), t_name("deep %d", i));
	R(getcwd(t_name("%d", 0), 4096) ? 0 : -1);
	show("f7");
	R(unlink("f8"));
	R(link("f9", "hard"));
	R(rename("f10", "renamed"));
	R(symlink("f11", "sym"));
	show("sym");
	meta("renamed");
	fd = (int)OK(open("..", O_RDONLY | O_DIRECTORY));
	RL("created by descriptor", close(openat(fd, "by", O_WRONLY | O_CREAT | O_TRUNC, 0600)));
	R(fstatat(fd, "by", &(struct stat){0}, 0));
	for (int i = 12; i < 40; i++)
		R(unlink(t_name("f%d", i)));
	close(fd);
	while (up < 31 && chdir("..") == 0)
		up++;
	show("top/f");
	show(t_name("top/%s/f", name));
}

static const struct t_case cases[] = {
	C(unlink_then_open),  C(create_unlink_create),
	C(unlink_while_open), C(unlink_of_hard_link),
	C(rename_pending),    C(rename_open),
	C(rename_dir),        C(link_pending),
	C(mkdir_rmdir),       C(rm_rf),
	C(unlink_in_listing), C(cwd_gone),
	C(dirfd_moved),       C(symlink_swapped),
	C(exchange),          C(odd_names),
	C(any_byte),          C(deeper_than_paths),
};

int main(int argc, char **argv)
{
	return t_main(argc, argv, cases, T_COUNT(cases), fixture);
}
