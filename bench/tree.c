/* SPDX-License-Identifier: MIT */
/*
 * tree.c - the 'tree' subcommand: one line per entry of a tree, sorted by path
 *
 * path, type, mode, uid:gid, size (of files), links (of files), mtime, content
 * hash or symlink target; two trees are equal when the lines are.
 */
#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
	"Usage: fastio-bench tree [OPTION]... DIR\n"
	"Prints one line per entry below DIR, sorted by path: path, type, mode, owner, size\n"
	"and number of links (not of directories), mtime, hash of the content or target of\n"
	"the symlink.\n"
	"\n"
	"  --mtime UNIT        no, s (default) or ns\n"
	"  --no-link-mtime     leave out the mtime of symlinks\n"
	"  --no-links          leave out the numbers of links\n"
	"  --exclude PATTERN   leave out entries whose path below DIR matches (repeatable);\n"
	"                      a directory is left out with all that is in it\n"
	"  --hash              one line instead: number of entries and a hash of all lines\n"
	"  --help\n"
	"\n"
	"Exit status: 0 fine, 1 an I/O error, 2 wrong usage.\n";

enum { O_MTIME = 256, O_NO_LINK, O_NO_LINKS, O_EXCLUDE, O_HASH, O_HELP };

static const struct option options[] = {
	{"mtime", required_argument, NULL, O_MTIME},
	{"no-link-mtime", no_argument, NULL, O_NO_LINK},
	{"no-links", no_argument, NULL, O_NO_LINKS},
	{"exclude", required_argument, NULL, O_EXCLUDE},
	{"hash", no_argument, NULL, O_HASH},
	{"help", no_argument, NULL, O_HELP},
	{NULL, 0, NULL, 0},
};

enum { CHUNK = 1 << 18 };

struct entry {
	char *path;
	char *line; /* without the path */
};

struct tree {
	const struct tree_options *o;
	struct entry *entries;
	size_t n, room;
	char *chunk;
};

#define HASH_SEED 0xcbf29ce484222325u

/* FNV-1a over 8-byte words with a final mix of the tail */
static uint64_t hash_more(uint64_t h, const char *p, size_t n)
{
	uint64_t w;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&w, p, 8);
		h = (h ^ w) * 0x100000001b3u;
		h ^= h >> 29;
	}
	if (n) {
		w = 0;
		memcpy(&w, p, n);
		h = (h ^ w ^ (uint64_t)n << 56) * 0x100000001b3u;
		h ^= h >> 29;
	}
	return h;
}

static int hash_file(struct tree *t, int dir, const char *name, uint64_t *out)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	uint64_t h = HASH_SEED;
	ssize_t n = 1;

	if (fd < 0)
		return -1;
	while (n > 0) { /* chunks are full but for the last, whatever read returns */
		size_t got = 0;

		while (got < CHUNK && (n = read(fd, t->chunk + got, CHUNK - got)) > 0)
			got += (size_t)n;
		if (n < 0)
			break;
		h = hash_more(h, t->chunk, got);
	}
	if (n < 0) {
		int err = errno;

		close(fd);
		errno = err;
		return -1;
	}
	*out = h;
	return close(fd);
}

static char type_of(mode_t mode)
{
	return S_ISREG(mode)    ? 'f'
	       : S_ISDIR(mode)  ? 'd'
	       : S_ISLNK(mode)  ? 'l'
	       : S_ISFIFO(mode) ? 'p'
	       : S_ISSOCK(mode) ? 's'
	       : S_ISCHR(mode)  ? 'c'
				: 'b';
}

static bool earlier(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* A program may set the present in whole seconds. */
static bool is_now(const struct timespec *t, const struct tree_options *o)
{
	bool whole = !t->tv_nsec && t->tv_sec == o->now_from.tv_sec;

	return (whole || !earlier(t, &o->now_from)) && earlier(t, &o->now_to);
}

static void describe_mtime(const struct tree_options *o, const struct stat *st, char *buf, size_t n)
{
	const struct timespec *t = &st->st_mtim;

	if (o->unit == '-' || (o->no_link_mtime && S_ISLNK(st->st_mode)))
		snprintf(buf, n, "-");
	else if (is_now(t, o))
		snprintf(buf, n, "now");
	else if (o->unit == 's')
		snprintf(buf, n, "%lld", (long long)t->tv_sec);
	else
		snprintf(buf, n, "%lld.%09ld", (long long)t->tv_sec, t->tv_nsec);
}

static char *describe(struct tree *t, int dir, const char *name, const struct stat *st)
{
	char mtime[64], size[64] = "- -", content[PATH_MAX + 8] = "-";
	uint64_t hash = 0;
	char *line;

	describe_mtime(t->o, st, mtime, sizeof(mtime));
	if (!S_ISDIR(st->st_mode))
		snprintf(size, sizeof(size), "%lld %lu", (long long)st->st_size,
			 t->o->no_links ? 0ul : (unsigned long)st->st_nlink);
	if (S_ISREG(st->st_mode)) {
		if (hash_file(t, dir, name, &hash))
			return NULL;
		snprintf(content, sizeof(content), "%016llx", (unsigned long long)hash);
	} else if (S_ISLNK(st->st_mode)) {
		ssize_t n = readlinkat(dir, name, content, sizeof(content) - 1);

		if (n < 0)
			return NULL;
		content[n] = '\0';
	}
	if (asprintf(&line, "%c %04o %u:%u %s %s %s", type_of(st->st_mode),
		     (unsigned)(st->st_mode & 07777), (unsigned)st->st_uid, (unsigned)st->st_gid,
		     size, mtime, content) < 0)
		return NULL;
	return line;
}

static int add(struct tree *t, char *path, char *line)
{
	if (t->n == t->room) {
		size_t room = t->room ? t->room * 2 : 1024;
		struct entry *e = realloc(t->entries, room * sizeof(*e));

		if (!e)
			return -1;
		t->entries = e;
		t->room = room;
	}
	t->entries[t->n++] = (struct entry){path, line};
	return 0;
}

static bool excluded(const struct tree *t, const char *path)
{
	for (int i = 0; i < t->o->nexclude; i++)
		if (!fnmatch(t->o->exclude[i], path, 0))
			return true;
	return false;
}

static int walk(struct tree *t, int fd, const char *prefix);

static int visit(struct tree *t, int dir, const char *prefix, const char *name)
{
	char *path = NULL, *line = NULL;
	struct stat st;
	int sub, rc;

	if (asprintf(&path, "%s%s%s", prefix, *prefix ? "/" : "", name) < 0)
		return io_failed("remember", name, ENOMEM);
	if (excluded(t, path)) {
		free(path);
		return EXIT_OK;
	}
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) || !(line = describe(t, dir, name, &st)) ||
	    add(t, path, line)) {
		rc = io_failed("examine", path, errno);
		free(line);
		free(path);
		return rc;
	}
	if (!S_ISDIR(st.st_mode))
		return EXIT_OK;
	sub = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sub < 0)
		return io_failed("open", path, errno);
	return walk(t, sub, path);
}

/* Takes over fd */
static int walk(struct tree *t, int fd, const char *prefix)
{
	DIR *d = fdopendir(fd);
	struct dirent *e;
	int rc = EXIT_OK;

	if (!d) {
		rc = io_failed("list", prefix, errno);
		close(fd);
		return rc;
	}
	while (rc == EXIT_OK && (errno = 0, e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			rc = visit(t, dirfd(d), prefix, e->d_name);
	if (rc == EXIT_OK && errno)
		rc = io_failed("list", prefix, errno);
	closedir(d);
	return rc;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

static void print_tree(const struct tree *t, FILE *out)
{
	for (size_t i = 0; i < t->n; i++)
		fprintf(out, "%s\t%s\n", t->entries[i].path, t->entries[i].line);
}

static void print_hash(const struct tree *t)
{
	uint64_t h = HASH_SEED;

	for (size_t i = 0; i < t->n; i++) {
		h = hash_more(h, t->entries[i].path, strlen(t->entries[i].path) + 1);
		h = hash_more(h, t->entries[i].line, strlen(t->entries[i].line) + 1);
	}
	printf("%zu %016llx\n", t->n, (unsigned long long)h);
}

int tree_list(const char *dir, const struct tree_options *o, FILE *out)
{
	struct tree t = {.o = o, .chunk = malloc(CHUNK)};
	int fd, rc;

	if (!t.chunk)
		return io_failed("prepare", dir, ENOMEM);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		rc = io_failed("open", dir, errno);
	} else {
		rc = walk(&t, fd, "");
		if (rc == EXIT_OK) {
			if (t.n)
				qsort(t.entries, t.n, sizeof(*t.entries), by_path);
			if (out)
				print_tree(&t, out);
			else
				print_hash(&t);
		}
	}
	for (size_t i = 0; i < t.n; i++) {
		free(t.entries[i].path);
		free(t.entries[i].line);
	}
	free(t.entries);
	free(t.chunk);
	return rc;
}

int tree_main(int argc, char **argv)
{
	struct tree_options t = {.unit = 's'};
	bool hash = false;
	int opt, rc;

	t.exclude = calloc((size_t)argc, sizeof(*t.exclude));
	if (!t.exclude)
		return io_failed("prepare", "tree", ENOMEM);
	rc = EXIT_USAGE;
	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case O_MTIME:
			if (strcmp(optarg, "no") && strcmp(optarg, "s") && strcmp(optarg, "ns")) {
				usage_failed("tree", "unknown --mtime", optarg);
				goto out;
			}
			t.unit = optarg[0] == 's' ? 's' : optarg[1] == 's' ? 'n' : '-';
			break;
		case O_NO_LINK:
			t.no_link_mtime = true;
			break;
		case O_NO_LINKS:
			t.no_links = true;
			break;
		case O_EXCLUDE:
			t.exclude[t.nexclude++] = optarg;
			break;
		case O_HASH:
			hash = true;
			break;
		case 'h':
		case O_HELP:
			fputs(help, stdout);
			rc = finish_output();
			goto out;
		default:
			option_failed("tree", argv);
			goto out;
		}
	}
	if (optind + 1 != argc) {
		usage_failed("tree", "one directory is needed", NULL);
		goto out;
	}
	rc = tree_list(argv[optind], &t, hash ? NULL : stdout);
	if (rc == EXIT_OK)
		rc = finish_output();
out:
	free(t.exclude);
	return rc;
}
