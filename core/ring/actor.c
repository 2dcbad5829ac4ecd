/* SPDX-License-Identifier: MIT */
/*
 * actor.c - the thread of a ring: takes requests, drives their flight, answers, sleeps; protocols
 * in actor.h
 */
#include "actor.h"

#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>

#define OP_FUTEX_WAIT 51                     /* since Linux 6.7, which older headers do not have */
#define FUTEX_FLAGS (2 | FUTEX_PRIVATE_FLAG) /* of 32 bits */
#define LOOK_NS 1000000                      /* between two looks at what nobody will tell of */
#define WAIT_NS 100000000                    /* the same, should a wake-up be lost */
#define ABANDON_NS 200000000 /* until what cannot be cancelled is left to the kernel */

static struct fastio_ring *ring_of(struct fio_flight *f)
{
	return (struct fastio_ring *)((char *)f - offsetof(struct fastio_ring, flight));
}

/* ---- answers ---- */

static void room_made(struct fastio_ring *r)
{
	atomic_fetch_sub(&r->taken, 1);
	if (!atomic_load(&r->room_waiters))
		return;
	atomic_fetch_add(&r->room_seq, 1);
	sys_futex_wake(&r->room_seq, INT32_MAX);
}

void fio_answer(struct fastio_ring *r, struct fastio_req *req, int64_t res)
{
	fastio_done *done = req->done;
	void *arg = req->arg;
	int fd = req->eventfd;
	uint64_t one = 1;
	uint32_t old;

	req->result = res;
	old = __atomic_exchange_n(&req->priv.state, FIO_ANSWERED, __ATOMIC_ACQ_REL);
	/* from here on the request may be gone; a wake-up too many, of whoever uses its memory now, does
	 * no harm to a futex */
	if (old == FIO_WAITED)
		sys_futex_wake((_Atomic uint32_t *)&req->priv.state, INT32_MAX);
	room_made(r);
	if (done)
		done(req, arg);
	if (fd > 0)
		sys_write(fd, &one, sizeof(one));
}

/* ---- what the flight asks for ---- */

static void answer(struct fio_flight *f, struct fastio_req *req, int64_t res)
{
	fio_answer(ring_of(f), req, res);
}

static void plain(struct fio_flight *f, struct fastio_req *first)
{
	fio_plain_chain(ring_of(f), first, fio_answer);
}

static void woken(struct fio_flight *f, int res)
{
	struct fastio_ring *r = ring_of(f);

	r->wake_armed = false;
	if (res < 0 && r->wake_fd >= 0)
		r->wake_lost = true;
}

static void record(struct fio_flight *f, const struct fastio_req *req, enum fastio_stage stage,
		   uint64_t from, uint64_t to)
{
	fio_record(ring_of(f), req, stage, from, to);
}

static const struct fio_flight_ops ops = {
	.answer = answer,
	.plain = plain,
	.woken = woken,
	.clock = fio_clock_ns,
	.record = record,
};

/* ---- taking ---- */

static void take_queue(struct fastio_ring *r)
{
	struct fastio_req *first = fio_mpsc_take(&r->queue), *q = first;
	uint32_t n = 1;

	if (!first)
		return;
	for (; q->priv.next; n++)
		q = q->priv.next;
	fio_flight_add(&r->flight, first, &q->priv.next);
	r->flight.crowd += n - r->flight.crowd / 8;
}

/* ---- cancellation and the end ---- */

/* cancels was read before the queue was taken: what it counts is in todo or in the kernel. */
static void look_for_cancels(struct fastio_ring *r, uint32_t cancels)
{
	bool all = r->closing_seen == FIO_CLOSING_CANCEL;

	if (cancels == r->cancels_seen && !all)
		return;
	r->cancels_seen = cancels;
	fio_flight_cancel(&r->flight, all);
}

/* Nothing but the end of the actor can cancel what a ring has that is not entered any more. */
static bool abandoned(struct fastio_ring *r)
{
	struct fio_flight *f = &r->flight;
	uint64_t now;

	if (!f->plain || !f->flying || r->closing_seen != FIO_CLOSING_CANCEL)
		return false;
	now = fio_clock_ns();
	if (!r->abandon_ns)
		r->abandon_ns = now + ABANDON_NS;
	return now >= r->abandon_ns;
}

void fio_actor_bury(struct fastio_ring *r)
{
	fio_flight_bury(&r->flight);
	while (atomic_load(&r->taken)) { /* what is being submitted just now */
		take_queue(r);
		fio_flight_cancel_todo(&r->flight, true);
		sched_yield();
	}
}

/* ---- sleep ---- */

static bool something(struct fastio_ring *r)
{
	struct fio_flight *f = &r->flight;

	return !fio_mpsc_empty(&r->queue) || (!f->plain && fio_ring_ready(&f->uring));
}

/*
 * Looks busily for a while; others who want the processor have it.  Where requests come by several,
 * their threads need the processors more than we do: they are let run, which makes the next batch.
 */
static bool spin(struct fastio_ring *r)
{
	const struct fio_flight *f = &r->flight;
	uint64_t begin = 0;

	if (r->opt.spin_ns < 2)
		return false;
	for (int i = 0; f->crowd > FIO_CROWDED && i < FIO_YIELDS; i++) {
		sched_yield();
		if (something(r))
			return true;
	}
	/* What is in the kernel may need the processor to get done. */
	if (r->cores < 2 || f->crowd > FIO_CROWDED || f->flying)
		return false;
	for (unsigned i = 1;; i++) {
		if (something(r))
			return true;
		if (i % 64) {
			fio_pause();
			continue;
		}
		if (!begin)
			begin = fio_clock_ns();
		else if (fio_clock_ns() - begin > r->opt.spin_ns)
			return false;
		sched_yield();
	}
}

static void arm_wake(struct fastio_ring *r)
{
	struct fio_flight *f = &r->flight;
	struct io_uring_sqe *sqe;

	if (r->wake_armed)
		return;
	sqe = fio_ring_prepare(&f->uring);
	if (r->wake_fd < 0) {
		io_uring_prep_rw(OP_FUTEX_WAIT, sqe, FUTEX_FLAGS, &r->sleeping, 0, FIO_IN_RING);
		sqe->addr3 = FUTEX_BITSET_MATCH_ANY;
	} else {
		io_uring_prep_read(sqe, r->wake_fd, &r->wake_value, sizeof(r->wake_value), 0);
	}
	fio_ring_finish(sqe, FIO_DATA_WAKE, 0);
	r->wake_armed = true;
}

static bool news(struct fastio_ring *r)
{
	return !fio_mpsc_empty(&r->queue) || atomic_load(&r->cancels) != r->cancels_seen ||
	       atomic_load(&r->closing) != r->closing_seen ||
	       (r->closing_seen && !atomic_load(&r->taken));
}

/* Until something comes or completes.  What is prepared has been submitted. */
static void sleep_now(struct fastio_ring *r)
{
	static const struct timespec look = {.tv_nsec = LOOK_NS};
	struct fio_flight *f = &r->flight;

	if (f->flying && !f->plain) {
		atomic_store(&r->sleeping, FIO_IN_RING);
		if (!news(r)) {
			if (!r->wake_lost)
				arm_wake(r);
			if (fio_ring_submit_and_wait(&f->uring, r->wake_lost ? LOOK_NS : WAIT_NS) <
			    0)
				fio_flight_lose(f);
		}
	} else {
		atomic_store(&r->sleeping, FIO_ASLEEP);
		if (!news(r))
			sys_futex_wait(&r->sleeping, FIO_ASLEEP, f->flying ? &look : NULL);
	}
	atomic_store(&r->sleeping, FIO_AWAKE);
}

void fio_actor_wake(struct fastio_ring *r)
{
	uint64_t one = 1;
	uint32_t how;

	if (atomic_load(&r->sleeping) == FIO_AWAKE)
		return;
	how = atomic_exchange(&r->sleeping, FIO_AWAKE);
	if (how == FIO_AWAKE)
		return;
	if (how == FIO_ASLEEP || r->wake_fd < 0) /* a ring may still wait for the word, too */
		sys_futex_wake(&r->sleeping, INT32_MAX);
	else if (sys_write(r->wake_fd, &one, sizeof(one)) < 0)
		r->wake_lost = true;
}

/* ---- the thread ---- */

static void work(struct fastio_ring *r)
{
	struct fio_flight *f = &r->flight;

	for (;;) {
		uint32_t cancels = atomic_load(&r->cancels);
		bool any;

		r->closing_seen = atomic_load(&r->closing);
		take_queue(r);
		look_for_cancels(r, cancels);
		any = fio_flight_send(f);
		while (fio_flight_submit(f) == -EAGAIN)
			;
		if (f->flying || !f->plain)
			any |= fio_flight_harvest(f);
		if (any || (f->plain && f->todo))
			continue;
		if ((r->closing_seen && !atomic_load(&r->taken)) || abandoned(r))
			return;
		if (!spin(r))
			sleep_now(r);
	}
}

static int start(struct fastio_ring *r)
{
	struct fio_flight *f = &r->flight;
	unsigned slots = r->opt.depth;
	const struct fio_ring_setup setup = {
		.entries =
			2 * (r->opt.batch > FASTIO_CHAIN_MAX ? r->opt.batch : FASTIO_CHAIN_MAX) + 2,
		.cq_entries = 4 * slots > 64 ? 4 * slots : 64,
		.workers = r->opt.workers,
		.direct = slots < FIO_RING_DIRECT_MAX ? slots : FIO_RING_DIRECT_MAX,
	};

	f->ops = &ops;
	fio_flight_init(f);
	if (!f->plain && fio_ring_start(&f->uring, &setup) < 0)
		f->plain = true;
	if (f->plain)
		return 0;
	if (!fio_ring_has(&f->uring, IORING_OP_READ)) {
		fio_ring_stop(&f->uring);
		f->plain = true;
		return 0;
	}
	if (!fio_ring_has(&f->uring, OP_FUTEX_WAIT)) {
		r->wake_fd = (int)SYS2(SYS_eventfd2, 0, EFD_CLOEXEC);
		if (r->wake_fd < 0) {
			fio_ring_stop(&f->uring);
			return r->wake_fd;
		}
	}
	if (fio_ring_has(&f->uring, IORING_OP_URING_CMD))
		f->discards = FIO_DISCARD_UNPROVEN;
	if (r->opt.nbuffers) {
		int err =
			io_uring_register_buffers(&f->uring.ring, r->opt.buffers, r->opt.nbuffers);

		if (err < 0) {
			fio_ring_stop(&f->uring);
			return err;
		}
	}
	return 0;
}

void *fio_actor_main(void *ring)
{
	struct fastio_ring *r = ring;
	struct fio_flight *f = &r->flight;

	r->start_err = start(r);
	atomic_store(&r->started, 1);
	sys_futex_wake(&r->started, 1);
	if (r->start_err < 0)
		return NULL;
	r->has_ring = !f->plain;
	work(r);
	if (r->has_ring)
		fio_ring_stop(&f->uring);
	return NULL;
}
