/* SPDX-License-Identifier: MIT */
/*
 * wrap_meta.c - owner, mode and times by path; symlinks
 */
#include "export.h"

/* core, else the stock call once what the path leads to is finished */
#define META(dirfd, path, flags, core, stock, after)                                 \
	({                                                                           \
		int ret_ = FIO_PASS;                                                 \
                                                                                     \
		fio_ahead_drop();                                                    \
		if (!((flags) & ~AT_SYMLINK_NOFOLLOW))                               \
			ret_ = (core);                                               \
                                                                                     \
		if (ret_ != FIO_PASS) {                                              \
			ret_ = RESULT(ret_);                                         \
		} else {                                                             \
			ORDERED;                                                     \
			AT_PATH(dirfd, path, !((flags)&AT_SYMLINK_NOFOLLOW), flags); \
			ret_ = stock;                                                \
			if (ret_ == 0)                                               \
				after;                                               \
		}                                                                    \
		ret_;                                                                \
	})

int x_chmod(const char *path, mode_t mode)
{
	return META(AT_FDCWD, path, 0, fio_path_chmod(AT_FDCWD, path, mode, true),
		    NEXT(chmod)(path, mode), CHANGED);
}

int x_fchmodat(int dirfd, const char *path, mode_t mode, int flags)
{
	return META(dirfd, path, flags,
		    fio_path_chmod(dirfd, path, mode, !(flags & AT_SYMLINK_NOFOLLOW)),
		    NEXT(fchmodat)(dirfd, path, mode, flags), CHANGED);
}

int x_chown(const char *path, uid_t uid, gid_t gid)
{
	return META(AT_FDCWD, path, 0, fio_path_chown(AT_FDCWD, path, uid, gid, true),
		    NEXT(chown)(path, uid, gid), CHANGED);
}

int x_lchown(const char *path, uid_t uid, gid_t gid)
{
	return META(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW,
		    fio_path_chown(AT_FDCWD, path, uid, gid, false), NEXT(lchown)(path, uid, gid),
		    CHANGED);
}

int x_fchownat(int dirfd, const char *path, uid_t uid, gid_t gid, int flags)
{
	return META(dirfd, path, flags,
		    fio_path_chown(dirfd, path, uid, gid, !(flags & AT_SYMLINK_NOFOLLOW)),
		    NEXT(fchownat)(dirfd, path, uid, gid, flags), CHANGED);
}

int x_utimensat(int dirfd, const char *path, const struct timespec *ts, int flags)
{
	return META(dirfd, path, flags,
		    fio_path_utimens(dirfd, path, ts, !(flags & AT_SYMLINK_NOFOLLOW)),
		    NEXT(utimensat)(dirfd, path, ts, flags), NONE);
}

/* FIO_PASS for what libc refuses */
static int core_utimes(const char *path, const struct timeval *tv, bool follow)
{
	struct timespec ts[2];

	if (!tv)
		return FIO_PASS;
	for (int i = 0; i < 2; i++) {
		if (tv[i].tv_usec < 0 || tv[i].tv_usec >= 1000000)
			return FIO_PASS;
		ts[i] = (struct timespec){tv[i].tv_sec, tv[i].tv_usec * 1000};
	}
	return fio_path_utimens(AT_FDCWD, path, ts, follow);
}

int x_utimes(const char *path, const struct timeval *tv)
{
	return META(AT_FDCWD, path, 0, core_utimes(path, tv, true), NEXT(utimes)(path, tv), NONE);
}

int x_lutimes(const char *path, const struct timeval *tv)
{
	return META(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, core_utimes(path, tv, false),
		    NEXT(lutimes)(path, tv), NONE);
}

static int core_utime(const char *path, const struct utimbuf *t)
{
	struct timespec ts[2];

	if (!t)
		return FIO_PASS;
	ts[0] = (struct timespec){t->actime, 0};
	ts[1] = (struct timespec){t->modtime, 0};
	return fio_path_utimens(AT_FDCWD, path, ts, true);
}

int x_utime(const char *path, const struct utimbuf *t)
{
	return META(AT_FDCWD, path, 0, core_utime(path, t), NEXT(utime)(path, t), NONE);
}

int x_symlinkat(const char *target, int dirfd, const char *path)
{
	CHANGING(path);
	int r = fio_symlink(target, dirfd, path);

	if (r != FIO_PASS)
		return RESULT(r);
	ALL(NAMESPACE);
	r = NEXT(symlinkat)(target, dirfd, path);
	if (r == 0)
		MADE(dirfd, path);
	return r;
}

int x_symlink(const char *target, const char *path)
{
	return x_symlinkat(target, AT_FDCWD, path);
}
