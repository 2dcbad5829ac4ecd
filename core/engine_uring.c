/* SPDX-License-Identifier: MIT */
/*
 * engine_uring.c - batches of operations through io_uring
 *
 * An intent becomes one linked chain: a create is openat into a direct descriptor, write, close; a
 * file that is open already is write, close; an unlink is one operation.  What has no opcode (owner,
 * mode, times) is done by plain calls on the descriptor that the ring opened.  Whatever a chain does
 * not bring to its end - an unsupported operation, a short write, a real error - is done again with
 * plain calls, which say exactly what is wrong.
 */
#include <string.h>

#include "counters.h"
#include "dir.h"
#include "engine.h"
#include "exec.h"
#include "log.h"
#include "ring/ring.h"
#include "sys.h"
#include "trace.h"
#include "util.h"

#define ENTRIES 128
#define ROOM 8    /* intents under way: what is claimed cannot be helped with */
#define WORKERS 1 /* io-wq workers: one runs beside the program, two would crowd its directories */
#define REFUSED_MAX 100 /* turns in a row in which the kernel takes nothing */

enum op { OP_OPEN, OP_WRITE, OP_CLOSE, OP_UNLINK };

static struct {
	struct fio_ring ring;
	bool creates; /* chains on direct descriptors work */
	bool writes;  /* so do those on descriptors that are open */
	bool unlinks;
	bool broken;       /* no longer submitted to: what the kernel has is harvested */
	unsigned refused;  /* turns in a row in which it took nothing */
	uint64_t prepared; /* operations, ever */
	int flying;        /* slots in use */
	struct slot {
		struct fio_intent *it; /* NULL: free */
		int left;              /* completions still to come */
		uint64_t end;          /* u.prepared after its last operation */
		bool failed;           /* some operation did not do all of its work */
		bool opened;           /* the file exists by our doing */
		bool closing;          /* close was tried: its descriptor may be gone */
		bool by_hand;          /* after the open, go on with plain calls */
		int fd;                /* by_hand: what the ring opened */
	} slots[FIO_BATCH];
} u;

/* ---- start ---- */

static bool has(uint8_t opcode)
{
	return fio_ring_has(&u.ring, opcode);
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
	err = fio_ring_start(&u.ring, &setup);
	if (err < 0) {
		fio_log("io_uring cannot be used here: plain calls in the background", NULL);
		return err;
	}
	u.unlinks = has(IORING_OP_UNLINKAT);
	u.writes = has(IORING_OP_WRITE) && has(IORING_OP_CLOSE);
	u.creates = u.writes && u.ring.direct;
	if (!u.creates)
		fio_log("io_uring has no direct descriptors here: creates by plain calls", NULL);
	return 0;
}

static void stop(void)
{
	fio_ring_stop(&u.ring);
}

/* ---- run ---- */

static struct io_uring_sqe *prepare(int slot)
{
	u.slots[slot].left++;
	u.slots[slot].end = ++u.prepared;
	fio_count(ring_sqes);
	return fio_ring_prepare(&u.ring);
}

static_assert(FIO_BATCH * 3 <= ENTRIES, "all chains of a batch fit the ring");

static void finish_sqe(struct io_uring_sqe *sqe, int slot, enum op op, unsigned flags)
{
	fio_ring_finish(sqe, (uint64_t)slot << 8 | op, flags);
}

static void chain_create(int slot, struct fio_intent *it, int dirfd)
{
	struct slot *s = &u.slots[slot];
	struct io_uring_sqe *sqe;
	int flags = fio_exec_flags(it);
	uint32_t len = atomic_load(&it->len);

	sqe = prepare(slot);
	if (it->what) {
		s->by_hand = true;
		io_uring_prep_openat(sqe, dirfd, it->name, flags, it->mode);
		finish_sqe(sqe, slot, OP_OPEN, 0);
		return;
	}
	io_uring_prep_openat_direct(sqe, dirfd, it->name, flags & ~O_CLOEXEC, it->mode,
				    (unsigned)slot);
	finish_sqe(sqe, slot, OP_OPEN, IOSQE_IO_LINK);
	if (len) {
		sqe = prepare(slot);
		io_uring_prep_write(sqe, slot, it->data, len, 0);
		finish_sqe(sqe, slot, OP_WRITE, IOSQE_FIXED_FILE | IOSQE_IO_LINK);
	}
	sqe = prepare(slot);
	io_uring_prep_close_direct(sqe, (unsigned)slot);
	finish_sqe(sqe, slot, OP_CLOSE, 0);
}

static void chain_write(int slot, struct fio_intent *it)
{
	int fd = atomic_load(&it->task_fd);
	struct io_uring_sqe *sqe;

	sqe = prepare(slot);
	io_uring_prep_write(sqe, fd, it->data, atomic_load(&it->len), 0);
	finish_sqe(sqe, slot, OP_WRITE, IOSQE_IO_LINK);
	sqe = prepare(slot);
	io_uring_prep_close(sqe, fd);
	finish_sqe(sqe, slot, OP_CLOSE, 0);
}

static bool to_ring(struct fio_intent *it)
{
	if (u.broken)
		return false;
	switch ((enum fio_kind)it->kind) {
	case FIO_KIND_CREATE:
	case FIO_KIND_UPDATE:
		return u.creates;
	case FIO_KIND_WRITE:
		return u.writes && !it->what && atomic_load(&it->task_fd) >= 0;
	case FIO_KIND_UNLINK:
		return u.unlinks && !fio_exec_replaced(it, atomic_load(&it->dir->task_fd));
	}
	return false;
}

static void run(struct fio_intent **batch, int n)
{
	int slot = 0;

	for (int i = 0; i < n; i++) {
		struct fio_intent *it = batch[i];
		struct io_uring_sqe *sqe;

		if (!to_ring(it)) {
			fio_count(ring_fallbacks);
			fio_exec(it, true);
			continue;
		}
		while (u.slots[slot].it)
			slot++;
		u.slots[slot] = (struct slot){.it = it, .fd = -1};
		u.flying++;
		fio_trace_claim(it, FIO_TRACE_RING);
		switch ((enum fio_kind)it->kind) {
		case FIO_KIND_CREATE:
		case FIO_KIND_UPDATE:
			chain_create(slot, it, atomic_load(&it->dir->task_fd));
			break;
		case FIO_KIND_WRITE:
			chain_write(slot, it);
			break;
		case FIO_KIND_UNLINK:
			sqe = prepare(slot);
			io_uring_prep_unlinkat(sqe, atomic_load(&it->dir->task_fd), it->name, 0);
			finish_sqe(sqe, slot, OP_UNLINK, 0);
			break;
		}
	}
}

/* ---- reap ---- */

static void by_hand(struct slot *s)
{
	bool other = s->it->kind == FIO_KIND_UPDATE && !fio_exec_is_same(s->it, s->fd);
	enum fio_step step = FIO_STEP_OPEN;
	int err = other ? -ESTALE : fio_exec_fill(s->it, s->fd, &step);

	sys_close(s->fd);
	fio_count(executed_ring);
	fio_complete(s->it, err, step, FIO_LOCK_HELD | FIO_LOCK_TASK);
}

static void finish(struct slot *s)
{
	struct fio_intent *it = s->it;

	s->it = NULL;
	u.flying--;
	if (s->by_hand && s->opened) {
		s->it = it;
		by_hand(s);
		s->it = NULL;
	} else if (s->failed) {
		/* Done again by plain calls, which find out what is wrong. */
		if (s->closing && !fio_exec_is_same(it, atomic_load(&it->task_fd)))
			atomic_store(&it->task_fd, -1);
		if (s->opened)
			fio_ring_close_direct(&u.ring, (unsigned)(s - u.slots));
		it->made = it->made || s->opened;
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
}

static void harvest(uint64_t data, int res)
{
	struct slot *s = &u.slots[data >> 8];

	switch ((enum op)(data & 0xff)) {
	case OP_OPEN:
		if (res < 0)
			s->failed = true;
		else
			s->opened = true;
		if (s->by_hand)
			s->fd = res;
		break;
	case OP_WRITE:
		if (res < 0 || (uint32_t)res != atomic_load(&s->it->len))
			s->failed = true;
		break;
	case OP_CLOSE:
		s->closing = res != -ECANCELED && s->it->kind == FIO_KIND_WRITE;
		if (res < 0)
			s->failed = true;
		break;
	case OP_UNLINK:
		if (res < 0)
			s->failed = true;
		break;
	}
	if (--s->left == 0)
		finish(s);
}

/* The kernel takes no more.  What it has not taken can be done by plain calls, as long as it is never
 * submitted again. */
static void give_up(void)
{
	uint64_t taken = u.prepared - fio_ring_unsent(&u.ring);

	u.broken = true;
	fio_log("io_uring takes nothing any more: plain calls in the background", NULL);
	for (struct slot *s = u.slots; s < u.slots + FIO_BATCH; s++) {
		if (!s->it || s->end <= taken)
			continue;
		s->failed = true;
		s->left -= (int)(s->end - taken) < s->left ? (int)(s->end - taken) : s->left;
		if (!s->left)
			finish(s);
	}
}

static void submit(void)
{
	int calls = fio_ring_submit(&u.ring);

	if (calls >= 0) {
		u.refused = 0;
		fio_count_n(ring_submits, (unsigned)calls);
	} else if (calls != -EAGAIN || ++u.refused == REFUSED_MAX) {
		give_up();
	}
}

static int reap(bool wait)
{
	uint64_t data;
	int res;

	if (!u.broken)
		submit();
	if (u.flying && wait)
		fio_ring_wait(&u.ring, 1000000);
	while (u.flying && fio_ring_harvest(&u.ring, &data, &res))
		harvest(data, res);
	return u.flying;
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
