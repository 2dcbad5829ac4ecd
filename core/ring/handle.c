/* SPDX-License-Identifier: MIT */
/*
 * handle.c - the callers' side of a ring: make, submit, wait, cancel, shut down; protocols in
 * actor.h
 */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "actor.h"

/* ---- make ---- */

static int set_options(struct fastio_ring *r, const struct fastio_ring_options *opt)
{
	struct fastio_ring_options *o = &r->opt;

	if (opt)
		*o = *opt;
	o->buffers = NULL;
	if (!o->limit)
		o->limit = 4096;
	if (!o->depth)
		o->depth = 256;
	if (!o->batch)
		o->batch = o->depth < 64 ? o->depth : 64;
	if (!o->spin_ns)
		o->spin_ns = 50000;
	if (o->limit > 1u << 20 || o->depth > 4096 || o->batch > o->depth || o->nbuffers > 1024 ||
	    o->workers > 4096 || o->spin_ns > 1000000000 ||
	    (o->nbuffers && (!opt || !opt->buffers)))
		return -EINVAL;
	return 0;
}

static int copy_buffers(struct fastio_ring *r, const struct fastio_ring_options *opt)
{
	struct iovec *v;

	if (!r->opt.nbuffers)
		return 0;
	v = calloc(r->opt.nbuffers, sizeof(*v));
	if (!v)
		return -ENOMEM;
	memcpy(v, opt->buffers, r->opt.nbuffers * sizeof(*v));
	r->opt.buffers = v;
	return 0;
}

/* All signals of the program go to its own threads. */
static int start_thread(struct fastio_ring *r)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&r->thread, NULL, fio_actor_main, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		return -err;
	while (!atomic_load(&r->started))
		sys_futex_wait(&r->started, 0, NULL);
	if (r->start_err < 0)
		pthread_join(r->thread, NULL);
	return r->start_err;
}

static void free_ring(struct fastio_ring *r)
{
	if (r->wake_fd >= 0)
		sys_close(r->wake_fd);
	pthread_mutex_destroy(&r->end_lock);
	free((void *)r->opt.buffers);
	free(r->flight.sent);
	free(r->flight.slots);
	free(r);
}

int fastio_ring_create(struct fastio_ring **ring, const struct fastio_ring_options *opt)
{
	struct fio_flight *f;
	struct fastio_ring *r;
	cpu_set_t set;
	int err;

	if (!ring)
		return -EFAULT;
	r = aligned_alloc(FIO_CACHELINE, (sizeof(*r) + FIO_CACHELINE - 1) & -(size_t)FIO_CACHELINE);
	if (!r)
		return -ENOMEM;
	memset(r, 0, sizeof(*r));
	f = &r->flight;
	pthread_mutex_init(&r->end_lock, NULL);
	r->wake_fd = -1;
	r->cores = sched_getaffinity(0, sizeof(set), &set) ? 1 : (uint32_t)CPU_COUNT(&set);
	err = set_options(r, opt);
	if (err)
		goto fail;
	err = copy_buffers(r, opt);
	if (err)
		goto fail;
	err = -ENOMEM;
	f->plain = r->opt.plain;
	f->depth = r->opt.depth;
	f->batch = r->opt.batch;
	f->slots = calloc(f->depth, sizeof(*f->slots));
	f->sent = calloc(f->batch + FASTIO_CHAIN_MAX, sizeof(*f->sent));
	if (!f->slots || !f->sent)
		goto fail;
	err = start_thread(r);
	if (err)
		goto fail;
	*ring = r;
	return 0;
fail:
	free_ring(r);
	return err;
}

bool fastio_ring_is_uring(const struct fastio_ring *ring)
{
	return ring && !ring->flight.plain;
}

/* ---- submit ---- */

static bool in_actor(const struct fastio_ring *r)
{
	return pthread_equal(pthread_self(), r->thread);
}

/* Takes the room for n requests, or says -EAGAIN. */
static int take_room(struct fastio_ring *r, uint32_t n)
{
	uint32_t taken = atomic_load_explicit(&r->taken, memory_order_relaxed);

	do {
		if (taken + n > r->opt.limit)
			return -EAGAIN;
	} while (!atomic_compare_exchange_weak(&r->taken, &taken, taken + n));
	return 0;
}

static int wait_for_room(struct fastio_ring *r, uint32_t n)
{
	int err;

	atomic_fetch_add(&r->room_waiters, 1);
	for (;;) {
		uint32_t seq = atomic_load(&r->room_seq);

		err = take_room(r, n);
		if (err != -EAGAIN || atomic_load(&r->closing))
			break;
		sys_futex_wait(&r->room_seq, seq, NULL);
	}
	atomic_fetch_sub(&r->room_waiters, 1);
	return err == -EAGAIN ? -ESHUTDOWN : err;
}

static void give_back(struct fastio_ring *r, uint32_t n)
{
	atomic_fetch_sub(&r->taken, n);
	fio_actor_wake(r);
}

static void answer_inline(struct fastio_ring *r, struct fastio_req *req, int64_t res)
{
	fio_answer(r, req, res);
	if (atomic_load(&r->closing))
		fio_actor_wake(r);
}

int fastio_ring_submit(struct fastio_ring *r, struct fastio_req *req, unsigned flags)
{
	uint64_t now;
	int n, err;

	if (!r || !req || flags & ~(FASTIO_SUBMIT_WAIT | FASTIO_SUBMIT_INLINE))
		return -EINVAL;
	n = fio_check_chain(r, req);
	if (n < 0)
		return n;
	if (!atomic_load_explicit(&r->closing, memory_order_relaxed) && fio_read_cached(r, req))
		return 0;
	err = take_room(r, (uint32_t)n);
	if (err == -EAGAIN && flags & FASTIO_SUBMIT_WAIT)
		err = in_actor(r) ? -EDEADLK : wait_for_room(r, (uint32_t)n);
	if (err)
		return err;
	if (atomic_load(&r->closing)) {
		give_back(r, (uint32_t)n);
		return -ESHUTDOWN;
	}
	now = fio_clock_ns();
	for (struct fastio_req *q = req; q; q = fio_chain_next(q)) {
		q->priv.queued_ns = now;
		q->priv.cancel = 0;
		q->priv.next = NULL;
		__atomic_store_n(&q->priv.state, FIO_UNDERWAY, __ATOMIC_RELAXED);
	}
	if (flags & FASTIO_SUBMIT_INLINE) {
		fio_plain_chain(r, req, answer_inline);
		return 0;
	}
	fio_mpsc_put(&r->queue, req);
	fio_actor_wake(r);
	return 0;
}

/* ---- wait ---- */

bool fastio_ring_poll(const struct fastio_req *req)
{
	return req && __atomic_load_n(&req->priv.state, __ATOMIC_ACQUIRE) == FIO_ANSWERED;
}

/*
 * Among others who wait: lets them and the actor run first, which saves being put to sleep and
 * woken.
 */
static bool yield(const struct fastio_req *req)
{
	for (int i = 0; i < FIO_YIELDS; i++) {
		sched_yield();
		if (fastio_ring_poll(req))
			return true;
	}
	return false;
}

/* Looks busily while there is a processor to spare beside the actor's, and nobody else waits. */
static bool spin(struct fastio_ring *r, const struct fastio_req *req)
{
	uint64_t begin;
	bool done;

	if (r->opt.spin_ns < 2)
		return false;
	if (atomic_load_explicit(&r->taken, memory_order_relaxed) > 1)
		return yield(req);
	done = fastio_ring_poll(req);
	if (!done && atomic_fetch_add(&r->spinners, 1) + 1 < r->cores) {
		begin = fio_clock_ns();
		do {
			for (int i = 0; i < 64 && !done; i++) {
				fio_pause();
				done = fastio_ring_poll(req);
			}
		} while (!done && fio_clock_ns() - begin < r->opt.spin_ns);
		atomic_fetch_sub(&r->spinners, 1);
	} else if (!done) {
		atomic_fetch_sub(&r->spinners, 1);
	}
	return done;
}

int64_t fastio_ring_wait(struct fastio_ring *r, struct fastio_req *req)
{
	uint32_t state;

	if (!r || !req)
		return -EINVAL;
	state = __atomic_load_n(&req->priv.state, __ATOMIC_ACQUIRE);
	if (state == FIO_NEW || req->done)
		return -EINVAL;
	if (state != FIO_ANSWERED && in_actor(r))
		return -EDEADLK;
	if (state == FIO_ANSWERED || spin(r, req))
		return req->result;
	for (;;) {
		state = FIO_UNDERWAY;
		if (!__atomic_compare_exchange_n(&req->priv.state, &state, FIO_WAITED, false,
						 __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE) &&
		    state == FIO_ANSWERED)
			return req->result;
		sys_futex_wait((_Atomic uint32_t *)&req->priv.state, FIO_WAITED, NULL);
	}
}

int64_t fastio_ring_run(struct fastio_ring *r, struct fastio_req *req)
{
	int err = fastio_ring_submit(r, req, FASTIO_SUBMIT_WAIT);

	return err ? err : fastio_ring_wait(r, req);
}

int fastio_ring_cancel(struct fastio_ring *r, struct fastio_req *req)
{
	uint32_t state;

	if (!r || !req)
		return -EINVAL;
	state = __atomic_load_n(&req->priv.state, __ATOMIC_ACQUIRE);
	if (state != FIO_UNDERWAY && state != FIO_WAITED)
		return -ENOENT;
	__atomic_store_n(&req->priv.cancel, 1, __ATOMIC_RELEASE);
	atomic_fetch_add(&r->cancels, 1);
	fio_actor_wake(r);
	return 0;
}

/* ---- the end ---- */

int fastio_ring_shutdown(struct fastio_ring *r, enum fastio_end how)
{
	uint32_t want = how == FASTIO_CANCEL ? FIO_CLOSING_CANCEL : FIO_CLOSING, old;

	if (!r || (how != FASTIO_FINISH && how != FASTIO_CANCEL))
		return -EINVAL;
	if (in_actor(r))
		return -EDEADLK;
	old = atomic_load(&r->closing);
	while (old < want && !atomic_compare_exchange_weak(&r->closing, &old, want))
		;
	fio_actor_wake(r);
	atomic_fetch_add(&r->room_seq, 1);
	sys_futex_wake(&r->room_seq, INT32_MAX);
	pthread_mutex_lock(&r->end_lock);
	if (!r->joined) {
		pthread_join(r->thread, NULL);
		r->joined = true;
		fio_actor_bury(r);
	}
	pthread_mutex_unlock(&r->end_lock);
	return 0;
}

int fastio_ring_destroy(struct fastio_ring *r)
{
	int err = fastio_ring_shutdown(r, FASTIO_FINISH);

	if (!err)
		free_ring(r);
	return err;
}

int fastio_ring_latency(const struct fastio_ring *r, enum fastio_op op, enum fastio_stage stage,
			struct fastio_latency *out)
{
	if (!r || !out || (unsigned)op >= FASTIO_NOPS || (unsigned)stage >= FASTIO_NSTAGES)
		return -EINVAL;
	fio_hist_read(&r->latency[op][stage], out);
	return 0;
}
