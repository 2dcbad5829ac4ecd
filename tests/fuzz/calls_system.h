/* SPDX-License-Identifier: MIT */
/*
 * calls_system.h - channels, waiting, processes, signals, identities, databases
 */
#ifndef CALLS_SYSTEM_H
#define CALLS_SYSTEM_H

#include "calls_streams.h"

#include <aio.h>
#include <aliases.h>
#include <assert.h>
#include <dlfcn.h>
#include <fstab.h>
#include <iconv.h>
#include <ifaddrs.h>
#include <locale.h>
#include <mcheck.h>
#include <mqueue.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <nl_types.h>
#include <pty.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/fsuid.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/swap.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <syslog.h>
#include <termios.h>
#include <threads.h>
#include <ttyent.h>
#include <ulimit.h>
#include <utmp.h>
#include <utmpx.h>

pid_t __vfork(void);
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size);
int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask,
		size_t size);
ssize_t __recv_chk(int fd, void *buf, size_t n, size_t size, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t n, size_t size, int flags, struct sockaddr *from,
		       socklen_t *fromlen);
int __mq_open_2(const char *name, int flags);
int __ptsname_r_chk(int fd, char *buf, size_t n, size_t size);
int __ttyname_r_chk(int fd, char *buf, size_t n, size_t size);
int __getlogin_r_chk(char *buf, size_t n, size_t size);
long __fdelt_chk(long d);
void jump_checked(jmp_buf env, int value) __asm__("__longjmp_chk") __attribute__((noreturn));
void __assert(const char *expr, const char *file, int line);
void __chk_fail(void);
void __stack_chk_fail(void);
int capset(void *header, const void *data);
int capget(void *header, void *data);
int old_sigpause(int mask) __asm__("sigpause");
int __sigpause(int arg, int is_sig);
int __xpg_sigpause(int sig);
int pidfd_getfd(int pidfd, int fd, unsigned flags);
int pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned flags);

/* ---- sockets ---- */

/* One message each way over a pair, by one of the calls that send and one of those that receive */
T_UNUSED static long sockets(int k, int more)
{
	char text[] = "text", got[20] = "";
	struct iovec out_v = {text, 4}, in_v = {got, 10};
	struct msghdr out_m = {.msg_iov = &out_v, .msg_iovlen = 1},
		      in_m = {.msg_iov = &in_v, .msg_iovlen = 1};
	struct mmsghdr out_mm = {.msg_hdr = out_m}, in_mm = {.msg_hdr = in_m};
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);
	int sv[2], on = 1;
	long r, s;

	if (socketpair(AF_UNIX, (k & 4 ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK, 0, sv))
		return -1;
	switch (k) {
	case 0:
		r = send(sv[0], text, 4, 0);
		break;
	case 1:
		r = sendto(sv[0], text, 4, 0, NULL, 0);
		break;
	case 2:
	case 4:
		r = sendmsg(sv[0], &out_m, 0);
		break;
	case 3:
	case 5:
		r = sendmmsg(sv[0], &out_mm, 1, 0);
		break;
	case 6:
		r = setsockopt(sv[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) +
		    getsockname(sv[0], (struct sockaddr *)&a, &len);
		break;
	default:
		r = shutdown(sv[0], SHUT_WR);
		break;
	}
	switch (more) {
	case 0:
		s = recv(sv[1], got, 10, 0);
		break;
	case 1:
		s = recvfrom(sv[1], got, 10, 0, NULL, NULL);
		break;
	case 2:
		s = __recv_chk(sv[1], got, 10, sizeof(got), 0);
		break;
	case 3:
		s = __recvfrom_chk(sv[1], got, 10, sizeof(got), 0, NULL, NULL);
		break;
	case 4:
		s = recvmsg(sv[1], &in_m, 0);
		break;
	case 5:
		s = recvmmsg(sv[1], &in_mm, 1, MSG_DONTWAIT, NULL);
		break;
	case 6:
		s = getpeername(sv[1], (struct sockaddr *)&a, &len);
		break;
	default:
		len = sizeof(on);
		s = getsockopt(sv[1], SOL_SOCKET, SO_TYPE, &on, &len) + sockatmark(sv[1]);
		break;
	}
	emit("  %ld %ld %s\n", r, s, got);
	close(sv[0]);
	close(sv[1]);
	return 0;
}

/* A socket with a name, and a file whose descriptor goes through it */
T_UNUSED static long named_socket(const char *path, int fd, int k)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char control[CMSG_SPACE(sizeof(int))] = "", c = 'c';
	struct iovec v = {&c, 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	struct cmsghdr *cm;
	int listener, out, in = -1, sent = -1;
	long r;

	if (!readable(path) || strlen(path) > 90)
		return -2;
	strcpy(a.sun_path, path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	r = bind(listener, (struct sockaddr *)&a, sizeof(a));
	if (r) {
		close(listener);
		return r;
	}
	out = socket(AF_UNIX, SOCK_STREAM, 0);
	emit("  listen %d\n", listen(listener, 1));
	r = connect(out, (struct sockaddr *)&a, sizeof(a)); /* not if umask forbids it */
	if (r) {
		close(listener);
		close(out);
		return r;
	}
	in = k % 2 ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : accept(listener, NULL, NULL);
	if (k & 2 && fd > TELL_FD) {
		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		cm = CMSG_FIRSTHDR(&m);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cm), &fd, sizeof(int));
	}
	r = sendmsg(out, &m, 0);
	if (r > 0 && recvmsg(in, &m, 0) > 0 && m.msg_controllen && CMSG_FIRSTHDR(&m)) {
		memcpy(&sent, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
		emit("  sent %ld, write %zd\n", get_fstat(sent), write(sent, "sent", 4));
		close(sent);
	}
	close(in);
	close(out);
	close(listener);
	if (k & 4)
		emit("  unlink %d\n", unlink(path));
	return r;
}

/* ---- events ---- */

T_UNUSED static long events(int k, int more)
{
	struct itimerspec soon = {.it_value = {.tv_nsec = 1000}}, left;
	const struct timespec none = {0};
	struct timeval no = {0};
	struct epoll_event ev = {.events = EPOLLIN};
	int efd = eventfd(k % 3 == 0, EFD_NONBLOCK),
	    tfd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC),
	    poller = k % 2 ? epoll_create1(EPOLL_CLOEXEC) : epoll_create(1);
	struct pollfd p = {.fd = efd, .events = POLLIN};
	eventfd_t value = 0;
	fd_set set;
	long r = epoll_ctl(poller, EPOLL_CTL_ADD, efd, &ev);

	emit("  add %ld settime %d gettime %d\n", r, timerfd_settime(tfd, 0, &soon, NULL),
	     timerfd_gettime(tfd, &left));
	if (k & 4)
		emit("  write %d\n", eventfd_write(efd, 3));
	FD_ZERO(&set);
	FD_SET(efd, &set);
	switch (more) {
	case 0:
		r = epoll_wait(poller, &ev, 1, 0);
		break;
	case 1:
		r = epoll_pwait(poller, &ev, 1, 0, NULL);
		break;
	case 2:
		r = epoll_pwait2(poller, &ev, 1, &none, NULL);
		break;
	case 3:
		r = ppoll(&p, 1, &none, NULL);
		break;
	case 4:
		r = __poll_chk(&p, 1, 0, sizeof(p));
		break;
	case 5:
		r = __ppoll_chk(&p, 1, &none, NULL, sizeof(p));
		break;
	case 6:
		r = select(efd + 1, &set, NULL, NULL, &no);
		break;
	default:
		r = pselect(efd + 1, &set, NULL, NULL, &none, NULL);
		break;
	}
	emit("  read %d", eventfd_read(efd, &value));
	emit(" %lu\n", (unsigned long)value);
	if (k == 7) {
		p.fd = tfd;
		emit("  timer %d %zd\n", poll(&p, 1, 1000), read(tfd, &value, sizeof(value)));
	}
	close(efd);
	close(tfd);
	close(poller);
	return r;
}

/* ---- what processes share ---- */

static const char *shared_name(void)
{
	static char name[40];

	snprintf(name, sizeof(name), "/fastio-fuzz-%d", getpid());
	return name;
}

T_UNUSED static long shared_memory(int k, int more)
{
	const struct timespec none = {0};
	struct sembuf op = {.sem_op = -1, .sem_flg = IPC_NOWAIT};
	struct {
		long type;
		char text[4];
	} msg = {1, "abc"};
	struct msqid_ds ds;
	union {
		pthread_mutexattr_t mutex;
		pthread_condattr_t cond;
		pthread_rwlockattr_t rwlock;
		pthread_barrierattr_t barrier;
		pthread_spinlock_t spin;
		sem_t sem;
	} u;
	char buf[100];
	sem_t *sem;
	mqd_t mq;
	int id;
	long r = 0, s = 0;

	switch (k * 2 + more % 2) {
	case 0:
		sem = sem_open(shared_name(), O_CREAT, 0600, 1);
		r = sem != SEM_FAILED;
		s = sem_unlink(shared_name());
		if (r)
			sem_close(sem);
		break;
	case 1:
		id = shm_open(shared_name(), O_RDWR | O_CREAT, 0600);
		r = ftruncate(id, 100);
		s = shm_unlink(shared_name());
		close(id);
		break;
	case 2:
		id = semget(IPC_PRIVATE, 1, 0600);
		r = semtimedop(id, &op, 1, &none);
		op.sem_op = 1;
		r += semop(id, &op, 1);
		s = semctl(id, 0, IPC_RMID);
		break;
	case 3:
		id = msgget(IPC_PRIVATE, 0600);
		r = msgsnd(id, &msg, 4, IPC_NOWAIT);
		r += msgrcv(id, &msg, 4, 0, IPC_NOWAIT);
		s = msgctl(id, IPC_RMID, &ds);
		break;
	case 4:
		id = shmget(IPC_PRIVATE, 4096, 0600);
		r = shmdt(shmat(id, NULL, 0));
		s = shmctl(id, IPC_RMID, NULL);
		break;
	case 5: {
		struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 10};
		struct sigevent ev = {.sigev_notify = SIGEV_NONE};

		mq = mq_open(shared_name(), O_RDWR | O_CREAT | O_NONBLOCK, 0600, &attr);
		r = mq_notify(mq, &ev);
		emit("  %d", mq_send(mq, "a", 1, 1));
		emit(" %zd", mq_receive(mq, buf, sizeof(buf), NULL));
		emit(" %d", mq_timedsend(mq, "b", 1, 1, &none));
		emit(" %zd\n", mq_timedreceive(mq, buf, sizeof(buf), NULL, &none));
		mq_close(mq);
		mq = __mq_open_2(shared_name(), O_RDWR);
		s = mq_unlink(shared_name());
		mq_close(mq);
		break;
	}
	case 6:
		pthread_mutexattr_init(&u.mutex);
		r = pthread_mutexattr_setpshared(&u.mutex, more & 2 ? PTHREAD_PROCESS_SHARED : 0);
		break;
	case 7:
		pthread_condattr_init(&u.cond);
		r = pthread_condattr_setpshared(&u.cond, more & 2 ? PTHREAD_PROCESS_SHARED : 0);
		break;
	case 8:
		pthread_rwlockattr_init(&u.rwlock);
		r = pthread_rwlockattr_setpshared(&u.rwlock, more & 2 ? PTHREAD_PROCESS_SHARED : 0);
		break;
	case 9:
		pthread_barrierattr_init(&u.barrier);
		r = pthread_barrierattr_setpshared(&u.barrier,
						   more & 2 ? PTHREAD_PROCESS_SHARED : 0);
		break;
	case 10:
		r = pthread_spin_init(&u.spin, more & 2 ? PTHREAD_PROCESS_SHARED : 0);
		break;
	case 11:
		r = sem_init(&u.sem, more & 2, 1);
		break;
	case 12: {
		struct iovec from = {msg.text, 3}, to = {buf, 3};

		r = process_vm_readv(getpid(), &to, 1, &from, 1, 0);
		s = process_vm_writev(getpid(), &from, 1, &to, 1, 0);
		break;
	}
	default: {
		int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);

		id = pidfd_getfd(pidfd, HOME_FD, 0);
		r = close(id);
		s = pidfd_send_signal(pidfd, 0, NULL, 0);
		close(pidfd);
		break;
	}
	}
	emit("  %ld %ld\n", r, s);
	return 0;
}

/* Asynchronous I/O of libc, by its threads */
T_UNUSED static long asynchronous(int fd, int k, int n)
{
	struct aiocb cb = {.aio_fildes = fd, .aio_buf = room(), .aio_nbytes = (size_t)(n % 5000)};
	struct aiocb *list[] = {&cb};
	long r;

	if (fd <= TELL_FD)
		return -2;
	memset(room(), 'a' + k, 5000);
	switch (k % 4) {
	case 0:
		r = aio_write(&cb);
		break;
	case 1:
		r = aio_read(&cb);
		break;
	case 2:
		cb.aio_lio_opcode = LIO_WRITE;
		r = lio_listio(LIO_WAIT, list, 1, NULL);
		break;
	default:
		r = aio_fsync(O_SYNC, &cb);
		break;
	}
	while (aio_error(&cb) == EINPROGRESS)
		aio_suspend((const struct aiocb *const *)list, 1, NULL);
	emit("  error %d return %zd", aio_error(&cb), aio_return(&cb));
	emit(" cancel %d\n", aio_cancel(fd, NULL));
	return r;
}

/* ---- processes ---- */

static void wait_by(pid_t pid, int how)
{
	siginfo_t si = {0};
	struct rusage use;
	int st = 0;
	pid_t got;

	switch (how % 4) {
	case 0:
		got = wait(&st);
		break;
	case 1:
		got = wait3(&st, 0, &use);
		break;
	case 2:
		got = wait4(pid, &st, 0, &use);
		break;
	default:
		got = waitid(P_PID, (id_t)pid, &si, WEXITED) ? -1 : si.si_pid;
		st = si.si_status;
		break;
	}
	emit("  child: %d %x\n", got == pid, (unsigned)st);
}

static const char *child_path;

static int cloned(void *arg)
{
	(void)arg;
	emit("  in the clone: %ld\n", put_file(child_path, O_WRONLY | O_CREAT | O_TRUNC, 30, 2));
	return 5;
}

/* Children by every call that makes one; each writes a file. */
T_UNUSED static long children(const char *path, int k, int more)
{
	static char stack[65536] __attribute__((aligned(16)));
	char *args[] = {(char *)"cat", (char *)"-", NULL};
	posix_spawn_file_actions_t acts;
	pid_t pid = -1;
	int p[2];
	char c;

	child_path = path;
	switch (k) {
	case 0:
		pid = _Fork();
		if (pid == 0) {
			cloned(NULL);
			_exit(1);
		}
		break;
	case 1:
		pid = __vfork();
		if (pid == 0)
			_exit(2);
		break;
	case 2:
		pid = clone(cloned, stack + sizeof(stack), SIGCHLD, NULL);
		break;
	case 3: { /* gone into the background, until the pipe ends */
		if (pipe(p))
			return -1;
		pid = fork();
		if (pid == 0) {
			close(p[0]);
			if (daemon(1, 1))
				_exit(3);
			cloned(NULL);
			_exit(4);
		}
		close(p[1]);
		emit("  in the background: %zd\n", read(p[0], &c, 1));
		close(p[0]);
		break;
	}
	case 4:
		pid = fork();
		if (pid == 0) {
			if (more % 2)
				ptrace(PTRACE_TRACEME, 0, 0, 0);
			else
				emit("  chroot %d\n", chroot("."));
			cloned(NULL);
			_exit(5);
		}
		break;
	case 5: { /* on a terminal of its own */
		long n, all = 0;
		int pty;

		pid = forkpty(&pty, NULL, NULL, NULL);
		if (pid == 0) {
			cloned(NULL);
			_exit((int)write(1, "out", 3));
		}
		while (pid > 0 && (n = read(pty, room(), 100)) > 0)
			all += n;
		emit("  from the terminal: %ld\n", all);
		if (pid > 0)
			close(pty);
		break;
	}
	default:
		posix_spawn_file_actions_init(&acts);
		posix_spawn_file_actions_addopen(&acts, 0, "/dev/null", O_RDONLY, 0);
		posix_spawn_file_actions_adddup2(&acts, HOME_FD, 30);
		if (posix_spawnp(&pid, "cat", &acts, NULL, args, more % 2 ? environ : no_env))
			pid = -1;
		posix_spawn_file_actions_destroy(&acts);
		break;
	}
	if (pid < 0)
		return -1;
	wait_by(pid, more);
	return 0;
}

/* The checker (see run_checker) by every call that executes one */
T_UNUSED static long executes(int k)
{
	char *args[] = {(char *)self_path, (char *)"--dump", shared_arg, home, NULL};
	pid_t pid = fork();

	if (pid == 0) {
		switch (k) {
		case 0:
			execl(self_path, self_path, "--dump", shared_arg, home, NULL);
			break;
		case 1:
			execle(self_path, self_path, "--dump", shared_arg, home, NULL, no_env);
			break;
		case 2:
			execlp(self_path, self_path, "--dump", shared_arg, home, NULL);
			break;
		case 3:
			execvp(self_path, args);
			break;
		case 4:
			execvpe(self_path, args, no_env);
			break;
		case 5:
			fexecve(open(self_path, O_RDONLY | O_CLOEXEC), args, environ);
			break;
		case 6:
			execveat(home_fd, self_path, args, environ, 0);
			break;
		default:
			execveat(home_fd, "absent", args, environ, 0);
			break;
		}
		_exit(127);
	}
	reaped(pid);
	return 0;
}

/* Ends of a child that main.c's leave does not have */
T_UNUSED static long ends(const char *path, int k, int more)
{
	pid_t pid = fork();

	if (pid == 0) {
		put_file(path, O_WRONLY | O_CREAT | O_TRUNC, 50, k);
		errno = EPERM;
		switch (k * 2 + more % 2) {
		case 0:
			err(3, "err");
		case 1:
			errx(4, "errx");
		case 2:
			listed(10, stderr, 5);
			break;
		case 3:
			listed(11, stderr, 6);
			break;
		case 4:
			error(7, ENOENT, "error");
			break;
		case 5:
			error_at_line(8, 0, "file", 9, "error");
			break;
		case 6:
			__assert_fail("expr", "file", 10, "function");
		case 7:
			__assert_perror_fail(ENOENT, "file", 11, "function");
		case 8:
			__assert("expr", "file", 12);
			break;
		case 9:
			__chk_fail();
			break;
		case 10:
			__stack_chk_fail();
			break;
		case 11:
			pthread_exit(NULL);
		case 12:
			thrd_exit(3);
		default:
			_Exit(13);
		}
		_exit(14);
	}
	reaped(pid);
	return 0;
}

/* ---- threads ---- */

static _Atomic uint32_t thread_ready;

static void *canceled(void *arg)
{
	int old;

	if (((int *)arg)[0] & 1)
		pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &old);
	emit("  in the thread: %ld\n", put_file(child_path, O_WRONLY | O_CREAT | O_TRUNC, 40, 6));
	thread_ready = 1;
	if (((int *)arg)[0] & 2)
		pthread_exit(NULL);
	for (;;)
		pause();
	return NULL;
}

static int thrd_main(void *arg)
{
	(void)arg;
	emit("  in the thread: %ld\n", put_file(child_path, O_WRONLY | O_CREAT | O_TRUNC, 40, 7));
	thrd_exit(8);
}

T_UNUSED static long threads_end(const char *path, int k)
{
	pthread_t id;
	thrd_t other;
	int res = 0;

	child_path = path;
	thread_ready = 0;
	if (k & 4) {
		if (thrd_create(&other, thrd_main, NULL) != thrd_success)
			return -1;
		thrd_join(other, &res);
		return res;
	}
	if (pthread_create(&id, NULL, canceled, &k))
		return -1;
	wait_while(&thread_ready, 0, 10);
	emit("  kill %d\n", k & 2 ? 0 : pthread_kill(id, 0));
	if (!(k & 2))
		pthread_cancel(id);
	return pthread_join(id, NULL);
}

/* ---- signals ---- */

static void on_signal(int sig)
{
	emit("  signal %d\n", sig);
}

static void on_alarm(int sig T_UNUSED)
{
}

/* A signal sent by one call and taken by another */
T_UNUSED static long signals(int k, int more)
{
	struct sigaction act = {.sa_handler = on_signal};
	const struct itimerval soon = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
	const struct timespec none = {0};
	sigset_t set, before, empty;
	siginfo_t si = {0};
	int sig = 0;
	long r;

	sigemptyset(&set);
	sigemptyset(&empty);
	sigaddset(&set, SIGUSR2);
	sigaction(SIGUSR2, &act, NULL);
	if (more == 7) { /* SIGALRM comes again and again */
		act.sa_handler = on_alarm;
		sigaction(SIGALRM, &act, NULL);
		setitimer(ITIMER_REAL, &soon, NULL);
		r = pause();
		setitimer(ITIMER_REAL, &never, NULL);
		return r;
	}
	if (k == 6)
		sysv_signal(SIGUSR2, on_signal);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	if (k == 7)
		sigset(SIGUSR2, on_signal);
	sigprocmask(SIG_BLOCK, &set, &before);
	switch (k) {
	case 0:
		r = killpg(0, 0) + kill(getpid(), SIGUSR2);
		break;
	case 1:
		r = pthread_kill(pthread_self(), SIGUSR2);
		break;
	case 2:
		r = tgkill(getpid(), gettid(), SIGUSR2);
		break;
	case 3:
		r = sigqueue(getpid(), SIGUSR2, (union sigval){.sival_int = 1});
		break;
	case 4:
		r = pthread_sigqueue(pthread_self(), SIGUSR2, (union sigval){.sival_int = 2});
		break;
	default:
		r = raise(SIGUSR2);
		break;
	}
	switch (more) {
	case 0:
		r += sigwait(&set, &sig);
		break;
	case 1:
		r += sigwaitinfo(&set, &si);
		break;
	case 2:
		r += sigtimedwait(&set, &si, &none);
		break;
	case 3:
		r += sigsuspend(&empty);
		break;
	case 4:
		r += old_sigpause(0);
		break;
	case 5:
		r += __sigpause(0, 0);
		break;
	case 6:
		r += __xpg_sigpause(SIGUSR2);
		break;
	}
#pragma GCC diagnostic pop
	sigprocmask(SIG_SETMASK, &before, NULL);
	emit("  %d %d\n", sig, si.si_signo);
	return r;
}

/* ---- who we are: each sets what is set already, or something that does not exist ---- */

T_UNUSED static long identities(int k, int more)
{
	struct {
		uint32_t version;
		int pid;
	} header = {0x20080522, 0};
	uint32_t data[6];
	struct rlimit limit = {1 << 30, 1 << 30};
	struct rlimit old;

	switch (k * 4 + more % 4) {
	case 0:
		return setuid(geteuid());
	case 1:
		return setgid(getegid());
	case 2:
		return seteuid(geteuid());
	case 3:
		return setegid(getegid());
	case 4:
		return setreuid(-1U, -1U);
	case 5:
		return setregid(-1U, -1U);
	case 6:
		return setresuid(-1U, -1U, -1U);
	case 7:
		return setresgid(-1U, -1U, -1U);
	case 8:
		return setfsuid(-1U);
	case 9:
		return setfsgid(-1U);
	case 10:
		return setgroups(0, NULL);
	case 11:
		return initgroups("nobody", getegid());
	case 12:
		return capget(&header, data) ? -1 : capset(&header, data);
	case 13:
		return unshare(0);
	case 14:
		return setns(-1, 0);
	case 15:
		return personality(0xffffffff);
	case 16:
		return prctl(PR_SET_DUMPABLE, 1);
	case 17:
		return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	case 18:
		return setrlimit(RLIMIT_FSIZE, &limit);
	case 19:
		return prlimit(0, RLIMIT_NOFILE, NULL, &old) ? -1 : (long)old.rlim_cur;
	case 20:
		return ulimit(UL_SETFSIZE, 1l << 22);
	case 21:
		return umount("absent");
	case 22:
		return umount2("absent", 0);
	case 23:
		return mount("absent", "absent", "none", 0, NULL);
	case 24:
		return swapon("absent", 0);
	case 25:
		return swapoff("absent");
	case 26:
		return move_mount(-1, "", -1, "", 0);
	case 27:
		return mount_setattr(-1, "", 0, NULL, 0);
	case 28:
		return fsopen("no such", 0);
	case 29:
		return fsmount(-1, 0, 0) + fsconfig(-1, 0, NULL, NULL, 0);
	case 30:
		return fspick(AT_FDCWD, "absent", 0);
	default:
		return fanotify_mark(-1, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, ".");
	}
}

T_UNUSED static long terminal(int fd, int k, int more)
{
	char name[100];
	struct termios t = {0};

	switch (k * 2 + more % 2) {
	case 0:
		return ttyname(fd) ? 0 : -1;
	case 1:
		return ttyname_r(fd, name, sizeof(name));
	case 2:
		return ptsname(fd) ? 0 : -1;
	case 3:
		return ptsname_r(fd, name, sizeof(name));
	case 4:
		return __ptsname_r_chk(fd, name, sizeof(name), sizeof(name));
	case 5:
		return __ttyname_r_chk(fd, name, sizeof(name), sizeof(name));
	case 6:
		return grantpt(fd);
	case 7:
		return unlockpt(fd);
	case 8:
		return tcgetattr(fd, &t);
	case 9:
		return tcsetattr(fd, TCSANOW, &t);
	case 10:
		return tcdrain(fd) + tcflow(fd, TCOON);
	case 11:
		return tcflush(fd, TCIFLUSH);
	case 12:
		return tcsendbreak(fd, 0);
	case 13:
		return tcgetpgrp(fd) + tcgetsid(fd);
	case 14:
		return tcsetpgrp(fd, 1);
	default:
		return isfdtype(fd, S_IFREG);
	}
}

/* ---- files that libc reads by itself ---- */

#define LIST(set, get, end) (set, r = (get) != NULL, end, r)

T_UNUSED static long databases(int k, int more)
{
	static char name[] = "root";
	char *buf = room();
	const size_t size = 10000;
	struct passwd pw, *p;
	struct group gr, *g;
	struct spwd sp, *s;
	struct sgrp sg, *q;
	struct protoent pe, *pp;
	struct servent se, *sv;
	struct rpcent re, *rp;
	struct aliasent ae, *ap;
	struct netent ne, *np;
	struct hostent he, *hp;
	struct ether_addr ether;
	struct ifaddrs *ifs;
	gid_t groups[20];
	int n = 20, e;
	long r = 0;

	switch (k * 8 + more) {
	case 0:
		return LIST(setpwent(), getpwent(), endpwent());
	case 1:
		return getpwnam(name) != NULL;
	case 2:
		return getpwuid(0) != NULL;
	case 3:
		return getpwnam_r(name, &pw, buf, size, &p);
	case 4:
		return getpwuid_r(0, &pw, buf, size, &p);
	case 5:
		return LIST(setpwent(), getpwent_r(&pw, buf, size, &p) == 0 ? "" : NULL,
			    endpwent());
	case 6:
		return getnetbyname("loopback") != NULL;
	case 7:
		return LIST(setgrent(), getgrent(), endgrent());
	case 8:
		return getgrnam(name) != NULL;
	case 9:
		return getgrgid(0) != NULL;
	case 10:
		return getgrnam_r(name, &gr, buf, size, &g);
	case 11:
		return getgrgid_r(0, &gr, buf, size, &g);
	case 12:
		return LIST(setgrent(), getgrent_r(&gr, buf, size, &g) == 0 ? "" : NULL,
			    endgrent());
	case 13:
		return getgrouplist(name, 0, groups, &n);
	case 14:
		return LIST(setspent(), getspent(), endspent());
	case 15:
		return getspnam(name) != NULL;
	case 16:
		return getspnam_r(name, &sp, buf, size, &s);
	case 17:
		return LIST(setspent(), getspent_r(&sp, buf, size, &s) == 0 ? "" : NULL,
			    endspent());
	case 18:
		return LIST(setsgent(), getsgent(), endsgent());
	case 19:
		return getsgnam(name) != NULL;
	case 20:
		return getsgnam_r(name, &sg, buf, size, &q);
	case 21:
		return LIST(setsgent(), getsgent_r(&sg, buf, size, &q) == 0 ? "" : NULL,
			    endsgent());
	case 22:
		return LIST(setprotoent(0), getprotoent(), endprotoent());
	case 23:
		return getprotobyname("tcp") != NULL;
	case 24:
		return getprotobynumber(17) != NULL;
	case 25:
		return getprotobyname_r("udp", &pe, buf, size, &pp);
	case 26:
		return getprotobynumber_r(6, &pe, buf, size, &pp);
	case 27:
		return LIST(setprotoent(0), getprotoent_r(&pe, buf, size, &pp) == 0 ? "" : NULL,
			    endprotoent());
	case 28:
		return LIST(setservent(0), getservent(), endservent());
	case 29:
		return getservbyname("http", "tcp") != NULL;
	case 30:
		return getservbyport(htons(80), "tcp") != NULL;
	case 31:
		return getservbyname_r("http", "tcp", &se, buf, size, &sv);
	case 32:
		return getservbyport_r(htons(80), "tcp", &se, buf, size, &sv);
	case 33:
		return LIST(setservent(0), getservent_r(&se, buf, size, &sv) == 0 ? "" : NULL,
			    endservent());
	case 34:
		return LIST(setrpcent(0), getrpcent(), endrpcent());
	case 35:
		return getrpcbyname("nfs") != NULL;
	case 36:
		return getrpcbynumber(100003) != NULL;
	case 37:
		return getrpcbyname_r("nfs", &re, buf, size, &rp);
	case 38:
		return getrpcbynumber_r(100003, &re, buf, size, &rp);
	case 39:
		return LIST(setrpcent(0), getrpcent_r(&re, buf, size, &rp) == 0 ? "" : NULL,
			    endrpcent());
	case 40:
		return LIST(setaliasent(), getaliasent(), endaliasent());
	case 41:
		return getaliasbyname(name) != NULL;
	case 42:
		return getaliasbyname_r(name, &ae, buf, size, &ap);
	case 43:
		return LIST(setaliasent(), getaliasent_r(&ae, buf, size, &ap) == 0 ? "" : NULL,
			    endaliasent());
	case 44:
		return LIST(setnetent(0), getnetent(), endnetent());
	case 45:
		return LIST(setnetent(0), getnetent_r(&ne, buf, size, &np, &e) == 0 ? "" : NULL,
			    endnetent());
	case 46:
		return LIST(sethostent(0), gethostent(), endhostent());
	case 47:
		return LIST(sethostent(0), gethostent_r(&he, buf, size, &hp, &e) == 0 ? "" : NULL,
			    endhostent());
	case 48:
		return gethostbyname("127.0.0.1") != NULL;
	case 49:
		return gethostbyname2("127.0.0.1", AF_INET) != NULL;
	case 50:
		return gethostbyname_r("127.0.0.1", &he, buf, size, &hp, &e);
	case 51:
		return gethostbyname2_r("127.0.0.1", AF_INET, &he, buf, size, &hp, &e);
	case 52:
		return LIST(setfsent(), getfsent(), endfsent());
	case 53:
		return getfsspec("absent") != NULL;
	case 54:
		return getfsfile("/absent") != NULL;
	case 55:
		return LIST(setttyent(), getttyent(), endttyent());
	case 56:
		return getttynam("absent") != NULL;
	case 57:
		return LIST(setusershell(), getusershell(), endusershell());
	case 58:
		return ether_hostton("absent", &ether);
	case 59:
		return if_nametoindex("lo") != 0;
	case 60:
		return if_indextoname(1, buf) != NULL;
	case 61:
		if_freenameindex(if_nameindex());
		freeifaddrs(getifaddrs(&ifs) ? NULL : ifs);
		return getnetbyname_r("loopback", &ne, buf, size, &np, &e);
	case 62:
		memset(&ether, 0, sizeof(ether));
		return ether_ntohost(buf, &ether);
	default:
		r = getlogin_r(buf, size) + __getlogin_r_chk(buf, 100, 100);
		return r + (cuserid(buf) != NULL) + ttyslot();
	}
}

/* Records of logins, in a file of our own */
T_UNUSED static long logins(const char *path, int k)
{
	struct utmp u = {.ut_type = USER_PROCESS,
			 .ut_id = "f1",
			 .ut_line = "fuzz",
			 .ut_user = "nobody"},
		    got, *res = NULL;
	struct utmpx x = {.ut_type = USER_PROCESS, .ut_id = "f2", .ut_line = "fuzz2"};
	long r = 0;

	if (!readable(path))
		return -2;
	switch (k) {
	case 0:
		updwtmp(path, &u);
		return 0;
	case 1:
		updwtmpx(path, &x);
		return 0;
	default:
		break;
	}
	utmpname(path);
	setutent();
	switch (k) {
	case 2:
		r = pututline(&u) != NULL;
		break;
	case 3:
		r = pututxline(&x) != NULL;
		break;
	case 4:
		r = getutent() != NULL;
		r += getutxent() != NULL;
		break;
	case 5:
		r = getutid(&u) != NULL;
		setutxent();
		r += getutxid(&x) != NULL;
		break;
	case 6:
		r = getutline(&u) != NULL;
		setutxent();
		r += getutxline(&x) != NULL;
		break;
	default:
		r = getutent_r(&got, &res);
		setutent();
		r += getutid_r(&u, &got, &res);
		setutent();
		r += getutline_r(&u, &got, &res);
		endutxent();
		break;
	}
	endutent();
	return r;
}

T_UNUSED static long libc_loads(const char *path, int k, int more)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST}, *info = NULL;
	struct sockaddr_in in = {.sin_family = AF_INET};
	nl_catd catalog;
	iconv_t conv;
	locale_t locale;
	void *lib;
	FILE *f;
	long r;

	switch (k * 2 + more % 2) {
	case 0:
		lib = dlopen("libm.so.6", RTLD_LAZY);
		return lib ? dlclose(lib) : -2;
	case 1:
		lib = dlmopen(LM_ID_BASE, readable(path) && *path ? path : "absent", RTLD_LAZY);
		return lib ? dlclose(lib) : -2;
	case 2:
		conv = iconv_open("UTF-8", "ISO-8859-15");
		return conv == (iconv_t)-1 ? -2 : iconv_close(conv);
	case 3:
		return setlocale(LC_ALL, "C.UTF-8") != NULL && setlocale(LC_ALL, "C") != NULL;
	case 4:
		locale = newlocale(LC_ALL_MASK, "C.UTF-8", NULL);
		r = locale != NULL;
		if (locale)
			freelocale(locale);
		return r;
	case 5:
		catalog = catopen(readable(path) ? path : "absent", 0);
		return catalog == (nl_catd)-1 ? -1 : catclose(catalog);
	case 6:
		tzset();
		return 0;
	case 7:
		openlog("fuzz", LOG_NDELAY, 0);
		closelog();
		return 0;
	case 8:
		return getdate(path) != NULL;
	case 9: {
		struct tm tm;

		return getdate_r("now", &tm);
	}
	case 10:
		r = getaddrinfo("127.0.0.1", "80", &hints, &info);
		freeaddrinfo(info);
		return r;
	case 11:
		return getnameinfo((struct sockaddr *)&in, sizeof(in), room(), 100, room() + 100,
				   100, NI_NUMERICHOST | NI_NUMERICSERV);
	case 12:
		f = fopen("/dev/null", "w");
		r = malloc_info(0, f);
		fclose(f);
		return r;
	case 13:
		if (more == 7)
			sync(); /* rarely: it waits for the whole machine */
		return 0;
	case 14: {
		jmp_buf env;

		if (!setjmp(env))
			jump_checked(env, 1);
		return __fdelt_chk(70);
	}
	default:
		mtrace(); /* nothing without MALLOC_TRACE */
		muntrace();
		return getlogin() != NULL;
	}
}

#endif /* CALLS_SYSTEM_H */
