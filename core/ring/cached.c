/* SPDX-License-Identifier: MIT */
/*
 * cached.c - reads of what is in the page cache already: nothing to gain from handing them over
 */
#include <fcntl.h>

#include "actor.h"

#define COLD 64 /* reads after one that was not there, before the next is tried */

/*
 * The actor's callbacks are called by the actor, and what follows in a chain is not for the caller.
 */
static bool may_try(const struct fastio_req *q)
{
	return q->op == FASTIO_OP_READ && !q->flags && !q->done && !q->timeout_ns && q->len &&
	       q->offset <= INT64_MAX;
}

/* Direct I/O, which would wait for the device; it takes whole blocks only. */
static bool is_direct(const struct fastio_req *q)
{
	int flags = (q->len | q->offset) % 512 ? 0 : sys_fcntl(q->fd, F_GETFL, 0);

	return flags < 0 || flags & O_DIRECT;
}

bool fio_read_cached(struct fastio_ring *r, struct fastio_req *q)
{
	const struct iovec v = {q->buf, q->len};
	uint32_t cold = atomic_load_explicit(&r->cold, memory_order_relaxed);
	uint64_t begin, one = 1;

	if (!may_try(q))
		return false;
	if (cold) {
		atomic_store_explicit(&r->cold, cold - 1, memory_order_relaxed);
		return false;
	}
	begin = fio_clock_ns();
	if (is_direct(q) ||
	    SYS6(SYS_preadv2, q->fd, &v, 1, q->offset, 0, RWF_NOWAIT) != (int64_t)q->len) {
		atomic_store_explicit(&r->cold, COLD, memory_order_relaxed);
		return false;
	}
	fio_record(r, q, FASTIO_STAGE_COMPLETE, begin, fio_clock_ns());
	q->result = (int64_t)q->len;
	__atomic_store_n(&q->priv.state, FIO_ANSWERED, __ATOMIC_RELEASE);
	if (q->eventfd > 0)
		sys_write(q->eventfd, &one, sizeof(one));
	return true;
}
