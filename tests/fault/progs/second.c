/* SPDX-License-Identifier: MIT */
/*
 * second.c - a second process creates, renames, removes, truncates and moves what the program works
 * on
 *
 *	fault-second [-n OPERATIONS] [-t THREADS] [-s SEED] DIR
 *
 * SECOND_PRELOAD in the environment becomes LD_PRELOAD of the program alone.  Two directories hold
 * names that both processes use (s0 ..), and names of the program's threads (p0.0 ..), which the
 * other process does not touch, though it moves the directories away and back.  Whatever was
 * acknowledged of the latter must be there, whenever the program tells the other process that it
 * is, and at the end.  In the former there must be what one of the two has written, and calls must
 * fail with errors that such an intruder can cause.  What is compared lies in memory mapped by raw
 * calls: the library sees no shared mapping.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"

#define DIRS 2
#define OWN 8    /* names of a thread in a directory */
#define SHARED 6 /* names that both use in a directory */
#define THREADS_MAX 4
#define SIZE 100 /* of what goes into shared names: a write of it is whole */
#define CUT 50
#define BIG 5000
#define HEAD 18
#define UNKNOWN UINT32_MAX /* a call has failed: what was there before, or the new content */

/* What is under a name of the program's; seq 0: nothing */
struct own {
	uint32_t seq, size;
};

static struct common {
	_Atomic unsigned long operations, others, errors, checks, wrong;
	_Atomic bool end;
	_Atomic int asks; /* 1 + the thread whose names are to be checked */
	struct own own[THREADS_MAX][DIRS][OWN];
	char report[4096];
} * common;

static unsigned long operations = 5000;
static unsigned threads = 2;
static unsigned long seed = 1;
static int to_other[2], from_other[2];

static void wrong(const char *format, ...)
{
	char text[sizeof(common->report)];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (!atomic_fetch_add(&common->wrong, 1))
		memcpy(common->report, text, sizeof(text));
}

static unsigned long draw(unsigned long *state, unsigned long n)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (*state >> 11) % n;
}

/* ---- content ---- */

static void make_content(char *buf, char who, uint32_t seq, uint32_t size)
{
	memset(buf, 'a' + (int)(seq % 26), size);
	snprintf(buf, HEAD + 1, "%c %08x %06x", who, seq, size);
	buf[HEAD - 1] = '\n';
}

/* What a file holds: its whole or first bytes of something that was written. */
static bool read_content(const char *path, char *who, struct own *got, long *len)
{
	static _Thread_local char buf[BIG + 1], want[BIG];
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return false;
	*len = read(fd, buf, sizeof(buf));
	close(fd);
	*got = (struct own){0};
	*who = 0;
	if (*len <= 0)
		return true;
	if (sscanf(buf, "%c %x %x", who, &got->seq, &got->size) == 3 && got->size <= BIG &&
	    *len <= (long)got->size) {
		make_content(want, *who, got->seq, got->size);
		if (!memcmp(buf, want, (size_t)*len))
			return true;
	}
	wrong("%s holds what nobody wrote: %ld bytes, '%.30s'", path, *len, buf);
	return true;
}

static void own_path(char *path, unsigned t, unsigned d, unsigned i)
{
	sprintf(path, "d%u/p%u.%u", d, t, i);
}

/* moving: the directory may be elsewhere just now. */
static void check_own(unsigned t, unsigned d, unsigned i, bool moving)
{
	struct own *o = &common->own[t][d][i], got;
	char path[64], who;
	long len;

	atomic_fetch_add(&common->checks, 1);
	own_path(path, t, d, i);
	if (!read_content(path, &who, &got, &len)) {
		if (errno != ENOENT || (o->seq && o->seq != UNKNOWN && !moving))
			wrong("%s: %s, and %u was acknowledged", path, strerrorname_np(errno),
			      o->seq);
		return;
	}
	if (o->seq == UNKNOWN)
		return;
	if (got.seq != o->seq || got.size != o->size || len != (long)o->size)
		wrong("%s holds %u (%ld bytes) and not %u (%u bytes)", path, got.seq, len, o->seq,
		      o->size);
}

static void check_all_own(unsigned t)
{
	for (unsigned d = 0; d < DIRS; d++)
		for (unsigned i = 0; i < OWN; i++)
			check_own(t, d, i, false);
}

/* ---- the program ---- */

struct thread {
	unsigned t;
	unsigned long rng;
	uint32_t seq;
};

static void failed(const char *call, const char *path)
{
	static const int fine[] = {ENOENT, EEXIST, EISDIR, ENOTDIR, ESTALE, ENOTEMPTY};

	atomic_fetch_add(&common->errors, 1);
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		if (errno == fine[i])
			return;
	wrong("%s %s: %s", call, path, strerrorname_np(errno));
}

/* 1: done; 0: nothing was done; -1: perhaps */
static int put(const char *path, int flags, uint32_t seq, uint32_t size)
{
	char buf[BIG];
	int fd = open(path, O_WRONLY | flags, 0644), ok = 1;

	if (fd < 0) {
		failed("open", path);
		return 0;
	}
	make_content(buf, 'P', seq, size);
	if (write(fd, buf, size) != (ssize_t)size) {
		failed("write", path);
		ok = -1;
	}
	if (close(fd)) {
		failed("close", path);
		ok = -1;
	}
	return ok;
}

static void on_own(struct thread *th)
{
	static const uint32_t sizes[] = {SIZE, SIZE, SIZE, 300, BIG};
	unsigned d = (unsigned)draw(&th->rng, DIRS), i = (unsigned)draw(&th->rng, OWN),
		 k = (unsigned)draw(&th->rng, OWN);
	struct own *o = &common->own[th->t][d][i];
	char path[64], other[64];
	int done;

	own_path(path, th->t, d, i);
	switch (draw(&th->rng, 24)) {
	case 0:
		if (!unlink(path))
			o->seq = 0;
		else
			failed("unlink", path);
		break;
	case 1:
		own_path(other, th->t, d, k);
		if (rename(path, other)) {
			failed("rename", path);
		} else if (i != k) {
			common->own[th->t][d][k] = *o;
			o->seq = 0;
		}
		break;
	case 2:
		if (chmod(path, 0600))
			failed("chmod", path);
		break;
	case 3:
		check_own(th->t, d, i, true);
		break;
	default:
		th->seq++;
		k = sizes[draw(&th->rng, sizeof(sizes) / sizeof(sizes[0]))];
		done = put(path, O_CREAT | O_TRUNC, th->seq, k);
		if (done > 0)
			*o = (struct own){th->seq, k};
		else if (done < 0)
			o->seq = UNKNOWN;
	}
}

static void on_shared(struct thread *th)
{
	static const int how[] = {O_CREAT | O_TRUNC, O_CREAT | O_TRUNC, O_CREAT | O_TRUNC,
				  O_CREAT | O_EXCL,  O_TRUNC,           O_CREAT};
	unsigned d = (unsigned)draw(&th->rng, DIRS);
	char path[64], other[64], who;
	struct own got;
	struct stat st;
	long len;

	sprintf(path, "d%u/s%lu", d, draw(&th->rng, SHARED));
	sprintf(other, "d%u/s%lu", d, draw(&th->rng, SHARED));
	switch (draw(&th->rng, 20)) {
	case 0:
		if (unlink(path))
			failed("unlink", path);
		break;
	case 1:
		if (rename(path, other))
			failed("rename", path);
		break;
	case 2:
		if (truncate(path, 0))
			failed("truncate", path);
		break;
	case 3:
		if (!read_content(path, &who, &got, &len))
			failed("read", path);
		break;
	case 4:
		if (stat(path, &st))
			failed("stat", path);
		break;
	default:
		put(path, how[draw(&th->rng, sizeof(how) / sizeof(how[0]))], ++th->seq, SIZE);
	}
}

/* The other process learns by the pipe that all of this thread's work is done. */
static void tell(const struct thread *th)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	char byte = (char)th->t;

	pthread_mutex_lock(&one);
	if (write(to_other[1], &byte, 1) != 1 || read(from_other[0], &byte, 1) != 1)
		wrong("the other process is gone");
	pthread_mutex_unlock(&one);
}

static void *program_thread(void *arg)
{
	struct thread *th = arg;

	for (unsigned long n = operations / threads; n--;) {
		atomic_fetch_add(&common->operations, 1);
		if (draw(&th->rng, 500) == 0)
			tell(th);
		else if (draw(&th->rng, 4))
			on_own(th);
		else
			on_shared(th);
	}
	return NULL;
}

static void be_program(void)
{
	static struct thread th[THREADS_MAX];
	pthread_t id[THREADS_MAX];

	for (unsigned t = 0; t < threads; t++) {
		th[t] = (struct thread){t, (seed << 8) * 2654435761u + t + 1, 0};
		if (t && pthread_create(&id[t], NULL, program_thread, &th[t]))
			_exit(99);
	}
	program_thread(&th[0]);
	for (unsigned t = 1; t < threads; t++)
		pthread_join(id[t], NULL);
	exit(0);
}

/* ---- the other process ---- */

static void intrude(unsigned long *rng, uint32_t *seq)
{
	char path[64], other[64], buf[SIZE];
	unsigned d = (unsigned)draw(rng, DIRS);
	int fd;

	sprintf(path, "d%u/s%lu", d, draw(rng, SHARED));
	sprintf(other, "d%lu/s%lu", draw(rng, DIRS), draw(rng, SHARED));
	switch (draw(rng, 12)) {
	case 0:
	case 1:
		unlink(path);
		break;
	case 2:
		rename(path, other);
		break;
	case 3:
		chmod(path, draw(rng, 2) ? 0400 : 0644);
		break;
	case 4:
		if (truncate(path, 0) == 0 && draw(rng, 2))
			unlink(path);
		break;
	case 5:
		if (mkdir(path, 0755) == 0)
			usleep(100);
		rmdir(path);
		break;
	case 6:
		link(path, other);
		break;
	case 7:
		/* all of it away, and back */
		sprintf(path, "d%u", d);
		sprintf(other, "away%u", d);
		rename(path, other);
		usleep((useconds_t)draw(rng, 300));
		rename(other, path);
		break;
	default:
		make_content(buf, 'Q', ++*seq, SIZE);
		fd = open(path, O_WRONLY | (draw(rng, 2) ? O_CREAT | O_TRUNC : O_CREAT | O_EXCL),
			  0644);
		if (fd < 0)
			break;
		if (write(fd, buf, SIZE) != SIZE)
			wrong("the other process cannot write");
		close(fd);
	}
	atomic_fetch_add(&common->others, 1);
}

static void be_other(void)
{
	unsigned long rng = seed * 2654435761u + 77;
	uint32_t seq = 0;
	char byte;

	fcntl(to_other[0], F_SETFL, O_NONBLOCK);
	while (!atomic_load(&common->end)) {
		if (read(to_other[0], &byte, 1) == 1) {
			check_all_own((unsigned)byte);
			if (write(from_other[1], &byte, 1) != 1)
				_exit(99);
		}
		intrude(&rng, &seq);
	}
	_exit(0);
}

/* ---- */

static int start_program(char **argv, const char *page)
{
	const char *lib = getenv("SECOND_PRELOAD");
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		close(to_other[0]);
		close(from_other[1]);
		if ((lib && setenv("LD_PRELOAD", lib, 1)) || setenv("SECOND_PAGE", page, 1))
			_exit(99);
		execv("/proc/self/exe", argv);
		_exit(99);
	}
	if (waitpid(pid, &status, 0) != pid)
		return 99;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static struct common *map(const char *path)
{
	long fd = RAW(SYS_open, path, O_RDWR | O_CREAT, 0600, 0), at;

	if (fd < 0 || RAW(SYS_ftruncate, fd, sizeof(*common), 0, 0) < 0)
		_exit(99);
	at = raw_syscall(SYS_mmap, 0, sizeof(*common), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	RAW(SYS_close, fd, 0, 0, 0);
	if (at < 0)
		_exit(99);
	return (struct common *)at;
}

int main(int argc, char **argv)
{
	const char *page = getenv("SECOND_PAGE");
	char own_page[64];
	struct own got;
	int opt, status;
	pid_t other;
	char path[64], who;
	long len;

	while ((opt = getopt(argc, argv, "n:t:s:")) != -1) {
		if (opt == 'n')
			operations = strtoul(optarg, NULL, 10);
		else if (opt == 't')
			threads = (unsigned)atoi(optarg);
		else if (opt == 's')
			seed = strtoul(optarg, NULL, 10);
		else
			return 99;
	}
	if (optind + 1 != argc || threads < 1 || threads > THREADS_MAX || !seed)
		return 99;
	if (page) {
		/* in the directory that the parent is in, with its pipes */
		common = map(page);
		to_other[1] = 11;
		from_other[0] = 10;
		be_program();
	}
	if (chdir(argv[optind]) || mkdir("d0", 0755) || mkdir("d1", 0755))
		return 99;
	snprintf(own_page, sizeof(own_page), "/dev/shm/fault-second.%d", getpid());
	common = map(own_page);
	if (pipe(to_other) || pipe(from_other))
		return 99;
	other = fork();
	if (other == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		be_other();
	}
	if (dup2(to_other[1], 11) != 11 || dup2(from_other[0], 10) != 10)
		return 99;
	status = start_program(argv, own_page);
	unlink(own_page);
	atomic_store(&common->end, true);
	waitpid(other, NULL, 0);
	for (unsigned t = 0; t < threads; t++)
		check_all_own(t);
	for (unsigned d = 0; d < DIRS; d++)
		for (unsigned i = 0; i < SHARED; i++) {
			sprintf(path, "d%u/s%u", d, i);
			read_content(path, &who, &got, &len);
		}
	printf("%lu operations, %lu of the other process, %lu calls failed, %lu checks, %lu wrong\n",
	       common->operations, common->others, common->errors, common->checks, common->wrong);
	if (common->wrong)
		printf("first: %s\n", common->report);
	return common->wrong ? 98 : status;
}
