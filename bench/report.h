/* SPDX-License-Identifier: MIT */
/* report.h - what the comparing subcommands print: machine, statistics, progress, bars, charts */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* ---- the machine, the file system of a directory, the time ---- */

struct machine {
	char model[128], kernel[128], governor[32], date[32];
	char fs[64], options[256]; /* of the directory measured */
	unsigned cores;
};

void machine_read(struct machine *m, const char *dir);
void machine_print(const struct machine *m, FILE *f);
/* For the head of a chart: the same in one line */
void machine_line(const struct machine *m, char *out, size_t room);
/* As members of a JSON object, without braces */
void machine_json(const struct machine *m, FILE *f);

/* ---- statistics ---- */

struct spread {
	double median, min, max;
};

/* Sorts the values. */
struct spread spread_of(double *values, size_t n);
/* Of sorted values; q from 0 to 1 */
double quantile(const double *sorted, size_t n, double q);
/* Of base[i] / other[i], run by run */
struct spread ratio_of(const double *base, const double *other, size_t n);
/* Some rounds were on one side of 1 and some on the other: no difference was measured. */
bool within_noise(struct spread ratio);
void spread_json(FILE *f, const char *name, struct spread s);

/* ---- progress, on standard error: one line, written over on a terminal ---- */

void progress(const char *format, ...) __attribute__((format(printf, 1, 2)));
void progress_end(void);

/* ---- bars ---- */

/* A bar of at most width characters for value; of max it is full */
void print_bar(FILE *f, double value, double max, int width);

/* ---- charts, drawn by gnuplot ---- */

struct chart {
	const char *title;
	char method[160];  /* what was measured, and how */
	char machine[640]; /* where */
	const char *unit;
	const char *const *labels; /* of the bars, the first one on top */
	size_t nbars;
	const char *const *series; /* of the parts that a bar is stacked of */
	size_t nseries;
	const double *values; /* [bar * nseries + series] */
};

/* format: "svg" or "png".  An exit status. */
int chart_write(const struct chart *c, const char *format, const char *path);

#endif
