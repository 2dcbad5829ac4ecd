/* SPDX-License-Identifier: MIT */
/*
 * discard.c - discards: holes in files, blocks of devices
 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>

#include "flight.h"
#include "sys.h"

struct fio_range fio_discard_range(const struct fastio_req *q)
{
	struct fio_range range = {q->offset, 0};

	for (; q; q = q->priv.next) {
		range.offset = q->offset < range.offset ? q->offset : range.offset;
		range.len += q->len;
	}
	return range;
}

int64_t fio_discard_plain(const struct fastio_req *q, int fd)
{
	struct fio_range range = fio_discard_range(q);

	if (q->priv.kind & FIO_REQ_DEVICE)
		return SYS3(SYS_ioctl, fd, BLKDISCARD, &range);
	return SYS4(SYS_fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, range.offset,
		    range.len);
}

static bool may_join(const struct fastio_req *q)
{
	return q->op == FASTIO_OP_DISCARD && !(q->flags & FASTIO_REQ_LINK) && !q->timeout_ns;
}

/*
 * A file is discarded from by one worker at a time, and the kernel does not join what is adjacent
 * as it does with reads and writes.  Here it becomes one operation; who is answered by it hangs on
 * priv.next.
 */
void fio_discards_join(struct fio_flight *f, struct fastio_req *first)
{
	uint64_t begin = first->offset, end = begin + first->len;
	struct fastio_req **at = &f->todo, *q;

	if (!may_join(first))
		return;
	for (unsigned i = 0; *at && i < f->batch; i++) {
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
			f->todo_end = at;
		q->priv.next = first->priv.next;
		first->priv.next = q;
		at = &f->todo; /* what was passed over may fit now */
	}
}

/*
 * Discard of a device's blocks through the ring is tried once; what refuses it is asked by a plain
 * call.
 */
int fio_discarded(struct fio_flight *f, const struct fastio_req *q, int res)
{
	if (q->op != FASTIO_OP_DISCARD || !(q->priv.kind & FIO_REQ_DEVICE) ||
	    f->discards == FIO_DISCARD_WORKS)
		return res;
	if (res < 0 && res != -ECANCELED && res != -ETIMEDOUT) {
		res = (int)fio_discard_plain(q, q->fd);
		f->discards = res < 0 ? FIO_DISCARD_UNPROVEN : FIO_DISCARD_PLAIN;
	} else if (!res) {
		f->discards = FIO_DISCARD_WORKS;
	}
	return res;
}
