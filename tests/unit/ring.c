/* SPDX-License-Identifier: MIT */
/*
 * ring.c - the ring as a library: every request, every answer, bad arguments, the end; by io_uring
 * and by plain calls
 */
#include "fastio/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "ring/ring.h"
#include "unit.h"

#define THREADS 8
#define BLOCK 4096

static bool plain; /* the mode under test */

static struct fastio_ring *ring_with(struct fastio_ring_options opt)
{
	struct fastio_ring *r = NULL;

	opt.plain = plain;
	CHECK_EQ(fastio_ring_create(&r, &opt), 0);
	if (!r)
		exit(1);
	return r;
}

static struct fastio_ring *ring(void)
{
	return ring_with((struct fastio_ring_options){0});
}

static const char *path_of(const char *name)
{
	static _Thread_local char path[2][4096];
	static _Thread_local int which;

	which ^= 1;
	snprintf(path[which], sizeof(path[which]), "%s/%s", unit_tmp(), name);
	return path[which];
}

static int make_file(const char *name, int flags)
{
	int fd = open(path_of(name), O_RDWR | O_CREAT | O_TRUNC | flags, 0644);

	CHECK(fd >= 0);
	return fd;
}

/* ---- requests ---- */

static uint64_t reads(struct fastio_ring *r, enum fastio_stage stage)
{
	struct fastio_latency l;

	CHECK_EQ(fastio_ring_latency(r, FASTIO_OP_READ, stage, &l), 0);
	return l.count;
}

static void read_alone(struct fastio_ring *r, int fd, uint64_t offset, int64_t want)
{
	struct fastio_req q;
	char buf[14];

	fastio_read(&q, fd, buf, sizeof(buf), offset);
	CHECK_EQ(fastio_ring_run(r, &q), want);
}

/* What is in memory is read by submit itself; all else about such a read is as of others. */
static void cached(void)
{
	struct fastio_ring *r = ring();
	int fd = make_file("cached", 0), event = eventfd(0, EFD_CLOEXEC);
	struct fastio_req q;
	char text[100], buf[14] = "";
	uint64_t n = 0;

	memset(text, 'x', sizeof(text));
	CHECK_EQ(write(fd, text, sizeof(text)), 100);
	fastio_read(&q, fd, buf, sizeof(buf), 3);
	q.eventfd = event;
	CHECK_EQ(fastio_ring_submit(r, &q, 0), 0);
	CHECK(fastio_ring_poll(&q));
	CHECK_EQ(fastio_ring_wait(r, &q), 14);
	CHECK_EQ(memcmp(buf, text, sizeof(buf)), 0);
	CHECK_EQ(read(event, &n, sizeof(n)), sizeof(n));
	CHECK_EQ(n, 1);
	CHECK_EQ(reads(r, FASTIO_STAGE_COMPLETE), 1);
	CHECK_EQ(reads(r, FASTIO_STAGE_QUEUE), 0);

	read_alone(r, fd, 95, 5); /* the end of the file */
	CHECK(reads(r, FASTIO_STAGE_QUEUE) == 1);
	CHECK_EQ(lseek(fd, 7, SEEK_SET), 7);
	read_alone(r, fd, UINT64_MAX, 14);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 21);
	CHECK_EQ(fsync(fd), 0);
	CHECK_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	for (int i = 0; i < 200; i++)
		read_alone(r, fd, 3, 14);
	CHECK_EQ(reads(r, FASTIO_STAGE_COMPLETE), 203);
	/* after a while without, it is tried again */
	CHECK(reads(r, FASTIO_STAGE_QUEUE) < 140);
	CHECK_EQ(fastio_ring_shutdown(r, FASTIO_FINISH), 0);
	fastio_read(&q, fd, buf, sizeof(buf), 3);
	CHECK_EQ(fastio_ring_submit(r, &q, 0), -ESHUTDOWN);
	CHECK_EQ(fastio_ring_destroy(r), 0);
	close(event);
	close(fd);
}

static void requests(void)
{
	struct fastio_ring *r = ring();
	struct fastio_req q;
	struct statx sx;
	struct stat st;
	char buf[16];
	int fd;

	fastio_mkdir(&q, AT_FDCWD, path_of("dir"), 0750);
	CHECK_EQ(fastio_ring_run(r, &q), 0);
	CHECK_EQ(fastio_ring_run(r, &q), -EEXIST);
	fastio_open(&q, AT_FDCWD, path_of("dir/a"), O_CREAT | O_RDWR, 0640);
	fd = (int)fastio_ring_run(r, &q);
	CHECK(fd >= 0);
	fastio_write(&q, fd, "hello", 5, 0);
	CHECK_EQ(fastio_ring_run(r, &q), 5);
	fastio_write(&q, fd, " you", 4, 5);
	CHECK_EQ(fastio_ring_run(r, &q), 4);
	fastio_fsync(&q, fd);
	CHECK_EQ(fastio_ring_run(r, &q), 0);
	fastio_fdatasync(&q, fd);
	CHECK_EQ(fastio_ring_run(r, &q), 0);
	fastio_read(&q, fd, buf, sizeof(buf), 0);
	CHECK_EQ(fastio_ring_run(r, &q), 9);
	CHECK(!memcmp(buf, "hello you", 9));
	fastio_read(&q, fd, buf, 5, UINT64_MAX);
	CHECK_EQ(fastio_ring_run(r, &q), 5);
	fastio_read(&q, fd, buf, sizeof(buf), UINT64_MAX);
	CHECK_EQ(fastio_ring_run(r, &q), 4);
	fastio_statx(&q, AT_FDCWD, path_of("dir/a"), 0, STATX_SIZE | STATX_MODE, &sx);
	CHECK_EQ(fastio_ring_run(r, &q), 0);
	CHECK_EQ(sx.stx_size, 9);
	CHECK_EQ(sx.stx_mode & 07777, 0640);
	fastio_close(&q, fd);
	CHECK_EQ(fastio_ring_run(r, &q), 0);
	CHECK_EQ(fastio_ring_run(r, &q), -EBADF);
	fastio_rename(&q, AT_FDCWD, path_of("dir/a"), AT_FDCWD, path_of("dir/b"), 0);
	CHECK_EQ(fastio_ring_run(r, &q), 0);
	fastio_unlink(&q, AT_FDCWD, path_of("dir/a"), 0);
	CHECK_EQ(fastio_ring_run(r, &q), -ENOENT);
	fastio_unlink(&q, AT_FDCWD, path_of("dir/b"), 0);
	CHECK_EQ(fastio_ring_run(r, &q), 0);
	fastio_unlink(&q, AT_FDCWD, path_of("dir"), AT_REMOVEDIR);
	CHECK_EQ(fastio_ring_run(r, &q), 0);
	CHECK(stat(path_of("dir"), &st) && errno == ENOENT);
	CHECK_EQ(fastio_ring_destroy(r), 0);
}

static void blocks(void)
{
	struct fastio_align align = {0};
	struct fastio_ring *r;
	struct fastio_req q;
	struct stat st;
	char *buf, *in;
	int fd = open(path_of("blocks"), O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0644);

	if (fd < 0)
		fd = make_file("blocks", 0); /* no direct I/O: the same calls through the cache */
	if (fastio_align_of(fd, &align) < 0)
		align = (struct fastio_align){BLOCK, BLOCK};
	CHECK(align.memory && !(align.memory & (align.memory - 1)));
	CHECK(align.offset && !(align.offset & (align.offset - 1)));
	CHECK_EQ(fastio_align_of(-1, &align), -EBADF);
	CHECK_EQ(fastio_align_of(fd, NULL), -EFAULT);
	buf = fastio_buffer_get(4L * BLOCK, BLOCK);
	in = fastio_buffer_get(4L * BLOCK, BLOCK);
	CHECK(buf && in && !((uintptr_t)buf % BLOCK));
	CHECK(!fastio_buffer_get(0, 512) && !fastio_buffer_get(1, 3) && !fastio_buffer_get(1, 0));
	r = ring_with((struct fastio_ring_options){
		.buffers = (struct iovec[]){{buf, 4L * BLOCK}, {in, 4L * BLOCK}}, .nbuffers = 2});
	memset(buf, 'x', 4L * BLOCK);

	fastio_block_write(&q, fd, buf, 4L * BLOCK, 0);
	CHECK_EQ(fastio_ring_run(r, &q), 4L * BLOCK);
	fastio_block_read(&q, fd, in, BLOCK, BLOCK);
	q.flags = FASTIO_REQ_REGISTERED;
	q.buffer = 1;
	CHECK_EQ(fastio_ring_run(r, &q), BLOCK);
	CHECK(!memcmp(in, buf, BLOCK));
	q.buffer = 2;
	CHECK_EQ(fastio_ring_run(r, &q), -EINVAL);
	q.buffer = 0; /* another buffer */
	CHECK_EQ(fastio_ring_run(r, &q), -EFAULT);
	fastio_discard(&q, fd, BLOCK, BLOCK);
	if (fastio_ring_run(r, &q) != -EOPNOTSUPP) {
		CHECK_EQ(q.result, 0);
		fastio_block_read(&q, fd, in, 2L * BLOCK, BLOCK);
		CHECK_EQ(fastio_ring_run(r, &q), 2L * BLOCK);
		CHECK(in[0] == 0 && in[BLOCK - 1] == 0 && in[BLOCK] == 'x');
		CHECK(!fstat(fd, &st) && st.st_size == 4L * BLOCK);
	}

	fastio_block_read(&q, fd, in + 1, BLOCK, 0);
	CHECK_EQ(fastio_ring_run(r, &q), -EINVAL);
	fastio_block_read(&q, fd, in, BLOCK - 1, 0);
	CHECK_EQ(fastio_ring_run(r, &q), -EINVAL);
	fastio_block_read(&q, fd, in, BLOCK, 100);
	CHECK_EQ(fastio_ring_run(r, &q), -EINVAL);
	fastio_block_read(&q, fd, in, BLOCK, 512);
	q.align = BLOCK;
	CHECK_EQ(fastio_ring_run(r, &q), -EINVAL);
	q.align = 1000;
	CHECK_EQ(fastio_ring_run(r, &q), -EINVAL);
	fastio_ring_destroy(r);
	fastio_buffer_put(buf);
	fastio_buffer_put(in);
	close(fd);
}

/*
 * Adjacent ranges, in any order, beside others: only what was asked for is gone, all are answered.
 */
static void discards(void)
{
	enum { N = 32 };
	static struct fastio_req q[N], first;
	struct fastio_ring *r = ring();
	struct fastio_latency l;
	static char buf[2 * N * BLOCK];
	int fd = make_file("discards", 0), p[2];

	memset(buf, 'x', sizeof(buf));
	CHECK_EQ(pwrite(fd, buf, sizeof(buf), 0), sizeof(buf));
	CHECK_EQ(pipe(p), 0);
	for (int round = 0; round < 20; round++) {
		for (unsigned i = 0; i < N; i++) { /* 7: all of them once, no two in a row */
			unsigned at = i * 7 % N;

			at = at < N / 2 ? at : N / 2 + 2 * (at - N / 2);
			fastio_discard(&q[i], i % 5 ? fd : p[0], BLOCK, (uint64_t)at * BLOCK);
			CHECK_EQ(fastio_ring_submit(r, &q[i], 0), 0);
		}
		if (round & 1)
			fastio_ring_cancel(r, &q[3]);
		for (unsigned i = 0; i < N; i++) {
			int64_t res = fastio_ring_wait(r, &q[i]);

			if (i % 5 == 0)
				CHECK(res < 0 && res != -ECANCELED);
			else
				CHECK(res == 0 || res == -EOPNOTSUPP ||
				      (i == 3 && round & 1 && res == -ECANCELED));
		}
	}
	fastio_discard(&first, fd, BLOCK, 0);
	if (fastio_ring_run(r, &first) == 0) {
		CHECK_EQ(pread(fd, buf, sizeof(buf), 0), sizeof(buf));
		for (unsigned i = 0; i < N; i++) {
			unsigned at = i * 7 % N;

			at = at < N / 2 ? at : N / 2 + 2 * (at - N / 2);
			CHECK(buf[at * BLOCK] == (i % 5 ? 0 : 'x') || at == 0);
			if (at >= N / 2)
				CHECK(buf[(at + 1) * BLOCK] == 'x');
		}
	}
	CHECK_EQ(fastio_ring_latency(r, FASTIO_OP_DISCARD, FASTIO_STAGE_COMPLETE, &l), 0);
	CHECK(l.count >= 20 * N - 10 && l.count <= 20 * N + 1); /* 10 may be cancelled before */
	CHECK_EQ(fastio_ring_destroy(r), 0);
	close(fd);
	close(p[0]);
	close(p[1]);
}

/* Writes that are synced in groups: more descriptors than there are groups, and errors */
static void durable(void)
{
	enum { FILES = 20, N = 200 };
	static struct fastio_req q[N];
	struct fastio_ring *r = ring();
	struct fastio_req other;
	int fds[FILES], fd;
	char buf[N];

	for (int i = 0; i < FILES; i++) {
		char name[16];

		snprintf(name, sizeof(name), "d%d", i);
		fds[i] = make_file(name, 0);
	}
	for (int i = 0; i < N; i++) {
		buf[i] = (char)i;
		fastio_write(&q[i], fds[i % FILES], &buf[i], 1, (uint64_t)(i / FILES));
		q[i].flags = FASTIO_REQ_DSYNC;
		CHECK_EQ(fastio_ring_submit(r, &q[i], FASTIO_SUBMIT_WAIT), 0);
	}
	for (int i = 0; i < N; i++) {
		char c = 0;

		CHECK_EQ(fastio_ring_wait(r, &q[i]), 1);
		CHECK_EQ(pread(fds[i % FILES], &c, 1, i / FILES), 1);
		CHECK_EQ(c, (char)i);
	}
	q[0].flags |= FASTIO_REQ_LINK;
	q[0].next = &q[1];
	CHECK_EQ(fastio_ring_submit(r, &q[0], 0), -EINVAL);
	fastio_fsync(&other, fds[0]);
	other.flags = FASTIO_REQ_DSYNC;
	CHECK_EQ(fastio_ring_submit(r, &other, 0), -EINVAL);
	fd = open(path_of("d0"), O_RDONLY);
	fastio_write(&other, fd, buf, 1, 0);
	other.flags = FASTIO_REQ_DSYNC;
	CHECK_EQ(fastio_ring_run(r, &other), -EBADF);
	close(fd);
	CHECK_EQ(fastio_ring_destroy(r), 0);
	for (int i = 0; i < FILES; i++)
		close(fds[i]);
}

/* ---- chains ---- */

static void chains(void)
{
	struct fastio_ring *r = ring();
	struct fastio_req q[FASTIO_CHAIN_MAX + 1];
	char buf[8] = "";
	int before = dup(0), fd;

	close(before);
	for (int round = 0; round < 100; round++) { /* more than there are direct descriptors */
		fastio_open(&q[0], AT_FDCWD, path_of("c"), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
		fastio_write(&q[1], FASTIO_FD_CHAIN, "chain", 5, 0);
		fastio_read(&q[2], FASTIO_FD_CHAIN, buf, 5, 0);
		fastio_close(&q[3], FASTIO_FD_CHAIN);
		fastio_link(&q[0], &q[1]);
		fastio_link(&q[1], &q[2]);
		fastio_link(&q[2], &q[3]);
		CHECK_EQ(fastio_ring_submit(r, q, 0), 0);
		CHECK_EQ(fastio_ring_wait(r, &q[3]), 0);
		CHECK_EQ(fastio_ring_wait(r, &q[0]), 0);
		CHECK_EQ(fastio_ring_wait(r, &q[1]), 5);
		CHECK_EQ(fastio_ring_wait(r, &q[2]), 5);
		CHECK(!memcmp(buf, "chain", 5));
		/* a read that finds less breaks it */
		fastio_read(&q[2], FASTIO_FD_CHAIN, buf, 8, 0);
		fastio_link(&q[2], &q[3]);
		CHECK_EQ(fastio_ring_submit(r, q, 0), 0);
		CHECK_EQ(fastio_ring_wait(r, &q[2]), 5);
		CHECK_EQ(fastio_ring_wait(r, &q[3]), -ECANCELED);
		/* so does an open that fails */
		q[0].path = path_of("no/such/dir");
		CHECK_EQ(fastio_ring_submit(r, q, 0), 0);
		CHECK_EQ(fastio_ring_wait(r, &q[0]), -ENOENT);
		for (int i = 1; i < 4; i++)
			CHECK_EQ(fastio_ring_wait(r, &q[i]), -ECANCELED);
	}
	fd = dup(0);
	CHECK_EQ(fd, before); /* nothing is left open */
	close(fd);

	/* not well-formed */
	q[0].path = path_of("c");
	q[2].flags = 0;
	CHECK_EQ(fastio_ring_submit(r, q, 0), -EINVAL); /* never closed */
	fastio_link(&q[2], &q[3]);
	CHECK_EQ(fastio_ring_submit(r, &q[1], 0), -EINVAL); /* never opened */
	fastio_fsync(&q[4], FASTIO_FD_CHAIN);
	fastio_link(&q[3], &q[4]);
	CHECK_EQ(fastio_ring_submit(r, q, 0), -EINVAL); /* used after closing */
	fastio_read(&q[0], 0, buf, 1, 0);
	q[0].flags = FASTIO_REQ_LINK;
	CHECK_EQ(fastio_ring_submit(r, q, 0), -EINVAL); /* linked to nothing */
	for (int i = 0; i <= FASTIO_CHAIN_MAX; i++) {
		fastio_fsync(&q[i], 0);
		if (i)
			fastio_link(&q[i - 1], &q[i]);
	}
	CHECK_EQ(fastio_ring_submit(r, q, 0), -E2BIG);
	fastio_link(&q[1], &q[0]); /* in a circle */
	CHECK_EQ(fastio_ring_submit(r, q, 0), -E2BIG);
	fastio_ring_destroy(r);
}

/* ---- answers ---- */

static _Atomic int called;

static void count_done(struct fastio_req *req, void *arg)
{
	(void)req;
	atomic_fetch_add((_Atomic int *)arg, 1);
}

struct again {
	struct fastio_ring *ring;
	struct fastio_req other;
	_Atomic int calls;
};

/* Must not wait; may submit another request, and itself. */
static void again_done(struct fastio_req *req, void *arg)
{
	struct again *a = arg;

	fastio_fsync(&a->other, req->fd);
	CHECK_EQ(fastio_ring_submit(a->ring, &a->other, 0), 0);
	CHECK_EQ(fastio_ring_wait(a->ring, &a->other), -EDEADLK);
	CHECK_EQ(fastio_ring_shutdown(a->ring, FASTIO_FINISH), -EDEADLK);
	req->done = count_done;
	req->arg = &a->calls;
	CHECK_EQ(fastio_ring_submit(a->ring, req, 0), 0);
}

static void answers(void)
{
	struct fastio_ring *r = ring();
	struct fastio_req q;
	uint64_t n = 0;
	char buf[4];
	int fd = make_file("answers", 0), efd = eventfd(0, EFD_CLOEXEC);

	fastio_write(&q, fd, "abcd", 4, 0);
	CHECK(!fastio_ring_poll(&q));
	CHECK_EQ(fastio_ring_wait(r, &q), -EINVAL); /* never submitted */
	CHECK_EQ(fastio_ring_cancel(r, &q), -ENOENT);
	q.eventfd = efd;
	CHECK_EQ(fastio_ring_submit(r, &q, 0), 0);
	CHECK_EQ(read(efd, &n, sizeof(n)), (ssize_t)sizeof(n));
	CHECK_EQ(n, 1);
	CHECK(fastio_ring_poll(&q));
	CHECK_EQ(q.result, 4);

	fastio_read(&q, fd, buf, 4, 0);
	q.done = count_done;
	q.arg = &called;
	called = 0;
	CHECK_EQ(fastio_ring_submit(r, &q, 0), 0);
	CHECK_EQ(fastio_ring_wait(r, &q), -EINVAL);
	for (int i = 0; i < 1000 && !called; i++)
		usleep(1000);
	CHECK_EQ(called, 1);
	CHECK_EQ(q.result, 4);

	fastio_read(&q, fd, buf, 4, 0);
	CHECK_EQ(fastio_ring_submit(r, &q, FASTIO_SUBMIT_INLINE), 0);
	CHECK(fastio_ring_poll(&q));
	CHECK_EQ(fastio_ring_wait(r, &q), 4);
	fastio_ring_destroy(r);
	close(efd);
	close(fd);
}

static void callback_rules(void)
{
	struct again a = {.ring = ring()};
	struct fastio_req q;
	int fd = make_file("callback", 0);

	fastio_fsync(&q, fd);
	q.done = again_done;
	q.arg = &a;
	CHECK_EQ(fastio_ring_submit(a.ring, &q, 0), 0);
	for (int i = 0; i < 1000 && !a.calls; i++)
		usleep(1000);
	CHECK_EQ(a.calls, 1);
	CHECK_EQ(fastio_ring_destroy(a.ring), 0);
	CHECK(fastio_ring_poll(&a.other));
	CHECK_EQ(a.other.result, 0);
	close(fd);
}

/* ---- bad arguments ---- */

static void bad_arguments(void)
{
	struct fastio_ring *r = ring(), *none = NULL;
	struct fastio_latency l;
	struct fastio_req q;
	struct statx sx;
	char buf[8];
	int p[2];

	CHECK_EQ(fastio_ring_create(NULL, NULL), -EFAULT);
	CHECK_EQ(fastio_ring_create(&none, &(struct fastio_ring_options){.depth = 5000}), -EINVAL);
	CHECK_EQ(fastio_ring_create(&none, &(struct fastio_ring_options){.depth = 8, .batch = 9}),
		 -EINVAL);
	CHECK_EQ(fastio_ring_create(&none, &(struct fastio_ring_options){.nbuffers = 1}), -EINVAL);
	CHECK(!none);
	CHECK_EQ(fastio_ring_submit(r, NULL, 0), -EINVAL);
	CHECK_EQ(fastio_ring_submit(NULL, &q, 0), -EINVAL);
	CHECK_EQ(fastio_ring_wait(NULL, &q), -EINVAL);
	CHECK_EQ(fastio_ring_cancel(r, NULL), -EINVAL);
	CHECK_EQ(fastio_ring_shutdown(NULL, FASTIO_FINISH), -EINVAL);
	CHECK_EQ(fastio_ring_shutdown(r, (enum fastio_end)7), -EINVAL);
	CHECK_EQ(fastio_ring_latency(r, FASTIO_NOPS, FASTIO_STAGE_QUEUE, &l), -EINVAL);
	CHECK(!fastio_ring_poll(NULL));
	fastio_fsync(&q, 0);
	q.op = FASTIO_NOPS;
	CHECK_EQ(fastio_ring_run(r, &q), -EINVAL);
	fastio_fsync(&q, -1);
	CHECK_EQ(fastio_ring_run(r, &q), -EBADF);
	fastio_fsync(&q, 0);
	q.flags = 0x80;
	CHECK_EQ(fastio_ring_run(r, &q), -EINVAL);
	fastio_open(&q, AT_FDCWD, NULL, O_RDONLY, 0);
	CHECK_EQ(fastio_ring_run(r, &q), -EFAULT);
	fastio_open(&q, AT_FDCWD, "", O_RDONLY, 0);
	CHECK_EQ(fastio_ring_run(r, &q), -ENOENT);
	fastio_open(&q, AT_FDCWD, (char *)8, O_RDONLY, 0);
	CHECK_EQ(fastio_ring_run(r, &q), -EFAULT);
	fastio_rename(&q, AT_FDCWD, "a", AT_FDCWD, NULL, 0);
	CHECK_EQ(fastio_ring_run(r, &q), -EFAULT);
	fastio_rename(&q, AT_FDCWD, "a", -7, "b", 0);
	CHECK_EQ(fastio_ring_run(r, &q), -EBADF);
	fastio_statx(&q, AT_FDCWD, "/", 0, STATX_SIZE, NULL);
	CHECK_EQ(fastio_ring_run(r, &q), -EFAULT);
	fastio_statx(&q, AT_FDCWD, "/", -1, STATX_SIZE, &sx);
	CHECK_EQ(fastio_ring_run(r, &q), -EINVAL);
	CHECK_EQ(pipe(p), 0);
	fastio_read(&q, p[0], NULL, 1, 0);
	CHECK_EQ(fastio_ring_run(r, &q), -EFAULT);
	fastio_read(&q, p[0], buf, FASTIO_LEN_MAX + 1L, 0);
	CHECK_EQ(fastio_ring_run(r, &q), -EINVAL);
	fastio_read(&q, p[1], buf, 1, UINT64_MAX);
	CHECK_EQ(fastio_ring_run(r, &q), -EBADF);
	fastio_write(&q, p[0], buf, 1, UINT64_MAX);
	CHECK_EQ(fastio_ring_run(r, &q), -EBADF);
	fastio_discard(&q, p[0], 0, 0);
	CHECK_EQ(fastio_ring_run(r, &q), -EINVAL);
	fastio_discard(&q, p[0], INT64_MAX, 1);
	CHECK_EQ(fastio_ring_run(r, &q), -EINVAL);
	fastio_discard(&q, p[1], 4096, 0);
	CHECK(fastio_ring_run(r, &q) < 0);
	close(p[0]);
	close(p[1]);
	fastio_read(&q, p[0], buf, 1, 0);
	CHECK_EQ(fastio_ring_run(r, &q), -EBADF);
	fastio_discard(&q, p[0], 4096, 0);
	CHECK_EQ(fastio_ring_run(r, &q), -EBADF);
	fastio_ring_destroy(r);
}

/*
 * Whatever the members are, each request is refused at once or answered once; nothing else is
 * touched.
 */
static void fuzz(void)
{
	static const int64_t odd[] = {0,    1,    -1,        2,         511,       4096,
				      -2,   -100, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN,
				      7777, 1000, -1000,     65535,     16,        12345678901LL};
	enum { N = 64 };
	static struct fastio_req q[N];
	static char buf[3 * BLOCK] __attribute__((aligned(BLOCK)));
	struct fastio_ring *r = ring_with((struct fastio_ring_options){
		.depth = 8, .buffers = (struct iovec[]){{buf, BLOCK}}, .nbuffers = 1});
	int fd = make_file("fuzz", 0);
	uint64_t seed = 42;
	int accepted = 0;

#define RANDOM(n) \
	(seed = seed * 6364136223846793005ULL + 1442695040888963407ULL, (seed >> 33) % (n))
#define ODD() odd[RANDOM(sizeof(odd) / sizeof(odd[0]))]
	for (int round = 0; round < 300; round++) {
		bool in[N];

		for (int i = 0; i < N; i++) {
			/* lengths within buf, so that nothing valid writes elsewhere */
			q[i] = (struct fastio_req){
				.op = (uint8_t)RANDOM(FASTIO_NOPS + 2),
				.flags = (uint8_t)(RANDOM(8) ? RANDOM(4) : RANDOM(256)),
				.buffer = (uint16_t)RANDOM(3),
				.fd = RANDOM(2) ? fd : (int)ODD(),
				.fd2 = (int)ODD(),
				.how = (int)ODD() & ~(O_CREAT | O_TRUNC | O_PATH),
				.mode = (mode_t)ODD(),
				.align = (uint32_t)ODD(),
				.len = RANDOM(4) ? RANDOM(BLOCK + 1) : (uint64_t)ODD() | 1ULL << 40,
				.offset = RANDOM(2) ? RANDOM(4) * BLOCK : (uint64_t)ODD(),
				.path = RANDOM(4) ? "/nonexistent/x" : NULL,
				.path2 = RANDOM(4) ? "/nonexistent/y" : (char *)8,
				.buf = RANDOM(4) ? buf + RANDOM(2) * RANDOM(BLOCK) : NULL,
				.timeout_ns = RANDOM(4) ? 0 : RANDOM(1000000),
				.eventfd = RANDOM(16) ? 0 : -1,
			};
			if (q[i].op == FASTIO_OP_CLOSE && q[i].fd >= 0)
				q[i].fd = 1 << 20;
			if (q[i].fd >= 0 && q[i].fd <= 2) /* not what the test writes to */
				q[i].fd = fd;
			if (q[i].op == FASTIO_OP_STATX)
				q[i].buf = NULL;
			if (q[i].flags & FASTIO_REQ_LINK)
				q[i].flags ^= i + 1 < N ? 0 : FASTIO_REQ_LINK;
			q[i].next = i + 1 < N ? &q[i + 1] : NULL;
		}
		for (int i = 0; i < N;) {
			int n = 1, rc = fastio_ring_submit(r, &q[i], FASTIO_SUBMIT_WAIT);

			CHECK(rc <= 0 && rc > -4096);
			while (q[i + n - 1].flags & FASTIO_REQ_LINK && i + n < N)
				n++;
			for (int k = i; k < i + n; k++)
				in[k] = rc == 0;
			i += n;
		}
		for (int i = 0; i < N; i++) {
			if (!in[i])
				continue;
			accepted++;
			CHECK(fastio_ring_wait(r, &q[i]) > -4096);
			CHECK(fastio_ring_poll(&q[i]));
		}
	}
	CHECK(accepted > 100);
	CHECK_EQ(fastio_ring_destroy(r), 0);
	close(fd);
}

/* ---- cancellation, timeouts, limits, the end ---- */

static void cancellation(void)
{
	struct fastio_ring *r = ring();
	struct fastio_req q[3];
	char buf[4];
	int p[2];

	CHECK_EQ(pipe(p), 0);
	fastio_read(&q[0], p[0], buf, 1, UINT64_MAX);
	fastio_fsync(&q[1], p[0]);
	fastio_link(&q[0], &q[1]);
	CHECK_EQ(fastio_ring_submit(r, q, 0), 0);
	CHECK_EQ(fastio_ring_submit(r, q, 0), -EBUSY);
	usleep(20000);
	CHECK(!fastio_ring_poll(&q[0]));
	CHECK_EQ(fastio_ring_cancel(r, &q[0]), 0);
	CHECK_EQ(fastio_ring_wait(r, &q[0]), -ECANCELED);
	CHECK_EQ(fastio_ring_wait(r, &q[1]), -ECANCELED);
	CHECK_EQ(fastio_ring_cancel(r, &q[0]), -ENOENT);

	for (int i = 0; i < 200; i++) { /* wherever it just is */
		fastio_read(&q[2], p[0], buf, 1, UINT64_MAX);
		CHECK_EQ(fastio_ring_submit(r, &q[2], 0), 0);
		if (i & 1)
			usleep(i);
		CHECK_EQ(fastio_ring_cancel(r, &q[2]), 0);
		CHECK_EQ(fastio_ring_wait(r, &q[2]), -ECANCELED);
	}

	fastio_read(&q[0], p[0], buf, 1, UINT64_MAX);
	q[0].timeout_ns = 20000000;
	CHECK_EQ(fastio_ring_run(r, &q[0]), -ETIMEDOUT);
	CHECK_EQ(write(p[1], "xy", 2), 2);
	q[0].timeout_ns = 1000000000;
	fastio_read(&q[1], p[0], buf + 1, 1, UINT64_MAX);
	q[1].timeout_ns = 1000000000;
	fastio_link(&q[0], &q[1]);
	CHECK_EQ(fastio_ring_submit(r, q, 0), 0);
	CHECK_EQ(fastio_ring_wait(r, &q[1]), 1);
	CHECK_EQ(fastio_ring_wait(r, &q[0]), 1);
	CHECK(buf[0] == 'x' && buf[1] == 'y');
	fastio_ring_destroy(r);
	close(p[0]);
	close(p[1]);
}

static void *submit_blocked(void *arg)
{
	struct fastio_ring *r = arg;
	static struct fastio_req q;

	fastio_fsync(&q, 0);
	return (void *)(intptr_t)fastio_ring_submit(r, &q, FASTIO_SUBMIT_WAIT);
}

static void limits(void)
{
	struct fastio_ring *r = ring_with((struct fastio_ring_options){.limit = 4, .depth = 2});
	struct fastio_req q[5], more;
	char buf[8];
	pthread_t t;
	void *rc;
	int p[2];

	CHECK_EQ(pipe(p), 0);
	for (int i = 0; i < 5; i++) {
		fastio_read(&q[i], p[0], buf + i, 1, UINT64_MAX);
		CHECK_EQ(fastio_ring_submit(r, &q[i], 0), i < 4 ? 0 : -EAGAIN);
	}
	CHECK_EQ(pthread_create(&t, NULL, submit_blocked, r), 0);
	usleep(20000);
	CHECK_EQ(write(p[1], "abcd", 4), 4);
	pthread_join(t, &rc);
	CHECK_EQ((intptr_t)rc, 0);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(fastio_ring_wait(r, &q[i]), 1);

	/* the end with requests in flight, in the queue, and one that waits for room */
	for (int i = 0; i < 4; i++) {
		fastio_read(&q[i], p[0], buf, 1, UINT64_MAX);
		CHECK_EQ(fastio_ring_submit(r, &q[i], FASTIO_SUBMIT_WAIT), 0);
	}
	CHECK_EQ(pthread_create(&t, NULL, submit_blocked, r), 0);
	usleep(20000);
	CHECK_EQ(fastio_ring_shutdown(r, FASTIO_CANCEL), 0);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(fastio_ring_wait(r, &q[i]), -ECANCELED);
	pthread_join(t, &rc);
	CHECK((intptr_t)rc == -ESHUTDOWN || (intptr_t)rc == 0);
	fastio_fsync(&more, 0);
	CHECK_EQ(fastio_ring_submit(r, &more, 0), -ESHUTDOWN);
	CHECK_EQ(fastio_ring_submit(r, &more, FASTIO_SUBMIT_INLINE), -ESHUTDOWN);
	CHECK_EQ(fastio_ring_shutdown(r, FASTIO_FINISH), 0);
	CHECK_EQ(fastio_ring_destroy(r), 0);
	close(p[0]);
	close(p[1]);
}

static void ends(void)
{
	enum { N = 200 };
	static struct fastio_req q[N];
	int fd = make_file("ends", 0);

	for (int round = 0; round < 20; round++) {
		struct fastio_ring *r = ring();

		for (int i = 0; i < N; i++) {
			fastio_write(&q[i], fd, "0123456789", 10, 10 * (uint64_t)i);
			CHECK_EQ(fastio_ring_submit(r, &q[i], 0), 0);
		}
		if (round & 1)
			CHECK_EQ(fastio_ring_shutdown(r, FASTIO_CANCEL), 0);
		CHECK_EQ(fastio_ring_destroy(r), 0);
		for (int i = 0; i < N; i++) {
			CHECK(fastio_ring_poll(&q[i]));
			CHECK(q[i].result == 10 || (round & 1 && q[i].result == -ECANCELED));
		}
	}
	close(fd);
}

/* ---- a ring that is refused, or closed, while it is in use ---- */

static void in_child(void (*fn)(struct fastio_ring *r, int err), int err)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		atomic_store(&unit_failures, 0);
		alarm(20);
		fn(ring(), err);
		_exit(atomic_load(&unit_failures) != 0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK_EQ(status, 0);
}

/* All threads of the process, from now on */
static void refuse_ring(int err)
{
	struct sock_filter prog[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_enter, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_register, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {sizeof(prog) / sizeof(prog[0]), prog};

	CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	CHECK_EQ(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter),
		 0);
}

/* A chain, durable writes that share a sync, and a request with a timeout: all must do as ever. */
static void check_works(struct fastio_ring *r, const char *name)
{
	struct fastio_req chain[3], more[4];
	char buf[8] = "";
	int fd;

	fastio_open(&chain[0], AT_FDCWD, path_of(name), O_CREAT | O_RDWR, 0644);
	fastio_write(&chain[1], FASTIO_FD_CHAIN, "0123", 4, 0);
	fastio_close(&chain[2], FASTIO_FD_CHAIN);
	fastio_link(&chain[0], &chain[1]);
	fastio_link(&chain[1], &chain[2]);
	CHECK_EQ(fastio_ring_submit(r, chain, 0), 0);
	for (int i = 2; i >= 0; i--)
		CHECK_EQ(fastio_ring_wait(r, &chain[i]), i == 1 ? 4 : 0);
	fd = open(path_of(name), O_RDWR);
	CHECK(fd >= 0);
	for (int i = 0; i < 4; i++) {
		fastio_write(&more[i], fd, &"abcd"[i], 1, (uint64_t)i);
		more[i].flags = i < 3 ? FASTIO_REQ_DSYNC : 0;
		more[i].timeout_ns = i < 3 ? 0 : 5000000000;
		CHECK_EQ(fastio_ring_submit(r, &more[i], 0), 0);
	}
	for (int i = 0; i < 4; i++)
		CHECK_EQ(fastio_ring_wait(r, &more[i]), 1);
	CHECK_EQ(pread(fd, buf, 8, 0), 4);
	CHECK(!memcmp(buf, "abcd", 4));
	fastio_read(&more[0], fd, NULL, 1, 0);
	CHECK_EQ(fastio_ring_run(r, &more[0]), -EFAULT);
	close(fd);
}

struct blocked {
	struct fastio_req q[3];
	char buf[3];
	int pipe[3][2];
};

/* Requests that the kernel has got and cannot finish */
static void block(struct fastio_ring *r, struct blocked *b)
{
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(pipe(b->pipe[i]), 0);
		fastio_read(&b->q[i], b->pipe[i][0], &b->buf[i], 1, UINT64_MAX);
		CHECK_EQ(fastio_ring_submit(r, &b->q[i], 0), 0);
	}
	usleep(20000);
}

static void refused(struct fastio_ring *r, int err)
{
	struct blocked b;

	block(r, &b);
	refuse_ring(err);
	for (int i = 0; i < 50; i++)
		check_works(r, "refused");
	CHECK(!fastio_ring_is_uring(r));
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(write(b.pipe[i][1], "x", 1), 1);
		CHECK_EQ(fastio_ring_wait(r, &b.q[i]), 1);
	}
	CHECK_EQ(fastio_ring_cancel(r, &b.q[2]), 0);
	CHECK_EQ(fastio_ring_shutdown(r, FASTIO_CANCEL), 0);
	CHECK_EQ(fastio_ring_wait(r, &b.q[2]), -ECANCELED);
	CHECK_EQ(fastio_ring_destroy(r), 0);
}

/* The end is asked for before the actor has noticed. */
static void refused_at_end(struct fastio_ring *r, int err)
{
	struct blocked b;

	block(r, &b);
	refuse_ring(err);
	CHECK_EQ(fastio_ring_shutdown(r, FASTIO_CANCEL), 0);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(fastio_ring_wait(r, &b.q[i]), -ECANCELED);
	CHECK_EQ(fastio_ring_destroy(r), 0);
}

struct crowd {
	struct fastio_ring *ring;
	_Atomic bool end;
};

static void *keep_working(void *arg)
{
	struct crowd *c = arg;
	char name[32];

	snprintf(name, sizeof(name), "crowd%d", gettid());
	while (!atomic_load(&c->end))
		check_works(c->ring, name);
	return NULL;
}

/* At any moment: some of it prepared, some submitted */
static void refused_under_load(struct fastio_ring *r, int err)
{
	struct crowd c = {.ring = r};
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, keep_working, &c), 0);
	usleep(20000);
	refuse_ring(err);
	usleep(50000);
	atomic_store(&c.end, true);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	CHECK(!fastio_ring_is_uring(r));
	CHECK_EQ(fastio_ring_destroy(r), 0);
}

/* A program that closes what it did not open */
static void closed(struct fastio_ring *r, int err)
{
	struct blocked b;
	struct fastio_req q;

	(void)err;
	block(r, &b);
	CHECK_EQ(syscall(SYS_close_range, 3, b.pipe[0][0] - 1, 0), 0);
	for (int i = 0; i < 3; i++)
		check_works(r, "closed");
	fastio_read(&q, 1000, b.buf, 1, 0);
	CHECK_EQ(fastio_ring_run(r, &q), -EBADF);
	CHECK_EQ(write(b.pipe[0][1], "x", 1), 1);
	CHECK_EQ(fastio_ring_wait(r, &b.q[0]), 1);
	CHECK_EQ(fastio_ring_cancel(r, &b.q[1]), 0);
	CHECK_EQ(fastio_ring_wait(r, &b.q[1]), -ECANCELED);
	CHECK_EQ(fastio_ring_shutdown(r, FASTIO_CANCEL), 0);
	CHECK_EQ(fastio_ring_wait(r, &b.q[2]), -ECANCELED);
	CHECK_EQ(fastio_ring_destroy(r), 0);
}

static void lost_ring(void)
{
	static const int errs[] = {EPERM, ENOSYS, EBADF};
	struct utsname u;
	int major, minor;

	for (size_t i = 0; i < sizeof(errs) / sizeof(errs[0]); i++) {
		in_child(refused, errs[i]);
		in_child(refused_at_end, errs[i]);
		in_child(refused_under_load, errs[i]);
	}
	/* Before Linux 6.7 the actor is woken by a descriptor, whose number others could get. */
	if (!uname(&u) && sscanf(u.release, "%d.%d", &major, &minor) == 2 &&
	    major * 1000 + minor >= 6007)
		in_child(closed, 0);
}

/* ---- many threads ---- */

struct share {
	struct fastio_ring *ring;
	int fd;
	unsigned me;
};

static void *many_requests(void *arg)
{
	const struct share *s = arg;
	struct fastio_req q[4];
	uint64_t out[4], in[4];
	int rounds = 1000, err;

	for (int i = 0; i < rounds; i++) {
		for (unsigned k = 0; k < 4; k++) {
			out[k] = (uint64_t)i << 32 | s->me << 8 | k;
			fastio_write(&q[k], s->fd, &out[k], 8, (s->me * 4 + k) * 8);
			CHECK_EQ(fastio_ring_submit(s->ring, &q[k], FASTIO_SUBMIT_WAIT), 0);
		}
		for (int k = 3; k >= 0; k--)
			CHECK_EQ(fastio_ring_wait(s->ring, &q[k]), 8);
		for (unsigned k = 0; k < 4; k++) {
			fastio_read(&q[k], s->fd, &in[k], 8, (s->me * 4 + k) * 8);
			while ((err = fastio_ring_submit(s->ring, &q[k],
							 k == 3 ? FASTIO_SUBMIT_INLINE : 0)) ==
			       -EAGAIN)
				sched_yield();
			CHECK_EQ(err, 0);
		}
		for (int k = 0; k < 4; k++) {
			CHECK_EQ(fastio_ring_wait(s->ring, &q[k]), 8);
			CHECK(in[k] == out[k]);
		}
	}
	return NULL;
}

static void threads(void)
{
	struct fastio_ring *r =
		ring_with((struct fastio_ring_options){.limit = 24, .depth = 16, .batch = 4});
	struct fastio_latency l;
	struct share s[THREADS];
	pthread_t t[THREADS];
	int fd = make_file("threads", 0);

	for (unsigned i = 0; i < THREADS; i++) {
		s[i] = (struct share){r, fd, i};
		CHECK_EQ(pthread_create(&t[i], NULL, many_requests, &s[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(fastio_ring_latency(r, FASTIO_OP_WRITE, FASTIO_STAGE_COMPLETE, &l), 0);
	CHECK_EQ(l.count, THREADS * 4000);
	CHECK(l.p50 <= l.p90 && l.p90 <= l.p99 && l.p99 <= l.max + l.max / 8 + 1 && l.max > 0);
	CHECK_EQ(fastio_ring_latency(r, FASTIO_OP_WRITE, FASTIO_STAGE_QUEUE, &l), 0);
	CHECK_EQ(l.count, THREADS * 4000);
	fastio_ring_destroy(r);
	close(fd);
}

/* ---- everything at once ---- */

struct storm {
	struct fastio_ring *ring;
	int fd, pipe[2], event;
	char *registered;
	_Atomic uint64_t accepted, waited, called, events;
};

static void storm_done(struct fastio_req *req, void *arg)
{
	struct storm *s = arg;

	atomic_fetch_add(&s->called, 1);
	free(req);
}

/* One request of any kind; what: which */
static void storm_fill(struct storm *s, struct fastio_req *q, char *buf, unsigned what)
{
	switch (what % 6) {
	case 0:
		fastio_write(q, s->fd, buf, 8, 0);
		q->flags = what & 8 ? FASTIO_REQ_DSYNC : 0;
		break;
	case 1: /* never finishes by itself; plain calls would wait for ever */
		fastio_read(q, plain ? s->fd : s->pipe[0], buf, 8, plain ? 0 : UINT64_MAX);
		q->timeout_ns = what & 8 ? 200000 : 0;
		break;
	case 2:
		fastio_read(q, s->fd, s->registered, 8, 64);
		q->flags = FASTIO_REQ_REGISTERED;
		break;
	case 3:
		fastio_read(q, s->fd, buf, 8, 0);
		q->timeout_ns = 1000000000;
		break;
	case 4:
		fastio_fsync(q, -1);
		break;
	default:
		fastio_discard(q, s->fd, 4096, 1 << 20);
		break;
	}
}

static void *storm_thread(void *arg)
{
	struct storm *s = arg;
	unsigned seed = (unsigned)gettid();
	struct fastio_req q[4];
	char buf[4][8];
	int err = 0;

	while (err != -ESHUTDOWN) {
		bool in[4] = {false};

		for (int i = 0; i < 4; i++) {
			unsigned what = (unsigned)rand_r(&seed) >> 4;
			struct fastio_req *use = &q[i], *heap = NULL;

			storm_fill(s, &q[i], buf[i], what);
			q[i].eventfd = what & 16 ? s->event : 0;
			if (what & 32 && q[i].fd != s->pipe[0])
				use = heap = malloc(sizeof(*heap));
			if (heap) {
				*heap = q[i];
				heap->buf = s->registered + 4096; /* outlives us */
				heap->flags &= (uint8_t)~FASTIO_REQ_REGISTERED;
				heap->done = storm_done;
				heap->arg = s;
			}
			err = fastio_ring_submit(s->ring, use, what & 64 ? FASTIO_SUBMIT_WAIT : 0);
			CHECK(!err || err == -EAGAIN || err == -ESHUTDOWN || err == -EBADF);
			if (!err) {
				atomic_fetch_add(&s->accepted, 1);
				atomic_fetch_add(&s->events, what & 16 ? 1 : 0);
			} else {
				free(heap);
			}
			in[i] = !err && !heap;
			if (err == -ESHUTDOWN)
				break;
		}
		for (int i = 0; i < 4; i++) {
			int64_t res;

			if (!in[i])
				continue;
			if (q[i].fd == s->pipe[0] && !q[i].timeout_ns)
				fastio_ring_cancel(s->ring, &q[i]);
			res = fastio_ring_wait(s->ring, &q[i]);
			CHECK(res == 8 || res == 0 || res == -ECANCELED || res == -ETIMEDOUT ||
			      res == -EOPNOTSUPP);
			atomic_fetch_add(&s->waited, 1);
		}
	}
	return NULL;
}

/*
 * Threads with all kinds of requests and answers over a small ring, which ends in the middle of it
 */
static void storm(void)
{
	char *registered = fastio_buffer_get(8192, 4096);

	for (int round = 0; round < 6; round++) {
		struct storm s = {.registered = registered, .event = eventfd(0, EFD_CLOEXEC)};
		uint64_t n = 0;
		pthread_t t[THREADS];

		s.ring = ring_with((struct fastio_ring_options){
			.limit = 12,
			.depth = 8,
			.batch = 4,
			.spin_ns = round & 2 ? 1 : 0,
			.buffers = (struct iovec[]){{registered, 8192}},
			.nbuffers = 1});
		s.fd = make_file("storm", 0);
		CHECK_EQ(pwrite(s.fd, registered, 8192, 0), 8192);
		CHECK_EQ(pipe(s.pipe), 0);
		for (int i = 0; i < THREADS; i++)
			CHECK_EQ(pthread_create(&t[i], NULL, storm_thread, &s), 0);
		usleep(100000);
		CHECK_EQ(fastio_ring_shutdown(s.ring, round & 1 ? FASTIO_CANCEL : FASTIO_FINISH),
			 0);
		for (int i = 0; i < THREADS; i++)
			pthread_join(t[i], NULL);
		CHECK(s.accepted > 0 && s.called > 0);
		CHECK_EQ(s.accepted, s.waited + s.called);
		CHECK(s.events == 0 || read(s.event, &n, sizeof(n)) == sizeof(n));
		CHECK_EQ(n, s.events);
		CHECK_EQ(fastio_ring_destroy(s.ring), 0);
		close(s.fd);
		close(s.event);
		close(s.pipe[0]);
		close(s.pipe[1]);
	}
	fastio_buffer_put(registered);
}

/* Far more operations than either queue holds: none is lost, and each has one answer. */
static void overflow(void)
{
	enum { ENTRIES = 8, OPS = 400 };
	struct io_uring_sqe *sqe;
	struct fio_ring r;
	bool seen[OPS] = {false};
	uint64_t data;
	int res, got = 0;

	CHECK_EQ(fio_ring_start(
			 &r, &(struct fio_ring_setup){.entries = ENTRIES, .cq_entries = ENTRIES}),
		 0);
	for (uint64_t i = 0; i < OPS; i++) {
		if (!fio_ring_room(&r, 1)) {
			CHECK(fio_ring_prepare(&r) == NULL);
			CHECK(fio_ring_submit(&r) >= 0); /* nobody harvests */
		}
		sqe = fio_ring_prepare(&r);
		io_uring_prep_nop(sqe);
		fio_ring_finish(sqe, i, 0);
	}
	CHECK(fio_ring_submit(&r) >= 0);
	CHECK_EQ(io_uring_cq_ready(&r.ring), ENTRIES);
	CHECK(*r.ring.sq.kflags & IORING_SQ_CQ_OVERFLOW);
	while (fio_ring_ready(&r)) {
		if (!fio_ring_harvest(&r, &data, &res))
			break;
		CHECK(data < OPS && !seen[data]);
		CHECK_EQ(res, 0);
		seen[data] = true;
		got++;
	}
	CHECK_EQ(got, OPS);
	fio_ring_stop(&r);
}

static const struct unit_test both[] = {
	TEST(requests), TEST(durable),        TEST(discards),      TEST(blocks), TEST(chains),
	TEST(answers),  TEST(callback_rules), TEST(bad_arguments), TEST(fuzz),   TEST(ends),
	TEST(threads),  TEST(storm),          TEST(cached),
};

/* A read that blocks holds plain calls up. */
static const struct unit_test uring_only[] = {TEST(cancellation), TEST(limits), TEST(lost_ring),
					      TEST(overflow)};

int main(int argc, char **argv)
{
	struct fastio_ring *r = ring();
	bool uring = fastio_ring_is_uring(r);
	int rc;

	fastio_ring_destroy(r);
	plain = true;
	rc = unit_run(both, sizeof(both) / sizeof(both[0]), argc, argv);
	if (!uring)
		return rc;
	plain = false;
	rc |= unit_run(both, sizeof(both) / sizeof(both[0]), argc, argv);
	return rc | unit_run(uring_only, sizeof(uring_only) / sizeof(uring_only[0]), argc, argv);
}
