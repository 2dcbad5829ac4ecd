/* SPDX-License-Identifier: MIT */
/*
 * meta_path.c - owner, mode and times of a name; symlinks
 *
 * On a file system where each is a round trip.  Of a file that is about to be created they become
 * part of its intent, else they are an intent of their own (kind META), for directories above all,
 * whose times come last: it follows everything that was queued before.  Whatever would make or
 * remove a name in such a directory, and so change its times, finishes that first (fio_metas_of).
 */
#include <string.h>
#include <sys/sysmacros.h>

#include "counters.h"
#include "creds.h"
#include "dir.h"
#include "errors.h"
#include "exec.h"
#include "file.h"
#include "fio.h"
#include "mem.h"
#include "meta.h"
#include "pool.h"
#include "queue.h"
#include "sys.h"
#include "table.h"
#include "task.h"
#include "unlink.h"
#include "util.h"

#define OWNER_RWX 0700
#define TARGET_MAX 4096
#define STX_WANTED (STATX_TYPE | STATX_MODE | STATX_INO | STATX_UID)

_Atomic uint32_t fio_metas;

/* What is to change. */
struct change {
	bool follow;  /* a symlink */
	uint8_t what; /* one of FIO_SET_META */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	const struct timespec *ts;
};

static bool apply(struct fio_intent *it, const struct change *c)
{
	if (c->what == FIO_SET_MODE)
		fio_set_mode(it, c->mode);
	else if (c->what == FIO_SET_TIMES)
		fio_set_times(it, c->ts);
	else
		return fio_set_owner(it, c->uid, c->gid);
	return true;
}

static bool fits(struct fio_thread *t, const struct change *c)
{
	if (c->what == FIO_SET_MODE)
		return fio_mode_fits(c->mode);
	if (c->what == FIO_SET_TIMES)
		return fio_times_fit(t, c->ts);
	return fio_may_chown_to_all();
}

/* A symlink has no mode to be changed. */
static bool takes(const struct fio_intent *it, const struct change *c)
{
	if (!fio_is_pooled(it))
		return false;
	if (it->kind == FIO_KIND_SYMLINK)
		return !c->follow && c->what != FIO_SET_MODE;
	return it->kind == FIO_KIND_CREATE || it->kind == FIO_KIND_META;
}

/* What is queued under the name takes it in. */
static bool fold(struct fio_found f, const struct change *c)
{
	struct fio_intent *it = f.it;
	bool done;

	if (!takes(it, c) || !fio_queue_claim_one(it, true))
		return false;
	/* It may have been executed and reused since it was found. */
	done = atomic_load(&it->gen) == f.gen && takes(it, c) && apply(it, c);
	fio_queue_unclaim(it);
	fio_pool_kick();
	return done;
}

/* The owner of a directory makes names in it whatever is pending. */
static bool sure(const struct statx *sx, const struct change *c)
{
	bool dir = S_ISDIR(sx->stx_mode);

	if (!dir && !S_ISREG(sx->stx_mode))
		return false;
	if (sx->stx_mode & (S_ISUID | S_ISGID) || sx->stx_attributes & FIO_ATTRS_KEPT)
		return false;
	if (!fio_may_chown_to_all() &&
	    (c->what == FIO_SET_OWNER || sx->stx_uid != (uid_t)SYS0(SYS_geteuid)))
		return false;
	return !dir || c->what != FIO_SET_MODE ||
	       ((c->mode & OWNER_RWX) == OWNER_RWX && !(c->mode & ~0777));
}

static struct fio_intent *new_ordered(struct fio_thread *t, struct fio_dir *dir, const char *name,
				      size_t len, enum fio_kind kind)
{
	struct fio_intent *it = fio_intent_get(fio_shard(t));

	if (!it)
		return NULL;
	it->kind = (uint8_t)kind;
	it->after = fio_queue_head();
	fio_intent_place(it, dir, name, len);
	it->name_hash = fio_hash_name(name, len);
	return it;
}

static void submit(struct fio_intent *it)
{
	atomic_store(&it->state, FIO_ST_QUEUING);
	atomic_fetch_add(&fio_metas, 1);
	atomic_fetch_add_explicit(&fio_live, 1, memory_order_relaxed);
	fio_table_add(it, FIO_LOCK_HELD);
	fio_submit(it);
}

static bool defer(struct fio_thread *t, struct fio_dir *dir, const char *name, size_t len,
		  const struct change *c)
{
	struct fio_intent *it;
	struct statx sx;

	/* What is open is not queued yet, and may still come into being in it. */
	if (name[len] || atomic_load(&fio_n_open) || !dir->fs->remote || !fio_fs_used(dir->fs) ||
	    !dir->traits)
		return false;
	if (sys_statx(dir->fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
		      STX_WANTED, &sx) < 0 ||
	    makedev(sx.stx_dev_major, sx.stx_dev_minor) != dir->dev || !sure(&sx, c) ||
	    fio_table_by_ino(fio_hash_inode(dir->dev, sx.stx_ino)).it || !fio_task_start())
		return false;
	it = new_ordered(t, dir, name, len, FIO_KIND_META);
	if (!it)
		return false;
	it->dev = dir->dev;
	it->ino = sx.stx_ino;
	it->ino_hash = fio_hash_inode(it->dev, it->ino);
	apply(it, c);
	submit(it);
	return true;
}

/* What libc says to a mode for a symlink itself, once it has looked. */
static bool is_refused(struct fio_found f, const struct change *c)
{
	return f.it->kind == FIO_KIND_SYMLINK && !c->follow && c->what == FIO_SET_MODE &&
	       atomic_load(&f.it->gen) == f.gen;
}

static int change(int dirfd, const char *path, const struct change *c)
{
	struct fio_thread *t;
	struct fio_dir *dir;
	struct fio_found f;
	const char *name;
	size_t len;
	int why, ret;
	bool done = false;

	/* Elsewhere what the path leads to is finished first, as for every call by path. */
	if (!atomic_load_explicit(&fio_far, memory_order_relaxed))
		return FIO_PASS;
	t = fio_enter();
	if (!t)
		return FIO_PASS;
	ret = fio_error_take();
	if (ret < 0 || !fits(t, c) || atomic_load(&fio_threaded))
		goto out;
	dir = fio_dir_resolve(t, dirfd, path, &name, &len, &why);
	if (!dir)
		goto out;
	f = fio_table_by_name(dir, fio_hash_name(name, len), name, len);
	if (f.it && is_refused(f, c))
		ret = -EOPNOTSUPP;
	else
		done = f.it ? fold(f, c) : defer(t, dir, name, len, c);
	fio_dir_unref(dir);
out:
	fio_leave(t);
	return ret < 0 || done ? ret : FIO_PASS;
}

int fio_path_chmod(int dirfd, const char *path, mode_t mode, bool follow)
{
	const struct change c = {.follow = follow, .what = FIO_SET_MODE, .mode = mode};
	int ret = change(dirfd, path, &c);

	if (ret == 0)
		fio_count(deferred_chmod);
	return ret;
}

int fio_path_chown(int dirfd, const char *path, uid_t uid, gid_t gid, bool follow)
{
	const struct change c = {.follow = follow, .what = FIO_SET_OWNER, .uid = uid, .gid = gid};
	int ret = change(dirfd, path, &c);

	if (ret == 0)
		fio_count(deferred_chown);
	return ret;
}

int fio_path_utimens(int dirfd, const char *path, const struct timespec ts[2], bool follow)
{
	const struct change c = {.follow = follow, .what = FIO_SET_TIMES, .ts = ts};
	int ret = change(dirfd, path, &c);

	if (ret == 0)
		fio_count(deferred_utimens);
	return ret;
}

static bool try_symlink(struct fio_thread *t, const char *target, struct fio_dir *dir,
			const char *name, size_t len)
{
	uint64_t hash = fio_hash_name(name, len);
	long size = fio_pathlen(t, target, TARGET_MAX);
	struct fio_intent *it;
	uint32_t cap;

	if (size <= 0 || name[len] || atomic_load(&fio_n_open) || !dir->fs->remote ||
	    !fio_fs_used(dir->fs) || !(dir->traits & FIO_DIR_CREATE) || !fio_dir_is_tried(dir) ||
	    fio_table_by_name(dir, hash, name, len).it || fio_dir_lookup(t, dir, hash) ||
	    !fio_dir_space(dir, (uint32_t)size) || !fio_task_start())
		return false;
	fio_metas_of(dir);
	it = new_ordered(t, dir, name, len, FIO_KIND_SYMLINK);
	if (!it)
		return false;
	it->data = fio_buf_get(fio_shard(t), (uint32_t)size + 1, &cap, FIO_LOCK_HELD);
	if (!it->data) {
		fio_dir_unref(dir);
		fio_intent_put(it, FIO_LOCK_HELD);
		return false;
	}
	it->cap = cap;
	atomic_fetch_add(&fio_held_bytes, cap);
	memcpy(it->data, target, (size_t)size + 1);
	atomic_store_explicit(&dir->filled, true, memory_order_relaxed);
	fio_dir_add_name(t, dir, hash);
	submit(it);
	return true;
}

int fio_symlink(const char *target, int dirfd, const char *path)
{
	struct fio_thread *t;
	struct fio_dir *dir;
	const char *name;
	size_t len;
	int why, ret;
	bool done = false;

	if (!atomic_load_explicit(&fio_far, memory_order_relaxed) || atomic_load(&fio_threaded) ||
	    atomic_load(&fio_fences) || atomic_load(&fio_syncs) || fio_removing_dirs())
		return FIO_PASS;
	t = fio_enter();
	if (!t)
		return FIO_PASS;
	ret = fio_error_take();
	dir = ret < 0 ? NULL : fio_dir_resolve(t, dirfd, path, &name, &len, &why);
	if (dir) {
		done = try_symlink(t, target, dir, name, len);
		fio_dir_unref(dir);
	}
	fio_leave(t);
	if (done)
		fio_count(deferred_symlink);
	return ret < 0 || done ? ret : FIO_PASS;
}

int fio_exec_at(const struct fio_intent *it, int dirfd, enum fio_step *step)
{
	int err = 0;

	if (it->kind == FIO_KIND_SYMLINK) {
		*step = FIO_STEP_SYMLINK;
		err = (int)SYS3(SYS_symlinkat, it->data, dirfd, it->name);
		if (err == -EEXIST && it->made)
			err = 0;
	}
	if (!err && it->what & FIO_SET_OWNER) {
		*step = FIO_STEP_CHOWN;
		err = (int)SYS5(SYS_fchownat, dirfd, it->name, it->uid, it->gid,
				AT_SYMLINK_NOFOLLOW);
	}
	if (!err && it->what & FIO_SET_MODE) {
		*step = FIO_STEP_CHMOD;
		err = (int)SYS3(SYS_fchmodat, dirfd, it->name, it->chmod_mode);
	}
	if (!err && it->what & FIO_SET_TIMES) {
		*step = FIO_STEP_UTIMENS;
		err = (int)SYS4(SYS_utimensat, dirfd, it->name, it->ts, AT_SYMLINK_NOFOLLOW);
	}
	return err;
}

void fio_metas_of_slow(const struct fio_dir *dir)
{
	struct fio_found f = fio_table_by_ino(dir->hash);

	if (f.it && f.it->kind == FIO_KIND_META)
		fio_finish(f, FIO_CAUSE_NAMESPACE);
}

void fio_metas_in_slow(int dirfd, const char *path)
{
	struct fio_thread *t = fio_enter();
	struct fio_dir *dir;
	const char *name;
	size_t len;
	int why;

	if (!t)
		return;
	dir = fio_dir_resolve(t, dirfd, path, &name, &len, &why);
	if (dir) {
		fio_metas_of_slow(dir);
		fio_dir_unref(dir);
	} else {
		fio_finish_all(FIO_CAUSE_NAMESPACE);
	}
	fio_leave(t);
}
