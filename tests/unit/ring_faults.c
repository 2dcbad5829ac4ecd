/* SPDX-License-Identifier: MIT */
/*
 * ring_faults.c - the engine on a ring that fails: operations the kernel lacks, completions with
 * errors, short writes, submissions that are refused
 *
 * The linker puts the functions below between the engine, the ring and liburing (--wrap; see the
 * Makefile).  An operation that is to fail is turned into one that does nothing and completes with
 * the error, so that the kernel itself breaks its chain.  They run in the background task: no libc.
 */
#include <liburing.h>
#include <sys/mman.h>

#include "files.h"
#include "ring/ring.h"

#define INJECT_RESULT 1u /* IORING_NOP_INJECT_RESULT, which older headers lack */
#define NONE 0xff
#define BIG 20000
#define N_BIG 20
#define ALL (FILES + 136)

static struct plan {
	const char *name;
	uint8_t missing;      /* opcode that the kernel does not have, or NONE */
	bool no_probe;        /* it cannot be asked */
	bool no_files;        /* no direct descriptors */
	uint8_t op;           /* opcode of the operations that fail, or NONE */
	unsigned each;        /* each so-manieth of them */
	int err;              /* completes with -err and has no effect; 0: */
	bool halved;          /* a write does half of its work */
	int lie;              /* it is done, and yet -lie is reported */
	unsigned submits;     /* from this submit on */
	unsigned submits_end; /* up to this one */
	int refused;          /* the kernel answers -refused */
	bool partly;          /* having taken one operation */
	bool no_wait;         /* and waiting is refused as well */
} plan;

static struct totals {
	_Atomic unsigned long operations, injected;
	unsigned long runs;
} * totals;

static struct io_uring_sqe *fresh[256]; /* prepared and not yet submitted */
static unsigned n_fresh, n_seen, n_submits;
static uint8_t opcode_of[1 << 16]; /* by the low bits of the data */

struct io_uring_sqe *__real_fio_ring_prepare(struct fio_ring *r);
struct io_uring_sqe *__wrap_fio_ring_prepare(struct fio_ring *r);
int __real_fio_ring_submit(struct fio_ring *r);
int __wrap_fio_ring_submit(struct fio_ring *r);
bool __real_fio_ring_harvest(struct fio_ring *r, uint64_t *data, int *res);
bool __wrap_fio_ring_harvest(struct fio_ring *r, uint64_t *data, int *res);
int __real_io_uring_submit(struct io_uring *ring);
int __wrap_io_uring_submit(struct io_uring *ring);
int __real_io_uring_wait_cqe_timeout(struct io_uring *ring, struct io_uring_cqe **cqe,
				     struct __kernel_timespec *ts);
int __wrap_io_uring_wait_cqe_timeout(struct io_uring *ring, struct io_uring_cqe **cqe,
				     struct __kernel_timespec *ts);
int __real_io_uring_register_probe(struct io_uring *ring, struct io_uring_probe *p, unsigned n);
int __wrap_io_uring_register_probe(struct io_uring *ring, struct io_uring_probe *p, unsigned n);
int __real_io_uring_register_files(struct io_uring *ring, const int *files, unsigned n);
int __wrap_io_uring_register_files(struct io_uring *ring, const int *files, unsigned n);

static void injected(void)
{
	atomic_fetch_add(&totals->injected, 1);
}

struct io_uring_sqe *__wrap_fio_ring_prepare(struct fio_ring *r)
{
	return fresh[n_fresh++] = __real_fio_ring_prepare(r);
}

static void spoil(struct io_uring_sqe *sqe)
{
	uint8_t flags = sqe->flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK);
	uint64_t data = sqe->user_data;

	atomic_fetch_add(&totals->operations, 1);
	opcode_of[data & 0xffff] = sqe->opcode;
	if (sqe->opcode != plan.op || ++n_seen % plan.each)
		return;
	if (plan.halved && sqe->len > 1) {
		sqe->len /= 2;
		injected();
	}
	if (!plan.err)
		return;
	*sqe = (struct io_uring_sqe){.opcode = IORING_OP_NOP,
				     .flags = flags,
				     .user_data = data,
				     .len = (uint32_t)-plan.err,
				     .rw_flags = INJECT_RESULT};
	injected();
}

int __wrap_fio_ring_submit(struct fio_ring *r)
{
	for (unsigned i = 0; i < n_fresh; i++)
		spoil(fresh[i]);
	n_fresh = 0;
	return __real_fio_ring_submit(r);
}

bool __wrap_fio_ring_harvest(struct fio_ring *r, uint64_t *data, int *res)
{
	if (!__real_fio_ring_harvest(r, data, res))
		return false;
	if (plan.lie && opcode_of[*data & 0xffff] == plan.op && *res >= 0 &&
	    ++n_seen % plan.each == 0) {
		*res = -plan.lie;
		injected();
	}
	return true;
}

static bool refused_now(void)
{
	return plan.refused && n_submits >= plan.submits && n_submits <= plan.submits_end;
}

int __wrap_io_uring_submit(struct io_uring *ring)
{
	unsigned tail = ring->sq.sqe_tail;
	int n;

	n_submits++;
	if (!refused_now())
		return __real_io_uring_submit(ring);
	injected();
	if (!plan.partly || tail - ring->sq.sqe_head < 2 || n_submits > plan.submits)
		return -plan.refused;
	ring->sq.sqe_tail = ring->sq.sqe_head + 1;
	n = __real_io_uring_submit(ring);
	ring->sq.sqe_tail = tail;
	return n;
}

int __wrap_io_uring_wait_cqe_timeout(struct io_uring *ring, struct io_uring_cqe **cqe,
				     struct __kernel_timespec *ts)
{
	if (plan.no_wait && refused_now())
		return -plan.refused;
	return __real_io_uring_wait_cqe_timeout(ring, cqe, ts);
}

int __wrap_io_uring_register_probe(struct io_uring *ring, struct io_uring_probe *p, unsigned n)
{
	int err = plan.no_probe ? -EINVAL : __real_io_uring_register_probe(ring, p, n);

	if (plan.no_probe || plan.missing != NONE)
		injected();
	if (!err && plan.missing != NONE)
		p->ops[plan.missing].flags = 0;
	return err;
}

int __wrap_io_uring_register_files(struct io_uring *ring, const int *files, unsigned n)
{
	if (!plan.no_files)
		return __real_io_uring_register_files(ring, files, n);
	injected();
	return -EINVAL;
}

/* ---- the workload: every kind of intent ---- */

static const char *big_path(int i)
{
	return path_of(100000 + i);
}

static void put_big(int i)
{
	char buf[BIG];
	int fd = do_open(big_path(i), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0);
	memset(buf, 'A' + i, sizeof(buf));
	fio_peek_fd(fd, FIO_CAUSE_FD); /* the file is real from now on, its content held */
	CHECK_EQ(do_write(fd, buf, sizeof(buf)), BIG);
	CHECK_EQ(do_close(fd), 0);
}

static bool big_complete(int i)
{
	char buf[BIG + 1];
	int fd = open(big_path(i), O_RDONLY);
	ssize_t n = read(fd, buf, sizeof(buf));

	close(fd);
	for (ssize_t k = 0; k < n; k++)
		if (buf[k] != 'A' + i)
			return false;
	return n == BIG;
}

/* A lease for reading is refused while anybody has the file open for writing. */
static bool nobody_writes(const char *path)
{
	int fd = open(path, O_RDONLY);
	bool ok = fcntl(fd, F_SETLEASE, F_RDLCK) == 0 || errno == EINVAL;

	close(fd);
	return ok;
}

/* Not helped with. */
static void let_task_work(void)
{
	for (int i = 0; i < 1000 && fio_pending(); i++)
		usleep(1000);
}

/* Deferred from the 17th on; those before are barriers, which must not come too often. */
static bool is_exclusive(int i)
{
	return i < FILES + 16 * 6 ? i % 6 == 5 : i & 1;
}

static void workload(void)
{
	struct stat st;
	int there = 0;

	begin("FASTIO_WINDOW=512");
	for (int i = 0; i < FILES; i++)
		put(i, O_TRUNC);
	let_task_work();
	for (int i = 0; i < FILES / 2; i++)
		put(i, O_TRUNC);
	let_task_work();
	for (int i = FILES; i < ALL; i++)
		put(i, is_exclusive(i) ? O_EXCL : O_TRUNC);
	let_task_work();
	for (int i = 0; i < N_BIG; i++)
		put_big(i);
	let_task_work();
	fio_release_all(FIO_CAUSE_CHANNEL);
	for (int i = 0; i < ALL; i++)
		CHECK(nobody_writes(path_of(i)));
	for (int i = 0; i < N_BIG; i++)
		CHECK(nobody_writes(big_path(i)));
	all_complete(ALL);
	for (int i = FILES / 2; i < ALL; i++)
		CHECK_EQ(do_unlink(path_of(i)), 0);
	let_task_work();
	finish(0);
	all_complete(FILES / 2);
	for (int i = FILES / 2; i < ALL; i++)
		there += stat(path_of(i), &st) == 0;
	CHECK_EQ(there, 0);
	for (int i = 0; i < N_BIG; i++)
		CHECK(big_complete(i));
	CHECK_EQ(value(FIO_CNT_errors_late), 0);
	CHECK(value(FIO_CNT_deferred_create) > 0);
	CHECK(value(FIO_CNT_deferred_update) > 0);
	CHECK(value(FIO_CNT_deferred_write) > 0);
	CHECK(value(FIO_CNT_deferred_unlink) > 0);
}

/* ---- plans ---- */

static const char *only; /* plans of this name */

static bool run(const struct plan *p)
{
	unsigned long before = totals->injected;
	int status;

	if (only && strcmp(only, p->name) != 0)
		return true;
	plan = *p;
	status = in_child(workload);
	totals->runs++;
	if (status == 0 && totals->injected == before) {
		printf("# nothing was injected\n");
		status = 1;
	}
	printf("%s %s op %d err %d%d%d\n", status ? "not ok" : "ok", p->name, p->op, p->err, p->lie,
	       p->refused);
	return status == 0;
}

static bool can_inject(void)
{
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	bool ok;

	if (io_uring_queue_init(4, &ring, 0) < 0)
		return false;
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_nop(sqe);
	sqe->len = (uint32_t)-EBUSY;
	sqe->rw_flags = INJECT_RESULT;
	ok = __real_io_uring_submit(&ring) == 1 && io_uring_wait_cqe(&ring, &cqe) == 0 &&
	     cqe->res == -EBUSY;
	io_uring_queue_exit(&ring);
	return ok;
}

static int missing(void)
{
	static const uint8_t ops[] = {IORING_OP_OPENAT, IORING_OP_WRITE, IORING_OP_CLOSE,
				      IORING_OP_UNLINKAT};
	int failed = 0;

	for (size_t i = 0; i < sizeof(ops); i++)
		failed += !run(&(struct plan){.name = "missing", .missing = ops[i], .op = NONE});
	failed += !run(
		&(struct plan){.name = "no probe", .missing = NONE, .no_probe = true, .op = NONE});
	failed += !run(&(struct plan){
		.name = "no direct descriptors", .missing = NONE, .no_files = true, .op = NONE});
	return failed;
}

static int completions(void)
{
	static const uint8_t ops[] = {IORING_OP_OPENAT, IORING_OP_WRITE, IORING_OP_CLOSE,
				      IORING_OP_UNLINKAT};
	static const int errs[] = {EAGAIN, ENOMEM, ECANCELED, EINVAL};
	struct plan p = {.name = "completes with", .missing = NONE};
	int failed = 0;

	for (size_t i = 0; i < sizeof(ops); i++) {
		for (size_t k = 0; k < sizeof(errs) / sizeof(errs[0]); k++) {
			p.op = ops[i];
			p.err = errs[k];
			p.each = 1 + k % 3;
			failed += !run(&p);
		}
	}
	p = (struct plan){.name = "short write",
			  .missing = NONE,
			  .op = IORING_OP_WRITE,
			  .each = 2,
			  .halved = true};
	failed += !run(&p);
	p = (struct plan){.name = "closes and says",
			  .missing = NONE,
			  .op = IORING_OP_CLOSE,
			  .each = 2,
			  .lie = EIO};
	failed += !run(&p);
	return failed;
}

static int submissions(void)
{
	static const unsigned begins[] = {1, 7};
	static const int errs[] = {EPERM, ENOSYS, EBADF, ENOMEM, EAGAIN, EBUSY};
	struct plan p = {.missing = NONE, .op = NONE};
	int failed = 0;

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
		p.submits = begins[i];
		for (size_t k = 0; k < sizeof(errs) / sizeof(errs[0]); k++) {
			p.name = "refused for good";
			p.refused = errs[k];
			p.submits_end = ~0U;
			p.partly = k & 1;
			p.no_wait = k & 2;
			failed += !run(&p);
		}
		p.name = "refused for a while";
		p.submits_end = p.submits + 50;
		p.no_wait = false;
		failed += !run(&p);
	}
	return failed;
}

int main(int argc, char **argv)
{
	int failed;

	setvbuf(stdout, NULL, _IOLBF, 0);
	unit_need_cpus();
	if (!can_inject())
		unit_skip("io_uring cannot be used, or its no-op cannot be made to fail");
	engine = "uring";
	totals = mmap(NULL, sizeof(*totals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (totals == MAP_FAILED)
		return 1;
	only = argc > 1 ? argv[1] : NULL;
	failed = missing() + completions() + submissions();
	printf("# total: %lu runs, %lu operations of the ring, %lu faults, %d runs failed\n",
	       totals->runs, totals->operations, totals->injected, failed);
	return failed ? 1 : 0;
}
