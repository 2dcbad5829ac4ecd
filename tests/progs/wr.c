/* SPDX-License-Identifier: MIT */
/* wr.c - patterns of writing: gaps, overlaps, offsets, vectors, appends, sizes, truncation */
#include "t.h"

#include <sys/file.h>
#include <sys/uio.h>

static void fixture(void)
{
	putn("old", 100, 1);
	putn("big", 5000, 2);
	putn("app", 20, 3);
}

static int fresh(const char *path, int flags)
{
	return (int)OK(open(path, flags | O_CREAT | O_TRUNC, 0644));
}

CASE(sequential)
{
	int fd = fresh("f", O_WRONLY);

	for (int i = 0; i < 50; i++)
		R(write(fd, &"0123456789"[i % 10], (size_t)(10 - i % 10)));
	R(close(fd));
	show("f");
}

CASE(gap)
{
	int fd = fresh("f", O_WRONLY);

	R(write(fd, "head", 4));
	R(lseek(fd, 20, SEEK_SET));
	R(write(fd, "tail", 4));
	show("f");
	R(lseek(fd, 10, SEEK_CUR));
	R(close(fd));
	show("f");
	fd = fresh("f", O_RDWR);
	R(lseek(fd, 5, SEEK_SET));
	R(write(fd, "later", 5));
	R(lseek(fd, 0, SEEK_SET));
	R(write(fd, "first", 5));
	R(close(fd));
	show("f");
	fd = fresh("f", O_WRONLY);
	R(lseek(fd, 100000, SEEK_SET));
	R(write(fd, "x", 1));
	R(close(fd));
	show("f");
}

CASE(seeks)
{
	int fd = fresh("f", O_RDWR);
	char b[20];

	R(lseek(fd, 0, SEEK_CUR));
	R(write(fd, "0123456789", 10));
	R(lseek(fd, 0, SEEK_CUR));
	R(lseek(fd, -3, SEEK_CUR));
	R(write(fd, "xyz!", 4));
	R(lseek(fd, -1, SEEK_END));
	R(write(fd, "??", 2));
	R(lseek(fd, -100, SEEK_CUR));
	R(lseek(fd, 0, 99));
	R(lseek(fd, 2, SEEK_SET));
	R(read(fd, b, 3));
	R(write(fd, "##", 2));
	R(lseek64(fd, 0, SEEK_CUR));
	R(close(fd));
	show("f");
	R(lseek(fd, 0, SEEK_CUR));
}

CASE(overlap)
{
	int fd = fresh("f", O_WRONLY);

	R(write(fd, "aaaaaaaaaa", 10));
	R(lseek(fd, 5, SEEK_SET));
	R(write(fd, "bbbbbbbbbb", 10));
	R(lseek(fd, 0, SEEK_SET));
	R(write(fd, "cc", 2));
	R(close(fd));
	show("f");
}

CASE(pwrites)
{
	int fd = fresh("f", O_WRONLY);

	R(pwrite(fd, "at ten", 6, 10));
	R(pwrite(fd, "at zero", 7, 0));
	R(write(fd, "W", 1));
	R(pwrite64(fd, "end", 3, 16));
	R(lseek(fd, 0, SEEK_CUR));
	R(pwrite(fd, "x", 1, -1));
	R(close(fd));
	show("f");
	fd = fresh("f", O_WRONLY);
	for (int i = 0; i < 10; i++)
		R(pwrite(fd, "sequence..", 10, i * 10));
	R(write(fd, "START", 5));
	R(close(fd));
	show("f");
	fd = fresh("f", O_WRONLY);
	R(write(fd, "0123456789", 10));
	R(pwrite(fd, "abc", 3, 10));
	R(write(fd, "xy", 2));
	R(close(fd));
	show("f");
}

CASE(vectors)
{
	static volatile int negative = -1, too_many = 100000;
	struct iovec v[4] = {
		{(char *)"one ", 4}, {NULL, 0}, {(char *)"two ", 4}, {(char *)"three", 5}};
	int fd = fresh("f", O_WRONLY);

	R(writev(fd, v, 4));
	R(writev(fd, v, 0));
	R(writev(fd, v, negative));
	R(writev(fd, v, too_many));
	R(pwritev(fd, v, 3, 13));
	R(pwritev2(fd, v, 3, -1, 0));
	R(pwritev(fd, v, 1, 0));
	R(close(fd));
	show("f");
}

CASE(zero_length)
{
	int fd = fresh("f", O_WRONLY);

	R(write(fd, "", 0));
	R(write(fd, NULL, 0));
	R(pwrite(fd, "", 0, 100));
	meta("f");
	R(close(fd));
	meta("f");
	fd = R(open("old", O_WRONLY | O_TRUNC));
	R(write(fd, "", 0));
	R(close(fd));
	meta("old");
}

CASE(append)
{
	int fd = R(open("app", O_WRONLY | O_APPEND)), other;

	R(write(fd, "+1", 2));
	other = R(open("app", O_WRONLY | O_APPEND));
	R(write(other, "+2", 2));
	R(write(fd, "+3", 2));
	R(lseek(fd, 0, SEEK_CUR));
	show("app");
	R(pwrite(fd, "+4", 2, 0));
	R(close(fd));
	R(close(other));
	show("app");
	fd = R(open("new", O_WRONLY | O_APPEND | O_CREAT | O_TRUNC, 0644));
	R(write(fd, "x", 1));
	show("new");
	R(write(fd, "y", 1));
	R(close(fd));
	show("new");
	fd = fresh("set", O_WRONLY);
	R(write(fd, "abc", 3));
	R(fcntl(fd, F_SETFL, O_APPEND));
	R(lseek(fd, 0, SEEK_SET));
	R(write(fd, "def", 3));
	R(close(fd));
	show("set");
	putn("log", 10, 4);
	fd = R(open("log", O_WRONLY | O_APPEND));
	R(write(fd, "appended", 8));
	R(close(fd));
	show("log");
}

/* A pending file is opened a second time before the first is closed. */
CASE(two_writers)
{
	int a = fresh("f", O_WRONLY), b;

	R(write(a, "aaaaaa", 6));
	b = R(open("f", O_WRONLY));
	R(write(b, "bbb", 3));
	R(write(a, "AAA", 3));
	show("f");
	R(close(b));
	R(write(a, "!", 1));
	show("f");
	b = R(open("f", O_WRONLY | O_TRUNC));
	R(write(a, "hole", 4));
	R(write(b, "start", 5));
	R(close(a));
	R(close(b));
	show("f");
}

CASE(without_trunc)
{
	int fd = R(open("old", O_WRONLY | O_CREAT, 0644));

	R(write(fd, "in place", 8));
	R(close(fd));
	show("old");
	fd = R(open("old", O_RDWR | O_CREAT, 0644));
	R(write(fd, "again", 5));
	R(ftruncate(fd, 10));
	R(close(fd));
	show("old");
}

CASE(trunc_twice)
{
	int fd, fd2;

	for (int i = 0; i < 3; i++) {
		fd = R(open("old", O_WRONLY | O_CREAT | O_TRUNC, 0644));
		R(write(fd, "content no. ", 12));
		R(write(fd, &"012"[i], 1));
		R(close(fd));
	}
	show("old");
	fd = R(open("old", O_WRONLY | O_TRUNC));
	fd2 = R(open("old", O_WRONLY | O_TRUNC));
	R(write(fd, "first", 5));
	R(write(fd2, "sec", 3));
	R(close(fd));
	R(close(fd2));
	show("old");
	fd = R(open("old", O_WRONLY | O_TRUNC));
	R(write(fd, "x", 1));
	fd2 = R(open("old", O_WRONLY | O_TRUNC));
	R(close(fd));
	R(close(fd2));
	show("old");
}

CASE(ftruncate)
{
	struct stat st;
	int fd = fresh("f", O_RDWR);

	R(write(fd, "0123456789", 10));
	R(ftruncate(fd, 5));
	R(write(fd, "abc", 3));
	R(fstat(fd, &st));
	out("size %ld\n", (long)st.st_size);
	R(ftruncate64(fd, 30));
	R(ftruncate(fd, -1));
	R(close(fd));
	show("f");
	R(ftruncate(fd, 3));
	fd = R(open("old", O_WRONLY | O_TRUNC));
	R(ftruncate(fd, 50));
	R(close(fd));
	show("old");
	fd = R(open("big", O_RDONLY));
	R(ftruncate(fd, 3));
	R(close(fd));
	fd = fresh("g", O_WRONLY);
	R(ftruncate(fd, 8));
	R(write(fd, "x", 1));
	R(close(fd));
	show("g");
	fd = fresh("g", O_WRONLY);
	R(write(fd, "0123456789", 10));
	R(ftruncate(fd, 10));
	R(ftruncate(fd, 0));
	R(close(fd));
	show("g");
}

/* Around the sizes where something could change: pages, the largest content held, beyond. */
CASE(sizes)
{
	static const size_t sizes[] = {1,     511,   512,    4095,   4096,   4097,   8192,
				       65535, 65536, 131072, 262143, 262144, 262145, 300000};

	for (size_t i = 0; i < T_COUNT(sizes); i++) {
		putn(t_name("s%zu", sizes[i]), sizes[i], (unsigned)i);
		putn("big", sizes[i], (unsigned)i + 100);
		show("big");
	}
	for (size_t i = 0; i < T_COUNT(sizes); i++)
		show(t_name("s%zu", sizes[i]));
	for (size_t i = 0; i < T_COUNT(sizes); i++)
		putn(t_name("s%zu", sizes[T_COUNT(sizes) - 1 - i]), sizes[i], (unsigned)i + 50);
	for (size_t i = 0; i < T_COUNT(sizes); i++)
		show(t_name("s%zu", sizes[i]));
}

/* One large file by many small writes: passes the largest content held on the way. */
CASE(grows_large)
{
	char b[1000];
	int fd = fresh("f", O_WRONLY);

	for (unsigned i = 0; i < 400; i++) {
		t_fill(b, sizeof(b), i);
		write_all(fd, b, sizeof(b));
		if (i == 100)
			meta("f");
	}
	R(lseek(fd, 0, SEEK_CUR));
	R(close(fd));
	show("f");
}

/* More in all than may be held. */
CASE(many_bytes)
{
	for (unsigned i = 0; i < 400; i++)
		putn(t_name("m%u", i), 200000, i);
	for (unsigned i = 0; i < 400; i += 37)
		show(t_name("m%u", i));
	for (unsigned i = 0; i < 400; i++)
		OK(unlink(t_name("m%u", i)));
	R(open("m5", O_RDONLY));
}

CASE(many_files)
{
	for (int round = 0; round < 3; round++)
		for (unsigned i = 0; i < 700; i++)
			putn(t_name("m%u", i), 10 + i + (round == 2 ? 5 : 0), i + (unsigned)round);
	for (unsigned i = 0; i < 700; i += 2)
		OK(unlink(t_name("m%u", i)));
	for (unsigned i = 0; i < 700; i += 50)
		show(t_name("m%u", i + i % 100 / 50));
}

/* The buffer is the caller's again when write returns. */
CASE(buffer_reuse)
{
	char b[100];

	for (unsigned i = 0; i < 20; i++) {
		int fd = fresh(t_name("b%u", i), O_WRONLY);

		t_fill(b, sizeof(b), i);
		write_all(fd, b, sizeof(b));
		memset(b, '-', sizeof(b));
		OK(close(fd));
	}
	for (unsigned i = 0; i < 20; i++)
		show(t_name("b%u", i));
}

/* Path and directory strings are the caller's again when open returns. */
CASE(path_reuse)
{
	char p[32];

	for (unsigned i = 0; i < 20; i++) {
		int fd;

		snprintf(p, sizeof(p), "p%u", i);
		fd = fresh(p, O_WRONLY);
		memset(p, 'X', sizeof(p));
		write_all(fd, "data", 4);
		OK(close(fd));
	}
	for (unsigned i = 0; i < 20; i++)
		show(t_name("p%u", i));
}

CASE(excl)
{
	for (int i = 0; i < 100; i++) {
		int fd = RL("O_EXCL", open(t_name("x%d", i), O_WRONLY | O_CREAT | O_EXCL, 0600));

		write_all(fd, "exclusive", 9);
		OK(close(fd));
	}
	for (int i = 0; i < 100; i += 9)
		RL("again", open(t_name("x%d", i), O_WRONLY | O_CREAT | O_EXCL, 0600));
	show("x99");
	R(open("f.lock", O_WRONLY | O_CREAT | O_EXCL, 0600));
	meta("f.lock");
	R(open("f.lock", O_WRONLY | O_CREAT | O_EXCL, 0600));
	R(unlink("f.lock"));
	R(open("f.lock", O_WRONLY | O_CREAT | O_EXCL, 0600));
}

/* Flags that are never deferred, mixed in. */
CASE(odd_flags)
{
	static const int flags[] = {O_SYNC,   O_DSYNC,   O_NONBLOCK, O_NOATIME,
				    O_NOCTTY, O_CLOEXEC, O_NOFOLLOW, O_ASYNC};
	int fd;

	for (size_t i = 0; i < T_COUNT(flags); i++) {
		fd = RL("open",
			open(t_name("o%zu", i), O_WRONLY | O_CREAT | O_TRUNC | flags[i], 0644));
		write_all(fd, "odd", 3);
		out("flags %o\n", fcntl(fd, F_GETFL));
		R(close(fd));
		show(t_name("o%zu", i));
	}
	fd = open(".", O_TMPFILE | O_RDWR, 0600);
	if (fd >= 0) {
		write_all(fd, "nameless", 8);
		R(linkat(AT_FDCWD, t_name("/proc/self/fd/%d", fd), AT_FDCWD, "named",
			 AT_SYMLINK_FOLLOW));
		OK(close(fd));
	}
	show("named");
	fd = R(open("created", O_RDONLY | O_CREAT, 0644));
	R(write(fd, "x", 1));
	R(close(fd));
	meta("created");
	fd = R(open("both", O_WRONLY | O_RDWR | O_CREAT, 0644));
	if (fd >= 0)
		R(close(fd));
	meta("both");
	fd = R(open("p", O_PATH | O_CREAT, 0644));
}

CASE(data_syncs)
{
	int fd = fresh("f", O_WRONLY);

	R(write(fd, "some", 4));
	R(fdatasync(fd));
	R(write(fd, " more", 5));
	R(fsync(fd));
	R(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE));
	R(write(fd, " data", 5));
	R(syncfs(fd));
	R(close(fd));
	show("f");
	R(fsync(fd));
	fd = R(open("old", O_WRONLY | O_TRUNC));
	R(fallocate(fd, 0, 0, 20));
	R(write(fd, "allocated", 9));
	R(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 9000));
	R(close(fd));
	show("old");
}

CASE(locks)
{
	struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = fresh("f", O_RDWR), other;

	R(write(fd, "locked", 6));
	R(fcntl(fd, F_SETLK, &fl));
	R(write(fd, " write", 6));
	show("f");
	fl.l_type = F_UNLCK;
	R(fcntl(fd, F_SETLK, &fl));
	R(write(fd, "!", 1));
	R(lockf(fd, F_TLOCK, 10));
	R(lockf(fd, F_ULOCK, 10));
	R(close(fd));
	show("f");
	fd = fresh("g", O_RDWR);
	R(write(fd, "flock", 5));
	other = R(open("g", O_RDWR));
	R(flock(fd, LOCK_EX | LOCK_NB));
	R(flock(other, LOCK_EX | LOCK_NB));
	R(write(fd, "ed", 2));
	R(close(fd));
	R(flock(other, LOCK_EX | LOCK_NB));
	R(close(other));
	show("g");
}

/* acl/ has a default ACL, made by the suite. */
CASE(acl_dir)
{
	for (int i = 0; i < 20; i++) {
		put(t_name("plain%d", i), "x");
		put(t_name("acl/f%d", i), "x");
	}
	OK(mkdir("acl/sub", 0750));
	put("acl/sub/f", "x");
	R(close((int)OK(open("acl/private", O_WRONLY | O_CREAT | O_EXCL, 0600))));
}

static const struct t_case cases[] = {
	C(sequential),  C(gap),          C(seeks),      C(overlap),     C(pwrites),
	C(vectors),     C(zero_length),  C(append),     C(two_writers), C(without_trunc),
	C(trunc_twice), C(ftruncate),    C(sizes),      C(grows_large), C(many_bytes),
	C(many_files),  C(buffer_reuse), C(path_reuse), C(excl),        C(odd_flags),
	C(data_syncs),  C(locks),        C(acl_dir),
};

int main(int argc, char **argv)
{
	return t_main(argc, argv, cases, T_COUNT(cases), fixture);
}
