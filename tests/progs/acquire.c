/* SPDX-License-Identifier: MIT */
/*
 * acquire.c - who was told of another's progress sees what the other has done
 *
 * The program makes a directory and files in it, so the library may believe to know what is there.
 * A child puts one more name there and tells; an exclusive create of that name must then fail.
 */
#include "t.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

static int go[2];  /* the parent lets the child work */
static int own[2]; /* never leaves the parent */
static int told[2];
static int epoll;
static volatile sig_atomic_t signalled;

/* Exclusive creates are taken for locks until there have been many. */
static void files(int from, int to)
{
	for (int i = from; i < to; i++) {
		int fd = (int)OK(open(t_name("d/f%d", i), O_WRONLY | O_CREAT | O_EXCL, 0644));

		write_all(fd, "0123456789", 10);
		OK(close(fd));
	}
}

static void believe(void)
{
	OK(mkdir("d", 0755));
	files(0, 40);
}

static void verify(void)
{
	files(40, 44);
	RL("open d/x", open("d/x", O_WRONLY | O_CREAT | O_EXCL, 0600));
	putn("d/last", 100, 1);
	show("d/x");
}

static void put_x(void)
{
	int fd = (int)OK(open("d/x", O_WRONLY | O_CREAT | O_EXCL, 0644));

	write_all(fd, "other", 5);
	close(fd);
}

/* Starts the child, which waits, works, and tells. */
static pid_t partner(void (*tell)(void))
{
	pid_t pid;
	char b;

	OK(pipe(go));
	t_flush();
	pid = fork();
	if (pid)
		return pid;
	OK(read(go[0], &b, 1));
	put_x();
	tell();
	t_leave(0);
}

static void start(void)
{
	OK(write(go[1], "x", 1));
}

static void tell_pipe(void)
{
	OK(write(told[1], "12345678", 8));
}

static void tell_signal(void)
{
	OK(kill(getppid(), SIGUSR1));
}

static void tell_exit(void)
{
}

static void on_signal(int sig)
{
	signalled = sig;
}

static void on_signal_wake(int sig)
{
	int err = errno;
	ssize_t n = write(own[1], "x", 1);

	(void)n;
	(void)sig;
	errno = err;
}

#define WITH_PIPE OK(pipe(told))

CASE(read)
{
	char b[8];

	WITH_PIPE;
	partner(tell_pipe);
	believe();
	start();
	OK(read(told[0], b, 8));
	verify();
}

CASE(recv)
{
	char b[8];

	OK(socketpair(AF_UNIX, SOCK_STREAM, 0, told));
	partner(tell_pipe);
	believe();
	start();
	OK(recv(told[0], b, 8, 0));
	verify();
}

CASE(eventfd)
{
	eventfd_t v;

	told[0] = told[1] = (int)OK(eventfd(0, 0));
	partner(tell_pipe);
	believe();
	start();
	OK(eventfd_read(told[0], &v));
	verify();
}

CASE(poll)
{
	struct pollfd p[2];

	WITH_PIPE;
	partner(tell_pipe);
	OK(pipe(own));
	p[0] = (struct pollfd){own[0], POLLIN, 0};
	p[1] = (struct pollfd){told[0], POLLIN, 0};
	believe();
	start();
	OK(poll(p, 2, -1));
	verify();
}

CASE(select)
{
	fd_set set;

	WITH_PIPE;
	partner(tell_pipe);
	OK(pipe(own));
	believe();
	start();
	FD_ZERO(&set);
	FD_SET(told[0], &set);
	FD_SET(own[0], &set);
	OK(select(FD_SETSIZE, &set, NULL, NULL, NULL));
	verify();
}

/* An epoll with a waker of our own and with the shared pipe. */
static void epoll_case(uint64_t data_own, uint64_t data_told, bool own_first)
{
	struct epoll_event mine = {.events = EPOLLIN, .data.u64 = data_own};
	struct epoll_event theirs = {.events = EPOLLIN, .data.u64 = data_told};

	WITH_PIPE;
	partner(tell_pipe);
	OK(pipe(own));
	epoll = (int)OK(epoll_create1(0));
	if (own_first)
		OK(epoll_ctl(epoll, EPOLL_CTL_ADD, own[0], &mine));
	OK(epoll_ctl(epoll, EPOLL_CTL_ADD, told[0], &theirs));
	if (!own_first)
		OK(epoll_ctl(epoll, EPOLL_CTL_ADD, own[0], &mine));
	believe();
	start();
	OK(epoll_wait(epoll, &mine, 1, -1));
	verify();
}

CASE(epoll)
{
	epoll_case(1, 2, true);
}

CASE(epoll_same_data)
{
	epoll_case(7, 7, true);
}

CASE(epoll_same_data_later)
{
	epoll_case(7, 7, false);
}

/* MOD gives the shared member the waker's data. */
CASE(epoll_mod)
{
	struct epoll_event mine = {.events = EPOLLIN, .data.u64 = 1};
	struct epoll_event theirs = {.events = EPOLLIN, .data.u64 = 2};

	WITH_PIPE;
	partner(tell_pipe);
	OK(pipe(own));
	epoll = (int)OK(epoll_create1(0));
	OK(epoll_ctl(epoll, EPOLL_CTL_ADD, own[0], &mine));
	OK(epoll_ctl(epoll, EPOLL_CTL_ADD, told[0], &theirs));
	theirs.data.u64 = 1;
	OK(epoll_ctl(epoll, EPOLL_CTL_MOD, told[0], &theirs));
	believe();
	start();
	OK(epoll_wait(epoll, &mine, 1, -1));
	verify();
}

/* The shared member is added through another number of the same epoll. */
CASE(epoll_dup)
{
	struct epoll_event mine = {.events = EPOLLIN, .data.u64 = 3};

	WITH_PIPE;
	partner(tell_pipe);
	OK(pipe(own));
	epoll = (int)OK(epoll_create1(0));
	OK(epoll_ctl(epoll, EPOLL_CTL_ADD, own[0], &mine));
	OK(epoll_ctl(dup(epoll), EPOLL_CTL_ADD, told[0], &mine));
	believe();
	start();
	OK(epoll_wait(epoll, &mine, 1, -1));
	verify();
}

/* An epoll inside: what is in it counts. */
CASE(epoll_nested)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = 3};
	int inner;

	WITH_PIPE;
	partner(tell_pipe);
	epoll = (int)OK(epoll_create1(0));
	inner = (int)OK(epoll_create1(0));
	OK(epoll_ctl(inner, EPOLL_CTL_ADD, told[0], &ev));
	OK(epoll_ctl(epoll, EPOLL_CTL_ADD, inner, &ev));
	believe();
	start();
	OK(epoll_wait(epoll, &ev, 1, -1));
	verify();
}

/* Made before the fork, so the child has it too. */
CASE(inherited)
{
	char b[8];

	WITH_PIPE;
	believe();
	partner(tell_pipe);
	files(60, 64);
	start();
	OK(read(told[0], b, 8));
	verify();
}

CASE(wait)
{
	partner(tell_exit);
	believe();
	start();
	OK(wait(NULL) > 0 ? 0 : -1);
	verify();
}

CASE(signal_flag)
{
	signal(SIGUSR1, on_signal);
	partner(tell_signal);
	believe();
	start();
	while (!signalled)
		__builtin_ia32_pause();
	verify();
}

/* A handler that wakes the loop by a pipe that nobody else has. */
CASE(signal_own_pipe)
{
	struct sigaction sa = {.sa_handler = on_signal_wake, .sa_flags = SA_RESTART}, old;
	struct pollfd p;
	char b;

	OK(sigaction(SIGUSR1, &sa, NULL));
	OK(sigaction(SIGUSR1, NULL, &old));
	out("the handler is %s\n", old.sa_handler == on_signal_wake ? "as set" : "another");
	partner(tell_signal);
	OK(pipe(own));
	p = (struct pollfd){own[0], POLLIN, 0};
	believe();
	start();
	while (poll(&p, 1, -1) < 0)
		continue;
	OK(read(own[0], &b, 1));
	verify();
}

CASE(signalfd)
{
	struct signalfd_siginfo si;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	partner(tell_signal);
	fd = (int)OK(signalfd(-1, &set, 0));
	believe();
	start();
	OK(read(fd, &si, sizeof(si)));
	verify();
}

CASE(sigwait)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	partner(tell_signal);
	believe();
	start();
	OK(sigwait(&set, &sig));
	verify();
}

/* The child drops the lock when it ends, and is not waited for. */
static void tell_lock(void)
{
	usleep(20000);
}

CASE(flock)
{
	int fd;

	put("lock", "lock");
	OK(pipe(told));
	t_flush();
	OK(pipe(go));
	if (!fork()) {
		char b;

		fd = (int)OK(open("lock", O_RDWR));
		OK(flock(fd, LOCK_EX));
		OK(write(told[1], "x", 1));
		OK(read(go[0], &b, 1));
		put_x();
		tell_lock();
		t_leave(0);
	}
	OK(read(told[0], &(char){0}, 1));
	believe();
	start();
	fd = (int)OK(open("lock", O_RDWR));
	OK(flock(fd, LOCK_EX));
	verify();
}

CASE(vfork)
{
	pid_t pid;

	believe();
	pid = vfork();
	if (!pid) {
		close(open("d/x", O_WRONLY | O_CREAT | O_EXCL, 0644));
		execl("/bin/sleep", "sleep", "0.1", (char *)NULL);
		_exit(127);
	}
	verify();
	t_reap(pid);
}

CASE(posix_spawn)
{
	char *argv[] = {(char *)"sleep", (char *)"0.1", NULL};
	posix_spawn_file_actions_t fa;
	pid_t pid;

	believe();
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 1, "d/x", O_WRONLY | O_CREAT | O_EXCL, 0644);
	OK(posix_spawn(&pid, "/bin/sleep", &fa, NULL, argv, environ));
	verify();
	t_reap(pid);
}

CASE(system)
{
	believe();
	OK(system("echo other >d/x"));
	verify();
}

/* The program wakes itself in all ways, and learns and tells nothing by it. */
CASE(own)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = 5};
	struct pollfd p;
	int pair[2], event;
	fd_set set;
	char b[8];

	WITH_PIPE;
	OK(pipe2(own, O_CLOEXEC | O_NONBLOCK));
	OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	event = (int)OK(eventfd(0, EFD_CLOEXEC));
	epoll = (int)OK(epoll_create1(EPOLL_CLOEXEC));
	OK(epoll_ctl(epoll, EPOLL_CTL_ADD, event, &ev));
	OK(mkdir("d", 0755));
	p = (struct pollfd){own[0], POLLIN, 0};
	for (int i = 0; i < 40; i++) {
		putn(t_name("d/f%d", i), 100, (unsigned)i);
		OK(write(own[1], "x", 1));
		OK(poll(&p, 1, -1));
		OK(read(own[0], b, 1));
		OK(write(event, "12345678", 8));
		OK(epoll_wait(epoll, &ev, 1, -1));
		OK(read(event, b, 8));
		OK(send(pair[0], "x", 1, 0));
		FD_ZERO(&set);
		FD_SET(pair[1], &set);
		OK(select(pair[1] + 1, &set, NULL, NULL, NULL));
		OK(recv(pair[1], b, 1, 0));
	}
}

static const struct t_case cases[] = {
	C(read),      C(recv),        C(eventfd),         C(poll),
	C(select),    C(epoll),       C(epoll_same_data), C(epoll_same_data_later),
	C(epoll_mod), C(epoll_dup),   C(epoll_nested),    C(inherited),
	C(wait),      C(signal_flag), C(signal_own_pipe), C(signalfd),
	C(sigwait),   C(flock),       C(vfork),           C(posix_spawn),
	C(system),    C(own),
};

int main(int argc, char **argv)
{
	return t_main(argc, argv, cases, T_COUNT(cases), NULL);
}
