/* SPDX-License-Identifier: MIT */
/*
 * ring.h - one io_uring: setting it up, probing it, submitting to it, harvesting it
 *
 * No threads, no allocation, no errno: it serves the background task of the preload and the thread
 * of the actor alike.  One thread at a time uses a ring, from start to stop.
 */
#ifndef FIO_RING_H
#define FIO_RING_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>

#define FIO_RING_DIRECT_MAX 64 /* direct descriptors of a ring */

struct fio_ring_setup {
	unsigned entries;    /* operations between two submits */
	unsigned cq_entries; /* completions not yet harvested; 0: twice the entries */
	unsigned workers;    /* io-wq workers of each kind; 0: the kernel's choice */
	unsigned direct;     /* direct descriptors wanted, <= FIO_RING_DIRECT_MAX */
};

struct fio_ring {
	struct io_uring ring;
	uint64_t opcodes[4]; /* what the kernel has, one bit each */
	unsigned direct;     /* direct descriptors there are; 0: they do not work here */
};

/* 0 or -errno: no ring can be had here (a kernel without it, a sandbox, a limit). */
int fio_ring_start(struct fio_ring *r, const struct fio_ring_setup *setup);
void fio_ring_stop(struct fio_ring *r);

static inline bool fio_ring_has(const struct fio_ring *r, uint8_t opcode)
{
	return r->opcodes[opcode / 64] >> opcode % 64 & 1;
}

/* Room for that many operations before the next submit? */
static inline bool fio_ring_room(const struct fio_ring *r, unsigned n)
{
	return io_uring_sq_space_left(&r->ring) >= n;
}

/* Operations prepared and not yet submitted */
static inline unsigned fio_ring_unsent(const struct fio_ring *r)
{
	return io_uring_sq_ready(&r->ring);
}

/* The next operation: fill it by io_uring_prep_..., then fio_ring_finish it.  There is room. */
struct io_uring_sqe *fio_ring_prepare(struct fio_ring *r);

/* flags: IOSQE_IO_LINK where the next one belongs to the same chain, IOSQE_FIXED_FILE ... */
static inline void fio_ring_finish(struct io_uring_sqe *sqe, uint64_t data, unsigned flags)
{
	sqe->flags |= (uint8_t)flags;
	io_uring_sqe_set_data64(sqe, data);
}

/* Submits what is prepared, whole chains at once.  Number of calls it took, or -errno: -EAGAIN, the kernel
 * takes nothing at the moment; else the ring can no longer be entered (a sandbox came later, its descriptor
 * is gone). */
int fio_ring_submit(struct fio_ring *r);
/* The same, and waits for one completion, at most for that time (if the kernel can limit it; 0: for ever):
 * one call for both.  Negative only if the ring can no longer be entered. */
int fio_ring_submit_and_wait(struct fio_ring *r, int64_t ns);
/* The oldest operation that is prepared and not submitted, which it takes out: its data.  Only for a ring
 * that can no longer be entered: nothing is prepared on it any more. */
bool fio_ring_take_back(struct fio_ring *r, uint64_t *data);

/* Waits for a completion, not longer than that. */
void fio_ring_wait(struct fio_ring *r, int64_t ns);

/* A completion is there, or the kernel has one to be fetched.  Cheap enough to spin on. */
bool fio_ring_ready(struct fio_ring *r);

/* Takes the next completion: true and what prepare was given, and its result. */
bool fio_ring_harvest(struct fio_ring *r, uint64_t *data, int *res);

/* Closes a direct descriptor that its chain did not come to close. */
void fio_ring_close_direct(struct fio_ring *r, unsigned slot);

#endif /* FIO_RING_H */
