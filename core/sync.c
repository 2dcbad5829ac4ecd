/* SPDX-License-Identifier: MIT */
/*
 * sync.c - fsync in groups: external synchrony
 *
 * fsync returns at once and becomes a fence (fence.h).  A whole group is made durable at once
 * (durable.h): for each file that is a fraction of an fsync, which costs a commit of the journal
 * and a flush of the disk.
 */
#include "sync.h"

#include <string.h>

#include "counters.h"
#include "dir.h"
#include "durable.h"
#include "errors.h"
#include "exec.h"
#include "fdtab.h"
#include "fence.h"
#include "file.h"
#include "fio.h"
#include "fmt.h"
#include "gate.h"
#include "mem.h"
#include "options.h"
#include "queue.h"
#include "sys.h"
#include "table.h"
#include "task.h"
#include "util.h"

#define PATH_MAX_ 512
#define RANGE_FLAGS 7u

/* An entry of fdtab: bits of the inode's hash << 32 | number of the last fence << 3 | FRESH */
#define FRESH 6u
#define ORDER_MASK ((1u << 29) - 1)

static _Atomic bool never; /* for good */

void fio_sync_no_more(void)
{
	atomic_store(&never, true);
}

static struct fio_intent *new_sync(unsigned shard, struct fio_dir *dir, const char *name,
				   size_t len)
{
	struct fio_intent *it = fio_intent_get(shard);

	if (!it)
		return NULL;
	it->kind = FIO_KIND_SYNC;
	it->ino = 0;
	fio_intent_place(it, dir, name, len);
	atomic_store(&it->state, FIO_ST_QUEUING);
	atomic_fetch_add_explicit(&fio_live, 1, memory_order_relaxed);
	return it;
}

struct fio_intent *fio_sync_of(const struct fio_intent *it)
{
	return new_sync(it->shard, it->dir, it->name, it->name_len);
}

void fio_sync_add(struct fio_intent *sync, int fd)
{
	if (sync) {
		fio_fence_add(sync);
	} else {
		fio_drain();
		SYS1(SYS_syncfs, fd);
	}
	/* It was counted while it was open. */
	atomic_fetch_sub(&fio_syncs, 1);
}

/* ---- files that were made since ---- */

static uint64_t mark(uint64_t hash, uint64_t order)
{
	return hash >> 32 << 32 | (order & ORDER_MASK) << 3 | FRESH;
}

void fio_sync_mark(const struct fio_intent *it, int fd)
{
	struct stat st;

	if (it->fresh && atomic_load(&fio_syncs) && sys_fstat(fd, &st) == 0)
		fio_fd_set(fd, mark(fio_hash_inode(st.st_dev, st.st_ino), it->order));
}

/* With anything else than a file, nothing is left to do. */
bool fio_sync_fresh(int fd)
{
	uint64_t entry = fio_fd_get(fd), order = entry >> 3 & ORDER_MASK;
	uint64_t oldest = fio_sync_oldest();
	struct stat st;

	if (sys_fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return true;
	return (entry & 7) == FRESH && entry >> 32 == fio_hash_inode(st.st_dev, st.st_ino) >> 32 &&
	       (!oldest || ((order - oldest) & ORDER_MASK) < ORDER_MASK / 2);
}

void fio_sync_remember(struct fio_intent *it, int fd)
{
	uint64_t entry = fio_fd_get(fd);

	it->fresh = (entry & 7) == FRESH;
	it->order = entry >> 3 & ORDER_MASK;
}

void fio_sync_all(void)
{
	fio_flush_open();
	fio_fences_finish();
}

void fio_sync_before(int fd)
{
	struct fio_intent *it = fio_fd_intent(fio_fd_get(fd));

	if (it && !it->fresh)
		fio_fences_finish();
}

void fio_release_synced_slow(void)
{
	struct fio_thread *t = fio_enter();

	if (!t)
		return;
	fio_sync_all();
	fio_leave(t);
}

/* ---- fsync ---- */

/* The directory that path names, or that holds it: *name is its last component, or empty. */
static struct fio_dir *find(struct fio_thread *t, const char *path, const struct stat *st,
			    const char **name, size_t *len)
{
	struct fio_dir *d;
	struct stat there;
	int why;

	if (S_ISDIR(st->st_mode)) {
		d = fio_dir_open(t, AT_FDCWD, path);
		*name = path + strlen(path);
		*len = 0;
		if (d && d->ino == st->st_ino && d->dev == st->st_dev)
			return d;
	} else {
		d = fio_dir_resolve(t, AT_FDCWD, path, name, len, &why);
		if (d && sys_fstatat(d->fd, *name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
		    there.st_ino == st->st_ino && there.st_dev == st->st_dev)
			return d;
	}
	if (d)
		fio_dir_unref(d);
	return NULL;
}

/* Directory entries are durable once the files that they lead to are there. */
static void finish_first(const struct stat *st)
{
	struct fio_found f;

	fio_flush_open();
	f = fio_table_by_ino(fio_hash_inode(st->st_dev, st->st_ino));
	if (f.it && fio_state(f.it) != FIO_ST_FENCED)
		fio_finish(f, FIO_CAUSE_SYNC);
}

/* A file or directory that is open for real. */
static int add_real(struct fio_thread *t, int fd)
{
	char link[40], path[PATH_MAX_];
	struct fio_intent *it = NULL;
	struct fio_dir *d;
	struct fio_fmt f;
	struct stat st;
	const char *name;
	size_t len;
	long n;

	if (sys_fstat(fd, &st) < 0 || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) ||
	    st.st_nlink == 0 || sys_fcntl(fd, F_GETFL, 0) & O_PATH)
		return FIO_PASS;
	fmt_init(&f, link, sizeof(link));
	fmt_str(&f, "/proc/self/fd/");
	fmt_int(&f, fd);
	n = SYS4(SYS_readlinkat, AT_FDCWD, link, path, sizeof(path) - 1);
	if (n <= 0 || path[0] != '/')
		return FIO_PASS;
	path[n] = '\0';
	d = find(t, path, &st, &name, &len);
	if (!d)
		return FIO_PASS;
	/* A server is not told by syncfs. */
	if (d->fs->ok && d->traits && !d->fs->memory && !d->fs->remote) {
		finish_first(&st);
		it = new_sync(fio_shard(t), d, name, len);
		if (it)
			fio_durable_file(it, fd);
	}
	fio_dir_unref(d);
	if (!it)
		return FIO_PASS;
	fio_fence_add(it);
	return 0;
}

void fio_sync_open(struct fio_intent *it)
{
	if (it->sync || it->dir->fs->memory)
		return;
	it->sync = true;
	atomic_fetch_add(&fio_syncs, 1);
}

/* A file that is open and deferred: it becomes a fence when it is closed. */
static int add_open(int fd)
{
	struct fio_intent *it = fio_fd_lock(fd);
	int err;

	if (!it)
		return FIO_PASS;
	if (it->kind == FIO_KIND_CREATE && it->len && !it->made && !it->err) {
		fio_sync_open(it);
		fio_unlock(&it->lock);
		return 0;
	}
	err = fio_file_flush(it, FIO_FLUSH_TELLS);
	return err ? err : FIO_PASS;
}

bool fio_sync_may(void)
{
	/* A group that is under way goes on. */
	if (atomic_load(&fio_syncs))
		return true;
	return !atomic_load(&never) && fio_may(FIO_KIND_SYNC) && fio_task_start();
}

/* What waits on its way to the disk is there before a sync that is real. */
static int strict(struct fio_thread *t)
{
	fio_count(fsync_strict);
	fio_fences_finish();
	fio_leave(t);
	return FIO_PASS;
}

int fio_fsync(int fd)
{
	struct fio_thread *t;
	int ret;

	if (fio_opt.fsync != FIO_FSYNC_GROUP)
		return FIO_PASS;
	t = fio_enter();
	if (!t)
		return FIO_PASS;
	ret = fio_error_take();
	if (ret == 0) {
		if (!fio_sync_may())
			return strict(t);
		ret = add_open(fd);
		if (ret == FIO_PASS)
			ret = add_real(t, fd);
		if (ret == FIO_PASS)
			return strict(t);
		fio_count(deferred_fsync);
	}
	fio_leave(t);
	return ret;
}

int fio_sync_range(int fd, off_t off, off_t n, unsigned int flags)
{
	/* A promise of nothing, and a file that is not there yet. */
	if (fio_opt.fsync != FIO_FSYNC_GROUP || off < 0 || n < 0 || flags & ~RANGE_FLAGS ||
	    !fio_fd_intent(fio_fd_get(fd)))
		return FIO_PASS;
	return fio_fsync(fd);
}
