/* SPDX-License-Identifier: MIT */
/* methods.c - the 'methods' subcommand: its options and the rows of the comparison */
#include "methods.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
	"Usage: fastio-bench methods [OPTION]...\n"
	"Runs the workload of 'phases' (create, update, read, delete) by each method there is,\n"
	"and by each plain method under libfastio, in alternating order; checks that all leave\n"
	"the same tree; prints a table: milliseconds per phase, ratio to plain calls, CPU time.\n"
	"\n"
	"  --dir PATH          measure there (default: the current directory)\n"
	"  --files N           number of files (default 10000)\n"
	"  --size N            bytes per file (default 100; K, M, G are understood)\n"
	"  --update-size N     bytes per file after the update (default: as --size)\n"
	"  --dirs N            directories the files are spread over (default 1)\n"
	"  --rounds N          measured rounds after the warm-up (default 5)\n"
	"  --methods LIST      only the rows with these names (see --list), and plain\n"
	"  --lib FILE          the library of the preloaded rows (default: libfastio.so beside\n"
	"                      this program; without it these rows are left out)\n"
	"  --json              JSON instead of the table\n"
	"  --svg FILE, --png FILE   draw a chart, by gnuplot\n"
	"  --list              print the names of the rows and end\n"
	"  --help\n"
	"\n"
	"Exit status: 0 fine, 1 an I/O error or another tree, 2 wrong usage.\n";

enum {
	O_DIR = 256,
	O_FILES,
	O_SIZE,
	O_USIZE,
	O_DIRS,
	O_ROUNDS,
	O_METHODS,
	O_LIB,
	O_JSON,
	O_SVG,
	O_PNG,
	O_LIST,
	O_HELP
};

static const struct option options[] = {
	{"dir", required_argument, NULL, O_DIR},
	{"files", required_argument, NULL, O_FILES},
	{"size", required_argument, NULL, O_SIZE},
	{"update-size", required_argument, NULL, O_USIZE},
	{"dirs", required_argument, NULL, O_DIRS},
	{"rounds", required_argument, NULL, O_ROUNDS},
	{"methods", required_argument, NULL, O_METHODS},
	{"lib", required_argument, NULL, O_LIB},
	{"json", no_argument, NULL, O_JSON},
	{"svg", required_argument, NULL, O_SVG},
	{"png", required_argument, NULL, O_PNG},
	{"list", no_argument, NULL, O_LIST},
	{"help", no_argument, NULL, O_HELP},
	{NULL, 0, NULL, 0},
};

static bool in_list(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; p; p = strchr(p, ','), p = p ? p + 1 : NULL)
		if (!strncmp(p, name, n) && (p[n] == ',' || !p[n]))
			return true;
	return false;
}

static void add_row(struct comparison *c, const struct method *m, uint64_t threads, bool preload)
{
	struct row *r = &c->rows[c->nrows];
	char t[24] = "";

	if (c->nrows == MAX_ROWS || (preload && !c->lib))
		return;
	if (threads > 1)
		snprintf(t, sizeof(t), "-%llut", (unsigned long long)threads);
	snprintf(r->name, sizeof(r->name), "%s%s%s", m->name, t, preload ? "+preload" : "");
	if (c->nrows && c->wanted && !in_list(c->wanted, r->name))
		return;
	r->method = m;
	r->threads = threads;
	r->preload = preload;
	c->nrows++;
}

/* Plain calls first; threads: one per core, and more.  Of what uses a ring itself, the preload takes
 * nothing. */
static void make_rows(struct comparison *c)
{
	uint64_t cores = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
	const struct method *plain = method_at(0), *m;

	for (int preload = 0; preload <= 1; preload++) {
		add_row(c, plain, 1, preload);
		if (cores > 1)
			add_row(c, plain, cores, preload);
		add_row(c, plain, 4 * cores, preload);
		for (size_t i = 1; (m = method_at(i)); i++)
			if (!preload || !m->range)
				add_row(c, m, 1, preload);
	}
}

static bool default_lib(char path[4096])
{
	ssize_t n = readlink("/proc/self/exe", path, 4000);
	char *slash;

	if (n < 0)
		return false;
	path[n] = '\0';
	slash = strrchr(path, '/');
	strcpy(slash ? slash + 1 : path, "libfastio.so");
	return !access(path, R_OK);
}

static int parse(struct comparison *c, int opt, char *arg)
{
	const uint64_t max_size = 1u << 30;

	switch (opt) {
	case O_DIR:
		c->dir = arg;
		return 0;
	case O_FILES:
		return parse_number("--files", arg, 1, 100000000, &c->files) ? 0 : -1;
	case O_SIZE:
		return parse_number("--size", arg, 0, max_size, &c->size) ? 0 : -1;
	case O_USIZE:
		return parse_number("--update-size", arg, 0, max_size, &c->update_size) ? 0 : -1;
	case O_DIRS:
		return parse_number("--dirs", arg, 1, 1000000, &c->dirs) ? 0 : -1;
	case O_ROUNDS:
		return parse_number("--rounds", arg, 1, MAX_ROUNDS, &c->rounds) ? 0 : -1;
	case O_METHODS:
		c->wanted = arg;
		return 0;
	case O_LIB:
		c->lib = arg;
		return 0;
	case O_JSON:
		c->json = true;
		return 0;
	case O_SVG:
		c->svg = arg;
		return 0;
	case O_PNG:
		c->png = arg;
		return 0;
	default:
		return -1;
	}
}

static int list_rows(const struct comparison *c)
{
	for (size_t i = 0; i < c->nrows; i++)
		printf("%-24s %s\n", c->rows[i].name, c->rows[i].method->summary);
	return finish_output();
}

int methods_main(int argc, char **argv)
{
	struct comparison c = {.dir = ".",
			       .files = 10000,
			       .size = 100,
			       .dirs = 1,
			       .rounds = 5,
			       .update_size = UINT64_MAX};
	char lib[4096], real[4096];
	bool list = false;
	int opt, rc = EXIT_USAGE;

	if (default_lib(lib))
		c.lib = lib;
	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == O_HELP || opt == 'h') {
			fputs(help, stdout);
			return finish_output();
		}
		if (opt == '?')
			return option_failed("methods", argv);
		if (opt == O_LIST)
			list = true;
		else if (parse(&c, opt, optarg))
			return EXIT_USAGE;
	}
	if (optind < argc)
		return usage_failed("methods", "unexpected argument", argv[optind]);
	if (c.update_size == UINT64_MAX)
		c.update_size = c.size;
	if (c.lib && !realpath(c.lib, real))
		return usage_failed("methods", "no such library", c.lib);
	if (c.lib)
		c.lib = real;
	c.rows = calloc(MAX_ROWS, sizeof(*c.rows));
	if (!c.rows)
		return io_failed("prepare", "methods", ENOMEM);
	make_rows(&c);
	if (list) {
		rc = list_rows(&c);
	} else if (c.files < 4 * (uint64_t)sysconf(_SC_NPROCESSORS_ONLN) || c.dirs > c.files) {
		usage_failed("methods", "more threads or directories than files", NULL);
	} else {
		machine_read(&c.machine, c.dir);
		rc = comparison_run(&c);
		if (rc == EXIT_OK)
			rc = comparison_report(&c);
	}
	free(c.rows);
	return rc;
}
