/* SPDX-License-Identifier: MIT */
/* methods.h - the comparison of methods: its rows and their results */
#ifndef METHODS_H
#define METHODS_H

#include "report.h"
#include "worker.h"

enum { MAX_ROWS = 64, MAX_ROUNDS = 100, COLUMNS = NPHASES + 1, TOTAL = NPHASES };

struct row {
	char name[40];
	const struct method *method;
	uint64_t threads;
	bool preload;
	bool unsupported;
	double ms[COLUMNS][MAX_ROUNDS]; /* by phase, and TOTAL */
	double cpu_ms[MAX_ROUNDS];
};

struct comparison {
	const char *dir, *lib, *wanted; /* wanted: NULL or a list of names */
	uint64_t files, size, update_size, dirs, rounds;
	bool json;
	const char *svg, *png;
	struct row *rows; /* the first one is plain */
	size_t nrows;
	struct machine machine;
};

/* Runs every row in every round.  An exit status; messages are printed. */
int comparison_run(struct comparison *c);

/* Prints the table or JSON and draws the charts. */
int comparison_report(struct comparison *c);

#endif
