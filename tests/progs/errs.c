/* SPDX-License-Identifier: MIT */
/* errs.c - what the stock call refuses is refused at the call, with the same errno */
#include "t.h"

#include <limits.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>

static void fixture(void)
{
	putn("old", 100, 1);
	putn("old2", 100, 2);
	OK(mkdir("d", 0755));
	putn("d/in", 100, 3);
	OK(symlink("old", "link"));
	OK(symlink("loop", "loop"));
	OK(symlink("d", "dlink"));
	OK(symlink("missing/x", "broken"));
	OK(mkfifo("fifo", 0644));
}

static int make(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
}

CASE(enoent)
{
	R(open("missing", O_RDONLY));
	R(open("missing", O_WRONLY | O_TRUNC));
	R(make("missing/x"));
	R(make("broken"));
	R(open("", O_RDONLY));
	R(make(""));
	R(unlink("missing"));
	R(unlink("missing/x"));
	R(unlink(""));
	R(unlinkat(AT_FDCWD, "missing", 0));
	R(creat("missing/x", 0644));
	R(openat(AT_FDCWD, "", O_WRONLY | O_CREAT, 0644));
	put("f", "x");
	R(unlink("f"));
	R(unlink("f"));
	R(open("f", O_WRONLY));
	R(make("f/"));
}

CASE(eexist)
{
	R(open("old", O_WRONLY | O_CREAT | O_EXCL, 0644));
	R(open("link", O_WRONLY | O_CREAT | O_EXCL, 0644));
	R(open("broken", O_WRONLY | O_CREAT | O_EXCL, 0644));
	R(open("d", O_WRONLY | O_CREAT | O_EXCL, 0644));
	R(open("loop", O_WRONLY | O_CREAT | O_EXCL, 0644));
	put("f", "x");
	R(open("f", O_WRONLY | O_CREAT | O_EXCL, 0644));
	R(mkdir("f", 0755));
	R(symlink("x", "f"));
	R(link("old", "f"));
	R(unlink("f"));
	R(open("f", O_WRONLY | O_CREAT | O_EXCL, 0644));
	R(open("f", O_WRONLY | O_CREAT | O_EXCL, 0644));
	putn("old", 100, 3);
	R(open("old", O_WRONLY | O_CREAT | O_EXCL, 0644));
	R(unlink("old"));
	R(open("old", O_WRONLY | O_CREAT | O_EXCL, 0644));
}

CASE(directories)
{
	R(open("d", O_WRONLY));
	R(open("d", O_RDWR));
	R(make("d"));
	R(make("d/"));
	R(make("dlink"));
	R(make("new/"));
	R(make("."));
	R(make(".."));
	R(make("/"));
	R(unlink("d"));
	R(unlink("d/"));
	R(unlink("dlink/"));
	R(unlink("."));
	R(unlink(".."));
	R(unlink("/"));
	R(unlinkat(AT_FDCWD, "d", 0));
	R(unlinkat(AT_FDCWD, "d", 12345));
	R(truncate("d", 0));
	R(open("d", O_RDONLY | O_TRUNC));
	R(open("d", O_RDONLY | O_CREAT, 0644));
	R(creat("d", 0644));
	R(rmdir("."));
	R(rmdir("d"));
	R(open("d", O_TMPFILE | O_RDONLY, 0644));
}

CASE(enotdir)
{
	R(make("old/x"));
	R(make("link/x"));
	R(open("old/", O_RDONLY));
	R(make("old/"));
	R(unlink("old/x"));
	R(unlink("old/"));
	R(rmdir("old"));
	put("f", "x");
	R(make("f/x"));
	R(unlink("f/x"));
	R(make("f/"));
	R(unlink("f/"));
	R(open("f/.", O_RDONLY));
	R(open("f/..", O_RDONLY));
	R(unlinkat(AT_FDCWD, "f", AT_REMOVEDIR));
	R(openat(1, "x", O_WRONLY | O_CREAT, 0644));
	R(unlinkat(1, "x", 0));
	R(open("old", O_RDONLY | O_DIRECTORY));
	R(open("nodir", O_RDONLY | O_DIRECTORY | O_CREAT, 0644));
	meta("nodir");
}

CASE(eloop)
{
	R(open("link", O_WRONLY | O_NOFOLLOW));
	R(open("link", O_WRONLY | O_NOFOLLOW | O_CREAT | O_TRUNC, 0644));
	R(open("broken", O_WRONLY | O_NOFOLLOW | O_CREAT | O_TRUNC, 0644));
	R(open("loop", O_WRONLY | O_CREAT, 0644));
	R(make("loop"));
	R(make("loop/x"));
	R(unlink("loop/x"));
	R(unlink("loop"));
	R(make("loop"));
	show("loop");
	meta("link");
	put("f", "x");
	R(symlink("f", "to_f"));
	R(open("to_f", O_WRONLY | O_NOFOLLOW));
	R(unlink("to_f"));
	R(open("to_f", O_WRONLY | O_CREAT | O_NOFOLLOW | O_TRUNC, 0644));
}

CASE(enametoolong)
{
	static char name[300], path[5000];

	memset(name, 'n', 256);
	R(make(name));
	R(unlink(name));
	R(open(name, O_RDONLY));
	name[255] = '\0';
	R(make(name));
	R(unlink(name));
	for (size_t i = 0; i < 4096; i += 2)
		memcpy(path + i, "./", 2);
	path[4096] = '\0';
	R(make(path));
	R(unlink(path));
	memcpy(path + 4092, "abc", 4);
	R(make(path));
	R(access("abc", F_OK));
	R(unlink(path));
	memcpy(path + 4092, "abcd", 5);
	R(make(path));
	R(unlink(path));
	snprintf(path, sizeof(path), "d/%s", name);
	R(make(path));
	path[2 + 255] = 'x';
	path[2 + 256] = '\0';
	R(make(path));
	R(unlink(path));
}

CASE(wrong_direction)
{
	char b[10];
	int fd = R(open("old", O_RDONLY));

	R(write(fd, "x", 1));
	R(pwrite(fd, "x", 1, 0));
	R(ftruncate(fd, 0));
	R(close(fd));
	fd = R(make("f"));
	R(read(fd, b, 1));
	R(write(fd, "x", 1));
	R(read(fd, b, 1));
	R(pread(fd, b, 1, 0));
	R(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
	R(close(fd));
	fd = R(open("g", O_RDONLY | O_CREAT, 0644));
	R(write(fd, "x", 1));
	R(close(fd));
	fd = R(open("f", O_PATH));
	R(write(fd, "x", 1));
	R(fchmod(fd, 0600));
	R(close(fd));
	fd = R(open("d", O_RDONLY));
	R(write(fd, "x", 1));
	R(read(fd, b, 1));
	show("f");
}

CASE(efault)
{
	const char *volatile null = NULL, *volatile minus = (const char *)-1L;
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec v[2] = {{(char *)"ok", 2}, {page + 4096, 10}};
	int fd;

	OK(mprotect(page + 4096, 4096, PROT_NONE));
	R(open(null, O_RDONLY));
	R(open(null, O_WRONLY | O_CREAT | O_TRUNC, 0644));
	R(open(minus, O_WRONLY | O_CREAT | O_TRUNC, 0644));
	R(open(page + 4096, O_WRONLY | O_CREAT | O_TRUNC, 0644));
	R(openat(AT_FDCWD, null, O_WRONLY | O_CREAT, 0644));
	R(creat(minus, 0644));
	R(unlink(null));
	R(unlink(minus));
	R(unlinkat(AT_FDCWD, null, 0));
	R(unlinkat(AT_FDCWD, page + 4096, 0));
	memset(page + 4090, 'p', 6);
	R(open(page + 4090, O_WRONLY | O_CREAT | O_TRUNC, 0644));
	R(unlink(page + 4090));
	memcpy(page + 4091, "edge", 5);
	fd = R(open(page + 4091, O_WRONLY | O_CREAT | O_TRUNC, 0644));
	R(write(fd, "x", 1));
	R(close(fd));
	R(access("edge", F_OK));
	fd = R(make("f"));
	R(write(fd, page + 4096, 10));
	R(write(fd, null, 10));
	R(write(fd, minus, 10));
	R(write(fd, "good", 4));
	R(write(fd, page + 4096, 10));
	R(write(fd, page + 4092, 10));
	R(writev(fd, v, 2));
	R(writev(fd, (struct iovec *)(page + 4096), 2));
	R(write(fd, "end", 3));
	R(futimens(fd, (struct timespec *)(page + 4096)));
	R(close(fd));
	meta("f");
	R(lstat(null, (struct stat *)page));
	R(lstat("f", (struct stat *)(page + 4096)));
	R(access(minus, F_OK));
	fd = R(open("old", O_RDWR | O_TRUNC));
	R(write(fd, page + 4096, 10));
	R(close(fd));
	meta("old");
}

/* Arguments nobody should give. */
CASE(einval)
{
	const struct timespec bad[2] = {{0, -5}, {0, 2000000000}};
	int fd;

	R(open("f", -1, 0644));
	R(open("f", O_WRONLY | O_CREAT | 0x40000000, 0644));
	R(open("g", O_WRONLY | O_CREAT, 0170777));
	meta("g");
	fd = R(make("f"));
	R(write(fd, "x", 1));
	R(futimens(fd, bad));
	R(write(fd, "yyy", (size_t)-1 > 1 ? 3 : 0));
	R(pwrite(fd, "x", 1, -5));
	R(ftruncate(fd, -1));
	R(fchmod(fd, 0170644));
	R(fchown(fd, (uid_t)-1, (gid_t)-1));
	R(lseek(fd, -1, SEEK_SET));
	R(close(fd));
	meta("f");
	R(open("g", O_WRONLY | O_CREAT | O_DIRECT | O_TRUNC, 0644) >= 0);
	R(unlinkat(99, "g", 0));
	R(openat(99, "g", O_RDONLY));
	R(unlinkat(99, "/nonexistent-file", 0));
}

/* Special files are not ours. */
CASE(special)
{
	int fd = R(open("fifo", O_WRONLY | O_NONBLOCK));

	R(open("fifo", O_WRONLY | O_NONBLOCK | O_TRUNC | O_CREAT, 0644));
	fd = R(open("fifo", O_RDWR | O_TRUNC | O_CREAT, 0644));
	R(write(fd, "through", 7));
	R(close(fd));
	fd = R(make("/dev/null"));
	R(write(fd, "nothing", 7));
	R(close(fd));
	fd = R(open("/dev/full", O_WRONLY | O_TRUNC));
	R(write(fd, "full", 4));
	R(close(fd));
	fd = R(open("/proc/self/comm", O_WRONLY | O_TRUNC));
	R(write(fd, "renamed", 7));
	R(close(fd));
	R(open("/proc/self/nothing", O_WRONLY | O_CREAT, 0644));
	R(unlink("/proc/self/comm"));
	R(unlink("fifo"));
	put("fifo", "a file now");
	show("fifo");
}

static void try_all(const char *path)
{
	int fd = RL("O_WRONLY", open(path, O_WRONLY));

	if (fd >= 0)
		close(fd);
	fd = RL("O_TRUNC", open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
	if (fd >= 0) {
		write_all(fd, "content", 7);
		RL("fchmod", fchmod(fd, 0600));
		RL("fchown", fchown(fd, 0, 0));
		RL("fchown self", fchown(fd, getuid(), (gid_t)-1));
		RL("futimens", futimens(fd, NULL));
		RL("close", close(fd));
	}
	RL("O_EXCL", open(path, O_WRONLY | O_CREAT | O_EXCL, 0644));
	RL("O_RDONLY", open(path, O_RDONLY));
	RL("unlink", unlink(path));
	RL("unlink again", unlink(path));
}

/* Run as a user without rights over what root_fixture() of the suite has put here. */
CASE(eacces)
{
	static const char *const paths[] = {
		"p/noread",    /* 0200, of root */
		"p/readonly",  /* 0444, of root */
		"p/secret",    /* 0600, of root */
		"p/mine0444",  /* 0444, own */
		"p/mine0000",  /* 0000, own */
		"noexec/f",    /* directory 0644 */
		"nowrite/f",   /* directory 0555 with a writable file */
		"nowrite/new", /* nothing there */
		"noread/f",    /* directory 0733 */
		"noread/new",  "sticky/root", "sticky/mine",  "sticky/new",
		"p/missing/x", "p/new",       "p/readonly/x",
	};

	for (size_t i = 0; i < T_COUNT(paths); i++) {
		out("-- %s\n", paths[i]);
		try_all(paths[i]);
	}
	R(chown("own", 0, 0));
	put("own", "pending");
	R(chown("own", 0, 0));
	R(chmod("own", 0));
	R(open("own", O_RDONLY));
	R(open("own", O_WRONLY | O_TRUNC));
	R(chmod("own", 0600));
	show("own");
	/* rights that go away between open and close do not matter; before open they do */
	OK(mkdir("dir", 0755));
	put("dir/a", "a");
	R(chmod("dir", 0555));
	R(make("dir/b"));
	R(unlink("dir/a"));
	R(chmod("dir", 0755));
	R(make("dir/b"));
	R(unlink("dir/a"));
	R(chmod("dir", 0));
	R(make("dir/c"));
	R(unlink("dir/b"));
	R(chmod("dir", 0755));
}

/*
 * A read-only file system at ro/, an immutable and an append-only file, where the suite made them.
 */
CASE(erofs)
{
	try_all("ro/f");
	try_all("ro/new");
	R(mkdir("ro/d", 0755));
	R(rename("old", "ro/old"));
	R(unlink("ro/d/x"));
	put("here", "elsewhere it works");
	show("here");
}

CASE(remounted)
{
	put("m/before", "x");
	R(system("mount -o remount,ro m") >= 0 ? 0 : -1);
	try_all("m/f");
	try_all("m/new");
	R(system("mount -o remount,rw m") >= 0 ? 0 : -1);
	try_all("m/new");
	show("m/before");
}

static int by_fork(const char *dir)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		execlp("umount", "umount", dir, NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status ? 0 : -1;
}

static int by_spawn(const char *dir)
{
	char *const argv[] = {"umount", (char *)dir, NULL};
	int status = 0;
	pid_t pid;

	errno = posix_spawnp(&pid, "umount", NULL, NULL, argv, environ);
	return !errno && waitpid(pid, &status, 0) == pid && !status ? 0 : -1;
}

static int by_system(const char *dir)
{
	(void)dir;
	return system("umount m") ? -1 : 0;
}

static int by_number(const char *dir)
{
	return (int)syscall(SYS_umount2, dir, 0);
}

/*
 * A file system can be unmounted in which something was made just now: no directory is held open.
 */
CASE(unmounted)
{
	int (*const ways[])(const char *) = {by_fork, by_spawn, by_system, by_number, umount};

	for (size_t i = 0; i < T_COUNT(ways); i++) {
		R(mount("fastio", "m", "tmpfs", 0, "size=64m"));
		put("m/f", "x");
		R(unlink("m/f"));
		put("m/g", "y");
		R(ways[i]("m"));
	}
}

CASE(immutable)
{
	try_all("fixed");
	try_all("appendonly");
	R(make("fixed_dir/new"));
	R(unlink("fixed_dir/f"));
	put("fixed_dir/f", "its content can change");
	show("fixed_dir/f");
	put("other", "x");
	show("other");
}

/* A small file system at small/, filled to the last byte by the suite or by ourselves. */
CASE(full)
{
	char b[100];
	int fd;

	memset(b, 'b', sizeof(b));
	fd = RL("create", make("small/new"));
	if (fd >= 0) {
		RL("write", (int)write(fd, b, sizeof(b)));
		RL("close", close(fd));
	}
	meta("small/new");
	RL("unlink", unlink("small/victim"));
	fd = RL("create", make("small/after"));
	RL("write", (int)write(fd, b, sizeof(b)));
	RL("close", close(fd));
	show("small/after");
}

CASE(fill)
{
	static char b[3000];
	int done = 0, fd, bad = 0;
	struct stat st;

	for (;; done++) {
		ssize_t r;

		fd = make(t_name("small/f%d", done));
		if (fd < 0)
			break;
		t_fill(b, sizeof(b), (unsigned)done);
		r = write(fd, b, sizeof(b));
		if (r != (ssize_t)sizeof(b)) {
			OK(close(fd));
			break;
		}
		if (close(fd) < 0)
			break;
	}
	out("%s\n", t_errno(errno));
	if (getenv("T_COUNT_FILES"))
		out("%d files\n", done);
	for (int i = 0; i < done; i++)
		if (stat(t_name("small/f%d", i), &st) < 0 || st.st_size != (off_t)sizeof(b))
			bad++;
	out("%d acknowledged files are not complete\n", bad);
	R(unlink("small/f0"));
	R(unlink("small/f1"));
	putn("small/f0", 1000, 1);
	show("small/f0");
}

/* Limits of the process. */
CASE(efbig)
{
	struct rlimit rl = {1000, RLIM_INFINITY};
	static char b[600];
	int fd;

	signal(SIGXFSZ, SIG_IGN);
	put("before", "x");
	R(setrlimit(RLIMIT_FSIZE, &rl));
	fd = R(make("f"));
	R(write(fd, b, sizeof(b)));
	R(write(fd, b, sizeof(b)));
	R(write(fd, b, sizeof(b)));
	R(close(fd));
	meta("f");
	rl.rlim_cur = RLIM_INFINITY;
	R(setrlimit(RLIMIT_FSIZE, &rl));
	putn("g", 5000, 1);
	meta("g");
}

static const struct t_case cases[] = {
	C(enoent),          C(eexist),    C(directories), C(enotdir), C(eloop),  C(enametoolong),
	C(wrong_direction), C(efault),    C(einval),      C(special), C(eacces), C(erofs),
	C(remounted),       C(unmounted), C(immutable),   C(full),    C(fill),   C(efbig),
};

int main(int argc, char **argv)
{
	return t_main(argc, argv, cases, T_COUNT(cases), fixture);
}
