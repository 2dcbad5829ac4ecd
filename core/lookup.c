/* SPDX-License-Identifier: MIT */
/*
 * lookup.c - does what a path led to have something pending?
 *
 * Identity is decided by inode after the kernel has resolved the path, and by the last component
 * where there is no inode yet.
 */
#include <string.h>

#include "counters.h"
#include "dir.h"
#include "fdtab.h"
#include "file.h"
#include "fio.h"
#include "hidden.h"
#include "queue.h"
#include "sys.h"
#include "util.h"

#define PATH_LEN_MAX 4096

/*
 * absent: the kernel found nothing, so whatever is to come under that name is finished.  Otherwise
 * only a file that is being made right now can be what the kernel found.
 */
static bool finish_name(const char *name, size_t len, bool absent, enum fio_cause cause)
{
	uint64_t hash = fio_hash_name(name, len);
	struct fio_found f;
	bool any = false;

	if (len == 0 || len > FIO_NAME_MAX)
		return false;
	while ((f = fio_table_by_any_name(hash, name, len, !absent)).it) {
		fio_finish(f, cause);
		any = true;
		if (fio_state(f.it) == FIO_ST_OPEN && f.it->err)
			break; /* cannot be made: the name stays absent */
	}
	return any;
}

/* The last component; if nothing was found, any of the components may be what is missing. */
static bool finish_components(const char *path, size_t len, bool absent, enum fio_cause cause)
{
	bool any = false;

	while (len) {
		const char *name;
		size_t n;

		while (len && path[len - 1] == '/')
			len--;
		name = fio_last_component(path, len, &n);
		any |= finish_name(name, n, absent, cause);
		if (!absent)
			break;
		len -= n;
	}
	return any;
}

void fio_finish_last(struct fio_thread *t, const char *path)
{
	long len = fio_pathlen(t, path, PATH_LEN_MAX);
	const char *name;
	size_t n;

	if (len <= 0)
		return;
	name = fio_last_component(path, (size_t)len, &n);
	finish_name(name, n, true, FIO_CAUSE_PATH);
}

/* Does the path lead through a directory whose removal is pending?  Dots may lead out of any. */
static bool through_removed(const char *path, size_t len)
{
	struct fio_found f;
	size_t n;

	for (size_t end = len; end; end -= n) {
		const char *name;

		while (end && path[end - 1] == '/')
			end--;
		name = fio_last_component(path, end, &n);
		if (n == 0 || n > FIO_NAME_MAX)
			continue;
		/*
		 * By themselves they lead from where the program is, which is found by its inode.
		 */
		if (name[0] == '.' && (n == 1 || (n == 2 && name[1] == '.')))
			return n != len;
		if (end == len) /* found by its inode */
			continue;
		f = fio_table_by_any_name(fio_hash_name(name, n), name, n, false);
		if (f.it && f.it->kind == FIO_KIND_RMDIR)
			return true;
	}
	return false;
}

static bool is_symlink(int dirfd, const char *path)
{
	struct stat st;

	return sys_fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* Names that lead to descriptors or devices rather than to files. */
static bool is_magic(const char *path)
{
	return strncmp(path, "/proc/", 6) == 0 || strncmp(path, "/dev/", 5) == 0;
}

static bool check(struct fio_thread *t, int dirfd, const char *path, bool follow, dev_t dev,
		  ino_t ino, int err, enum fio_cause cause,
		  bool (*dir)(dev_t dev, ino_t ino, enum fio_cause cause))
{
	long len = fio_pathlen(t, path, PATH_LEN_MAX);
	bool any;

	if (len <= 0)
		return false;
	if ((is_magic(path) && (atomic_load(&fio_n_open) || fio_removing_dirs())) ||
	    (fio_removing_dirs() && through_removed(path, (size_t)len))) {
		fio_finish_all(cause);
		return true;
	}
	any = finish_components(path, (size_t)len, err == ENOENT || err == ENOTDIR, cause);
	if (!err) {
		any |= fio_finish_inode(dev, ino, cause);
		any |= dir(dev, ino, cause);
	}
	/* A link may lead to a file that is just coming into being. */
	if (!any && follow && (err == 0 || err == ENOENT) && fio_pending() &&
	    is_symlink(dirfd, path)) {
		fio_finish_all(cause);
		any = true;
	}
	return any;
}

bool fio_is_absent_slow(int dirfd, const char *path, int flags)
{
	const int known =
		AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
	struct fio_thread *t = flags & ~known ? NULL : fio_enter();
	struct fio_dir *dir;
	const char *name;
	bool absent = false;
	uint64_t hash;
	size_t len;

	if (!t)
		return false;
	dir = fio_removing_dirs() ? NULL : fio_dir_at_hand(t, dirfd, path, &name, &len);
	if (dir) {
		hash = fio_hash_name(name, len);
		absent = !name[len] && dir->fs->remote && fio_fs_used(dir->fs) && dir->traits &&
			 !fio_table_by_name(dir, hash, name, len).it && fio_dir_lacks(t, dir, hash);
		fio_dir_unref(dir);
	}
	if (absent)
		fio_count(dir_absent);
	fio_leave(t);
	return absent;
}

bool fio_stat_check_slow(int dirfd, const char *path, bool follow, dev_t dev, ino_t ino, int err)
{
	struct fio_thread *t = fio_enter();
	bool again;

	if (!t)
		return false;
	again = check(t, dirfd, path, follow, dev, ino, err, FIO_CAUSE_PATH, fio_finish_names);
	fio_leave(t);
	return again;
}

static bool leads_to(int dirfd, const char *path, int flags, const struct stat *to)
{
	struct stat st;

	return sys_fstatat(dirfd, path, &st, flags & O_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0) == 0 &&
	       st.st_ino == to->st_ino && st.st_dev == to->st_dev;
}

bool fio_opened_slow(int dirfd, const char *path, int flags, int ret, uint32_t seq)
{
	struct fio_thread *t;
	struct stat st;
	bool again = false;

	/* An exclusive create that succeeded met nobody. */
	if (ret >= 0 && flags & O_EXCL && flags & O_CREAT)
		return false;
	if (ret == -EMFILE) {
		/* The numbers that we have hidden are missing to the program. */
		if (!fio_hidden_any())
			return false;
		fio_stop_deferring(FIO_CAUSE_FD);
		return true;
	}
	t = fio_enter();
	if (!t)
		return false;
	if (ret < 0) {
		again = check(t, dirfd, path, !(flags & O_NOFOLLOW), 0, 0,
			      ret == -EEXIST ? 0 : -ret, FIO_CAUSE_PATH, fio_finish_dir);
		/* It may have come into being meanwhile. */
		again |= ret == -ENOENT && fio_seq() != seq;
		/* What was refused may be a file whose removal is pending. */
		if (!again && ret != -ENOENT &&
		    sys_fstatat(dirfd, path, &st,
				ret == -EEXIST || flags & O_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0) ==
			    0)
			again = fio_finish_inode(st.st_dev, st.st_ino, FIO_CAUSE_PATH);
	} else if (sys_fstat(ret, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) {
		if (S_ISREG(st.st_mode) || fio_removing_dirs())
			again = check(t, dirfd, path, !(flags & O_NOFOLLOW), st.st_dev, st.st_ino,
				      0, FIO_CAUSE_PATH, fio_finish_dir);
		/* Its removal may have been done since it was opened, or content written that was to be
		 * truncated.  Asked after the look at the tables, which that has left by now. */
		if (!again && fio_seq() != seq)
			again = flags & O_TRUNC || !leads_to(dirfd, path, flags, &st);
	} else {
		/* A descriptor of a placeholder, by /proc/self/fd: the real file is meant. */
		again = is_magic(path) && atomic_load(&fio_n_open);
		if (again)
			fio_finish_all(FIO_CAUSE_PATH);
	}
	fio_leave(t);
	return again;
}

bool fio_has_name(int fd)
{
	struct stat st;

	return sys_fstat(fd, &st) == 0 && st.st_nlink;
}

void fio_release_path_slow(int dirfd, const char *path, bool follow, enum fio_cause cause)
{
	struct fio_thread *t = fio_enter();
	struct stat st;
	int err;

	if (!t)
		return;
	if (fio_pathlen(t, path, PATH_LEN_MAX) > 0) {
		err = sys_fstatat(dirfd, path, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW);
		check(t, dirfd, path, follow, st.st_dev, st.st_ino, err < 0 ? -err : 0, cause,
		      fio_finish_dir);
		/*
		 * What the name leads to may have changed: a pending unlink may have hidden a link.
		 */
		if (fio_pending() && err == 0 &&
		    sys_fstatat(dirfd, path, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0)
			fio_finish_inode(st.st_dev, st.st_ino, cause);
	}
	fio_leave(t);
}
