/* SPDX-License-Identifier: MIT */
/* hostile.c - calls at moments and from places that a library is not asked about */
#include "t.h"

#include <setjmp.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>

extern char **environ;

static void fixture(void)
{
	OK(mkdir("d", 0755));
	OK(mkdir("h", 0755));
	OK(mkdir("noise", 0755));
	OK(mkfifo("fifo", 0600));
	putn("old", 100, 1);
}

static long problems;

static void problem(void)
{
	__atomic_add_fetch(&problems, 1, __ATOMIC_RELAXED);
}

static int make(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
}

/* Safe in a signal handler: neither stdio nor much stack. */
static void save(const char *path, const char *text, size_t n)
{
	int fd = make(path);

	if (fd < 0 || write(fd, text, n) != (ssize_t)n || close(fd) < 0)
		problem();
}

static void verify(const char *path, const char *text, size_t n)
{
	char got[512];
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read(fd, got, sizeof(got)) != (ssize_t)n || memcmp(got, text, n))
		problem();
	if (fd >= 0)
		close(fd);
}

/* What everybody does in the meantime: new files, old ones, renames, unlinks, all verified. */
static void work(const char *dir, int rounds)
{
	char text[300];

	for (int i = 0; i < rounds; i++) {
		char *path = t_name("%s/f%d", dir, i), *other = t_name("%s/g%d", dir, i);
		size_t n = 100 + (size_t)i % 200;

		t_fill(text, n, (unsigned)i);
		save(path, text, n);
		if (i % 3 == 0)
			verify(path, text, n);
		if (i % 4 == 1)
			save(path, text, n);
		if (i % 5 == 2 && (rename(path, other) < 0 || access(path, F_OK) == 0))
			problem();
		if (i % 7 == 3)
			(void)unlink(i % 5 == 2 ? other : path);
	}
	save(t_name("%s/done", dir), "done", 4);
}

/* Needs every thread out of the library's way. */
static void leave_child(void)
{
	pid_t pid;

	t_flush();
	pid = fork();
	if (!pid)
		t_leave(0);
	t_reap(pid);
}

static void report(void)
{
	out("problems %ld\n", problems);
}

/* ---- a timer storm ---- */

static volatile int storms;

static void in_handler(void)
{
	char name[] = "h/0";
	int e = errno;

	name[2] = (char)('0' + storms++ % 8);
	save(name, "from the handler", 16);
	verify(name, "from the handler", 16);
	if (storms % 8 == 5 && (unlink(name) < 0 || access(name, F_OK) == 0))
		problem();
	errno = e;
}

static volatile bool stop;

/* 100 us after the last one, however slow the machine is. */
static void on_timer(int sig)
{
	const struct itimerval next = {{0, 0}, {0, 100}};

	(void)sig;
	in_handler();
	if (!stop)
		setitimer(ITIMER_REAL, &next, NULL);
}

static void storm(int flags)
{
	const struct itimerval next = {{0, 0}, {0, 100}};
	struct sigaction sa = {.sa_handler = on_timer, .sa_flags = SA_RESTART | flags};

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &next, NULL);
}

static void calm(void)
{
	const struct itimerval never = {0};

	do
		work("noise", 10);
	while (storms < 200);
	stop = true;
	setitimer(ITIMER_REAL, &never, NULL);
	for (int i = 0; i < 8; i++)
		save(t_name("h/%d", i), "calm", 4);
	report();
}

CASE(storm)
{
	storm(0);
	work("d", 300);
	calm();
}

/* The handler has a stack of its own, as small as the system thinks right. */
CASE(storm_altstack)
{
	size_t size = (size_t)sysconf(_SC_SIGSTKSZ), page = 4096;
	char *p;
	stack_t ss = {0};

	size = size < 8192 ? 8192 : (size + page - 1) & ~(page - 1);
	p = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	OK(mprotect(p, page, PROT_NONE));
	ss.ss_sp = p + page;
	ss.ss_size = size;
	OK(sigaltstack(&ss, NULL));
	storm(SA_ONSTACK);
	work("d", 200);
	calm();
}

static void *thread_work(void *arg)
{
	work(arg, 100);
	return NULL;
}

static void four_threads(void *(*fn)(void *), pthread_attr_t *attr)
{
	static const char *const dirs[] = {"t0", "t1", "t2", "t3"};
	pthread_t t[4];

	for (int i = 0; i < 4; i++) {
		OK(mkdir(dirs[i], 0755));
		if (pthread_create(&t[i], attr, fn, (void *)dirs[i])) {
			out("no thread\n");
			exit(1);
		}
	}
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
}

CASE(storm_threads)
{
	storm(0);
	four_threads(thread_work, NULL);
	calm();
}

static int spawn_cat(const char *path, const char *to)
{
	char *argv[] = {(char *)"cat", (char *)path, NULL};
	posix_spawn_file_actions_t fa;
	pid_t pid = -1;
	int st = -1;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 1, to, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (posix_spawnp(&pid, "cat", &fa, NULL, argv, environ) ||
	    TEMP_FAILURE_RETRY(waitpid(pid, &st, 0)) != pid)
		problem();
	posix_spawn_file_actions_destroy(&fa);
	return st;
}

/* A child that reads and writes, in the middle of the storm. */
CASE(storm_children)
{
	t_flush();
	storm(0);
	for (int i = 0; i < 20; i++) {
		char *path = t_name("d/p%d", i);
		pid_t pid;
		int st = -1;

		save(path, "by the parent", 13);
		pid = fork();
		if (!pid) {
			verify(path, "by the parent", 13);
			save(t_name("d/c%d", i), "by the child", 12);
			if (i % 4 == 1)
				execlp("true", "true", (char *)NULL);
			_exit(problems ? 1 : 0);
		}
		if (pid < 0 || TEMP_FAILURE_RETRY(waitpid(pid, &st, 0)) != pid || st)
			problem();
		verify(t_name("d/c%d", i), "by the child", 12);
		if (i % 5 == 0) {
			save(path, "once more", 9);
			if (spawn_cat(path, t_name("d/s%d", i)))
				problem();
			verify(t_name("d/s%d", i), "once more", 9);
		}
	}
	calm();
}

/* ---- a jump out of a call that blocks ---- */

static sigjmp_buf back;

static void on_alarm(int sig)
{
	save("h/jump", "by the handler", 14);
	siglongjmp(back, sig);
}

static void blocked_call(int which, int fd, int p[2])
{
	char b[1];
	struct flock lock = {.l_type = F_WRLCK};
	int st;

	switch (which) {
	case 0:
		(void)!open("fifo", O_RDONLY);
		break;
	case 1:
		(void)!read(p[0], b, 1);
		break;
	case 2:
		flock(fd, LOCK_EX);
		break;
	case 3:
		fcntl(fd, F_SETLKW, &lock);
		break;
	case 4:
		wait(&st);
		break;
	case 5:
		pause();
		break;
	default:
		sleep(5);
	}
}

/* The usual way to limit the time of a call; all goes on as before. */
CASE(jump)
{
	int fd = (int)OK(open("old", O_RDWR)), other = (int)OK(open("old", O_RDWR)), p[2], go[2];
	struct flock lock = {.l_type = F_WRLCK};
	char b[1];
	pid_t pid;

	OK(pipe(p));
	OK(pipe(go));
	OK(flock(other, LOCK_EX));
	t_flush();
	pid = fork();
	if (!pid) {
		OK(fcntl(other, F_SETLK, &lock));
		OK(write(go[1], "x", 1));
		for (;;)
			pause();
	}
	OK(read(go[0], b, 1));
	signal(SIGALRM, on_alarm);
	for (volatile int which = 0; which < 7; which++) {
		char *path = t_name("d/j%d", which);

		save(path, "before", 6);
		if (!sigsetjmp(back, 1)) {
			ualarm(3000, 0);
			blocked_call(which, fd, p);
			out("%d came back\n", which);
		}
		verify(path, "before", 6);
		save(path, "after", 5);
		verify("h/jump", "by the handler", 14);
		save("h/jump", "again", 5);
	}
	kill(pid, SIGKILL);
	t_reap(pid);
	leave_child();
	report();
}

/* ---- before the library's constructor and after its destructor ---- */

/* Registered before the loader has registered its own, so it runs after all destructors. */
static void very_late(void)
{
	putn("very_late", 100, 1);
	show("very_late");
	putn("very_late", 100, 2);
	unlink("d/early1");
	t_flush();
}

static void very_early(int argc, char **argv, char **envp)
{
	(void)argc;
	(void)argv;
	while (*envp && strcmp(*envp, "T_EARLY=1") != 0)
		envp++;
	if (!*envp)
		return;
	atexit(very_late);
	for (int i = 0; i < 5; i++)
		putn(t_name("d/early%d", i), 100, (unsigned)i);
	show("d/early3");
	OK(unlink("d/early4"));
}

__attribute__((section(".preinit_array"), used)) static void (*const preinit)(int, char **,
									      char **) = very_early;

CASE(early_late)
{
	show("d/early0");
	work("d", 50);
	report();
}

/* ---- cancelation ---- */

static volatile int progress;

static void cleanup(void *arg)
{
	save(arg, "by a cleanup handler", 20);
}

/* Nothing but calls that may be answered at once: each is a cancelation point all the same. */
static void *files_for_ever(void *arg)
{
	pthread_cleanup_push(cleanup, t_name("%s/cleanup", (char *)arg));
	for (int i = 0;; i++) {
		char name[40];

		snprintf(name, sizeof(name), "noise/%s%d", (char *)arg, i % 20);
		save(name, "noise", 5);
		progress++;
	}
	pthread_cleanup_pop(0);
	return NULL;
}

static void *files_for_ever_async(void *arg)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	return files_for_ever(arg);
}

static void cancel_rounds(void *(*fn)(void *))
{
	for (int i = 0; i < 30; i++) {
		pthread_t t;
		void *r = NULL;

		progress = 0;
		if (pthread_create(&t, NULL, fn, (void *)"d"))
			problem();
		while (progress <= i % 5)
			sched_yield();
		usleep((useconds_t)(i * 37 % 300));
		pthread_cancel(t);
		pthread_join(t, &r);
		if (r != PTHREAD_CANCELED)
			problem();
		verify("d/cleanup", "by a cleanup handler", 20);
		save("d/cleanup", "seen", 4);
		if (i % 10 == 0)
			spawn_cat("d/cleanup", "d/copy");
	}
	leave_child();
	report();
}

CASE(cancel_deferred)
{
	cancel_rounds(files_for_ever);
}

CASE(cancel_async)
{
	cancel_rounds(files_for_ever_async);
}

/* One call each, with a cancelation that is already there, and one that is disabled. */
static void *one_call(void *arg)
{
	int which = (int)(long)arg, fd = which < 3 ? -1 : make("d/open");
	char text[] = "text";

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	save("d/disabled", "not a cancelation point", 23);
	pthread_cancel(pthread_self());
	save("d/disabled", "still none", 10);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	switch (which) {
	case 0:
		make("d/never");
		break;
	case 1:
		openat(AT_FDCWD, "d/never", O_WRONLY | O_CREAT | O_TRUNC, 0644);
		break;
	case 2:
		creat("d/never", 0644);
		break;
	case 3:
		(void)!write(fd, text, 4);
		break;
	case 4:
		(void)!pwrite(fd, text, 4, 0);
		break;
	case 5:
		close(fd);
		break;
	default: /* none */
		OK(unlink("d/open"));
		OK(fchmod(fd, 0600));
		OK(lseek(fd, 0, SEEK_CUR));
	}
	return arg;
}

CASE(cancel_points)
{
	for (long i = 0; i < 7; i++) {
		pthread_t t;
		void *r = NULL;

		pthread_create(&t, NULL, one_call, (void *)i);
		pthread_join(t, &r);
		out("%ld canceled: %d\n", i, r == PTHREAD_CANCELED);
		meta("d/never");
		show("d/open");
		show("d/disabled");
		R(close(open("old", O_RDONLY)));
	}
}

/* ---- children of vfork that do more than exec ---- */

CASE(vfork_descriptors)
{
	int a = (int)OK(make("d/a")), b = (int)OK(make("d/b")), c = (int)OK(make("d/c"));

	write_all(a, "a before,", 9);
	write_all(b, "b before,", 9);
	write_all(c, "c before,", 9);
	t_flush();
	for (int i = 0; i < 10; i++) {
		pid_t pid = vfork();

		if (!pid) {
			int fd;

			if (write(c, "child,", 6) != 6)
				_exit(1);
			close(a);
			if (dup2(b, c) != c || dup2(1, b) != b)
				_exit(2);
			fd = make("d/made");
			if (fd != a || write(fd, "by the child", 12) != 12 || close(fd) < 0)
				_exit(3);
			if (open("d/made", O_RDONLY) != a || close_range(3, ~0u, 0) < 0)
				_exit(4);
			if (unlink("d/made") < 0)
				_exit(5);
			if (i % 2)
				_exit(0);
			execlp("true", "true", (char *)NULL);
			_exit(6);
		}
		t_reap(pid);
		write_all(a, "a after,", 8);
		write_all(b, "b after,", 8);
		putn("d/between", 100, (unsigned)i);
	}
	write_all(c, "c after", 7);
	OK(close(a));
	OK(close(b));
	OK(close(c));
	show("d/a");
	show("d/b");
	show("d/c");
}

static void *until_stop(void *arg)
{
	while (!stop)
		work(arg, 20);
	return NULL;
}

/* Children of every kind while four threads write. */
static void *starter(void *arg)
{
	for (int i = 0; i < 20; i++) {
		pid_t pid;
		int st = -1;

		save("d/now", "as of now", 9);
		if (spawn_cat("d/now", "d/spawned"))
			problem();
		verify("d/spawned", "as of now", 9);
		pid = vfork();
		if (!pid) {
			close(0);
			execlp("test", "test", "-s", "d/now", (char *)NULL);
			_exit(9);
		}
		if (pid < 0 || waitpid(pid, &st, 0) != pid || st)
			problem();
	}
	stop = true;
	return arg;
}

static void *start_or_write(void *arg)
{
	return strcmp(arg, "t0") ? until_stop(arg) : starter(arg);
}

CASE(spawn_among_writers)
{
	four_threads(start_or_write, NULL);
	report();
}

/* ---- little room ---- */

static void *nothing(void *arg)
{
	return arg;
}

static void *small_stack(void *arg)
{
	char name[40];

	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "%s/s%d", (char *)arg, i);
		save(name, "little", 6);
		if (i % 3)
			verify(name, "little", 6);
		if (i % 7 == 2 && unlink(name) < 0)
			problem();
	}
	return NULL;
}

CASE(small_stacks)
{
	size_t size = (size_t)sysconf(_SC_THREAD_STACK_MIN);
	pthread_attr_t attr;
	pthread_t t;

	/* what thread-local storage takes, and 2 KiB, then 8 KiB */
	pthread_attr_init(&attr);
	do {
		size += 4096;
		OK(-pthread_attr_setstacksize(&attr, size));
	} while (pthread_create(&t, &attr, nothing, NULL));
	pthread_join(t, NULL);
	OK(-pthread_attr_setstacksize(&attr, size + 8192));
	four_threads(small_stack, &attr);
	report();
}

static void limit(rlim_t n)
{
	struct rlimit rl;

	OK(getrlimit(RLIMIT_NOFILE, &rl));
	rl.rlim_cur = n;
	if (rl.rlim_max < n)
		rl.rlim_max = n;
	OK(setrlimit(RLIMIT_NOFILE, &rl));
}

static void check_numbers(int want, int fd, const char *what)
{
	if (fd != want)
		out("%s: %d, not %d: %s\n", what, fd, want, t_errno(errno));
}

/* Every number in order, also where a library may keep its own. */
static void open_many(int n)
{
	work("d", 20);
	for (int i = 3; i < n; i++) {
		int fd;

		switch (i % 8) {
		case 0:
			fd = make(t_name("noise/%d", i));
			write_all(fd, t_name("%06d", i), 6);
			break;
		case 1:
			fd = dup(2);
			break;
		case 2:
			fd = fcntl(2, F_DUPFD, 3);
			break;
		default:
			fd = open("old", O_RDONLY);
		}
		check_numbers(i, fd, "open");
	}
	for (int i = 3; i < n; i += 3)
		OK(close(i));
	for (int i = 3; i < n; i += 3)
		check_numbers(i, open("old", O_WRONLY | O_CREAT, 0644), "again");
	for (int i = 3; i < n; i++)
		OK(close(i));
	show("noise/8");
	show(t_name("noise/%d", (n - 1) / 8 * 8));
	work("d", 20);
	report();
}

CASE(open_10000)
{
	open_many(10000);
}

CASE(open_to_the_limit)
{
	open_many(1024);
	for (int i = 3; i < 1030; i++)
		if (make("d/last") < 0) {
			out("%d: %s\n", i, t_errno(errno));
			break;
		}
	closefrom(3);
}

/* Programs that close all that they could have. */
CASE(close_to_65536)
{
	for (int round = 0; round < 3; round++) {
		int fd = (int)OK(make("d/kept"));

		work("d", 30);
		write_all(fd, "open meanwhile", 14);
		for (int i = 3; i < 65536; i++)
			if (close(i) == 0)
				out("closed %d\n", i);
			else if (errno != EBADF)
				out("close %d: %s\n", i, t_errno(errno));
		show("d/kept");
		fd = (int)OK(make("d/other"));
		write_all(fd, "x", 1);
		if (round == 1)
			closefrom(3);
		else
			OK(close_range(3, ~0u, CLOSE_RANGE_UNSHARE));
		R(close(fd));
	}
	work("d", 30);
	report();
}

/* The limit is lowered with work pending, then raised again. */
CASE(limit_16)
{
	work("d", 20);
	limit(16);
	work("d", 20);
	for (int i = 3; i < 17; i++)
		RL("open", make(t_name("d/l%d", i)));
	for (int i = 3; i < 16; i++)
		OK(close(i));
	limit(64);
	work("d", 20);
	report();
}

static const struct t_case cases[] = {
	C(storm),         C(storm_altstack),    C(storm_threads),       C(storm_children),
	C(jump),          C(early_late),        C(cancel_deferred),     C(cancel_async),
	C(cancel_points), C(vfork_descriptors), C(spawn_among_writers), C(small_stacks),
	C(open_10000),    C(open_to_the_limit), C(close_to_65536),      C(limit_16),
};

int main(int argc, char **argv)
{
	return t_main(argc, argv, cases, T_COUNT(cases), fixture);
}
