/* SPDX-License-Identifier: MIT */
/*
 * plain.c - requests by plain system calls: inline, without io_uring, and for what it has not
 */
#include "actor.h"

static int64_t plain_data(const struct fastio_req *q, int fd, bool write)
{
	const struct iovec v = {q->buf, q->len};

	if (q->flags & FASTIO_REQ_DSYNC) /* an offset of -1 is the descriptor's own position */
		return SYS6(SYS_pwritev2, fd, &v, 1, q->offset, 0, RWF_DSYNC);
	if (q->offset == UINT64_MAX)
		return write ? sys_write(fd, q->buf, q->len) : sys_read(fd, q->buf, q->len);
	if (write)
		return sys_pwrite(fd, q->buf, q->len, (off_t)q->offset);
	return SYS4(SYS_pread64, fd, q->buf, q->len, q->offset);
}

static int64_t plain_one(const struct fastio_req *q, int fd)
{
	switch ((enum fastio_op)q->op) {
	case FASTIO_OP_OPEN:
		return sys_openat(fd, q->path, q->how, q->mode);
	case FASTIO_OP_CLOSE:
		return sys_close(fd);
	case FASTIO_OP_READ:
	case FASTIO_OP_BLOCK_READ:
		return plain_data(q, fd, false);
	case FASTIO_OP_WRITE:
	case FASTIO_OP_BLOCK_WRITE:
		return plain_data(q, fd, true);
	case FASTIO_OP_FSYNC:
		return SYS1(SYS_fsync, fd);
	case FASTIO_OP_FDATASYNC:
		return SYS1(SYS_fdatasync, fd);
	case FASTIO_OP_STATX:
		return sys_statx(fd, q->path, q->how, (unsigned)q->len, q->buf);
	case FASTIO_OP_UNLINK:
		return sys_unlinkat(fd, q->path, q->how);
	case FASTIO_OP_MKDIR:
		return SYS3(SYS_mkdirat, fd, q->path, q->mode);
	case FASTIO_OP_RENAME:
		return SYS5(SYS_renameat2, fd, q->path, q->fd2, q->path2, q->how);
	case FASTIO_OP_DISCARD:
		return fio_discard_plain(q, fd);
	case FASTIO_NOPS:
		break;
	}
	return -EINVAL;
}

void fio_plain_chain(struct fastio_ring *r, struct fastio_req *first, fio_answer_fn *answer)
{
	bool own = first->priv.kind & FIO_REQ_CHAIN_FD, broken = false;
	struct fastio_req *q, *next;
	int opened = -EBADF;

	for (q = first; q; q = next) {
		bool mine = q->fd == FASTIO_FD_CHAIN, closes = mine && q->op == FASTIO_OP_CLOSE;
		uint64_t begin = fio_clock_ns();
		int64_t res = -ECANCELED;

		if (!broken && !__atomic_load_n(&q->priv.cancel, __ATOMIC_ACQUIRE))
			res = plain_one(q, mine ? opened : q->fd);
		else if (closes && opened >= 0)
			sys_close(opened);
		if (own && q == first && res >= 0) {
			opened = (int)res;
			res = 0; /* as with a direct descriptor: it has no number */
		}
		broken |= !fio_req_whole(q, res);
		fio_record(r, q, FASTIO_STAGE_COMPLETE, begin, fio_clock_ns());
		next = fio_chain_next(q);
		answer(r, q, res);
	}
}
