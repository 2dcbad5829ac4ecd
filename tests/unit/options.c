/* SPDX-License-Identifier: MIT */
/*
 * options.c - every FASTIO_* variable: good, malformed and out of bounds
 */
#include "options.h"

#include <fcntl.h>

#include "unit.h"

static struct fio_options defaults;

static void read_one(const char *assignment)
{
	char *envp[] = {(char *)"HOME=/", (char *)assignment, (char *)"FASTIOX=1", NULL};

	fio_opt = defaults;
	fio_options_read(envp);
}

static void read_number(const char *name, const char *value)
{
	char var[400];

	snprintf(var, sizeof(var), "FASTIO_%s=%s", name, value);
	read_one(var);
}

static const struct {
	const char *name;
	int64_t *where;
	int64_t min, max;
} numbers_table[] = {
	{"WARMUP", &fio_opt.warmup, 0, INT64_MAX / 100},
	{"WINDOW", &fio_opt.window, 0, 512},
	{"MAX_FILE", &fio_opt.max_file, 0, 262144},
	{"MAX_PENDING", &fio_opt.max_pending, 0, 1LL << 40},
	{"AGE_US", &fio_opt.age_us, 100, 10000000},
	{"LAG_US", &fio_opt.lag_us, 0, 10000000},
};

static void default_values(void)
{
	char *none[] = {NULL};

	CHECK_EQ(defaults.engine, FIO_ENGINE_AUTO);
	CHECK_EQ(defaults.crash, FIO_CRASH_STRICT);
	CHECK_EQ(defaults.window, 0);
	CHECK_EQ(defaults.max_file, 262144);
	CHECK_EQ(defaults.max_pending, 67108864);
	CHECK_EQ(defaults.age_us, 1000);
	CHECK_EQ(defaults.lag_us, 0);
	CHECK_STR(defaults.log, "");
	CHECK_STR(defaults.stats, "");
	fio_options_read(none);
	CHECK(memcmp(&fio_opt, &defaults, sizeof(defaults)) == 0);
	fio_options_read(NULL);
	CHECK(memcmp(&fio_opt, &defaults, sizeof(defaults)) == 0);
}

static void numbers(void)
{
	for (size_t i = 0; i < sizeof(numbers_table) / sizeof(numbers_table[0]); i++) {
		const char *name = numbers_table[i].name;
		int64_t *where = numbers_table[i].where, was;
		char value[32];

		read_one("X=1");
		was = *where;
		snprintf(value, sizeof(value), "%lld", (long long)numbers_table[i].min);
		read_number(name, value);
		CHECK_EQ(*where, numbers_table[i].min);
		snprintf(value, sizeof(value), "%lld", (long long)numbers_table[i].max);
		read_number(name, value);
		CHECK_EQ(*where, numbers_table[i].max);
		snprintf(value, sizeof(value), "000%lld", (long long)numbers_table[i].max);
		read_number(name, value);
		CHECK_EQ(*where, numbers_table[i].max);

		snprintf(value, sizeof(value), "%lld", (long long)numbers_table[i].max + 1);
		read_number(name, value);
		if (strcmp(name, "WARMUP") != 0)
			CHECK_EQ(*where, was);
		if (numbers_table[i].min) {
			snprintf(value, sizeof(value), "%lld", (long long)numbers_table[i].min - 1);
			read_number(name, value);
			CHECK_EQ(*where, was);
		}
	}
}

static void malformed_numbers(void)
{
	static const char *const bad[] = {
		"",
		" 1",
		"1 ",
		"-1",
		"+1",
		"0x10",
		"1k",
		"1e3",
		"1.5",
		"abc",
		"\n",
		"1\n",
		"99999999999999999999",
		"9223372036854775808",
		"18446744073709551616",
		"--",
		"=",
	};

	for (size_t i = 0; i < sizeof(numbers_table) / sizeof(numbers_table[0]); i++) {
		for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
			read_number(numbers_table[i].name, bad[k]);
			CHECK(memcmp(&fio_opt, &defaults, sizeof(defaults)) == 0);
		}
	}
}

static void choices(void)
{
	static const char *const bad[] = {"",      "AUTO", "Sync", "sync ",
					  "syncx", "syn",  "0",    "auto,off"};

	read_one("FASTIO_ENGINE=uring");
	CHECK_EQ(fio_opt.engine, FIO_ENGINE_URING);
	read_one("FASTIO_ENGINE=sync");
	CHECK_EQ(fio_opt.engine, FIO_ENGINE_SYNC);
	read_one("FASTIO_ENGINE=off");
	CHECK_EQ(fio_opt.engine, FIO_ENGINE_OFF);
	read_one("FASTIO_ENGINE=auto");
	CHECK_EQ(fio_opt.engine, FIO_ENGINE_AUTO);
	read_one("FASTIO_CRASH=posix");
	CHECK_EQ(fio_opt.crash, FIO_CRASH_POSIX);
	read_one("FASTIO_CRASH=strict");
	CHECK_EQ(fio_opt.crash, FIO_CRASH_STRICT);
	for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
		read_number("ENGINE", bad[k]);
		CHECK_EQ(fio_opt.engine, FIO_ENGINE_AUTO);
		read_number("CRASH", bad[k]);
		CHECK_EQ(fio_opt.crash, FIO_CRASH_STRICT);
	}
}

static void texts(void)
{
	char value[300];

	memset(value, 'x', sizeof(value));
	value[255] = '\0';
	read_number("STATS", value);
	CHECK_STR(fio_opt.stats, value);
	value[255] = 'x';
	value[256] = '\0';
	read_number("STATS", value);
	CHECK_STR(fio_opt.stats, "");
	read_number("STATS", "/a b=c");
	CHECK_STR(fio_opt.stats, "/a b=c");
	read_number("STATS", "");
	CHECK_STR(fio_opt.stats, "");
}

/* Similar names are not ours; the last of several assignments counts. */
static void names(void)
{
	char *envp[] = {
		(char *)"XFASTIO_LAG_US=1",  (char *)"FASTIO_LAG_USX=2",  (char *)"FASTIO_LAG_U=3",
		(char *)"FASTIO_LAG_US",     (char *)"FASTIO_=4",         (char *)"fastio_lag_us=5",
		(char *)"FASTIO_AGE_US=200", (char *)"FASTIO_AGE_US=300", NULL};

	fio_opt = defaults;
	fio_options_read(envp);
	CHECK_EQ(fio_opt.lag_us, 0);
	CHECK_EQ(fio_opt.age_us, 300);
}

/* What cannot be used is said in the log, wherever in the environment the log is asked for. */
static void complaints(void)
{
	char log[4200], text[2000] = "", var[4300];
	char *envp[] = {(char *)"FASTIO_WINDOW=lots", (char *)"FASTIO_NONSENSE=1",
			(char *)"FASTIO_LAG_US=7", var, NULL};
	FILE *f;

	snprintf(log, sizeof(log), "%s/log", unit_tmp());
	snprintf(var, sizeof(var), "FASTIO_LOG=%s", log);
	fio_opt = defaults;
	fio_options_read(envp);
	CHECK_STR(fio_opt.log, log);
	CHECK_EQ(fio_opt.lag_us, 7);
	f = fopen(log, "r");
	CHECK(f != NULL);
	if (!f)
		return;
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	CHECK(strstr(text, "FASTIO_WINDOW=lots") != NULL);
	CHECK(strstr(text, "FASTIO_NONSENSE=1") != NULL);
	CHECK(strstr(text, "LAG_US") == NULL);
	fio_opt = defaults;
}

static const struct unit_test tests[] = {
	TEST(default_values), TEST(numbers), TEST(malformed_numbers), TEST(choices),
	TEST(texts),          TEST(names),   TEST(complaints),
};

int main(int argc, char **argv)
{
	defaults = fio_opt;
	return unit_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
