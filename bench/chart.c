/* SPDX-License-Identifier: MIT */
/* chart.c - bar charts as SVG or PNG, by gnuplot */
#include "bench.h"
#include "report.h"

#include <errno.h>
#include <string.h>

/* In the double quotes of gnuplot, in the enhanced mode switched off */
static void quoted(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', f);
		fputc(*s == '\n' ? ' ' : *s, f);
	}
	fputc('"', f);
}

static void head(FILE *f, const struct chart *c, const char *format, const char *path)
{
	unsigned height = 170 + 24 * (unsigned)c->nbars;

	if (!strcmp(format, "svg"))
		fprintf(f,
			"set terminal svg noenhanced size 960,%u font 'sans,13' "
			"background rgb 'white'\n",
			height);
	else
		fprintf(f, "set terminal png noenhanced size 960,%u font 'sans,11'\n", height);
	fprintf(f, "set output ");
	quoted(f, path);
	/* gnuplot makes newlines of these */
	fprintf(f, "\nset title \"%s\\n%s\\n%s\"\n", c->title, c->method, c->machine);
	fprintf(f, "set xlabel ");
	quoted(f, c->unit);
	fprintf(f,
		"\nset style fill solid 0.9 noborder\nset grid x lc rgb '#dddddd'\n"
		"set border 3\nset tics nomirror\nset xrange [0:*]\n"
		"set yrange [%.1f:-0.5]\nset key outside top center horizontal %s\n",
		(double)c->nbars - 0.5, c->nseries > 1 ? "on" : "off");
}

static void data(FILE *f, const struct chart *c, size_t series)
{
	for (size_t b = 0; b < c->nbars; b++) {
		double low = 0;

		for (size_t s = 0; s < series; s++)
			low += c->values[b * c->nseries + s];
		quoted(f, c->labels[b]);
		fprintf(f, " %zu %g %g\n", b, low, low + c->values[b * c->nseries + series]);
	}
	fprintf(f, "e\n");
}

int chart_write(const struct chart *c, const char *format, const char *path)
{
	static const char *const colours[] = {"#4477aa", "#66ccee", "#228833",
					      "#ccbb44", "#ee6677", "#aa3377"};
	FILE *f = popen("gnuplot", "w");
	int status;

	if (!f)
		return io_failed("start gnuplot for", path, errno);
	head(f, c, format, path);
	for (size_t s = 0; s < c->nseries; s++) {
		fprintf(f,
			"%s '-' using 3:2:3:4:($2-0.38):($2+0.38):yticlabels(1) with boxxyerror "
			"lc rgb '%s' title ",
			s ? "," : "plot", colours[s % 6]);
		quoted(f, c->series[s]);
	}
	fprintf(f, "\n");
	for (size_t s = 0; s < c->nseries; s++)
		data(f, c, s);
	status = pclose(f);
	if (status) {
		fprintf(stderr, "fastio-bench: no chart %s: gnuplot failed or is missing\n", path);
		return EXIT_IO;
	}
	return EXIT_OK;
}
