/* SPDX-License-Identifier: MIT */
/*
 * actor.c - the thread of a ring: takes requests, submits, harvests, answers; protocols in actor.h
 */
#include "actor.h"

#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>

#define DATA_WAKE UINT64_MAX         /* somebody woke the actor */
#define DATA_IGNORE (UINT64_MAX - 1) /* the result of asking for a cancellation */
#define DATA_GROUP (UINT64_MAX - 64) /* and the number of the group whose sync it is */
#define CROWDED 12       /* eighths of requests taken from the queue at once, as a running mean */
#define OP_FUTEX_WAIT 51 /* since Linux 6.7, which older headers do not have */
#define FUTEX_FLAGS (2 | FUTEX_PRIVATE_FLAG) /* of 32 bits */
#define LOOK_NS 1000000                      /* between two looks at what nobody will tell of */
#define WAIT_NS 100000000                    /* the same, should a wake-up be lost */
#define ABANDON_NS 200000000 /* until what cannot be cancelled is left to the kernel */

#define DATA_TIMEOUT 1u /* bit 0: the timeout of the slot in the bits above */

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

static void answer_chain(struct fastio_ring *r, struct fastio_req *first, int64_t res)
{
	for (struct fastio_req *q = first, *next; q; q = next) {
		next = fio_chain_next(q);
		fio_answer(r, q, res);
	}
}

/* ---- writes that are synced in groups ---- */

static bool group_free(const struct fio_group *g)
{
	return !g->writes && !g->waiting && !g->covered;
}

/* The group of a descriptor, or a free one, or NULL */
static struct fio_group *group_of(struct fastio_ring *r, int fd)
{
	struct fio_group *unused = NULL;

	for (struct fio_group *g = r->groups; g < r->groups + FIO_GROUPS; g++) {
		if (group_free(g))
			unused = g;
		else if (g->fd == fd)
			return g;
	}
	if (unused)
		unused->fd = fd;
	return unused;
}

/* A write is done; its answer comes with the sync, or now if it failed. */
static bool group_written(struct fastio_ring *r, struct fastio_req *q, int res)
{
	struct fio_group *g = group_of(r, q->fd);

	g->writes--;
	if (res < 0)
		return false;
	q->result = res;
	q->priv.next = g->waiting;
	g->waiting = q;
	return true;
}

/* What was sent as one operation */
static void answer_sent(struct fastio_ring *r, struct fastio_req *q, int64_t res, uint64_t now)
{
	for (struct fastio_req *next; q; q = next) {
		next = q->priv.next;
		fio_record(r, q, FASTIO_STAGE_COMPLETE, q->priv.sent_ns, now);
		fio_answer(r, q, res);
	}
}

static void group_synced(struct fastio_ring *r, struct fio_group *g, int res, uint64_t now)
{
	struct fastio_req *q = g->covered, *next;

	g->covered = NULL;
	for (; q; q = next) {
		next = q->priv.next;
		fio_record(r, q, FASTIO_STAGE_COMPLETE, q->priv.sent_ns, now);
		fio_answer(r, q, res < 0 ? res : q->result);
	}
}

static void group_plain(struct fastio_ring *r, struct fio_group *g)
{
	int res = (int)SYS1(SYS_fdatasync, g->fd);

	group_synced(r, g, res, fio_clock_ns());
}

/* Those whose writes have all come back, or that have waited for enough of them */
static void sync_groups(struct fastio_ring *r)
{
	for (unsigned i = 0; i < FIO_GROUPS; i++) {
		struct fio_group *g = &r->groups[i];
		struct io_uring_sqe *sqe;

		if (!g->waiting || g->covered ||
		    (g->writes && !r->todo && r->flying < r->opt.batch))
			continue;
		if (!r->plain && !fio_ring_room(&r->uring, 1))
			return;
		g->covered = g->waiting;
		g->waiting = NULL;
		if (r->plain) {
			group_plain(r, g);
			continue;
		}
		sqe = fio_ring_prepare(&r->uring);
		io_uring_prep_fsync(sqe, g->fd, IORING_FSYNC_DATASYNC);
		fio_ring_finish(sqe, DATA_GROUP + i, 0);
		r->flying++;
	}
}

/* ---- into the kernel ---- */

static void take_queue(struct fastio_ring *r)
{
	struct fastio_req *q = fio_mpsc_take(&r->queue);
	uint32_t n = 1;

	if (!q)
		return;
	*r->todo_end = q;
	for (; q->priv.next; n++)
		q = q->priv.next;
	r->todo_end = &q->priv.next;
	r->crowd += n - r->crowd / 8;
}

static void drop_first(struct fastio_ring *r, struct fastio_req *first)
{
	r->todo = first->priv.next;
	first->priv.next = NULL;
	if (!r->todo)
		r->todo_end = &r->todo;
}

static bool may_join(const struct fastio_req *q)
{
	return q->op == FASTIO_OP_DISCARD && !(q->flags & FASTIO_REQ_LINK) && !q->timeout_ns;
}

/*
 * A file is discarded from by one worker at a time, and the kernel does not join what is adjacent as it does
 * with reads and writes.  Here it becomes one operation; who is answered by it hangs on priv.next.
 */
static void join_discards(struct fastio_ring *r, struct fastio_req *first)
{
	uint64_t begin = first->offset, end = begin + first->len;
	struct fastio_req **at = &r->todo, *q;

	for (unsigned i = 0; *at && i < r->opt.batch; i++) {
		q = *at;
		if (!may_join(q) || q->fd != first->fd ||
		    (q->offset != end && q->offset + q->len != begin)) {
			at = &q->priv.next;
			continue;
		}
		begin = q->offset < begin ? q->offset : begin;
		end = q->offset == end ? end + q->len : end;
		*at = q->priv.next;
		if (!*at)
			r->todo_end = at;
		q->priv.next = first->priv.next;
		first->priv.next = q;
		at = &r->todo; /* what was passed over may fit now */
	}
}

static unsigned find_direct(const struct fastio_ring *r)
{
	unsigned i = 0;

	while (i < r->uring.direct && r->direct[i].left)
		i++;
	return i;
}

/* One request into a slot; follows: it is not the first of its chain. */
static void send_one(struct fastio_ring *r, struct fastio_req *q, unsigned direct, bool follows,
		     uint64_t now)
{
	unsigned index = r->free_slot, link = fio_chain_next(q) ? IOSQE_IO_LINK : 0, flags;
	struct fio_slot *s = &r->slots[index];
	struct io_uring_sqe *sqe = fio_ring_prepare(&r->uring);

	r->free_slot = s->free;
	r->nfree--;
	r->flying++;
	*s = (struct fio_slot){.req = q, .left = 1, .direct = (uint16_t)direct, .follows = follows};
	flags = fio_prepare(sqe, q, direct);
	fio_ring_finish(sqe, (uint64_t)index << 1, flags | (q->timeout_ns ? IOSQE_IO_LINK : link));
	if (q->timeout_ns) {
		s->left = 2;
		s->timeout.tv_sec = (int64_t)(q->timeout_ns / 1000000000);
		s->timeout.tv_nsec = (long long)(q->timeout_ns % 1000000000);
		sqe = fio_ring_prepare(&r->uring);
		io_uring_prep_link_timeout(sqe, &s->timeout, 0);
		fio_ring_finish(sqe, (uint64_t)index << 1 | DATA_TIMEOUT, link);
	}
	for (; q; q = q->priv.next) {
		fio_record(r, q, FASTIO_STAGE_QUEUE, q->priv.queued_ns, now);
		q->priv.sent_ns = now;
	}
	r->sent[r->nsent++] = (uint16_t)index;
}

/* Number of requests prepared, 0: no room now; negative: not for the ring */
static int send_chain(struct fastio_ring *r, struct fastio_req *first, uint64_t now)
{
	unsigned n = 0, direct = FIO_NO_CHAIN;
	bool alone = !fio_chain_next(first);

	for (struct fastio_req *q = first; q; q = fio_chain_next(q), n++)
		if (!fio_can_prepare(r, q, alone))
			return -ENOSYS;
	if (n > r->nfree || !fio_ring_room(&r->uring, 2 * n))
		return 0;
	if (first->flags & FASTIO_REQ_DSYNC) {
		struct fio_group *g = group_of(r, first->fd);

		if (!g || !fio_ring_has(&r->uring, IORING_OP_FSYNC))
			return -ENOSYS;
		/* with nobody to share a sync with, one operation is quicker than two */
		if (group_free(g) && !first->priv.next && r->crowd <= CROWDED)
			first->priv.kind |= FIO_KIND_SYNCED;
		else
			g->writes++;
	}
	if (first->priv.kind & FIO_KIND_CHAIN_FD) {
		direct = find_direct(r);
		if (direct == r->uring.direct)
			return 0;
		r->direct[direct] = (struct fio_direct){.left = (uint16_t)n};
	}
	drop_first(r, first);
	if (may_join(first))
		join_discards(r, first);
	for (struct fastio_req *q = first; q; q = fio_chain_next(q))
		send_one(r, q, direct, q != first, now);
	return (int)n;
}

/* Does all that the ring has not, submits the rest.  Returns whether there was anything to do. */
static bool send_todo(struct fastio_ring *r)
{
	uint64_t now = r->todo ? fio_clock_ns() : 0;
	unsigned batch = 0;
	bool any = false;

	while (r->todo && batch < r->opt.batch) {
		struct fastio_req *first = r->todo;
		int n = r->plain ? -ENOSYS : send_chain(r, first, now);

		if (n == 0)
			break;
		any = true;
		if (n > 0) {
			batch += (unsigned)n;
			continue;
		}
		drop_first(r, first);
		for (struct fastio_req *q = first; q; q = fio_chain_next(q))
			fio_record(r, q, FASTIO_STAGE_QUEUE, q->priv.queued_ns, now);
		fio_plain_chain(r, first, fio_answer);
		now = fio_clock_ns();
		batch++;
	}
	return any;
}

/* ---- out of it ---- */

static void close_chain(struct fastio_ring *r, unsigned direct, const struct fastio_req *q, int res)
{
	struct fio_direct *d = &r->direct[direct];

	if (q->op == FASTIO_OP_OPEN && res >= 0)
		d->opened = true;
	if (q->op == FASTIO_OP_CLOSE && q->fd == FASTIO_FD_CHAIN && res >= 0)
		d->opened = false;
	if (--d->left == 0 && d->opened)
		fio_ring_close_direct(&r->uring, direct);
}

/* Discard of a device's blocks through the ring is tried once; what refuses it is asked by a plain call. */
static int device_discard(struct fastio_ring *r, const struct fastio_req *q, int res)
{
	if (r->discards == FIO_DISCARD_WORKS)
		return res;
	if (res < 0 && res != -ECANCELED && res != -ETIMEDOUT) {
		res = (int)fio_plain_discard(q, q->fd);
		r->discards = res < 0 ? FIO_DISCARD_UNPROVEN : FIO_DISCARD_PLAIN;
	} else if (!res) {
		r->discards = FIO_DISCARD_WORKS;
	}
	return res;
}

static void free_slot(struct fastio_ring *r, unsigned index)
{
	struct fio_slot *s = &r->slots[index];

	s->req = NULL;
	s->free = r->free_slot;
	r->free_slot = (uint16_t)index;
	r->nfree++;
	r->flying--;
}

static void finish(struct fastio_ring *r, unsigned index, uint64_t now)
{
	struct fio_slot *s = &r->slots[index];
	struct fastio_req *q = s->req;
	int res = s->res;

	/* A worker that was interrupted says EINTR. */
	if (res == -EINTR && (s->cancelled || s->timed_out))
		res = -ECANCELED;
	if (res == -ECANCELED && s->timed_out)
		res = -ETIMEDOUT;
	if (q->op == FASTIO_OP_DISCARD && q->priv.kind & FIO_KIND_DEVICE)
		res = device_discard(r, q, res);
	if (s->direct != FIO_NO_CHAIN)
		close_chain(r, s->direct, q, res);
	free_slot(r, index);
	if (q->flags & FASTIO_REQ_DSYNC && !(q->priv.kind & FIO_KIND_SYNCED) &&
	    group_written(r, q, res))
		return;
	answer_sent(r, q, res, now);
}

static bool harvest(struct fastio_ring *r)
{
	uint64_t data, now = 0;
	bool any = false;
	int res;

	while (fio_ring_harvest(&r->uring, &data, &res)) {
		struct fio_slot *s;

		any = true;
		if (data == DATA_WAKE) {
			r->wake_armed = false;
			if (res < 0 && r->wake_fd >= 0)
				r->wake_lost = true;
		}
		if (data == DATA_WAKE || data == DATA_IGNORE)
			continue;
		if (!now)
			now = fio_clock_ns();
		if (data >= DATA_GROUP) {
			r->flying--;
			group_synced(r, &r->groups[data - DATA_GROUP], res, now);
			continue;
		}
		s = &r->slots[data >> 1];
		if (!(data & DATA_TIMEOUT))
			s->res = res;
		else if (res == -ETIME)
			s->timed_out = true;
		if (--s->left == 0)
			finish(r, (unsigned)(data >> 1), now);
	}
	return any;
}

/* ---- a ring that can no longer be entered ---- */

/* What the kernel has not taken is done again, by plain calls, before all else. */
static void lose_ring(struct fastio_ring *r)
{
	struct fastio_req *back = NULL, **end = &back, *rest = NULL;
	uint64_t data;

	r->plain = true;
	r->nsent = 0;
	while (fio_ring_take_back(&r->uring, &data)) {
		unsigned index = (unsigned)(data >> 1);
		struct fio_slot *s = &r->slots[index];
		struct fastio_req *q;

		if (data == DATA_WAKE || data == DATA_IGNORE)
			continue;
		if (data >= DATA_GROUP) {
			r->flying--;
			group_plain(r, &r->groups[data - DATA_GROUP]);
			continue;
		}
		q = s->req;
		if (!q)
			continue; /* its timeout */
		if (data & DATA_TIMEOUT || (s->follows && q != rest)) {
			/* the kernel has the operation, or the beginning of its chain */
			if (!(data & DATA_TIMEOUT))
				s->res = -ECANCELED;
			if (--s->left == 0)
				finish(r, index, fio_clock_ns());
			continue;
		}
		if (s->direct != FIO_NO_CHAIN)
			r->direct[s->direct].left--;
		free_slot(r, index);
		if (q->flags & FASTIO_REQ_DSYNC && !(q->priv.kind & FIO_KIND_SYNCED))
			group_of(r, q->fd)->writes--;
		if (q != rest) {
			*end = q;
			while (*end)
				end = &(*end)->priv.next;
		}
		rest = fio_chain_next(q);
	}
	if (!back)
		return;
	if (!r->todo)
		r->todo_end = end;
	*end = r->todo;
	r->todo = back;
}

/* ---- cancellation and the end ---- */

static void cancel_todo(struct fastio_ring *r, bool all)
{
	struct fastio_req *q = r->todo, *next;

	r->todo = NULL;
	r->todo_end = &r->todo;
	for (; q; q = next) {
		next = q->priv.next;
		if (all || __atomic_load_n(&q->priv.cancel, __ATOMIC_ACQUIRE)) {
			answer_chain(r, q, -ECANCELED);
			continue;
		}
		q->priv.next = NULL;
		*r->todo_end = q;
		r->todo_end = &q->priv.next;
	}
}

/* Where the kernel takes nothing at the moment: until it does. */
static int submit_all(struct fastio_ring *r)
{
	int calls;

	do {
		calls = fio_ring_submit(&r->uring);
	} while (calls == -EAGAIN);
	return calls;
}

static void cancel_flying(struct fastio_ring *r, bool all)
{
	for (unsigned i = 0; i < r->opt.depth && r->flying && !r->plain; i++) {
		struct fio_slot *s = &r->slots[i];
		struct io_uring_sqe *sqe;

		if (!s->req || s->cancelled || (s->req->priv.next && !all) ||
		    !(all || __atomic_load_n(&s->req->priv.cancel, __ATOMIC_ACQUIRE)))
			continue;
		if (!fio_ring_room(&r->uring, 1) && submit_all(r) < 0) {
			lose_ring(r);
			return;
		}
		s->cancelled = true;
		sqe = fio_ring_prepare(&r->uring);
		io_uring_prep_cancel64(sqe, (uint64_t)i << 1, 0);
		fio_ring_finish(sqe, DATA_IGNORE, 0);
	}
}

/* cancels was read before the queue was taken: what it counts is in todo or in the kernel. */
static void look_for_cancels(struct fastio_ring *r, uint32_t cancels)
{
	bool all = r->closing_seen == FIO_CLOSING_CANCEL;

	if (cancels == r->cancels_seen && !all)
		return;
	r->cancels_seen = cancels;
	cancel_todo(r, all);
	cancel_flying(r, all);
}

/* Nothing but the end of the actor can cancel what a ring has that is not entered any more. */
static bool abandoned(struct fastio_ring *r)
{
	uint64_t now;

	if (!r->plain || !r->flying || r->closing_seen != FIO_CLOSING_CANCEL)
		return false;
	now = fio_clock_ns();
	if (!r->abandon_ns)
		r->abandon_ns = now + ABANDON_NS;
	return now >= r->abandon_ns;
}

void fio_actor_bury(struct fastio_ring *r)
{
	for (unsigned i = 0; i < r->opt.depth; i++)
		if (r->slots[i].req)
			answer_sent(r, r->slots[i].req, -ECANCELED, fio_clock_ns());
	for (struct fio_group *g = r->groups; g < r->groups + FIO_GROUPS; g++) {
		if (g->covered)
			group_plain(r, g);
		g->covered = g->waiting;
		if (g->covered)
			group_plain(r, g);
	}
	while (atomic_load(&r->taken)) { /* what is being submitted just now */
		take_queue(r);
		cancel_todo(r, true);
		sched_yield();
	}
}

/* ---- sleep ---- */

static bool something(struct fastio_ring *r)
{
	return !fio_mpsc_empty(&r->queue) || (!r->plain && fio_ring_ready(&r->uring));
}

/*
 * Looks busily for a while; others who want the processor have it.  Where requests come by several,
 * their threads need the processors more than we do: they are let run, which makes the next batch.
 */
static bool spin(struct fastio_ring *r)
{
	uint64_t begin = 0;

	if (r->opt.spin_ns < 2)
		return false;
	for (int i = 0; r->crowd > CROWDED && i < FIO_YIELDS; i++) {
		sched_yield();
		if (something(r))
			return true;
	}
	/* What is in the kernel may need the processor to get done. */
	if (r->cores < 2 || r->crowd > CROWDED || r->flying)
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
	struct io_uring_sqe *sqe;

	if (r->wake_armed)
		return;
	sqe = fio_ring_prepare(&r->uring);
	if (r->wake_fd < 0) {
		io_uring_prep_rw(OP_FUTEX_WAIT, sqe, FUTEX_FLAGS, &r->sleeping, 0, FIO_IN_RING);
		sqe->addr3 = FUTEX_BITSET_MATCH_ANY;
	} else {
		io_uring_prep_read(sqe, r->wake_fd, &r->wake_value, sizeof(r->wake_value), 0);
	}
	fio_ring_finish(sqe, DATA_WAKE, 0);
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

	if (r->flying && !r->plain) {
		atomic_store(&r->sleeping, FIO_IN_RING);
		if (!news(r)) {
			if (!r->wake_lost)
				arm_wake(r);
			if (fio_ring_submit_and_wait(&r->uring, r->wake_lost ? LOOK_NS : WAIT_NS) <
			    0)
				lose_ring(r);
		}
	} else {
		atomic_store(&r->sleeping, FIO_ASLEEP);
		if (!news(r))
			sys_futex_wait(&r->sleeping, FIO_ASLEEP, r->flying ? &look : NULL);
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

static void submit(struct fastio_ring *r)
{
	uint64_t now;

	if (r->plain || !fio_ring_unsent(&r->uring))
		return;
	if (submit_all(r) < 0) {
		lose_ring(r);
		return;
	}
	now = fio_clock_ns();
	for (unsigned i = 0; i < r->nsent; i++) {
		for (struct fastio_req *q = r->slots[r->sent[i]].req; q; q = q->priv.next) {
			fio_record(r, q, FASTIO_STAGE_SUBMIT, q->priv.sent_ns, now);
			q->priv.sent_ns = now;
		}
	}
	r->nsent = 0;
}

static void work(struct fastio_ring *r)
{
	for (;;) {
		uint32_t cancels = atomic_load(&r->cancels);
		bool any;

		r->closing_seen = atomic_load(&r->closing);
		take_queue(r);
		look_for_cancels(r, cancels);
		any = send_todo(r);
		sync_groups(r);
		submit(r);
		if (r->flying || !r->plain)
			any |= harvest(r);
		if (any || (r->plain && r->todo))
			continue;
		if ((r->closing_seen && !atomic_load(&r->taken)) || abandoned(r))
			return;
		if (!spin(r))
			sleep_now(r);
	}
}

static int start(struct fastio_ring *r)
{
	unsigned slots = r->opt.depth;
	const struct fio_ring_setup setup = {
		.entries =
			2 * (r->opt.batch > FASTIO_CHAIN_MAX ? r->opt.batch : FASTIO_CHAIN_MAX) + 2,
		.cq_entries = 4 * slots > 64 ? 4 * slots : 64,
		.workers = r->opt.workers,
		.direct = slots < FIO_RING_DIRECT_MAX ? slots : FIO_RING_DIRECT_MAX,
	};

	r->todo_end = &r->todo;
	if (!r->plain && fio_ring_start(&r->uring, &setup) < 0)
		r->plain = true;
	if (r->plain)
		return 0;
	if (!fio_ring_has(&r->uring, IORING_OP_READ)) {
		fio_ring_stop(&r->uring);
		r->plain = true;
		return 0;
	}
	if (!fio_ring_has(&r->uring, OP_FUTEX_WAIT)) {
		r->wake_fd = (int)SYS2(SYS_eventfd2, 0, EFD_CLOEXEC);
		if (r->wake_fd < 0) {
			fio_ring_stop(&r->uring);
			return r->wake_fd;
		}
	}
	if (fio_ring_has(&r->uring, IORING_OP_URING_CMD))
		r->discards = FIO_DISCARD_UNPROVEN;
	if (r->opt.nbuffers) {
		int err =
			io_uring_register_buffers(&r->uring.ring, r->opt.buffers, r->opt.nbuffers);

		if (err < 0) {
			fio_ring_stop(&r->uring);
			return err;
		}
	}
	return 0;
}

void *fio_actor_main(void *ring)
{
	struct fastio_ring *r = ring;

	r->start_err = start(r);
	atomic_store(&r->started, 1);
	sys_futex_wake(&r->started, 1);
	if (r->start_err < 0)
		return NULL;
	r->has_ring = !r->plain;
	work(r);
	if (r->has_ring)
		fio_ring_stop(&r->uring);
	return NULL;
}
