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
#include <liburing.h>
#include <string.h>

#include "counters.h"
#include "dir.h"
#include "engine.h"
#include "exec.h"
#include "log.h"
#include "sys.h"
#include "trace.h"
#include "util.h"

#define ENTRIES 128
#define ROOM 8    /* intents under way: what is claimed cannot be helped with */
#define WORKERS 1 /* io-wq workers: one runs beside the program, two would crowd its directories */

enum op { OP_OPEN, OP_WRITE, OP_CLOSE, OP_UNLINK, OPS };

static struct {
	struct io_uring ring;
	bool direct;   /* openat into direct descriptors works */
	bool has[OPS]; /* opcodes that the kernel has */
	int flying;    /* slots in use */
	int unsent;    /* prepared operations not yet submitted */
	struct slot {
		struct fio_intent *it; /* NULL: free */
		int left;              /* completions still to come */
		bool failed;           /* some operation did not do all of its work */
		bool opened;           /* the file exists by our doing */
		bool by_hand;          /* after the open, go on with plain calls */
		int fd;                /* by_hand: what the ring opened */
	} slots[FIO_BATCH];
} u;

/* ---- start ---- */

static void probe(void)
{
	static const uint8_t codes[OPS] = {
		[OP_OPEN] = IORING_OP_OPENAT,
		[OP_WRITE] = IORING_OP_WRITE,
		[OP_CLOSE] = IORING_OP_CLOSE,
		[OP_UNLINK] = IORING_OP_UNLINKAT,
	};
	union {
		struct io_uring_probe probe;
		char space[sizeof(struct io_uring_probe) + 256 * sizeof(struct io_uring_probe_op)];
	} p;

	memset(&p, 0, sizeof(p));
	if (io_uring_register_probe(&u.ring, &p.probe, 256) < 0)
		return;
	for (int i = 0; i < OPS; i++)
		u.has[i] = codes[i] <= p.probe.last_op &&
			   p.probe.ops[codes[i]].flags & IO_URING_OP_SUPPORTED;
}

/* Direct descriptors: a table of empty slots, and an openat that can fill one. */
static bool probe_direct(void)
{
	int fds[FIO_BATCH];
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *sqe;
	int res;

	for (int i = 0; i < FIO_BATCH; i++)
		fds[i] = -1;
	if (io_uring_register_files(&u.ring, fds, FIO_BATCH) < 0)
		return false;
	sqe = io_uring_get_sqe(&u.ring);
	io_uring_prep_openat_direct(sqe, AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0, 0);
	if (io_uring_submit(&u.ring) != 1 || io_uring_wait_cqe(&u.ring, &cqe) < 0)
		return false;
	res = cqe->res;
	io_uring_cqe_seen(&u.ring, cqe);
	if (res != 0)
		return false;
	sqe = io_uring_get_sqe(&u.ring);
	io_uring_prep_close_direct(sqe, 0);
	if (io_uring_submit(&u.ring) != 1 || io_uring_wait_cqe(&u.ring, &cqe) < 0)
		return false;
	res = cqe->res;
	io_uring_cqe_seen(&u.ring, cqe);
	return res == 0;
}

/* A ring can be made and still not be entered (a sandbox that knows only some of the calls). */
static bool works(void)
{
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u.ring);

	io_uring_prep_nop(sqe);
	if (io_uring_submit(&u.ring) != 1 || io_uring_wait_cqe(&u.ring, &cqe) < 0)
		return false;
	io_uring_cqe_seen(&u.ring, cqe);
	return true;
}

static int start(void)
{
	/* The best setup first; each refusal tries the next. */
	static const unsigned flags[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN,
		IORING_SETUP_COOP_TASKRUN,
		0,
	};
	unsigned workers[2] = {WORKERS, WORKERS};
	int err = -ENOSYS;

	memset(&u, 0, sizeof(u));
	for (size_t i = 0; i < FIO_ARRAY_SIZE(flags); i++) {
		struct io_uring_params p = {.flags = flags[i]};

		err = io_uring_queue_init_params(ENTRIES, &u.ring, &p);
		if (err != -EINVAL)
			break;
	}
	if (err < 0) {
		fio_log("io_uring cannot be used here: plain calls in the background", NULL);
		return err;
	}
	if (!works()) {
		io_uring_queue_exit(&u.ring);
		fio_log("io_uring_enter is refused here: plain calls in the background", NULL);
		return -EPERM;
	}
	probe();
	u.direct = u.has[OP_OPEN] && u.has[OP_WRITE] && u.has[OP_CLOSE] && probe_direct();
	if (!u.direct)
		fio_log("io_uring has no direct descriptors here: creates by plain calls", NULL);
	io_uring_register_iowq_max_workers(&u.ring, workers);
	io_uring_register_ring_fd(&u.ring);
	return 0;
}

static void stop(void)
{
	io_uring_queue_exit(&u.ring);
}

/* ---- run ---- */

static struct io_uring_sqe *prepare(int slot)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u.ring);

	u.slots[slot].left++;
	u.unsent++;
	fio_count(ring_sqes);
	return sqe;
}

static_assert(FIO_BATCH * 3 <= ENTRIES, "all chains of a batch fit the ring");

static void finish_sqe(struct io_uring_sqe *sqe, int slot, enum op op, unsigned flags)
{
	sqe->flags |= (uint8_t)flags;
	io_uring_sqe_set_data64(sqe, (uint64_t)slot << 8 | op);
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
	switch ((enum fio_kind)it->kind) {
	case FIO_KIND_CREATE:
	case FIO_KIND_UPDATE:
		return u.direct;
	case FIO_KIND_WRITE:
		return u.has[OP_WRITE] && u.has[OP_CLOSE] && !it->what &&
		       atomic_load(&it->task_fd) >= 0;
	case FIO_KIND_UNLINK:
		return u.has[OP_UNLINK] && !fio_exec_replaced(it, atomic_load(&it->dir->task_fd));
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

static void harvest(const struct io_uring_cqe *cqe)
{
	uint64_t data = io_uring_cqe_get_data64(cqe);
	struct slot *s = &u.slots[data >> 8];

	switch ((enum op)(data & 0xff)) {
	case OP_OPEN:
		if (cqe->res < 0)
			s->failed = true;
		else
			s->opened = true;
		if (s->by_hand)
			s->fd = cqe->res;
		break;
	case OP_WRITE:
		if (cqe->res < 0 || (uint32_t)cqe->res != atomic_load(&s->it->len))
			s->failed = true;
		break;
	case OP_CLOSE:
	case OP_UNLINK:
		if (cqe->res < 0)
			s->failed = true;
		break;
	case OPS:
		break;
	}
	if (--s->left == 0)
		finish(s);
}

static int reap(bool wait)
{
	struct __kernel_timespec ms = {.tv_nsec = 1000000};
	struct io_uring_cqe *cqe;

	while (u.unsent) {
		int r = io_uring_submit(&u.ring);

		fio_count(ring_submits);
		if (r > 0)
			u.unsent -= r;
		else if (r != -EAGAIN && r != -EINTR && r != -EBUSY)
			break;
	}
	if (u.flying && wait)
		io_uring_wait_cqe_timeout(&u.ring, &cqe, &ms);
	while (u.flying && io_uring_peek_cqe(&u.ring, &cqe) == 0 && cqe) {
		struct io_uring_cqe copy = *cqe;

		io_uring_cqe_seen(&u.ring, cqe);
		harvest(&copy);
	}
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
