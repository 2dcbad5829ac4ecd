/* SPDX-License-Identifier: MIT */
/* phases.c - the 'phases' subcommand: options of the workload, and its report */
#include "worker.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const char help[] =
	"Usage: fastio-bench phases [OPTION]...\n"
	"Makes a directory, creates files in it, updates, reads (and verifies) and deletes\n"
	"them, removes the directory; plain system calls; each phase is timed.\n"
	"\n"
	"  --dir PATH          work in this directory (default: the current one)\n"
	"  --name NAME         name of the directory made there (default: phases)\n"
	"  --files N           number of files (default 10000)\n"
	"  --size N            bytes per file (default 100; K, M, G are understood)\n"
	"  --update-size N     bytes per file after the update (default: as --size)\n"
	"  --threads N         threads, each with its own files (default 1)\n"
	"  --dirs N            directories the files are spread over (default 1)\n"
	"  --order ORDER       sequential (default) or random: update, read, delete order\n"
	"  --seed N            for --order random\n"
	"  --phases LIST       only these of mkdir,create,update,read,delete,rmdir; create\n"
	"                      brings mkdir and delete brings rmdir with it.  What is not\n"
	"                      deleted stays for a later run with the same --dir and --name\n"
	"  --expect WHAT       create or update: what a read without a write phase before it\n"
	"                      finds (default update)\n"
	"  --fsync WHEN        no (default), each: fsync before each close, end: syncfs at\n"
	"                      the end of each phase\n"
	"  --method NAME       another way to do it (--method help lists them; default plain)\n"
	"  --keep-store        the store of a method that has one stays for the next run\n"
	"  --json              one JSON object instead of a table\n"
	"  --help\n"
	"\n"
	"CPU time is that of this process and the children it waited for.\n"
	"Exit status: 0 fine, 1 an I/O error or wrong content, 2 wrong usage,\n"
	"3 this method is not supported here.\n";

enum {
	O_DIR = 256,
	O_NAME,
	O_FILES,
	O_SIZE,
	O_USIZE,
	O_THREADS,
	O_DIRS,
	O_ORDER,
	O_SEED,
	O_PHASES,
	O_EXPECT,
	O_FSYNC,
	O_METHOD,
	O_KEEP,
	O_JSON,
	O_HELP
};

static const struct option options[] = {
	{"dir", required_argument, NULL, O_DIR},
	{"name", required_argument, NULL, O_NAME},
	{"files", required_argument, NULL, O_FILES},
	{"size", required_argument, NULL, O_SIZE},
	{"update-size", required_argument, NULL, O_USIZE},
	{"threads", required_argument, NULL, O_THREADS},
	{"dirs", required_argument, NULL, O_DIRS},
	{"order", required_argument, NULL, O_ORDER},
	{"seed", required_argument, NULL, O_SEED},
	{"phases", required_argument, NULL, O_PHASES},
	{"expect", required_argument, NULL, O_EXPECT},
	{"fsync", required_argument, NULL, O_FSYNC},
	{"method", required_argument, NULL, O_METHOD},
	{"keep-store", no_argument, NULL, O_KEEP},
	{"json", no_argument, NULL, O_JSON},
	{"help", no_argument, NULL, O_HELP},
	{NULL, 0, NULL, 0},
};

/* Index of text in a NULL-terminated list of words, or -1 */
static int one_of(const char *text, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(text, words[i]))
			return i;
	return -1;
}

static int choose(const char *opt, const char *text, const char *const *words, int *out)
{
	int i = one_of(text, words);

	if (i < 0) {
		usage_failed("phases", opt, text);
		return -1;
	}
	*out = i;
	return 0;
}

static int parse_phases(struct workload *w, char *list)
{
	memset(w->selected, 0, sizeof(w->selected));
	for (char *save, *p = strtok_r(list, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		int i = 0;

		while (i < NPHASES && strcmp(p, phase_names[i]))
			i++;
		if (i == NPHASES) {
			usage_failed("phases", "unknown phase", p);
			return -1;
		}
		w->selected[i] = true;
		if (i == PH_CREATE)
			w->selected[PH_MKDIR] = true;
		if (i == PH_DELETE)
			w->selected[PH_RMDIR] = true;
	}
	return 0;
}

static int parse_option(struct workload *w, int opt, char *arg, bool *json, bool *usize)
{
	static const char *const orders[] = {"sequential", "random", NULL};
	static const char *const generations[] = {"create", "update", NULL};
	static const char *const syncs[] = {"no", "each", "end", NULL};
	const uint64_t max_size = 1u << 30;
	int i;

	switch (opt) {
	case O_DIR:
		w->dir = arg;
		return 0;
	case O_NAME:
		w->name = arg;
		return 0;
	case O_FILES:
		return parse_number("--files", arg, 1, 100000000, &w->files) ? 0 : -1;
	case O_SIZE:
		return parse_number("--size", arg, 0, max_size, &w->size) ? 0 : -1;
	case O_USIZE:
		*usize = true;
		return parse_number("--update-size", arg, 0, max_size, &w->update_size) ? 0 : -1;
	case O_THREADS:
		return parse_number("--threads", arg, 1, 1024, &w->threads) ? 0 : -1;
	case O_DIRS:
		return parse_number("--dirs", arg, 1, 1000000, &w->dirs) ? 0 : -1;
	case O_SEED:
		return parse_number("--seed", arg, 0, UINT64_MAX, &w->seed) ? 0 : -1;
	case O_ORDER:
		if (choose("unknown order", arg, orders, &i))
			return -1;
		w->random = i == 1;
		return 0;
	case O_PHASES:
		return parse_phases(w, arg);
	case O_EXPECT:
		if (choose("unknown generation", arg, generations, &i))
			return -1;
		w->expect = (enum generation)i;
		return 0;
	case O_FSYNC:
		if (choose("unknown --fsync", arg, syncs, &i))
			return -1;
		w->sync = (enum sync_mode)i;
		return 0;
	case O_METHOD:
		w->method = method_find(arg);
		return w->method ? 0 : -1;
	case O_KEEP:
		w->keep_store = true;
		return 0;
	case O_JSON:
		*json = true;
		return 0;
	default:
		return -1;
	}
}

static double cpu_ms(void)
{
	double ms = 0;

	for (int i = 0; i < 2; i++) {
		struct rusage u;

		if (getrusage(i ? RUSAGE_CHILDREN : RUSAGE_SELF, &u))
			continue;
		ms += (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
		      (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
	}
	return ms;
}

static double per_file_us(const struct workload *w, int p)
{
	uint64_t n = w->files;

	if (p == PH_MKDIR || p == PH_RMDIR)
		n = w->dirs > 1 ? w->dirs + 1 : 1;
	return (double)w->ns[p] / 1e3 / (double)n;
}

static void report_json(const struct workload *w, double total, double cpu)
{
	const char *sep = "";

	printf("{\"files\":%llu,\"size\":%llu,\"update_size\":%llu,\"threads\":%llu,"
	       "\"dirs\":%llu,\"order\":\"%s\",\"dir\":",
	       (unsigned long long)w->files, (unsigned long long)w->size,
	       (unsigned long long)w->update_size, (unsigned long long)w->threads,
	       (unsigned long long)w->dirs, w->random ? "random" : "sequential");
	json_string(stdout, w->dir);
	printf(",\"phases\":[");
	for (int p = 0; p < NPHASES; p++) {
		if (!w->selected[p])
			continue;
		printf("%s{\"name\":\"%s\",\"ms\":%.3f,\"us_per_file\":%.3f}", sep, phase_names[p],
		       (double)w->ns[p] / 1e6, per_file_us(w, p));
		sep = ",";
	}
	printf("],\"total_ms\":%.3f,\"cpu_ms\":%.3f}\n", total, cpu);
}

static void report_text(const struct workload *w, double total, double cpu)
{
	printf("%llu files of %llu bytes, %llu director%s, %llu thread%s, %s order\n",
	       (unsigned long long)w->files, (unsigned long long)w->size,
	       (unsigned long long)w->dirs, w->dirs == 1 ? "y" : "ies",
	       (unsigned long long)w->threads, w->threads == 1 ? "" : "s",
	       w->random ? "random" : "sequential");
	printf("%-8s %12s %14s\n", "phase", "ms", "us each");
	for (int p = 0; p < NPHASES; p++)
		if (w->selected[p])
			printf("%-8s %12.3f %14.3f\n", phase_names[p], (double)w->ns[p] / 1e6,
			       per_file_us(w, p));
	printf("%-8s %12.3f\n%-8s %12.3f\n", "total", total, "cpu", cpu);
}

int phases_main(int argc, char **argv)
{
	struct workload w = {.dir = ".",
			     .name = "phases",
			     .files = 10000,
			     .size = 100,
			     .threads = 1,
			     .dirs = 1,
			     .seed = 1,
			     .expect = GEN_UPDATE};
	bool json = false, usize = false;
	double total = 0;
	int opt, rc;

	for (int p = 0; p < NPHASES; p++)
		w.selected[p] = true;
	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == O_HELP || opt == 'h') {
			fputs(help, stdout);
			return finish_output();
		}
		if (opt == '?')
			return option_failed("phases", argv);
		if (parse_option(&w, opt, optarg, &json, &usize))
			return EXIT_USAGE;
	}
	if (optind < argc)
		return usage_failed("phases", "unexpected argument", argv[optind]);
	if (!usize)
		w.update_size = w.size;
	if (w.threads > w.files || w.dirs > w.files)
		return usage_failed("phases", "more threads or directories than files", NULL);

	signal(SIGXFSZ, SIG_IGN); /* EFBIG is reported like any error */
	rc = workload_run(&w);
	if (rc != EXIT_OK)
		return rc;
	for (int p = 0; p < NPHASES; p++)
		if (w.selected[p])
			total += (double)w.ns[p] / 1e6;
	(json ? report_json : report_text)(&w, total, cpu_ms());
	return finish_output();
}
