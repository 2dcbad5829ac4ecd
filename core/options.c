/* SPDX-License-Identifier: MIT */
/*
 * options.c - one table declares every FASTIO_* variable
 */
#include "options.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "log.h"
#include "util.h"

struct fio_options fio_opt = {
	.engine = FIO_ENGINE_AUTO,
	.crash = FIO_CRASH_STRICT,
	.fsync = FIO_FSYNC_STRICT,
	.prefetch = FIO_PREFETCH_AUTO,
	.warmup = 64,
	.window = 0,
	.max_file = 256 * 1024,
	.max_pending = 64 * 1024 * 1024,
	.age_us = 1000,
};

struct row {
	const char *name;           /* the variable's name after FASTIO_ */
	int64_t *number;            /* where a number or choice goes, or NULL */
	char *text;                 /* where a text goes (256 bytes), or NULL */
	int64_t min, max;           /* bounds of a number */
	const char *const *choices; /* names of a choice in the order of its enum, or NULL */
};

static const char *const engines[] = {"auto", "uring", "sync", "off", NULL};
static const char *const crashes[] = {"strict", "posix", NULL};

static const char *const fsyncs[] = {"strict", "group", NULL};

static const char *const prefetches[] = {"auto", "off", NULL};

static const struct row rows[] = {
	{"LOG", NULL, fio_opt.log, 0, 0, NULL}, /* first: the others report to it */
	{"STATS", NULL, fio_opt.stats, 0, 0, NULL},
	{"TRACE", NULL, fio_opt.trace, 0, 0, NULL},
	{"ENGINE", &fio_opt.engine, NULL, 0, 0, engines},
	{"CRASH", &fio_opt.crash, NULL, 0, 0, crashes},
	{"FSYNC", &fio_opt.fsync, NULL, 0, 0, fsyncs},
	{"PREFETCH", &fio_opt.prefetch, NULL, 0, 0, prefetches},
	{"WARMUP", &fio_opt.warmup, NULL, 0, INT64_MAX, NULL},
	{"WINDOW", &fio_opt.window, NULL, 0, 512, NULL},
	{"MAX_FILE", &fio_opt.max_file, NULL, 0, 256 * 1024, NULL},
	{"MAX_PENDING", &fio_opt.max_pending, NULL, 0, 1LL << 40, NULL},
	{"AGE_US", &fio_opt.age_us, NULL, 100, 10 * 1000 * 1000, NULL},
	{"LAG_US", &fio_opt.lag_us, NULL, 0, 10 * 1000 * 1000, NULL},
};

static bool parse_number(const char *s, int64_t *out)
{
	int64_t v = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || v > (INT64_MAX - 9) / 10)
			return false;
		v = v * 10 + (*s - '0');
	}
	*out = v;
	return true;
}

static bool parse(const struct row *r, const char *value)
{
	int64_t v;

	if (r->text) {
		size_t n = strlen(value);

		if (n >= sizeof(fio_opt.log))
			return false;
		memcpy(r->text, value, n + 1);
		return true;
	}
	if (r->choices) {
		for (int i = 0; r->choices[i]; i++) {
			if (strcmp(value, r->choices[i]) == 0) {
				*r->number = i;
				return true;
			}
		}
		return false;
	}
	if (!parse_number(value, &v) || v < r->min || v > r->max)
		return false;
	*r->number = v;
	return true;
}

static const char *match(const char *var, const char *name)
{
	size_t n = strlen(name);

	return strncmp(var, name, n) == 0 && var[n] == '=' ? var + n + 1 : NULL;
}

enum fio_option_check fio_option_check(const char *var)
{
	for (size_t i = 0; i < FIO_ARRAY_SIZE(rows); i++) {
		const char *value = match(var, rows[i].name);

		if (value)
			return parse(&rows[i], value) ? FIO_OPTION_OK : FIO_OPTION_BAD;
	}
	return FIO_OPTION_UNKNOWN;
}

static bool known(const char *var)
{
	for (size_t i = 0; i < FIO_ARRAY_SIZE(rows); i++) {
		if (match(var, rows[i].name))
			return true;
	}
	return false;
}

void fio_options_read(char **envp)
{
	for (size_t i = 0; i < FIO_ARRAY_SIZE(rows); i++) {
		for (char **e = envp; e && *e; e++) {
			const char *value;

			if (strncmp(*e, "FASTIO_", 7) != 0)
				continue;
			value = match(*e + 7, rows[i].name);
			if (value && !parse(&rows[i], value))
				fio_log("ignored, not a usable value: ", *e, "; see libfastio(7)",
					NULL);
		}
	}
	for (char **e = envp; e && *e; e++) {
		if (strncmp(*e, "FASTIO_", 7) == 0 && !known(*e + 7))
			fio_log("ignored, no such option: ", *e, "; see libfastio(7)", NULL);
	}
}
