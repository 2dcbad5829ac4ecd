/* SPDX-License-Identifier: MIT */
/* actor.c - the 'actor' subcommand: its options and the cells of the comparison */
#include "actor.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: fastio-bench actor [OPTION]...\n"
	"Latency and throughput of threads that do one operation after the other: by plain calls,\n"
	"through one ring behind a mutex, each through a ring of its own, through the ring actor\n"
	"of libfastio-core, and through its inline mode.  The operations: writing and reading 14\n"
	"bytes of an O_DSYNC file; writing, reading and discarding blocks of 4 KiB by direct I/O.\n"
	"\n"
	"  --dir PATH          measure there (default: the current directory)\n"
	"  --threads LIST      numbers of threads (default 1,4,16,64)\n"
	"  --batch LIST        also the actor with these batch limits, with most threads but 64\n"
	"                      (default 1,8; 'none')\n"
	"  --ms N              milliseconds of each cell in each round (default 100)\n"
	"  --rounds N          rounds in alternating order (default 5)\n"
	"  --json              JSON instead of the table\n"
	"  --svg FILE, --png FILE   draw a chart of the throughput, by gnuplot\n"
	"  --help\n"
	"\n"
	"Exit status: 0 fine, 1 an I/O error, 2 wrong usage.\n";

enum { O_DIR = 256, O_THREADS, O_BATCH, O_MS, O_ROUNDS, O_JSON, O_SVG, O_PNG, O_HELP };

static const struct option options[] = {
	{"dir", required_argument, NULL, O_DIR},
	{"threads", required_argument, NULL, O_THREADS},
	{"batch", required_argument, NULL, O_BATCH},
	{"ms", required_argument, NULL, O_MS},
	{"rounds", required_argument, NULL, O_ROUNDS},
	{"json", no_argument, NULL, O_JSON},
	{"svg", required_argument, NULL, O_SVG},
	{"png", required_argument, NULL, O_PNG},
	{"help", no_argument, NULL, O_HELP},
	{NULL, 0, NULL, 0},
};

static int number_list(const char *what, char *text, unsigned max, unsigned *out, unsigned *n)
{
	*n = 0;
	if (!strcmp(text, "none"))
		return 0;
	for (char *save, *p = strtok_r(text, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		uint64_t v;

		if (*n == MAX_LIST || !parse_number(what, p, 1, max, &v))
			return -1;
		out[(*n)++] = (unsigned)v;
	}
	return 0;
}

static int parse(struct actor_bench *b, int opt, char *arg)
{
	switch (opt) {
	case O_DIR:
		b->dir = arg;
		return 0;
	case O_THREADS:
		return number_list("--threads", arg, MAX_THREADS, b->threads, &b->nthreads);
	case O_BATCH:
		return number_list("--batch", arg, 256, b->batches, &b->nbatches);
	case O_MS:
		return parse_number("--ms", arg, 1, 60000, &b->ms) ? 0 : -1;
	case O_ROUNDS:
		return parse_number("--rounds", arg, 1, ACTOR_ROUNDS, &b->rounds) ? 0 : -1;
	case O_JSON:
		b->json = true;
		return 0;
	case O_SVG:
		b->svg = arg;
		return 0;
	case O_PNG:
		b->png = arg;
		return 0;
	default:
		return -1;
	}
}

static void add_cell(struct actor_bench *b, enum work work, enum way way, unsigned threads,
		     unsigned batch)
{
	if (b->ncells < MAX_CELLS)
		b->cells[b->ncells++] =
			(struct cell){.work = work, .way = way, .threads = threads, .batch = batch};
}

static void make_cells(struct actor_bench *b)
{
	unsigned crowd = b->threads[0];

	for (unsigned t = 0; t < b->nthreads; t++)
		if (b->threads[t] > crowd && b->threads[t] < 64)
			crowd = b->threads[t];
	for (int work = 0; work < NWORKS; work++) {
		for (unsigned t = 0; t < b->nthreads; t++) {
			for (int way = 0; way < NWAYS; way++)
				add_cell(b, (enum work)work, (enum way)way, b->threads[t], 0);
			for (unsigned i = 0; b->threads[t] == crowd && i < b->nbatches; i++)
				add_cell(b, (enum work)work, WAY_ACTOR, crowd, b->batches[i]);
		}
	}
}

int actor_main(int argc, char **argv)
{
	struct actor_bench b = {
		.dir = ".",
		.rounds = 5,
		.ms = 100,
		.threads = {1, 4, 16, 64},
		.nthreads = 4,
		.batches = {1, 8},
		.nbatches = 2,
	};
	int opt, rc;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == O_HELP || opt == 'h') {
			fputs(help, stdout);
			return finish_output();
		}
		if (opt == '?')
			return option_failed("actor", argv);
		if (parse(&b, opt, optarg))
			return EXIT_USAGE;
	}
	if (optind < argc)
		return usage_failed("actor", "unexpected argument", argv[optind]);
	if (!b.nthreads)
		return usage_failed("actor", "--threads is empty", NULL);
	b.cells = calloc(MAX_CELLS, sizeof(*b.cells));
	if (!b.cells)
		return io_failed("prepare", "actor", ENOMEM);
	make_cells(&b);
	machine_read(&b.machine, b.dir);
	rc = actor_run(&b);
	if (rc == EXIT_OK)
		rc = actor_report(&b);
	free(b.cells);
	return rc;
}
