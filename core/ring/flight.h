/* SPDX-License-Identifier: MIT */
/*
 * flight.h - requests under way in one ring: chains into it, results out of it
 *
 * What an actor is without its thread and its queue.  The thread of libfastio-core drives one
 * (actor.c), the background task of the preload another (engine_uring.c): one thread at a time uses
 * a flight, from start to stop.  No allocation, no errno, no libc that could be interposed.
 *
 * Files: flight.c; group.c writes that are synced together; discard.c; prepare.c operations of the
 * ring for a request.
 *
 * A request is linked by priv.next into one list at a time: todo, then in the kernel the discards
 * that are part of it, then its group.  After answer() the flight does not look at it again.
 *
 * A ring that was made may later refuse to be entered (a sandbox, its descriptor closed).  Then
 * plain is set: what the kernel has not taken goes back to todo and from there to ops->plain, and
 * what it has comes back by itself, whoever drives looks from time to time.  Only cancelling is no
 * longer possible.
 */
#ifndef FIO_FLIGHT_H
#define FIO_FLIGHT_H

#include <stdatomic.h>

#include "fastio/ring.h"
#include "ring.h"

/* priv.kind, bits: on a block device; uses FASTIO_FD_CHAIN; syncs by itself */
enum { FIO_REQ_DEVICE = 1, FIO_REQ_CHAIN_FD = 2, FIO_REQ_SYNCED = 4 };

/* Blocks of devices in the ring: not at all, not yet seen, seen */
enum { FIO_DISCARD_PLAIN, FIO_DISCARD_UNPROVEN, FIO_DISCARD_WORKS };

#define FIO_NO_CHAIN UINT16_MAX
#define FIO_GROUPS 16
#define FIO_CROWDED 12 /* eighths of requests taken from the queue at once, as a running mean */

/* What a completion is of: a slot (shifted by one; bit 0: its timeout), or one of these */
#define FIO_DATA_WAKE UINT64_MAX         /* what ops->woken is told of */
#define FIO_DATA_IGNORE (UINT64_MAX - 1) /* the result of asking for a cancellation */
#define FIO_DATA_GROUP (UINT64_MAX - 64) /* and the number of the group whose sync it is */

struct fio_flight;

struct fio_flight_ops {
	/* The result of a request, which is its owner's again. */
	void (*answer)(struct fio_flight *f, struct fastio_req *req, int64_t res);
	/* A chain that is not for this ring: answers all of it. */
	void (*plain)(struct fio_flight *f, struct fastio_req *first);
	/* Not NULL if operations with FIO_DATA_WAKE are prepared: one has completed. */
	void (*woken)(struct fio_flight *f, int res);
	/* Both or none: the time in ns; keeps how long a stage took. */
	uint64_t (*clock)(void);
	void (*record)(struct fio_flight *f, const struct fastio_req *req, enum fastio_stage stage,
		       uint64_t from, uint64_t to);
};

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
 * Writes to one descriptor that are answered when they are durable.  One sync at a time: it covers
 * the writes that were done when it began; what is done later waits for the next.
 */
struct fio_group {
	int fd;
	uint32_t writes;            /* in the kernel; the group is free when there is nothing */
	struct fastio_req *waiting; /* written, not yet covered by a sync */
	struct fastio_req *covered; /* by the sync that is in the kernel; NULL: there is none */
};

struct fio_flight {
	const struct fio_flight_ops *ops;
	struct fio_ring uring;
	_Atomic bool plain; /* nothing goes into the ring (any more); others may read it */
	unsigned depth;     /* slots */
	unsigned batch;     /* requests sent between two submits, but for the end of a chain */
	struct fio_slot *slots;
	uint16_t *sent; /* slots prepared since the last submit; batch + FASTIO_CHAIN_MAX of them */
	struct fastio_req *todo, **todo_end; /* not yet sent, oldest first */
	unsigned nsent, flying, nfree;
	uint16_t free_slot;
	uint8_t discards; /* FIO_DISCARD_... */
	uint32_t crowd;   /* how many requests come at once: running mean, times 8 */
	struct fio_group groups[FIO_GROUPS];
	struct fio_direct direct[FIO_RING_DIRECT_MAX];
};

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

/* ops, plain, depth, batch, slots and sent are set, the rest is 0.  Makes no ring. */
void fio_flight_init(struct fio_flight *f);

/* Adds a list of chains (by priv.next of their first requests) whose last one ends at *end. */
void fio_flight_add(struct fio_flight *f, struct fastio_req *first, struct fastio_req **end);

/* Prepares what there is room for; does the rest by ops->plain where it is not for the ring.  Returns
 * whether there was anything to do. */
bool fio_flight_send(struct fio_flight *f);

/* Submits what is prepared: the number of calls, or -EAGAIN: nothing is taken at the moment.  Otherwise
 * the ring may be lost by it. */
int fio_flight_submit(struct fio_flight *f);

/* Answers what has completed.  Returns whether there was anything. */
bool fio_flight_harvest(struct fio_flight *f);

/* Those that their owners have cancelled, or all */
void fio_flight_cancel(struct fio_flight *f, bool all);
void fio_flight_cancel_todo(struct fio_flight *f, bool all);

/* The ring can no longer be entered. */
void fio_flight_lose(struct fio_flight *f);

/* Answers everything: nobody harvests the ring any more. */
void fio_flight_bury(struct fio_flight *f);

/* ---- among the files of the flight ---- */

static inline uint64_t fio_flight_now(const struct fio_flight *f)
{
	return f->ops->clock ? f->ops->clock() : 0;
}

static inline void fio_flight_record(struct fio_flight *f, const struct fastio_req *req,
				     enum fastio_stage stage, uint64_t from, uint64_t to)
{
	if (f->ops->record)
		f->ops->record(f, req, stage, from, to);
}

/* Can the ring do it here?  alone: it is no chain. */
bool fio_can_prepare(const struct fio_flight *f, const struct fastio_req *req, bool alone);
/* Fills an operation; direct: the chain's descriptor.  Returns flags for it. */
unsigned fio_prepare(struct io_uring_sqe *sqe, const struct fastio_req *req, unsigned direct);

/* Has the write a group, or does it sync by itself?  False: it cannot be had here. */
bool fio_group_join(struct fio_flight *f, struct fastio_req *write);
/* A write of a group is done: true if it is answered with its sync. */
bool fio_group_written(struct fio_flight *f, struct fastio_req *q, int res);
/* A write of a group was taken back. */
void fio_group_leave(struct fio_flight *f, const struct fastio_req *q);
void fio_group_synced(struct fio_flight *f, struct fio_group *g, int res);
/* Syncs what is covered, at once. */
void fio_group_plain(struct fio_flight *f, struct fio_group *g);
/* Those whose writes have all come back, or that have waited for enough of them */
void fio_groups_sync(struct fio_flight *f);

/* Of a discard and those that are part of it */
struct fio_range {
	uint64_t offset, len;
};
struct fio_range fio_discard_range(const struct fastio_req *q);
int64_t fio_discard_plain(const struct fastio_req *q, int fd);
/* What is adjacent to first and in todo becomes part of it. */
void fio_discards_join(struct fio_flight *f, struct fastio_req *first);
/* A discard of a device's blocks has come back: the result. */
int fio_discarded(struct fio_flight *f, const struct fastio_req *q, int res);

#endif /* FIO_FLIGHT_H */
