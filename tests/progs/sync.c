/* SPDX-License-Identifier: MIT */
/*
 * sync.c - fsync, and names that wait for it (FASTIO_FSYNC=group)
 */
#include "t.h"

#include <dirent.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "../fault/progs/raw.h"

#define FILES 40

static void fixture(void)
{
	for (int i = 0; i < FILES; i += 3)
		put(t_name("final%d", i), "old");
	put("old", "0123456789");
	mkdir("d", 0755);
	mkdir("other", 0755);
}

/* Written, synced, closed. */
static void put_synced(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	OK(fd);
	write_all(fd, text, strlen(text));
	R(fsync(fd));
	R(close(fd));
}

static void publish(int i)
{
	const char *tmp = t_name("tmp%d", i), *final = t_name("final%d", i);

	put_synced(tmp, t_name("content %d", i));
	R(rename(tmp, final));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list(const char *path)
{
	char *names[256];
	struct dirent *e;
	size_t n = 0;
	DIR *d = opendir(path);

	while (d && n < T_COUNT(names) && (e = readdir(d)))
		names[n++] = strdup(e->d_name);
	qsort(names, n, sizeof(names[0]), by_name);
	out("%s:", path);
	for (size_t i = 0; i < n; i++)
		out(" %s", names[i]);
	out("\n");
	closedir(d);
}

CASE(create)
{
	for (int i = 0; i < FILES; i++)
		put_synced(t_name("f%d", i), t_name("content %d", i));
	for (int i = 0; i < FILES; i += 7)
		show(t_name("f%d", i));
}

CASE(rename)
{
	for (int i = 0; i < FILES; i++)
		publish(i);
	for (int i = 0; i < FILES; i += 7)
		show(t_name("final%d", i));
	list(".");
}

/* And the directory: the whole protocol of those who want it to be safe. */
CASE(rename_dir)
{
	for (int i = 0; i < FILES; i++) {
		int dir;

		publish(i);
		dir = open(".", O_RDONLY | O_DIRECTORY);
		R(fsync(dir));
		R(close(dir));
	}
	list(".");
}

CASE(link)
{
	for (int i = 0; i < FILES; i++) {
		const char *tmp = t_name("tmp%d", i), *to = t_name("d/%d", i);

		put_synced(tmp, t_name("content %d", i));
		R(link(tmp, to));
		R(unlink(tmp));
		if (i % 10 == 9) {
			R(unlink(tmp));
			R(link(tmp, to));
			meta(to);
		}
	}
	list("d");
}

/* What the process sees of its own renames, with something pending each time. */
CASE(own)
{
	char buf[16] = "";
	struct stat st;
	int fd;

	publish(0);
	usleep(2000); /* the file is made, and not yet renamed */
	meta("tmp0");
	publish(1);
	meta("final1");
	publish(2);
	show("final2");
	publish(3);
	show("tmp3");
	publish(4);
	list(".");
	publish(5);
	R(access("tmp5", F_OK));
	fd = open("final6", O_RDWR);
	publish(6);
	R(fstat(fd, &st));
	out("replaced: links %lu size %ld\n", (unsigned long)st.st_nlink, (long)st.st_size);
	close(fd);
	publish(7);
	R(rename("tmp7", "x"));
	publish(8);
	R(rename("final8", "chain"));
	R(rename("chain", "chain2"));
	show("chain2");
	publish(9);
	put("tmp9", "new under the old name");
	show("tmp9");
	show("final9");
	publish(10);
	R(unlink("final10"));
	meta("final10");
	publish(11);
	put_synced("tmp11", "again");
	R(rename("tmp11", "final11"));
	show("final11");
	publish(12);
	R(link("final12", "hard"));
	fd = open("hard", O_RDONLY);
	R(read(fd, buf, sizeof(buf)));
	close(fd);
	meta("final12");
	publish(13);
	R(mkdir("final13", 0755));
	R(rmdir("final13"));
	R(rename("final13", "d"));
	R(rename("final13", "missing/x"));
	R(renameat2(AT_FDCWD, "final13", AT_FDCWD, "final12", 1 /* RENAME_NOREPLACE */));
	R(renameat2(AT_FDCWD, "final13", AT_FDCWD, "final12", 2 /* RENAME_EXCHANGE */));
	show("final12");
	publish(14);
	R(symlink("final14", "s"));
	show("s");
	publish(15);
	R(rename("final15", "d/moved"));
	show("d/moved");
	put_synced("tmp16", "across");
	R(rename("tmp16", "other/final16"));
	list("other");
	put_synced("tmp17", "open");
	fd = open("tmp17", O_RDWR);
	R(rename("tmp17", "final17"));
	R(fstat(fd, &st));
	R(write(fd, "OPEN", 4));
	R(close(fd));
	show("final17");
}

CASE(errors)
{
	int fds[2], fd;

	put_synced("a", "pending");
	R(fsync(-1));
	R(fsync(999));
	OK(pipe(fds));
	R(fsync(fds[0]));
	close(fds[0]);
	close(fds[1]);
	fd = open("old", O_PATH);
	R(fsync(fd));
	close(fd);
	fd = open("old", O_RDONLY);
	R(fdatasync(fd));
	close(fd);
	put_synced("gone", "gone");
	fd = open("gone", O_RDONLY);
	R(unlink("gone"));
	R(fsync(fd));
	close(fd);
	fd = open("empty", O_WRONLY | O_CREAT, 0644);
	R(fsync(fd));
	R(close(fd));
	fd = open("more", O_WRONLY | O_CREAT, 0644);
	R(write(fd, "one", 3));
	R(fsync(fd));
	R(write(fd, "two", 3));
	R(fdatasync(fd));
	R(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE));
	R(sync_file_range(fd, 0, 0, 64));
	R(close(fd));
	show("more");
}

/* Files whose writes are synced as such. */
CASE(flagged)
{
	static const int how[] = {O_SYNC, O_DSYNC, O_SYNC | O_TRUNC, O_SYNC | O_EXCL};
	int fd;

	for (int i = 0; i < FILES; i++) {
		fd = open(t_name("f%d", i), O_WRONLY | O_CREAT | how[i % 4], 0644);
		OK(fd);
		write_all(fd, "text ", 5);
		if (i % 3 == 0)
			write_all(fd, "and more", 8);
		if (i > 30 && i % 2)
			out("%o\n", (unsigned)fcntl(fd, F_GETFL) & (O_SYNC | O_ACCMODE));
		if (i > 35) {
			R(fsync(fd));
			write_all(fd, ", synced", 8);
		}
		R(close(fd));
	}
	for (int i = 0; i < FILES; i++)
		show(t_name("f%d", i));
	fd = open("f1", O_WRONLY | O_CREAT | O_TRUNC | O_SYNC, 0644);
	write_all(fd, "again", 5);
	R(close(fd));
	fd = open("empty", O_WRONLY | O_CREAT | O_DSYNC, 0644);
	out("%o\n", (unsigned)fcntl(fd, F_GETFL) & (O_SYNC | O_ACCMODE));
	write_all(fd, "after a look", 12);
	R(close(fd));
	fd = open("aged", O_RDWR | O_CREAT | O_SYNC, 0644);
	write_all(fd, "one", 3);
	usleep(20000);
	write_all(fd, "two", 3);
	out("%o\n", (unsigned)fcntl(fd, F_GETFL) & (O_SYNC | O_ACCMODE));
	R(close(fd));
	list(".");
	show("f1");
	show("empty");
	show("aged");
}

/* Changes of what was there before come after what was synced before them. */
static void wal(void)
{
	int fd = open("old", O_RDWR);

	put_synced("log", "what is going to change");
	write_all(fd, "new", 3);
	put_synced("log2", "next");
	OK(ftruncate(fd, 5));
	put_synced("log3", "next");
	OK(pwrite(fd, "x", 1, 2));
	put_synced("log4", "next");
	close(fd);
	fd = open("old", O_WRONLY | O_TRUNC);
	write_all(fd, "other", 5);
	close(fd);
	put_synced("log5", "next");
	OK(chmod("old", 0600));
}

CASE(order)
{
	publish(0);
	publish(1);
	put_synced("tmp", "linked");
	R(link("tmp", "linked"));
	R(unlink("tmp"));
	put_synced("log0", "next");
	R(unlink("final3"));
	wal();
}

/* Nothing but the end of the process finishes it: no notes. */
CASE(ended)
{
	for (int i = 0; i < 5; i++) {
		const char *tmp = t_name("tmp%d", i);
		int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC, 0644);

		write_all(fd, "new", 3);
		OK(fsync(fd));
		OK(close(fd));
		OK(rename(tmp, t_name("final%d", i)));
	}
}

CASE(mapped)
{
	int fd = open("old", O_RDWR);
	char *p = mmap(NULL, 10, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	put_synced("a", "strict from now on");
	p[0] = 'X';
	R(msync(p, 10, MS_SYNC));
	R(fsync(fd));
	close(fd);
}

static void *publisher(void *arg)
{
	int n = (int)(intptr_t)arg;

	for (int i = 0; i < 200; i++) {
		const char *tmp = t_name("tmp%d.%d", n, i);
		const char *final = t_name("shared%d", i % 5 ? 1000 * n + i : i);
		int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC, 0644);

		if (fd < 0 || write(fd, "same", 4) != 4 || fsync(fd) || close(fd))
			out("%s: %s\n", tmp, t_errno(errno));
		if (i % 7 == 3) {
			if (link(tmp, t_name("link%d.%d", n, i)) || unlink(tmp))
				out("link %s: %s\n", tmp, t_errno(errno));
		} else if (rename(tmp, final)) {
			out("rename %s: %s\n", tmp, t_errno(errno));
		} else if (access(tmp, F_OK) == 0) {
			out("%s is still there\n", tmp);
		}
	}
	return NULL;
}

CASE(threads)
{
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, publisher, (void *)(intptr_t)i);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	list(".");
}

/* Killed at an instant that no barrier announces. */
CASE(killed)
{
	for (int i = 0; i < 25; i++)
		publish(i);
	put_synced("tmp", "linked");
	R(link("tmp", "linked"));
	R(unlink("tmp"));
	t_flush();
	RAW(SYS_kill, getpid(), SIGKILL, 0, 0);
}

/* With a failing sync: told by the next call that can, or at exit. */
CASE(failing)
{
	int fd;

	put_synced("tmp", "new");
	R(rename("tmp", "final0"));
	put_synced("lone", "text");
	fd = open("d", O_RDONLY | O_DIRECTORY);
	R(fsync(fd));
}

static const struct t_case cases[] = {C(create),  C(rename),  C(rename_dir), C(link),  C(own),
				      C(errors),  C(flagged), C(order),      C(ended), C(mapped),
				      C(threads), C(killed),  C(failing)};

int main(int argc, char **argv)
{
	return t_main(argc, argv, cases, T_COUNT(cases), fixture);
}
