/* SPDX-License-Identifier: MIT */
/*
 * workload.c - the small-file workload: plain system calls, one pass per phase
 *
 * Names and buffers are prepared before the clock starts, nothing is printed
 * while it runs.  Directories and threads own contiguous ranges of the files,
 * so that with as many directories as threads each thread has its own.
 */
#include "workload.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const phase_names[NPHASES] = {"mkdir", "create", "update", "read", "delete", "rmdir"};

enum { STAMP = 16 };

int worker_fail(struct worker *k, const char *op, const char *path, int err)
{
	k->op = op;
	k->path = path;
	k->err = err;
	return -1;
}

static void stamp(char *buf, uint64_t size, uint64_t index)
{
	static const char hex[] = "0123456789abcdef";
	uint64_t n = size < STAMP ? size : STAMP;

	for (uint64_t i = 0; i < n; i++, index >>= 4)
		buf[i] = hex[index & 15];
}

uint64_t gen_size(const struct workload *w, enum generation gen)
{
	return gen == GEN_UPDATE ? w->update_size : w->size;
}

const char *worker_content(struct worker *k, uint64_t index, enum generation gen)
{
	stamp(k->content[gen], gen_size(k->run->w, gen), index);
	return k->content[gen];
}

int worker_fill(struct worker *k, uint64_t index, enum generation gen, int fd)
{
	const char *path = worker_path(k, index), *p = worker_content(k, index, gen);
	uint64_t left = gen_size(k->run->w, gen);

	while (left) {
		ssize_t n = write(fd, p, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			worker_fail(k, "write", path, n ? errno : EIO);
			close(fd);
			return -1;
		}
		p += n;
		left -= (uint64_t)n;
	}
	if (k->run->w->sync == SYNC_EACH && fsync(fd)) {
		worker_fail(k, "fsync", path, errno);
		close(fd);
		return -1;
	}
	if (close(fd))
		return worker_fail(k, "close", path, errno);
	return 0;
}

static int put_file(struct worker *k, uint64_t index, int flags, enum generation gen)
{
	const char *path = worker_path(k, index);
	int fd = open(path, flags, 0644);

	if (fd < 0)
		return worker_fail(k, "open", path, errno);
	return worker_fill(k, index, gen, fd);
}

int worker_verify(struct worker *k, uint64_t index, const char *data, uint64_t got)
{
	uint64_t size = gen_size(k->run->w, k->run->gen);

	if (got != size || memcmp(data, worker_content(k, index, k->run->gen), size))
		return worker_fail(k, "verify the content of", worker_path(k, index),
				   WRONG_CONTENT);
	return 0;
}

static int get_file(struct worker *k, uint64_t index)
{
	const char *path = worker_path(k, index);
	uint64_t size = gen_size(k->run->w, k->run->gen), got = 0;
	int fd;

	fd = open(path, O_RDONLY);
	if (fd < 0)
		return worker_fail(k, "open", path, errno);
	do { /* one byte of room more than expected: a longer file shows */
		ssize_t n = read(fd, k->in + got, size + 1 - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			worker_fail(k, "read", path, errno);
			close(fd);
			return -1;
		}
		if (n == 0)
			break;
		got += (uint64_t)n;
	} while (got < size);
	if (close(fd))
		return worker_fail(k, "close", path, errno);
	return worker_verify(k, index, k->in, got);
}

static int remove_file(struct worker *k, uint64_t index)
{
	const char *path = worker_path(k, index);

	return unlink(path) ? worker_fail(k, "unlink", path, errno) : 0;
}

static int do_file(struct worker *k, uint64_t index)
{
	const struct method *m = k->run->w->method;

	switch (k->run->phase) {
	case PH_CREATE:
		if (m && m->create)
			return m->create(k, index);
		return put_file(k, index, O_WRONLY | O_CREAT | O_TRUNC, GEN_CREATE);
	case PH_UPDATE:
		if (m && m->update)
			return m->update(k, index);
		return put_file(k, index, O_WRONLY | O_TRUNC, GEN_UPDATE);
	case PH_READ:
		return get_file(k, index);
	default:
		return remove_file(k, index);
	}
}

static void do_range(struct worker *k)
{
	if (k->run->w->method && k->run->w->method->range) {
		k->run->w->method->range(k);
		return;
	}
	for (uint64_t i = 0; i < k->count; i++)
		if (do_file(k, worker_index(k, i)))
			return;
}

static void shuffle(struct worker *k)
{
	if (!k->order)
		return;
	for (uint64_t i = k->count; i > 1; i--) {
		uint64_t j = rng_below(&k->rng, i), t = k->order[i - 1];

		k->order[i - 1] = k->order[j];
		k->order[j] = t;
	}
}

static void *thread_main(void *arg)
{
	struct worker *k = arg;
	struct run *r = k->run;

	for (;;) {
		pthread_barrier_wait(&r->start);
		if (r->phase == NPHASES)
			return NULL;
		do_range(k);
		pthread_barrier_wait(&r->end);
	}
}

/* ---- phases that one thread does ---- */

static int make_dirs(struct run *r)
{
	struct worker *k = r->workers;

	if (mkdir(r->base, 0755))
		return worker_fail(k, "mkdir", r->base, errno);
	for (uint64_t i = 0; i < r->nsubdirs; i++)
		if (mkdir(r->subdirs + i * r->substride, 0755))
			return worker_fail(k, "mkdir", r->subdirs + i * r->substride, errno);
	return 0;
}

static int remove_dirs(struct run *r)
{
	struct worker *k = r->workers;

	for (uint64_t i = 0; i < r->nsubdirs; i++)
		if (rmdir(r->subdirs + i * r->substride))
			return worker_fail(k, "rmdir", r->subdirs + i * r->substride, errno);
	if (rmdir(r->base))
		return worker_fail(k, "rmdir", r->base, errno);
	return 0;
}

static int sync_all(struct run *r)
{
	int fd = open(r->w->dir, O_RDONLY | O_DIRECTORY), rc = 0;

	if (fd < 0)
		return worker_fail(r->workers, "open", r->w->dir, errno);
	if (syncfs(fd))
		rc = worker_fail(r->workers, "syncfs", r->w->dir, errno);
	if (close(fd) && !rc)
		rc = worker_fail(r->workers, "close", r->w->dir, errno);
	return rc;
}

static int first_error(struct run *r)
{
	for (uint64_t i = 0; i < r->w->threads; i++) {
		const struct worker *k = &r->workers[i];

		if (k->op && (k->err == EOPNOTSUPP || k->err == ENOSYS || k->err == ENOTTY)) {
			io_failed(k->op, k->path, k->err);
			return EXIT_UNSUPPORTED;
		}
		if (k->op)
			return io_failed(k->op, k->path, k->err);
	}
	return EXIT_OK;
}

static int run_phase(struct run *r, enum phase phase)
{
	struct workload *w = r->w;
	uint64_t begin;

	r->phase = phase;
	if (w->random && phase != PH_CREATE)
		for (uint64_t i = 0; i < w->threads; i++)
			shuffle(&r->workers[i]);

	begin = now_ns();
	if (phase == PH_MKDIR) {
		make_dirs(r);
	} else if (phase == PH_RMDIR) {
		remove_dirs(r);
	} else {
		if (w->threads > 1)
			pthread_barrier_wait(&r->start);
		do_range(&r->workers[0]);
		if (w->threads > 1)
			pthread_barrier_wait(&r->end);
	}
	if (w->sync == SYNC_END && phase != PH_READ)
		sync_all(r);
	w->ns[phase] = now_ns() - begin;

	if (phase == PH_CREATE)
		r->gen = GEN_CREATE;
	else if (phase == PH_UPDATE)
		r->gen = GEN_UPDATE;
	return first_error(r);
}

/* ---- the store: every content as a file, from which methods link or copy ---- */

void store_path(const struct run *r, uint64_t index, enum generation gen, char path[STORE_PATH])
{
	snprintf(path, STORE_PATH, "%s/%s.store/%c%06u", r->w->dir, r->w->name,
		 gen == GEN_CREATE ? 'c' : 'u', (unsigned)index);
}

static int store_one(struct worker *k, uint64_t index, enum generation gen)
{
	char path[STORE_PATH];
	int fd;

	store_path(k->run, index, gen, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0)
		return worker_fail(k, "make the store's file for", worker_path(k, index), errno);
	return worker_fill(k, index, gen, fd);
}

/* Made, or removed, outside of all measured time. */
static int store(struct run *r, bool make)
{
	char dir[STORE_PATH], path[STORE_PATH];
	int rc = 0;

	if (!r->w->method || !r->w->method->store)
		return EXIT_OK;
	snprintf(dir, sizeof(dir), "%s/%s.store", r->w->dir, r->w->name);
	if (!make && r->w->keep_store)
		return EXIT_OK;
	if (make && mkdir(dir, 0755)) {
		if (errno == EEXIST && r->w->keep_store)
			return EXIT_OK;
		rc = worker_fail(r->workers, "make the store beside", r->base, errno);
	}
	for (uint64_t i = 0; i < r->w->files && !rc; i++) {
		for (int gen = GEN_CREATE; gen <= GEN_UPDATE && !rc; gen++) {
			store_path(r, i, (enum generation)gen, path);
			if (make)
				rc = store_one(r->workers, i, (enum generation)gen);
			else
				unlink(path);
		}
	}
	if (!make)
		rmdir(dir);
	return make && !rc ? sync_all(r) : rc;
}

/* ---- preparation ---- */

static int make_names(struct run *r)
{
	const struct workload *w = r->w;
	size_t base = strlen(w->dir) + 1 + strlen(w->name);

	r->nsubdirs = w->dirs > 1 ? w->dirs : 0;
	r->substride = base + sizeof("/d12345678");
	r->stride = r->substride + sizeof("/f1234567890");
	r->base = malloc(base + 1);
	r->subdirs = calloc(r->nsubdirs + 1, r->substride);
	r->paths = calloc(w->files + 1, r->stride);
	if (!r->base || !r->subdirs || !r->paths)
		return -1;

	sprintf(r->base, "%s/%s", w->dir, w->name);
	for (uint64_t i = 0; i < r->nsubdirs; i++)
		sprintf(r->subdirs + i * r->substride, "%s/d%04u", r->base, (unsigned)i);
	for (uint64_t i = 0; i < w->files; i++) {
		uint64_t d = r->nsubdirs ? i * r->nsubdirs / w->files : 0;

		sprintf(r->paths + i * r->stride, "%s/f%06u",
			r->nsubdirs ? r->subdirs + d * r->substride : r->base, (unsigned)i);
	}
	return 0;
}

static char *make_content(uint64_t size, enum generation gen)
{
	char *p = malloc(size + 1);

	for (uint64_t i = 0; p && i < size; i++)
		p[i] = i % 64 == 63 ? '\n' : (char)('a' + (i * 7 + (uint64_t)gen * 13) % 26);
	return p;
}

static int make_worker(struct run *r, uint64_t n)
{
	struct worker *k = &r->workers[n];
	const struct workload *w = r->w;
	uint64_t big = w->size > w->update_size ? w->size : w->update_size;

	k->run = r;
	k->first = n * w->files / w->threads;
	k->count = (n + 1) * w->files / w->threads - k->first;
	k->rng.state = w->seed + n;
	k->content[GEN_CREATE] = make_content(w->size, GEN_CREATE);
	k->content[GEN_UPDATE] = make_content(w->update_size, GEN_UPDATE);
	k->in = malloc(big + 1);
	if (!k->content[GEN_CREATE] || !k->content[GEN_UPDATE] || !k->in)
		return -1;
	memset(k->in, 0, big + 1);
	if (w->random) {
		k->order = malloc((k->count + 1) * sizeof(*k->order));
		if (!k->order)
			return -1;
		for (uint64_t i = 0; i < k->count; i++)
			k->order[i] = i;
	}
	return 0;
}

static int start_threads(struct run *r, uint64_t *started)
{
	uint64_t n = r->w->threads;
	int err = 0;

	*started = 1;
	if (n == 1)
		return 0;
	if (pthread_barrier_init(&r->start, NULL, (unsigned)n) ||
	    pthread_barrier_init(&r->end, NULL, (unsigned)n))
		return ENOMEM;
	for (; *started < n; ++*started) {
		struct worker *k = &r->workers[*started];

		err = pthread_create(&k->thread, NULL, thread_main, k);
		if (err)
			break;
	}
	return err;
}

static void stop_threads(struct run *r)
{
	if (r->w->threads == 1)
		return;
	r->phase = NPHASES;
	pthread_barrier_wait(&r->start);
	for (uint64_t i = 1; i < r->w->threads; i++)
		pthread_join(r->workers[i].thread, NULL);
	pthread_barrier_destroy(&r->start);
	pthread_barrier_destroy(&r->end);
}

static void free_run(struct run *r)
{
	for (uint64_t i = 0; r->workers && i < r->w->threads; i++) {
		struct worker *k = &r->workers[i];

		if (r->w->method && r->w->method->finish)
			r->w->method->finish(k);
		free(k->order);
		free(k->content[0]);
		free(k->content[1]);
		free(k->in);
	}
	free(r->workers);
	free(r->base);
	free(r->subdirs);
	free(r->paths);
}

int workload_run(struct workload *w)
{
	struct run r = {.w = w, .gen = w->expect};
	uint64_t started = 0;
	int rc = EXIT_OK, err;

	r.workers = calloc(w->threads, sizeof(*r.workers));
	err = r.workers && !make_names(&r) ? 0 : ENOMEM;
	for (uint64_t i = 0; !err && i < w->threads; i++)
		if (make_worker(&r, i))
			err = ENOMEM;
	if (err) {
		rc = io_failed("prepare", w->dir, err);
		goto out;
	}
	err = start_threads(&r, &started);
	if (err) {
		/* those already started wait at a barrier that never fills */
		fflush(stdout);
		_exit(io_failed("start threads in", w->dir, err));
	}
	if (store(&r, true))
		rc = first_error(&r);
	for (int p = 0; p < NPHASES && rc == EXIT_OK; p++)
		if (w->selected[p])
			rc = run_phase(&r, (enum phase)p);
	store(&r, false);
	stop_threads(&r);
out:
	free_run(&r);
	return rc;
}
