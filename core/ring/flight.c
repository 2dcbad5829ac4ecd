/* SPDX-License-Identifier: MIT */
/*
 * flight.c - chains of requests into a ring, results out of it
 */
#include "flight.h"

#include "util.h"

#define DATA_TIMEOUT 1u /* bit 0: the timeout of the slot in the bits above */

void fio_flight_init(struct fio_flight *f)
{
	f->todo = NULL;
	f->todo_end = &f->todo;
	f->free_slot = 0;
	for (unsigned i = 0; i < f->depth; i++) {
		f->slots[i].req = NULL;
		f->slots[i].free = (uint16_t)(i + 1);
	}
	f->nfree = f->depth;
}

void fio_flight_add(struct fio_flight *f, struct fastio_req *first, struct fastio_req **end)
{
	*f->todo_end = first;
	f->todo_end = end;
}

/* ---- into the kernel ---- */

static void drop_first(struct fio_flight *f, struct fastio_req *first)
{
	f->todo = first->priv.next;
	first->priv.next = NULL;
	if (!f->todo)
		f->todo_end = &f->todo;
}

static unsigned find_direct(const struct fio_flight *f)
{
	unsigned i = 0;

	while (i < f->uring.direct && f->direct[i].left)
		i++;
	return i;
}

/* One request into a slot; follows: it is not the first of its chain. */
static void send_one(struct fio_flight *f, struct fastio_req *q, unsigned direct, bool follows,
		     uint64_t now)
{
	unsigned index = f->free_slot, link = fio_chain_next(q) ? IOSQE_IO_LINK : 0, flags;
	struct fio_slot *s = &f->slots[index];
	struct io_uring_sqe *sqe = fio_ring_prepare(&f->uring);

	f->free_slot = s->free;
	f->nfree--;
	f->flying++;
	*s = (struct fio_slot){.req = q, .left = 1, .direct = (uint16_t)direct, .follows = follows};
	flags = fio_prepare(sqe, q, direct);
	fio_ring_finish(sqe, (uint64_t)index << 1, flags | (q->timeout_ns ? IOSQE_IO_LINK : link));
	if (q->timeout_ns) {
		s->left = 2;
		s->timeout.tv_sec = (int64_t)(q->timeout_ns / 1000000000);
		s->timeout.tv_nsec = (long long)(q->timeout_ns % 1000000000);
		sqe = fio_ring_prepare(&f->uring);
		io_uring_prep_link_timeout(sqe, &s->timeout, 0);
		fio_ring_finish(sqe, (uint64_t)index << 1 | DATA_TIMEOUT, link);
	}
	for (; q; q = q->priv.next) {
		fio_flight_record(f, q, FASTIO_STAGE_QUEUE, q->priv.queued_ns, now);
		q->priv.sent_ns = now;
	}
	f->sent[f->nsent++] = (uint16_t)index;
}

/* Number of requests prepared, 0: no room now; negative: not for the ring */
static int send_chain(struct fio_flight *f, struct fastio_req *first, uint64_t now)
{
	unsigned n = 0, direct = FIO_NO_CHAIN;
	bool alone = !fio_chain_next(first);

	for (struct fastio_req *q = first; q; q = fio_chain_next(q), n++)
		if (!fio_can_prepare(f, q, alone))
			return -ENOSYS;
	if (n > f->nfree || !fio_ring_room(&f->uring, 2 * n))
		return 0;
	if (first->flags & FASTIO_REQ_DSYNC && !fio_group_join(f, first))
		return -ENOSYS;
	if (first->priv.kind & FIO_REQ_CHAIN_FD) {
		direct = find_direct(f);
		if (direct == f->uring.direct)
			return 0;
		f->direct[direct] = (struct fio_direct){.left = (uint16_t)n};
	}
	drop_first(f, first);
	fio_discards_join(f, first);
	for (struct fastio_req *q = first; q; q = fio_chain_next(q))
		send_one(f, q, direct, q != first, now);
	return (int)n;
}

bool fio_flight_send(struct fio_flight *f)
{
	uint64_t now = f->todo ? fio_flight_now(f) : 0;
	unsigned batch = 0;
	bool any = false;

	while (f->todo && batch < f->batch) {
		struct fastio_req *first = f->todo;
		int n = f->plain ? -ENOSYS : send_chain(f, first, now);

		if (n == 0)
			break;
		any = true;
		if (n > 0) {
			batch += (unsigned)n;
			continue;
		}
		drop_first(f, first);
		for (struct fastio_req *q = first; q; q = fio_chain_next(q))
			fio_flight_record(f, q, FASTIO_STAGE_QUEUE, q->priv.queued_ns, now);
		f->ops->plain(f, first);
		now = fio_flight_now(f);
		batch++;
	}
	fio_groups_sync(f);
	return any;
}

int fio_flight_submit(struct fio_flight *f)
{
	uint64_t now;
	int calls;

	if (f->plain || !fio_ring_unsent(&f->uring))
		return 0;
	calls = fio_ring_submit(&f->uring);
	if (calls == -EAGAIN)
		return calls;
	if (calls < 0) {
		fio_flight_lose(f);
		return 0;
	}
	now = fio_flight_now(f);
	for (unsigned i = 0; i < f->nsent; i++) {
		for (struct fastio_req *q = f->slots[f->sent[i]].req; q; q = q->priv.next) {
			fio_flight_record(f, q, FASTIO_STAGE_SUBMIT, q->priv.sent_ns, now);
			q->priv.sent_ns = now;
		}
	}
	f->nsent = 0;
	return calls;
}

/* ---- out of it ---- */

static void close_chain(struct fio_flight *f, unsigned direct, const struct fastio_req *q, int res)
{
	struct fio_direct *d = &f->direct[direct];

	if (q->op == FASTIO_OP_OPEN && res >= 0)
		d->opened = true;
	if (q->op == FASTIO_OP_CLOSE && q->fd == FASTIO_FD_CHAIN && res >= 0)
		d->opened = false;
	if (--d->left == 0 && d->opened)
		fio_ring_close_direct(&f->uring, direct);
}

static void free_slot(struct fio_flight *f, unsigned index)
{
	struct fio_slot *s = &f->slots[index];

	s->req = NULL;
	s->free = f->free_slot;
	f->free_slot = (uint16_t)index;
	f->nfree++;
	f->flying--;
}

/* What was sent as one operation */
static void answer_sent(struct fio_flight *f, struct fastio_req *q, int64_t res)
{
	uint64_t now = fio_flight_now(f);

	for (struct fastio_req *next; q; q = next) {
		next = q->priv.next;
		fio_flight_record(f, q, FASTIO_STAGE_COMPLETE, q->priv.sent_ns, now);
		f->ops->answer(f, q, res);
	}
}

static void finish(struct fio_flight *f, unsigned index)
{
	struct fio_slot *s = &f->slots[index];
	struct fastio_req *q = s->req;
	int res = s->res;

	/* A worker that was interrupted says EINTR. */
	if (res == -EINTR && (s->cancelled || s->timed_out))
		res = -ECANCELED;
	if (res == -ECANCELED && s->timed_out)
		res = -ETIMEDOUT;
	res = fio_discarded(f, q, res);
	if (s->direct != FIO_NO_CHAIN)
		close_chain(f, s->direct, q, res);
	free_slot(f, index);
	if (!fio_group_written(f, q, res))
		answer_sent(f, q, res);
}

bool fio_flight_harvest(struct fio_flight *f)
{
	bool any = false;
	uint64_t data;
	int res;

	while (fio_ring_harvest(&f->uring, &data, &res)) {
		struct fio_slot *s;

		any = true;
		if (data == FIO_DATA_WAKE)
			f->ops->woken(f, res);
		if (data == FIO_DATA_WAKE || data == FIO_DATA_IGNORE)
			continue;
		if (data >= FIO_DATA_GROUP) {
			f->flying--;
			fio_group_synced(f, &f->groups[data - FIO_DATA_GROUP], res);
			continue;
		}
		s = &f->slots[data >> 1];
		if (!(data & DATA_TIMEOUT))
			s->res = res;
		else if (res == -ETIME)
			s->timed_out = true;
		if (--s->left == 0)
			finish(f, (unsigned)(data >> 1));
	}
	return any;
}

/* ---- a ring that can no longer be entered ---- */

void fio_flight_lose(struct fio_flight *f)
{
	struct fastio_req *back = NULL, **end = &back, *rest = NULL;
	uint64_t data;

	f->plain = true;
	f->nsent = 0;
	while (fio_ring_take_back(&f->uring, &data)) {
		unsigned index = (unsigned)(data >> 1);
		struct fio_slot *s;
		struct fastio_req *q;

		if (data == FIO_DATA_WAKE || data == FIO_DATA_IGNORE)
			continue;
		if (data >= FIO_DATA_GROUP) {
			f->flying--;
			fio_group_plain(f, &f->groups[data - FIO_DATA_GROUP]);
			continue;
		}
		s = &f->slots[index];
		q = s->req;
		if (!q)
			continue; /* its timeout */
		if (data & DATA_TIMEOUT || (s->follows && q != rest)) {
			/* the kernel has the operation, or the beginning of its chain */
			if (!(data & DATA_TIMEOUT))
				s->res = -ECANCELED;
			if (--s->left == 0)
				finish(f, index);
			continue;
		}
		if (s->direct != FIO_NO_CHAIN)
			f->direct[s->direct].left--;
		free_slot(f, index);
		fio_group_leave(f, q);
		if (q != rest) {
			*end = q;
			while (*end)
				end = &(*end)->priv.next;
		}
		rest = fio_chain_next(q);
	}
	if (!back)
		return;
	if (!f->todo)
		f->todo_end = end;
	*end = f->todo;
	f->todo = back;
}

/* ---- cancellation and the end ---- */

static bool cancelled(const struct fastio_req *q)
{
	return __atomic_load_n(&q->priv.cancel, __ATOMIC_ACQUIRE);
}

void fio_flight_cancel_todo(struct fio_flight *f, bool all)
{
	struct fastio_req *q = f->todo, *next;

	f->todo = NULL;
	f->todo_end = &f->todo;
	for (; q; q = next) {
		next = q->priv.next;
		if (!all && !cancelled(q)) {
			q->priv.next = NULL;
			*f->todo_end = q;
			f->todo_end = &q->priv.next;
			continue;
		}
		for (struct fastio_req *rest; q; q = rest) {
			rest = fio_chain_next(q);
			f->ops->answer(f, q, -ECANCELED);
		}
	}
}

static void cancel_sent(struct fio_flight *f, bool all)
{
	for (unsigned i = 0; i < f->depth && f->flying && !f->plain; i++) {
		struct fio_slot *s = &f->slots[i];
		struct io_uring_sqe *sqe;

		if (!s->req || s->cancelled || (s->req->priv.next && !all) ||
		    !(all || cancelled(s->req)))
			continue;
		while (!f->plain && !fio_ring_room(&f->uring, 1))
			fio_flight_submit(f);
		if (f->plain)
			return;
		s->cancelled = true;
		sqe = fio_ring_prepare(&f->uring);
		io_uring_prep_cancel64(sqe, (uint64_t)i << 1, 0);
		fio_ring_finish(sqe, FIO_DATA_IGNORE, 0);
	}
}

void fio_flight_cancel(struct fio_flight *f, bool all)
{
	fio_flight_cancel_todo(f, all);
	cancel_sent(f, all);
}

void fio_flight_bury(struct fio_flight *f)
{
	for (unsigned i = 0; i < f->depth; i++)
		if (f->slots[i].req)
			answer_sent(f, f->slots[i].req, -ECANCELED);
	for (struct fio_group *g = f->groups; g < f->groups + FIO_GROUPS; g++) {
		if (g->covered)
			fio_group_plain(f, g);
		g->covered = g->waiting;
		g->waiting = NULL;
		if (g->covered)
			fio_group_plain(f, g);
	}
}
