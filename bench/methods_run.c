/* SPDX-License-Identifier: MIT */
/*
 * methods_run.c - running the rows of a comparison
 *
 * Each run is a process of its own, 'fastio-bench phases' with the row's method, preloaded or not.
 * The warm-up leaves its files, and the trees are compared.  The measured rounds go forth and back
 * through the rows, so that no row always follows the same one.
 */
#include "measure.h"
#include "methods.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGS = 32, TEXT = 8192 };

static const char work_name[] = "fastio-methods";

struct command_line {
	char *argv[ARGS];
	int argc;
	char text[2048]; /* the arguments */
	size_t used;
};

static void arg(struct command_line *l, const char *s)
{
	size_t n = strlen(s) + 1;

	if (l->argc + 1 == ARGS || l->used + n > sizeof(l->text))
		return;
	l->argv[l->argc++] = memcpy(l->text + l->used, s, n);
	l->argv[l->argc] = NULL;
	l->used += n;
}

static void arg_number(struct command_line *l, const char *option, uint64_t v)
{
	char t[24];

	snprintf(t, sizeof(t), "%llu", (unsigned long long)v);
	arg(l, option);
	arg(l, t);
}

/* Runs it; its output is in out.  Returns its exit status, or EXIT_IO. */
static int run_captured(struct measured *m, struct command_line *l, char out[TEXT])
{
	int fd = memfd_create("output", MFD_CLOEXEC), rc;
	char path[64];
	ssize_t n;

	if (fd < 0)
		return io_failed("keep the output of", l->argv[1], errno);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	m->argv = l->argv;
	m->out = path;
	m->timeout = 600;
	rc = measure_run(m);
	n = pread(fd, out, TEXT - 1, 0);
	close(fd);
	out[n > 0 ? n : 0] = '\0';
	if (rc != EXIT_OK)
		return rc;
	return WIFEXITED(m->status) ? WEXITSTATUS(m->status) : EXIT_IO;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* What the warm-up, or a run that ended early, has left; or the store */
static void remove_tree(const struct comparison *c, const char *suffix)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s%s", c->dir, work_name, suffix);
	nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

static void sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		syncfs(fd);
		close(fd);
	}
}

static int run_phases(const struct comparison *c, const struct row *r, bool keep,
		      struct measured *m, char out[TEXT])
{
	char preload[4096 + 16], *env[1] = {preload};
	struct command_line l = {0};

	snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", c->lib);
	m->env = env;
	m->nenv = r->preload;
	arg(&l, "/proc/self/exe");
	arg(&l, "phases");
	arg(&l, "--json");
	arg(&l, "--dir");
	arg(&l, c->dir);
	arg(&l, "--name");
	arg(&l, work_name);
	arg(&l, "--keep-store");
	arg(&l, "--method");
	arg(&l, r->method->name);
	arg_number(&l, "--files", c->files);
	arg_number(&l, "--size", c->size);
	arg_number(&l, "--update-size", c->update_size);
	arg_number(&l, "--dirs", c->dirs);
	arg_number(&l, "--threads", r->threads);
	if (keep) {
		arg(&l, "--phases");
		arg(&l, "create,update,read");
	}
	sync_dir(c->dir);
	return run_captured(m, &l, out);
}

/* The one line of 'tree --hash': number of entries and hash */
static int hash_tree(const struct comparison *c, char out[TEXT])
{
	struct command_line l = {0};
	struct measured m = {0};
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", c->dir, work_name);
	arg(&l, "/proc/self/exe");
	arg(&l, "tree");
	arg(&l, "--hash");
	arg(&l, "--no-links");
	arg(&l, "--mtime");
	arg(&l, "no");
	arg(&l, path);
	return run_captured(&m, &l, out);
}

static int warm_up(const struct comparison *c, struct row *r, char want[TEXT])
{
	char out[TEXT], now[TEXT];
	struct measured m = {0};
	int rc = run_phases(c, r, true, &m, out);

	if (rc == EXIT_UNSUPPORTED) {
		r->unsupported = true;
		remove_tree(c, "");
		return EXIT_OK;
	}
	if (rc == EXIT_OK)
		rc = hash_tree(c, now);
	remove_tree(c, "");
	if (rc != EXIT_OK) {
		fprintf(stderr, "fastio-bench: method %s failed\n", r->name);
		return EXIT_IO;
	}
	if (!*want) {
		strcpy(want, now);
	} else if (strcmp(want, now) != 0) {
		fprintf(stderr, "fastio-bench: method %s leaves another tree than plain calls\n",
			r->name);
		return EXIT_IO;
	}
	return EXIT_OK;
}

/* The number after "key" in our own JSON, or 0 */
static double number_after(const char *json, const char *key)
{
	const char *p = strstr(json, key);

	return p ? strtod(p + strlen(key), NULL) : 0;
}

static int measured_run(const struct comparison *c, struct row *r, uint64_t round)
{
	struct measured m = {0};
	char out[TEXT], key[64];

	if (run_phases(c, r, false, &m, out) != EXIT_OK) {
		remove_tree(c, "");
		fprintf(stderr, "fastio-bench: method %s failed\n", r->name);
		return EXIT_IO;
	}
	for (int p = 0; p < NPHASES; p++) {
		snprintf(key, sizeof(key), "\"name\":\"%s\",\"ms\":", phase_names[p]);
		r->ms[p][round] = number_after(out, key);
	}
	r->ms[TOTAL][round] = number_after(out, "\"total_ms\":");
	r->cpu_ms[round] = (double)(m.user_us + m.sys_us) / 1e3;
	return EXIT_OK;
}

int comparison_run(struct comparison *c)
{
	char want[TEXT] = "";
	int rc = EXIT_OK;

	unsetenv("LD_PRELOAD");
	remove_tree(c, "");
	remove_tree(c, ".store");
	for (size_t i = 0; i < c->nrows && rc == EXIT_OK; i++) {
		progress("warm-up: %s", c->rows[i].name);
		rc = warm_up(c, &c->rows[i], want);
	}
	for (uint64_t round = 0; round < c->rounds && rc == EXIT_OK; round++) {
		for (size_t i = 0; i < c->nrows && rc == EXIT_OK; i++) {
			size_t k = (i + round) % c->nrows;
			struct row *r = &c->rows[round % 2 ? c->nrows - 1 - k : k];

			if (r->unsupported)
				continue;
			progress("round %llu of %llu: %s", (unsigned long long)round + 1,
				 (unsigned long long)c->rounds, r->name);
			rc = measured_run(c, r, round);
		}
	}
	remove_tree(c, ".store");
	progress_end();
	return rc;
}
