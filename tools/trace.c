/* SPDX-License-Identifier: MIT */
/*
 * trace.c - the verb 'trace': a timeline in the Chrome trace format
 *
 * The library appends its records (core/trace.h) to one file for all processes; here they become
 * one JSON array of events.  A process has a track for each thread, one or more for the background
 * task and for the ring (operations that are under way at the same time need tracks of their own),
 * and one for the task's batches.
 */
#include "../core/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/fio.h"
#include "../core/intent.h"
#include "fastio.h"

static const char help[] =
	"Usage: fastio trace -o FILE [OPTION]... COMMAND [ARGUMENT]...\n"
	"Runs COMMAND with the library and writes a timeline of what was deferred, executed and\n"
	"waited for, which https://ui.perfetto.dev, speedscope and chrome://tracing open.\n"
	"\n"
	"  -o, --output FILE  the timeline\n"
	"  --engine ENGINE, --NAME VALUE  as for 'fastio run'\n"
	"  --help\n"
	"\n"
	"Exit status: COMMAND's; 125 fastio failed, 126 COMMAND cannot be run, 127 it was not\n"
	"found, 2 wrong usage.\n";

#define LANES 64
/* Numbers of tracks that are no threads, above all thread ids */
enum { TRACK_TASK = 0x40000000, TRACK_RING = TRACK_TASK + LANES, TRACK_BATCH = TRACK_RING + LANES };

struct trace {
	struct fio_trace_record *records;
	size_t n, room;
	const struct fio_trace_record **dirs; /* those of the records that name a directory */
	size_t ndirs;
	uint64_t lost;
};

/* One process while its events are written */
struct process {
	int pid;
	const char *comm;
	int64_t busy[2][LANES]; /* until when a lane of the task, of the ring is taken */
	int lanes[2];           /* used */
	bool batches;
	int *threads;
	size_t nthreads;
};

static const char *const kinds[] = {
	[FIO_KIND_CREATE] = "create", [FIO_KIND_UPDATE] = "update",   [FIO_KIND_WRITE] = "write",
	[FIO_KIND_UNLINK] = "unlink", [FIO_KIND_RMDIR] = "rmdir",     [FIO_KIND_RENAME] = "rename",
	[FIO_KIND_LINK] = "link",     [FIO_KIND_SYNC] = "fsync",      [FIO_KIND_META] = "meta",
	[FIO_KIND_READ] = "read",     [FIO_KIND_SYMLINK] = "symlink",
};

#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

/* ---- reading ---- */

static bool read_records(struct trace *t, const char *path)
{
	FILE *f = fopen(path, "re");
	struct fio_trace_record r;

	if (!f) {
		io_failed("read the events", path, errno);
		return false;
	}
	while (fread(&r, sizeof(r), 1, f) == 1) {
		if (t->n == t->room) {
			size_t room = t->room ? t->room * 2 : 4096;
			struct fio_trace_record *new = reallocarray(t->records, room, sizeof(r));

			if (!new) {
				io_failed("remember the events of", path, ENOMEM);
				fclose(f);
				return false;
			}
			t->records = new;
			t->room = room;
		}
		r.name[sizeof(r.name) - 1] = '\0';
		if (r.type == FIO_TRACE_LOST)
			t->lost += r.size;
		t->records[t->n++] = r;
	}
	fclose(f);
	return true;
}

/* By process, then by time */
static int by_time(const void *a, const void *b)
{
	const struct fio_trace_record *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	if (x->begin_ns != y->begin_ns)
		return x->begin_ns < y->begin_ns ? -1 : 1;
	return x->took_ns > y->took_ns ? -1 : x->took_ns < y->took_ns;
}

static bool find_dirs(struct trace *t)
{
	t->dirs = calloc(t->n + 1, sizeof(const struct fio_trace_record *));
	for (size_t i = 0; t->dirs && i < t->n; i++)
		if (t->records[i].type == FIO_TRACE_DIR)
			t->dirs[t->ndirs++] = &t->records[i];
	if (!t->dirs)
		io_failed("remember", "directories", ENOMEM);
	return t->dirs != NULL;
}

static const char *directory(const struct trace *t, const struct fio_trace_record *r)
{
	for (size_t i = 0; i < t->ndirs; i++)
		if (t->dirs[i]->pid == r->pid && t->dirs[i]->dir == r->dir &&
		    t->dirs[i]->gen == r->gen)
			return t->dirs[i]->name;
	return "?";
}

/* ---- writing ---- */

/* Opens an event: the caller adds its arguments, and "}}". */
static void begin_event(FILE *f, const struct fio_trace_record *r, int tid, const char *cat,
			const char *verb, const char *what)
{
	char name[300];

	snprintf(name, sizeof(name), "%s%s%s", verb, *what ? " " : "", what);
	fputs(",\n{\"name\":", f);
	json_string(f, name);
	fprintf(f, ",\"cat\":\"%s\",\"pid\":%d,\"tid\":%d,\"ts\":%.3f,", cat, r->pid, tid,
		(double)r->begin_ns / 1e3);
	if (r->took_ns > 0)
		fprintf(f, "\"ph\":\"X\",\"dur\":%.3f,", (double)r->took_ns / 1e3);
	else
		fputs("\"ph\":\"i\",\"s\":\"t\",", f);
	fputs("\"args\":{", f);
}

static void put_path(FILE *f, const struct trace *t, const struct fio_trace_record *r)
{
	char path[2 * sizeof(r->name) + 2];

	snprintf(path, sizeof(path), "%s/%s", directory(t, r), r->name);
	fputs("\"path\":", f);
	json_string(f, path);
	fprintf(f, ",\"size\":%u", r->size);
}

static void metadata(FILE *f, int pid, int tid, const char *what, const char *name, int number)
{
	fprintf(f,
		",\n{\"name\":\"%s\",\"ph\":\"M\",\"pid\":%d,\"tid\":%d,\"ts\":0,\"args\":{\"name\":",
		what, pid, tid);
	if (number >= 0) {
		char numbered[64];

		snprintf(numbered, sizeof(numbered), "%s %d", name, number);
		json_string(f, numbered);
	} else {
		json_string(f, name);
	}
	fputs("}}", f);
}

/* The first track that is free when the operation begins; 0 is the task's, 1 the ring's. */
static int lane(struct process *p, const struct fio_trace_record *r, int which)
{
	int i = 0;

	while (i < LANES - 1 && p->busy[which][i] > r->begin_ns)
		i++;
	p->busy[which][i] = r->begin_ns + r->took_ns;
	if (i >= p->lanes[which])
		p->lanes[which] = i + 1;
	return (which ? TRACK_RING : TRACK_TASK) + i;
}

static void remember_thread(struct process *p, int tid)
{
	int *threads;

	for (size_t i = 0; i < p->nthreads; i++)
		if (p->threads[i] == tid)
			return;
	threads = reallocarray(p->threads, p->nthreads + 1, sizeof(*threads));
	if (!threads)
		return;
	p->threads = threads;
	p->threads[p->nthreads++] = tid;
}

static void write_barrier(FILE *f, const struct fio_trace_record *r)
{
	static const char *const scopes[] = {"everything", "one file", "one directory"};
	int i = FIO_CNT_cause_exit + r->cause;
	const char *cause = r->cause < FIO_NCAUSES ? counter_text(i) : "?";

	begin_event(f, r, r->tid, "barrier", "barrier:", cause);
	fprintf(f, "\"scope\":\"%s\",\"cause\":\"%s\"}}", r->kind < 3 ? scopes[r->kind] : "?",
		r->cause < FIO_NCAUSES ? counter_name(i) : "?");
}

static void write_intent(FILE *f, const struct trace *t, struct process *p,
			 const struct fio_trace_record *r)
{
	static const char *const by[] = {"the program", "the background task", "the ring"};
	const char *kind = r->kind < NKINDS && kinds[r->kind] ? kinds[r->kind] : "?";
	int tid = r->tid;

	switch ((enum fio_trace_type)r->type) {
	case FIO_TRACE_OPENED:
		begin_event(f, r, tid, "deferred", "open", r->name);
		break;
	case FIO_TRACE_QUEUED:
		begin_event(f, r, tid, "deferred",
			    r->kind >= FIO_KIND_UNLINK ? kinds[r->kind] : "close", r->name);
		break;
	case FIO_TRACE_REAL:
		begin_event(f, r, tid, "real", "ordinary from now on:", r->name);
		break;
	default:
		if (r->by != FIO_TRACE_CALLER)
			tid = lane(p, r, r->by == FIO_TRACE_RING);
		begin_event(f, r, tid, "executed", kind, r->name);
		fprintf(f, "\"by\":\"%s\",\"error\":%d,", by[r->by < 3 ? r->by : 0], -r->err);
		break;
	}
	put_path(f, t, r);
	fputs("}}", f);
}

static void write_event(FILE *f, const struct trace *t, struct process *p,
			const struct fio_trace_record *r)
{
	char of[16];

	switch ((enum fio_trace_type)r->type) {
	case FIO_TRACE_PROCESS:
		p->comm = r->name;
		return;
	case FIO_TRACE_DIR:
	case FIO_TRACE_LOST:
		return;
	case FIO_TRACE_BARRIER:
		write_barrier(f, r);
		break;
	case FIO_TRACE_WAIT:
		begin_event(f, r, r->tid, "wait", "wait for the background", "");
		fputs("}}", f);
		break;
	case FIO_TRACE_BATCH:
		p->batches = true;
		snprintf(of, sizeof(of), "of %u", r->size);
		begin_event(f, r, TRACK_BATCH, "batch", "batch", of);
		fprintf(f, "\"intents\":%u}}", r->size);
		return;
	case FIO_TRACE_OPENED:
	case FIO_TRACE_QUEUED:
	case FIO_TRACE_REAL:
	case FIO_TRACE_DONE:
		write_intent(f, t, p, r);
		if (r->type == FIO_TRACE_DONE && r->by != FIO_TRACE_CALLER)
			return;
		break;
	}
	remember_thread(p, r->tid);
}

static void name_tracks(FILE *f, const struct process *p)
{
	metadata(f, p->pid, p->pid, "process_name", p->comm ? p->comm : "?", -1);
	for (size_t i = 0; i < p->nthreads; i++) {
		bool is_main = p->threads[i] == p->pid;

		metadata(f, p->pid, p->threads[i], "thread_name",
			 is_main ? "program" : "program, thread", is_main ? -1 : p->threads[i]);
	}
	for (int i = 0; i < p->lanes[0]; i++)
		metadata(f, p->pid, TRACK_TASK + i, "thread_name", "background task", i ? i : -1);
	for (int i = 0; i < p->lanes[1]; i++)
		metadata(f, p->pid, TRACK_RING + i, "thread_name", "ring", i);
	if (p->batches)
		metadata(f, p->pid, TRACK_BATCH, "thread_name", "background task, batches", -1);
}

static void write_events(FILE *f, const struct trace *t)
{
	struct process p;

	fprintf(f,
		"[{\"name\":\"fastio\",\"ph\":\"M\",\"pid\":0,\"tid\":0,\"ts\":0,\"args\":{"
		"\"version\":\"" FIO_VERSION "\",\"lost\":%llu}}",
		(unsigned long long)t->lost);
	for (size_t i = 0; i < t->n;) {
		p = (struct process){.pid = t->records[i].pid};
		for (; i < t->n && t->records[i].pid == p.pid; i++)
			write_event(f, t, &p, &t->records[i]);
		name_tracks(f, &p);
		free(p.threads);
	}
	fputs("]\n", f);
}

static bool write_trace(const char *output, const char *records)
{
	struct trace t = {0};
	FILE *f = fopen(output, "we");
	bool ok;

	if (!f) {
		io_failed("write the timeline to", output, errno);
		return false;
	}
	ok = read_records(&t, records);
	if (t.n)
		qsort(t.records, t.n, sizeof(*t.records), by_time);
	ok = find_dirs(&t) && ok;
	write_events(f, &t);
	free(t.dirs);
	free(t.records);
	if (ferror(f) | fclose(f)) {
		io_failed("write the timeline to", output, errno);
		return false;
	}
	if (t.lost)
		fprintf(stderr,
			"fastio trace: %llu events came too fast and are not in %s; trace fewer files "
			"at a time to have all\n",
			(unsigned long long)t.lost, output);
	return ok;
}

static int own(void *arg, char **argv, int left)
{
	return output_option(arg, argv, left);
}

int trace_main(int argc, char **argv)
{
	const char *output = NULL;
	struct scratch tmp;
	uint64_t wall_ns;
	int status, i = options_read("trace", help, own, &output, argc, argv, &status);

	if (!i)
		return status;
	if (!output)
		return usage_failed("trace", "no file for the timeline given: -o FILE", NULL);
	if (!preload_add() || !scratch_make(&tmp, "trace"))
		return EXIT_OURS;
	setenv("FASTIO_TRACE", tmp.file, 1);
	status = run_child(argv + i, &wall_ns);
	if (status >= 0 && !write_trace(output, tmp.file))
		status = -1;
	scratch_remove(&tmp);
	if (status < 0)
		return EXIT_OURS;
	end_as(status);
}
