/* SPDX-License-Identifier: MIT */
/*
 * work.c - a small-file workload that records every result, can die at a
 * chosen step, and can verify what it left behind
 *
 *	fault-work [-n FILES] [-s SIZE] [-t THREADS] [-p USEC] [-w USEC]
 *		   [-k STEP -x HOW [-T THREAD]] [-q] [-A FILE] PHASES DIR
 *	fault-work -V [-n FILES] [-s SIZE] [-t THREADS] [-a ACKED,...] PHASES DIR
 *
 * PHASES is a string of: c create, x create with O_EXCL, u update with
 * O_TRUNC and content of the same size, U the same with another size,
 * m create with fchmod, futimens before close, n another file renamed over
 * it, d delete, r read and check.
 * A step is one phase for one file.  The log, one line per step, is printed
 * at the end, so that nothing is released before.  -V checks a tree: with -a
 * the steps that had been acknowledged before a death, else a log on stdin.
 * -x: a way to die, for thread 0 or -T; or the path of a cgroup.kill.
 * -w: a wait before the end or death.
 * -A: the steps are counted in that file, mapped by a raw system call, so that
 * the count survives and the library does not see a shared mapping.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "raw.h"
#include "work.h"

static unsigned files = 100;
static unsigned max_size = 1000;
static unsigned threads = 1;
static unsigned pause_us;
static unsigned wait_us;
static long die_at = -1;
static unsigned dying_thread;
static const char *die_how = "kill";
static bool quiet;
static const char *phases;
static const char *dir;
static const char *page_file;
static struct work_page *page;
static int *volatile nowhere;

struct log {
	char *text;
	size_t len, cap;
};
static struct log logs[WORK_MAX_THREADS];

static void log_line(unsigned t, char phase, unsigned i, const char *call, int err)
{
	struct log *l = &logs[t];

	if (quiet)
		return;
	if (l->cap - l->len < 128) {
		l->cap = l->cap ? l->cap * 2 : 1 << 16;
		l->text = realloc(l->text, l->cap);
		if (!l->text)
			_exit(99);
	}
	l->len += (size_t)snprintf(l->text + l->len, l->cap - l->len, "%u %c %u %s%s%s\n", t, phase,
				   i, call, err ? " " : "", err ? strerrorname_np(err) : "");
}

static void file_name(char *buf, size_t size, unsigned t, unsigned i)
{
	snprintf(buf, size, "%s/t%02u-%05u", dir, t, i);
}

/* Content depends on the thread, the file and the phase that wrote it. */
static size_t content(char *buf, unsigned t, unsigned i, unsigned phase)
{
	unsigned grow = strchr("Un", phases[phase]) ? 7 * (phase + 1) : 0;
	size_t size = 1 + (i * 37u + t * 11u + grow) % max_size;

	for (size_t j = 0; j < size; j++)
		buf[j] = (char)(i * 31 + t * 17 + phase * 101 + j * 7);
	return size;
}

static bool writes(char phase)
{
	return strchr("cxuUmn", phase);
}

/* Until the kernel ends it */
static void take_all_memory(void)
{
	const size_t part = 1 << 20;

	for (;;) {
		long at = raw_syscall(SYS_mmap, 0, part, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		for (size_t i = 0; at > 0 && i < part; i += 4096)
			((volatile char *)at)[i] = 1;
	}
}

static void die(void)
{
	static char *args[] = {(char *)"true", NULL};
	struct timespec wait = {wait_us / 1000000, wait_us % 1000000 * 1000};

	RAW(SYS_nanosleep, &wait, NULL, 0, 0);
	if (*die_how == '/') {
		long fd = RAW(SYS_open, die_how, O_WRONLY, 0, 0);

		RAW(SYS_write, fd, "1", 1, 0);
		RAW(SYS_pause, 0, 0, 0, 0);
	} else if (!strcmp(die_how, "kill"))
		RAW(SYS_kill, getpid(), SIGKILL, 0, 0);
	else if (!strcmp(die_how, "killgroup"))
		RAW(SYS_kill, 0, SIGKILL, 0, 0);
	else if (!strcmp(die_how, "term"))
		RAW(SYS_kill, getpid(), SIGTERM, 0, 0);
	else if (!strcmp(die_how, "segv"))
		*nowhere = 0;
	else if (!strcmp(die_how, "trap"))
		__asm__ volatile("ud2");
	else if (!strcmp(die_how, "rawexit"))
		RAW(SYS_exit_group, 7, 0, 0, 0);
	else if (!strcmp(die_how, "abort"))
		abort();
	else if (!strcmp(die_how, "_exit"))
		_exit(7);
	else if (!strcmp(die_how, "exit"))
		exit(7);
	else if (!strcmp(die_how, "quick_exit"))
		quick_exit(7);
	else if (!strcmp(die_how, "oom"))
		take_all_memory();
	else if (!strcmp(die_how, "raise"))
		raise(SIGKILL);
	else if (!strcmp(die_how, "exec"))
		execvp("true", args);
	_exit(98);
}

static int write_file(unsigned t, unsigned i, unsigned phase, char *buf)
{
	char name[4096], target[4096], what = phases[phase];
	int flags = O_WRONLY | (what == 'x'           ? O_CREAT | O_EXCL
				: strchr("cmn", what) ? O_CREAT | O_TRUNC
						      : O_TRUNC);
	const char *bad = NULL;
	int err = 0, fd;
	size_t size = content(buf, t, i, phase);
	ssize_t n;

	file_name(target, sizeof(target), t, i);
	snprintf(name, sizeof(name), "%.4000s%s", target, what == 'n' ? ".new" : "");
	fd = open(name, flags, 0644);
	if (fd < 0) {
		log_line(t, what, i, "open", errno);
		return -1;
	}
	n = write(fd, buf, size);
	if (n != (ssize_t)size) {
		err = n < 0 ? errno : 0;
		bad = n < 0 ? "write" : "short";
	}
	if (what == 'm') {
		struct timespec ts[2] = {{1000000000 + i, 5000}, {1000000000 + i, 7000}};

		if (fchmod(fd, 0600 + i % 64) && !bad) {
			err = errno;
			bad = "fchmod";
		}
		if (futimens(fd, ts) && !bad) {
			err = errno;
			bad = "futimens";
		}
	}
	if (close(fd) && !bad) {
		err = errno;
		bad = "close";
	}
	if (what == 'n' && !bad && rename(name, target)) {
		err = errno;
		bad = "rename";
	}
	log_line(t, what, i, bad ? bad : "ok", err);
	return bad ? -1 : 0;
}

/* 1: as phase left it, 0: a beginning of that, -1: something else, -2: absent. */
static int check_file(unsigned t, unsigned i, unsigned phase, bool meta, char *want, char *got)
{
	char name[4096];
	size_t size = content(want, t, i, phase);
	struct stat st;
	ssize_t n;
	int fd;

	file_name(name, sizeof(name), t, i);
	fd = open(name, O_RDONLY);
	if (fd < 0)
		return -2;
	n = read(fd, got, max_size + 1);
	fstat(fd, &st);
	close(fd);
	if (n < 0 || (size_t)n > size || memcmp(want, got, (size_t)n))
		return -1;
	if ((size_t)n < size)
		return 0;
	if (meta && phases[phase] == 'm' &&
	    ((st.st_mode & 07777) != 0600 + i % 64 || st.st_mtim.tv_sec != 1000000000 + i ||
	     st.st_mtim.tv_nsec != 7000))
		return 0;
	return 1;
}

static int content_phase(int phase)
{
	while (phase >= 0 && !writes(phases[phase]))
		phase--;
	return phase;
}

static void step(unsigned t, unsigned i, unsigned phase, char *buf)
{
	char name[4096];
	int c, r;

	switch (phases[phase]) {
	case 'd':
		file_name(name, sizeof(name), t, i);
		if (unlink(name))
			log_line(t, 'd', i, "unlink", errno);
		else
			log_line(t, 'd', i, "ok", 0);
		break;
	case 'r':
		c = content_phase((int)phase);
		r = c < 0 ? -2 : check_file(t, i, (unsigned)c, true, buf, buf + max_size + 1);
		log_line(t, 'r', i,
			 r == 1    ? "ok"
			 : r == 0  ? "partial"
			 : r == -1 ? "wrong"
				   : "absent",
			 0);
		break;
	default:
		write_file(t, i, phase, buf);
	}
}

static void *run_thread(void *arg)
{
	unsigned t = (unsigned)(size_t)arg;
	char *buf = malloc(2 * ((size_t)max_size + 1));
	unsigned long done = 0;

	for (unsigned p = 0; phases[p]; p++) {
		for (unsigned i = 0; i < files; i++) {
			if (t == dying_thread && die_at == (long)done)
				die();
			step(t, i, p, buf);
			atomic_store(&page->acked[t], ++done);
			if (pause_us)
				usleep(pause_us);
		}
	}
	free(buf);
	return NULL;
}

static int run(void)
{
	pthread_t id[WORK_MAX_THREADS];

	if (page_file) {
		long fd = RAW(SYS_open, page_file, O_RDWR, 0, 0);

		page = (struct work_page *)raw_syscall(SYS_mmap, (long)WORK_PAGE, sizeof(*page),
						       PROT_READ | PROT_WRITE,
						       MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
		RAW(SYS_close, fd, 0, 0, 0);
	} else {
		page = mmap(WORK_PAGE, sizeof(*page), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	}
	if (page != WORK_PAGE)
		return 99;
	page->threads = threads;
	atomic_store(&page->magic, WORK_MAGIC);
	for (unsigned t = 1; t < threads; t++)
		if (pthread_create(&id[t], NULL, run_thread, (void *)(size_t)t))
			return 99;
	run_thread(NULL);
	for (unsigned t = 1; t < threads; t++)
		pthread_join(id[t], NULL);
	if (wait_us)
		usleep(wait_us);
	for (unsigned t = 0; t < threads; t++)
		for (size_t at = 0; at < logs[t].len;) {
			ssize_t n = write(1, logs[t].text + at, logs[t].len - at);

			if (n <= 0)
				return 99;
			at += (size_t)n;
		}
	return 0;
}

static struct tally {
	unsigned complete, absent, partial, lost;
} tally;

static void lost(unsigned t, unsigned i, int phase, int state)
{
	printf("LOST thread %u file %u after phase %d: %s\n", t, i, phase,
	       state == -2   ? "absent"
	       : state == -1 ? "wrong content"
			     : "incomplete");
	tally.lost++;
}

/*
 * The file must be as the last acknowledged phase left it or further on.  Where its thread died in
 * the next phase, the kernel may have changed the time of modification and nothing else.
 */
static void verify_acked(unsigned t, unsigned i, unsigned long acked, char *buf)
{
	int nphases = (int)strlen(phases), last = -1, best = -2;
	bool begun = acked % files == i;

	for (int p = 0; p < nphases; p++)
		if ((unsigned long)p * files + i < acked)
			last = p;
	for (int p = last < 0 ? -1 : last; p < nphases; p++) {
		int c = content_phase(p), state;
		bool gone = p < 0 || phases[p] == 'd';

		state = check_file(t, i, c < 0 ? 0 : (unsigned)c, !begun, buf, buf + max_size + 1);
		if (gone)
			state = state == -2 ? 1 : p > last ? state : -1;
		else if (state == 0 && p == last)
			state = -1;
		if (state > best)
			best = state;
	}
	if (best == 1)
		tally.complete++;
	else if (best == 0)
		tally.partial++;
	else if (best == -2 && last < 0)
		tally.absent++;
	else
		lost(t, i, last, best);
}

/* A log says what had succeeded: the last such phase of each file holds. */
static void verify_log(char *buf)
{
	int *last = calloc((size_t)threads * files, sizeof(*last));
	char line[256], call[64];
	unsigned t, i;
	char what;

	if (!last)
		_exit(99);
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%u %c %u %63s", &t, &what, &i, call) != 4 || t >= threads ||
		    i >= files)
			continue;
		const char *at = strchr(phases, what);

		if (!at || what == 'r')
			continue;
		if (!strcmp(call, "ok"))
			last[t * files + i] = (int)(at - phases) + 1;
		else if (strcmp(call, "open") && strcmp(call, "unlink"))
			last[t * files + i] = 0;
	}
	for (t = 0; t < threads; t++)
		for (i = 0; i < files; i++) {
			int p = last[t * files + i] - 1, state;

			if (p < 0)
				continue;
			state = check_file(t, i, (unsigned)p, true, buf, buf + max_size + 1);
			if (phases[p] == 'd' ? state != -2 : state != 1)
				lost(t, i, p, state);
			else
				tally.complete++;
		}
	free(last);
}

static int verify(char *acked)
{
	char *buf = malloc(2 * ((size_t)max_size + 1));

	if (!buf)
		return 99;
	if (!acked) {
		verify_log(buf);
	} else {
		for (unsigned t = 0; t < threads; t++) {
			unsigned long n = strtoul(acked, &acked, 10);

			if (*acked == ',')
				acked++;
			for (unsigned i = 0; i < files; i++)
				verify_acked(t, i, n, buf);
		}
	}
	printf("complete %u absent %u partial %u lost %u\n", tally.complete, tally.absent,
	       tally.partial, tally.lost);
	free(buf);
	/* One thread is in one file at a time. */
	return tally.lost || tally.partial > threads;
}

int main(int argc, char **argv)
{
	bool check = false;
	char *acked = NULL;
	int opt;

	while ((opt = getopt(argc, argv, "n:s:t:p:w:k:x:T:qVa:A:")) != -1) {
		switch (opt) {
		case 'n':
			files = (unsigned)atoi(optarg);
			break;
		case 's':
			max_size = (unsigned)atoi(optarg);
			break;
		case 't':
			threads = (unsigned)atoi(optarg);
			break;
		case 'p':
			pause_us = (unsigned)atoi(optarg);
			break;
		case 'w':
			wait_us = (unsigned)atoi(optarg);
			break;
		case 'k':
			die_at = atol(optarg);
			break;
		case 'x':
			die_how = optarg;
			break;
		case 'T':
			dying_thread = (unsigned)atoi(optarg);
			break;
		case 'q':
			quiet = true;
			break;
		case 'V':
			check = true;
			break;
		case 'a':
			acked = optarg;
			break;
		case 'A':
			page_file = optarg;
			break;
		default:
			return 99;
		}
	}
	if (argc - optind != 2 || threads < 1 || threads > WORK_MAX_THREADS || !files || !max_size)
		return 99;
	phases = argv[optind];
	dir = argv[optind + 1];
	return check ? verify(acked) : run();
}
