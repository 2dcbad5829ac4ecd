/* SPDX-License-Identifier: MIT */
/*
 * actor_run.c - running the cells: threads that do one operation after the other for some time
 */
#include "actor.h"

#include <errno.h>
#include <fastio/ring.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 4096, BLOCKS = 16384, SMALL = 14, SMALL_STRIDE = 512, SAMPLES = 8192 };

const char *const work_names[NWORKS] = {"write 14 B", "read 14 B", "block write", "block read",
					"block discard"};
const char *const way_names[NWAYS] = {"plain", "mutex", "ring each", "actor", "inline"};

struct files {
	int small, small_async; /* the same file with O_DSYNC and without */
	int blocks;             /* O_DIRECT where it is to be had */
};

struct stage {
	const struct cell *cell;
	const struct files *files;
	struct fastio_ring *actor;
	struct io_uring ring; /* of the mutex */
	pthread_mutex_t mutex;
	pthread_barrier_t start;
	_Atomic bool stop;
};

struct caller {
	struct stage *stage;
	pthread_t thread;
	unsigned me;
	struct io_uring own;
	char *buf;
	struct rng rng;
	uint64_t count;
	float *us; /* the last SAMPLES latencies */
	int err;
};

struct operation {
	enum work work;
	int fd;
	uint64_t offset;
	unsigned len;
	char *buf;
};

static struct operation next_operation(struct caller *c)
{
	enum work work = c->stage->cell->work;
	struct operation o = {
		.work = work, .fd = c->stage->files->small, .buf = c->buf, .len = SMALL};

	o.offset = (uint64_t)c->me * SMALL_STRIDE;
	if (work == W_WRITE &&
	    (c->stage->cell->way == WAY_ACTOR || c->stage->cell->way == WAY_INLINE))
		o.fd = c->stage->files->small_async;
	if (work == W_WRITE || work == W_READ)
		return o;
	o.fd = c->stage->files->blocks;
	o.len = BLOCK;
	/* each block is discarded once */
	o.offset = work == W_DISCARD ? (c->count * c->stage->cell->threads + c->me) % BLOCKS * BLOCK
				     : rng_below(&c->rng, BLOCKS) * BLOCK;
	return o;
}

static int64_t by_plain(const struct operation *o)
{
	ssize_t n;

	switch (o->work) {
	case W_WRITE:
	case W_BLOCK_WRITE:
		n = pwrite(o->fd, o->buf, o->len, (off_t)o->offset);
		break;
	case W_READ:
	case W_BLOCK_READ:
		n = pread(o->fd, o->buf, o->len, (off_t)o->offset);
		break;
	default:
		n = fallocate(o->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)o->offset,
			      o->len);
		break;
	}
	return n < 0 ? -errno : n;
}

static int64_t by_ring(struct io_uring *ring, const struct operation *o)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;
	int64_t res;
	int err;

	switch (o->work) {
	case W_WRITE:
	case W_BLOCK_WRITE:
		io_uring_prep_write(sqe, o->fd, o->buf, o->len, o->offset);
		break;
	case W_READ:
	case W_BLOCK_READ:
		io_uring_prep_read(sqe, o->fd, o->buf, o->len, o->offset);
		break;
	default:
		io_uring_prep_fallocate(sqe, o->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					(off_t)o->offset, o->len);
		break;
	}
	io_uring_submit_and_wait(ring, 1);
	do
		err = io_uring_wait_cqe(ring, &cqe);
	while (err == -EINTR);
	if (err)
		return err;
	res = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return res;
}

static int64_t by_actor(struct fastio_ring *ring, const struct operation *o, bool here)
{
	struct fastio_req q;
	int err;

	switch (o->work) {
	case W_WRITE: /* o->fd has no O_DSYNC: the request asks for it */
		fastio_write(&q, o->fd, o->buf, o->len, o->offset);
		q.flags = FASTIO_REQ_DSYNC;
		break;
	case W_READ:
		fastio_read(&q, o->fd, o->buf, o->len, o->offset);
		break;
	case W_BLOCK_WRITE:
		fastio_block_write(&q, o->fd, o->buf, o->len, o->offset);
		break;
	case W_BLOCK_READ:
		fastio_block_read(&q, o->fd, o->buf, o->len, o->offset);
		break;
	default:
		fastio_discard(&q, o->fd, o->len, o->offset);
		break;
	}
	if (!here)
		return fastio_ring_run(ring, &q);
	err = fastio_ring_submit(ring, &q, FASTIO_SUBMIT_INLINE);
	return err ? err : q.result;
}

static int64_t operate(struct caller *c, const struct operation *o)
{
	struct stage *s = c->stage;
	int64_t res;

	switch (s->cell->way) {
	case WAY_MUTEX:
		pthread_mutex_lock(&s->mutex);
		res = by_ring(&s->ring, o);
		pthread_mutex_unlock(&s->mutex);
		return res;
	case WAY_OWN:
		return by_ring(&c->own, o);
	case WAY_ACTOR:
		return by_actor(s->actor, o, false);
	case WAY_INLINE:
		return by_actor(s->actor, o, true);
	default:
		return by_plain(o);
	}
}

static void *caller_main(void *arg)
{
	struct caller *c = arg;

	pthread_barrier_wait(&c->stage->start);
	while (!atomic_load_explicit(&c->stage->stop, memory_order_relaxed) && !c->err) {
		struct operation o = next_operation(c);
		uint64_t begin = now_ns();
		int64_t res = operate(c, &o);

		c->us[c->count++ % SAMPLES] = (float)(now_ns() - begin) / 1e3f;
		if (res < 0)
			c->err = (int)-res;
		else if (o.work != W_DISCARD && (uint64_t)res != o.len)
			c->err = EIO;
	}
	return NULL;
}

/* ---- one cell in one round ---- */

static int set_up(struct stage *s, struct caller *callers)
{
	struct fastio_ring_options opt = {.batch = s->cell->batch};
	int err = 0;

	if (s->cell->way == WAY_ACTOR || s->cell->way == WAY_INLINE)
		err = -fastio_ring_create(&s->actor, &opt);
	if (s->cell->way == WAY_MUTEX)
		err = -io_uring_queue_init(8, &s->ring, 0);
	for (unsigned i = 0; i < s->cell->threads && !err; i++) {
		struct caller *c = &callers[i];

		*c = (struct caller){.stage = s, .me = i, .rng = {i + 1}};
		c->buf = fastio_buffer_get(BLOCK, BLOCK);
		c->us = malloc(SAMPLES * sizeof(*c->us));
		if (!c->buf || !c->us)
			return ENOMEM;
		memset(c->buf, 'b', BLOCK);
		if (s->cell->way == WAY_OWN)
			err = -io_uring_queue_init(8, &c->own, 0);
	}
	return err;
}

static void tear_down(struct stage *s, struct caller *callers)
{
	for (unsigned i = 0; i < s->cell->threads; i++) {
		if (s->cell->way == WAY_OWN)
			io_uring_queue_exit(&callers[i].own);
		fastio_buffer_put(callers[i].buf);
		free(callers[i].us);
	}
	if (s->cell->way == WAY_MUTEX)
		io_uring_queue_exit(&s->ring);
	if (s->actor)
		fastio_ring_destroy(s->actor);
}

static void evaluate(struct cell *cell, const struct caller *callers, uint64_t ns, uint64_t round)
{
	double *us = malloc(sizeof(*us) * SAMPLES * cell->threads);
	uint64_t count = 0;
	size_t n = 0;

	for (unsigned i = 0; us && i < cell->threads; i++) {
		count += callers[i].count;
		for (uint64_t k = 0; k < callers[i].count && k < SAMPLES; k++)
			us[n++] = callers[i].us[k];
	}
	cell->rate[round] = (double)count * 1e9 / (double)ns;
	if (n) {
		cell->p50[round] = spread_of(us, n).median;
		cell->p99[round] = quantile(us, n, 0.99);
	}
	free(us);
}

static int run_cell(struct cell *cell, const struct files *files, uint64_t ms, uint64_t round)
{
	struct timespec time = {.tv_sec = (time_t)(ms / 1000),
				.tv_nsec = (long)(ms % 1000) * 1000000};
	struct stage s = {.cell = cell, .files = files};
	struct caller callers[MAX_THREADS];
	int err = set_up(&s, callers);
	uint64_t begin;

	if (err == EPERM || err == ENOSYS) { /* no io_uring here */
		cell->unsupported = true;
		return EXIT_OK;
	}
	if (err)
		return io_failed("prepare", way_names[cell->way], err);
	pthread_mutex_init(&s.mutex, NULL);
	pthread_barrier_init(&s.start, NULL, cell->threads + 1);
	for (unsigned i = 0; i < cell->threads; i++) {
		err = pthread_create(&callers[i].thread, NULL, caller_main, &callers[i]);
		if (err) /* those already started wait at a barrier that never fills */
			_exit(io_failed("start threads for", way_names[cell->way], err));
	}
	pthread_barrier_wait(&s.start);
	begin = now_ns();
	nanosleep(&time, NULL);
	atomic_store(&s.stop, true);
	for (unsigned i = 0; i < cell->threads; i++) {
		pthread_join(callers[i].thread, NULL);
		if (callers[i].err)
			err = callers[i].err;
	}
	evaluate(cell, callers, now_ns() - begin, round);
	tear_down(&s, callers);
	pthread_barrier_destroy(&s.start);
	if (err == EOPNOTSUPP)
		cell->unsupported = true;
	else if (err)
		return io_failed(work_names[cell->work], way_names[cell->way], err);
	return EXIT_OK;
}

/* ---- all of it ---- */

static int fill(int fd, const char *what)
{
	enum { CHUNK = 64 * BLOCK };
	char *buf = fastio_buffer_get(CHUNK, BLOCK);
	int rc = EXIT_OK;

	if (!buf)
		return io_failed("fill", what, ENOMEM);
	memset(buf, 'f', CHUNK);
	for (off_t at = 0; at < (off_t)BLOCKS * BLOCK && rc == EXIT_OK; at += CHUNK)
		if (pwrite(fd, buf, CHUNK, at) != CHUNK)
			rc = io_failed("fill", what, errno);
	if (rc == EXIT_OK && fsync(fd))
		rc = io_failed("sync", what, errno);
	fastio_buffer_put(buf);
	return rc;
}

static int open_files(struct actor_bench *b, struct files *f, char small[], char blocks[])
{
	const int flags = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC;
	char zeros[SMALL_STRIDE] = "";

	f->blocks = -1;
	f->small = open(small, flags | O_DSYNC, 0600);
	f->small_async = open(small, O_RDWR | O_CLOEXEC);
	if (f->small < 0 || f->small_async < 0)
		return io_failed("open", small, errno);
	for (int i = 0; i < MAX_THREADS; i++)
		if (pwrite(f->small, zeros, sizeof(zeros), (off_t)i * SMALL_STRIDE) < 0)
			return io_failed("write", small, errno);
	f->blocks = open(blocks, flags | O_DIRECT, 0600);
	b->direct = f->blocks >= 0;
	if (!b->direct)
		f->blocks = open(blocks, flags, 0600);
	if (f->blocks < 0)
		return io_failed("open", blocks, errno);
	return fill(f->blocks, blocks);
}

int actor_run(struct actor_bench *b)
{
	char small[4096], blocks[4096];
	struct files f;
	int rc;

	snprintf(small, sizeof(small), "%s/fastio-actor.small", b->dir);
	snprintf(blocks, sizeof(blocks), "%s/fastio-actor.blocks", b->dir);
	rc = open_files(b, &f, small, blocks);
	for (uint64_t round = 0; round < b->rounds && rc == EXIT_OK; round++) {
		for (size_t i = 0; i < b->ncells && rc == EXIT_OK; i++) {
			struct cell *c = &b->cells[round % 2 ? b->ncells - 1 - i : i];

			if (c->unsupported)
				continue;
			progress("round %llu of %llu: %s, %u threads, %s",
				 (unsigned long long)round + 1, (unsigned long long)b->rounds,
				 work_names[c->work], c->threads, way_names[c->way]);
			if (c->work == W_DISCARD)
				rc = fill(f.blocks, blocks);
			if (rc == EXIT_OK)
				rc = run_cell(c, &f, b->ms, round);
		}
		if (rc == EXIT_OK) /* what was discarded */
			rc = fill(f.blocks, blocks);
	}
	progress_end();
	close(f.small);
	close(f.small_async);
	if (f.blocks >= 0)
		close(f.blocks);
	unlink(small);
	unlink(blocks);
	return rc;
}
