/* SPDX-License-Identifier: MIT */
/*
 * top.c - the verb 'top': counters of running preloaded processes
 *
 * The library carries a note (core/counters.c) that says where its counters are and what they are
 * called.  It is found by the program headers in the memory of each process that has mapped the
 * library, so neither symbols nor the same version are needed, and the process does nothing for it.
 */
#include "fastio.h"

#include <ctype.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static const char help[] =
	"Usage: fastio top [OPTION]...\n"
	"Shows what the library does in all running preloaded processes that may be read.\n"
	"\n"
	"  --once              print totals once and end\n"
	"  --json              the same, one JSON object per process\n"
	"  --interval SECONDS  time between two looks (default 1)\n"
	"  --help\n"
	"\n"
	"Columns are rates per second (with --once, totals): calls deferred or elided, operations\n"
	"done by the background and by the program itself, calls passed through, time that barriers\n"
	"waited, and how much is pending.  Ctrl-C ends.\n"
	"Exit status: 0 fine, 1 preloaded processes are there but none may be read, 2 wrong usage.\n";

#define LAYOUT_MAX 8192

/* Offsets in the note, from itself */
enum { NOTE_COUNTERS, NOTE_LAYOUT, NOTE_LIVE, NOTE_PID, NOTE_WORDS };

struct process {
	int pid;
	char comm[32];
	uint32_t pending;
	uint64_t counters[FIO_NCOUNTERS]; /* by our names; what the process does not know is 0 */
};

struct snapshot {
	struct process *list;
	size_t n;
	unsigned unreadable;
	uint64_t when_ns;
};

/* ---- one process ---- */

static bool peek(int pid, uint64_t at, void *buf, size_t n)
{
	struct iovec local = {buf, n}, remote = {(void *)(uintptr_t)at, n};

	return process_vm_readv(pid, &local, 1, &remote, 1, 0) == (ssize_t)n;
}

/* As much of a string as can be read, at most n - 1 bytes */
static void peek_string(int pid, uint64_t at, char *buf, size_t n)
{
	size_t got = 0;

	while (got + 64 < n && peek(pid, at + got, buf + got, 64)) {
		if (memchr(buf + got, 0, 64))
			return;
		got += 64;
	}
	buf[got] = '\0';
}

/* Where the library begins in the memory of a process; 0: it is not there. */
static uint64_t find_library(int pid)
{
	char name[64], *line = NULL;
	size_t room = 0;
	uint64_t base = 0;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/maps", pid);
	f = fopen(name, "re");
	while (f && !base && getline(&line, &room, f) >= 0) {
		unsigned long long start, offset;

		if (strstr(line, "/libfastio.so") &&
		    sscanf(line, "%llx-%*x %*s %llx", &start, &offset) == 2 && !offset)
			base = start;
	}
	free(line);
	if (f)
		fclose(f);
	return base;
}

/* The note's offsets, and the address they count from */
static bool read_note(int pid, uint64_t base, uint64_t *from, int32_t *words)
{
	ElfW(Ehdr) eh;
	ElfW(Phdr) ph;
	char notes[1024];

	if (!peek(pid, base, &eh, sizeof(eh)) || memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0)
		return false;
	for (int i = 0; i < eh.e_phnum; i++) {
		if (!peek(pid, base + eh.e_phoff + (uint64_t)i * sizeof(ph), &ph, sizeof(ph)) ||
		    ph.p_type != PT_NOTE || ph.p_memsz > sizeof(notes) ||
		    !peek(pid, base + ph.p_vaddr, notes, ph.p_memsz))
			continue;
		for (size_t at = 0; at + sizeof(ElfW(Nhdr)) < ph.p_memsz;) {
			const ElfW(Nhdr) *nh = (const void *)(notes + at);
			size_t name = at + sizeof(*nh), desc = name + ((nh->n_namesz + 3) & ~3u);

			if (desc + NOTE_WORDS * sizeof(*words) <= ph.p_memsz &&
			    nh->n_descsz >= NOTE_WORDS * sizeof(*words) && nh->n_namesz == 7 &&
			    !memcmp(notes + name, "fastio", 7)) {
				memcpy(words, notes + desc, NOTE_WORDS * sizeof(*words));
				*from = base + ph.p_vaddr + desc;
				return true;
			}
			at = desc + ((nh->n_descsz + 3) & ~3u);
		}
	}
	return false;
}

static void set_counter(struct process *p, const char *name, uint64_t value)
{
	size_t n = strcspn(name, ".");

	for (int i = 0; i < FIO_NCOUNTERS; i++)
		if (!strncmp(counter_group(i), name, n) && !counter_group(i)[n] &&
		    !strcmp(counter_name(i), name + n + 1))
			p->counters[i] = value;
}

static bool read_counters(struct process *p, uint64_t from, const int32_t *words)
{
	char layout[LAYOUT_MAX], *save = NULL, *name;
	uint64_t at = from + (uint64_t)(int64_t)words[NOTE_COUNTERS], value;

	peek_string(p->pid, from + (uint64_t)(int64_t)words[NOTE_LAYOUT], layout, sizeof(layout));
	for (name = strtok_r(layout, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
		if (!peek(p->pid, at, &value, sizeof(value)))
			return false;
		if (strchr(name, '.'))
			set_counter(p, name, value);
		at += sizeof(value);
	}
	return true;
}

static void read_comm(struct process *p)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", p->pid);
	f = fopen(path, "re");
	if (f && fgets(p->comm, sizeof(p->comm), f))
		p->comm[strcspn(p->comm, "\n")] = '\0';
	for (char *c = p->comm; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
	if (f)
		fclose(f);
}

static void look_at(struct snapshot *s, int pid)
{
	uint64_t base = find_library(pid), from = 0;
	int32_t words[NOTE_WORDS];
	struct process p = {.pid = pid}, *list;
	int owner;

	if (!base)
		return;
	if (!read_note(pid, base, &from, words)) {
		s->unreadable += errno == EPERM;
		return;
	}
	/* The background task has the same memory: it is not a program of its own. */
	if (!peek(pid, from + (uint64_t)(int64_t)words[NOTE_PID], &owner, sizeof(owner)) ||
	    owner != pid ||
	    !peek(pid, from + (uint64_t)(int64_t)words[NOTE_LIVE], &p.pending, sizeof(p.pending)) ||
	    !read_counters(&p, from, words))
		return;
	read_comm(&p);
	list = reallocarray(s->list, s->n + 1, sizeof(*list));
	if (!list)
		return;
	s->list = list;
	s->list[s->n++] = p;
}

static void take(struct snapshot *s)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	*s = (struct snapshot){.when_ns = now_ns()};
	while (d && (e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]) && atoi(e->d_name) != getpid())
			look_at(s, atoi(e->d_name));
	if (d)
		closedir(d);
}

/* ---- the screen ---- */

/*
 * What has happened since the snapshot before; everything if the process is new or before is empty.
 */
static void subtract(struct process *p, const struct snapshot *before)
{
	for (size_t i = 0; i < before->n; i++) {
		if (before->list[i].pid != p->pid)
			continue;
		for (int k = 0; k < FIO_NCOUNTERS; k++)
			p->counters[k] -= p->counters[k] >= before->list[i].counters[k]
						  ? before->list[i].counters[k]
						  : p->counters[k];
	}
}

static uint64_t activity(const struct process *p)
{
	return group_sum(p->counters, "deferred") + group_sum(p->counters, "pass");
}

static int by_activity(const void *a, const void *b)
{
	uint64_t x = activity(a), y = activity(b);

	return x < y   ? 1
	       : x > y ? -1
		       : ((const struct process *)a)->pid - ((const struct process *)b)->pid;
}

static void print_row(const struct process *p, double seconds)
{
	const uint64_t *c = p->counters;
	uint64_t back = c[FIO_CNT_executed_task] + c[FIO_CNT_executed_ring];

	printf("%8d %-16.16s %10.0f %10.0f %10.0f %10.0f %9.1f %8u\n", p->pid, p->comm,
	       (double)(group_sum(c, "deferred") + group_sum(c, "elided")) / seconds,
	       (double)back / seconds, (double)c[FIO_CNT_executed_caller] / seconds,
	       (double)group_sum(c, "pass") / seconds,
	       (double)c[FIO_CNT_barrier_wait_us] / 1e3 / seconds, p->pending);
}

static void print_snapshot(const struct snapshot *s, const struct snapshot *before, size_t rows)
{
	double seconds = before ? (double)(s->when_ns - before->when_ns) / 1e9 : 1;
	struct process *list = calloc(s->n + 1, sizeof(*list));

	if (!list)
		return;
	for (size_t i = 0; i < s->n; i++) {
		list[i] = s->list[i];
		if (before)
			subtract(&list[i], before);
	}
	qsort(list, s->n, sizeof(*list), by_activity);
	printf("%zu preloaded process%s%s", s->n, s->n == 1 ? "" : "es",
	       before ? ", per second" : "");
	if (s->unreadable)
		printf("; %u may not be read (run as root)", s->unreadable);
	printf("\n%8s %-16s %10s %10s %10s %10s %9s %8s\n", "PID", "PROGRAM", "DEFERRED",
	       "BACKGROUND", "ITSELF", "PASSED", "WAIT ms", "PENDING");
	for (size_t i = 0; i < s->n && i < rows; i++)
		print_row(&list[i], seconds);
	free(list);
}

static void print_json(const struct snapshot *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct process *p = &s->list[i];

		printf("{\"pid\":%d,\"comm\":", p->pid);
		json_string(stdout, p->comm);
		printf(",\"pending\":%u,", p->pending);
		counters_json(stdout, p->counters);
		puts("}");
	}
}

static size_t screen_rows(void)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || w.ws_row < 5)
		return 20;
	return w.ws_row - 3u;
}

static int watch(double interval)
{
	bool tty = isatty(STDOUT_FILENO);
	struct timespec pause = {
		.tv_sec = (time_t)interval,
		.tv_nsec = (long)((interval - (double)(time_t)interval) * 1e9),
	};
	struct snapshot before, now;

	take(&before);
	for (;;) {
		nanosleep(&pause, NULL);
		take(&now);
		if (tty)
			fputs("\033[H\033[J", stdout);
		print_snapshot(&now, &before, tty ? screen_rows() : now.n);
		if (finish_output() != EXIT_OK)
			return EXIT_IO;
		free(before.list);
		before = now;
	}
}

int top_main(int argc, char **argv)
{
	bool once = false, json = false;
	double interval = 1;
	struct snapshot s;
	char *end;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			fputs(help, stdout);
			return finish_output();
		}
		if (!strcmp(argv[i], "--once")) {
			once = true;
		} else if (!strcmp(argv[i], "--json")) {
			json = true;
		} else if (!strcmp(argv[i], "--interval")) {
			if (++i == argc)
				return usage_failed("top", "a value is missing", argv[i - 1]);
			interval = strtod(argv[i], &end);
			if (*end || !(interval >= 0.05 && interval <= 3600))
				return usage_failed("top", "--interval is not 0.05 to 3600 seconds",
						    argv[i]);
		} else {
			return usage_failed("top", "unknown option", argv[i]);
		}
	}
	if (!once && !json)
		return watch(interval);
	take(&s);
	if (json)
		print_json(&s);
	else
		print_snapshot(&s, NULL, s.n);
	free(s.list);
	if (s.unreadable)
		fprintf(stderr, "fastio top: %u preloaded process%s may not be read: run as root\n",
			s.unreadable, s.unreadable == 1 ? "" : "es");
	return finish_output() != EXIT_OK || (s.unreadable && !s.n) ? EXIT_IO : EXIT_OK;
}
