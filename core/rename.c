/* SPDX-License-Identifier: MIT */
/*
 * rename.c - names that are put off: rename, link, and the removal of names after a sync
 *
 * What is put off must be sure to succeed: a regular file of ours gets a name in a directory that
 * may be written to, where nothing is or another regular file.  Both names are in the table
 * meanwhile, and the inodes that are known: whoever looks for one of them finishes the fence first.
 */
#include "rename.h"

#include <linux/stat.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "change.h"
#include "counters.h"
#include "creds.h"
#include "dir.h"
#include "errors.h"
#include "exec.h"
#include "fence.h"
#include "file.h"
#include "fio.h"
#include "load.h"
#include "options.h"
#include "sys.h"
#include "task.h"
#include "util.h"

#define LINKS_MAX 60000 /* ext4 has room for 65000 links to a file */
#define NOREPLACE 1u    /* RENAME_NOREPLACE */
#define PROJECT_INHERIT 0x20000000L
#define FS_IOC_GETFLAGS_ 0x80086601L
#define ODD_ATTRS \
	(STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_ENCRYPTED | STATX_ATTR_MOUNT_ROOT)

/* One of the two names of a call. */
struct name {
	struct fio_dir *dir; /* referenced */
	const char *name;    /* last component */
	size_t len;
	uint64_t hash;
	bool pending;    /* is to be created by what is queued */
	bool exists;     /* or pending */
	struct statx sx; /* if it exists and is not pending */
};

static bool resolve(struct fio_thread *t, struct name *n, int dirfd, const char *path)
{
	int why;

	n->dir = fio_dir_resolve(t, dirfd, path, &n->name, &n->len, &why);
	if (!n->dir) {
		fio_count_at(why);
		return false;
	}
	n->hash = fio_hash_name(n->name, n->len);
	return true;
}

static dev_t dev_of(const struct statx *sx)
{
	return makedev(sx->stx_dev_major, sx->stx_dev_minor);
}

/* Names come and go in the directory, and nobody is refused: not in a sticky one of another's. */
static bool free_to_change(const struct fio_dir *d)
{
	return d->traits & FIO_DIR_CREATE && d->fs->update_ok &&
	       (!(d->mode & S_ISVTX) || SYS0(SYS_geteuid) == 0);
}

static uint64_t mount_of(const struct fio_dir *d)
{
	struct statx sx;

	return sys_statx(d->fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &sx) == 0 &&
			       sx.stx_mask & STATX_MNT_ID
		       ? sx.stx_mnt_id
		       : 0;
}

static bool inherits_project(const struct fio_dir *d)
{
	long flags = 0;

	return SYS3(SYS_ioctl, d->fd, FS_IOC_GETFLAGS_, &flags) == 0 && flags & PROJECT_INHERIT;
}

/* Else EXDEV. */
static bool one_place(const struct fio_dir *a, const struct fio_dir *b)
{
	return a == b || (a->dev == b->dev && mount_of(a) && mount_of(a) == mount_of(b) &&
			  !inherits_project(a) && !inherits_project(b));
}

/* What is under the name now, or will be; false: the kernel has to say. */
static bool look(struct name *n)
{
	struct fio_found f = fio_table_by_name(n->dir, n->hash, n->name, n->len);
	enum fio_state state = f.it ? fio_state(f.it) : FIO_ST_FREE;
	int err;

	n->pending = f.it && f.it->kind == FIO_KIND_CREATE && !atomic_load(&fio_threaded) &&
		     (state == FIO_ST_QUEUED || state == FIO_ST_QUEUING || fio_is_claimed(state)) &&
		     atomic_load(&f.it->gen) == f.gen;
	n->exists = n->pending;
	if (n->pending)
		return true;
	if (f.it)
		fio_finish(f, FIO_CAUSE_NAMESPACE);
	err = sys_statx(n->dir->fd, n->name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
			STATX_BASIC_STATS, &n->sx);
	n->exists = err == 0;
	return err == -ENOENT ||
	       (err == 0 && S_ISREG(n->sx.stx_mode) && !(n->sx.stx_attributes & ODD_ATTRS) &&
		dev_of(&n->sx) == n->dir->dev);
}

static struct fio_intent *new_fence(struct fio_thread *t, const struct name *n, enum fio_kind kind)
{
	struct fio_intent *it = fio_intent_get(fio_shard(t));

	if (!it)
		return NULL;
	it->kind = (uint8_t)kind;
	fio_intent_place(it, n->dir, n->name, n->len);
	it->name_hash = n->hash;
	if (n->exists && !n->pending) {
		it->dev = dev_of(&n->sx);
		it->ino = n->sx.stx_ino;
		it->ino_hash = fio_hash_inode(it->dev, it->ino);
	}
	atomic_store(&it->state, FIO_ST_QUEUING);
	atomic_fetch_add_explicit(&fio_live, 1, memory_order_relaxed);
	return it;
}

/*
 * Another thread may have changed the name after it was looked at (own: our calls under way to it).
 */
static bool overtaken(const struct name *n, unsigned own)
{
	return unlikely(atomic_load(&fio_threaded)) &&
	       (fio_changing(n->hash, own) ||
		(!n->pending &&
		 fio_name_differs(n->dir->fd, n->name, n->exists ? n->sx.stx_ino : 0)));
}

static int defer(struct fio_thread *t, const struct name *from, const struct name *to,
		 enum fio_kind kind, unsigned int flags)
{
	struct fio_intent *source = new_fence(t, from, FIO_KIND_SOURCE), *it;
	unsigned own = fio_change_shared(from->hash, to->hash) ? 2 : 1;

	it = source ? new_fence(t, to, kind) : NULL;
	if (!it) {
		if (source)
			fio_discard(source, FIO_LOCK_HELD);
		fio_count(pass_memory);
		return FIO_PASS;
	}
	source->what = kind == FIO_KIND_LINK ? FIO_SOURCE_STAYS : 0;
	it->peer = source;
	it->oflags = (int)flags;
	fio_table_add(source, FIO_LOCK_HELD);
	fio_table_add(it, FIO_LOCK_HELD);
	if (overtaken(from, own) || overtaken(to, own)) {
		fio_count(pass_race);
		fio_discard(source, FIO_LOCK_HELD);
		fio_discard(it, FIO_LOCK_HELD);
		return FIO_PASS;
	}
	fio_dir_add_name(t, to->dir, to->hash);
	fio_fence_add(it);
	return 0;
}

static bool may_link(const struct name *from)
{
	return from->pending || (from->sx.stx_nlink < LINKS_MAX &&
				 fio_may_open(from->sx.stx_mode, from->sx.stx_uid, O_RDWR) &&
				 !(from->sx.stx_mode & (S_ISUID | S_ISGID)));
}

static int try_move(struct fio_thread *t, struct name *from, struct name *to, enum fio_kind kind,
		    unsigned int flags)
{
	if (!free_to_change(from->dir) || !free_to_change(to->dir) ||
	    !one_place(from->dir, to->dir)) {
		fio_count(pass_fs);
		return FIO_PASS;
	}
	fio_flush_open();
	if (!look(from) || !from->exists || !look(to))
		return FIO_PASS;
	if (to->exists && (kind == FIO_KIND_LINK || flags || to->pending ||
			   (!from->pending && from->sx.stx_ino == to->sx.stx_ino)))
		return FIO_PASS;
	if (kind == FIO_KIND_LINK && !may_link(from))
		return FIO_PASS;
	if (!fio_dir_space(to->dir, 0)) {
		fio_count(pass_space);
		return FIO_PASS;
	}
	if (!fio_task_start() || !from->dir->traits || !to->dir->traits) {
		fio_count(pass_notask);
		return FIO_PASS;
	}
	return defer(t, from, to, kind, flags);
}

static int move(struct fio_thread *t, int fromfd, const char *frompath, int tofd,
		const char *topath, enum fio_kind kind, unsigned int flags)
{
	struct name from = {0}, to = {0};
	int ret = FIO_PASS;

	if (resolve(t, &from, fromfd, frompath)) {
		if (resolve(t, &to, tofd, topath)) {
			ret = try_move(t, &from, &to, kind, flags);
			fio_dir_unref(to.dir);
		}
		fio_dir_unref(from.dir);
	}
	return ret;
}

/* Pays after a sync, for which the stock call would have to wait. */
static bool pays(void)
{
	return atomic_load_explicit(&fio_syncs, memory_order_relaxed) != 0;
}

static int put_off(int fromfd, const char *from, int tofd, const char *to, enum fio_kind kind,
		   unsigned int flags)
{
	struct fio_thread *t;
	int ret = FIO_PASS;

	fio_release_removals();
	fio_ahead_drop();
	t = pays() ? fio_enter() : NULL;

	if (t) {
		ret = fio_error_take();
		if (ret == 0)
			ret = move(t, fromfd, from, tofd, to, kind, flags);
		fio_leave(t);
	}
	if (ret == FIO_PASS)
		fio_release_all(FIO_CAUSE_NAMESPACE);
	return ret;
}

int fio_rename(int fromfd, const char *from, int tofd, const char *to, unsigned int flags)
{
	int ret = FIO_PASS;

	if (flags & ~NOREPLACE)
		fio_release_all(FIO_CAUSE_NAMESPACE);
	else
		ret = put_off(fromfd, from, tofd, to, FIO_KIND_RENAME, flags);
	if (ret == 0)
		fio_count(deferred_rename);
	return ret;
}

int fio_link(int fromfd, const char *from, int tofd, const char *to, int flags)
{
	int ret = FIO_PASS;

	if (flags & ~AT_SYMLINK_FOLLOW)
		fio_release_all(FIO_CAUSE_NAMESPACE);
	else
		ret = put_off(fromfd, from, tofd, to, FIO_KIND_LINK, 0);
	if (ret == 0)
		fio_count(deferred_link);
	return ret;
}

/* The name is the source of a link that waits, or is going to be created: it is there. */
static bool is_there(struct name *n)
{
	struct fio_found f = fio_table_by_name(n->dir, n->hash, n->name, n->len);

	if (f.it && f.it->kind == FIO_KIND_SOURCE && fio_state(f.it) == FIO_ST_FENCED &&
	    f.it->what == FIO_SOURCE_STAYS && atomic_load(&f.it->gen) == f.gen) {
		n->pending = n->exists = true;
		return true;
	}
	return look(n) && n->exists;
}

int fio_fence_unlink(struct fio_thread *t, int dirfd, const char *path)
{
	struct name n = {0};
	struct fio_intent *it = NULL;

	if (!resolve(t, &n, dirfd, path))
		return FIO_PASS;
	fio_flush_open();
	if (free_to_change(n.dir) && is_there(&n) && fio_task_start() && n.dir->traits)
		it = new_fence(t, &n, FIO_KIND_UNLINK);
	fio_dir_unref(n.dir);
	if (!it)
		return FIO_PASS;
	fio_table_add(it, FIO_LOCK_HELD);
	if (overtaken(&n, 1)) {
		fio_count(pass_race);
		fio_discard(it, FIO_LOCK_HELD);
		return FIO_PASS;
	}
	fio_count(deferred_unlink);
	fio_fence_add(it);
	return 0;
}
