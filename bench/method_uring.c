/* SPDX-License-Identifier: MIT */
/*
 * method_uring.c - io_uring by hand, as one would write it with liburing
 *
 * The files are taken in blocks of DEPTH.  Batched: all opens of a block, then all writes, then all
 * closes.  Chained: open into a direct descriptor, write, close, linked; a block is one submission.
 */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 32, STEPS = 3 };
enum step { STEP_OPEN, STEP_DATA, STEP_CLOSE, STEP_UNLINK };

static const char *const step_names[] = {"open", "write or read", "close", "unlink"};

struct ring {
	struct io_uring ring;
	char *data; /* DEPTH buffers */
	uint64_t room;
	int fds[DEPTH];
	uint64_t got[DEPTH];
	uint64_t begin; /* of the block */
	unsigned n;     /* files in it */
};

static char *slot_data(struct ring *r, unsigned slot)
{
	return r->data + slot * r->room;
}

static uint64_t slot_index(const struct worker *k, const struct ring *r, unsigned slot)
{
	return worker_index(k, r->begin + slot);
}

/* The ring is set up in the first phase: its cost is part of the method. */
static struct ring *ring_of(struct worker *k, unsigned flags)
{
	const struct workload *w = k->run->w;
	struct io_uring_params p = {.flags = flags, .sq_thread_idle = 50};
	struct ring *r = k->state;
	int err;

	if (r)
		return r;
	r = calloc(1, sizeof(*r));
	if (!r)
		goto fail;
	r->room = (w->size > w->update_size ? w->size : w->update_size) + 1;
	r->data = malloc(r->room * DEPTH);
	if (!r->data)
		goto fail;
	err = io_uring_queue_init_params((unsigned)DEPTH * STEPS, &r->ring, &p);
	if (!err) {
		for (int i = 0; i < DEPTH; i++)
			r->fds[i] = -1;
		err = io_uring_register_files(&r->ring, r->fds, DEPTH);
		if (err)
			io_uring_queue_exit(&r->ring);
	}
	if (err) {
		free(r->data);
		free(r);
		worker_fail(k, "set a ring up for", k->run->base, err == -EPERM ? ENOSYS : -err);
		return NULL;
	}
	k->state = r;
	return r;
fail:
	free(r);
	worker_fail(k, "set a ring up for", k->run->base, ENOMEM);
	return NULL;
}

static void uring_finish(struct worker *k)
{
	struct ring *r = k->state;

	if (!r)
		return;
	io_uring_queue_exit(&r->ring);
	free(r->data);
	free(r);
}

/* What io_uring says of an operation that it does not have is EINVAL. */
static int check(struct worker *k, struct ring *r, const struct io_uring_cqe *cqe)
{
	uint64_t data = io_uring_cqe_get_data64(cqe);
	unsigned slot = (unsigned)(data >> 8);
	enum step step = (enum step)(data & 0xff);
	const struct run *run = k->run;

	if (cqe->res < 0)
		return worker_fail(k, step_names[step], worker_path(k, slot_index(k, r, slot)),
				   cqe->res == -EINVAL ? ENOSYS : -cqe->res);
	if (step == STEP_OPEN)
		r->fds[slot] = cqe->res;
	if (step != STEP_DATA)
		return 0;
	r->got[slot] = (uint64_t)cqe->res;
	if (run->phase != PH_READ &&
	    r->got[slot] != gen_size(run->w, run->phase == PH_CREATE ? GEN_CREATE : GEN_UPDATE))
		return worker_fail(k, "write", worker_path(k, slot_index(k, r, slot)), EIO);
	return 0;
}

static int harvest(struct worker *k, struct ring *r, unsigned n)
{
	int rc = 0, err = io_uring_submit_and_wait(&r->ring, n);

	if (err < 0)
		return worker_fail(k, "submit for", k->run->base, -err);
	while (n) {
		struct io_uring_cqe *cqe;

		err = io_uring_wait_cqe(&r->ring, &cqe);
		if (err == -EINTR)
			continue;
		if (err)
			return worker_fail(k, "wait for", k->run->base, -err);
		if (check(k, r, cqe))
			rc = -1;
		io_uring_cqe_seen(&r->ring, cqe);
		n--;
	}
	return rc;
}

static struct io_uring_sqe *next(struct ring *r, unsigned slot, enum step step)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&r->ring);

	/* the preparation that follows leaves user_data alone */
	io_uring_sqe_set_data64(sqe, (uint64_t)slot << 8 | step);
	return sqe;
}

static int open_flags(enum phase phase)
{
	return phase == PH_CREATE   ? O_WRONLY | O_CREAT | O_TRUNC
	       : phase == PH_UPDATE ? O_WRONLY | O_TRUNC
				    : O_RDONLY;
}

static void prep_data(struct worker *k, struct ring *r, unsigned slot, int fd, unsigned flags)
{
	enum phase phase = k->run->phase;
	struct io_uring_sqe *sqe = next(r, slot, STEP_DATA);

	if (phase == PH_READ) {
		uint64_t size = gen_size(k->run->w, k->run->gen);

		/* one byte more than expected: a longer file shows */
		io_uring_prep_read(sqe, fd, slot_data(r, slot), (unsigned)size + 1, 0);
		if (flags & IOSQE_IO_LINK) /* a short read would break the chain */
			flags ^= IOSQE_IO_LINK | IOSQE_IO_HARDLINK;
	} else {
		enum generation gen = phase == PH_CREATE ? GEN_CREATE : GEN_UPDATE;
		uint64_t size = gen_size(k->run->w, gen);

		memcpy(slot_data(r, slot), worker_content(k, slot_index(k, r, slot), gen), size);
		io_uring_prep_write(sqe, fd, slot_data(r, slot), (unsigned)size, 0);
	}
	sqe->flags |= (uint8_t)flags;
}

static int verify_block(struct worker *k, struct ring *r)
{
	for (unsigned i = 0; i < r->n && k->run->phase == PH_READ; i++)
		if (worker_verify(k, slot_index(k, r, i), slot_data(r, i), r->got[i]))
			return -1;
	return 0;
}

static int block_unlink(struct worker *k, struct ring *r)
{
	for (unsigned i = 0; i < r->n; i++)
		io_uring_prep_unlinkat(next(r, i, STEP_UNLINK), AT_FDCWD,
				       worker_path(k, slot_index(k, r, i)), 0);
	return harvest(k, r, r->n);
}

static int block_batch(struct worker *k, struct ring *r)
{
	for (unsigned i = 0; i < r->n; i++)
		io_uring_prep_openat(next(r, i, STEP_OPEN), AT_FDCWD,
				     worker_path(k, slot_index(k, r, i)), open_flags(k->run->phase),
				     0644);
	if (harvest(k, r, r->n))
		return -1;
	for (unsigned i = 0; i < r->n; i++)
		prep_data(k, r, i, r->fds[i], 0);
	if (harvest(k, r, r->n))
		return -1;
	for (unsigned i = 0; i < r->n; i++)
		io_uring_prep_close(next(r, i, STEP_CLOSE), r->fds[i]);
	return harvest(k, r, r->n) ? -1 : verify_block(k, r);
}

static int block_chain(struct worker *k, struct ring *r)
{
	struct io_uring_sqe *sqe;

	for (unsigned i = 0; i < r->n; i++) {
		sqe = next(r, i, STEP_OPEN);
		io_uring_prep_openat_direct(sqe, AT_FDCWD, worker_path(k, slot_index(k, r, i)),
					    open_flags(k->run->phase), 0644, i);
		sqe->flags |= IOSQE_IO_LINK;
		prep_data(k, r, i, (int)i, IOSQE_FIXED_FILE | IOSQE_IO_LINK);
		io_uring_prep_close_direct(next(r, i, STEP_CLOSE), i);
	}
	return harvest(k, r, r->n * STEPS) ? -1 : verify_block(k, r);
}

typedef int block_fn(struct worker *k, struct ring *r);

static int in_blocks(struct worker *k, block_fn *fn, unsigned flags)
{
	struct ring *r = ring_of(k, flags);

	if (!r)
		return -1;
	if (k->run->phase == PH_DELETE)
		fn = block_unlink;
	for (r->begin = 0; r->begin < k->count; r->begin += r->n) {
		r->n = k->count - r->begin < DEPTH ? (unsigned)(k->count - r->begin) : DEPTH;
		if (fn(k, r))
			return -1;
	}
	return 0;
}

static int batch_range(struct worker *k)
{
	return in_blocks(k, block_batch, 0);
}

static int chain_range(struct worker *k)
{
	return in_blocks(k, block_chain, 0);
}

static int sqpoll_range(struct worker *k)
{
	return in_blocks(k, block_chain, IORING_SETUP_SQPOLL);
}

const struct method method_uring_batch = {
	.name = "uring-batch",
	.summary = "io_uring: 32 opens at once, then 32 writes, then 32 closes",
	.range = batch_range,
	.finish = uring_finish,
};

const struct method method_uring_chain = {
	.name = "uring-chain",
	.summary = "io_uring: 32 linked chains at once on direct descriptors",
	.range = chain_range,
	.finish = uring_finish,
};

const struct method method_uring_sqpoll = {
	.name = "uring-sqpoll",
	.summary = "the same with a polling kernel thread",
	.range = sqpoll_range,
	.finish = uring_finish,
};
