/* SPDX-License-Identifier: MIT */
/*
 * prepare.c - operations of the ring for a request
 */
#include <fcntl.h>
#include <linux/falloc.h>

#include "flight.h"

#define DISCARD_CMD 0x1200u /* BLOCK_URING_CMD_DISCARD, since Linux 6.12 */

static const uint8_t opcodes[FASTIO_NOPS] = {
	[FASTIO_OP_OPEN] = IORING_OP_OPENAT,       [FASTIO_OP_CLOSE] = IORING_OP_CLOSE,
	[FASTIO_OP_READ] = IORING_OP_READ,         [FASTIO_OP_WRITE] = IORING_OP_WRITE,
	[FASTIO_OP_FSYNC] = IORING_OP_FSYNC,       [FASTIO_OP_FDATASYNC] = IORING_OP_FSYNC,
	[FASTIO_OP_STATX] = IORING_OP_STATX,       [FASTIO_OP_UNLINK] = IORING_OP_UNLINKAT,
	[FASTIO_OP_MKDIR] = IORING_OP_MKDIRAT,     [FASTIO_OP_RENAME] = IORING_OP_RENAMEAT,
	[FASTIO_OP_BLOCK_READ] = IORING_OP_READ,   [FASTIO_OP_BLOCK_WRITE] = IORING_OP_WRITE,
	[FASTIO_OP_DISCARD] = IORING_OP_FALLOCATE,
};

bool fio_can_prepare(const struct fio_flight *f, const struct fastio_req *req, bool alone)
{
	if (req->priv.kind & FIO_REQ_CHAIN_FD && !f->uring.direct)
		return false;
	if (req->timeout_ns && !fio_ring_has(&f->uring, IORING_OP_LINK_TIMEOUT))
		return false;
	if (req->op == FASTIO_OP_DISCARD && req->priv.kind & FIO_REQ_DEVICE)
		return f->discards == FIO_DISCARD_WORKS ||
		       (f->discards == FIO_DISCARD_UNPROVEN && alone);
	return fio_ring_has(&f->uring, opcodes[req->op]);
}

static void prepare_data(struct io_uring_sqe *sqe, const struct fastio_req *q, int fd, bool write)
{
	bool fixed = q->flags & FASTIO_REQ_REGISTERED;

	if (write)
		io_uring_prep_write(sqe, fd, q->buf, (unsigned)q->len, q->offset);
	else
		io_uring_prep_read(sqe, fd, q->buf, (unsigned)q->len, q->offset);
	if (q->priv.kind & FIO_REQ_SYNCED)
		sqe->rw_flags = RWF_DSYNC;
	if (fixed) {
		sqe->opcode = write ? IORING_OP_WRITE_FIXED : IORING_OP_READ_FIXED;
		sqe->buf_index = q->buffer;
	}
}

static void prepare_discard(struct io_uring_sqe *sqe, const struct fastio_req *q, int fd)
{
	struct fio_range range = fio_discard_range(q);

	if (!(q->priv.kind & FIO_REQ_DEVICE)) {
		io_uring_prep_fallocate(sqe, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					(off_t)range.offset, (off_t)range.len);
		return;
	}
	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, fd, NULL, 0, 0);
	sqe->cmd_op = DISCARD_CMD;
	sqe->addr = range.offset;
	sqe->addr3 = range.len;
}

unsigned fio_prepare(struct io_uring_sqe *sqe, const struct fastio_req *q, unsigned direct)
{
	bool own = q->fd == FASTIO_FD_CHAIN;
	int fd = own ? (int)direct : q->fd;

	switch ((enum fastio_op)q->op) {
	case FASTIO_OP_OPEN:
		if (q->priv.kind & FIO_REQ_CHAIN_FD)
			io_uring_prep_openat_direct(sqe, fd, q->path, q->how & ~O_CLOEXEC, q->mode,
						    direct);
		else
			io_uring_prep_openat(sqe, fd, q->path, q->how, q->mode);
		return 0;
	case FASTIO_OP_CLOSE:
		if (own)
			io_uring_prep_close_direct(sqe, direct);
		else
			io_uring_prep_close(sqe, fd);
		return 0;
	case FASTIO_OP_READ:
	case FASTIO_OP_BLOCK_READ:
		prepare_data(sqe, q, fd, false);
		break;
	case FASTIO_OP_WRITE:
	case FASTIO_OP_BLOCK_WRITE:
		prepare_data(sqe, q, fd, true);
		break;
	case FASTIO_OP_FSYNC:
		io_uring_prep_fsync(sqe, fd, 0);
		break;
	case FASTIO_OP_FDATASYNC:
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
		break;
	case FASTIO_OP_STATX:
		io_uring_prep_statx(sqe, fd, q->path, q->how, (unsigned)q->len, q->buf);
		break;
	case FASTIO_OP_UNLINK:
		io_uring_prep_unlinkat(sqe, fd, q->path, q->how);
		break;
	case FASTIO_OP_MKDIR:
		io_uring_prep_mkdirat(sqe, fd, q->path, q->mode);
		break;
	case FASTIO_OP_RENAME:
		io_uring_prep_renameat(sqe, fd, q->path, q->fd2, q->path2, (unsigned)q->how);
		break;
	case FASTIO_OP_DISCARD:
		prepare_discard(sqe, q, fd);
		break;
	case FASTIO_NOPS:
		break;
	}
	return own ? IOSQE_FIXED_FILE : 0;
}
