/* SPDX-License-Identifier: MIT */
/*
 * actor.h - the inside of a ring that many threads use
 *
 * Files: handle.c the callers' side; actor.c the thread; flight.h what the thread drives; request.c
 * filling and checking; plain.c plain calls for a request; cached.c reads that need no ring;
 * histogram.c, buffer.c, mpsc.h.
 *
 * Protocols
 *
 * A request (priv.state): NEW -> UNDERWAY by submit; UNDERWAY -> WAITED by a waiter that is going
 * to sleep on the word; UNDERWAY or WAITED -> ANSWERED by the actor (release), after which it does
 * not look at the request again: its owner may have freed it.
 *
 * taken counts what was accepted and is not answered.  submit first adds to it, then looks at
 * closing; shutdown sets closing; the actor ends when it sees closing, then taken at 0.  All
 * sequentially consistent, so either submit sees closing or the actor sees the request coming.
 *
 * sleeping: before the actor sleeps it stores how (on the word itself, or in the ring, where it
 * waits for the word as well, or for an eventfd with kernels before 6.7), then looks at the queue,
 * closing and cancels once more.  Who changes one of those looks at sleeping afterwards, and the
 * one who swaps it to AWAKE wakes the actor.
 *
 * room: who waits for room counts itself in room_waiters and then looks at taken again; the actor
 * lowers taken, then looks at room_waiters, and if there are any raises room_seq and wakes them.
 *
 * When the ring is lost (flight.h) the actor looks every millisecond for what the kernel has.  A
 * shutdown that wants to cancel waits 200 ms for it and ends the actor, with which the kernel ends
 * what can be ended; who joined it answers.
 */
#ifndef FIO_ACTOR_H
#define FIO_ACTOR_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "fastio/ring.h"
#include "flight.h"
#include "histogram.h"
#include "mpsc.h"
#include "sys.h"
#include "util.h"

enum { FIO_NEW, FIO_UNDERWAY, FIO_WAITED, FIO_ANSWERED };   /* priv.state */
enum { FIO_AWAKE, FIO_ASLEEP, FIO_IN_RING };                /* sleeping */
enum { FIO_OPEN_FOR_ALL, FIO_CLOSING, FIO_CLOSING_CANCEL }; /* closing */
#define FIO_YIELDS 2 /* before sleeping, where several threads are at it */

/* What callers write to and what the actor writes to share no cache line. */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding) */
struct fastio_ring {
	/* written by callers */
	_Alignas(FIO_CACHELINE) struct fio_mpsc queue;
	_Alignas(FIO_CACHELINE) _Atomic uint32_t taken;
	_Atomic uint32_t closing, cancels;
	_Atomic uint32_t room_waiters, room_seq;
	_Atomic uint32_t spinners; /* waiting callers that look busily */
	_Atomic uint32_t cold;     /* reads to come that are not tried by the caller */
	_Alignas(FIO_CACHELINE) _Atomic uint32_t sleeping;
	int wake_fd;            /* eventfd that wakes the actor in the ring; -1: none is needed */
	_Atomic bool wake_lost; /* the program has closed it */

	/* set once */
	struct fastio_ring_options opt;
	uint32_t cores;
	pthread_t thread;
	pthread_mutex_t end_lock; /* around joining */
	bool joined;
	_Atomic uint32_t started; /* 1: running, 2: could not */
	int start_err;

	/* the actor's */
	struct fio_flight flight;
	uint32_t cancels_seen, closing_seen;
	bool wake_armed;
	bool has_ring;       /* there is one, although it may not be used any more */
	uint64_t abandon_ns; /* when to leave what cannot be cancelled; 0: not yet asked for */
	uint64_t wake_value;

	struct fio_histogram latency[FASTIO_NOPS][FASTIO_NSTAGES];
};

static inline uint64_t fio_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static inline void fio_record(struct fastio_ring *r, const struct fastio_req *req,
			      enum fastio_stage stage, uint64_t from, uint64_t to)
{
	fio_hist_add(&r->latency[req->op][stage], to > from ? to - from : 0);
}

/* Requests of a chain, or -errno: its arguments are wrong.  Sets priv.kind. */
int fio_check_chain(const struct fastio_ring *r, struct fastio_req *first);

/* Carries a chain out by plain calls; answer is called for each request. */
typedef void fio_answer_fn(struct fastio_ring *r, struct fastio_req *req, int64_t res);
void fio_plain_chain(struct fastio_ring *r, struct fastio_req *first, fio_answer_fn *answer);

/* A read of what is there without waiting, which was not accepted yet: it is answered, or false. */
bool fio_read_cached(struct fastio_ring *r, struct fastio_req *q);

/* Answers a request that was accepted. */
void fio_answer(struct fastio_ring *r, struct fastio_req *req, int64_t res);

/* The actor may have to look at something: wakes it if it sleeps. */
void fio_actor_wake(struct fastio_ring *r);
void *fio_actor_main(void *ring);
/* Answers what an actor that has ended left behind. */
void fio_actor_bury(struct fastio_ring *r);

#endif /* FIO_ACTOR_H */
