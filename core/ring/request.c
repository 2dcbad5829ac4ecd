/* SPDX-License-Identifier: MIT */
/*
 * request.c - filling requests, and checking them before they are accepted
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "actor.h"

/* ---- filling ---- */

void fastio_open(struct fastio_req *r, int dirfd, const char *path, int flags, mode_t mode)
{
	*r = (struct fastio_req){
		.op = FASTIO_OP_OPEN, .fd = dirfd, .path = path, .how = flags, .mode = mode};
}

void fastio_close(struct fastio_req *r, int fd)
{
	*r = (struct fastio_req){.op = FASTIO_OP_CLOSE, .fd = fd};
}

static void data(struct fastio_req *r, enum fastio_op op, int fd, const void *buf, uint64_t len,
		 uint64_t offset)
{
	*r = (struct fastio_req){
		.op = (uint8_t)op, .fd = fd, .buf = (void *)buf, .len = len, .offset = offset};
}

void fastio_read(struct fastio_req *r, int fd, void *buf, size_t len, uint64_t offset)
{
	data(r, FASTIO_OP_READ, fd, buf, len, offset);
}

void fastio_write(struct fastio_req *r, int fd, const void *buf, size_t len, uint64_t offset)
{
	data(r, FASTIO_OP_WRITE, fd, buf, len, offset);
}

void fastio_block_read(struct fastio_req *r, int fd, void *buf, size_t len, uint64_t offset)
{
	data(r, FASTIO_OP_BLOCK_READ, fd, buf, len, offset);
}

void fastio_block_write(struct fastio_req *r, int fd, const void *buf, size_t len, uint64_t offset)
{
	data(r, FASTIO_OP_BLOCK_WRITE, fd, buf, len, offset);
}

void fastio_discard(struct fastio_req *r, int fd, uint64_t len, uint64_t offset)
{
	data(r, FASTIO_OP_DISCARD, fd, NULL, len, offset);
}

void fastio_fsync(struct fastio_req *r, int fd)
{
	*r = (struct fastio_req){.op = FASTIO_OP_FSYNC, .fd = fd};
}

void fastio_fdatasync(struct fastio_req *r, int fd)
{
	*r = (struct fastio_req){.op = FASTIO_OP_FDATASYNC, .fd = fd};
}

void fastio_statx(struct fastio_req *r, int dirfd, const char *path, int flags, unsigned mask,
		  struct statx *sx)
{
	*r = (struct fastio_req){.op = FASTIO_OP_STATX,
				 .fd = dirfd,
				 .path = path,
				 .how = flags,
				 .len = mask,
				 .buf = sx};
}

void fastio_unlink(struct fastio_req *r, int dirfd, const char *path, int flags)
{
	*r = (struct fastio_req){.op = FASTIO_OP_UNLINK, .fd = dirfd, .path = path, .how = flags};
}

void fastio_mkdir(struct fastio_req *r, int dirfd, const char *path, mode_t mode)
{
	*r = (struct fastio_req){.op = FASTIO_OP_MKDIR, .fd = dirfd, .path = path, .mode = mode};
}

void fastio_rename(struct fastio_req *r, int dirfd, const char *path, int dirfd2, const char *path2,
		   unsigned flags)
{
	*r = (struct fastio_req){.op = FASTIO_OP_RENAME,
				 .fd = dirfd,
				 .path = path,
				 .fd2 = dirfd2,
				 .path2 = path2,
				 .how = (int)flags};
}

void fastio_link(struct fastio_req *a, struct fastio_req *b)
{
	a->next = b;
	a->flags |= FASTIO_REQ_LINK;
}

/* ---- checking ---- */

static bool bad_fd(int fd)
{
	return fd < 0 && fd != FASTIO_FD_CHAIN;
}

static bool bad_dirfd(int fd)
{
	return fd < 0 && fd != AT_FDCWD;
}

static int check_path(const struct fastio_req *q)
{
	if (!q->path || (q->op == FASTIO_OP_RENAME && !q->path2))
		return -EFAULT;
	if (bad_dirfd(q->fd) || (q->op == FASTIO_OP_RENAME && bad_dirfd(q->fd2)))
		return -EBADF;
	if (q->op == FASTIO_OP_STATX)
		return !q->buf ? -EFAULT : q->len > UINT32_MAX ? -EINVAL : 0;
	return 0;
}

static int check_registered(const struct fastio_ring *r, const struct fastio_req *q)
{
	const struct iovec *v;
	uintptr_t at = (uintptr_t)q->buf, base;

	if (!(q->flags & FASTIO_REQ_REGISTERED))
		return 0;
	if (q->buffer >= r->opt.nbuffers)
		return -EINVAL;
	v = &r->opt.buffers[q->buffer];
	base = (uintptr_t)v->iov_base;
	if (at < base || q->len > v->iov_len || at - base > v->iov_len - q->len)
		return -EFAULT;
	return 0;
}

static int check_data(const struct fastio_ring *r, const struct fastio_req *q)
{
	uint64_t align = q->align ? q->align : 512;

	if (bad_fd(q->fd))
		return -EBADF;
	if (!q->buf && q->len)
		return -EFAULT;
	if (q->len > FASTIO_LEN_MAX || (q->offset > INT64_MAX && q->offset != UINT64_MAX))
		return -EINVAL;
	if (q->op == FASTIO_OP_BLOCK_READ || q->op == FASTIO_OP_BLOCK_WRITE) {
		if (align & (align - 1) || !q->len || q->offset > INT64_MAX ||
		    (q->len | q->offset | (uintptr_t)q->buf) & (align - 1))
			return -EINVAL;
	}
	return check_registered(r, q);
}

static int check_discard(struct fastio_req *q)
{
	struct stat st;
	int err;

	if (bad_fd(q->fd))
		return -EBADF;
	if (!q->len || q->len > INT64_MAX || q->offset > INT64_MAX - q->len)
		return -EINVAL;
	if (q->fd == FASTIO_FD_CHAIN)
		return 0;
	err = sys_fstat(q->fd, &st);
	if (!err && S_ISBLK(st.st_mode))
		q->priv.kind |= FIO_REQ_DEVICE;
	return err;
}

static int check_one(const struct fastio_ring *r, struct fastio_req *q)
{
	uint32_t state = __atomic_load_n(&q->priv.state, __ATOMIC_ACQUIRE);

	if (q->op >= FASTIO_NOPS ||
	    q->flags & ~(FASTIO_REQ_LINK | FASTIO_REQ_REGISTERED | FASTIO_REQ_DSYNC))
		return -EINVAL;
	if (q->flags & FASTIO_REQ_DSYNC &&
	    (q->op != FASTIO_OP_WRITE && q->op != FASTIO_OP_BLOCK_WRITE))
		return -EINVAL;
	if (state == FIO_UNDERWAY || state == FIO_WAITED)
		return -EBUSY;
	if (q->eventfd < 0)
		return -EBADF;
	q->priv.kind = 0;
	switch ((enum fastio_op)q->op) {
	case FASTIO_OP_READ:
	case FASTIO_OP_WRITE:
	case FASTIO_OP_BLOCK_READ:
	case FASTIO_OP_BLOCK_WRITE:
		return check_data(r, q);
	case FASTIO_OP_DISCARD:
		return check_discard(q);
	case FASTIO_OP_CLOSE:
	case FASTIO_OP_FSYNC:
	case FASTIO_OP_FDATASYNC:
		return bad_fd(q->fd) ? -EBADF : 0;
	default:
		return check_path(q);
	}
}

int fio_check_chain(const struct fastio_ring *r, struct fastio_req *first)
{
	struct fastio_req *q, *last = first;
	bool uses = false, synced = false;
	int n = 0, err;

	for (q = first; q; q = fio_chain_next(q)) {
		if (++n > FASTIO_CHAIN_MAX || (unsigned)n > r->opt.depth ||
		    (unsigned)n > r->opt.limit)
			return -E2BIG;
		if (q->flags & FASTIO_REQ_LINK && !q->next)
			return -EINVAL;
		err = check_one(r, q);
		if (err)
			return err;
		uses |= q->fd == FASTIO_FD_CHAIN;
		/* closed before the end of the chain: what follows has no descriptor */
		if (last != q && last->op == FASTIO_OP_CLOSE && last->fd == FASTIO_FD_CHAIN)
			return -EINVAL;
		if (q != first && uses && q->op == FASTIO_OP_OPEN)
			return -EINVAL;
		last = q;
		synced |= q->flags & FASTIO_REQ_DSYNC;
	}
	if (synced && n > 1)
		return -EINVAL;
	if (!uses)
		return n;
	if (first->op != FASTIO_OP_OPEN || last->op != FASTIO_OP_CLOSE ||
	    last->fd != FASTIO_FD_CHAIN)
		return -EINVAL;
	first->priv.kind |= FIO_REQ_CHAIN_FD;
	return n;
}
