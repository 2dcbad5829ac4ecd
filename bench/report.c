/* SPDX-License-Identifier: MIT */
/* report.c - statistics, progress and bars */
#include "report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double quantile(const double *sorted, size_t n, double q)
{
	double at = q * (double)(n - 1);
	size_t i = (size_t)at;

	if (!n)
		return 0;
	if (i + 1 >= n)
		return sorted[n - 1];
	return sorted[i] + (sorted[i + 1] - sorted[i]) * (at - (double)i);
}

struct spread spread_of(double *values, size_t n)
{
	if (!n)
		return (struct spread){0};
	qsort(values, n, sizeof(*values), ascending);
	return (struct spread){quantile(values, n, 0.5), values[0], values[n - 1]};
}

struct spread ratio_of(const double *base, const double *other, size_t n)
{
	double *r = calloc(n + 1, sizeof(*r));
	struct spread s = {0};

	if (!r)
		return s;
	for (size_t i = 0; i < n; i++)
		r[i] = other[i] > 0 ? base[i] / other[i] : 0;
	s = spread_of(r, n);
	free(r);
	return s;
}

bool within_noise(struct spread ratio)
{
	return ratio.min <= 1 && ratio.max >= 1;
}

void spread_json(FILE *f, const char *name, struct spread s)
{
	fprintf(f, "\"%s\":{\"median\":%.4f,\"min\":%.4f,\"max\":%.4f}", name, s.median, s.min,
		s.max);
}

void progress(const char *format, ...)
{
	bool tty = isatty(STDERR_FILENO);
	va_list ap;

	fputs(tty ? "\r\033[K" : "", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputs(tty ? "" : "\n", stderr);
	fflush(stderr);
}

void progress_end(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

/* Eighths of a character: the blocks of Unicode from the left one eighth to the full one */
void print_bar(FILE *f, double value, double max, int width)
{
	static const char *const part[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	int eighths = max > 0 ? (int)(value / max * width * 8 + 0.5) : 0;

	for (int i = 0; i < eighths / 8; i++)
		fputs("█", f);
	fputs(part[eighths % 8], f);
}
