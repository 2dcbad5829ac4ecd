/* SPDX-License-Identifier: MIT */
/*
 * death.c - lets the workload die at random instants in random ways, many times
 *
 *	fault-death [--seconds N | --count N] [--seed N] [--way NAME] [--verbose]
 *	            [--behind DIR] [--files N] [--patience S] --lib FILE[:FILE]... --work FILE --dir DIR
 *
 * The workload (fault-work) counts its steps in a file mapped behind the library's back.  After its
 * death everything that it left must end by itself within two seconds (--patience); then every step
 * counted must be in place, and no more be half done than there were threads.  Some trials run
 * stock, to see what stock leaves half done.  At once after a death by a signal the tree is looked
 * at, too: where steps are missing then, work was pending.  Prints 'N trials, N acknowledged, N
 * half done (stock: N of N trials), lost N, left over N, failed N'.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "work.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* From outside: a signal after a random time. */
enum by { BY_SIGNAL, BY_GROUP, BY_TIMEOUT, BY_TASK, BY_NEW_TASK, BY_ITSELF };
static const struct way {
	const char *name;
	enum by by;
	int sig;
} ways[] = {
	{"SIGKILL", BY_SIGNAL, SIGKILL},
	{"SIGKILL", BY_SIGNAL, SIGKILL},
	{"SIGKILL of the group", BY_GROUP, SIGKILL},
	{"SIGSEGV", BY_SIGNAL, SIGSEGV},
	{"SIGTERM", BY_SIGNAL, SIGTERM},
	{"timeout -s KILL", BY_TIMEOUT, 0},
	{"SIGKILL of the task", BY_TASK, SIGKILL},
	{"SIGKILL of the task", BY_TASK, SIGKILL},
	{"SIGKILL of the new task", BY_NEW_TASK, SIGKILL},
	{"kill", BY_ITSELF, 0},
	{"segv", BY_ITSELF, 0},
	{"trap", BY_ITSELF, 0},
	{"abort", BY_ITSELF, 0},
	{"_exit", BY_ITSELF, 0},
	{"exit", BY_ITSELF, 0},
	{"quick_exit", BY_ITSELF, 0},
	{"rawexit", BY_ITSELF, 0},
	{"raise", BY_ITSELF, 0},
	{"exec", BY_ITSELF, 0},
};

static const char *const engines[][3] = {
	{NULL},
	{"FASTIO_WARMUP=0"},
	{"FASTIO_WARMUP=0", "FASTIO_ENGINE=sync"},
	{"FASTIO_WARMUP=0", "FASTIO_ENGINE=uring"},
	{"FASTIO_WARMUP=0", "FASTIO_LAG_US=5000"},
	{"FASTIO_WARMUP=0", "FASTIO_LAG_US=5000", "FASTIO_ENGINE=uring"},
};

static const char *const phase_lists[] = {"cUmUd", "cud",  "mnU", "xd", "cuuU",
					  "cnd",   "cdcd", "cU",  "mu"};

static const char *lib, *work, *dir, *behind, *only;
static char sub[400]; /* where the workload works: another one in each trial if there is a server */
static char look[400]; /* the same directory, where it is looked at */
static char page_file[400];
static unsigned max_files = 560, patience = 2;
static struct work_page *page;
static uint64_t state;
static bool verbose;
static long n_trials, n_acked, n_half, n_stock, n_stock_half, n_lost, n_left, n_failed;
static long n_pending, killed_tasks, by_way[COUNT(ways)];

static unsigned rnd(unsigned below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state * 0x2545f4914f6cdd1dULL) >> 33) % below;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void clear(void)
{
	DIR *d = opendir(look);
	struct dirent *e;

	while (d && (e = readdir(d)))
		unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(look);
}

static bool expected(const char *name)
{
	unsigned t, i;
	int n = 0;

	return *name == '.' || (sscanf(name, "t%u-%u%n", &t, &i, &n) == 2 &&
				(!name[n] || !strcmp(name + n, ".new")));
}

/* Files that the workload did not make. */
static int strange(void)
{
	DIR *d = opendir(look);
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)))
		if (!expected(e->d_name)) {
			printf("STRANGE file: %s\n", e->d_name);
			n++;
		}
	if (d)
		closedir(d);
	return n;
}

/* Every child of the program, by whatever thread: it has none but the background task. */
static int kill_children(pid_t pid, int sig)
{
	char path[400], list[256];
	struct dirent *e;
	DIR *d;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/children", pid, e->d_name);
		int fd = open(path, O_RDONLY);
		ssize_t len = fd < 0 ? 0 : read(fd, list, sizeof(list) - 1);

		if (fd >= 0)
			close(fd);
		list[len < 0 ? 0 : len] = 0;
		for (char *p = list; *p >= '0' && *p <= '9';) {
			n += !kill((pid_t)strtol(p, &p, 10), sig);
			p += *p == ' ';
		}
	}
	if (d)
		closedir(d);
	return n;
}

struct trial {
	const struct way *way;
	const char *const *engine; /* or NULL: stock */
	char files[12], size[12], threads[12], pause[12], step[12], limit[20];
	const char *phases;
	unsigned delay;
};

static void plan(struct trial *t)
{
	unsigned files = 1 + rnd(rnd(4) ? 60 : 500) % max_files, threads = rnd(3) ? 1 : 2 + rnd(3);

	do {
		t->way = &ways[rnd(COUNT(ways))];
	} while (only && strcmp(only, t->way->name));
	t->engine = rnd(12) ? engines[rnd(COUNT(engines))] : NULL;
	t->phases = phase_lists[rnd(COUNT(phase_lists))];
	t->delay = rnd(1 << rnd(16));
	snprintf(t->files, sizeof(t->files), "%u", files);
	snprintf(t->size, sizeof(t->size), "%u", 1 + rnd(rnd(4) ? 2000 : 40000));
	snprintf(t->threads, sizeof(t->threads), "%u", threads);
	snprintf(t->pause, sizeof(t->pause), "%u", rnd(4) ? 0 : rnd(60));
	snprintf(t->step, sizeof(t->step), "%u", rnd(files * (unsigned)strlen(t->phases)));
	snprintf(t->limit, sizeof(t->limit), "%.6f", 0.005 + t->delay / 1e6);
	if ((t->way->by == BY_TASK || t->way->by == BY_NEW_TASK) && !t->engine)
		t->engine = engines[1];
}

static void start(const struct trial *t)
{
	char *args[40], *env[12], preload[900];
	const struct rlimit none = {0, 0};
	int n = 0, fd = open("/dev/null", O_RDWR);

	if (t->way->by == BY_TIMEOUT) {
		args[n++] = (char *)"timeout";
		args[n++] = (char *)"-s";
		args[n++] = (char *)"KILL";
		args[n++] = (char *)t->limit;
	}
	args[n++] = (char *)work;
	args[n++] = (char *)"-q";
	args[n++] = (char *)"-n";
	args[n++] = (char *)t->files;
	args[n++] = (char *)"-s";
	args[n++] = (char *)t->size;
	args[n++] = (char *)"-t";
	args[n++] = (char *)t->threads;
	args[n++] = (char *)"-p";
	args[n++] = (char *)t->pause;
	args[n++] = (char *)"-A";
	args[n++] = page_file;
	if (t->way->by == BY_ITSELF) {
		args[n++] = (char *)"-k";
		args[n++] = (char *)t->step;
		args[n++] = (char *)"-x";
		args[n++] = (char *)t->way->name;
	}
	args[n++] = (char *)t->phases;
	args[n++] = sub;
	args[n] = NULL;
	n = 0;
	env[n++] = (char *)"PATH=/usr/local/bin:/usr/bin:/bin";
	snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", lib);
	if (t->engine) {
		env[n++] = preload;
		for (int i = 0; i < 3 && t->engine[i]; i++)
			env[n++] = (char *)t->engine[i];
	}
	env[n] = NULL;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid();
	setrlimit(RLIMIT_CORE, &none);
	dup2(fd, 0);
	dup2(fd, 1);
	if (!verbose)
		dup2(fd, 2);
	syscall(SYS_close_range, 3, ~0u, 0);
	environ = env;
	execvp(args[0], args);
	_exit(127);
}

static bool is_dead(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) < 0 || info.si_pid;
}

static void die_by(const struct trial *t, pid_t pid)
{
	double end = now() + 5;

	if (t->way->by == BY_TIMEOUT || t->way->by == BY_ITSELF)
		return;
	if (t->way->by == BY_NEW_TASK) {
		int n = 0;

		while (!n && now() < end && !is_dead(pid))
			n = kill_children(pid, t->way->sig);
		killed_tasks += n;
		return;
	}
	while (!page->acked[0] && now() < end && !is_dead(pid))
		usleep(50);
	usleep(t->delay);
	if (t->way->by == BY_TASK)
		killed_tasks += kill_children(pid, t->way->sig);
	else
		kill(t->way->by == BY_GROUP ? -pid : pid, t->way->sig);
}

static int left_over(void)
{
	double end = now() + patience;
	pid_t pid;
	int n = 0;

	while ((pid = waitpid(-1, NULL, WNOHANG | __WALL)) >= 0) {
		if (pid == 0 && now() > end) {
			n += kill_children(getpid(), SIGKILL);
			waitpid(-1, NULL, __WALL);
		} else if (pid == 0) {
			usleep(200);
		}
	}
	return n;
}

/* What the workload itself says of the tree; the number half done, or -1. */
static int verify(const struct trial *t, const char *acked, bool tell)
{
	char text[4096], *at;
	size_t len = 0;
	ssize_t n;
	int pipe_fd[2], status, half = -1;
	pid_t pid;

	if (pipe(pipe_fd))
		exit(70);
	pid = fork();
	if (pid == 0) {
		dup2(pipe_fd[1], 1);
		execl(work, work, "-V", "-n", t->files, "-s", t->size, "-t", t->threads, "-a",
		      acked, t->phases, look, (char *)NULL);
		_exit(127);
	}
	close(pipe_fd[1]);
	while ((n = read(pipe_fd[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = 0;
	close(pipe_fd[0]);
	waitpid(pid, &status, 0);
	at = strstr(text, "partial ");
	if (at)
		half = atoi(at + 8);
	if (status || !at) {
		if (tell)
			printf("LOST:\n%.1500s", text);
		return -1;
	}
	return half;
}

static void trial(unsigned long seed)
{
	char acked[400] = "0";
	size_t len = 0;
	struct trial t;
	int status = 0, half, left;
	bool bad;
	pid_t pid;

	state = seed * 0x9e3779b97f4a7c15ULL + 77;
	rnd(2);
	plan(&t);
	clear();
	if (behind) { /* the kernel knows nothing of a new name */
		snprintf(sub, sizeof(sub), "%.300s/w%lu", dir, seed);
		snprintf(look, sizeof(look), "%.300s/w%lu", behind, seed);
	}
	mkdir(look, 0755);
	memset(page, 0, sizeof(*page));
	pid = fork();
	if (pid == 0)
		start(&t);
	die_by(&t, pid);
	{
		struct pollfd p = {(int)syscall(SYS_pidfd_open, pid, 0), POLLIN, 0};
		bool hangs = poll(&p, 1, 10000 * (int)patience) <= 0;

		close(p.fd);
		if (hangs && verbose) {
			printf("process %d hangs\n", pid); /* to be looked at */
			pause();
		}
		if (hangs)
			kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		bad = hangs;
	}
	for (unsigned i = 0; i < page->threads; i++) {
		len += (size_t)snprintf(acked + len, sizeof(acked) - len, "%s%lu", i ? "," : "",
					(unsigned long)page->acked[i]);
		n_acked += (long)page->acked[i];
	}
	if (t.engine && WIFSIGNALED(status))
		n_pending += verify(&t, acked, false) < 0;
	left = left_over();
	half = verify(&t, acked, true);
	n_trials++;
	by_way[t.way - ways]++;
	n_left += left;
	n_lost += half < 0;
	if (half > 0)
		*(t.engine ? &n_half : &n_stock_half) += half;
	n_stock += !t.engine;
	/* it goes on by itself */
	if ((t.way->by == BY_TASK || t.way->by == BY_NEW_TASK) && status)
		bad = true;
	bad |= strange() > 0;
	n_failed += bad;
	if (bad || left || half < 0)
		printf("seed %lu: %s, %s %s, %s files of %s, %s threads, pause %s, phases %s, delay %u, "
		       "step %s: status %x, acked %s, %s\n",
		       seed, t.way->name, t.engine ? "preloaded" : "stock",
		       t.engine && t.engine[0] ? t.engine[t.engine[1] ? 1 : 0] : "", t.files,
		       t.size, t.threads, t.pause, t.phases, t.delay, t.step, (unsigned)status,
		       acked,
		       left       ? "LEFT OVER"
		       : half < 0 ? "LOST"
				  : "FAILED");
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"seconds", 1, NULL, 't'}, {"count", 1, NULL, 'c'}, {"seed", 1, NULL, 's'},
		{"lib", 1, NULL, 'l'},     {"work", 1, NULL, 'w'},  {"dir", 1, NULL, 'd'},
		{"verbose", 0, NULL, 'v'}, {"way", 1, NULL, 'W'},   {"behind", 1, NULL, 'b'},
		{"files", 1, NULL, 'f'},   {"patience", 1, NULL, 'p'}, {NULL, 0, NULL, 0},
	};
	unsigned long seed = (unsigned long)time(NULL) * 1000;
	long count = 1000000000;
	double end = 1e18;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 't':
			end = now() + atof(optarg);
			break;
		case 'c':
			count = atol(optarg);
			break;
		case 's':
			seed = strtoul(optarg, NULL, 10);
			break;
		case 'l':
			lib = optarg;
			break;
		case 'w':
			work = realpath(optarg, NULL);
			break;
		case 'd':
			dir = realpath(optarg, NULL);
			break;
		case 'b':
			behind = realpath(optarg, NULL);
			break;
		case 'f':
			max_files = (unsigned)atoi(optarg);
			break;
		case 'p':
			patience = (unsigned)atoi(optarg);
			break;
		case 'W':
			only = optarg;
			break;
		case 'v':
			verbose = true;
			break;
		default:
			return 64;
		}
	}
	if (!lib || !work || !dir || !max_files)
		return 64;
	setvbuf(stdout, NULL, _IOLBF, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	snprintf(sub, sizeof(sub), "%.300s/w", dir);
	snprintf(look, sizeof(look), "%.300s/w", dir);
	snprintf(page_file, sizeof(page_file), "%.300s/page", behind ? behind : dir);
	c = open(page_file, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (c < 0 || ftruncate(c, sizeof(*page)))
		return 70;
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, c, 0);
	close(c);
	for (long i = 0; i < count && now() < end; i++)
		trial(seed + (unsigned long)i);
	for (size_t i = 0; i < COUNT(ways); i++)
		if (i + 1 < COUNT(ways) && !strcmp(ways[i].name, ways[i + 1].name))
			by_way[i + 1] += by_way[i];
		else
			printf("%s %ld; ", ways[i].name, by_way[i]);
	printf("tasks killed %ld; work pending at the death %ld\n", killed_tasks, n_pending);
	printf("%ld trials, %ld acknowledged, %ld half done (stock: %ld of %ld trials), lost %ld, "
	       "left over %ld, failed %ld\n",
	       n_trials, n_acked, n_half, n_stock_half, n_stock, n_lost, n_left, n_failed);
	return n_lost || n_left || n_failed || !n_trials;
}
