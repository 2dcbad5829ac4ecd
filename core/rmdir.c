/* SPDX-License-Identifier: MIT */
/*
 * rmdir.c - deferred removal of directories
 *
 * A directory whose last names are about to be removed in the background follows them: what is left
 * in it is listed now, and each name must be one whose removal is pending.  Its intent may be
 * claimed once everything that was queued before the last of those is done.
 *
 * Until it is gone the kernel still finds it, where the program must not: who meets the directory's
 * inode or name finishes it first; a path that leads through it, and a call that makes a name
 * anywhere, finish everything (lookup.c, fio_release_removals).  In a program with a second thread,
 * which might be making a file in it right now, directories are removed at once.
 */
#include <dirent.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "ahead.h"
#include "counters.h"
#include "errors.h"
#include "file.h"
#include "fio.h"
#include "load.h"
#include "mem.h"
#include "options.h"
#include "sys.h"
#include "table.h"
#include "task.h"
#include "unlink.h"
#include "util.h"

#define LISTING 32768 /* bytes of names that are looked at */

_Atomic uint32_t fio_removals;

static bool is_removal(const struct fio_intent *it)
{
	return it->kind == FIO_KIND_UNLINK || it->kind == FIO_KIND_RMDIR;
}

static bool is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* The name is about to go, or has gone since it was listed. */
static bool goes(struct fio_dir *d, const char *name)
{
	size_t len = strlen(name);
	struct fio_found f = fio_table_by_name(d, fio_hash_name(name, len), name, len);
	struct stat st;

	if (f.it)
		return is_removal(f.it);
	return sys_fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) == -ENOENT;
}

static bool all_go(struct fio_dir *d, const char *buf, long n)
{
	for (long off = 0; off < n;) {
		const struct dirent64 *e = (const struct dirent64 *)(buf + off);

		if (!is_dots(e->d_name) && !goes(d, e->d_name))
			return false;
		off += e->d_reclen;
	}
	return true;
}

struct other {
	struct fio_dir *dir;
	bool any;
};

static bool is_other(struct fio_intent *it, void *arg)
{
	struct other *o = arg;

	if (fio_state(it) != FIO_ST_FREE && it->dir == o->dir && !is_removal(it))
		o->any = true;
	return !o->any;
}

/* Nothing is coming into being in it. */
static bool only_removals(struct fio_dir *d)
{
	struct other o = {d, false};

	if (!atomic_load(&d->filled))
		return true;
	fio_intent_each(is_other, &o);
	if (!o.any)
		atomic_store(&d->filled, false);
	return !o.any;
}

static bool will_be_empty(struct fio_thread *t, struct fio_dir *d)
{
	uint32_t size;
	char *buf;
	long n;
	bool yes;

	if (!only_removals(d))
		return false;
	if (fio_ahead_is_empty(d))
		return true;
	buf = fio_buf_get(fio_shard(t), LISTING, &size, FIO_LOCK_HELD);
	if (!buf)
		return false;
	fio_lock(&d->lock); /* the descriptor has one offset */
	yes = sys_lseek(d->fd, 0, SEEK_SET) == 0;
	n = yes ? SYS3(SYS_getdents64, d->fd, buf, size) : -1;
	if (n > 0 && SYS3(SYS_getdents64, d->fd, buf + n, size - (uint32_t)n) != 0)
		n = -1; /* more than fits */
	fio_unlock(&d->lock);
	yes = n >= 0 && all_go(d, buf, n);
	fio_buf_put(fio_shard(t), buf, size, FIO_LOCK_HELD);
	return yes;
}

static bool is_cwd(const struct fio_dir *d)
{
	struct stat st;

	return sys_fstatat(AT_FDCWD, ".", &st, 0) < 0 ||
	       (st.st_ino == d->ino && st.st_dev == d->dev);
}

static int try_name(struct fio_thread *t, struct fio_dir *dir, const char *name, size_t len)
{
	struct fio_found f = fio_table_by_name(dir, fio_hash_name(name, len), name, len);
	struct fio_dir *target;
	struct statx sx;
	int ret = FIO_PASS;

	if (f.it || !(dir->traits & FIO_DIR_UNLINK) || !dir->fs->tree_ok || name[len])
		return FIO_PASS;
	if (fio_ahead_look(dir, name, len, &sx) < 0 || !S_ISDIR(sx.stx_mode) ||
	    sx.stx_attributes & FIO_ATTRS_KEPT ||
	    makedev(sx.stx_dev_major, sx.stx_dev_minor) != dir->dev)
		return FIO_PASS;
	target = fio_dir_known(dir->dev, sx.stx_ino);
	if (!target)
		return FIO_PASS;
	if (fio_dir_space(dir, 0) && fio_task_start() && dir->traits && !is_cwd(target) &&
	    will_be_empty(t, target))
		ret = fio_defer_removal(t, dir, name, len, &sx, target);
	if (ret == 0)
		fio_ahead_removed(dir, name, len);
	fio_dir_unref(target);
	return ret;
}

static int try_rmdir(struct fio_thread *t, int dirfd, const char *path)
{
	struct fio_dir *dir;
	const char *name;
	size_t len;
	int why, ret;

	dir = fio_dir_resolve(t, dirfd, path, &name, &len, &why);
	if (!dir)
		return FIO_PASS;
	ret = try_name(t, dir, name, len);
	fio_dir_unref(dir);
	return ret;
}

int fio_rmdir(int dirfd, const char *path)
{
	struct fio_thread *t;
	int ret;

	fio_walks();
	fio_metas_in(dirfd, path);
	if (!fio_pending() || atomic_load(&fio_threaded) || atomic_load(&fio_fences) ||
	    atomic_load(&fio_syncs))
		return FIO_PASS;
	t = fio_enter();
	if (!t)
		return FIO_PASS;
	ret = fio_error_take();
	if (ret == 0) {
		ret = FIO_PASS;
		if (fio_removing(t) && !fio_crowded(t) && !fio_removal_unlocks(t, path))
			ret = try_rmdir(t, dirfd, path);
	}
	fio_leave(t);
	if (ret == 0)
		fio_rmdir_done();
	return ret;
}
