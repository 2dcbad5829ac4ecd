/* SPDX-License-Identifier: MIT */
/* threads.c - many threads at work: own files, shared directories, forks among them */
#include "t.h"

#include <sched.h>

static int rounds = 30;

static void fixture(void)
{
	OK(mkdir("shared", 0755));
	for (int i = 0; i < 64; i++)
		OK(mkdir(t_name("t%d", i), 0755));
	putn("common", 100, 1);
}

static long problems;

#define problem() problem_at(__LINE__)

static void problem_at(int line)
{
	dprintf(2, "threads.c:%d: %m\n", line);
	__atomic_add_fetch(&problems, 1, __ATOMIC_RELAXED);
}

/* Like putn, for threads: no notes. */
static void save(const char *path, size_t n, unsigned seed)
{
	char b[4096];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	t_fill(b, n, seed);
	if (fd < 0 || write(fd, b, n) != (ssize_t)n || close(fd) < 0)
		problem();
}

static void verify(const char *path, size_t n, unsigned seed)
{
	char want[4096], got[4096];
	int fd = open(path, O_RDONLY);

	t_fill(want, n, seed);
	if (fd < 0 || read(fd, got, sizeof(got)) != (ssize_t)n || memcmp(want, got, n))
		problem();
	if (fd >= 0)
		close(fd);
}

static void *own_files(void *arg)
{
	long id = (long)arg;

	for (int i = 0; i < rounds; i++) {
		unsigned seed = (unsigned)(id * 100 + i);
		char own[64], shared[64];

		snprintf(own, sizeof(own), "t%ld/f%d", id, i);
		snprintf(shared, sizeof(shared), "shared/%ld_%d", id, i);
		save(own, 100 + (size_t)i, seed);
		save(shared, 200, seed);
		if (i % 3 == 0)
			verify(own, 100 + (size_t)i, seed);
		if (i % 5 == 0)
			save(shared, 200, seed + 1);
		if (i % 7 == 0) {
			if (unlink(own) < 0 || access(own, F_OK) == 0)
				problem();
			if (open(own, O_RDONLY) >= 0)
				problem();
		}
		if (i % 11 == 0) {
			char to[80];

			snprintf(to, sizeof(to), "%s.renamed", shared);
			if (rename(shared, to) < 0)
				problem();
			verify(to, 200, i % 5 ? seed : seed + 1);
		}
		if (i % 4 == 0) {
			char *other = t_name("t%ld/tmp", id);

			save(other, 50, seed);
			if (unlink(other) < 0)
				problem();
		}
	}
	return NULL;
}

static void run_threads(long n, void *(*fn)(void *))
{
	pthread_t t[64];

	for (long i = 0; i < n; i++)
		if (pthread_create(&t[i], NULL, fn, (void *)i))
			problem();
	for (long i = 0; i < n; i++)
		pthread_join(t[i], NULL);
}

CASE(two)
{
	rounds = 120;
	run_threads(2, own_files);
	out("problems %ld\n", problems);
}

CASE(eight)
{
	rounds = 40;
	run_threads(8, own_files);
	out("problems %ld\n", problems);
}

CASE(sixty_four)
{
	rounds = 10;
	run_threads(64, own_files);
	out("problems %ld\n", problems);
}

/* One thread makes, another reads at once. */
static struct {
	pthread_mutex_t m;
	pthread_cond_t c;
	int made, read;
} relay = {.m = PTHREAD_MUTEX_INITIALIZER, .c = PTHREAD_COND_INITIALIZER};

static void *reader(void *arg)
{
	for (int i = 1; i <= 200; i++) {
		pthread_mutex_lock(&relay.m);
		while (relay.made < i)
			pthread_cond_wait(&relay.c, &relay.m);
		pthread_mutex_unlock(&relay.m);
		verify(t_name("shared/r%d", i), 100, (unsigned)i);
		if (i % 2 && unlink(t_name("shared/r%d", i)) < 0)
			problem();
		pthread_mutex_lock(&relay.m);
		relay.read = i;
		pthread_cond_broadcast(&relay.c);
		pthread_mutex_unlock(&relay.m);
	}
	return arg;
}

CASE(relay)
{
	pthread_t t;

	pthread_create(&t, NULL, reader, NULL);
	for (int i = 1; i <= 200; i++) {
		save(t_name("shared/r%d", i), 100, (unsigned)i);
		pthread_mutex_lock(&relay.m);
		relay.made = i;
		pthread_cond_broadcast(&relay.c);
		while (relay.read < i)
			pthread_cond_wait(&relay.c, &relay.m);
		pthread_mutex_unlock(&relay.m);
		if (i % 2 && access(t_name("shared/r%d", i), F_OK) == 0)
			problem();
		if (i % 2)
			save(t_name("shared/r%d", i), 30, (unsigned)i);
	}
	pthread_join(t, NULL);
	out("problems %ld\n", problems);
}

/* Descriptors opened by one thread, written and closed by another. */
static int handed[50];

static void *finish(void *arg)
{
	for (int i = 0; i < 50; i++) {
		if (write(handed[i], " second", 7) != 7 || close(handed[i]) < 0)
			problem();
	}
	return arg;
}

CASE(handed_over)
{
	pthread_t t;

	for (int i = 0; i < 50; i++) {
		handed[i] = open(t_name("shared/h%d", i), O_WRONLY | O_CREAT | O_TRUNC, 0644);
		if (write(handed[i], "first", 5) != 5)
			problem();
	}
	pthread_create(&t, NULL, finish, NULL);
	pthread_join(t, NULL);
	out("problems %ld\n", problems);
	show("shared/h0");
	show("shared/h49");
}

/* Records written to one descriptor by several threads: none lost, none torn. */
static int common_fd;

static void *append_records(void *arg)
{
	char rec[20];

	for (int i = 0; i < 100; i++) {
		snprintf(rec, sizeof(rec), "%03ld %04d abcdefgh\n", (long)arg, i);
		if (write(common_fd, rec, 18) != 18)
			problem();
	}
	return NULL;
}

static void *pwrite_records(void *arg)
{
	char rec[20];

	for (int i = 0; i < 100; i++) {
		snprintf(rec, sizeof(rec), "%03ld %04d abcdefgh\n", (long)arg, i);
		if (pwrite(common_fd, rec, 18, ((long)arg * 100 + i) * 18) != 18)
			problem();
	}
	return NULL;
}

static int by_record(const void *a, const void *b)
{
	return memcmp(a, b, 18);
}

static void sorted_records(const char *path)
{
	static char b[1 << 16];
	int fd = (int)OK(open(path, O_RDONLY));
	ssize_t n = read(fd, b, sizeof(b));

	OK(close(fd));
	qsort(b, (size_t)(n > 0 ? n : 0) / 18, 18, by_record);
	t_bytes("sorted", b, (size_t)(n > 0 ? n : 0));
	fd = (int)OK(open(path, O_WRONLY | O_TRUNC));
	write_all(fd, b, (size_t)(n > 0 ? n : 0));
	OK(close(fd));
}

CASE(one_descriptor)
{
	common_fd = R(open("records", O_WRONLY | O_CREAT | O_TRUNC, 0644));
	run_threads(4, append_records);
	R(close(common_fd));
	sorted_records("records");
	common_fd = R(open("records2", O_WRONLY | O_CREAT | O_TRUNC, 0644));
	run_threads(4, pwrite_records);
	R(close(common_fd));
	show("records2");
	common_fd = R(open("records3", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644));
	run_threads(4, append_records);
	R(close(common_fd));
	sorted_records("records3");
	out("problems %ld\n", problems);
}

/* Everybody rewrites the same file: any complete version may win, never a mixture of sizes. */
static void *rewrite_common(void *arg)
{
	for (int i = 0; i < 50; i++)
		save("common", 100, 7);
	return arg;
}

CASE(one_file)
{
	run_threads(4, rewrite_common);
	out("problems %ld\n", problems);
	verify("common", 100, 7);
	out("problems %ld\n", problems);
}

/* One name, created and deleted by all: the errors are the usual two. */
static void *create_delete(void *arg)
{
	for (int i = 0; i < 100; i++) {
		int fd = open("shared/contended", O_WRONLY | O_CREAT | O_TRUNC, 0644);

		if (fd < 0 || write(fd, "x", 1) != 1 || close(fd) < 0)
			problem();
		if (unlink("shared/contended") < 0 && errno != ENOENT)
			problem();
	}
	return arg;
}

/* A lock file: only one may hold it. */
static volatile int holders;

static void *lock_protocol(void *arg)
{
	for (int done = 0; done < 30;) {
		int fd = open("shared/the.lock", O_WRONLY | O_CREAT | O_EXCL, 0600);

		if (fd < 0) {
			if (errno != EEXIST)
				problem();
			sched_yield();
			continue;
		}
		if (__atomic_add_fetch(&holders, 1, __ATOMIC_SEQ_CST) != 1)
			problem();
		if (write(fd, "me", 2) != 2)
			problem();
		close(fd);
		__atomic_sub_fetch(&holders, 1, __ATOMIC_SEQ_CST);
		if (unlink("shared/the.lock") < 0)
			problem();
		done++;
	}
	return arg;
}

CASE(one_name)
{
	run_threads(4, create_delete);
	out("problems %ld\n", problems);
	meta("shared/contended");
	run_threads(3, lock_protocol);
	out("problems %ld\n", problems);
	meta("shared/the.lock");
}

/* Forks, spawns and pipes while others write. */
static volatile bool stop;

static void *forker(void *arg)
{
	for (int i = 0; i < 25; i++) {
		pid_t pid;
		int st;

		save("shared/before_fork", 100, (unsigned)i);
		pid = fork();
		if (!pid) {
			char b[200];
			int fd = open("shared/before_fork", O_RDONLY);

			if (read(fd, b, sizeof(b)) != 100)
				_exit(1);
			close(fd);
			if (i % 2) {
				save(t_name("shared/child%d", i), 60, (unsigned)i);
				_exit(0);
			}
			execl("/bin/cat", "cat", "shared/before_fork", "/dev/null", (char *)NULL);
			_exit(2);
		}
		if (pid < 0 || waitpid(pid, &st, 0) != pid || st != 0)
			problem();
		if (i % 2)
			verify(t_name("shared/child%d", i), 60, (unsigned)i);
	}
	stop = true;
	return arg;
}

static void *until_stop(void *arg)
{
	long id = (long)arg;

	for (unsigned i = 0; !stop; i++) {
		save(t_name("t%ld/w%u", id, i % 20), 100, i % 20);
		if (i % 20 == 19)
			for (unsigned j = 0; j < 20; j++)
				verify(t_name("t%ld/w%u", id, j), 100, j);
	}
	for (unsigned j = 0; j < 20; j++)
		save(t_name("t%ld/w%u", id, j), 100, j);
	return NULL;
}

static void *fork_or_write(void *arg)
{
	return (long)arg ? until_stop(arg) : forker(arg);
}

CASE(forks)
{
	int fd = dup(1), null = open("/dev/null", O_WRONLY);

	dup2(null, 1);
	run_threads(5, fork_or_write);
	dup2(fd, 1);
	out("problems %ld\n", problems);
}

static void *system_calls(void *arg)
{
	for (int i = 0; i < 5; i++)
		if (system(t_name("test $(cat t%ld/w* 2>/dev/null | wc -c) -ge 0", 1L)))
			problem();
	stop = true;
	return arg;
}

static void *system_or_write(void *arg)
{
	return (long)arg ? until_stop(arg) : system_calls(arg);
}

CASE(systems)
{
	run_threads(4, system_or_write);
	out("problems %ld\n", problems);
}

/* Threads come and go. */
static void *short_life(void *arg)
{
	save(t_name("shared/s%ld", (long)arg), 100, (unsigned)(long)arg);
	return NULL;
}

CASE(short_lives)
{
	for (int round = 0; round < 5; round++)
		run_threads(20, short_life);
	for (long i = 0; i < 20; i++)
		verify(t_name("shared/s%ld", i), 100, (unsigned)i);
	out("problems %ld\n", problems);
}

/* A timer storm whose handler does file work of its own. */
static volatile int storms;

static void on_alarm(int sig)
{
	int e = errno, fd;
	char name[] = "shared/sig0";

	(void)sig;
	name[10] = (char)('0' + storms++ % 8);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || write(fd, "from the handler", 16) != 16 || close(fd) < 0)
		problem();
	if (storms % 8 == 5)
		unlink(name);
	errno = e;
}

static void *only_new(void *arg)
{
	char name[64];

	for (int i = 0; i < 4000; i++) {
		int fd;

		snprintf(name, sizeof(name), "shared/new%ld_%d", (long)arg, i);
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
		if (fd < 0 || write(fd, name, 10) != 10 || close(fd) < 0)
			problem();
		if (unlink(name) < 0)
			problem();
	}
	return NULL;
}

/* A file that comes of age before open has returned is not another's. */
CASE(exclusive)
{
	pthread_t t[6];

	for (long i = 0; i < 6; i++)
		pthread_create(&t[i], NULL, only_new, (void *)i);
	for (int i = 0; i < 6; i++)
		pthread_join(t[i], NULL);
	out("problems %ld\n", problems);
}

CASE(signals)
{
	struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};

	sigaction(SIGALRM, &sa, NULL);
	ualarm(300, 300);
	for (int i = 0; i < 3; i++) {
		rounds = 40;
		own_files((void *)1L);
	}
	do
		save("shared/waiting", 100, 1);
	while (storms < 50);
	ualarm(0, 0);
	for (int i = 0; i < 8; i++)
		save(t_name("shared/sig%d", i), 10, 1);
	out("problems %ld\n", problems);
}

static const struct t_case cases[] = {
	C(two),       C(eight),    C(sixty_four), C(relay),   C(handed_over), C(one_descriptor),
	C(one_file),  C(one_name), C(forks),      C(systems), C(short_lives), C(signals),
	C(exclusive),
};

int main(int argc, char **argv)
{
	return t_main(argc, argv, cases, T_COUNT(cases), fixture);
}
