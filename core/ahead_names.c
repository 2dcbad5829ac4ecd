/* SPDX-License-Identifier: MIT */
/*
 * ahead_names.c - what the program was told by a listing need not be asked again
 *
 * Where it removes what it has listed, the kind of each name is known, and whether any are left; to
 * look would be a round trip each time, as every removal makes the kernel forget the directory's
 * attributes.
 */
#include <dirent.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "ahead.h"
#include "counters.h"
#include "dir.h"
#include "fio.h"
#include "sys.h"

#define TRUE_INOS 4    /* inode numbers in listings that were right, then the next are believed */
#define LIE (-1000000) /* as true_inos: never again */
#define REMOVED 0x80   /* in d_type: the process has removed it */

/* With the lock: the listing of dir, and the entry in it that was not removed. */
static struct dirent64 *entry(const struct fio_dir *dir, const char *name, size_t len,
			      struct fio_listed **d)
{
	struct dirent64 *e;

	*d = fio_listed_find(dir->dev, dir->ino);
	if (!*d || !fio_listed_is_fresh(*d) || (*d)->made || name[len])
		return NULL;
	e = fio_listed_entry(*d, name);
	return e && !(e->d_type & REMOVED) ? e : NULL;
}

int fio_ahead_look(const struct fio_dir *dir, const char *name, size_t len, struct statx *sx)
{
	struct dirent64 *e = NULL;
	struct fio_listed *d;
	unsigned char type = DT_UNKNOWN;
	ino_t ino = 0;
	int err;

	if (fio_ahead() && dir->fs->remote) {
		fio_lock(&fio_ahead_all.lock);
		e = entry(dir, name, len, &d);
		if (e) {
			type = e->d_type;
			ino = e->d_ino;
		}
		fio_unlock(&fio_ahead_all.lock);
	}
	if ((type == DT_REG || type == DT_DIR) && atomic_load(&dir->fs->true_inos) >= TRUE_INOS) {
		fio_count(ahead_listed);
		*sx = (struct statx){
			.stx_mode = type == DT_REG ? S_IFREG : S_IFDIR,
			.stx_ino = ino,
			.stx_dev_major = major(dir->dev),
			.stx_dev_minor = minor(dir->dev),
		};
		return 0;
	}
	/* What kind of file it is does not change. */
	err = sys_statx(dir->fd, name,
			AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT |
				(dir->fs->remote ? AT_STATX_DONT_SYNC : 0),
			STATX_TYPE | STATX_INO, sx);
	if (err == 0 && type != DT_UNKNOWN) {
		if (sx->stx_ino == ino && (sx->stx_mode & S_IFMT) == DTTOIF(type))
			atomic_fetch_add(&dir->fs->true_inos, 1);
		else
			atomic_store(&dir->fs->true_inos, LIE);
	}
	return err;
}

void fio_ahead_removed(const struct fio_dir *dir, const char *name, size_t len)
{
	struct fio_listed *d;
	struct dirent64 *e;

	if (!fio_ahead())
		return;
	fio_lock(&fio_ahead_all.lock);
	e = entry(dir, name, len, &d);
	if (e) {
		e->d_type |= REMOVED;
		d->left--;
	}
	fio_unlock(&fio_ahead_all.lock);
}

void fio_ahead_unlinked_slow(int dirfd, const char *path)
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
		fio_ahead_removed(dir, name, len);
		fio_dir_unref(dir);
	}
	fio_leave(t);
}

void fio_ahead_changed(const struct fio_dir *dir)
{
	struct fio_listed *d;

	fio_lock(&fio_ahead_all.lock);
	d = fio_listed_find(dir->dev, dir->ino);
	if (d)
		d->made = true;
	fio_unlock(&fio_ahead_all.lock);
}

bool fio_ahead_is_empty(const struct fio_dir *dir)
{
	struct fio_listed *d;
	bool empty;

	if (!fio_ahead())
		return false;
	fio_lock(&fio_ahead_all.lock);
	d = fio_listed_find(dir->dev, dir->ino);
	empty = d && fio_listed_is_fresh(d) && d->whole && !d->made && !d->left;
	fio_unlock(&fio_ahead_all.lock);
	return empty;
}
