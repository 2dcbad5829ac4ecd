/* SPDX-License-Identifier: MIT */
/*
 * open.c - opening files for writing: what is deferred, and how
 */
#include <linux/stat.h>
#include <string.h>
#include <strings.h>
#include <sys/sysmacros.h>

#include "change.h"
#include "clock.h"
#include "counters.h"
#include "creds.h"
#include "dir.h"
#include "errors.h"
#include "exec.h"
#include "fdtab.h"
#include "fence.h"
#include "file.h"
#include "load.h"
#include "mapped.h"
#include "meta.h"
#include "options.h"
#include "placeholder.h"
#include "queue.h"
#include "sync.h"
#include "sys.h"
#include "task.h"
#include "trace.h"
#include "util.h"

/* Opens that are never deferred, beside those that sync each write: new files may be (sync.h). */
#define NEVER (O_DIRECT | O_APPEND | (O_TMPFILE & ~O_DIRECTORY) | O_PATH | O_DIRECTORY | O_ASYNC)
#define GRAIN_NS 10000000 /* two ticks of the kernel's file time */
#define BULK 16 /* exclusive creates after which they are a run of files rather than locks */
#define ODD_ATTRS                                                                              \
	(STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_ENCRYPTED | STATX_ATTR_VERITY | \
	 STATX_ATTR_MOUNT_ROOT)
#define ODD_MODE (S_ISUID | S_ISGID | 0111) /* an executable may be running: ETXTBSY */

static _Atomic uint32_t bulk; /* exclusive creates seen */

static bool ends_with(const char *name, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len >= n && strcasecmp(name + len - n, end) == 0;
}

bool fio_name_is_lock(const char *name, size_t len)
{
	return ends_with(name, len, "lock") || ends_with(name, len, ".lck") ||
	       ends_with(name, len, ".pid") || strncasecmp(name, ".lock", 5) == 0 ||
	       strncasecmp(name, "lock.", 5) == 0 || (name[0] == '.' && name[1] == '#');
}

/* ---- intents of open files ---- */

/* A file in a directory, on its way through open. */
struct target {
	struct fio_thread *t;
	struct fio_dir *dir; /* referenced */
	const char *name;    /* last component */
	size_t len;          /* bytes of it */
	uint64_t hash;       /* of the name */
	int flags;           /* of the program's open */
	mode_t mode;         /* of the program's open */
	bool create, update; /* deferring that pays now */
	bool there;          /* the name exists */
};

static struct fio_intent *new_intent(const struct target *f, enum fio_kind kind)
{
	struct fio_intent *it = fio_intent_get(fio_shard(f->t));

	if (!it)
		return NULL;
	it->kind = (uint8_t)kind;
	fio_intent_place(it, f->dir, f->name, f->len);
	atomic_store_explicit(&f->dir->filled, true, memory_order_relaxed);
	it->oflags = f->flags;
	it->mode = f->mode;
	atomic_fetch_add_explicit(&fio_live, 1, memory_order_relaxed);
	return it;
}

static void is_inode(struct fio_intent *it, dev_t dev, ino_t ino)
{
	it->dev = dev;
	it->ino = ino;
	it->ino_hash = fio_hash_inode(dev, ino);
}

static void to_be_truncated(struct fio_intent *it, off_t size)
{
	it->what = FIO_SET_TRUNC;
	it->old_size = size;
	atomic_store_explicit(&it->born_us, fio_coarse_us(), memory_order_relaxed);
}

/* Whoever finds it in one table waits until it is in all. */
void fio_file_tie(struct fio_intent *it, int fd)
{
	it->fd = fd;
	atomic_fetch_add(&fio_n_open, 1);
	fio_lock(&it->lock);
	atomic_store(&it->state, FIO_ST_OPEN);
	fio_table_add(it, FIO_LOCK_HELD);
	fio_fd_set(fd, fio_fd_of_intent(it));
	fio_unlock(&it->lock);
}

/* Can anything be put off in this directory now? */
static bool ready(struct fio_dir *dir)
{
	if (!fio_dir_space(dir, 0)) {
		fio_count(pass_space);
		/* The room that is left is for what was acknowledged before. */
		fio_finish_all(FIO_CAUSE_OTHER);
		return false;
	}
	if (!fio_task_start()) {
		fio_count(pass_notask);
		return false;
	}
	return dir->traits; /* 0: its descriptor could not be sent */
}

/*
 * Another thread may have changed the name after it was looked at and before the intent was in the
 * tables, where its barrier would have found it; or it is past its barrier and about to; or has
 * deferred that, and the intent is in the tables as well.
 */
static bool overtaken(const struct target *f, const struct statx *sx, const struct fio_intent *it)
{
	if (likely(!atomic_load(&fio_threaded)))
		return false;
	return fio_changing(f->hash, 0) ||
	       fio_table_has_other(it, f->dir, f->hash, f->name, f->len) ||
	       ((sx || f->flags & O_EXCL) &&
		fio_name_differs(f->dir->fd, f->name, sx ? sx->stx_ino : 0));
}

/* The program gets a placeholder.  sx: the file that exists, or NULL. */
static int defer(const struct target *f, const struct statx *sx)
{
	struct fio_intent *it = NULL;
	int fd;

	fd = fio_placeholder(f->flags & O_CLOEXEC);
	if (fd < 0)
		return FIO_PASS;
	if (fio_fd_set(fd, 0))
		it = new_intent(f, sx ? FIO_KIND_UPDATE : FIO_KIND_CREATE);
	if (!it) {
		sys_close(fd);
		fio_count(pass_memory);
		return FIO_PASS;
	}
	it->name_hash = f->hash;
	if (sx) {
		is_inode(it, makedev(sx->stx_dev_major, sx->stx_dev_minor), sx->stx_ino);
		to_be_truncated(it, (off_t)sx->stx_size);
		fio_update_seen();
	} else {
		atomic_store_explicit(&it->born_us, fio_coarse_us(), memory_order_relaxed);
		it->fresh = true;
		it->order = fio_fence_last();
	}
	fio_trace_opened(it);
	fio_file_tie(it, fd);
	if (overtaken(f, sx, it) && fio_file_untie(fd)) {
		fio_count(pass_race);
		return FIO_PASS;
	}
	if (sx)
		fio_count(deferred_update);
	else
		fio_count(deferred_create);
	fio_dir_add_name(f->t, f->dir, f->hash);
	fio_task_poke(false);
	return fd;
}

/* ---- open ---- */

/* The file is there.  Is opening it for writing sure to succeed, later too? */
static bool may_update(const struct target *f, const struct statx *sx)
{
	dev_t dev = makedev(sx->stx_dev_major, sx->stx_dev_minor);
	uint64_t ino_hash = fio_hash_inode(dev, sx->stx_ino);
	struct fio_found found;

	if (!f->dir->fs->update_ok || sx->stx_size == 0 ||
	    sx->stx_size > (uint64_t)fio_opt.max_file || f->flags & O_NOATIME ||
	    dev != f->dir->dev || sx->stx_attributes & ODD_ATTRS || sx->stx_mode & ODD_MODE ||
	    !fio_may_open(sx->stx_mode, sx->stx_uid, f->flags))
		return false;
	/* fs.protected_regular: with O_CREAT, another's file there may be refused even to root. */
	if (f->flags & O_CREAT && f->dir->mode & S_ISVTX)
		return false;
	if (fio_is_mapped(ino_hash) || fio_is_locked(ino_hash)) {
		fio_count(pass_mapped);
		return false;
	}
	found = fio_table_by_ino(ino_hash);
	if (found.it)
		fio_finish(found, FIO_CAUSE_PATH);
	return ready(f->dir);
}

static int open_existing(const struct target *f, const struct statx *sx)
{
	int fd = FIO_PASS;

	if (f->flags & O_TRUNC && atomic_load(&fio_syncs))
		fio_sync_all();
	if (f->update && S_ISREG(sx->stx_mode) && may_update(f, sx))
		fd = defer(f, sx);
	if (fd != FIO_PASS)
		return fd;
	fio_count(pass_exists);
	if (f->flags & O_EXCL || !(f->flags & O_TRUNC))
		return FIO_PASS;
	return !f->dir->fs->remote && (S_ISREG(sx->stx_mode) || !(f->flags & O_CREAT))
		       ? FIO_PASS_TRUNC
		       : FIO_PASS;
}

static int open_absent(const struct target *f, bool asked)
{
	if (!f->create || (f->flags & O_EXCL && fio_name_is_lock(f->name, f->len))) {
		fio_count(pass_fstat);
		return fio_syncs_writes(f->flags) ? FIO_PASS : FIO_PASS_HOLD;
	}
	if (fio_syncs_writes(f->flags) && !fio_sync_may()) {
		fio_count(pass_flags);
		return FIO_PASS;
	}
	if (!fio_dir_is_tried(f->dir)) {
		fio_count(pass_untried);
		return FIO_PASS_HOLD;
	}
	if (asked && !f->dir->fs->remote)
		fio_checked();
	return ready(f->dir) ? defer(f, NULL) : FIO_PASS;
}

/* Stock, and any name may come into being: what was done before it comes first. */
static int unknown(struct fio_thread *t, const char *path, int flags, int why)
{
	fio_count_at(why);
	fio_created();
	if (flags & O_CREAT)
		fio_finish_all(FIO_CAUSE_NAMESPACE);
	else if (fio_pending())
		fio_finish_last(t, path);
	return FIO_PASS;
}

/* Nothing to gain from knowing more about this file.  Its name appears at once: what was done before
 * comes first. */
static int open_at_once(bool exclusive, int flags)
{
	if (exclusive) {
		atomic_fetch_add_explicit(&bulk, 1, memory_order_relaxed);
		fio_count(pass_order);
	} else {
		fio_count(pass_fstat);
	}
	fio_created();
	fio_finish_all(FIO_CAUSE_NAMESPACE);
	return flags & O_TRUNC && !(flags & O_EXCL) ? FIO_PASS_TRUNC : FIO_PASS;
}

static int open_in_dir(struct target *f)
{
	struct fio_found found = fio_table_by_name(f->dir, f->hash, f->name, f->len);
	struct statx sx;
	int err = -ENOENT;
	bool asked;

	if (found.it)
		fio_finish(found, FIO_CAUSE_PATH);
	if (f->flags & O_CREAT)
		fio_metas_of(f->dir);
	if (!(f->dir->traits & FIO_DIR_CREATE)) {
		fio_count(pass_fs);
		return f->flags & O_CREAT ? FIO_PASS : FIO_PASS_TRUNC;
	}
	asked = found.it || !(f->flags & O_CREAT) || fio_dir_lookup(f->t, f->dir, f->hash);
	if (asked)
		err = sys_statx(f->dir->fd, f->name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
				STATX_BASIC_STATS, &sx);
	f->there = err == 0;
	if (err == 0)
		return fio_syncs_writes(f->flags) ? FIO_PASS : open_existing(f, &sx);
	if (err == -ENOENT && f->flags & O_CREAT)
		return open_absent(f, asked);
	return FIO_PASS;
}

static int try_open(struct fio_thread *t, int dirfd, const char *path, int flags, mode_t mode)
{
	struct target f = {.t = t, .flags = flags, .mode = mode};
	/* To make a file real at once costs less than a sync too early. */
	bool syncing = atomic_load_explicit(&fio_syncs, memory_order_relaxed);
	bool exclusive = flags & O_EXCL && !syncing &&
			 atomic_load_explicit(&bulk, memory_order_relaxed) < BULK;
	int why, ret;

	f.create = flags & O_CREAT && !exclusive && (syncing || fio_may(FIO_KIND_CREATE));
	if (fio_syncs_writes(flags) && (!f.create || fio_opt.fsync != FIO_FSYNC_GROUP))
		return unknown(t, path, flags, FIO_CNT_pass_flags);
	f.update = flags & O_TRUNC && !(flags & O_EXCL) && !fio_syncs_writes(flags) &&
		   fio_updating() && fio_may(FIO_KIND_UPDATE);
	if (!(flags & O_CREAT) && !f.update) {
		if (fio_pending())
			fio_finish_last(t, path);
		return FIO_PASS_TRUNC;
	}
	if (!f.create && !f.update && (exclusive || !fio_may(FIO_KIND_WRITE)))
		return open_at_once(exclusive, flags);
	f.dir = fio_dir_resolve(t, dirfd, path, &f.name, &f.len, &why);
	if (!f.dir) {
		ret = unknown(t, path, flags, why);
		return flags & O_CREAT ? ret : FIO_PASS_TRUNC;
	}
	f.hash = fio_hash_name(f.name, f.len);
	ret = open_in_dir(&f);
	if (ret <= FIO_PASS && flags & O_CREAT) {
		fio_dir_add_name(t, f.dir, f.hash);
		/* The name appears at once: what was done before it comes first. */
		if (!f.there)
			fio_finish_all(FIO_CAUSE_NAMESPACE);
	}
	fio_dir_unref(f.dir);
	return ret;
}

/* Opening a FIFO lets its other end go on. */
static void before_fifo(int dirfd, const char *path)
{
	struct statx sx;

	/* What kind of file it is does not change. */
	if (sys_statx(dirfd, path, AT_STATX_DONT_SYNC, STATX_TYPE, &sx) == 0 &&
	    S_ISFIFO(sx.stx_mode))
		fio_release_all(FIO_CAUSE_CHANNEL);
}

static int pass_warmup(void)
{
	if (atomic_load_explicit(&fio_on, memory_order_relaxed))
		fio_count(pass_warmup);
	if (atomic_load_explicit(&fio_metas, memory_order_relaxed))
		fio_release_all(FIO_CAUSE_NAMESPACE);
	fio_created();
	return fio_warm_look() ? FIO_PASS_HOLD : FIO_PASS;
}

int fio_open(int dirfd, const char *path, int flags, mode_t mode)
{
	struct fio_thread *t;
	int ret;

	if (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)))
		fio_release_removals();
	if (flags & O_DIRECTORY)
		fio_walks();
	if (likely(!(flags & (O_CREAT | O_TRUNC)))) {
		ret = unlikely(fio_ahead()) ? fio_ahead_open_slow(dirfd, path, flags) : FIO_PASS;
		if (ret == FIO_PASS && fio_pending() && !(flags & (O_PATH | O_DIRECTORY)))
			before_fifo(dirfd, path);
		return ret;
	}
	if (!fio_warm() && !atomic_load_explicit(&fio_syncs, memory_order_relaxed))
		return pass_warmup();
	if (flags & O_CREAT && !fio_pending() && !atomic_load(&fio_errors) && fio_resting()) {
		fio_count(pass_fstat);
		fio_created();
		return FIO_PASS;
	}
	t = fio_enter();
	if (!t)
		return FIO_PASS;
	ret = fio_error_take();
	if (ret < 0)
		goto out;
	/*
	 * Whether it is this open that makes a setuid file, which keeps the bit, cannot be told
	 * later.
	 */
	if ((flags & O_ACCMODE) == O_RDONLY || (flags & O_ACCMODE) == O_ACCMODE || flags & NEVER ||
	    (flags & O_CREAT && mode & (S_ISUID | S_ISGID))) {
		ret = unknown(t, path, flags, FIO_CNT_pass_flags);
	} else if (!atomic_load(&fio_syncs) && fio_crowded(t)) {
		ret = unknown(t, path, flags, FIO_CNT_pass_busy);
		if (!(flags & O_CREAT))
			ret = FIO_PASS_TRUNC;
	} else {
		ret = try_open(t, dirfd, path, flags, mode);
	}
	if (ret == FIO_PASS_TRUNC && !fio_may(FIO_KIND_TRUNC)) {
		fio_update_seen();
		fio_count(pass_fstat);
		ret = FIO_PASS;
	}
	if (unlikely(ret <= FIO_PASS && flags & O_TRUNC && atomic_load(&fio_syncs)))
		fio_sync_all();
out:
	fio_leave(t);
	return ret;
}

int fio_open_stream(const char *path, int flags, mode_t mode)
{
	if (!fio_warm_already() || atomic_load(&fio_syncs) || fio_updating() ||
	    fio_may(FIO_KIND_CREATE))
		return fio_open(AT_FDCWD, path, flags, mode);
	fio_count(pass_fstat);
	fio_stock_stream();
	return FIO_PASS;
}

/* ---- after the stock open ---- */

void fio_file_rehold(struct fio_thread *t, struct fio_dir *dir, const char *name, size_t len,
		     int fd)
{
	struct target f = {.t = t, .dir = dir, .name = name, .len = len};
	struct fio_intent *it;
	struct stat st;

	if (!fio_may(FIO_KIND_WRITE) || sys_fstat(fd, &st) < 0 || st.st_size)
		return;
	it = new_intent(&f, FIO_KIND_WRITE);
	if (!it)
		return;
	is_inode(it, st.st_dev, st.st_ino);
	fio_sync_remember(it, fd);
	fio_file_tie(it, fd);
}

/*
 * Then a truncation of the empty file would change nothing but this time, by less than its grain.
 */
static bool just_modified(const struct stat *st)
{
	struct timespec now;

	fio_clock(CLOCK_REALTIME_COARSE, &now);
	return (now.tv_sec - st->st_mtim.tv_sec) * 1000000000LL + now.tv_nsec -
		       st->st_mtim.tv_nsec <
	       GRAIN_NS;
}

/*
 * What was left out (truncation) or may be held (content) is tied to fd; true if nothing is left to
 * do.
 */
static bool attach(struct target *f, int dirfd, const char *path, int passed, int fd)
{
	bool truncate = passed == FIO_PASS_TRUNC;
	struct fio_intent *it = NULL;
	struct fio_fs *fs;
	struct stat st;
	int why;

	if (sys_fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return true; /* O_TRUNC means nothing to others than regular files */
	fs = fio_fs_find(st.st_dev);
	if (!fio_warm_already()) {
		if (!fs)
			fio_fs_meet(st.st_dev, fd);
		return false;
	}
	if (fs && !fio_fs_used(fs))
		return false;
	/* Other names of the file may not be known by its inode's number. */
	if (fs && fs->remote && (truncate || st.st_nlink != 1))
		return false;
	if (truncate && st.st_size == 0)
		return !(st.st_mode & (S_ISUID | S_ISGID)) && just_modified(&st);
	if (truncate)
		fio_update_seen();
	else if (st.st_size != 0 || !fio_may(FIO_KIND_WRITE) || fio_crowded(f->t))
		return false;
	if (fio_is_mapped(fio_hash_inode(st.st_dev, st.st_ino))) {
		fio_count(pass_mapped);
		return false;
	}
	f->dir = fio_dir_resolve(f->t, dirfd, path, &f->name, &f->len, &why);
	if (!f->dir)
		return false;
	/* Where room is short, what the truncation frees may be needed by the next write. */
	if (f->dir->dev == st.st_dev && f->flags & O_CREAT)
		fio_dir_tried(f->dir);
	if (fio_fs_used(f->dir->fs) && f->dir->dev == st.st_dev && ready(f->dir) &&
	    fio_fd_set(fd, 0))
		it = new_intent(f, FIO_KIND_WRITE);
	fio_dir_unref(f->dir);
	if (!it)
		return false;
	is_inode(it, st.st_dev, st.st_ino);
	if (truncate)
		to_be_truncated(it, st.st_size);
	fio_file_tie(it, fd);
	if (truncate)
		fio_task_poke(false);
	return true;
}

int fio_opened_attach(int dirfd, const char *path, int flags, int passed, int fd)
{
	struct target f = {.t = fio_enter(), .flags = flags};
	bool done = false;
	int err;

	if (f.t) {
		done = attach(&f, dirfd, path, passed, fd);
		fio_leave(f.t);
	}
	if (done || passed != FIO_PASS_TRUNC)
		return 0;
	do {
		err = sys_ftruncate(fd, 0);
	} while (err == -EINTR);
	return err;
}

void fio_opened_look(int fd)
{
	struct fio_thread *t = fio_warm_already() ? NULL : fio_enter();
	struct stat st;

	if (!t)
		return;
	if (sys_fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && !fio_fs_find(st.st_dev))
		fio_fs_meet(st.st_dev, fd);
	fio_leave(t);
}
