/* SPDX-License-Identifier: MIT */
/*
 * engine_uring.c - batches of operations through io_uring
 *
 * An intent becomes one linked chain: a create is openat into a direct descriptor, write, close; a
 * file that is open already is write, close; an unlink is one operation.  What has no opcode
 * (owner, mode, times) is done by plain calls on the descriptor that the ring opened.  Whatever a
 * chain does not bring to its end - an unsupported operation, a short write, a real error - is done
 * again with plain calls, which say exactly what is wrong.
 */
#include <string.h>

#include "counters.h"
#include "dir.h"
#include "durable.h"
#include "engine.h"
#include "exec.h"
#include "log.h"
#include "ring/flight.h"
#include "sys.h"
#include "trace.h"
#include "util.h"

#define ENTRIES 128
#define ROOM 8    /* intents under way: what is claimed cannot be helped with */
#define WORKERS 1 /* io-wq workers: one runs beside the program, two would crowd its directories */
#define REFUSED_MAX 100 /* turns in a row in which the kernel takes nothing */
#define CHAIN 3         /* most requests for one intent */

static struct {
	struct fio_flight flight;
	bool creates; /* chains on direct descriptors work */
	bool writes;  /* so do those on descriptors that are open */
	bool unlinks;
	bool lost;        /* the ring, which was said */
	unsigned refused; /* turns in a row in which it took nothing */
	int busy;         /* intents under way */
	struct job {
		struct fio_intent *it; /* NULL: free */
		int left;              /* answers still to come */
		bool failed;           /* some request did not do all of its work */
		bool opened;           /* the file exists by our doing */
		bool closing;          /* close was tried: its descriptor may be gone */
		bool by_hand;          /* after the open, go on with plain calls */
		int fd;                /* by_hand: what the ring opened */
		struct fastio_req reqs[CHAIN];
	} jobs[FIO_BATCH];
	struct fio_slot slots[FIO_BATCH * CHAIN];
	uint16_t sent[FIO_BATCH * CHAIN + FASTIO_CHAIN_MAX];
} u;

/* ---- start ---- */

static void answer(struct fio_flight *f, struct fastio_req *req, int64_t res);
static void plain(struct fio_flight *f, struct fastio_req *first);

static const struct fio_flight_ops ops = {.answer = answer, .plain = plain};

static bool has(uint8_t opcode)
{
	return fio_ring_has(&u.flight.uring, opcode);
}

static int start(void)
{
	static const struct fio_ring_setup setup = {
		.entries = ENTRIES,
		.workers = WORKERS,
		.direct = FIO_BATCH,
	};
	int err;

	memset(&u, 0, sizeof(u));
	err = fio_ring_start(&u.flight.uring, &setup);
	if (err < 0) {
		fio_log("io_uring cannot be used here: plain calls in the background; 'fastio doctor' "
			"tells why",
			NULL);
		return err;
	}
	u.flight.ops = &ops;
	u.flight.depth = FIO_BATCH * CHAIN;
	u.flight.batch = FIO_BATCH * CHAIN;
	u.flight.slots = u.slots;
	u.flight.sent = u.sent;
	fio_flight_init(&u.flight);
	u.unlinks = has(IORING_OP_UNLINKAT);
	u.writes = has(IORING_OP_WRITE) && has(IORING_OP_CLOSE);
	u.creates = u.writes && u.flight.uring.direct;
	if (!u.creates)
		fio_log("io_uring has no direct descriptors here: creates by plain calls", NULL);
	return 0;
}

static void stop(void)
{
	fio_ring_stop(&u.flight.uring);
}

/* ---- run ---- */

static_assert(FIO_BATCH * CHAIN + CHAIN <= ENTRIES, "all chains of a batch fit the ring");

/* The requests of an intent; all but the last go on with the next. */
static void enqueue(struct job *j, int n)
{
	j->left = n;
	for (int i = 0; i + 1 < n; i++)
		fastio_link(&j->reqs[i], &j->reqs[i + 1]);
	fio_count_n(ring_sqes, (unsigned)n);
	fio_flight_add(&u.flight, j->reqs, &j->reqs[0].priv.next);
}

static void chain_create(struct job *j, int dirfd)
{
	struct fio_intent *it = j->it;
	uint32_t len = atomic_load(&it->len);
	int n = 1;

	fastio_open(&j->reqs[0], dirfd, it->name, fio_exec_flags(it), it->mode);
	/* A direct descriptor is closed without a word to the file system. */
	j->by_hand = it->what || it->dir->fs->close_tells || it->peer;
	if (!j->by_hand) {
		j->reqs[0].priv.kind = FIO_REQ_CHAIN_FD;
		if (len)
			fastio_write(&j->reqs[n++], FASTIO_FD_CHAIN, it->data, len, 0);
		fastio_close(&j->reqs[n++], FASTIO_FD_CHAIN);
	}
	enqueue(j, n);
}

static void chain_write(struct job *j)
{
	struct fio_intent *it = j->it;
	int fd = atomic_load(&it->task_fd);

	fastio_write(&j->reqs[0], fd, it->data, atomic_load(&it->len), 0);
	fastio_close(&j->reqs[1], fd);
	enqueue(j, 2);
}

static bool to_ring(struct fio_intent *it)
{
	if (u.flight.plain)
		return false;
	switch ((enum fio_kind)it->kind) {
	case FIO_KIND_CREATE:
	case FIO_KIND_UPDATE:
		return u.creates;
	case FIO_KIND_WRITE:
		return u.writes && !it->what && atomic_load(&it->task_fd) >= 0;
	case FIO_KIND_META: /* no opcodes, or the pool's alone */
	case FIO_KIND_SYMLINK:
	case FIO_KIND_READ:
	case FIO_KIND_RENAME:
	case FIO_KIND_LINK:
	case FIO_KIND_SOURCE:
	case FIO_KIND_SYNC:
		break; /* never in the queue */
	case FIO_KIND_UNLINK:
	case FIO_KIND_RMDIR:
		return u.unlinks && !fio_exec_replaced(it, atomic_load(&it->dir->task_fd));
	}
	return false;
}

static void run(struct fio_intent **batch, int n)
{
	struct job *j = u.jobs;

	for (int i = 0; i < n; i++) {
		struct fio_intent *it = batch[i];
		int dirfd = atomic_load(&it->dir->task_fd);

		if (!to_ring(it)) {
			fio_count(ring_fallbacks);
			fio_exec(it, true);
			continue;
		}
		while (j->it)
			j++;
		*j = (struct job){.it = it, .fd = -1};
		u.busy++;
		fio_trace_claim(it, FIO_TRACE_RING);
		switch ((enum fio_kind)it->kind) {
		case FIO_KIND_CREATE:
		case FIO_KIND_UPDATE:
			chain_create(j, dirfd);
			break;
		case FIO_KIND_WRITE:
			chain_write(j);
			break;
		default: /* UNLINK, RMDIR */
			fastio_unlink(&j->reqs[0], dirfd, it->name,
				      it->kind == FIO_KIND_RMDIR ? AT_REMOVEDIR : 0);
			enqueue(j, 1);
			break;
		}
	}
}

/* ---- reap ---- */

static void by_hand(struct job *j)
{
	bool other = j->it->kind == FIO_KIND_UPDATE && !fio_exec_is_same(j->it, j->fd);
	enum fio_step step = FIO_STEP_OPEN;
	int err;

	if (j->it->peer)
		fio_durable_file(j->it->peer, j->fd);
	err = other ? -ESTALE : fio_exec_fill(j->it, j->fd, &step);
	err = fio_exec_close(j->fd, err, &step);
	fio_count(executed_ring);
	fio_complete(j->it, err, step, FIO_LOCK_HELD | FIO_LOCK_TASK);
}

static void finish(struct job *j)
{
	struct fio_intent *it = j->it;

	if (j->by_hand && j->opened) {
		by_hand(j);
	} else if (j->failed) {
		/* Done again by plain calls, which find out what is wrong. */
		if (j->closing && !fio_exec_is_same(it, atomic_load(&it->task_fd)))
			atomic_store(&it->task_fd, -1);
		it->made = it->made || j->opened;
		fio_count(ring_fallbacks);
		fio_exec(it, true);
	} else {
		if (it->kind == FIO_KIND_WRITE) {
			atomic_store(&it->task_fd, -1);
			fio_exec_copy_used(it);
		}
		fio_count(executed_ring);
		fio_complete(it, 0, FIO_STEP_NONE, FIO_LOCK_HELD | FIO_LOCK_TASK);
	}
	j->it = NULL;
	u.busy--;
}

static void answer(struct fio_flight *f, struct fastio_req *req, int64_t res)
{
	struct job *j = &u.jobs[((char *)req - (char *)u.jobs) / (ptrdiff_t)sizeof(*u.jobs)];

	(void)f;
	j->failed |= !fio_req_whole(req, res);
	if (req->op == FASTIO_OP_OPEN && res >= 0) {
		j->opened = true;
		j->fd = (int)res;
	}
	if (req->op == FASTIO_OP_CLOSE)
		j->closing = res != -ECANCELED && j->it->kind == FIO_KIND_WRITE;
	if (--j->left == 0)
		finish(j);
}

/* What the ring does not take is done again, see finish. */
static void plain(struct fio_flight *f, struct fastio_req *first)
{
	for (struct fastio_req *next; first; first = next) {
		next = fio_chain_next(first);
		answer(f, first, -ECANCELED);
	}
}

static void submit(void)
{
	int calls = fio_flight_submit(&u.flight);

	if (calls >= 0) {
		u.refused = 0;
		fio_count_n(ring_submits, (unsigned)calls);
	} else if (++u.refused == REFUSED_MAX) {
		fio_flight_lose(&u.flight);
	}
	if (!u.flight.plain || u.lost)
		return;
	u.lost = true;
	fio_log("io_uring takes nothing any more: plain calls in the background", NULL);
	fio_flight_send(&u.flight); /* back to us */
}

static int reap(bool wait)
{
	fio_flight_send(&u.flight);
	submit();
	if (u.flight.flying && wait)
		fio_ring_wait(&u.flight.uring, 1000000);
	fio_flight_harvest(&u.flight);
	return u.busy;
}

static int room(void)
{
	return ROOM;
}

const struct fio_engine fio_engine_uring = {
	.name = "uring",
	.room = room,
	.start = start,
	.run = run,
	.reap = reap,
	.stop = stop,
};
