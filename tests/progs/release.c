/* SPDX-License-Identifier: MIT */
/*
 * release.c - whoever learns of our progress finds all that we did before
 *
 * `release CASE` is the observer and runs without the library; it starts itself as the worker with
 * the library of $T_PRELOAD.  The worker works, then does what the case is named after; the
 * observer looks at once.
 */
#include "peek.h"

#include <dirent.h>
#include <dlfcn.h>
#include <grp.h>
#include <linux/fs.h>
#include <mqueue.h>
#include <pty.h>
#include <pwd.h>
#include <sched.h>
#include <semaphore.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <termios.h>

#define CH 50 /* the worker's end of the channel */

enum how {
	WAITED,   /* the observer waits for the process */
	TOLD,     /* ... reads from a channel */
	SIGNALED, /* ... waits for a signal */
	LOCKED,   /* ... for a lock */
	NAMED,    /* ... for a name to appear */
	MARKED,   /* ... for a name to appear, and the call has returned */
	FREED,    /* ... for a name to go: the end of a lock made of a name */
	PEEKED,   /* looks when the call has returned */
	CHECKED,  /* the worker starts the check itself */
};

struct row {
	const char *name;
	enum how how;
	const char *scope;     /* "all", or one name that must be complete */
	void (*channel)(void); /* observer: makes CH for the worker and ch for itself */
	void (*prepare)(void); /* worker, before anything is pending */
	void (*tell)(void);    /* worker, when all is pending */
};

static const struct row *row;
static int ch = -1; /* the observer's end */
static int open_fd; /* the worker's file that is still open */
static FILE *stream;

/* ---- the work and what it must leave ---- */

static const struct {
	const char *name;
	int size; /* -1: must not be there */
	unsigned seed;
} expected[] = {
	{"wd/c0", 100, 0},   {"wd/c1", 100, 1},      {"wd/c2", 100, 2},   {"wd/c3", 100, 3},
	{"wd/c4", 100, 4},   {"wd/e0", 100, 90},     {"wd/e1", 150, 91},  {"wd/e2", 40, 92},
	{"wd/u0", -1, 0},    {"wd/u1", -1, 0},       {"wd/meta", 20, 93}, {"wd/sub/x", 100, 94},
	{"wd/open", 50, 95}, {"wd/oldopen", 50, 96},
};

static void fixture(void)
{
	OK(mkdir("wd", 0755));
	OK(mkdir("wd/sub", 0755));
	for (int i = 0; i < 3; i++)
		putn(t_name("wd/e%d", i), 100, (unsigned)i);
	putn("wd/u0", 100, 1);
	putn("wd/u1", 100, 1);
	putn("wd/oldopen", 70, 1);
	put("lock", "lock");
	OK(mkfifo("fifo", 0600));
}

static void work(void)
{
	static const struct timespec ts[2] = {{1000, 0}, {2000, 0}};
	char b[64];
	int fd;

	for (unsigned i = 0; i < 5; i++)
		putn(t_name("wd/c%u", i), 100, i);
	putn("wd/e0", 100, 90);
	putn("wd/e1", 150, 91);
	putn("wd/e2", 40, 92);
	unlink("wd/u0");
	unlink("wd/u1");
	fd = open("wd/meta", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	t_fill(b, 20, 93);
	write_all(fd, b, 20);
	fchmod(fd, 0641);
	futimens(fd, ts);
	close(fd);
	putn("wd/sub/x", 100, 94);
	fd = open("wd/oldopen", O_WRONLY | O_TRUNC);
	t_fill(b, 50, 96);
	write_all(fd, b, 50);
	open_fd = open("wd/open", O_RDWR | O_CREAT | O_TRUNC, 0644);
	t_fill(b, 50, 95);
	write_all(open_fd, b, 50);
}

static bool in_scope(const char *name, const char *scope)
{
	if (!strcmp(scope, "all"))
		return true;
	if (scope[strlen(scope) - 1] == '/')
		return !strncmp(name, scope, strlen(scope)) && !strchr(name + strlen(scope), '/');
	return !strcmp(name, scope);
}

/* Gathers first (no output in between), then notes what is missing. */
static void check(const char *scope)
{
	static char got[T_COUNT(expected)][256];
	int size[T_COUNT(expected)], wrong = 0;
	struct stat st = {0};

	for (size_t i = T_COUNT(expected); i-- > 0;) {
		int fd = open(expected[i].name, O_RDONLY);

		size[i] = -1;
		if (fd >= 0) {
			size[i] = (int)read(fd, got[i], sizeof(got[i]));
			close(fd);
		}
	}
	stat("wd/meta", &st);
	for (size_t i = 0; i < T_COUNT(expected); i++) {
		char want[256];

		if (!in_scope(expected[i].name, scope))
			continue;
		t_fill(want, sizeof(want), expected[i].seed);
		if (size[i] != expected[i].size) {
			out("%s has size %d, not %d\n", expected[i].name, size[i],
			    expected[i].size);
			wrong++;
		} else if (size[i] > 0 && memcmp(want, got[i], (size_t)size[i])) {
			out("%s has other content\n", expected[i].name);
			wrong++;
		}
	}
	if (in_scope("wd/meta", scope) && ((st.st_mode & 0777) != 0641 || st.st_mtime != 2000)) {
		out("wd/meta has mode %o, mtime %ld\n", st.st_mode, st.st_mtime);
		wrong++;
	}
	out(wrong ? "NOT complete\n" : "complete\n");
}

/* ---- channels ---- */

static void use_channel(int theirs, int mine)
{
	OK(dup2(theirs, CH));
	close(theirs);
	ch = mine;
	fcntl(ch, F_SETFD, FD_CLOEXEC);
}

static void ch_pipe(void)
{
	int p[2];

	OK(pipe(p));
	use_channel(p[1], p[0]);
}

static void ch_socketpair(void)
{
	int s[2];

	OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	use_channel(s[1], s[0]);
}

static void ch_dgram(void)
{
	int s[2];

	OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
	use_channel(s[1], s[0]);
}

static void ch_pty(void)
{
	int m, s;

	OK(openpty(&m, &s, NULL, NULL, NULL));
	use_channel(s, m);
}

static void ch_eventfd(void)
{
	int e = (int)OK(eventfd(0, 0));

	use_channel((int)OK(dup(e)), e);
}

static void ch_fifo(void)
{
	ch = -2; /* opened when it is waited for */
}

static void ch_listen(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "listening"};

	ch = (int)OK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	OK(bind(ch, (struct sockaddr *)&un, sizeof(un)));
	OK(listen(ch, 5));
}

static int ipc_id; /* the same in the worker: by its key */

static void ch_msg(void)
{
	ipc_id = (int)OK(msgget((key_t)(getpid() + 0x10000), IPC_CREAT | 0600));
}

static void ch_sem(void)
{
	ipc_id = (int)OK(semget((key_t)(getpid() + 0x10000), 1, IPC_CREAT | 0600));
}

static void ch_mq(void)
{
	struct mq_attr at = {.mq_maxmsg = 1, .mq_msgsize = 8};
	char name[32];

	snprintf(name, sizeof(name), "/fastio-%d", (int)getpid());
	ch = mq_open(name, O_RDONLY | O_CREAT, 0600, &at);
	if (ch < 0)
		out("mq_open: %s\n", t_errno(errno));
}

static void wait_on_channel(void)
{
	struct sembuf op = {0, -1, 0};
	char b[16];

	if (ch == -2) {
		ch = (int)OK(open("fifo", O_RDONLY));
		return;
	}
	if (row->channel == ch_listen) {
		OK(accept(ch, NULL, NULL));
	} else if (row->channel == ch_msg) {
		OK(msgrcv(ipc_id, b, 8, 0, 0));
		msgctl(ipc_id, IPC_RMID, NULL);
	} else if (row->channel == ch_sem) {
		OK(semop(ipc_id, &op, 1));
		semctl(ipc_id, 0, IPC_RMID);
	} else if (row->channel == ch_mq) {
		OK(mq_receive(ch, b, 8, NULL));
		snprintf(b, sizeof(b), "/fastio-%d", (int)getpid());
		mq_unlink(b);
	} else {
		close(CH);
		OK(read(ch, b, 8));
	}
}

/* ---- what the worker does to tell ---- */

#define TELL(name) static void tell_##name(void)

TELL(nothing)
{
	peek_area.flag = 2;
}

TELL(return )
{
}

TELL(exit)
{
	exit(0);
}

TELL(_exit)
{
	_exit(0);
}

TELL(_Exit)
{
	_Exit(0);
}

TELL(quick_exit)
{
	quick_exit(0);
}

TELL(abort)
{
	abort();
}

TELL(raise_kill)
{
	raise(SIGKILL);
}

TELL(raise_term)
{
	raise(SIGTERM);
}

TELL(kill_self)
{
	kill(getpid(), SIGKILL);
}

TELL(pthread_kill_self)
{
	pthread_kill(pthread_self(), SIGKILL);
}

TELL(syscall_exit)
{
	syscall(SYS_exit_group, 0);
}

TELL(syscall_kill)
{
	syscall(SYS_kill, getppid(), SIGUSR1);
}

TELL(pthread_exit)
{
	pthread_exit(NULL);
}

static void *exit_here(void *arg)
{
	exit(0);
	return arg;
}

TELL(exit_in_thread)
{
	pthread_t t;

	pthread_create(&t, NULL, exit_here, NULL);
	pthread_join(t, NULL);
}

static char *check_argv[] = {(char *)"release", (char *)"--check", NULL};
static char *no_env[] = {NULL};

TELL(execve)
{
	execve("/proc/self/exe", check_argv, no_env);
}

TELL(execv)
{
	unsetenv("LD_PRELOAD");
	execv("/proc/self/exe", check_argv);
}

TELL(execlp)
{
	unsetenv("LD_PRELOAD");
	execlp("/proc/self/exe", "release", "--check", (char *)NULL);
}

TELL(fexecve)
{
	fexecve(open("/proc/self/exe", O_RDONLY | O_CLOEXEC), check_argv, no_env);
}

TELL(execveat)
{
	syscall(SYS_execveat, AT_FDCWD, "/proc/self/exe", check_argv, no_env, 0);
}

TELL(fork)
{
	pid_t pid = fork();

	if (!pid)
		execve("/proc/self/exe", check_argv, no_env);
	waitpid(pid, NULL, 0);
}

TELL(vfork)
{
	pid_t pid = vfork();

	if (!pid) {
		execve("/proc/self/exe", check_argv, no_env);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static char self_path[4096];

TELL(spawn)
{
	pid_t pid = -1;

	posix_spawn(&pid, self_path, NULL, NULL, check_argv, no_env);
	waitpid(pid, NULL, 0);
}

TELL(spawnp)
{
	pid_t pid = -1;

	posix_spawnp(&pid, self_path, NULL, NULL, check_argv, no_env);
	waitpid(pid, NULL, 0);
}

TELL(system)
{
	if (system(t_name("LD_PRELOAD= exec '%s' --check", self_path)))
		_exit(1);
}

TELL(popen)
{
	pclose(popen(t_name("LD_PRELOAD= exec '%s' --check", self_path), "w"));
}

TELL(write)
{
	write_all(CH, "x", 1);
}

TELL(write8)
{
	write_all(CH, "xxxxxxx", 8);
}

TELL(writev)
{
	struct iovec v = {(char *)"x\n", 2};

	OK(writev(CH, &v, 1));
}

TELL(dprintf)
{
	dprintf(CH, "%s\n", "told");
}

TELL(raw_write)
{
	syscall(SYS_write, CH, "x", 1);
}

TELL(splice)
{
	loff_t off = 0;
	int fd = open("lock", O_RDONLY);

	OK(splice(fd, &off, CH, NULL, 4, 0));
}

TELL(vmsplice)
{
	struct iovec v = {(char *)"x\n", 2};

	OK(vmsplice(CH, &v, 1, 0));
}

TELL(sendfile)
{
	OK(sendfile(CH, open("lock", O_RDONLY), NULL, 4));
}

TELL(close)
{
	close(CH);
}

TELL(dup2_over)
{
	dup2(0, CH);
}

TELL(close_range)
{
	close_range(CH, CH, 0);
}

TELL(closefrom)
{
	closefrom(CH);
}

TELL(send)
{
	OK(send(CH, "x", 1, 0));
}

TELL(sendto)
{
	OK(sendto(CH, "x", 1, 0, NULL, 0));
}

TELL(sendmsg)
{
	struct iovec v = {(char *)"x", 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

	OK(sendmsg(CH, &m, 0));
}

TELL(sendmmsg)
{
	struct iovec v = {(char *)"x", 1};
	struct mmsghdr m = {.msg_hdr = {.msg_iov = &v, .msg_iovlen = 1}};

	OK(sendmmsg(CH, &m, 1, 0));
}

TELL(shutdown)
{
	OK(shutdown(CH, SHUT_WR));
}

TELL(connect)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "listening"};
	int fd = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));

	OK(connect(fd, (struct sockaddr *)&un, sizeof(un)));
}

TELL(open_fifo)
{
	OK(open("fifo", O_WRONLY));
}

static int queue_id;

static void prep_msg(void)
{
	queue_id = (int)OK(msgget((key_t)(getppid() + 0x10000), 0));
}

static void prep_sem(void)
{
	queue_id = (int)OK(semget((key_t)(getppid() + 0x10000), 1, 0));
}

TELL(msgsnd)
{
	struct {
		long type;
		char text[8];
	} m = {1, "x"};

	OK(msgsnd(queue_id, &m, 8, 0));
}

TELL(semop)
{
	struct sembuf op = {0, 1, 0};

	OK(semop(queue_id, &op, 1));
}

static mqd_t queue;

static void prep_mq(void)
{
	queue = mq_open(t_name("/fastio-%d", (int)getppid()), O_WRONLY);
}

TELL(mq_send)
{
	OK(mq_send(queue, "x", 1, 0));
}

/* stdio on the channel */

static void prep_stream(void)
{
	stream = fdopen(CH, "w");
}

/* With its buffer, which stdio otherwise makes at the first output. */
static void prep_buffered(void)
{
	static char room[4096];

	prep_stream();
	setvbuf(stream, room, _IOFBF, sizeof(room));
}

static void prep_unbuffered(void)
{
	stream = fdopen(CH, "w");
	setvbuf(stream, NULL, _IONBF, 0);
}

static void prep_line(void)
{
	stream = fdopen(CH, "w");
	setvbuf(stream, NULL, _IOLBF, 4096);
}

static void prep_stdout(void)
{
	dup2(CH, 1);
	close(CH);
}

static void prep_stderr(void)
{
	dup2(CH, 2);
	close(CH);
}

TELL(fflush)
{
	fprintf(stream, "told");
	fflush(stream);
}

TELL(fflush_all)
{
	fprintf(stream, "told");
	fflush(NULL);
}

TELL(printf_fflush)
{
	printf("told");
	fflush(stdout);
}

TELL(puts_exit)
{
	puts("told");
	exit(0);
}

TELL(fputs)
{
	fputs("told\n", stream);
}

TELL(fputc)
{
	fputc('\n', stream);
}

TELL(fprintf)
{
	fprintf(stream, "told %d\n", 1);
}

TELL(fwrite)
{
	fwrite("told\n", 1, 5, stream);
}

TELL(putc_unlocked)
{
	putc_unlocked('\n', stream);
}

TELL(fclose)
{
	fputs("told", stream);
	fclose(stream);
}

TELL(perror)
{
	perror("told");
}

static char much[100000];

TELL(overflow_fwrite)
{
	memset(much, 'm', sizeof(much));
	fwrite(much, 1, 20000, stream);
	peek_spin(&peek_area.go, 2);
}

TELL(overflow_putc)
{
	for (int i = 0; i < 20000; i++)
		putc_unlocked('x', stream);
	peek_spin(&peek_area.go, 2);
}

TELL(overflow_fprintf)
{
	for (int i = 0; i < 3000; i++)
		fprintf(stream, "%07d", i);
	peek_spin(&peek_area.go, 2);
}

TELL(fseek)
{
	fputs("told", stream);
	fseek(stream, 0, SEEK_CUR);
}

/* signals to the observer */

TELL(kill)
{
	kill(getppid(), SIGUSR1);
}

TELL(sigqueue)
{
	sigqueue(getppid(), SIGUSR1, (union sigval){0});
}

TELL(pidfd)
{
	int fd = (int)OK(syscall(SYS_pidfd_open, getppid(), 0));

	OK(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, NULL, 0));
}

TELL(tgkill)
{
	tgkill(getppid(), getppid(), SIGUSR1);
}

static void *kill_parent(void *arg)
{
	kill(getppid(), SIGUSR1);
	return arg;
}

TELL(kill_in_thread)
{
	pthread_t t;

	pthread_create(&t, NULL, kill_parent, NULL);
	pthread_join(t, NULL);
}

/* locks */

static int lock_fd;

static void prep_flock(void)
{
	lock_fd = (int)OK(open("lock", O_RDWR));
	OK(flock(lock_fd, LOCK_EX));
}

static void set_lock(int cmd, short type)
{
	struct flock fl = {.l_type = type, .l_whence = SEEK_SET};

	OK(fcntl(lock_fd, cmd, &fl));
}

static void prep_posix(void)
{
	lock_fd = (int)OK(open("lock", O_RDWR));
	set_lock(F_SETLK, F_WRLCK);
}

static void prep_ofd(void)
{
	lock_fd = (int)OK(open("lock", O_RDWR));
	set_lock(F_OFD_SETLK, F_WRLCK);
}

TELL(flock)
{
	OK(flock(lock_fd, LOCK_UN));
}

TELL(close_lock)
{
	OK(close(lock_fd));
}

TELL(close_alias)
{
	OK(close((int)OK(open("lock", O_RDONLY))));
}

TELL(fcntl)
{
	set_lock(F_SETLK, F_UNLCK);
}

TELL(ofd)
{
	set_lock(F_OFD_SETLK, F_UNLCK);
}

TELL(lockf)
{
	OK(lockf(lock_fd, F_ULOCK, 0));
}

/* names that others wait for; the observer waits for "published" */

static int dir_fd;

static void prep_source(void)
{
	putn("source", 10, 1);
	dir_fd = (int)OK(open(".", O_RDONLY | O_DIRECTORY));
}

TELL(rename)
{
	OK(rename("source", "published"));
}

TELL(rename_new)
{
	putn("wd/new.tmp", 10, 1);
	OK(rename("wd/new.tmp", "published"));
}

TELL(renameat2)
{
	OK(renameat2(dir_fd, "source", dir_fd, "published", RENAME_NOREPLACE));
}

TELL(link)
{
	OK(link("source", "published"));
}

TELL(linkat)
{
	OK(linkat(dir_fd, "source", dir_fd, "published", 0));
}

TELL(symlink)
{
	OK(symlink("source", "published"));
}

/* The name of a marker may be there when it is open; it publishes when it is closed. */

TELL(marker)
{
	OK(close((int)OK(open("published", O_WRONLY | O_CREAT | O_TRUNC, 0644))));
	peek_area.flag = 2;
}

TELL(marker_excl)
{
	OK(close((int)OK(open("published", O_WRONLY | O_CREAT | O_EXCL, 0644))));
	peek_area.flag = 2;
}

TELL(marker_creat)
{
	OK(close((int)OK(creat("published", 0644))));
	peek_area.flag = 2;
}

TELL(marker_stdio)
{
	fclose(fopen("published", "w"));
	peek_area.flag = 2;
}

TELL(bind)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "published"};

	OK(bind((int)OK(socket(AF_UNIX, SOCK_STREAM, 0)), (struct sockaddr *)&un, sizeof(un)));
}

static void prep_lock_dir(void)
{
	OK(mkdir("work.lock", 0755));
}

static void prep_lock_file(void)
{
	OK(close((int)OK(open("work.lock", O_WRONLY | O_CREAT | O_EXCL, 0644))));
}

TELL(rmdir)
{
	OK(rmdir("work.lock"));
}

TELL(unlink_lock)
{
	OK(unlink("work.lock"));
}

/* calls after which the observer looks */

#define PEEK_TELL(name, call)       \
	TELL(name)                  \
	{                           \
		call;               \
		peek_area.flag = 2; \
	}

PEEK_TELL(fsync, OK(fsync(open_fd)))
PEEK_TELL(fdatasync, OK(fdatasync(open_fd)))
PEEK_TELL(sync_file_range, OK(sync_file_range(open_fd, 0, 0, SYNC_FILE_RANGE_WRITE)))
PEEK_TELL(sync, sync())
PEEK_TELL(syncfs, OK(syncfs(open_fd)))
PEEK_TELL(mmap, mmap(NULL, 4096, PROT_READ, MAP_SHARED, open_fd, 0))
PEEK_TELL(dup, OK(dup(open_fd)))
PEEK_TELL(fdopen, fdopen(open_fd, "w"))
PEEK_TELL(lock_file, OK(flock(open_fd, LOCK_EX)))
PEEK_TELL(chdir, OK(chdir("wd")))
PEEK_TELL(umask, umask(077))
PEEK_TELL(dlopen, dlopen("libm.so.6", RTLD_NOW))
PEEK_TELL(stat, access("wd/c3", F_OK))
PEEK_TELL(readdir, readdir(opendir("wd")))
PEEK_TELL(unknown_syscall, syscall(9999))
PEEK_TELL(setuid, OK(setuid(getuid())))
PEEK_TELL(take_flock, OK(flock(lock_fd, LOCK_EX)))

/* What the answer is does not matter; many of these are refused. */
PEEK_TELL(fchdir, fchdir(open("wd", O_RDONLY | O_DIRECTORY)))
PEEK_TELL(chroot, chroot("wd"))
PEEK_TELL(unshare, unshare(0))
PEEK_TELL(setns, setns(-1, 0))
PEEK_TELL(mount, mount("none", "wd", "none", 0, NULL))
PEEK_TELL(umount, umount("wd"))
PEEK_TELL(setgid, setgid(getgid()))
PEEK_TELL(prctl, prctl(PR_SET_DUMPABLE, 1))
PEEK_TELL(seccomp, prctl(PR_SET_SECCOMP, 0))
PEEK_TELL(ptrace, ptrace(PTRACE_CONT, 0, NULL, NULL))
PEEK_TELL(capset, syscall(SYS_capset, NULL, NULL))
PEEK_TELL(personality, personality(0xffffffff))
PEEK_TELL(shmat, shmat(-1, NULL, 0))
PEEK_TELL(sem_init, sem_init(&(sem_t){0}, 1, 0))
PEEK_TELL(io_uring_setup, syscall(SYS_io_uring_setup, 0, NULL))
PEEK_TELL(msync, msync(mmap(NULL, 4096, PROT_READ, MAP_SHARED, open_fd, 0), 4096, MS_SYNC))
PEEK_TELL(copy_file_range, copy_file_range(open_fd, NULL, -1, NULL, 10, 0))
PEEK_TELL(sendfile_from, sendfile(-1, open_fd, NULL, 10))
PEEK_TELL(splice_from, splice(open_fd, NULL, -1, NULL, 10, 0))
PEEK_TELL(ioctl, ioctl(open_fd, FIGETBSZ, &(int){0}))
PEEK_TELL(scandir, scandir("wd", &(struct dirent **){NULL}, NULL, NULL))
PEEK_TELL(getdents, getdents64(open("wd", O_RDONLY), (char[4096]){0}, 4096))
PEEK_TELL(open, open("wd/c3", O_RDONLY))
PEEK_TELL(chmod, chmod("wd/c3", 0600))
PEEK_TELL(chown, chown("wd/c3", getuid(), getgid()))
PEEK_TELL(utimes, utimes("wd/c3", NULL))
PEEK_TELL(truncate, truncate("wd/c3", 100))
PEEK_TELL(readlink, readlink("wd/c3", (char[8]){0}, 8))
PEEK_TELL(listxattr, listxattr("wd/c3", NULL, 0))
PEEK_TELL(lstat, lstat("wd/c3", &(struct stat){0}))
/* Not in the files: some daemon may be asked. */
PEEK_TELL(getpwnam, getpwnam("nobody-has-this-name") ? -1 : 0)
PEEK_TELL(getgrgid, getgrgid(4000000000u) ? -1 : 0)

/* The child works on; who made it is gone or waits. */
static int check_in_child(void *arg)
{
	execve("/proc/self/exe", check_argv, no_env);
	return arg != NULL;
}

TELL(clone)
{
	static char stack[1 << 16] __attribute__((aligned(16)));

	t_reap(clone(check_in_child, stack + sizeof(stack), SIGCHLD, NULL));
}

TELL(_Fork)
{
	pid_t pid = _Fork();

	if (!pid)
		_exit(check_in_child(NULL));
	t_reap(pid);
}

TELL(forkpty)
{
	char b[256];
	ssize_t n;
	int m;
	pid_t pid = forkpty(&m, NULL, NULL, NULL);

	if (!pid)
		_exit(check_in_child(NULL));
	while ((n = read(m, b, sizeof(b))) > 0)
		write_all(1, b, (size_t)n);
	t_reap(pid);
}

TELL(daemon)
{
	pid_t pid = fork();

	/* its parent exits, so somebody else has to be waited for */
	if (!pid) {
		work();
		daemon(1, 1);
		write_all(CH, "x", 1);
		_exit(0);
	}
}

TELL(symlinkat)
{
	OK(symlinkat("wd/c0", AT_FDCWD, "published"));
}

TELL(renameat)
{
	OK(renameat(AT_FDCWD, "source", AT_FDCWD, "published"));
}

TELL(setrlimit)
{
	struct rlimit rl;

	getrlimit(RLIMIT_FSIZE, &rl);
	setrlimit(RLIMIT_FSIZE, &rl);
	peek_area.flag = 2;
}

static void prep_open_lock(void)
{
	lock_fd = (int)OK(open("lock", O_RDWR));
}

/* channels of the worker's own that somebody else holds after all */

static int own[2]; /* own[0] is read elsewhere */

/* Somebody who was told passes it on to the observer. */
__attribute__((noreturn)) static void pass_on(int fd)
{
	char b[8];

	OK(read(fd, b, sizeof(b)));
	OK(write(CH, "x", 1));
	t_leave(0);
}

static void fork_relay(void)
{
	if (!fork())
		pass_on(own[0]);
}

static void prep_own_pipe(void)
{
	OK(pipe(own));
	fork_relay();
}

static void prep_own_socketpair(void)
{
	OK(socketpair(AF_UNIX, SOCK_STREAM, 0, own));
	fork_relay();
}

static void prep_own_eventfd(void)
{
	own[0] = own[1] = (int)OK(eventfd(0, 0));
	fork_relay();
}

/* ... by inheritance only */
static char *relay_argv[] = {self_path, (char *)"--relay", NULL, NULL};

static void pipe_for_relay(void)
{
	OK(pipe(own));
	relay_argv[2] = t_name("%d", own[0]);
}

static void prep_own_spawned(void)
{
	pid_t pid;

	pipe_for_relay();
	OK(posix_spawn(&pid, self_path, NULL, NULL, relay_argv, environ));
}

static void prep_own_vforked(void)
{
	pipe_for_relay();
	if (!vfork()) {
		execv(self_path, relay_argv);
		_exit(127);
	}
}

static void prep_own_popened(void)
{
	pipe_for_relay();
	popen(t_name("%s --relay %s", self_path, relay_argv[2]), "r");
}

/* ... close-on-exec: by a child that executes nothing, or that hands it on before it does */
static void pipe_on_exec(void)
{
	OK(pipe2(own, O_CLOEXEC));
	relay_argv[2] = t_name("%d", own[0]);
}

/* By then the child has executed the relay. */
static void settle(void)
{
	usleep(50000);
}

static void exec_relay(void)
{
	execv(self_path, relay_argv);
	_exit(127);
}

static void prep_kept_forked(void)
{
	pipe_on_exec();
	fork_relay();
}

static void prep_kept_grandchild(void)
{
	pipe_on_exec();
	if (!fork()) {
		fork_relay();
		execlp("sleep", "sleep", "0", NULL);
		_exit(127);
	}
	settle();
}

static void dup_in_child(void)
{
	if (!fork()) {
		OK(dup2(own[0], 0));
		relay_argv[2] = t_name("0");
		exec_relay();
	}
	settle();
}

static void prep_kept_dup(void)
{
	pipe_on_exec();
	dup_in_child();
}

static void prep_kept_dup_socket(void)
{
	OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, own));
	dup_in_child();
}

static void prep_kept_dup_eventfd(void)
{
	own[0] = own[1] = (int)OK(eventfd(0, EFD_CLOEXEC));
	dup_in_child();
}

static void prep_kept_vfork_dup(void)
{
	pipe_on_exec();
	relay_argv[2] = t_name("0");
	if (!vfork()) {
		dup2(own[0], 0);
		exec_relay();
	}
}

static void prep_kept_setfd(void)
{
	pipe_on_exec();
	if (!fork()) {
		OK(fcntl(own[0], F_SETFD, 0));
		exec_relay();
	}
	settle();
}

static void prep_kept_cleared(void)
{
	pipe_on_exec();
	OK(fcntl(own[0], F_SETFD, 0));
	if (!fork())
		exec_relay();
	settle();
}

static void prep_kept_dup_before(void)
{
	pipe_on_exec();
	relay_argv[2] = t_name("%d", (int)OK(dup(own[0])));
	if (!fork())
		exec_relay();
	settle();
}

static void prep_kept_spawned(void)
{
	posix_spawn_file_actions_t fa;
	pid_t pid;

	pipe_on_exec();
	relay_argv[2] = t_name("9");
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, own[0], 9);
	OK(posix_spawn(&pid, self_path, &fa, NULL, relay_argv, environ));
}

/* ... by a message: the relay receives the descriptor */
static int send_fd(int to, int fd, bool raw)
{
	char b = 'x', room[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {&b, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = room,
			     .msg_controllen = sizeof(room)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return (int)(raw ? syscall(SYS_sendmsg, to, &msg, 0) : sendmsg(to, &msg, 0));
}

static int receive_fd(int from)
{
	char b, room[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {&b, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = room,
			     .msg_controllen = sizeof(room)};
	int fd;

	OK(recvmsg(from, &msg, 0));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

/* The child sends it before it executes something. */
static void prep_kept_sent(void)
{
	int s[2];

	OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	if (!fork())
		pass_on(receive_fd(s[0]));
	pipe_on_exec();
	if (!fork()) {
		OK(send_fd(s[1], own[0], false));
		execlp("sleep", "sleep", "0", NULL);
		_exit(127);
	}
	settle();
}

static void own_sent(bool raw)
{
	int s[2];

	OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	if (!fork())
		pass_on(receive_fd(s[0]));
	OK(pipe(own));
	OK(send_fd(s[1], own[0], raw));
}

static void prep_own_sent(void)
{
	own_sent(false);
}

static void prep_own_sent_raw(void)
{
	own_sent(true);
}

/* The relay has the epoll, not the pipe in it. */
static void prep_own_epoll(void)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int e = (int)OK(epoll_create1(0));

	if (!fork()) {
		OK(epoll_wait(e, &ev, 1, -1));
		OK(write(CH, "x", 1));
		t_leave(0);
	}
	OK(pipe(own));
	OK(epoll_ctl(e, EPOLL_CTL_ADD, own[0], &ev));
}

/* The observer is signalled when there is something to read. */
static void prep_own_sigio(void)
{
	OK(pipe(own));
	OK(fcntl(own[0], F_SETOWN, getppid()));
	OK(fcntl(own[0], F_SETSIG, SIGUSR1));
	OK(fcntl(own[0], F_SETFL, O_ASYNC));
}

TELL(own)
{
	OK(write(own[1], "12345678", 8));
}

/* work done elsewhere in the worker */

static bool worked;

static void *work_in_thread(void *arg)
{
	work();
	return arg;
}

TELL(thread_work)
{
	pthread_t t;

	pthread_create(&t, NULL, work_in_thread, NULL);
	pthread_join(t, NULL);
	write_all(CH, "x", 1);
}

TELL(child_work)
{
	pid_t pid = fork();

	if (!pid) {
		work();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	write_all(CH, "x", 1);
}

#define ROW(name, how)                                     \
	{                                                  \
#name, how, "all", NULL, NULL, tell_##name \
	}
#define VIA(name, channel)                                     \
	{                                                      \
#name, TOLD, "all", channel, NULL, tell_##name \
	}
#define NAM(name)                                                   \
	{                                                           \
#name, NAMED, "all", NULL, prep_source, tell_##name \
	}
#define MRK(name)                                                    \
	{                                                            \
#name, MARKED, "all", NULL, prep_source, tell_##name \
	}
#define LCK(name, prep)                                       \
	{                                                     \
#name, LOCKED, "all", NULL, prep, tell_##name \
	}
#define PKD(name, scope)                                      \
	{                                                     \
#name, PEEKED, scope, NULL, NULL, tell_##name \
	}

static const struct row rows[] = {
	PKD(nothing, "all"),
	ROW(return, WAITED),
	ROW(exit, WAITED),
	ROW(_exit, WAITED),
	ROW(_Exit, WAITED),
	ROW(quick_exit, WAITED),
	ROW(abort, WAITED),
	ROW(raise_kill, WAITED),
	ROW(raise_term, WAITED),
	ROW(kill_self, WAITED),
	ROW(pthread_kill_self, WAITED),
	ROW(syscall_exit, WAITED),
	ROW(pthread_exit, WAITED),
	ROW(exit_in_thread, WAITED),
	ROW(execve, CHECKED),
	ROW(execv, CHECKED),
	ROW(execlp, CHECKED),
	ROW(fexecve, CHECKED),
	ROW(execveat, CHECKED),
	ROW(fork, CHECKED),
	ROW(vfork, CHECKED),
	ROW(spawn, CHECKED),
	ROW(spawnp, CHECKED),
	ROW(system, CHECKED),
	ROW(popen, CHECKED),
	VIA(write, ch_pipe),
	VIA(writev, ch_pipe),
	VIA(dprintf, ch_pipe),
	VIA(raw_write, ch_pipe),
	VIA(splice, ch_pipe),
	VIA(vmsplice, ch_pipe),
	VIA(sendfile, ch_pipe),
	VIA(close, ch_pipe),
	VIA(dup2_over, ch_pipe),
	VIA(close_range, ch_pipe),
	VIA(closefrom, ch_pipe),
	{"socket_write", TOLD, "all", ch_socketpair, NULL, tell_write},
	VIA(send, ch_socketpair),
	VIA(sendto, ch_socketpair),
	VIA(sendmsg, ch_socketpair),
	VIA(sendmmsg, ch_socketpair),
	VIA(shutdown, ch_socketpair),
	{"socket_close", TOLD, "all", ch_socketpair, NULL, tell_close},
	{"dgram", TOLD, "all", ch_dgram, NULL, tell_send},
	VIA(connect, ch_listen),
	VIA(open_fifo, ch_fifo),
	{"tty_write", TOLD, "all", ch_pty, NULL, tell_writev},
	{"tty_stdio", TOLD, "all", ch_pty, prep_stream, tell_fputs},
	{"eventfd", TOLD, "all", ch_eventfd, NULL, tell_write8},
	{"own_pipe", TOLD, "all", ch_pipe, prep_own_pipe, tell_own},
	{"own_socketpair", TOLD, "all", ch_pipe, prep_own_socketpair, tell_own},
	{"own_eventfd", TOLD, "all", ch_pipe, prep_own_eventfd, tell_own},
	{"own_spawned", TOLD, "all", ch_pipe, prep_own_spawned, tell_own},
	{"own_vforked", TOLD, "all", ch_pipe, prep_own_vforked, tell_own},
	{"own_popened", TOLD, "all", ch_pipe, prep_own_popened, tell_own},
	{"kept_forked", TOLD, "all", ch_pipe, prep_kept_forked, tell_own},
	{"kept_grandchild", TOLD, "all", ch_pipe, prep_kept_grandchild, tell_own},
	{"kept_dup", TOLD, "all", ch_pipe, prep_kept_dup, tell_own},
	{"kept_dup_socket", TOLD, "all", ch_pipe, prep_kept_dup_socket, tell_own},
	{"kept_dup_eventfd", TOLD, "all", ch_pipe, prep_kept_dup_eventfd, tell_own},
	{"kept_vfork_dup", TOLD, "all", ch_pipe, prep_kept_vfork_dup, tell_own},
	{"kept_setfd", TOLD, "all", ch_pipe, prep_kept_setfd, tell_own},
	{"kept_cleared", TOLD, "all", ch_pipe, prep_kept_cleared, tell_own},
	{"kept_dup_before", TOLD, "all", ch_pipe, prep_kept_dup_before, tell_own},
	{"kept_spawned", TOLD, "all", ch_pipe, prep_kept_spawned, tell_own},
	{"kept_sent", TOLD, "all", ch_pipe, prep_kept_sent, tell_own},
	{"own_sent", TOLD, "all", ch_pipe, prep_own_sent, tell_own},
	{"own_sent_raw", TOLD, "all", ch_pipe, prep_own_sent_raw, tell_own},
	{"own_epoll", TOLD, "all", ch_pipe, prep_own_epoll, tell_own},
	{"own_sigio", SIGNALED, "all", NULL, prep_own_sigio, tell_own},
	{"msgsnd", TOLD, "all", ch_msg, prep_msg, tell_msgsnd},
	{"semop", TOLD, "all", ch_sem, prep_sem, tell_semop},
	{"mq_send", TOLD, "all", ch_mq, prep_mq, tell_mq_send},
	{"fflush", TOLD, "all", ch_pipe, prep_stream, tell_fflush},
	{"fflush_only", TOLD, "all", ch_pipe, prep_buffered, tell_fflush},
	{"fflush_all", TOLD, "all", ch_pipe, prep_stream, tell_fflush_all},
	{"printf_fflush", TOLD, "all", ch_pipe, prep_stdout, tell_printf_fflush},
	{"puts_exit", TOLD, "all", ch_pipe, prep_stdout, tell_puts_exit},
	{"perror", TOLD, "all", ch_pipe, prep_stderr, tell_perror},
	{"line_fputs", TOLD, "all", ch_pipe, prep_line, tell_fputs},
	{"line_fputc", TOLD, "all", ch_pipe, prep_line, tell_fputc},
	{"line_fprintf", TOLD, "all", ch_pipe, prep_line, tell_fprintf},
	{"line_putc_unlocked", TOLD, "all", ch_pipe, prep_line, tell_putc_unlocked},
	{"unbuffered_fwrite", TOLD, "all", ch_pipe, prep_unbuffered, tell_fwrite},
	{"unbuffered_fprintf", TOLD, "all", ch_pipe, prep_unbuffered, tell_fprintf},
	{"unbuffered_fputc", TOLD, "all", ch_pipe, prep_unbuffered, tell_fputc},
	{"fclose", TOLD, "all", ch_pipe, prep_stream, tell_fclose},
	{"fseek", TOLD, "all", ch_pipe, prep_stream, tell_fseek},
	{"overflow_fwrite", TOLD, "all", ch_pipe, prep_stream, tell_overflow_fwrite},
	{"overflow_putc", TOLD, "all", ch_pipe, prep_stream, tell_overflow_putc},
	{"overflow_fprintf", TOLD, "all", ch_pipe, prep_stream, tell_overflow_fprintf},
	ROW(kill, SIGNALED),
	ROW(sigqueue, SIGNALED),
	ROW(pidfd, SIGNALED),
	ROW(tgkill, SIGNALED),
	ROW(syscall_kill, SIGNALED),
	ROW(kill_in_thread, SIGNALED),
	LCK(flock, prep_flock),
	{"flock_close", LOCKED, "all", NULL, prep_flock, tell_close_lock},
	LCK(fcntl, prep_posix),
	{"fcntl_close", LOCKED, "all", NULL, prep_posix, tell_close_lock},
	{"fcntl_alias", LOCKED, "all", NULL, prep_posix, tell_close_alias},
	LCK(lockf, prep_posix),
	LCK(ofd, prep_ofd),
	NAM(rename),
	NAM(rename_new),
	NAM(renameat2),
	NAM(link),
	NAM(linkat),
	NAM(symlink),
	MRK(marker),
	MRK(marker_excl),
	MRK(marker_creat),
	MRK(marker_stdio),
	{"rmdir", FREED, "all", NULL, prep_lock_dir, tell_rmdir},
	{"unlink_lock", FREED, "all", NULL, prep_lock_file, tell_unlink_lock},
	NAM(bind),
	PKD(fsync, "wd/open"),
	PKD(fdatasync, "wd/open"),
	PKD(sync_file_range, "wd/open"),
	PKD(sync, "all"),
	PKD(syncfs, "all"),
	PKD(mmap, "wd/open"),
	PKD(dup, "wd/open"),
	PKD(fdopen, "wd/open"),
	PKD(lock_file, "all"),
	{"take_flock", PEEKED, "all", NULL, prep_open_lock, tell_take_flock},
	PKD(chdir, "all"),
	PKD(umask, "all"),
	PKD(dlopen, "all"),
	PKD(setrlimit, "all"),
	PKD(setuid, "all"),
	PKD(unknown_syscall, "all"),
	PKD(stat, "wd/c3"),
	PKD(fchdir, "all"),
	PKD(chroot, "all"),
	PKD(unshare, "all"),
	PKD(setns, "all"),
	PKD(mount, "all"),
	PKD(umount, "all"),
	PKD(setgid, "all"),
	PKD(prctl, "all"),
	PKD(seccomp, "all"),
	PKD(ptrace, "all"),
	PKD(capset, "all"),
	PKD(personality, "all"),
	PKD(shmat, "all"),
	PKD(sem_init, "all"),
	PKD(io_uring_setup, "all"),
	PKD(msync, "wd/open"),
	PKD(copy_file_range, "wd/open"),
	PKD(sendfile_from, "wd/open"),
	PKD(splice_from, "wd/open"),
	PKD(ioctl, "wd/open"),
	PKD(scandir, "wd/"),
	PKD(getdents, "wd/"),
	PKD(open, "wd/c3"),
	PKD(chmod, "wd/c3"),
	PKD(chown, "wd/c3"),
	PKD(utimes, "wd/c3"),
	PKD(truncate, "wd/c3"),
	PKD(readlink, "wd/c3"),
	PKD(listxattr, "wd/c3"),
	PKD(lstat, "wd/c3"),
	PKD(getpwnam, "all"),
	PKD(getgrgid, "all"),
	ROW(clone, CHECKED),
	ROW(_Fork, CHECKED),
	ROW(forkpty, CHECKED),
	{"daemon", TOLD, "all", ch_pipe, NULL, tell_daemon},
	NAM(symlinkat),
	NAM(renameat),
	PKD(readdir, "wd/"),
	VIA(thread_work, ch_pipe),
	VIA(child_work, ch_pipe),
};

static void worker(void)
{
	ssize_t n = readlink("/proc/self/exe", self_path, sizeof(self_path) - 1);

	self_path[n < 0 ? 0 : n] = '\0';
	if (row->prepare)
		row->prepare();
	peek_ready();
	worked = row->tell == tell_thread_work || row->tell == tell_child_work ||
		 row->tell == tell_daemon;
	if (!worked)
		work();
	row->tell();
	if (row->how != WAITED && row->how != CHECKED)
		peek_spin(&peek_area.go, 2);
}

static bool wait_for_lock(void)
{
	struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = (int)OK(open("lock", O_RDWR));

	if (row->prepare == prep_flock)
		return OK(flock(fd, LOCK_EX)) == 0;
	return OK(fcntl(fd, F_SETLKW, &fl)) == 0;
}

static bool alive(pid_t pid)
{
	siginfo_t si = {0};

	return waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT) == 0 && !si.si_pid;
}

static void observer(void)
{
	struct stat st;
	sigset_t set;
	siginfo_t si;
	pid_t pid;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	if (row->how == SIGNALED)
		sigprocmask(SIG_BLOCK, &set, NULL);
	if (row->channel)
		row->channel();
	pid = peek_start(row->name);
	if (row->how == LOCKED) {
		peek_go(pid);
		wait_for_lock();
	} else {
		peek_go(pid);
	}
	switch (row->how) {
	case WAITED:
	case CHECKED:
		waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT);
		break;
	case TOLD:
		wait_on_channel();
		break;
	case SIGNALED:
		sigwait(&set, &sig);
		break;
	case MARKED:
		peek_wait(pid, &peek_area.flag, 2);
		while (lstat("published", &st) < 0 && alive(pid))
			continue;
		break;
	case NAMED:
		while (lstat("published", &st) < 0 && alive(pid))
			continue;
		break;
	case FREED:
		while (lstat("work.lock", &st) == 0 && alive(pid))
			continue;
		break;
	case PEEKED:
		if (!peek_wait(pid, &peek_area.flag, 2))
			out("the worker ended early\n");
		break;
	case LOCKED:
		break;
	}
	if (row->how != CHECKED)
		check(row->scope);
	peek_set(pid, &peek_area.go, 2);
	t_reap(pid);
}

int main(int argc, char **argv)
{
	if (argc >= 3 && !strcmp(argv[1], "--relay"))
		pass_on(atoi(argv[2]));
	if (argc >= 2 && !strcmp(argv[1], "--check")) {
		check("all");
		t_flush();
		return 0;
	}
	if (argc >= 2 && !strcmp(argv[1], "--fixture")) {
		fixture();
		t_flush();
		return 0;
	}
	for (size_t i = 0; i < T_COUNT(rows); i++)
		if (argc >= 2 && !strcmp(rows[i].name, argv[1]))
			row = &rows[i];
	if (!row) {
		for (size_t i = 0; i < T_COUNT(rows); i++)
			fprintf(stderr, "%s\n", rows[i].name);
		return 64;
	}
	if (getenv("T_WORKER"))
		worker();
	else
		observer();
	t_flush();
	return 0;
}
