/* SPDX-License-Identifier: MIT */
/* compare.c - the verb 'compare': stock and preloaded in turn, in fresh copies of a directory */
#include "fastio.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../bench/measure.h"
#include "listing.h"

static const char help[] =
	"Usage: fastio compare [OPTION]... -- COMMAND [ARGUMENT]...\n"
	"Runs COMMAND stock and with libfastio, in alternating pairs, each time in a fresh copy of\n"
	"the current directory, and tells whether both leave the same and what is gained.\n"
	"\n"
	"  --runs N           pairs (default 5)\n"
	"  --in DIR           copies of DIR instead\n"
	"  --prepare COMMAND  run by sh in the copy before each run, stock and not timed\n"
	"  --exclude PATTERN  leave entries whose path matches out of the comparison (repeatable)\n"
	"  --json             one JSON object instead of text\n"
	"  --engine ENGINE, --NAME VALUE  as for 'fastio run', for the preloaded runs\n"
	"  --help\n"
	"\n"
	"Compared are names, types, modes, owners, sizes, contents, targets, numbers of links and\n"
	"the exit status; times of modification where COMMAND has set them (those of the run itself\n"
	"are 'now' in both).  What differs between stock runs as well does not count.  Standard\n"
	"input is empty, output is discarded.  The copy lies beside DIR, or in it if DIR is a\n"
	"mount point, and is written back (syncfs) before the clock starts.\n"
	"\n"
	"Exit status: 0 same result and faster; 1 same result, not faster; 3 another result;\n"
	"4 could not be compared; 2 wrong usage.\n";

enum { EXIT_FASTER = 0, EXIT_NOT_FASTER = 1, EXIT_DIFFERS = 3, EXIT_FAILED = 4 };
enum { STOCK, PRELOADED, NMODES };

#define LIMIT 20            /* differences shown */
#define CLOCK_TICK_US 10000 /* file times advance at least that often */

struct result {
	int rc; /* of measure_run */
	int status;
	uint64_t wall_ns, cpu_us;
};

struct compare {
	const char *dir, *prepare;
	bool json;
	uint64_t runs;
	struct tree_options tree;
	char **argv;

	char copy[PATH_MAX];
	bool inside; /* the copy lies in dir */
	struct scratch stats;
	char err[96]; /* standard error of the last run */
	struct result *results[NMODES];
	struct listing *trees[NMODES];
	uint64_t done; /* runs of both kinds */
};

/* What the runs say; speeds are stock's time divided by preloaded's */
struct verdict {
	double median_ms[NMODES], cpu_ms[NMODES];
	double speed, low, high, cpu;
	struct comparison trees;
	bool same_status;
	int exit;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	interrupted = sig;
}

/* ---- copies ---- */

/* Runs a helper command, its output to our standard error; true if it ends with 0. */
static bool helper(char *const argv[], const char *cwd)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		preload_remove();
		if (cwd && chdir(cwd))
			_exit(io_failed("change to", cwd, errno));
		_exit(exec_command((char **)argv));
	}
	if (pid < 0)
		io_failed("fork for", argv[0], errno);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && status == 0;
}

static void remove_copy(struct compare *c)
{
	char *argv[] = {(char *)"rm", (char *)"-rf", (char *)"--one-file-system",
			(char *)"--", c->copy,       NULL};

	if (c->copy[0])
		helper(argv, NULL);
}

static bool same_device(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev;
}

/* The name that each copy gets: the same each time, for programs that write it into files. */
static bool choose_place(struct compare *c)
{
	char parent[PATH_MAX + 4];
	size_t n = strlen(c->dir);

	snprintf(parent, sizeof(parent), "%s/..", c->dir);
	if (n > PATH_MAX - 32) {
		io_failed("copy", c->dir, ENAMETOOLONG);
		return false;
	}
	if (same_device(c->dir, parent) && strcmp(c->dir, "/") != 0) {
		snprintf(c->copy, sizeof(c->copy), "%s", c->dir);
		snprintf(strrchr(c->copy, '/'), 24, "/.fastio-XXXXXX");
		if (mkdtemp(c->copy))
			return true;
	}
	c->inside = true;
	snprintf(c->copy, sizeof(c->copy), "%s/.fastio-XXXXXX", c->dir);
	if (mkdtemp(c->copy))
		return true;
	io_failed("make a copy in", c->dir, errno);
	c->copy[0] = '\0';
	return false;
}

static bool make_copy(struct compare *c)
{
	char from[PATH_MAX + 4];
	char *plain[] = {(char *)"cp", (char *)"-a", (char *)"--reflink=auto", (char *)"--", from,
			 c->copy,      NULL};
	char *but[] = {c->copy + strlen(c->dir), NULL};
	char *inside[] = {(char *)"find",
			  (char *)".",
			  (char *)"-mindepth",
			  (char *)"1",
			  (char *)"-maxdepth",
			  (char *)"1",
			  (char *)"!",
			  (char *)"-name",
			  NULL,
			  (char *)"-exec",
			  (char *)"cp",
			  (char *)"-a",
			  (char *)"--reflink=auto",
			  (char *)"-t",
			  c->copy,
			  (char *)"{}",
			  (char *)"+",
			  NULL};
	struct stat st;
	bool ok;

	while (*but[0] == '/')
		but[0]++;
	inside[8] = but[0];
	snprintf(from, sizeof(from), "%s/.", c->dir);
	if (stat(c->dir, &st) || (mkdir(c->copy, 0700) && errno != EEXIST)) {
		io_failed("copy", c->dir, errno);
		return false;
	}
	ok = helper(c->inside ? inside : plain, c->inside ? c->dir : NULL);
	if (ok && c->inside)
		ok = !chmod(c->copy, st.st_mode & 07777);
	if (!ok && !interrupted)
		fprintf(stderr, "fastio compare: cannot copy %s to %s; is there room for it?\n",
			c->dir, c->copy);
	return ok;
}

static void settle(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	syncfs(fd);
	close(fd);
}

static bool prepare(struct compare *c)
{
	char *argv[] = {(char *)"sh", (char *)"-c", (char *)c->prepare, NULL};

	if (!c->prepare || helper(argv, c->copy))
		return true;
	if (!interrupted)
		fprintf(stderr, "fastio compare: --prepare failed: %s; it is run in a copy of %s\n",
			c->prepare, c->dir);
	return false;
}

/* ---- runs ---- */

static void show_progress(const struct compare *c, int mode)
{
	enum { WIDTH = 30 };
	int full = (int)(WIDTH * c->done / (2 * c->runs));

	if (!isatty(STDERR_FILENO))
		return;
	if (c->done == 2 * c->runs || interrupted)
		fputs("\r\033[K", stderr);
	else
		fprintf(stderr, "\r[%.*s%*s] %llu of %llu: %s\033[K", full,
			"##############################", WIDTH - full, "",
			(unsigned long long)c->done + 1, (unsigned long long)c->runs * 2,
			mode == STOCK ? "stock" : "preloaded");
	fflush(stderr);
}

/* In a process of its own, whose children are those of this run alone */
static _Noreturn void measure_here(const struct compare *c, int mode, int report)
{
	char pwd[PATH_MAX + 8];
	char *env[] = {pwd};
	struct measured m = {.env = env, .nenv = 1, .cwd = c->copy, .err = c->err, .argv = c->argv};
	struct result r;

	snprintf(pwd, sizeof(pwd), "PWD=%s", c->copy);
	preload_remove();
	if (mode == PRELOADED) {
		if (!preload_add())
			_exit(1);
		setenv("FASTIO_STATS", c->stats.file, 1);
	}
	r.rc = measure_run(&m);
	r.status = m.status;
	r.wall_ns = m.wall_ns;
	r.cpu_us = m.user_us + m.sys_us;
	_exit(write(report, &r, sizeof(r)) != (ssize_t)sizeof(r));
}

static bool measure(const struct compare *c, int mode, struct result *r)
{
	int p[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) || (pid = fork()) < 0) {
		io_failed("fork for", c->argv[0], errno);
		return false;
	}
	if (pid == 0)
		measure_here(c, mode, p[1]);
	close(p[1]);
	do {
		n = read(p[0], r, sizeof(*r));
	} while (n < 0 && errno == EINTR);
	close(p[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return n == (ssize_t)sizeof(*r) && r->rc == EXIT_OK && !interrupted;
}

static bool one_run(struct compare *c, size_t i, int mode)
{
	struct timespec t;
	bool ok;

	show_progress(c, mode);
	clock_gettime(CLOCK_REALTIME_COARSE, &c->tree.now_from); /* that of file times */
	ok = make_copy(c) && prepare(c);
	if (ok) {
		settle(c->copy);
		ok = measure(c, mode, &c->results[mode][i]);
	}
	if (ok) {
		clock_gettime(CLOCK_REALTIME, &t);
		c->tree.now_to = (struct timespec){.tv_sec = t.tv_sec + 1};
		ok = listing_take(&c->trees[mode][i], c->copy, &c->tree);
	}
	remove_copy(c);
	c->done++;
	return ok && !interrupted;
}

static bool all_runs(struct compare *c)
{
	usleep(CLOCK_TICK_US); /* what was changed just before is not of the first run */
	for (size_t i = 0; i < c->runs; i++)
		for (int k = 0; k < NMODES; k++)
			/* Each second pair begins with the other kind. */
			if (!one_run(c, i, (int)(i & 1) ^ k))
				return false;
	show_progress(c, STOCK);
	return true;
}

/* ---- verdict ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return n & 1 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/*
 * How many of the smallest and of the largest of n values lie outside an interval that has the true
 * median with a probability of 93 % (the sign test; nothing is assumed of the distribution).
 */
static size_t outside(size_t n)
{
	double p = ldexp(1, -(int)n), sum = 0;
	size_t k;

	for (k = 0; k < n / 2; k++) {
		sum += 2 * p;
		if (sum > 0.07)
			break;
		p = p * (double)(n - k) / (double)(k + 1);
	}
	return k ? k - 1 : 0;
}

/* What is called a difference at all; few pairs may all be off in the same direction by chance. */
static double least_gain(size_t n)
{
	return n < 5 ? 0.2 : 0.02;
}

static bool judge(struct compare *c, struct verdict *v, FILE *differences)
{
	size_t n = c->runs, k = outside(n);
	double *x = calloc(n, sizeof(*x));

	if (!x)
		return false;
	v->same_status = true;
	for (int mode = 0; mode < NMODES; mode++) {
		for (size_t i = 0; i < n; i++)
			x[i] = (double)c->results[mode][i].wall_ns / 1e6;
		v->median_ms[mode] = median(x, n);
		for (size_t i = 0; i < n; i++)
			x[i] = (double)c->results[mode][i].cpu_us / 1e3;
		v->cpu_ms[mode] = median(x, n);
		for (size_t i = 0; i < n; i++)
			v->same_status &= c->results[mode][i].status == c->results[0][0].status;
	}
	v->cpu = v->cpu_ms[STOCK] > 0 ? v->cpu_ms[PRELOADED] / v->cpu_ms[STOCK] : 1;
	for (size_t i = 0; i < n; i++)
		x[i] = (double)c->results[STOCK][i].wall_ns /
		       (double)c->results[PRELOADED][i].wall_ns;
	v->speed = median(x, n);
	v->low = x[k];
	v->high = x[n - 1 - k];
	listings_compare(c->trees[STOCK], c->trees[PRELOADED], n, differences, LIMIT, &v->trees);
	v->exit = v->trees.differ || !v->same_status           ? EXIT_DIFFERS
		  : v->low > 1 && v->speed > 1 + least_gain(n) ? EXIT_FASTER
							       : EXIT_NOT_FASTER;
	free(x);
	return true;
}

static int shell_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void print_why(const struct stats *st, uint64_t runs)
{
	uint64_t deferred = group_sum(st->sum, "deferred") + group_sum(st->sum, "elided");
	const char *why = main_obstacle(st->sum);

	if (!st->processes)
		printf("  No process has loaded the library; 'fastio doctor PROGRAM' tells why.\n");
	else
		printf("  deferred or elided: %llu calls per run; passed through: %llu",
		       (unsigned long long)(deferred / runs),
		       (unsigned long long)(group_sum(st->sum, "pass") / runs));
	if (st->processes && why)
		printf(", mostly: %s", why);
	if (st->processes)
		putchar('\n');
}

static void print_sentence(const struct verdict *v, uint64_t runs)
{
	const char *doubt = runs < 5 ? " (With less than 5 pairs that is a guess.)" : "";

	if (!v->same_status)
		printf("Another result: the exit status is not the same. Please report it.\n");
	else if (v->trees.differ)
		printf("Another result: %zu entr%s not as without the library. Please report it.\n",
		       v->trees.differ, v->trees.differ == 1 ? "y is" : "ies are");
	else if (v->exit == EXIT_FASTER)
		printf("%.2f times as fast, with the same result.%s\n", v->speed, doubt);
	else if (v->high < 1 && v->speed < 1 - least_gain(runs))
		printf("Slower (%.2f of stock's speed), with the same result.%s\n", v->speed,
		       doubt);
	else
		printf("No difference beyond the noise, with the same result.%s\n", doubt);
}

/* What a failing command has said last */
static void print_complaint(const struct compare *c)
{
	char buf[400];
	FILE *f = fopen(c->err, "re");
	size_t n = 0;

	if (f && (fseek(f, -(long)sizeof(buf), SEEK_END) == 0 || fseek(f, 0, SEEK_SET) == 0))
		n = fread(buf, 1, sizeof(buf), f);
	if (f)
		fclose(f);
	if (n)
		printf("  Its standard error ends with:\n%.*s%s", (int)n, buf,
		       buf[n - 1] == '\n' ? "" : "\n");
}

static void print_status(const struct compare *c, const struct verdict *v)
{
	int status = shell_status(c->results[STOCK][0].status);

	if (v->same_status && status) {
		printf("  Note: the command fails, with status %d in each run.\n", status);
		print_complaint(c);
	}
	if (v->same_status)
		return;
	for (int mode = 0; mode < NMODES; mode++) {
		printf("  exit status %s:", mode == STOCK ? "stock" : "preloaded");
		for (size_t i = 0; i < c->runs; i++)
			printf(" %d", shell_status(c->results[mode][i].status));
		putchar('\n');
	}
}

static void print_text(const struct compare *c, const struct verdict *v, const struct stats *st,
		       const char *differences)
{
	for (int i = 0; c->argv[i]; i++)
		printf("%s%s", i ? " " : "", c->argv[i]);
	printf(": %llu pairs in copies of %s\n", (unsigned long long)c->runs, c->dir);
	printf("  %-6s stock %9.1f ms, preloaded %9.1f ms: %.2f times as fast (%.2f to %.2f)\n",
	       "time", v->median_ms[STOCK], v->median_ms[PRELOADED], v->speed, v->low, v->high);
	printf("  %-6s stock %9.1f ms, preloaded %9.1f ms: %.2f of stock's\n", "CPU",
	       v->cpu_ms[STOCK], v->cpu_ms[PRELOADED], v->cpu);
	print_why(st, c->runs);
	printf("  tree: %zu entries, %zu differ", v->trees.entries, v->trees.differ);
	if (v->trees.unsteady)
		printf(", %zu differ between stock runs as well and do not count",
		       v->trees.unsteady);
	printf("\n%s", differences);
	print_status(c, v);
	print_sentence(v, c->runs);
}

static void print_json(const struct compare *c, const struct verdict *v, const struct stats *st)
{
	static const char *const words[] = {"faster", "not faster", "", "differs"};

	fputs("{\"command\":[", stdout);
	for (int i = 0; c->argv[i]; i++) {
		if (i)
			putchar(',');
		json_string(stdout, c->argv[i]);
	}
	printf("],\"runs\":%llu,\"stock_ms\":%.3f,\"preloaded_ms\":%.3f,\"speed\":%.4f,"
	       "\"low\":%.4f,\"high\":%.4f,\"stock_cpu_ms\":%.3f,\"preloaded_cpu_ms\":%.3f,"
	       "\"cpu\":%.4f,\"entries\":%zu,\"differ\":%zu,\"unsteady\":%zu,\"status\":%d,"
	       "\"same_status\":%s,\"verdict\":\"%s\",",
	       (unsigned long long)c->runs, v->median_ms[STOCK], v->median_ms[PRELOADED], v->speed,
	       v->low, v->high, v->cpu_ms[STOCK], v->cpu_ms[PRELOADED], v->cpu, v->trees.entries,
	       v->trees.differ, v->trees.unsteady, shell_status(c->results[STOCK][0].status),
	       v->same_status ? "true" : "false", words[v->exit]);
	counters_json(stdout, st->sum);
	fputs("}\n", stdout);
}

static int tell(struct compare *c)
{
	struct verdict v = {0};
	struct stats st = {0};
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int rc = EXIT_FAILED;

	if (!f || !judge(c, &v, f) || fclose(f)) {
		io_failed("compare", c->dir, ENOMEM);
	} else if (stats_read(c->stats.file, &st)) {
		if (c->json)
			print_json(c, &v, &st);
		else
			print_text(c, &v, &st, text);
		rc = finish_output() == EXIT_OK ? v.exit : EXIT_FAILED;
	}
	stats_free(&st);
	free(text);
	return rc;
}

static int compare(struct compare *c)
{
	struct sigaction sa = {.sa_handler = on_signal};
	int rc = EXIT_FAILED;

	if (!scratch_make(&c->stats, "stats"))
		return EXIT_FAILED;
	snprintf(c->err, sizeof(c->err), "%s/stderr", c->stats.dir);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	for (int mode = 0; mode < NMODES; mode++) {
		c->results[mode] = calloc(c->runs, sizeof(*c->results[mode]));
		c->trees[mode] = calloc(c->runs, sizeof(*c->trees[mode]));
		if (!c->results[mode] || !c->trees[mode])
			abort();
	}
	if (library_path() && choose_place(c)) {
		if (all_runs(c))
			rc = tell(c);
		else
			show_progress(c, STOCK);
		remove_copy(c);
	}
	for (int mode = 0; mode < NMODES; mode++) {
		for (size_t i = 0; i < c->runs; i++)
			listing_free(&c->trees[mode][i]);
		free(c->results[mode]);
		free(c->trees[mode]);
	}
	unlink(c->err);
	scratch_remove(&c->stats);
	return interrupted ? 128 + interrupted : rc;
}

/* One option at argv[i] and its value; the arguments used, 0 with a message. */
static int option(struct compare *c, char **argv)
{
	static const char *const names[] = {"--runs", "--in", "--prepare", "--exclude"};
	const char *arg = argv[0], *value = NULL;
	int which = -1, used = 1;

	if (!strcmp(arg, "--json")) {
		c->json = true;
		return 1;
	}
	for (int i = 0; i < 4; i++) {
		size_t n = strlen(names[i]);

		if (strncmp(arg, names[i], n) != 0 || (arg[n] && arg[n] != '='))
			continue;
		which = i;
		used = arg[n] ? 1 : 2;
		value = arg[n] ? arg + n + 1 : argv[1];
	}
	if (which < 0)
		return preload_option("compare", argv);
	if (!value) {
		usage_failed("compare", "a value is missing", arg);
		return 0;
	}
	switch (which) {
	case 0:
		return parse_number("compare: --runs", value, 1, 1000, &c->runs) ? used : 0;
	case 1:
		c->dir = value;
		break;
	case 2:
		c->prepare = value;
		break;
	default:
		c->tree.exclude[c->tree.nexclude++] = (char *)value;
		break;
	}
	return used;
}

int compare_main(int argc, char **argv)
{
	struct compare c = {.dir = ".", .runs = 5, .tree.unit = 'n'};
	char dir[PATH_MAX];
	struct stat st;
	int i = 1, used, rc;

	c.tree.exclude = calloc((size_t)argc, sizeof(*c.tree.exclude));
	if (!c.tree.exclude)
		return io_failed("prepare", "compare", ENOMEM);
	rc = EXIT_USAGE;
	for (; i < argc && argv[i][0] == '-'; i += used) {
		if (!strcmp(argv[i], "--")) {
			i++;
			break;
		}
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			fputs(help, stdout);
			rc = finish_output();
			goto out;
		}
		used = option(&c, argv + i);
		if (!used)
			goto out;
	}
	if (i >= argc) {
		usage_failed("compare", "no command given", NULL);
		goto out;
	}
	rc = EXIT_FAILED;
	if (!realpath(c.dir, dir) || stat(dir, &st)) {
		io_failed("copy", c.dir, errno);
	} else if (!S_ISDIR(st.st_mode)) {
		io_failed("copy", c.dir, ENOTDIR);
	} else {
		c.dir = dir;
		c.argv = argv + i;
		rc = compare(&c);
	}
out:
	free(c.tree.exclude);
	return rc;
}
