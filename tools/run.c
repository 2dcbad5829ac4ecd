/* SPDX-License-Identifier: MIT */
/* run.c - the verb 'run': a command with the library preloaded; --report what was done with it */
#include "fastio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char help[] =
	"Usage: fastio [run] [OPTION]... COMMAND [ARGUMENT]...\n"
	"Runs COMMAND with libfastio preloaded, in place of fastio: signals, terminal and exit\n"
	"status are COMMAND's.\n"
	"\n"
	"  --report           at the end, print on standard error what was deferred, passed\n"
	"                     through and why, in COMMAND and all that it started\n"
	"  --json             the same as one JSON object\n"
	"  -o, --output FILE  write the report there (implies --report)\n"
	"  --engine ENGINE    auto, uring, sync or off\n"
	"  --fsync WHEN       strict (default), or group: files are synced together, before\n"
	"                     anybody is told of them\n"
	"  --NAME VALUE       any other FASTIO_NAME of libfastio(7): --warmup 0, --log stderr ...\n"
	"  --help\n"
	"\n"
	"Exit status: COMMAND's; 125 fastio failed, 126 COMMAND cannot be run, 127 it was not\n"
	"found, 2 wrong usage.\n";

struct run {
	bool report, json;
	const char *output;
};

static const char *thousands(uint64_t v, char *buf, size_t room)
{
	char plain[32];
	int n = snprintf(plain, sizeof(plain), "%llu", (unsigned long long)v);
	size_t k = 0;

	for (int i = 0; i < n && k + 2 < room; i++) {
		if (i && (n - i) % 3 == 0)
			buf[k++] = ',';
		buf[k++] = plain[i];
	}
	buf[k] = '\0';
	return buf;
}

static void print_number(FILE *f, const char *label, uint64_t v)
{
	char buf[32];

	fprintf(f, "  %-9s %11s", label, thousands(v, buf, sizeof(buf)));
}

/* The counters of a group that are not 0, largest first, with their texts */
static void print_parts(FILE *f, const uint64_t *values, const char *group, int but)
{
	uint64_t left[FIO_NCOUNTERS];
	const char *sep = "  ";
	char buf[32];
	int i;

	memcpy(left, values, sizeof(left));
	if (but >= 0)
		left[but] = 0;
	while ((i = group_largest(left, group)) >= 0) {
		fprintf(f, "%s%s %s", sep, counter_text(i), thousands(left[i], buf, sizeof(buf)));
		sep = ", ";
		left[i] = 0;
	}
}

static void print_group(FILE *f, const uint64_t *sum, const char *label, const char *group)
{
	print_number(f, label, group_sum(sum, group));
	print_parts(f, sum, group, -1);
	fputc('\n', f);
}

static void print_wait(FILE *f, const uint64_t *sum)
{
	uint64_t us = sum[FIO_CNT_barrier_wait_us];

	fprintf(f, "  %-9s %8.1f ms", "waited", (double)us / 1000);
	if (group_sum(sum, "barrier") == us) {
		fputs("  no barrier\n", f);
		return;
	}
	fputs("  barriers", f);
	print_parts(f, sum, "barrier", FIO_CNT_barrier_wait_us);
	if (group_sum(sum, "cause")) {
		fputs("; because of", f);
		print_parts(f, sum, "cause", -1);
	}
	fputc('\n', f);
}

/* One sentence for who wants no numbers */
static void print_sense(FILE *f, const struct stats *st)
{
	const uint64_t *sum = st->sum;
	const char *why = main_obstacle(sum);

	if (!st->processes)
		fputs("No process has loaded the library: a static, setuid or Go program? "
		      "'fastio doctor PROGRAM' tells.\n",
		      f);
	else if (group_sum(sum, "deferred") + group_sum(sum, "elided"))
		return;
	else if (why)
		fprintf(f, "Nothing was deferred, mainly: %s.\n", why);
	else
		fputs("Nothing was deferred: no file was created, replaced or removed.\n", f);
}

static void print_table(FILE *f, const struct stats *st, int status, uint64_t wall_ns)
{
	const uint64_t *sum = st->sum;

	fprintf(f, "fastio: %llu process%s, %.2f s, %s %d\n", (unsigned long long)st->processes,
		st->processes == 1 ? "" : "es", (double)wall_ns / 1e9,
		WIFSIGNALED(status) ? "ended by signal" : "exit status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	print_group(f, sum, "deferred", "deferred");
	print_group(f, sum, "elided", "elided");
	print_group(f, sum, "executed", "executed");
	print_group(f, sum, "passed", "pass");
	if (group_sum(sum, "stop"))
		print_group(f, sum, "stopped", "stop");
	print_wait(f, sum);
	print_number(f, "batches", sum[FIO_CNT_task_batches]);
	if (sum[FIO_CNT_ring_submits])
		print_parts(f, sum, "ring", -1);
	else
		fputs("  the ring was not used", f);
	fputc('\n', f);
	if (group_sum(sum, "errors"))
		print_group(f, sum, "errors", "errors");
	for (size_t i = 0; st->nprograms > 1 && i < st->nprograms && i < 8; i++) {
		const struct program *p = &st->programs[i];

		fprintf(f, "  %-16s %6llu process%s deferred %llu, passed %llu\n", p->comm,
			(unsigned long long)p->processes, p->processes == 1 ? ", " : "es,",
			(unsigned long long)p->deferred, (unsigned long long)p->passed);
	}
	print_sense(f, st);
}

static void print_json(FILE *f, const struct stats *st, char **argv, int status, uint64_t wall_ns)
{
	fputs("{\"command\":[", f);
	for (int i = 0; argv[i]; i++) {
		if (i)
			fputc(',', f);
		json_string(f, argv[i]);
	}
	fprintf(f,
		"],\"status\":%d,\"signal\":%d,\"wall_us\":%llu,\"processes\":%llu,\"programs\":[",
		WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
		WIFSIGNALED(status) ? WTERMSIG(status) : 0, (unsigned long long)wall_ns / 1000,
		(unsigned long long)st->processes);
	for (size_t i = 0; i < st->nprograms; i++) {
		const struct program *p = &st->programs[i];

		/* as the library has written it: escaped already */
		fprintf(f,
			"%s{\"comm\":\"%s\",\"processes\":%llu,\"deferred\":%llu,\"passed\":%llu}",
			i ? "," : "", p->comm, (unsigned long long)p->processes,
			(unsigned long long)p->deferred, (unsigned long long)p->passed);
	}
	fputs("],", f);
	counters_json(f, st->sum);
	fputs("}\n", f);
}

/* What the user, or a fastio around us, has asked for as well */
static void forward(const char *from, const char *to)
{
	char buf[65536];
	ssize_t n;
	int in, out;

	in = open(from, O_RDONLY | O_CLOEXEC);
	out = !strcmp(to, "stderr")
		      ? dup(STDERR_FILENO)
		      : open(to, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	while (in >= 0 && out >= 0 && (n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, (size_t)n) != n)
			break;
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
}

static bool write_report(const struct run *r, const struct stats *st, char **argv, int status,
			 uint64_t wall_ns)
{
	FILE *f = r->output ? fopen(r->output, "we") : stderr;
	bool ok;

	if (!f) {
		io_failed("write the report to", r->output, errno);
		return false;
	}
	if (r->json)
		print_json(f, st, argv, status, wall_ns);
	else
		print_table(f, st, status, wall_ns);
	ok = !fflush(f) && !ferror(f);
	if (!ok)
		io_failed("write the report to", r->output ? r->output : "standard error", errno);
	if (r->output)
		fclose(f);
	return ok;
}

static int run_reported(const struct run *r, char **argv)
{
	const char *outer = getenv("FASTIO_STATS");
	struct scratch tmp;
	struct stats st = {0};
	uint64_t wall_ns;
	int status;

	outer = outer ? strdup(outer) : NULL;
	if (!scratch_make(&tmp, "stats"))
		return EXIT_OURS;
	setenv("FASTIO_STATS", tmp.file, 1);
	status = run_child(argv, &wall_ns);
	if (status < 0) {
		scratch_remove(&tmp);
		return EXIT_OURS;
	}
	if (stats_read(tmp.file, &st))
		write_report(r, &st, argv, status, wall_ns);
	if (outer)
		forward(tmp.file, outer);
	stats_free(&st);
	scratch_remove(&tmp);
	end_as(status);
}

static int own(void *arg, char **argv, int left)
{
	struct run *r = arg;
	int used;

	if (!strcmp(argv[0], "--report")) {
		r->report = true;
		return 1;
	}
	if (!strcmp(argv[0], "--json")) {
		r->report = r->json = true;
		return 1;
	}
	used = output_option(&r->output, argv, left);
	if (used)
		r->report = true;
	return used;
}

int run_main(int argc, char **argv)
{
	struct run r = {0};
	int status, i = options_read("run", help, own, &r, argc, argv, &status);

	if (!i)
		return status;
	if (!preload_add())
		return EXIT_OURS;
	return r.report ? run_reported(&r, argv + i) : exec_command(argv + i);
}
