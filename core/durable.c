/* SPDX-License-Identifier: MIT */
/*
 * durable.c - making a group of synced files durable
 *
 * One syncfs costs 20 us for each file, fsyncs side by side 50 to 75, one after another a commit of
 * the journal each.  But syncfs also writes what strangers have dirtied.  How much that is only
 * ext4 tells; of others it is known that it is not more than the machine's dirty memory.  And a
 * syncfs that took longer than fsyncs of its members would have shows that there is something that
 * cannot be seen so.
 *
 * Protocol of asking.  A thread of the program cannot have a ring, whose workers would be threads
 * of the program: it puts the batch into `asked` (IDLE -> ASKED), wakes the task and waits.  The
 * task answers (ASKED -> TAKEN -> IDLE); if it was killed, the thread takes it back.
 */
#include "durable.h"

#include <string.h>

#include "clock.h"
#include "counters.h"
#include "dir.h"
#include "fio.h"
#include "fmt.h"
#include "ring/ring.h"
#include "sys.h"
#include "task.h"
#include "util.h"

#define DIRT (64LL << 20)     /* bytes that others may have dirtied: 0.1 s of a slow disk */
#define DIRT_EACH (128 << 10) /* ... and for each sync that is saved, of a quick one */
#define FEW 4                 /* syncs that are not worth a syncfs */
#define LONG_US 100000        /* a syncfs that takes less is not looked at further */
#define EACH_US 1000          /* what an fsync of one of many costs, until it was measured */
#define PAUSE_MAX 256         /* most groups without a syncfs */
#define TOGETHER 64           /* fsyncs under way */
#define WAIT_NS 20000000

enum { IDLE, ASKED, TAKEN };

static struct {
	_Atomic uint32_t state; /* futex */
	const struct fio_fence_batch *batch;
	int err;
} asked;

/* ---- what else would be written ---- */

/* The number after name in the text of a file, times unit; -1: not known. */
static int64_t number_in(const char *path, const char *name, int64_t unit)
{
	static char text[4096]; /* carry protects it */
	int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	ssize_t n = fd < 0 ? -1 : sys_read(fd, text, sizeof(text) - 1);
	const char *p;
	int64_t v = 0;

	if (fd >= 0)
		sys_close(fd);
	text[n > 0 ? n : 0] = '\0';
	p = n > 0 ? strstr(text, name) : NULL;
	if (!p)
		return -1;
	for (p += strlen(name); *p == ' '; p++)
		;
	if (*p < '0' || *p > '9')
		return -1;
	for (; *p >= '0' && *p <= '9'; p++)
		v = v * 10 + (*p - '0');
	return v * unit;
}

/* ext4 knows how much has no place on the disk yet. */
static int64_t dirty_on(const struct fio_fs *fs)
{
	char path[128];
	struct fio_fmt f;

	if (!fs->ext4[0])
		return -1;
	fmt_init(&f, path, sizeof(path));
	fmt_str(&f, "/sys/fs/ext4/");
	fmt_str(&f, fs->ext4);
	fmt_str(&f, "/delayed_allocation_blocks");
	return number_in(path, "", fs->block);
}

static bool few_strangers(const struct fio_fs *fs, uint32_t syncs)
{
	static const char meminfo[] = "/proc/meminfo";
	int64_t dirty = dirty_on(fs), writeback = 0, most = (int64_t)syncs * DIRT_EACH;

	if (dirty < 0) {
		dirty = number_in(meminfo, "\nDirty:", 1024);
		writeback = number_in(meminfo, "\nWriteback:", 1024);
	}
	return dirty >= 0 && writeback >= 0 && dirty + writeback < (most < DIRT ? most : DIRT);
}

static bool by_syncfs(struct fio_fs *fs, uint32_t syncs)
{
	if (syncs <= FEW)
		return false;
	if (fs->sync_pause) {
		fs->sync_pause--;
		return false;
	}
	return few_strangers(fs, syncs);
}

/* ---- all of the file system ---- */

static int whole(struct fio_fs *fs, int dirfd, uint32_t syncs)
{
	int64_t since = fio_now_us(), took;
	int err = (int)SYS1(SYS_syncfs, dirfd);

	took = fio_now_us() - since;
	if (took > LONG_US && took > (int64_t)syncs * (fs->each_us ? fs->each_us : EACH_US)) {
		fs->sync_span = fs->sync_span ? fs->sync_span * 2 : 1;
		if (fs->sync_span > PAUSE_MAX)
			fs->sync_span = PAUSE_MAX;
		fs->sync_pause = fs->sync_span;
	} else {
		fs->sync_span = 0;
	}
	return err == -ENOSYS ? 0 : err;
}

/* ---- each of them ---- */

void fio_durable_file(struct fio_intent *sync, int fd)
{
	struct stat st;

	if (sys_fstat(fd, &st) == 0) {
		sync->dev = st.st_dev;
		sync->ino = st.st_ino;
	}
}

/* Somebody else may have moved the file: FIO_PASS. */
static int open_member(const struct fio_intent *it, bool task)
{
	int dirfd = task ? atomic_load(&it->dir->task_fd) : it->dir->fd;
	const int how = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	struct stat st;
	int fd;

	if (!it->name_len)
		return sys_openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (!it->ino)
		return FIO_PASS;
	fd = sys_openat(dirfd, it->name, O_RDONLY | how, 0);
	if (fd == -EACCES)
		fd = sys_openat(dirfd, it->name, O_WRONLY | how, 0);
	if (fd < 0)
		return FIO_PASS;
	if (sys_fstat(fd, &st) == 0 && st.st_ino == it->ino && st.st_dev == it->dev)
		return fd;
	sys_close(fd);
	return FIO_PASS;
}

/* Some fsyncs, by the ring if there is one. */
static int fsync_all(struct fio_ring *ring, const int *fds, int n)
{
	bool done[TOGETHER] = {false};
	int err = 0, left = 0, res;
	uint64_t i;

	for (int k = 0; ring && k < n; k++) {
		struct io_uring_sqe *sqe = fio_ring_prepare(ring);

		io_uring_prep_fsync(sqe, fds[k], 0);
		fio_ring_finish(sqe, (uint64_t)k, 0);
		left++;
	}
	while (left && fio_ring_submit_and_wait(ring, WAIT_NS) >= 0) {
		for (; fio_ring_harvest(ring, &i, &res); left--) {
			done[i] = res != -ECANCELED && res != -EINVAL;
			if (done[i] && res < 0 && !err)
				err = res;
		}
	}
	for (int k = 0; k < n; k++) {
		res = done[k] ? 0 : (int)SYS1(SYS_fsync, fds[k]);
		err = err ? err : res < 0 ? res : 0;
	}
	return err;
}

/* The next members, opened; FIO_PASS if one cannot be found. */
static int open_some(struct fio_intent **at, const struct fio_intent *last, bool task, int *fds)
{
	int n = 0;

	while (*at && n < TOGETHER) {
		struct fio_intent *it = *at;

		*at = it == last ? NULL : it->next_fence;
		if (it->kind != FIO_KIND_SYNC)
			continue;
		fds[n] = open_member(it, task);
		if (fds[n] < 0) {
			while (n)
				sys_close(fds[--n]);
			return FIO_PASS;
		}
		n++;
	}
	return n;
}

static int each(const struct fio_fence_batch *b, bool task, struct fio_ring *ring)
{
	struct fio_intent *at = b->first;
	int fds[TOGETHER], err = 0;

	while (at) {
		int n = open_some(&at, b->last, task, fds), res;

		if (n < 0)
			return n;
		res = fsync_all(ring, fds, n);
		err = err ? err : res;
		fio_count_n(fsync_files, (unsigned)n);
		while (n)
			sys_close(fds[--n]);
	}
	return err;
}

/* The number of workers is the task's, not the ring's. */
static int each_by_task(const struct fio_fence_batch *b)
{
	static const struct fio_ring_setup setup = {.entries = TOGETHER};
	static struct fio_ring ring;
	unsigned workers[2] = {TOGETHER, TOGETHER};
	int err;

	if (b->syncs < 2 || fio_ring_start(&ring, &setup) < 0)
		return each(b, true, NULL);
	io_uring_register_iowq_max_workers(&ring.ring, workers);
	err = each(b, true, &ring);
	io_uring_register_iowq_max_workers(&ring.ring, workers);
	fio_ring_stop(&ring);
	return err;
}

void fio_durable_work(void)
{
	uint32_t state = ASKED;

	if (atomic_load_explicit(&asked.state, memory_order_relaxed) != ASKED ||
	    !atomic_compare_exchange_strong(&asked.state, &state, TAKEN))
		return;
	asked.err = each_by_task(asked.batch);
	atomic_store(&asked.state, IDLE);
	sys_futex_wake(&asked.state, 1);
}

static int each_asked(const struct fio_fence_batch *b)
{
	const struct timespec look = {.tv_nsec = WAIT_NS};
	uint32_t state;

	if (b->syncs < 2 || !fio_task_running())
		return each(b, false, NULL);
	asked.batch = b;
	atomic_store(&asked.state, ASKED);
	fio_task_wake();
	while ((state = atomic_load(&asked.state)) != IDLE) {
		sys_futex_wait(&asked.state, state, &look);
		if (fio_task_gone()) {
			atomic_store(&asked.state, IDLE);
			return each(b, false, NULL);
		}
	}
	return asked.err;
}

/* Those in front of the first name: where names have no order, the others are for later steps. */
static struct fio_fence_batch in_front(const struct fio_fence_batch *b)
{
	struct fio_fence_batch front = {b->first, b->first, 1};

	if (b->first->dir->fs->ordered)
		return *b;
	while (front.last != b->last && front.last->next_fence->kind == FIO_KIND_SYNC) {
		front.last = front.last->next_fence;
		front.syncs++;
	}
	return front;
}

static int one_by_one(const struct fio_fence_batch *b, bool task)
{
	struct fio_fs *fs = b->first->dir->fs;
	struct fio_fence_batch some = in_front(b);
	int64_t since = fio_now_us();
	int err = task ? each_by_task(&some) : each_asked(&some);

	if (err != FIO_PASS)
		fs->each_us = (uint32_t)((fio_now_us() - since) / some.syncs);
	return err;
}

uint32_t fio_durable_together(const struct fio_fence_batch *b)
{
	return in_front(b).syncs;
}

int fio_make_durable(const struct fio_fence_batch *b, bool task, bool *alone)
{
	struct fio_dir *d = b->first->dir;
	int err = FIO_PASS;

	fio_count(fsync_groups);
	*alone = !by_syncfs(d->fs, fio_durable_together(b));
	if (*alone)
		err = one_by_one(b, task);
	if (err == FIO_PASS) {
		*alone = false;
		err = whole(d->fs, task ? atomic_load(&d->task_fd) : d->fd, b->syncs);
	}
	return err;
}
