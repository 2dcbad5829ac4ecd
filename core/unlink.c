/* SPDX-License-Identifier: MIT */
/*
 * unlink.c - deferred removal of names
 */
#include <linux/stat.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "change.h"
#include "counters.h"
#include "dir.h"
#include "errors.h"
#include "exec.h"
#include "file.h"
#include "fio.h"
#include "load.h"
#include "options.h"
#include "queue.h"
#include "sys.h"
#include "task.h"
#include "util.h"

#define RUN_MIN 96 /* unlinks in a row in one directory before they are deferred */
#define ATTR_IMMUTABLE 0x10u
#define ATTR_APPEND 0x20u
#define ATTR_MOUNT_ROOT 0x2000u

/* The name is still to be created: then nothing needs to happen at all. */
static bool annihilate(struct fio_found f)
{
	struct fio_intent *it = f.it;

	if (it->kind != FIO_KIND_CREATE || !fio_queue_claim_one(it, true))
		return false;
	if (atomic_load(&it->gen) != f.gen) {
		/* Executed and reused since it was found. */
		fio_queue_unclaim(it);
		return false;
	}
	fio_count(elided_annihilated);
	fio_complete(it, 0, FIO_STEP_NONE, FIO_LOCK_HELD);
	return true;
}

static int defer_unlink(struct fio_thread *t, struct fio_dir *dir, const char *name, size_t len,
			uint64_t hash, const struct statx *sx)
{
	struct fio_intent *it = fio_intent_get(fio_shard(t));

	if (!it) {
		fio_count(pass_memory);
		return FIO_PASS;
	}
	it->kind = FIO_KIND_UNLINK;
	it->dir = dir;
	fio_dir_ref(dir);
	memcpy(it->name, name, len + 1);
	it->name_len = (uint8_t)len;
	it->name_hash = hash;
	it->dev = makedev(sx->stx_dev_major, sx->stx_dev_minor);
	it->ino = sx->stx_ino;
	it->ino_hash = fio_hash_inode(it->dev, it->ino);
	atomic_store(&it->state, FIO_ST_QUEUING);
	atomic_fetch_add_explicit(&fio_live, 1, memory_order_relaxed);
	fio_table_add(it, FIO_LOCK_HELD);
	if (unlikely(atomic_load(&fio_threaded)) &&
	    (fio_changing(hash, 1) || fio_name_differs(dir->fd, name, it->ino))) {
		fio_count(pass_race);
		fio_discard(it, FIO_LOCK_HELD);
		return FIO_PASS;
	}
	fio_count(deferred_unlink);
	fio_submit(it);
	return 0;
}

static int try_unlink(struct fio_thread *t, int dirfd, const char *path)
{
	const char *name;
	struct fio_dir *dir;
	struct fio_found f;
	struct statx sx;
	uint64_t hash;
	size_t len;
	int why, err, ret = FIO_PASS;

	dir = fio_dir_resolve(t, dirfd, path, &name, &len, &why);
	if (!dir) {
		fio_count_at(why);
		return FIO_PASS;
	}
	hash = fio_hash_name(name, len);
	f = fio_table_by_name(dir, hash, name, len);
	if (f.it && annihilate(f)) {
		ret = 0;
		goto out;
	}
	if (f.it)
		fio_finish(f, FIO_CAUSE_PATH);
	if (!(dir->traits & FIO_DIR_UNLINK)) {
		t->unlink_stock = true;
		fio_count(pass_serial);
		goto out;
	}
	err = sys_statx(dir->fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
			STATX_TYPE | STATX_INO | STATX_NLINK, &sx);
	if (err < 0) /* the kernel knows which error comes first */
		goto out;
	if (!S_ISREG(sx.stx_mode) ||
	    sx.stx_attributes & (ATTR_IMMUTABLE | ATTR_APPEND | ATTR_MOUNT_ROOT)) {
		fio_count(pass_type);
		goto out;
	}
	f = fio_table_by_ino(
		fio_hash_inode(makedev(sx.stx_dev_major, sx.stx_dev_minor), sx.stx_ino));
	if (f.it)
		fio_finish(f, FIO_CAUSE_PATH);
	/* Where room is short, what it frees may be needed by the next write. */
	if (!fio_dir_space(dir, 0)) {
		fio_count(pass_space);
		goto out;
	}
	if (!fio_task_start() || !dir->traits) {
		fio_count(pass_notask);
		goto out;
	}
	ret = defer_unlink(t, dir, name, len, hash, &sx);
out:
	fio_dir_unref(dir);
	return ret;
}

/*
 * A background unlink pays only in a long run in one directory: few files are gone before the caller
 * could be told of them, and rmdir has to wait.
 */
static bool long_run(struct fio_thread *t, int dirfd, const char *path)
{
	int64_t least = fio_opt.warmup < RUN_MIN ? fio_opt.warmup : RUN_MIN;
	long len = fio_pathlen(t, path, 4096);
	uint64_t where;
	size_t n;

	if (len <= 0)
		return false;
	fio_last_component(path, (size_t)len, &n);
	where = fio_hash_name(path, (size_t)len - n) + (uint64_t)(unsigned)dirfd +
		atomic_load_explicit(&fio_moved_epoch, memory_order_relaxed);
	if (where != t->unlink_dir) {
		t->unlink_dir = where;
		t->unlink_run = 0;
		t->unlink_stock = false;
	}
	return t->unlink_run++ >= least && !t->unlink_stock;
}

static bool unlocks(struct fio_thread *t, const char *path)
{
	long len = fio_pending() ? fio_pathlen(t, path, 4096) : 0;
	const char *name;
	size_t n;

	if (len <= 0)
		return false;
	name = fio_last_component(path, (size_t)len, &n);
	return fio_name_is_lock(name, n);
}

int fio_unlink(int dirfd, const char *path)
{
	struct fio_thread *t;
	int ret;

	if (!fio_warm()) {
		fio_release_path(dirfd, path, false, FIO_CAUSE_PATH);
		return FIO_PASS;
	}
	t = fio_enter();
	if (!t)
		return FIO_PASS;
	ret = fio_error_take();
	if (ret == 0 && fio_crowded(t)) {
		fio_count(pass_busy);
		ret = FIO_PASS;
	} else if (ret == 0 && unlocks(t, path)) {
		ret = FIO_PASS;
		fio_finish_all(FIO_CAUSE_LOCK);
	} else if (ret == 0 && !long_run(t, dirfd, path)) {
		fio_count(pass_short);
		ret = FIO_PASS;
	} else if (ret == 0) {
		ret = try_unlink(t, dirfd, path);
	}
	fio_leave(t);
	if (ret == FIO_PASS) {
		fio_release_path(dirfd, path, false, FIO_CAUSE_PATH);
		/* It may be a link by which a directory was reached. */
		fio_paths_changed();
	}
	return ret;
}
