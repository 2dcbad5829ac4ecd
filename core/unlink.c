/* SPDX-License-Identifier: MIT */
/*
 * unlink.c - deferred removal of names
 */
#include <string.h>
#include <sys/sysmacros.h>

#include "ahead.h"
#include "change.h"
#include "counters.h"
#include "dir.h"
#include "errors.h"
#include "exec.h"
#include "file.h"
#include "fio.h"
#include "keep.h"
#include "load.h"
#include "options.h"
#include "queue.h"
#include "rename.h"
#include "sys.h"
#include "task.h"
#include "unlink.h"
#include "util.h"

_Atomic uint32_t fio_walked;

#define RUN_MIN 96     /* unlinks in a row before they are deferred */
#define RUN_FAR 4      /* the same where each is a round trip */
#define RUN_SINGLE 512 /* the same where only those in one directory overlap */

/* The name is still to be created: then nothing needs to happen at all. */
static bool annihilate(struct fio_found f)
{
	struct fio_intent *it = f.it;

	if (it->kind != FIO_KIND_CREATE || !fio_queue_claim_one(it, true))
		return false;
	if (atomic_load(&it->gen) != f.gen || fio_is_kept(it)) {
		/* Executed and reused since it was found, or there already. */
		fio_queue_unclaim(it);
		return false;
	}
	fio_count(elided_annihilated);
	fio_complete(it, 0, FIO_STEP_NONE, FIO_LOCK_HELD);
	return true;
}

int fio_defer_removal(struct fio_thread *t, struct fio_dir *dir, const char *name, size_t len,
		      const struct statx *sx, struct fio_dir *target)
{
	struct fio_intent *it = fio_intent_get(fio_shard(t));
	uint64_t hash = fio_hash_name(name, len);

	if (!it) {
		fio_count(pass_memory);
		return FIO_PASS;
	}
	it->kind = FIO_KIND_UNLINK;
	if (target) {
		it->kind = FIO_KIND_RMDIR;
		it->target = target;
		it->after = atomic_load(&target->after);
		fio_dir_ref(target);
		atomic_fetch_add(&fio_removals, 1);
	}
	fio_intent_place(it, dir, name, len);
	it->name_hash = hash;
	it->dev = makedev(sx->stx_dev_major, sx->stx_dev_minor);
	it->ino = sx->stx_ino;
	it->ino_hash = fio_hash_inode(it->dev, it->ino);
	atomic_store(&it->state, FIO_ST_QUEUING);
	atomic_fetch_add_explicit(&fio_live, 1, memory_order_relaxed);
	fio_table_add(it, FIO_LOCK_HELD);
	if (unlikely(atomic_load(&fio_threaded)) &&
	    (fio_changing(hash, 1) || fio_table_has_other(it, dir, hash, name, len) ||
	     fio_name_differs(dir->fd, name, it->ino))) {
		fio_count(pass_race);
		fio_discard(it, FIO_LOCK_HELD);
		return FIO_PASS;
	}
	if (target)
		fio_count(deferred_rmdir);
	else
		fio_count(deferred_unlink);
	fio_submit(it);
	atomic_store(&dir->after, fio_queue_head());
	return 0;
}

/* As long a run as deferral needs where the last one was. */
static bool is_run(const struct fio_thread *t)
{
	int64_t least = atomic_load_explicit(&fio_far, memory_order_relaxed) ? RUN_FAR
			: t->unlink_single                                   ? RUN_SINGLE
									     : RUN_MIN;

	return t->unlink_run >= (fio_opt.warmup < least ? fio_opt.warmup : least);
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
	t->unlink_single = !(dir->traits & FIO_DIR_UNLINK) || !dir->fs->tree_ok;
	if (!(dir->traits & FIO_DIR_UNLINK)) {
		t->unlink_stock = true;
		fio_count(pass_serial);
		goto out;
	}
	if (!is_run(t)) { /* known only since the directory is */
		fio_count(pass_short);
		goto out;
	}
	err = fio_ahead_look(dir, name, len, &sx);
	if (err < 0) /* the kernel knows which error comes first */
		goto out;
	if (!S_ISREG(sx.stx_mode) || sx.stx_attributes & FIO_ATTRS_KEPT) {
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
	ret = fio_defer_removal(t, dir, name, len, &sx, NULL);
	if (ret == 0)
		fio_ahead_removed(dir, name, len);
out:
	fio_dir_unref(dir);
	return ret;
}

/*
 * A background unlink pays only in a long run, in one directory or in a tree that goes as a whole:
 * few files are gone before the caller could be told of them.
 */
static bool long_run(struct fio_thread *t, int dirfd, const char *path)
{
	long len = fio_pathlen(t, path, 4096);
	uint32_t walked = atomic_load_explicit(&fio_walked, memory_order_relaxed);
	uint64_t where;
	bool run;
	size_t n;

	if (len <= 0)
		return false;
	fio_last_component(path, (size_t)len, &n);
	where = fio_hash_name(path, (size_t)len - n) + (uint64_t)(unsigned)dirfd +
		atomic_load_explicit(&fio_moved_epoch, memory_order_relaxed);
	if (where != t->unlink_dir) {
		t->unlink_dir = where;
		if (t->unlink_walked == walked || t->unlink_single)
			t->unlink_run = 0;
		t->unlink_walked = walked;
		t->unlink_stock = false;
	}
	run = is_run(t);
	t->unlink_run++;
	return run && !t->unlink_stock;
}

bool fio_removing(const struct fio_thread *t)
{
	return is_run(t);
}

bool fio_removal_unlocks(struct fio_thread *t, const char *path)
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

	if (!fio_warm() && !atomic_load_explicit(&fio_fences, memory_order_relaxed)) {
		fio_release_path(dirfd, path, false, FIO_CAUSE_PATH);
		return FIO_PASS;
	}
	fio_metas_in(dirfd, path);
	fio_ahead_use(dirfd, path, NULL, true);
	t = fio_enter();
	if (!t)
		return FIO_PASS;
	ret = fio_error_take();
	if (ret == 0 && fio_removal_unlocks(t, path)) {
		ret = FIO_PASS;
		fio_finish_all(FIO_CAUSE_LOCK);
	} else if (ret == 0 && unlikely(atomic_load(&fio_fences) || atomic_load(&fio_syncs))) {
		ret = fio_fence_unlink(t, dirfd, path);
		if (ret == FIO_PASS)
			fio_finish_all(FIO_CAUSE_NAMESPACE);
	} else if (ret == 0 && !long_run(t, dirfd, path)) {
		fio_count(pass_short);
		ret = FIO_PASS;
	} else if (ret == 0 && fio_crowded(t)) {
		fio_count(pass_busy);
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
