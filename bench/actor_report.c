/* SPDX-License-Identifier: MIT */
/* actor_report.c - the table, JSON and chart of the ways to share a ring */
#include "actor.h"

#include <string.h>

struct result {
	struct spread rate;
	double p50, p99;
};

static struct result result_of(const struct actor_bench *b, const struct cell *c)
{
	double v[3][ACTOR_ROUNDS];

	memcpy(v[0], c->rate, sizeof(v[0]));
	memcpy(v[1], c->p50, sizeof(v[1]));
	memcpy(v[2], c->p99, sizeof(v[2]));
	return (struct result){spread_of(v[0], b->rounds), spread_of(v[1], b->rounds).median,
			       spread_of(v[2], b->rounds).median};
}

static void label(const struct cell *c, char out[48])
{
	if (c->batch)
		snprintf(out, 48, "%s, batch %u", way_names[c->way], c->batch);
	else
		snprintf(out, 48, "%s", way_names[c->way]);
}

static const struct cell *find(const struct actor_bench *b, enum work work, enum way way,
			       unsigned threads)
{
	for (size_t i = 0; i < b->ncells; i++) {
		const struct cell *c = &b->cells[i];

		if (c->work == work && c->way == way && c->threads == threads && !c->batch)
			return c->unsupported ? NULL : c;
	}
	return NULL;
}

/* The highest rate among the cells of the same work and number of threads */
static double best_rate(const struct actor_bench *b, const struct cell *like)
{
	double max = 0;

	for (size_t i = 0; i < b->ncells; i++) {
		const struct cell *c = &b->cells[i];
		double v = c->unsupported ? 0 : result_of(b, c).rate.median;

		if (c->work == like->work && c->threads == like->threads && v > max)
			max = v;
	}
	return max;
}

static void table(const struct actor_bench *b)
{
	machine_print(&b->machine, stdout);
	printf("Method: %llu rounds of %llu ms each in alternating order; every thread does one "
	       "operation after the other;\nmedians of the rounds; kops/s = thousands of operations "
	       "per second of all threads, with the lowest and highest.\n"
	       "write 14 B: all on an O_DSYNC descriptor but actor and inline, whose requests ask for the "
	       "same (FASTIO_REQ_DSYNC)\non one without; the actor syncs once for all that have come.\n"
	       "%s\n",
	       (unsigned long long)b->rounds, (unsigned long long)b->ms,
	       b->direct ? ""
			 : "No direct I/O on this file system: blocks go through the cache.\n");
	for (size_t i = 0; i < b->ncells; i++) {
		const struct cell *c = &b->cells[i];
		struct result r = result_of(b, c);
		char name[48];

		if (!i || c->work != c[-1].work || c->threads != c[-1].threads)
			printf("%s%s, %u thread%s\n  %-18s %9s %17s %9s %9s\n", i ? "\n" : "",
			       work_names[c->work], c->threads, c->threads == 1 ? "" : "s", "way",
			       "kops/s", "spread", "p50 us", "p99 us");
		label(c, name);
		if (c->unsupported) {
			printf("  %-18s not supported here\n", name);
			continue;
		}
		printf("  %-18s %9.2f %8.2f-%8.2f %9.1f %9.1f ", name, r.rate.median / 1e3,
		       r.rate.min / 1e3, r.rate.max / 1e3, r.p50, r.p99);
		print_bar(stdout, r.rate.median, best_rate(b, c), 24);
		putchar('\n');
	}
}

static void compare(const struct actor_bench *b, enum work work, enum way other, unsigned threads,
		    const char *what)
{
	const struct cell *a = find(b, work, WAY_ACTOR, threads),
			  *o = find(b, work, other, threads);
	struct spread s;

	if (!a || !o)
		return;
	s = ratio_of(a->rate, o->rate, b->rounds);
	printf("%s, %u thread%s: the actor does %.2f times what %s does (%.2f-%.2f)%s.\n",
	       work_names[work], threads, threads == 1 ? "" : "s", s.median, what, s.min, s.max,
	       within_noise(s) ? "; the difference is within the noise" : "");
}

static void sentences(const struct actor_bench *b)
{
	putchar('\n');
	for (int work = 0; work < NWORKS; work++) {
		const struct cell *a = find(b, (enum work)work, WAY_ACTOR, 1);
		const struct cell *p = find(b, (enum work)work, WAY_PLAIN, 1);

		if (a && p)
			printf("%s, 1 thread: the median is %+.1f us against the plain call.\n",
			       work_names[work], result_of(b, a).p50 - result_of(b, p).p50);
		for (unsigned t = 0; t < b->nthreads; t++)
			if (b->threads[t] > 1)
				compare(b, (enum work)work, WAY_MUTEX, b->threads[t],
					"one ring behind a mutex");
	}
}

static void json(const struct actor_bench *b)
{
	printf("{\"kind\":\"actor\",");
	machine_json(&b->machine, stdout);
	printf(",\"rounds\":%llu,\"ms\":%llu,\"direct\":%s,\"cells\":[",
	       (unsigned long long)b->rounds, (unsigned long long)b->ms,
	       b->direct ? "true" : "false");
	for (size_t i = 0; i < b->ncells; i++) {
		const struct cell *c = &b->cells[i];
		struct result r = result_of(b, c);

		printf("%s\n{\"work\":\"%s\",\"way\":\"%s\",\"threads\":%u,\"batch\":%u,"
		       "\"supported\":%s,",
		       i ? "," : "", work_names[c->work], way_names[c->way], c->threads, c->batch,
		       c->unsupported ? "false" : "true");
		spread_json(stdout, "ops_per_s", r.rate);
		printf(",\"p50_us\":%.3f,\"p99_us\":%.3f}", r.p50, r.p99);
	}
	printf("\n]}\n");
}

/* The most threads below 64, where sharing is what counts */
static int chart(const struct actor_bench *b)
{
	static const char *const series[] = {"thousands of operations per second"};
	char names[NWORKS * NWAYS][80];
	const char *labels[NWORKS * NWAYS];
	double values[NWORKS * NWAYS];
	struct chart ch = {.title = "Threads that share a ring",
			   .unit = "thousands of operations per second, more is better",
			   .labels = labels,
			   .series = series,
			   .nseries = 1,
			   .values = values};
	unsigned threads = b->threads[0];
	int rc = EXIT_OK;

	for (unsigned t = 0; t < b->nthreads; t++)
		if (b->threads[t] > threads && b->threads[t] < 64)
			threads = b->threads[t];
	for (int work = 0; work < NWORKS; work++) {
		for (int way = 0; way < NWAYS; way++) {
			const struct cell *c = find(b, (enum work)work, (enum way)way, threads);

			if (!c)
				continue;
			snprintf(names[ch.nbars], sizeof(names[0]), "%s, %s", work_names[work],
				 way_names[way]);
			labels[ch.nbars] = names[ch.nbars];
			values[ch.nbars++] = result_of(b, c).rate.median / 1e3;
		}
	}
	snprintf(ch.method, sizeof(ch.method),
		 "%u threads, one operation after the other; medians of %llu rounds of %llu ms",
		 threads, (unsigned long long)b->rounds, (unsigned long long)b->ms);
	machine_line(&b->machine, ch.machine, sizeof(ch.machine));
	if (b->svg)
		rc = chart_write(&ch, "svg", b->svg);
	if (b->png && rc == EXIT_OK)
		rc = chart_write(&ch, "png", b->png);
	return rc;
}

int actor_report(struct actor_bench *b)
{
	int rc;

	if (b->json) {
		json(b);
	} else {
		table(b);
		sentences(b);
	}
	rc = chart(b);
	return rc == EXIT_OK ? finish_output() : rc;
}
