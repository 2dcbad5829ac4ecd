/* SPDX-License-Identifier: MIT */
/*
 * fastio/ring.h - one io_uring that any number of threads use: the ring actor
 *
 * A ring has one thread of its own, the actor.  Threads hand requests in; the actor takes what has
 * come up to a limit, submits it to the kernel at once, harvests all results, answers each caller.
 * Without io_uring (an old kernel, a sandbox) the actor makes plain system calls instead, one after
 * the other; all below holds but for what is said there.
 *
 *	struct fastio_ring *ring;
 *	struct fastio_req req;
 *	int err = fastio_ring_create(&ring, NULL);
 *
 *	fastio_read(&req, fd, buf, 4096, 0);
 *	n = fastio_ring_run(ring, &req);
 *
 * Errors     Every function returns -errno; none touches errno.
 * Units      Bytes, nanoseconds; offsets from the beginning of the file.
 * Ownership  A request, what it points to (paths, buffers) and its descriptor belong to the ring from
 *            a successful submit until it is answered, and must stay as they are.  The library
 *            allocates nothing per request and keeps no pointer to it afterwards.
 * Threads    All functions may be called from any thread, if not said otherwise.  One request is
 *            submitted and waited for by one thread at a time.  After fork the child must not use
 *            the ring: the actor is not in it.
 * Answers    Every request that was accepted (submit returned 0) is answered exactly once:
 *            by its result, or -ECANCELED, or -ETIMEDOUT.
 * Sandboxes  Should io_uring be refused to the process later (seccomp), plain calls do the rest.
 */
#ifndef FASTIO_RING_H
#define FASTIO_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

enum fastio_op {
	FASTIO_OP_OPEN,
	FASTIO_OP_CLOSE,
	FASTIO_OP_READ,
	FASTIO_OP_WRITE,
	FASTIO_OP_FSYNC,
	FASTIO_OP_FDATASYNC,
	FASTIO_OP_STATX,
	FASTIO_OP_UNLINK,
	FASTIO_OP_MKDIR,
	FASTIO_OP_RENAME,
	FASTIO_OP_BLOCK_READ,  /* whole blocks, aligned; for descriptors with O_DIRECT */
	FASTIO_OP_BLOCK_WRITE, /* the same */
	FASTIO_OP_DISCARD,     /* a hole in a file; blocks of a device given back.  Those that come
				* together and lie side by side are one operation, with one result */
	FASTIO_NOPS
};

enum {
	/* In a chain: the next request (->next) starts when this one has done all of its work.  If it
	 * fails, or reads or writes less than asked for, the rest is answered -ECANCELED. */
	FASTIO_REQ_LINK = 1,
	/* buf is inside the registered buffer number ->buffer */
	FASTIO_REQ_REGISTERED = 2,
	/* A write, in no chain, is answered when its data is durable, as on an O_DSYNC descriptor.  The
	 * actor syncs once for all such writes to a descriptor that have come meanwhile; O_DSYNC itself
	 * would sync for each, and io_uring does these one after the other. */
	FASTIO_REQ_DSYNC = 4,
};

/* The descriptor that the FASTIO_OP_OPEN at the head of the same chain has opened.  It has no number:
 * the chain must end with closing it.  If the chain breaks, it is closed all the same. */
#define FASTIO_FD_CHAIN (-1000)

#define FASTIO_CHAIN_MAX 16        /* requests in a chain */
#define FASTIO_LEN_MAX 0x7ffff000u /* bytes of one read or write */

struct statx;
struct fastio_req;

/* Called by the actor, once, instead of any other answer: the request is the callback's then, which may
 * free it or submit it anew.  It must not wait for the ring. */
typedef void fastio_done(struct fastio_req *req, void *arg);

/* A request.  Fill it by the functions below, which set all members; then set what is optional. */
struct fastio_req {
	uint8_t op;      /* enum fastio_op */
	uint8_t flags;   /* FASTIO_REQ_... */
	uint16_t buffer; /* FASTIO_REQ_REGISTERED: which one */
	int fd;          /* descriptor, or that of the directory for paths (AT_FDCWD) */
	int fd2;         /* rename: directory of path2 */
	int how;         /* flags of open, statx, unlink, rename */
	mode_t mode;     /* open, mkdir */
	uint32_t align;  /* blocks: what offset, length and buffer are multiples of; 0: 512 */
	uint64_t len;    /* bytes; statx: the mask */
	uint64_t offset; /* UINT64_MAX: the descriptor's own position */
	const char *path, *path2;
	void *buf; /* statx: the struct */

	/* Optional, 0 after filling */
	struct fastio_req *next; /* with FASTIO_REQ_LINK */
	uint64_t timeout_ns; /* after this time in the kernel it is cancelled: -ETIMEDOUT.  What has
				  * begun and cannot be interrupted (disk I/O) is finished and answered
				  * with its result.  Not honoured without io_uring. */
	fastio_done *done;   /* callback */
	void *arg;           /* for it */
	int eventfd;         /* > 0: 1 is added to this eventfd after the answer */

	int64_t result; /* the answer: >= 0 as the system call, or -errno */

	/* The library's; all 0 before the first submit */
	struct {
		uint32_t state, cancel;
		struct fastio_req *next;
		uint64_t queued_ns, sent_ns;
		uint8_t kind;
	} priv;
};

/* ---- filling a request ---- */

void fastio_open(struct fastio_req *r, int dirfd, const char *path, int flags, mode_t mode);
void fastio_close(struct fastio_req *r, int fd);
void fastio_read(struct fastio_req *r, int fd, void *buf, size_t len, uint64_t offset);
void fastio_write(struct fastio_req *r, int fd, const void *buf, size_t len, uint64_t offset);
void fastio_fsync(struct fastio_req *r, int fd);
void fastio_fdatasync(struct fastio_req *r, int fd);
void fastio_statx(struct fastio_req *r, int dirfd, const char *path, int flags, unsigned mask,
		  struct statx *sx);
void fastio_unlink(struct fastio_req *r, int dirfd, const char *path, int flags);
void fastio_mkdir(struct fastio_req *r, int dirfd, const char *path, mode_t mode);
void fastio_rename(struct fastio_req *r, int dirfd, const char *path, int dirfd2, const char *path2,
		   unsigned flags);
void fastio_block_read(struct fastio_req *r, int fd, void *buf, size_t len, uint64_t offset);
void fastio_block_write(struct fastio_req *r, int fd, const void *buf, size_t len, uint64_t offset);
void fastio_discard(struct fastio_req *r, int fd, uint64_t len, uint64_t offset);
/* b follows a in a chain: a->next = b and FASTIO_REQ_LINK */
void fastio_link(struct fastio_req *a, struct fastio_req *b);

/* ---- the ring ---- */

struct fastio_ring;

/* 0 in any member is the default. */
struct fastio_ring_options {
	unsigned limit; /* requests accepted and not yet answered (default 4096) */
	unsigned depth; /* of them in the kernel at once (default 256, at most 4096) */
	unsigned batch; /* taken and submitted at once (default 64, at most depth) */
	unsigned
		workers; /* kernel threads for what cannot be done at once (default: the kernel's) */
	/* How long the actor, and a waiting caller, look busily before they sleep; costs processor time
	 * and saves two wake-ups per request (default 50,000; 1: not at all). */
	unsigned spin_ns;
	const struct iovec
		*buffers; /* to be registered; the memory stays while the ring is there */
	unsigned nbuffers;
	bool plain; /* plain calls although there is io_uring */
};

/* opt: NULL for the defaults.  -EINVAL: an option out of range; -ENOMEM, -EAGAIN: no thread, or the
 * buffers cannot be registered (RLIMIT_MEMLOCK). */
int fastio_ring_create(struct fastio_ring **ring, const struct fastio_ring_options *opt);

enum fastio_end {
	FASTIO_FINISH, /* what was accepted is carried out */
	FASTIO_CANCEL, /* what has not begun, or can be interrupted, is answered -ECANCELED */
};

/* Accepts nothing more (-ESHUTDOWN), returns when every request is answered.  Again: no effect, but
 * FASTIO_CANCEL after FASTIO_FINISH hurries it.  -EDEADLK from a callback. */
int fastio_ring_shutdown(struct fastio_ring *ring, enum fastio_end how);

/* Shuts down (FASTIO_FINISH) if that was not done, frees the ring.  Nobody else uses it any more. */
int fastio_ring_destroy(struct fastio_ring *ring);

/* Does it work by io_uring?  (false: by plain calls, from the beginning or since io_uring was refused) */
bool fastio_ring_is_uring(const struct fastio_ring *ring);

enum {
	/* When the limit is reached: wait for room, instead of -EAGAIN.  -EDEADLK from a callback. */
	FASTIO_SUBMIT_WAIT = 1,
	/* Carry it out here and now, by plain calls: answered when submit returns.  For the caller that
	 * has nothing else to do and no other requests under way. */
	FASTIO_SUBMIT_INLINE = 2,
};

/*
 * Hands a request (or a chain, by its first) in.  0: accepted.  Otherwise nothing of it was taken:
 *   -EINVAL    unknown operation, flags or combination; length, offset or alignment out of range
 *   -EFAULT    a path or buffer is NULL
 *   -EBADF     a descriptor is negative
 *   -EBUSY     it is under way already
 *   -E2BIG     the chain is too long (FASTIO_CHAIN_MAX, or what the ring takes)
 *   -EAGAIN    the limit is reached
 *   -ESHUTDOWN the ring is being shut down
 * A single FASTIO_OP_READ at an offset, without callback and timeout, of what is in memory already is
 * answered when submit returns: there is nothing to gain from handing it over.
 */
int fastio_ring_submit(struct fastio_ring *ring, struct fastio_req *req, unsigned flags);

/* Waits for the answer and returns it; -EINVAL: never submitted, or it has a callback;
 * -EDEADLK from a callback. */
int64_t fastio_ring_wait(struct fastio_ring *ring, struct fastio_req *req);

/* Answered?  true: req->result is valid, and the request is the caller's again. */
bool fastio_ring_poll(const struct fastio_req *req);

/* submit (waiting for room), then wait: the answer or the error of either */
int64_t fastio_ring_run(struct fastio_ring *ring, struct fastio_req *req);

/* Asks for a request under way to be answered soon, -ECANCELED if that is possible.  In the middle of a
 * chain this works once the request runs; cancelling the one that runs ends the whole chain.  0: asked; it
 * still has to be waited for.  -ENOENT: not under way.  The caller keeps the request from being answered
 * and freed meanwhile (it has no callback). */
int fastio_ring_cancel(struct fastio_ring *ring, struct fastio_req *req);

/* ---- latencies ---- */

enum fastio_stage {
	FASTIO_STAGE_QUEUE,    /* from submit until the actor takes it */
	FASTIO_STAGE_SUBMIT,   /* until the kernel has it */
	FASTIO_STAGE_COMPLETE, /* until the result is harvested */
	FASTIO_NSTAGES
};

struct fastio_latency {
	uint64_t count;
	uint64_t mean, p50, p90, p99, max; /* ns; quantiles within an eighth */
};

/* Since the ring was made; consistent when nothing is under way. */
int fastio_ring_latency(const struct fastio_ring *ring, enum fastio_op op, enum fastio_stage stage,
			struct fastio_latency *out);

/* ---- buffers ---- */

struct fastio_align {
	uint32_t memory; /* what the address of a buffer must be a multiple of */
	uint32_t offset; /* offset and length */
};

/* What direct I/O on fd asks for: from the kernel (STATX_DIOALIGN), else from the device, else the
 * block size.  -EOPNOTSUPP: the file has no direct I/O, as the kernel says. */
int fastio_align_of(int fd, struct fastio_align *out);

/* Memory for direct I/O, zeroed; align is a power of two.  NULL: bad arguments or no memory. */
void *fastio_buffer_get(size_t size, size_t align);
void fastio_buffer_put(void *buffer);

#ifdef __cplusplus
}
#endif

#endif /* FASTIO_RING_H */
