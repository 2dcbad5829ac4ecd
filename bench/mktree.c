/* SPDX-License-Identifier: MIT */
/*
 * mktree.c - the 'mktree' subcommand: a tree of files like a source tree
 *
 * The same options give the same tree on every machine: names, nesting, sizes
 * (log-normal, most of them a few KB, some above 100 KB), contents that compress
 * like text, execute bits, symlinks and times.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] = "Usage: fastio-bench mktree [OPTION]... DIR\n"
			   "Generates a tree of files in DIR, which must not exist.\n"
			   "\n"
			   "  --files N           regular files (default 20000)\n"
			   "  --dirs N            directories (default a twentieth of the files)\n"
			   "  --median N          median size of a file in bytes (default 2500)\n"
			   "  --links N           symlinks in a thousand files (default 10)\n"
			   "  --owners            as root: give some files to another owner\n"
			   "  --seed N            another tree\n"
			   "  --help\n"
			   "\n"
			   "Exit status: 0 fine, 1 an I/O error, 2 wrong usage.\n";

enum { O_FILES = 256, O_DIRS, O_MEDIAN, O_LINKS, O_OWNERS, O_SEED, O_HELP };

static const struct option options[] = {
	{"files", required_argument, NULL, O_FILES},   {"dirs", required_argument, NULL, O_DIRS},
	{"median", required_argument, NULL, O_MEDIAN}, {"links", required_argument, NULL, O_LINKS},
	{"owners", no_argument, NULL, O_OWNERS},       {"seed", required_argument, NULL, O_SEED},
	{"help", no_argument, NULL, O_HELP},           {NULL, 0, NULL, 0},
};

enum { POOL = 1 << 20, MAX_SIZE = 300 << 10, MAX_DEPTH = 8, OTHER_ID = 1000 };

struct grove {
	uint64_t files, ndirs, median, links, seed;
	bool owners;
	struct rng rng;
	char **dirs; /* paths relative to the top; the first is "." */
	unsigned *depth;
	char *pool; /* text that contents are cut from */
	int top;
};

static const char *const words[] = {
	"alloc", "buffer", "cache",  "device", "entry", "filter", "graph",  "handle",
	"index", "jump",   "kernel", "list",   "map",   "node",   "option", "parse",
	"queue", "ring",   "socket", "table",  "unit",  "vector", "window", "xattr",
	"yield", "zone",   "return", "static", "const", "struct", "if",     "while",
};

enum { NWORDS = sizeof(words) / sizeof(words[0]) };

static const char *word(struct grove *g)
{
	return words[rng_below(&g->rng, NWORDS)];
}

/* Roughly a normal distribution: the sum of twelve uniform numbers, without libm */
static double normal(struct grove *g)
{
	double sum = 0;

	for (int i = 0; i < 12; i++)
		sum += (double)(rng_next(&g->rng) >> 11) / 9007199254740992.0;
	return sum - 6.0;
}

/* 2^x for -30 < x < 30, the same bits on every machine with IEEE doubles */
static double power_of_2(double x)
{
	double r = 1, term = 1, y;
	int whole = (int)x;

	y = (x - whole) * 0.6931471805599453;
	for (int i = 1; i < 16; i++) {
		term *= y / i;
		r += term;
	}
	for (; whole > 0; whole--)
		r *= 2;
	for (; whole < 0; whole++)
		r /= 2;
	return r;
}

static uint64_t file_size(struct grove *g)
{
	double size;

	if (rng_below(&g->rng, 100) == 0)
		return 0;
	size = (double)g->median * power_of_2(normal(g) * 1.9);
	return size > MAX_SIZE ? MAX_SIZE : (uint64_t)size + 1;
}

static void fill_pool(struct grove *g)
{
	size_t at = 0;
	int column = 0;

	while (at < POOL) {
		const char *w = word(g);
		char token[64];
		int n = rng_below(&g->rng, 5) ? snprintf(token, sizeof(token), "%s ", w)
					      : snprintf(token, sizeof(token), "%s_%04x%s", w,
							 (unsigned)rng_below(&g->rng, 65536),
							 column > 60 ? ";\n" : "(");

		column = token[n - 1] == '\n' ? 0 : column + n;
		if (at + (size_t)n > POOL)
			n = (int)(POOL - at);
		memcpy(g->pool + at, token, (size_t)n);
		at += (size_t)n;
	}
}

static void set_times(struct grove *g, struct timespec ts[2])
{
	/* even seconds: what ZIP archives can keep */
	ts[0].tv_sec = ts[1].tv_sec = 1577836800 + 2 * (time_t)rng_below(&g->rng, 50000000);
	ts[0].tv_nsec = ts[1].tv_nsec = 0;
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = write(fd, p, n);

		if (k < 0)
			return -1;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

static int write_content(struct grove *g, int fd, const char *path, uint64_t size)
{
	char head[128];
	uint64_t n = (uint64_t)snprintf(head, sizeof(head), "/* %.80s */\n", path);

	if (n > size)
		n = size;
	if (write_all(fd, head, n))
		return -1;
	return write_all(fd, g->pool + rng_below(&g->rng, POOL - MAX_SIZE), size - n);
}

static int make_file(struct grove *g, uint64_t i, const char *path)
{
	uint64_t size = file_size(g), dice = rng_below(&g->rng, 100);
	mode_t mode = dice < 5 ? 0755 : dice < 6 ? 0600 : dice < 7 ? 0444 : 0644;
	struct timespec ts[2];
	int fd;

	fd = openat(g->top, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return io_failed("create", path, errno);
	set_times(g, ts);
	if (write_content(g, fd, path, size) ||
	    (g->owners && i % 50 == 7 && fchown(fd, OTHER_ID, OTHER_ID)) || fchmod(fd, mode) ||
	    futimens(fd, ts)) {
		int err = errno;

		close(fd);
		return io_failed("write", path, err);
	}
	return close(fd) ? io_failed("close", path, errno) : EXIT_OK;
}

static int make_link(struct grove *g, const char *path, const char *target)
{
	struct timespec ts[2];

	if (symlinkat(target, g->top, path))
		return io_failed("symlink", path, errno);
	set_times(g, ts);
	if (utimensat(g->top, path, ts, AT_SYMLINK_NOFOLLOW))
		return io_failed("set the time of", path, errno);
	return EXIT_OK;
}

static int make_files(struct grove *g)
{
	static const char *const ext[] = {".c", ".h", ".js", ".py", ".md", ".json", "", ".txt"};
	char path[1024], name[64], last[64] = "nothing-there";

	for (uint64_t i = 0; i < g->files; i++) {
		/* every directory gets a file, the rest falls unevenly */
		uint64_t d =
			i < g->ndirs ? i : rng_below(&g->rng, 1 + rng_below(&g->rng, g->ndirs));

		snprintf(name, sizeof(name), "%s-%llu%s", word(g), (unsigned long long)i,
			 ext[rng_below(&g->rng, sizeof(ext) / sizeof(ext[0]))]);
		snprintf(path, sizeof(path), "%s/%s", g->dirs[d], name);
		if (make_file(g, i, path))
			return EXIT_IO;
		if (rng_below(&g->rng, 1000) < g->links) {
			snprintf(path, sizeof(path), "%s/link-%llu", g->dirs[d],
				 (unsigned long long)i);
			if (make_link(g, path, i % 7 ? name : last))
				return EXIT_IO;
		}
		memcpy(last, name, sizeof(last));
	}
	return EXIT_OK;
}

static int make_dirs(struct grove *g)
{
	for (uint64_t i = 0; i < g->ndirs; i++) {
		uint64_t up = rng_below(&g->rng, i);

		while (i && g->depth[up] >= MAX_DEPTH)
			up = rng_below(&g->rng, i);
		if (i == 0) {
			g->dirs[0] = strdup(".");
		} else if (asprintf(&g->dirs[i], "%s/%s%llu", g->dirs[up], word(g),
				    (unsigned long long)i) < 0) {
			g->dirs[i] = NULL;
		}
		if (!g->dirs[i])
			return io_failed("remember", "a directory", ENOMEM);
		g->depth[i] = i ? g->depth[up] + 1 : 0;
		if (i && mkdirat(g->top, g->dirs[i], 0755))
			return io_failed("mkdir", g->dirs[i], errno);
	}
	return EXIT_OK;
}

static int finish_dirs(struct grove *g)
{
	struct timespec ts[2];

	for (uint64_t i = g->ndirs; i-- > 0;) {
		set_times(g, ts);
		if (fchmodat(g->top, g->dirs[i], i % 100 == 99 ? 0700 : 0755, 0) ||
		    utimensat(g->top, g->dirs[i], ts, 0))
			return io_failed("finish", g->dirs[i], errno);
	}
	return EXIT_OK;
}

static int grow(struct grove *g, const char *dir)
{
	int rc;

	g->rng.state = g->seed;
	g->top = -1;
	g->dirs = calloc(g->ndirs, sizeof(*g->dirs));
	g->depth = calloc(g->ndirs, sizeof(*g->depth));
	g->pool = malloc(POOL);
	if (!g->dirs || !g->depth || !g->pool) {
		rc = io_failed("prepare", dir, ENOMEM);
		goto out;
	}
	fill_pool(g);
	if (mkdir(dir, 0755)) {
		rc = io_failed("mkdir", dir, errno);
		goto out;
	}
	g->top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (g->top < 0) {
		rc = io_failed("open", dir, errno);
		goto out;
	}
	rc = make_dirs(g);
	if (rc == EXIT_OK)
		rc = make_files(g);
	if (rc == EXIT_OK)
		rc = finish_dirs(g);
	close(g->top);
out:
	for (uint64_t i = 0; g->dirs && i < g->ndirs; i++)
		free(g->dirs[i]);
	free(g->dirs);
	free(g->depth);
	free(g->pool);
	return rc;
}

int mktree_main(int argc, char **argv)
{
	struct grove g = {.files = 20000, .median = 2500, .links = 10, .seed = 1};
	bool ok = true;
	int opt;

	while (ok && (opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case O_FILES:
			ok = parse_number("--files", optarg, 1, 10000000, &g.files);
			break;
		case O_DIRS:
			ok = parse_number("--dirs", optarg, 1, 1000000, &g.ndirs);
			break;
		case O_MEDIAN:
			ok = parse_number("--median", optarg, 1, MAX_SIZE, &g.median);
			break;
		case O_LINKS:
			ok = parse_number("--links", optarg, 0, 1000, &g.links);
			break;
		case O_SEED:
			ok = parse_number("--seed", optarg, 0, UINT64_MAX, &g.seed);
			break;
		case O_OWNERS:
			g.owners = geteuid() == 0;
			break;
		case 'h':
		case O_HELP:
			fputs(help, stdout);
			return finish_output();
		default:
			return option_failed("mktree", argv);
		}
	}
	if (!ok)
		return EXIT_USAGE;
	if (optind + 1 != argc)
		return usage_failed("mktree", "one directory is needed", NULL);
	if (!g.ndirs)
		g.ndirs = g.files / 20 + 1;
	return grow(&g, argv[optind]);
}
