/* SPDX-License-Identifier: MIT */
/*
 * actor.h - the inside of a ring that many threads use
 *
 * Files: handle.c the callers' side; actor.c the thread; request.c filling and checking; prepare.c
 * operations of the ring for a request; plain.c plain calls for it; histogram.c, buffer.c, mpsc.h.
 *
 * Protocols
 *
 * A request (priv.state): NEW -> UNDERWAY by submit; UNDERWAY -> WAITED by a waiter that is going to
 * sleep on the word; UNDERWAY or WAITED -> ANSWERED by the actor (release), after which it does not look
 * at the request again: its owner may have freed it.
 *
 * taken counts what was accepted and is not answered.  submit first adds to it, then looks at closing;
 * shutdown sets closing; the actor ends when it sees closing, then taken at 0.  All sequentially
 * consistent, so either submit sees closing or the actor sees the request coming.
 *
 * sleeping: before the actor sleeps it stores how (on the word itself, or in the ring, where it waits for
 * the word as well, or for an eventfd with kernels before 6.7), then looks at the queue, closing and cancels once more.  Who changes one of those looks
 * at sleeping afterwards, and the one who swaps it to AWAKE wakes the actor.
 *
 * room: who waits for room counts itself in room_waiters and then looks at taken again; the actor lowers
 * taken, then looks at room_waiters, and if there are any raises room_seq and wakes them.
 *
 * A ring that was made may later refuse to be entered (a sandbox, its descriptor closed).  Then plain is set,
 * what the kernel has not taken is done by plain calls, and what it has comes back by itself: the actor looks
 * every millisecond.  Only cancelling is no longer possible; a shutdown that wants it waits 200 ms for what
 * is in the kernel and ends the actor, with which the kernel ends what can be ended; who joined it answers.
 */
#ifndef FIO_ACTOR_H
#define FIO_ACTOR_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "fastio/ring.h"
#include "histogram.h"
#include "mpsc.h"
#include "ring.h"
#include "sys.h"
#include "util.h"

enum { FIO_NEW, FIO_UNDERWAY, FIO_WAITED, FIO_ANSWERED };   /* priv.state */
enum { FIO_AWAKE, FIO_ASLEEP, FIO_IN_RING };                /* sleeping */
enum { FIO_OPEN_FOR_ALL, FIO_CLOSING, FIO_CLOSING_CANCEL }; /* closing */
/* priv.kind, bits: on a block device; uses FASTIO_FD_CHAIN; syncs by itself */
enum { FIO_KIND_PLAIN, FIO_KIND_DEVICE, FIO_KIND_CHAIN_FD, FIO_KIND_SYNCED = 4 };

/* Blocks of devices in the ring: not at all, not yet seen, seen */
enum { FIO_DISCARD_PLAIN, FIO_DISCARD_UNPROVEN, FIO_DISCARD_WORKS };

#define FIO_NO_CHAIN UINT16_MAX
#define FIO_YIELDS 2 /* before sleeping, where several threads are at it */

/* A request in the kernel */
struct fio_slot {
	struct fastio_req *req; /* NULL: free; priv.next: discards that are part of it */
	struct __kernel_timespec timeout;
	int res;
	uint8_t left;    /* completions to come: its own and its timeout's */
	bool timed_out;  /* the timeout was first */
	bool cancelled;  /* has been asked to end */
	bool follows;    /* not the first of its chain */
	uint16_t direct; /* of the chain it belongs to, or FIO_NO_CHAIN */
	uint16_t free;   /* next free slot */
};

/* A chain that uses a direct descriptor */
struct fio_direct {
	uint16_t left; /* requests not yet answered; 0: free */
	bool opened;   /* it is open */
};

/*
 * Writes to one descriptor that are answered when they are durable.  One sync at a time: it covers the
 * writes that were done when it began; what is done later waits for the next.
 */
struct fio_group {
	int fd;
	uint32_t writes;            /* in the kernel; the group is free when there is nothing */
	struct fastio_req *waiting; /* written, not yet covered by a sync */
	struct fastio_req *covered; /* by the sync that is in the kernel; NULL: there is none */
};

#define FIO_GROUPS 16

/* What callers write to and what the actor writes to share no cache line. */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding) */
struct fastio_ring {
	/* written by callers */
	_Alignas(FIO_CACHELINE) struct fio_mpsc queue;
	_Alignas(FIO_CACHELINE) _Atomic uint32_t taken;
	_Atomic uint32_t closing, cancels;
	_Atomic uint32_t room_waiters, room_seq;
	_Atomic uint32_t spinners; /* waiting callers that look busily */
	_Alignas(FIO_CACHELINE) _Atomic uint32_t sleeping;
	int wake_fd;            /* eventfd that wakes the actor in the ring; -1: none is needed */
	_Atomic bool wake_lost; /* the program has closed it */

	/* set once */
	struct fastio_ring_options opt;
	_Atomic bool plain; /* also set later, by the actor */
	uint32_t cores;
	pthread_t thread;
	pthread_mutex_t end_lock; /* around joining */
	bool joined;
	_Atomic uint32_t started; /* 1: running, 2: could not */
	int start_err;

	/* the actor's */
	struct fio_ring uring;
	struct fastio_req *todo, **todo_end; /* taken from the queue, oldest first */
	struct fio_slot *slots;
	uint16_t *sent; /* slots prepared since the last submit */
	uint16_t free_slot;
	unsigned nsent;
	unsigned flying, nfree;
	uint32_t crowd; /* how many requests come at once: running mean, times 8 */
	uint32_t cancels_seen, closing_seen;
	bool wake_armed;
	bool has_ring;       /* uring is there, although it may not be used any more */
	uint64_t abandon_ns; /* when to leave what cannot be cancelled; 0: not yet asked for */
	uint8_t discards;    /* FIO_DISCARD_... */
	uint64_t wake_value;
	struct fio_group groups[FIO_GROUPS];
	struct fio_direct direct[FIO_RING_DIRECT_MAX];

	struct fio_histogram latency[FASTIO_NOPS][FASTIO_NSTAGES];
};

static inline uint64_t fio_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static inline struct fastio_req *fio_chain_next(const struct fastio_req *r)
{
	return r->flags & FASTIO_REQ_LINK ? r->next : NULL;
}

/* A result that lets its chain go on */
static inline bool fio_req_whole(const struct fastio_req *r, int64_t res)
{
	switch ((enum fastio_op)r->op) {
	case FASTIO_OP_READ:
	case FASTIO_OP_WRITE:
	case FASTIO_OP_BLOCK_READ:
	case FASTIO_OP_BLOCK_WRITE:
		return res >= 0 && (uint64_t)res == r->len;
	default:
		return res >= 0;
	}
}

static inline void fio_record(struct fastio_ring *r, const struct fastio_req *req,
			      enum fastio_stage stage, uint64_t from, uint64_t to)
{
	fio_hist_add(&r->latency[req->op][stage], to > from ? to - from : 0);
}

/* Requests of a chain, or -errno: its arguments are wrong.  Sets priv.kind. */
int fio_check_chain(const struct fastio_ring *r, struct fastio_req *first);

/* Can the ring do it here?  If not, the whole chain is done by plain calls.  alone: it is no chain. */
bool fio_can_prepare(const struct fastio_ring *r, const struct fastio_req *req, bool alone);
/* Fills an operation; direct: the chain's descriptor.  Returns flags for it. */
unsigned fio_prepare(struct io_uring_sqe *sqe, const struct fastio_req *req, unsigned direct);

/* Of a discard and those that are part of it */
struct fio_range {
	uint64_t offset, len;
};
struct fio_range fio_discard_range(const struct fastio_req *q);

/* Carries a chain out by plain calls; answer is called for each request. */
int64_t fio_plain_discard(const struct fastio_req *q, int fd);
typedef void fio_answer_fn(struct fastio_ring *r, struct fastio_req *req, int64_t res);
void fio_plain_chain(struct fastio_ring *r, struct fastio_req *first, fio_answer_fn *answer);

/* Answers a request that was accepted. */
void fio_answer(struct fastio_ring *r, struct fastio_req *req, int64_t res);

/* The actor may have to look at something: wakes it if it sleeps. */
void fio_actor_wake(struct fastio_ring *r);
void *fio_actor_main(void *ring);
/* Answers what an actor that has ended left behind. */
void fio_actor_bury(struct fastio_ring *r);

#endif /* FIO_ACTOR_H */
