/* SPDX-License-Identifier: MIT */
/* fds.c - descriptor numbers, flags and sharing while files are deferred */
#include "t.h"

#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

static void fixture(void)
{
	for (int i = 0; i < 8; i++)
		putn(t_name("old%d", i), 100, (unsigned)i);
	OK(mkdir("d", 0755));
}

static int make(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
}

CASE(lowest)
{
	int fd[10];

	for (int i = 0; i < 6; i++) {
		fd[i] = RL("open", make(t_name("f%d", i)));
		write_all(fd[i], "x", 1);
	}
	R(close(fd[2]));
	R(close(fd[4]));
	R(make("g0"));
	R(open("old0", O_RDONLY));
	R(make("g1"));
	R(dup(fd[0]));
	R(close(0));
	R(make("g2"));
	R(write(0, "as fd 0", 7));
	R(close(0));
	R(open("old1", O_RDONLY));
	R(close(fd[0]));
	R(socket(AF_UNIX, SOCK_STREAM, 0));
	for (int i = 0; i < 8; i++) {
		int f = RL("again", make(t_name("h%d", i)));

		write_all(f, "y", 1);
		R(close(f));
	}
	show("g2");
	R(open("d", O_RDONLY | O_DIRECTORY));
	R(openat(AT_FDCWD, "old2", O_WRONLY | O_TRUNC));
}

CASE(reuse)
{
	for (int i = 0; i < 30; i++) {
		int a = RL("a", make(t_name("f%d", i))), b = RL("b", make(t_name("g%d", i)));

		write_all(a, "first", 5);
		write_all(b, "second", 6);
		R(close(a));
		a = RL("c", open(t_name("old%d", i % 8), O_WRONLY | O_TRUNC));
		write_all(a, "third", 5);
		R(close(b));
		b = RL("d", open(t_name("f%d", i), O_RDONLY));
		t_rest("read", b);
		R(close(b));
		R(close(a));
	}
}

CASE(closed_is_closed)
{
	char b[10];
	struct stat st;
	int fd = R(make("f"));

	R(write(fd, "data", 4));
	R(close(fd));
	R(close(fd));
	R(write(fd, "x", 1));
	R(pwrite(fd, "x", 1, 0));
	R(read(fd, b, 1));
	R(lseek(fd, 0, SEEK_SET));
	R(fstat(fd, &st));
	R(fchmod(fd, 0600));
	R(fchown(fd, 0, 0));
	R(futimens(fd, NULL));
	R(ftruncate(fd, 0));
	R(fsync(fd));
	R(dup(fd));
	R(dup2(fd, 9));
	R(fcntl(fd, F_GETFD));
	R(fcntl(fd, F_GETFL));
	R(openat(fd, "x", O_RDONLY));
	R(unlinkat(fd, "x", 0));
	R(write(-1, "x", 1));
	R(close(-1));
	R(write(1000000, "x", 1));
	R(close(1000000));
	R(fchmod(-1, 0600));
	show("f");
}

CASE(dup)
{
	int fd = R(make("f")), a, b, c;

	R(write(fd, "one ", 4));
	a = R(dup(fd));
	R(write(a, "two ", 4));
	R(write(fd, "three ", 6));
	R(lseek(a, 0, SEEK_CUR));
	show("f");
	R(close(fd));
	R(write(a, "four ", 5));
	b = R(fcntl(a, F_DUPFD, 20));
	c = R(fcntl(a, F_DUPFD_CLOEXEC, 20));
	R(fcntl(b, F_GETFD));
	R(fcntl(c, F_GETFD));
	R(write(c, "five ", 5));
	R(close(a));
	R(close(c));
	R(write(b, "six", 3));
	R(close(b));
	show("f");
	fd = R(make("g"));
	R(write(fd, "held", 4));
	a = R(fcntl(fd, F_DUPFD, 0));
	R(close(fd));
	R(write(a, " kept", 5));
	R(close(a));
	show("g");
}

CASE(dup2)
{
	int f = R(make("f")), g = R(make("g")), h;

	R(write(f, "in f", 4));
	R(write(g, "in g", 4));
	R(dup2(f, g));
	R(write(g, " by g", 5));
	show("f");
	show("g");
	R(close(f));
	R(write(g, " end", 4));
	R(close(g));
	show("f");
	f = R(make("f"));
	R(write(f, "over", 4));
	h = R(open("old0", O_RDONLY));
	R(dup2(h, f));
	R(write(f, "x", 1));
	t_rest("f is old0", f);
	R(close(h));
	R(close(f));
	show("f");
	f = R(make("f"));
	R(write(f, "to itself", 9));
	R(dup2(f, f));
	R(dup3(f, f, 0));
	R(dup3(f, 30, O_CLOEXEC));
	R(fcntl(30, F_GETFD));
	R(write(30, " by 30", 6));
	R(dup2(f, -1));
	R(dup2(f, 1 << 30));
	R(dup2(99, f));
	R(write(f, " still", 6));
	R(close(f));
	R(close(30));
	show("f");
	f = R(make("k"));
	R(write(f, "to high", 7));
	R(dup2(f, 500));
	R(close(f));
	R(close(500));
	show("k");
}

CASE(close_range)
{
	int fd[6];

	for (int i = 0; i < 6; i++) {
		fd[i] = (int)OK(make(t_name("f%d", i)));
		write_all(fd[i], t_name("content %d", i), 9);
	}
	R(close_range((unsigned)fd[1], (unsigned)fd[3], 0));
	R(write(fd[2], "x", 1));
	R(write(fd[4], "more", 4));
	R(close_range((unsigned)fd[4], ~0u, CLOSE_RANGE_CLOEXEC));
	R(fcntl(fd[4], F_GETFD));
	R(write(fd[4], "more", 4));
	R(make("g"));
	R(close_range(5, 4, 0));
	R(close_range(3, ~0u, 0));
	R(make("h"));
	for (int i = 0; i < 6; i++)
		show(t_name("f%d", i));
	closefrom(3);
	R(make("i"));
	R(write(3, "after closefrom", 15));
	closefrom(0);
	R(make("j"));
	R(write(0, "fd zero", 7));
	R(dup2(0, 1));
	R(ftruncate(0, 0));
	R(lseek(0, 0, SEEK_SET));
	out("this goes to j\n");
}

/* What daemons and shells do, in the middle of work. */
CASE(close_all)
{
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 4; i++) {
			int fd = (int)OK(make(t_name("r%d_%d", round, i)));

			write_all(fd, "work", 4);
			if (i % 2)
				OK(close(fd));
		}
		putn(t_name("old%d", round), 100, 50);
		OK(unlink(t_name("old%d", round + 1)));
		for (int fd = 3; fd < 1024; fd++)
			if (close(fd) == 0)
				out("closed %d\n", fd);
			else if (errno != EBADF)
				out("close %d: %s\n", fd, t_errno(errno));
		R(make("next"));
		R(close(3));
	}
	for (int round = 0; round < 5; round++)
		for (int i = 0; i < 4; i++)
			show(t_name("r%d_%d", round, i));
	for (int fd = 3; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			out("open: %d\n", fd);
	for (int fd = 3; fd < 1024; fd++)
		syscall(SYS_close, fd);
	put("last", "after raw closes");
	show("last");
}

/* dup2 to every number: a hidden descriptor must move out of the way or be passed over. */
CASE(dup2_all)
{
	put("f", "before");
	for (int fd = 3; fd < 1024; fd++)
		if (dup2(1, fd) != fd)
			out("dup2 %d: %s\n", fd, t_errno(errno));
	R(make("g"));
	for (int fd = 3; fd < 1024; fd++)
		if (close(fd) < 0)
			out("close %d: %s\n", fd, t_errno(errno));
	put("h", "after");
	show("f");
	show("h");
}

CASE(cloexec)
{
	int fd = R(open("f", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));

	R(fcntl(fd, F_GETFD));
	R(write(fd, "x", 1));
	R(fcntl(fd, F_SETFD, 0));
	R(fcntl(fd, F_GETFD));
	R(write(fd, "y", 1));
	R(close(fd));
	fd = R(make("f"));
	R(fcntl(fd, F_GETFD));
	R(fcntl(fd, F_SETFD, FD_CLOEXEC));
	R(write(fd, "z", 1));
	R(fcntl(fd, F_GETFD));
	R(close(fd));
	show("f");
	fd = R(make("f"));
	R(fcntl(fd, F_GETFD));
}

CASE(status_flags)
{
	static const int flags[] = {O_WRONLY,
				    O_RDWR,
				    O_WRONLY | O_NONBLOCK,
				    O_RDWR | O_APPEND,
				    O_WRONLY | O_NOFOLLOW,
				    O_WRONLY | O_NOCTTY,
				    O_WRONLY | O_NOATIME};

	for (size_t i = 0; i < T_COUNT(flags); i++) {
		const char *name = t_name("s%zu", i);
		int fd = RL("open", open(name, flags[i] | O_CREAT | O_TRUNC, 0644));

		out("fl %o fd %d\n", fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
		write_all(fd, "x", 1);
		out("fl %o\n", fcntl(fd, F_GETFL));
		R(fcntl(fd, F_SETFL, O_NONBLOCK));
		out("fl %o\n", fcntl(fd, F_GETFL));
		write_all(fd, "y", 1);
		OK(close(fd));
		fd = RL("open64", open64(name, flags[i]));
		out("fl %o\n", fcntl(fd, F_GETFL));
		OK(close(fd));
	}
	R(fcntl(make("n"), F_GETOWN));
	R(fcntl(3, F_GETPIPE_SZ));
	R(fcntl(3, F_GETLEASE));
	R(fcntl(3, 12345));
}

static void mode_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		out("%s: %s\n", path, t_errno(errno));
	else
		out("%s: %o %u:%u\n", path, st.st_mode, st.st_uid, st.st_gid);
}

CASE(umask)
{
	static const mode_t masks[] = {0, 022, 077, 027, 0777, 0};
	int fd;

	for (size_t i = 0; i < T_COUNT(masks); i++) {
		umask(masks[i]);
		put(t_name("u%zu", i), "x");
		fd = (int)OK(open(t_name("v%zu", i), O_WRONLY | O_CREAT | O_TRUNC, 0777));
		write_all(fd, "y", 1);
		umask(masks[(i + 1) % T_COUNT(masks)]);
		OK(close(fd));
		fd = (int)OK(open(t_name("w%zu", i), O_WRONLY | O_CREAT | O_TRUNC, 07777));
		umask(0111);
		write_all(fd, "y", 1);
		OK(close(fd));
	}
	umask(022);
	for (size_t i = 0; i < T_COUNT(masks); i++) {
		mode_of(t_name("u%zu", i));
		mode_of(t_name("v%zu", i));
		mode_of(t_name("w%zu", i));
	}
	fd = R(open("sticky", O_WRONLY | O_CREAT | O_TRUNC, 01644));
	R(write(fd, "x", 1));
	R(close(fd));
	mode_of("sticky");
	fd = R(open("nomode", O_WRONLY | O_CREAT | O_TRUNC, 0));
	R(write(fd, "x", 1));
	R(close(fd));
	mode_of("nomode");
	fd = R(open("readonly", O_RDWR | O_CREAT | O_TRUNC, 0444));
	R(write(fd, "x", 1));
	R(close(fd));
	mode_of("readonly");
}

CASE(setgid_dir)
{
	R(mkdir("sg", 0777));
	R(chown("sg", (uid_t)-1, 33));
	R(chmod("sg", 02777));
	put("sg/f", "x");
	mode_of("sg/f");
	R(mkdir("sg/sub", 0755));
	mode_of("sg/sub");
	put("sg/sub/g", "x");
	mode_of("sg/sub/g");
	OK(close((int)OK(open("sg/x", O_WRONLY | O_CREAT | O_EXCL, 02755))));
	mode_of("sg/x");
}

CASE(owner)
{
	int fd;

	R(mkdir("wide", 0777));
	R(chmod("wide", 0777));
	put("wide/root", "x");
	R(setegid(44));
	put("wide/gid", "x");
	R(seteuid(55));
	put("wide/uid", "x");
	fd = R(make("wide/open"));
	R(write(fd, "by 55", 5));
	R(seteuid(0));
	R(write(fd, " then 0", 7));
	R(close(fd));
	R(setegid(0));
	put("wide/again", "x");
	mode_of("wide/root");
	mode_of("wide/gid");
	mode_of("wide/uid");
	mode_of("wide/open");
	mode_of("wide/again");
	put("mine", "x");
	R(setuid(55));
	R(make("denied"));
	R(unlink("mine"));
	R(open("mine", O_WRONLY));
	put("wide/low", "x");
	mode_of("wide/low");
	R(unlink("wide/root"));
}

/* The same number of descriptors can be opened as in stock. */
static void nofile(rlim_t n)
{
	struct rlimit rl = {n, n};
	int got = 0, fd;

	put("before", "limit");
	R(setrlimit(RLIMIT_NOFILE, &rl));
	put("under", "limit");
	for (;;) {
		fd = make(t_name("f%d", got));
		if (fd < 0)
			break;
		write_all(fd, "x", 1);
		got++;
	}
	out("%d, then %s\n", got, t_errno(errno));
	R(make("more"));
	R(open("old0", O_RDONLY));
	R(dup(1));
	R(close(5));
	R(make("more"));
	R(unlink("old1"));
	R(close(4));
	for (int i = 0; i < 20; i++)
		put(t_name("one%d", i), "with one descriptor left");
	for (fd = 3; fd < (int)n; fd++)
		OK(close(fd));
	put("after", "limit");
	show("after");
	show("one19");
	show("f0");
}

CASE(nofile16)
{
	nofile(16);
}

CASE(nofile64)
{
	nofile(64);
}

CASE(nofile_none_left)
{
	struct rlimit rl = {3, 3};

	put("x", "y");
	R(setrlimit(RLIMIT_NOFILE, &rl));
	R(make("f"));
	R(open("old0", O_WRONLY | O_TRUNC));
	R(open("old0", O_RDONLY));
	R(unlink("old1"));
	R(unlink("missing"));
	meta("f");
	meta("old0");
}

/* Thousands open at once, all with data held. */
/* Run with a small limit from the start. */
static void until_none_left(const char *what, int (*more)(int fd[2]))
{
	int fd[2], last = 2, n = 0;

	while (more(fd) == 0) {
		if (fd[0] != last + 1)
			out("%s: %d after %d\n", what, fd[0], last);
		last = fd[1];
		n++;
	}
	out("%d %s, up to %d, then %s\n", n, what, last, t_errno(errno));
	for (int i = 3; i <= last; i++)
		OK(close(i));
	put(t_name("after_%s", what), "text");
}

static int one_socket(int fd[2])
{
	fd[0] = fd[1] = socket(AF_UNIX, SOCK_STREAM, 0);
	return fd[0] < 0 ? -1 : 0;
}

static int one_eventfd(int fd[2])
{
	fd[0] = fd[1] = eventfd(0, 0);
	return fd[0] < 0 ? -1 : 0;
}

static int one_pair(int fd[2])
{
	return socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
}

CASE(sockets_none_left)
{
	for (int i = 0; i < 20; i++)
		put(t_name("first%d", i), "text");
	until_none_left("sockets", one_socket);
	until_none_left("eventfds", one_eventfd);
	until_none_left("pairs", one_pair);
	until_none_left("pipes", pipe);
}

CASE(many_open)
{
	struct rlimit rl;
	static int fd[3000];

	OK(getrlimit(RLIMIT_NOFILE, &rl));
	rl.rlim_cur = rl.rlim_max > 4096 ? 4096 : rl.rlim_max;
	OK(setrlimit(RLIMIT_NOFILE, &rl));
	for (int i = 0; i < 900; i++) {
		fd[i] = make(t_name("d/f%d", i));
		if (fd[i] != i + 3)
			out("%d: %d %s\n", i, fd[i], t_errno(errno));
		write_all(fd[i], t_name("%04d", i), 4);
	}
	for (int i = 0; i < 900; i += 2)
		OK(close(fd[i]));
	for (int i = 1; i < 900; i += 2)
		write_all(fd[i], " more", 5);
	show("d/f0");
	show("d/f899");
	for (int i = 1; i < 900; i += 2)
		OK(close(fd[i]));
	for (int i = 0; i < 900; i += 100)
		show(t_name("d/f%d", i));
	show("d/f899");
}

/* A descriptor sent to a second process and to ourselves. */
CASE(scm_rights)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} ctl = {0};
	char byte = 'x';
	struct iovec v = {&byte, 1};
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &ctl, .msg_controllen = sizeof(ctl)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int s[2], fd, got;

	OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	fd = R(open("f", O_RDWR | O_CREAT | O_TRUNC, 0644));
	R(write(fd, "before", 6));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	R(sendmsg(s[0], &m, 0));
	m.msg_controllen = sizeof(ctl);
	R(recvmsg(s[1], &m, 0));
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	out("got %d\n", got);
	R(write(got, " by the other", 13));
	R(write(fd, " and by the first", 17));
	R(lseek(got, 0, SEEK_CUR));
	R(close(fd));
	R(close(got));
	show("f");
}

/* The program takes every number itself, the library's included, by ways it may not know. */
CASE(raw_syscalls)
{
	int fd = R(make("f"));

	R(write(fd, "held ", 5));
	R(syscall(SYS_write, fd, "raw ", 4));
	R(write(fd, "held ", 5));
	R(syscall(SYS_dup2, fd, 40));
	R(write(40, "dup ", 4));
	R(syscall(SYS_close, fd));
	R(write(fd, "x", 1));
	R(syscall(SYS_close, 40));
	R(close(40));
	show("f");
	fd = R((int)syscall(SYS_openat, AT_FDCWD, "g", O_WRONLY | O_CREAT | O_TRUNC, 0644));
	R(write(fd, "opened raw", 10));
	R(close(fd));
	show("g");
	R(syscall(SYS_unlink, "g"));
	meta("g");
}

/* A descriptor taken out of a process, here our own, by another way than dup. */
CASE(pidfd_getfd)
{
	int fd = (int)OK(open("f", O_WRONLY | O_CREAT | O_TRUNC, 0644)), self, taken;

	write_all(fd, "one ", 4);
	self = (int)OK(syscall(SYS_pidfd_open, getpid(), 0));
	taken = (int)OK(syscall(SYS_pidfd_getfd, self, fd, 0));
	R(write(taken, "two", 3));
	R(close(fd));
	R(close(taken));
	R(close(self));
	show("f");
}

static const struct t_case cases[] = {
	C(pidfd_getfd),
	C(lowest),
	C(reuse),
	C(closed_is_closed),
	C(dup),
	C(dup2),
	C(close_range),
	C(close_all),
	C(dup2_all),
	C(cloexec),
	C(status_flags),
	C(umask),
	C(setgid_dir),
	C(owner),
	C(nofile16),
	C(nofile64),
	C(nofile_none_left),
	C(sockets_none_left),
	C(many_open),
	C(scm_rights),
	C(raw_syscalls),
};

int main(int argc, char **argv)
{
	return t_main(argc, argv, cases, T_COUNT(cases), fixture);
}
