/* SPDX-License-Identifier: MIT */
/*
 * ring.c - one io_uring; see ring.h
 */
#include "ring.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define NONE UINT64_MAX
#define TRIES 16 /* of a submit that the kernel refuses for the moment */

/* ---- start ---- */

static int set_up(struct fio_ring *r, const struct fio_ring_setup *setup)
{
	/* The best setup first; each refusal tries the next. */
	static const unsigned flags[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
		IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
		0,
	};
	int err = -ENOSYS;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		struct io_uring_params p = {.flags = flags[i], .cq_entries = setup->cq_entries};

		if (setup->cq_entries)
			p.flags |= IORING_SETUP_CQSIZE;
		err = io_uring_queue_init_params(setup->entries, &r->ring, &p);
		if (err != -EINVAL)
			break;
	}
	return err;
}

/* The result of the one operation that was prepared */
static bool one(struct fio_ring *r, int *res)
{
	uint64_t data;

	/* A kernel that is always short of something will do as little later. */
	for (int i = 0; i < TRIES && (fio_ring_unsent(r) || !fio_ring_ready(r)); i++)
		if (fio_ring_submit_and_wait(r, 0) < 0)
			return false;
	return fio_ring_harvest(r, &data, res);
}

/* A ring can be made and still not be entered (a sandbox that knows only some of the calls). */
static bool works(struct fio_ring *r)
{
	struct io_uring_sqe *sqe = fio_ring_prepare(r);
	int res;

	io_uring_prep_nop(sqe);
	fio_ring_finish(sqe, NONE, 0);
	return one(r, &res);
}

static void probe_opcodes(struct fio_ring *r)
{
	union {
		struct io_uring_probe probe;
		char space[sizeof(struct io_uring_probe) + 256 * sizeof(struct io_uring_probe_op)];
	} p;

	memset(&p, 0, sizeof(p));
	if (io_uring_register_probe(&r->ring, &p.probe, 256) < 0)
		return;
	for (unsigned i = 0; i <= p.probe.last_op; i++)
		if (p.probe.ops[i].flags & IO_URING_OP_SUPPORTED)
			r->opcodes[i / 64] |= 1ULL << i % 64;
}

/* Direct descriptors: a table of empty slots, and an openat that can fill one. */
static bool probe_direct(struct fio_ring *r, unsigned n)
{
	struct io_uring_sqe *sqe;
	int fds[FIO_RING_DIRECT_MAX];
	int res;

	for (unsigned i = 0; i < n; i++)
		fds[i] = -1;
	if (io_uring_register_files(&r->ring, fds, n) < 0)
		return false;
	sqe = fio_ring_prepare(r);
	io_uring_prep_openat_direct(sqe, AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0, 0);
	fio_ring_finish(sqe, NONE, 0);
	if (!one(r, &res) || res != 0)
		return false;
	sqe = fio_ring_prepare(r);
	io_uring_prep_close_direct(sqe, 0);
	fio_ring_finish(sqe, NONE, 0);
	return one(r, &res) && res == 0;
}

int fio_ring_start(struct fio_ring *r, const struct fio_ring_setup *setup)
{
	unsigned workers[2] = {setup->workers, setup->workers};
	int err;

	memset(r, 0, sizeof(*r));
	err = set_up(r, setup);
	if (err < 0)
		return err;
	if (!works(r)) {
		io_uring_queue_exit(&r->ring);
		return -EPERM;
	}
	probe_opcodes(r);
	if (setup->direct && fio_ring_has(r, IORING_OP_OPENAT) &&
	    fio_ring_has(r, IORING_OP_CLOSE) && probe_direct(r, setup->direct))
		r->direct = setup->direct;
	if (setup->workers)
		io_uring_register_iowq_max_workers(&r->ring, workers);
	io_uring_register_ring_fd(&r->ring);
	return 0;
}

void fio_ring_stop(struct fio_ring *r)
{
	io_uring_queue_exit(&r->ring);
}

/* ---- use ---- */

struct io_uring_sqe *fio_ring_prepare(struct fio_ring *r)
{
	return io_uring_get_sqe(&r->ring);
}

/* EAGAIN, EBUSY: the kernel is short of something for the moment. */
static bool again(int err)
{
	return err == -EAGAIN || err == -EINTR || err == -EBUSY;
}

int fio_ring_submit(struct fio_ring *r)
{
	int calls = 0, tries = 0;

	while (fio_ring_unsent(r)) {
		int n = io_uring_submit(&r->ring);

		calls++;
		if (n > 0)
			continue;
		if (!again(n))
			return n < 0 ? n : -EIO;
		if (n != -EINTR && ++tries == TRIES)
			return -EAGAIN;
	}
	return calls;
}

static struct __kernel_timespec timespec_of(int64_t ns)
{
	return (struct __kernel_timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

int fio_ring_submit_and_wait(struct fio_ring *r, int64_t ns)
{
	struct __kernel_timespec ts = timespec_of(ns);
	struct io_uring_cqe *cqe;
	int n;

	/* without EXT_ARG the limit would be an operation of its own */
	if (ns && r->ring.features & IORING_FEAT_EXT_ARG)
		n = io_uring_submit_and_wait_timeout(&r->ring, &cqe, 1, &ts, NULL);
	else
		n = io_uring_submit_and_wait(&r->ring, 1);
	return n >= 0 || n == -ETIME || again(n) ? 0 : n;
}

bool fio_ring_take_back(struct fio_ring *r, uint64_t *data)
{
	struct io_uring_sq *sq = &r->ring.sq;
	unsigned head = *sq->khead;

	if (head == sq->sqe_tail)
		return false;
	*data = sq->sqes[head & *sq->kring_mask].user_data;
	*sq->khead = head + 1;
	return true;
}

void fio_ring_wait(struct fio_ring *r, int64_t ns)
{
	struct __kernel_timespec ts = timespec_of(ns);
	struct io_uring_cqe *cqe;

	io_uring_wait_cqe_timeout(&r->ring, &cqe, &ts);
}

bool fio_ring_ready(struct fio_ring *r)
{
	return io_uring_cq_ready(&r->ring) ||
	       IO_URING_READ_ONCE(*r->ring.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

bool fio_ring_harvest(struct fio_ring *r, uint64_t *data, int *res)
{
	struct io_uring_cqe *cqe;

	if (io_uring_peek_cqe(&r->ring, &cqe) || !cqe)
		return false;
	*data = io_uring_cqe_get_data64(cqe);
	*res = cqe->res;
	io_uring_cqe_seen(&r->ring, cqe);
	return true;
}

void fio_ring_close_direct(struct fio_ring *r, unsigned slot)
{
	int none = -1;

	io_uring_register_files_update(&r->ring, slot, &none, 1);
}
