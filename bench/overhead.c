/* SPDX-License-Identifier: MIT */
/*
 * overhead.c - the 'overhead' subcommand: what a preloaded library costs where it has nothing to do
 */
#include "bench.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char help[] =
	"Usage: fastio-bench overhead [OPTION]...\n"
	"What a preloaded library costs where it has nothing to do.\n"
	"\n"
	"With --lib: the start of a process, with that library preloaded and with --empty in\n"
	"turn; and then the calls, in a process with the library preloaded.  Without: the calls\n"
	"in this process, once by their names and once by libc's own addresses, in turn.\n"
	"\n"
	"  --lib PATH    the library to preload\n"
	"  --empty PATH  a library without any code, to compare starts with\n"
	"  --starts N    starts of each kind (default 300)\n"
	"  --blocks N    blocks of 2,000 calls of each kind (default 200)\n"
	"  --check       fail unless pread takes at most 1.02 times as long and a start at\n"
	"                most 150 us longer\n"
	"  --help\n"
	"\n"
	"Medians; times of a call in nanoseconds, of a start in microseconds.\n"
	"Exit status: 0 fine, 1 --check failed or an error, 2 wrong usage.\n";

#define CALLS 2000
#define MAX_RATIO 1.02
#define MAX_START_US 150.0

enum { O_LIB = 256, O_EMPTY, O_STARTS, O_BLOCKS, O_CHECK, O_HELP };

static const struct option options[] = {
	{"lib", required_argument, NULL, O_LIB},
	{"empty", required_argument, NULL, O_EMPTY},
	{"starts", required_argument, NULL, O_STARTS},
	{"blocks", required_argument, NULL, O_BLOCKS},
	{"check", no_argument, NULL, O_CHECK},
	{"help", no_argument, NULL, O_HELP},
	{NULL, 0, NULL, 0},
};

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static double median(uint64_t *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return n % 2 ? (double)v[n / 2] : ((double)v[n / 2 - 1] + (double)v[n / 2]) / 2;
}

/* ---- calls ---- */

static int file_fd, null_fd;
static char buf[4096];

/* One block of calls of the function at fn, which has the type of the one named. */
#define BLOCK(name, ...)                                     \
	static void block_##name(void *fn)                   \
	{                                                    \
		__typeof__(&name) f = (__typeof__(&name))fn; \
                                                             \
		for (int i = 0; i < CALLS; i++)              \
			(void)!f(__VA_ARGS__);               \
	}
BLOCK(pread, file_fd, buf, 100, (i % 8) * 500)
BLOCK(read, null_fd, buf, 100)
BLOCK(write, null_fd, buf, 100)
BLOCK(fstat, file_fd, (struct stat *)buf)
BLOCK(lseek, file_fd, 0, SEEK_SET)
BLOCK(access, "/", F_OK)
BLOCK(stat, "/", (struct stat *)buf)
BLOCK(poll, NULL, 0, 0)

static const struct {
	const char *name;
	void (*block)(void *fn);
} calls[] = {
	{"pread", block_pread}, {"read", block_read},   {"write", block_write},
	{"fstat", block_fstat}, {"lseek", block_lseek}, {"access", block_access},
	{"stat", block_stat},   {"poll", block_poll},
};

static int time_calls(size_t blocks, bool check)
{
	uint64_t *taken[2] = {calloc(blocks, sizeof(uint64_t)), calloc(blocks, sizeof(uint64_t))};
	void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	char name[] = "/tmp/fastio-overhead-XXXXXX";
	int status = EXIT_OK;

	file_fd = mkstemp(name);
	null_fd = open("/dev/null", O_RDWR);
	if (file_fd < 0 || null_fd < 0 || !libc || !taken[0] || !taken[1])
		return io_failed("prepare", name, errno);
	unlink(name);
	if (write(file_fd, buf, sizeof(buf)) != (ssize_t)sizeof(buf))
		return io_failed("write", name, errno);
	printf("%-8s %10s %10s %8s\n", "call", "libc ns", "by name ns", "ratio");
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		void *fn[2] = {dlsym(libc, calls[i].name), dlsym(RTLD_DEFAULT, calls[i].name)};
		double ns[2];

		for (size_t b = 0; b < blocks; b++) {
			for (size_t k = 0; k < 2; k++) {
				uint64_t from = now_ns();

				calls[i].block(fn[(k + b) % 2]);
				taken[(k + b) % 2][b] = now_ns() - from;
			}
		}
		for (int k = 0; k < 2; k++)
			ns[k] = median(taken[k], blocks) / CALLS;
		printf("%-8s %10.1f %10.1f %8.3f\n", calls[i].name, ns[0], ns[1], ns[1] / ns[0]);
		if (check && i == 0 && ns[1] / ns[0] > MAX_RATIO)
			status = EXIT_IO;
	}
	free(taken[0]);
	free(taken[1]);
	return status ? status : finish_output();
}

/* ---- starts ---- */

static bool run(char **argv, const char *preload, int *status)
{
	char setting[4096 + 16];
	char *env[] = {setting, NULL};
	pid_t pid;

	snprintf(setting, sizeof(setting), "LD_PRELOAD=%s", preload);
	return !posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, env) &&
	       waitpid(pid, status, 0) == pid;
}

static int time_starts(const char *lib, const char *empty, size_t starts, bool check)
{
	uint64_t *taken[2] = {calloc(starts, sizeof(uint64_t)), calloc(starts, sizeof(uint64_t))};
	char *argv[] = {(char *)"fastio-bench", (char *)"--help", NULL};
	const char *preload[2] = {empty, lib};
	double us[2];
	int null = open("/dev/null", O_WRONLY), out = dup(1), status = 0;

	if (null < 0 || out < 0 || !taken[0] || !taken[1])
		return io_failed("prepare", "/dev/null", errno);
	dup2(null, 1);
	for (size_t s = 0; s < starts && !status; s++) {
		for (size_t k = 0; k < 2 && !status; k++) {
			uint64_t from = now_ns();

			if (!run(argv, preload[(k + s) % 2], &status))
				status = 1;
			taken[(k + s) % 2][s] = now_ns() - from;
		}
	}
	dup2(out, 1);
	if (status)
		return io_failed("run with", lib, errno);
	for (int k = 0; k < 2; k++)
		us[k] = median(taken[k], starts) / 1000;
	printf("start with an empty library %.0f us, with %s %.0f us: %+.0f us\n", us[0], lib,
	       us[1], us[1] - us[0]);
	free(taken[0]);
	free(taken[1]);
	return check && us[1] - us[0] > MAX_START_US ? EXIT_IO : finish_output();
}

int overhead_main(int argc, char **argv)
{
	const char *lib = NULL, *empty = "";
	uint64_t starts = 300, blocks = 200;
	bool check = false;
	int o, first, second = 0;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case O_LIB:
			lib = optarg;
			break;
		case O_EMPTY:
			empty = optarg;
			break;
		case O_STARTS:
			if (!parse_number("--starts", optarg, 1, 100000, &starts))
				return EXIT_USAGE;
			break;
		case O_BLOCKS:
			if (!parse_number("--blocks", optarg, 1, 100000, &blocks))
				return EXIT_USAGE;
			break;
		case O_CHECK:
			check = true;
			break;
		case O_HELP:
			fputs(help, stdout);
			return finish_output();
		default:
			return option_failed("overhead", argv);
		}
	}
	if (optind < argc)
		return usage_failed("overhead", "unexpected argument", argv[optind]);
	if (!lib)
		return time_calls(blocks, check);
	first = time_starts(lib, empty, starts, check);
	fflush(stdout);
	if (first != EXIT_IO || check) {
		char number[24];
		char *again[] = {(char *)"fastio-bench",
				 (char *)"overhead",
				 (char *)"--blocks",
				 number,
				 check ? (char *)"--check" : NULL,
				 NULL};

		snprintf(number, sizeof(number), "%llu", (unsigned long long)blocks);
		if (!run(again, lib, &second))
			return io_failed("run with", lib, errno);
	}
	return first || second ? EXIT_IO : EXIT_OK;
}
