/* SPDX-License-Identifier: MIT */
/* methods_report.c - the table, JSON and chart of a comparison */
#include "bench.h"
#include "methods.h"

#include <stdlib.h>
#include <string.h>

struct summary {
	double ms[COLUMNS]; /* medians */
	struct spread total, ratio;
	double cpu_ms;
};

static double median_of(const double *v, size_t n)
{
	double copy[MAX_ROUNDS];

	memcpy(copy, v, n * sizeof(*copy));
	return spread_of(copy, n).median;
}

static void summarise(const struct comparison *c, const struct row *r, struct summary *s)
{
	double copy[MAX_ROUNDS];

	for (int p = 0; p < COLUMNS; p++)
		s->ms[p] = median_of(r->ms[p], c->rounds);
	memcpy(copy, r->ms[TOTAL], sizeof(copy));
	s->total = spread_of(copy, c->rounds);
	s->ratio = ratio_of(c->rows[0].ms[TOTAL], r->ms[TOTAL], c->rounds);
	s->cpu_ms = median_of(r->cpu_ms, c->rounds);
}

static void table(const struct comparison *c, const struct summary *s)
{
	double max = 0;

	machine_print(&c->machine, stdout);
	printf("Workload: %llu files of %llu bytes (%llu after the update) in %llu director%s; "
	       "all methods leave the same tree.\n"
	       "Method: %llu rounds in alternating order after a warm-up; medians in ms; ratio = "
	       "plain / this in the\nsame round (above 1: faster), with the lowest and highest; CPU = "
	       "user and system of all processes.\n\n",
	       (unsigned long long)c->files, (unsigned long long)c->size,
	       (unsigned long long)c->update_size, (unsigned long long)c->dirs,
	       c->dirs == 1 ? "y" : "ies", (unsigned long long)c->rounds);
	printf("%-24s %8s %8s %8s %8s %8s %8s %6s %11s %8s\n", "method", "create", "update", "read",
	       "delete", "dirs", "total", "ratio", "spread", "CPU");
	for (size_t i = 0; i < c->nrows; i++)
		if (!c->rows[i].unsupported && s[i].ms[TOTAL] > max)
			max = s[i].ms[TOTAL];
	for (size_t i = 0; i < c->nrows; i++) {
		const double *ms = s[i].ms;

		printf("%-24s ", c->rows[i].name);
		if (c->rows[i].unsupported) {
			printf("not supported here\n");
			continue;
		}
		printf("%8.1f %8.1f %8.1f %8.1f %8.2f %8.1f %6.2f %5.2f-%5.2f %8.1f ",
		       ms[PH_CREATE], ms[PH_UPDATE], ms[PH_READ], ms[PH_DELETE],
		       ms[PH_MKDIR] + ms[PH_RMDIR], ms[TOTAL], s[i].ratio.median, s[i].ratio.min,
		       s[i].ratio.max, s[i].cpu_ms);
		print_bar(stdout, ms[TOTAL], max, 20);
		putchar('\n');
	}
}

/* Names of the rows that cannot be told from row base, after text */
static void noise_sentence(const struct comparison *c, size_t base, const char *text)
{
	const char *sep = text;

	for (size_t i = 0; i < c->nrows; i++) {
		if (i == base || c->rows[i].unsupported ||
		    !within_noise(
			    ratio_of(c->rows[base].ms[TOTAL], c->rows[i].ms[TOTAL], c->rounds)))
			continue;
		printf("%s%s", sep, c->rows[i].name);
		sep = ", ";
	}
	if (sep != text)
		printf(" (some rounds were quicker, some slower).\n");
}

/* Each preloaded row against the same program without the library */
static void against_stock(const struct comparison *c)
{
	for (size_t i = 0; i < c->nrows; i++) {
		const struct row *r = &c->rows[i];

		for (size_t k = 0; k < c->nrows && r->preload && !r->unsupported; k++) {
			const struct row *o = &c->rows[k];
			struct spread s = ratio_of(o->ms[TOTAL], r->ms[TOTAL], c->rounds);

			if (o->preload || o->method != r->method || o->threads != r->threads ||
			    s.median >= 1)
				continue;
			printf("Behind its own stock run: %s, %.2f (%.2f-%.2f)%s.\n", r->name,
			       s.median, s.min, s.max, within_noise(s) ? ", within the noise" : "");
		}
	}
}

static void sentences(const struct comparison *c, const struct summary *s)
{
	size_t best = 0;

	for (size_t i = 1; i < c->nrows; i++)
		if (!c->rows[i].unsupported && s[i].ms[TOTAL] < s[best].ms[TOTAL])
			best = i;
	printf("\nFirst in total: %s.\n", c->rows[best].name);
	noise_sentence(c, best, "The difference to the first is within the noise: ");
	if (best)
		noise_sentence(c, 0, "The difference to plain is within the noise: ");
	against_stock(c);
}

static void json(const struct comparison *c, const struct summary *s)
{
	printf("{\"kind\":\"methods\",");
	machine_json(&c->machine, stdout);
	printf(",\"files\":%llu,\"size\":%llu,\"update_size\":%llu,\"dirs\":%llu,\"rounds\":%llu,"
	       "\"rows\":[",
	       (unsigned long long)c->files, (unsigned long long)c->size,
	       (unsigned long long)c->update_size, (unsigned long long)c->dirs,
	       (unsigned long long)c->rounds);
	for (size_t i = 0; i < c->nrows; i++) {
		const struct row *r = &c->rows[i];

		printf("%s\n{\"name\":\"%s\",\"method\":\"%s\",\"threads\":%llu,\"preload\":%s,"
		       "\"supported\":%s",
		       i ? "," : "", r->name, r->method->name, (unsigned long long)r->threads,
		       r->preload ? "true" : "false", r->unsupported ? "false" : "true");
		for (int p = 0; p < NPHASES && !r->unsupported; p++)
			printf(",\"%s_ms\":%.3f", phase_names[p], s[i].ms[p]);
		if (!r->unsupported) {
			putchar(',');
			spread_json(stdout, "total_ms", s[i].total);
			putchar(',');
			spread_json(stdout, "ratio", s[i].ratio);
			printf(",\"cpu_ms\":%.1f,\"within_noise\":%s", s[i].cpu_ms,
			       i && within_noise(s[i].ratio) ? "true" : "false");
		}
		putchar('}');
	}
	printf("\n]}\n");
}

static int charts(const struct comparison *c, const struct summary *s)
{
	static const char *const series[] = {"create", "update", "read", "delete"};
	static const enum phase phase[] = {PH_CREATE, PH_UPDATE, PH_READ, PH_DELETE};
	const char *labels[MAX_ROWS];
	double values[MAX_ROWS * 4];
	struct chart ch = {.title = "Small files by every method",
			   .unit = "milliseconds, less is better",
			   .labels = labels,
			   .series = series,
			   .nseries = 4,
			   .values = values};
	int rc = EXIT_OK;

	for (size_t i = 0; i < c->nrows; i++) {
		if (c->rows[i].unsupported)
			continue;
		labels[ch.nbars] = c->rows[i].name;
		for (int p = 0; p < 4; p++)
			values[ch.nbars * 4 + (size_t)p] = s[i].ms[phase[p]];
		ch.nbars++;
	}
	snprintf(ch.method, sizeof(ch.method),
		 "%llu files of %llu bytes; medians of %llu rounds in alternating order",
		 (unsigned long long)c->files, (unsigned long long)c->size,
		 (unsigned long long)c->rounds);
	machine_line(&c->machine, ch.machine, sizeof(ch.machine));
	if (c->svg)
		rc = chart_write(&ch, "svg", c->svg);
	if (c->png && rc == EXIT_OK)
		rc = chart_write(&ch, "png", c->png);
	return rc;
}

int comparison_report(struct comparison *c)
{
	struct summary *s = calloc(c->nrows, sizeof(*s));
	int rc;

	if (!s)
		return EXIT_IO;
	for (size_t i = 0; i < c->nrows; i++)
		summarise(c, &c->rows[i], &s[i]);
	if (c->json) {
		json(c, s);
	} else {
		table(c, s);
		sentences(c, s);
	}
	rc = charts(c, s);
	free(s);
	return rc == EXIT_OK ? finish_output() : rc;
}
