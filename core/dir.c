/* SPDX-License-Identifier: MIT */
/*
 * dir.c - resolving and remembering directories
 */
#include "dir.h"

#include <string.h>

#include "clock.h"
#include "counters.h"
#include "fio.h"
#include "hidden.h"
#include "mem.h"
#include "sys.h"
#include "task.h"
#include "util.h"

#define PER_CHUNK 64
#define CHUNKS 64
#define LIVE_MAX 64   /* more than this many: the least recently used one is retired */
#define LOOK_EVERY 64 /* look-ups of directories on a quick file system that may be slow */

#define FS_IOC_GETFLAGS_ 0x80086601L
#define BAD_FLAGS                                                                            \
	(0x10 /* immutable */ | 0x20 /* append */ | 0x8 /* sync */ | 0x10000 /* dirsync */ | \
	 0x40000000 /* casefold */ | 0x800 /* encrypted */)

_Atomic uint64_t fio_ns_epoch = 1;
_Atomic uint64_t fio_known_epoch = 1;
_Atomic uint64_t fio_traits_epoch = 1;
_Atomic uint64_t fio_moved_epoch = 1;
_Atomic uint64_t fio_removed_epoch;
_Atomic uint32_t fio_beliefs;
_Atomic uint32_t fio_dirs_retired;

static struct fio_lock dirs_lock;
static struct fio_dir *chunks[CHUNKS];
static uint32_t n_dirs; /* slots ever used */
static uint32_t n_live; /* of them, not retired */

static struct fio_dir *at(uint32_t i)
{
	return &chunks[i / PER_CHUNK][i % PER_CHUNK];
}

void fio_dir_ref(struct fio_dir *d)
{
	atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
}

void fio_dir_unref(struct fio_dir *d)
{
	atomic_fetch_sub_explicit(&d->refs, 1, memory_order_release);
}

bool fio_dir_ref_cached(struct fio_dir *d, uint32_t gen)
{
	uint32_t refs = atomic_fetch_add(&d->refs, 1);

	if (!(refs & FIO_DIR_DEAD) && atomic_load(&d->gen) == gen)
		return true;
	atomic_fetch_sub(&d->refs, 1);
	return false;
}

/* ---- the table ---- */

static uint32_t traits_of(struct fio_dir *d, const struct stat *st)
{
	uint32_t traits = 0;
	long flags = 0, r;
	char acl[4];

	d->mode = st->st_mode;
	d->uid = st->st_uid;
	d->gid = st->st_gid;
	d->traits_epoch = atomic_load(&fio_traits_epoch);
	if (!fio_fs_used(d->fs))
		return 0;
	if (!d->fs->remote && SYS3(SYS_ioctl, d->fd, FS_IOC_GETFLAGS_, &flags) == 0 &&
	    (flags & BAD_FLAGS))
		return 0;
	r = SYS4(SYS_fgetxattr, d->fd, "system.posix_acl_default", acl, 0);
	if (r != -ENODATA && r != -EOPNOTSUPP)
		return 0;
#ifdef SYS_faccessat2
	r = SYS4(SYS_faccessat2, d->fd, "", W_OK | X_OK, AT_EMPTY_PATH | AT_EACCESS);
#else
	r = -ENOSYS;
#endif
	if (r == -ENOSYS && SYS0(SYS_getuid) == SYS0(SYS_geteuid))
		r = SYS3(SYS_faccessat, d->fd, ".", W_OK | X_OK);
	if (r < 0)
		return 0;
	traits = FIO_DIR_CREATE;
	if (d->fs->unlink_ok && (!(st->st_mode & S_ISVTX) || SYS0(SYS_geteuid) == 0))
		traits |= FIO_DIR_UNLINK;
	if (st->st_mode & S_ISGID || d->fs->grpid)
		traits |= FIO_DIR_SGID;
	return traits;
}

static void close_retired(struct fio_dir *d)
{
	int fd = atomic_exchange(&d->task_fd, -1);

	if (fd >= 0)
		sys_close(fd);
}

/* With dirs_lock held: closes the program's side; the task's side is closed by the task. */
static bool retire(struct fio_dir *d)
{
	uint32_t unused = 0;

	if (!atomic_compare_exchange_strong(&d->refs, &unused, FIO_DIR_DEAD))
		return false;
	atomic_fetch_add(&d->gen, 1);
	fio_hidden_close(d->fd);
	d->fd = -1;
	n_live--;
	if (d->sent)
		atomic_fetch_add(&fio_dirs_retired, 1);
	return true;
}

/* What was removed, or else the least recently used one. */
static void make_room(void)
{
	struct fio_dir *oldest = NULL;
	bool any = false;

	for (uint32_t i = 0; i < n_dirs; i++) {
		struct fio_dir *d = at(i);

		if (atomic_load(&d->refs) != 0)
			continue;
		if (atomic_load(&d->gone))
			any |= retire(d);
		else if (!oldest || d->used_us < oldest->used_us)
			oldest = d;
	}
	if (!any && oldest)
		retire(oldest);
}

/* With dirs_lock held: a slot whose both sides are closed. */
static struct fio_dir *slot(void)
{
	struct fio_dir *d;

	for (uint32_t i = 0; i < n_dirs; i++) {
		d = at(i);
		if (atomic_load(&d->refs) == FIO_DIR_DEAD && !d->sent)
			return d;
	}
	if (n_dirs == PER_CHUNK * CHUNKS)
		return NULL;
	if (n_dirs % PER_CHUNK == 0 && !chunks[n_dirs / PER_CHUNK]) {
		chunks[n_dirs / PER_CHUNK] = fio_region(sizeof(struct fio_dir) * PER_CHUNK);
		if (!chunks[n_dirs / PER_CHUNK])
			return NULL;
	}
	d = at(n_dirs);
	d->index = n_dirs++;
	d->fd = -1;
	atomic_store(&d->refs, FIO_DIR_DEAD);
	return d;
}

static struct fio_dir *find(dev_t dev, ino_t ino)
{
	for (uint32_t i = 0; i < n_dirs; i++) {
		struct fio_dir *d = at(i);

		if (!(atomic_load(&d->refs) & FIO_DIR_DEAD) && d->ino == ino && d->dev == dev)
			return d;
	}
	return NULL;
}

struct fio_dir *fio_dir_known(dev_t dev, ino_t ino)
{
	struct fio_dir *d;

	fio_lock(&dirs_lock);
	d = find(dev, ino);
	if (d)
		fio_dir_ref(d);
	fio_unlock(&dirs_lock);
	return d;
}

bool fio_dir_busy(dev_t dev, ino_t ino)
{
	struct fio_dir *d;
	bool busy;

	fio_lock(&dirs_lock);
	d = find(dev, ino);
	busy = d && atomic_load(&d->refs) > 0;
	fio_unlock(&dirs_lock);
	return busy;
}

/* The directory that fd (hidden already, or -errno) is; takes fd over. */
static struct fio_dir *enter(struct fio_thread *t, int fd)
{
	struct fio_dir *d = NULL;
	struct stat st;

	if (fd < 0)
		return NULL;
	if (sys_fstat(fd, &st) < 0)
		goto fail;
	if (n_live >= LIVE_MAX)
		make_room();
	d = slot();
	if (!d)
		goto fail;
	d->fs = fio_fs_get(st.st_dev, fd);
	if (!d->fs)
		goto fail;
	d->fd = fd;
	atomic_store(&d->task_fd, -1);
	atomic_store(&d->after, 0);
	atomic_store(&d->filled, false);
	atomic_store(&d->gone, false);
	atomic_store(&d->tried, false);
	d->sent = false;
	d->dev = st.st_dev;
	d->ino = st.st_ino;
	d->hash = fio_hash_inode(st.st_dev, st.st_ino);
	fio_lock(&d->lock);
	fio_dir_names_drop(t, d);
	fio_unlock(&d->lock);
	d->known_epoch = 0;
	d->checks = 0;
	d->traits = traits_of(d, &st);
	if (d->traits)
		fio_task_send_dir(d);
	n_live++;
	/*
	 * Not a store: somebody with a stale pointer may be counting himself in and out right now.
	 */
	atomic_fetch_and(&d->refs, ~FIO_DIR_DEAD);
	return d;

fail:
	fio_hidden_close(fd);
	return NULL;
}

struct fio_dir *fio_dir_open(struct fio_thread *t, int dirfd, const char *path)
{
	struct fio_dir *d = NULL;
	struct stat st;
	int fd;

	/* A directory without a link was removed: nothing can be made in it. */
	if (sys_fstatat(dirfd, path, &st, 0) < 0 || !S_ISDIR(st.st_mode) || st.st_nlink == 0)
		return NULL;
	fio_lock(&dirs_lock);
	d = find(st.st_dev, st.st_ino);
	if (!d) {
		fd = sys_openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOCTTY, 0);
		d = enter(t, fd < 0 ? fd : fio_hide(fd));
		fio_count(dir_resolved);
	}
	if (d && d->fs->ok && d->fs->remote && !fio_fs_used(d->fs) &&
	    atomic_fetch_add(&d->fs->judged, 1) % LOOK_EVERY == LOOK_EVERY - 1)
		fio_fs_look(d->fs, d->fd);
	/* Somebody changed who may do what here, or the room that there is. */
	if (d && (d->mode != st.st_mode || d->uid != st.st_uid || d->gid != st.st_gid ||
		  d->traits_epoch != atomic_load(&fio_traits_epoch))) {
		bool had = d->traits;

		d->traits = traits_of(d, &st);
		if (!had && d->traits && !d->sent)
			fio_task_send_dir(d);
	}
	if (d) {
		if (!d->fs->remote)
			atomic_store_explicit(&d->fs->credit, 0, memory_order_relaxed);
		d->used_us = fio_coarse_us();
		fio_dir_ref(d);
	}
	fio_unlock(&dirs_lock);
	return d;
}

void fio_dirs_sweep(void)
{
	uint32_t closed = 0;

	if (!fio_trylock_as(&dirs_lock, FIO_LOCK_HELD | FIO_LOCK_TASK))
		return;
	for (uint32_t i = 0; i < n_dirs; i++) {
		struct fio_dir *d = at(i);

		if (atomic_load(&d->refs) == FIO_DIR_DEAD && d->sent &&
		    atomic_load(&d->task_fd) >= 0) {
			close_retired(d);
			d->sent = false;
			closed++;
		}
	}
	fio_unlock(&dirs_lock);
	if (closed && atomic_fetch_sub(&fio_dirs_retired, closed) == closed)
		sys_futex_wake(&fio_dirs_retired, INT32_MAX);
}

struct fio_dir *fio_dir_at(uint32_t index)
{
	return at(index);
}

void fio_fs_meet(dev_t dev, int fd)
{
	fio_lock(&dirs_lock);
	fio_fs_get(dev, fd);
	fio_unlock(&dirs_lock);
}

void fio_dirs_lock(void)
{
	fio_lock(&dirs_lock);
}

void fio_dirs_unlock(void)
{
	fio_unlock(&dirs_lock);
}

void fio_dirs_each_locked(void (*fn)(struct fio_dir *d, void *arg), void *arg)
{
	for (uint32_t i = 0; i < n_dirs; i++)
		fn(at(i), arg);
}

void fio_dirs_drop(void)
{
	fio_lock(&dirs_lock);
	for (uint32_t i = 0; i < n_dirs; i++)
		retire(at(i));
	fio_unlock(&dirs_lock);
}

void fio_dirs_reset(void)
{
	dirs_lock = (struct fio_lock){0};
	for (uint32_t i = 0; i < n_dirs; i++) {
		struct fio_dir *d = at(i);
		uint32_t gen = atomic_load(&d->gen);

		memset(d, 0, sizeof(*d));
		d->index = i;
		d->fd = -1;
		atomic_store(&d->task_fd, -1);
		atomic_store(&d->gen, gen + 1);
		atomic_store(&d->refs, FIO_DIR_DEAD);
	}
	n_live = 0;
	atomic_store(&fio_dirs_retired, 0);
	atomic_fetch_add(&fio_ns_epoch, 1);
	atomic_fetch_add(&fio_known_epoch, 1);
	atomic_store(&fio_beliefs, 0);
	fio_fs_reset();
}
