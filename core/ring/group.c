/* SPDX-License-Identifier: MIT */
/*
 * group.c - writes that are synced in groups
 */
#include "flight.h"
#include "sys.h"

static bool group_free(const struct fio_group *g)
{
	return !g->writes && !g->waiting && !g->covered;
}

/* The group of a descriptor, or a free one, or NULL */
static struct fio_group *group_of(struct fio_flight *f, int fd)
{
	struct fio_group *unused = NULL;

	for (struct fio_group *g = f->groups; g < f->groups + FIO_GROUPS; g++) {
		if (group_free(g))
			unused = g;
		else if (g->fd == fd)
			return g;
	}
	if (unused)
		unused->fd = fd;
	return unused;
}

bool fio_group_join(struct fio_flight *f, struct fastio_req *write)
{
	struct fio_group *g = group_of(f, write->fd);

	if (!g || !fio_ring_has(&f->uring, IORING_OP_FSYNC))
		return false;
	/* with nobody to share a sync with, one operation is quicker than two */
	if (group_free(g) && !write->priv.next && f->crowd <= FIO_CROWDED)
		write->priv.kind |= FIO_REQ_SYNCED;
	else
		g->writes++;
	return true;
}

static bool grouped(const struct fastio_req *q)
{
	return q->flags & FASTIO_REQ_DSYNC && !(q->priv.kind & FIO_REQ_SYNCED);
}

bool fio_group_written(struct fio_flight *f, struct fastio_req *q, int res)
{
	struct fio_group *g;

	if (!grouped(q))
		return false;
	g = group_of(f, q->fd);
	g->writes--;
	if (res < 0)
		return false;
	q->result = res;
	q->priv.next = g->waiting;
	g->waiting = q;
	return true;
}

void fio_group_leave(struct fio_flight *f, const struct fastio_req *q)
{
	if (grouped(q))
		group_of(f, q->fd)->writes--;
}

void fio_group_synced(struct fio_flight *f, struct fio_group *g, int res)
{
	struct fastio_req *q = g->covered, *next;
	uint64_t now = fio_flight_now(f);

	g->covered = NULL;
	for (; q; q = next) {
		next = q->priv.next;
		fio_flight_record(f, q, FASTIO_STAGE_COMPLETE, q->priv.sent_ns, now);
		f->ops->answer(f, q, res < 0 ? res : q->result);
	}
}

void fio_group_plain(struct fio_flight *f, struct fio_group *g)
{
	fio_group_synced(f, g, (int)SYS1(SYS_fdatasync, g->fd));
}

void fio_groups_sync(struct fio_flight *f)
{
	for (unsigned i = 0; i < FIO_GROUPS; i++) {
		struct fio_group *g = &f->groups[i];
		struct io_uring_sqe *sqe;

		if (!g->waiting || g->covered || (g->writes && !f->todo && f->flying < f->batch))
			continue;
		if (!f->plain && !fio_ring_room(&f->uring, 1))
			return;
		g->covered = g->waiting;
		g->waiting = NULL;
		if (f->plain) {
			fio_group_plain(f, g);
			continue;
		}
		sqe = fio_ring_prepare(&f->uring);
		io_uring_prep_fsync(sqe, g->fd, IORING_FSYNC_DATASYNC);
		fio_ring_finish(sqe, FIO_DATA_GROUP + i, 0);
		f->flying++;
	}
}
