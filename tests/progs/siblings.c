/* SPDX-License-Identifier: MIT */
/*
 * siblings.c - exports with the same body as their neighbours': called once, with something pending
 *
 * That their arguments and results get through, and that nothing else differs.
 */
#include <aio.h>
#include <dirent.h>
#include <grp.h>
#include <mntent.h>
#include <netdb.h>
#include <poll.h>
#include <pwd.h>
#include <semaphore.h>
#include <shadow.h>
#include <stdio_ext.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <termios.h>
#include <threads.h>
#include <utmpx.h>
#include <wchar.h>

#include "t.h"

static int pending;

/* With a new file on its way */
#define S(x) (put(t_name("p%d", pending++), "pending"), RQ(x))

static void fixture(void)
{
	put("f", "one two\nthree\n");
}

CASE(terminals)
{
	char name[100];
	struct termios t;
	int fd = open("f", O_RDWR);

	S(ttyname(fd) != NULL);
	S(ttyname_r(fd, name, sizeof(name)) != 0);
	S(ptsname(fd) != NULL);
	S(ptsname_r(fd, name, sizeof(name)) != 0);
	S(grantpt(fd));
	S(unlockpt(fd));
	S(tcgetattr(fd, &t));
	S(tcsetattr(fd, TCSANOW, &t));
	S(tcdrain(fd));
	S(tcflow(fd, TCOON));
	S(tcflush(fd, TCIFLUSH));
	S(tcsendbreak(fd, 0));
	S(tcgetpgrp(fd));
	S(tcsetpgrp(fd, 1));
	S(tcgetsid(fd));
	S(fpathconf(fd, _PC_NAME_MAX));
	S(isfdtype(fd, S_IFREG));
	close(fd);
}

CASE(attributes)
{
	struct dirent **list;
	char names[100];
	int fd = open("f", O_RDWR);

	S(fsetxattr(fd, "user.a", "value", 5, 0));
	S(flistxattr(fd, names, sizeof(names)));
	S(fremovexattr(fd, "user.a"));
	S(lsetxattr("f", "user.b", "value", 5, 0));
	S(lremovexattr("f", "user.b"));
	S(lchmod("f", 0640));
	S(mknodat(AT_FDCWD, "node", S_IFIFO | 0600, 0));
	S(mkfifoat(AT_FDCWD, "fifo", 0600));
	S(scandirat(AT_FDCWD, ".", &list, NULL, alphasort));
	S(ftok("f", 1) != -1);
	S(ftok("absent", 1));
	close(fd);
}

CASE(sockets)
{
	struct sockaddr_storage a;
	struct mmsghdr message = {0};
	socklen_t len = sizeof(a);
	char buf[10];
	int sv[2], on = 1;

	OK(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	S(getsockname(sv[0], (struct sockaddr *)&a, &len));
	len = sizeof(a);
	S(getpeername(sv[0], (struct sockaddr *)&a, &len));
	len = sizeof(on);
	S(setsockopt(sv[0], SOL_SOCKET, SO_PASSCRED, &on, len));
	S(getsockopt(sv[0], SOL_SOCKET, SO_PASSCRED, &on, &len));
	S(sockatmark(sv[0]));
	OK(write(sv[0], "text", 4));
	S(recvfrom(sv[1], buf, sizeof(buf), 0, NULL, NULL));
	S(recvmmsg(sv[1], &message, 1, MSG_DONTWAIT, NULL));
	close(sv[0]);
	close(sv[1]);
}

CASE(events)
{
	struct itimerspec ts = {.it_value = {.tv_sec = 100}};
	const struct timespec none = {0};
	struct epoll_event ev = {.events = EPOLLIN};
	int efd = eventfd(0, 0), tfd = timerfd_create(CLOCK_MONOTONIC, 0),
	    poller = epoll_create1(0);
	struct pollfd p = {.fd = efd, .events = POLLIN};
	eventfd_t value = 0;

	S(epoll_ctl(poller, EPOLL_CTL_ADD, efd, &ev));
	S(eventfd_write(efd, 3));
	S(ppoll(&p, 1, &none, NULL));
	S(epoll_pwait(poller, &ev, 1, 0, NULL));
	S(epoll_pwait2(poller, &ev, 1, &none, NULL));
	S(eventfd_read(efd, &value));
	S(value);
	S(timerfd_settime(tfd, 0, &ts, NULL));
	S(timerfd_gettime(tfd, &ts));
	close(efd);
	close(tfd);
	close(poller);
}

static int va(int which, FILE *f, void *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = which == 0   ? vdprintf(fileno(f), fmt, ap)
	    : which == 1 ? vfwprintf(f, fmt, ap)
	    : which == 2 ? vfscanf(f, fmt, ap)
			 : vfwscanf(f, fmt, ap);
	va_end(ap);
	return r;
}

CASE(streams)
{
	char buf[BUFSIZ], *line = NULL, word[20];
	size_t room = 0;
	fpos_t pos;
	FILE *f = fopen("f", "r+");

	S((setbuf(f, buf), 0));
	S(getline(&line, &room, f));
	S(getdelim(&line, &room, 'e', f));
	S(fgetc_unlocked(f));
	S(fgetpos(f, &pos));
	S(fseeko(f, 0, SEEK_SET));
	S((fread_unlocked)(buf, 1, 3, f));
	S(fsetpos(f, &pos));
	S(fseeko(f, 0, SEEK_SET));
	S(fgets_unlocked(word, 5, f) != NULL);
	S(va(2, f, (void *)"%19s", word));
	S(word[0]);
	S(fseeko(f, 0, SEEK_END));
	S(putw(0x41424344, f));
	S((fwrite_unlocked)("abc", 1, 3, f));
	S(fputs_unlocked("def", f));
	S(fputc_unlocked('g', f));
	S((_flushlbf(), 0));
	S((setlinebuf(f), 0));
	S(va(0, f, (void *)"%d\n", 17));
	S(fseeko(f, 0, SEEK_SET));
	S(getw(f));
	S(fclose(f));
	strcpy(word, "Q-XXXXXX.c");
	S(close(mkstemps(word, 2)));
	OK(unlink(word));
	strcpy(word, "Q-XXXXXX");
	S(close(mkostemp(word, O_CLOEXEC)));
	OK(unlink(word));
	free(line);
	show("f");
}

CASE(wide)
{
	wchar_t text[20];
	FILE *f = fopen("w", "w+");

	S(fputwc(L'a', f));
	S(fputwc_unlocked(L'b', f));
	S(fputws(L"cd", f));
	S(fputws_unlocked(L"ef\ngh\nij\n", f));
	S(va(1, f, (void *)L"%d\n", 17));
	rewind(f);
	S(fgetwc(f));
	S(fgetwc_unlocked(f));
	S(fgetws(text, 20, f) != NULL);
	S(fgetws_unlocked(text, 20, f) != NULL);
	S(va(3, f, (void *)L"%19ls", text));
	S(text[0]);
	S(fclose(f));
	show("w");
}

CASE(databases)
{
	char buf[2000];
	struct passwd pw, *p;
	struct group gr, *g;
	struct spwd sp, *s;
	struct mntent me = {(char *)"a", (char *)"b", (char *)"c", (char *)"d", 0, 0};
	gid_t groups[10];
	int n = 10;
	FILE *f;

	S(getpwnam("root") != NULL);
	S(getpwuid(0) != NULL);
	S(getpwnam_r("root", &pw, buf, sizeof(buf), &p));
	S((setpwent(), 0));
	S(getpwent() != NULL);
	S(getpwent_r(&pw, buf, sizeof(buf), &p));
	S((endpwent(), 0));
	f = fopen("passwd", "w");
	S(putpwent(&pw, f));
	S(getpwuid_r(0, &pw, buf, sizeof(buf), &p));
	S(getgrnam("root") != NULL);
	S(getgrgid(0) != NULL);
	S(getgrnam_r("root", &gr, buf, sizeof(buf), &g));
	S((setgrent(), 0));
	S(getgrent() != NULL);
	S(getgrent_r(&gr, buf, sizeof(buf), &g));
	S((endgrent(), 0));
	S(putgrent(&gr, f));
	S(getgrgid_r(0, &gr, buf, sizeof(buf), &g));
	S(getgrouplist("root", 0, groups, &n));
	S(getspnam("root") != NULL);
	S(getspnam_r("nobody", &sp, buf, sizeof(buf), &s));
	if (s)
		S(putspent(&sp, f));
	S((setspent(), 0));
	S(getspent() != NULL);
	S(getspent_r(&sp, buf, sizeof(buf), &s));
	S((endspent(), 0));
	S(fclose(f));
	f = setmntent("fstab", "w+");
	S(addmntent(f, &me));
	rewind(f);
	S(getmntent_r(f, &me, buf, sizeof(buf)) != NULL);
	S(getmntent(f) != NULL);
	S(endmntent(f));
	S((setutxent(), 0));
	S(getutxent() != NULL);
	S((endutxent(), 0));
	S(getservbyname("http", "tcp") != NULL);
	S(getprotobyname("tcp") != NULL);
	S(getprotobynumber(17) != NULL);
	show("fstab");
}

int __vprintf_chk(int flag, const char *fmt, va_list ap);
int __vfprintf_chk(FILE *f, int flag, const char *fmt, va_list ap);
int __vdprintf_chk(int fd, int flag, const char *fmt, va_list ap);
int __printf_chk(int flag, const char *fmt, ...);
int __fprintf_chk(FILE *f, int flag, const char *fmt, ...);
int __dprintf_chk(int fd, int flag, const char *fmt, ...);
int __fwprintf_chk(FILE *f, int flag, const wchar_t *fmt, ...);

static void checked(FILE *f, int flag, ...)
{
	va_list ap, again;

	va_start(ap, flag);
	va_copy(again, ap);
	S(__vfprintf_chk(f, flag, "%d\n", ap));
	va_end(ap);
	va_copy(ap, again);
	S(__vprintf_chk(flag, "%d\n", ap));
	va_end(ap);
	fflush(f);
	S(__vdprintf_chk(fileno(f), flag, "%d\n", again));
	va_end(again);
}

CASE(formatted)
{
	int a = 0, b = 0;
	FILE *f = fopen("t", "w+"), *w = fopen("w", "w+");

	S((printf)("%d\n", 1));
	S((fprintf)(f, "%d\n", 2));
	S(__printf_chk(1, "%d\n", 3));
	S(__fprintf_chk(f, 1, "%d\n", 4));
	checked(f, 1, 5);
	S((dprintf)(fileno(f), "%d\n", 6));
	S(__dprintf_chk(fileno(f), 1, "%d\n", 7));
	rewind(f);
	S(fscanf(f, "%d %d", &a, &b));
	S(fseek(f, 0, SEEK_SET));
	S(a * 10 + b);
	S(fwprintf(w, L"%d\n", 8));
	S(__fwprintf_chk(w, 1, L"%d\n", 9));
	rewind(w);
	S(fwscanf(w, L"%d %d", &a, &b));
	S(a * 10 + b);
	S(fclose(f));
	S(fclose(w));
	show("t");
	show("w");
}

/* The same by the number of the call, for what has one on every architecture */
CASE(numbers)
{
	struct iovec iov = {(void *)"iov", 3};
	struct epoll_event ev = {.events = EPOLLIN};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct mmsghdr more = {.msg_hdr = msg};
	struct stat st;
	struct statx sx;
	char buf[10];
	int fd, pair[2], poller;
	long pid;

	S(fd = (int)syscall(SYS_openat, AT_FDCWD, "new", O_RDWR | O_CREAT, 0600));
	S(syscall(SYS_write, fd, "text", 4));
	S(syscall(SYS_pwrite64, fd, "T", 1, 0));
	S(syscall(SYS_writev, fd, &iov, 1));
	S(syscall(SYS_fstat, fd, &st));
	S(st.st_size);
	S(syscall(SYS_lseek, fd, 0, SEEK_SET));
	S(syscall(SYS_read, fd, buf, sizeof(buf)));
	S(syscall(SYS_newfstatat, AT_FDCWD, "new", &st, 0));
	S(syscall(SYS_statx, AT_FDCWD, "new", 0, STATX_SIZE, &sx));
	S(sx.stx_size);
	S(syscall(SYS_fcntl, fd, F_GETFD));
	S(syscall(SYS_ioctl, fd, TCGETS, buf));
	S(syscall(SYS_close, syscall(SYS_dup, fd)));
	S(syscall(SYS_dup3, fd, fd + 1, 0));
	S(syscall(SYS_close_range, fd, fd + 1, 0));
	S(syscall(SYS_unlinkat, AT_FDCWD, "new", 0));
	S(syscall(SYS_mkdirat, AT_FDCWD, "d", 0700));
	S(syscall(SYS_mknodat, AT_FDCWD, "d/fifo", S_IFIFO | 0600, 0));
	S(syscall(SYS_symlinkat, "absent", AT_FDCWD, "d/link"));
	S(syscall(SYS_linkat, AT_FDCWD, "f", AT_FDCWD, "d/f", 0));
	S(syscall(SYS_renameat2, AT_FDCWD, "d/f", AT_FDCWD, "d/g", 0));
	S(syscall(SYS_chdir, "d"));
	S(syscall(SYS_chdir, ".."));
	S(syscall(SYS_umount2, "absent", 0));
	S(syscall(SYS_umask, 022));
	S(syscall(SYS_pipe2, pair, 0));
	S(syscall(SYS_write, pair[1], "x", 1));
	S(syscall(SYS_close_range, pair[0], pair[1], 0));
	S(syscall(SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0, pair));
	S(syscall(SYS_sendmsg, pair[0], &msg, 0));
	S(syscall(SYS_epoll_create1, 0) >= 0);
	poller = pair[1] + 1;
	S(syscall(SYS_epoll_ctl, poller, EPOLL_CTL_ADD, pair[1], &ev));
	S(syscall(SYS_sendmmsg, pair[0], &more, 1, 0));
	S(syscall(SYS_close_range, pair[0], poller, 0));
	S(syscall(SYS_close, syscall(SYS_eventfd2, 0, 0)));
	S(syscall(SYS_close, syscall(SYS_timerfd_create, CLOCK_MONOTONIC, 0)));
	S(syscall(SYS_mmap, NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != -1);
	S(syscall(SYS_prctl, 3 /* PR_GET_DUMPABLE */));
	S(syscall(SYS_kill, getpid(), 0));
	S(syscall(SYS_tgkill, getpid(), gettid(), 0));
	pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		syscall(SYS_exit_group, 5);
	t_reap((pid_t)pid);
	S(syscall(SYS_execve, "absent", NULL, NULL));
	S(syscall(SYS_execveat, AT_FDCWD, "absent", NULL, NULL, 0));
#ifdef SYS_open
	S(syscall(SYS_close, syscall(SYS_creat, "new", 0600)));
	S(syscall(SYS_close, syscall(SYS_open, "new", O_RDONLY)));
	S(syscall(SYS_stat, "new", &st));
	S(syscall(SYS_lstat, "new", &st));
	S(syscall(SYS_rename, "new", "old"));
	S(syscall(SYS_link, "old", "new"));
	S(syscall(SYS_unlink, "old"));
	S(syscall(SYS_symlink, "absent", "link"));
	S(syscall(SYS_mkdir, "e", 0700));
	S(syscall(SYS_rmdir, "e"));
	S(syscall(SYS_mknod, "fifo", S_IFIFO | 0600, 0));
	pid = syscall(SYS_fork);
	if (pid == 0)
		syscall(SYS_exit_group, 6);
	t_reap((pid_t)pid);
#endif
}

static int returns_three(void *arg)
{
	(void)arg;
	return 3;
}

CASE(processes)
{
	const struct timespec none = {0};
	struct rusage use;
	sigset_t set;
	siginfo_t si;
	int status;
	thrd_t thread;
	pid_t pid;

	for (int i = 0; i < 2; i++) {
		pid = fork();
		if (pid == 0)
			_exit(7);
		S((i ? wait3(&status, 0, &use) : wait4(pid, &status, 0, &use)) == pid);
		S(WEXITSTATUS(status));
	}
	S(killpg(getpgrp(), 0));
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	S(sigtimedwait(&set, &si, &none));
	S(pthread_sigqueue(pthread_self(), SIGUSR1, (union sigval){.sival_int = 1}));
	S(sigtimedwait(&set, &si, &none));
	S(thrd_create(&thread, returns_three, NULL));
	S(thrd_join(thread, &status));
	S(status);
}

CASE(shared)
{
	const struct timespec none = {0};
	struct sembuf op = {.sem_op = -1};
	pthread_mutexattr_t mutex;
	pthread_condattr_t cond;
	pthread_rwlockattr_t rwlock;
	pthread_barrierattr_t barrier;
	pthread_spinlock_t spin;
	struct aiocb cb = {.aio_fildes = open("f", O_RDONLY)}, *list[1] = {&cb};
	int sem = semget(IPC_PRIVATE, 1, 0600);

	S(semtimedop(sem, &op, 1, &none));
	OK(semctl(sem, 0, IPC_RMID));
	pthread_mutexattr_init(&mutex);
	pthread_condattr_init(&cond);
	pthread_rwlockattr_init(&rwlock);
	pthread_barrierattr_init(&barrier);
	S(pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_PRIVATE));
	S(pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_PRIVATE));
	S(pthread_rwlockattr_setpshared(&rwlock, PTHREAD_PROCESS_PRIVATE));
	S(pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_PRIVATE));
	S(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE));
	S(aio_fsync(O_SYNC, &cb));
	S(aio_suspend((const struct aiocb *const *)list, 1, NULL));
	S(aio_cancel(cb.aio_fildes, NULL));
	cb.aio_lio_opcode = LIO_NOP;
	S(lio_listio(LIO_WAIT, list, 1, NULL));
	S(sem_unlink("/fastio-siblings"));
	S(shm_unlink("/fastio-siblings"));
	S(shm_open("/fastio-siblings", O_RDWR, 0600));
	close(cb.aio_fildes);
}

CASE(refused)
{
	S(umount2("absent", 0));
	S(swapon("absent", 0));
	S(swapoff("absent"));
	S(mount_setattr(-1, "", 0, NULL, 0));
	S(move_mount(-1, "", -1, "", 0));
	S(fsopen("no such", 0));
	S(fsmount(-1, 0, 0));
	S(fspick(AT_FDCWD, "absent", 0));
	S(fsconfig(-1, 0, NULL, NULL, 0));
	S(open_tree(AT_FDCWD, "absent", 0));
}

CASE(identities)
{
	S(setreuid(-1U, -1U));
	S(setregid(-1U, -1U));
	S(setresuid(-1U, -1U, -1U));
	S(setresgid(-1U, -1U, -1U));
	S(setfsuid(-1U));
	S(setfsgid(-1U));
	S(setgroups(0, NULL));
	S(initgroups("root", 0));
}

static const struct t_case cases[] = {
	C(terminals), C(attributes), C(sockets),    C(events),    C(streams),
	C(wide),      C(formatted),  C(numbers),    C(databases), C(processes),
	C(shared),    C(refused),    C(identities),
};

int main(int argc, char **argv)
{
	return t_main(argc, argv, cases, T_COUNT(cases), fixture);
}
