/* SPDX-License-Identifier: MIT */
/*
 * wrap_stat.c - the stat family by path: the stock call first, again if it saw something pending
 */
#include "export.h"

#include <sys/sysmacros.h>

static bool stale(int dirfd, const char *path, bool follow, int r, const struct stat *st,
		  uint32_t seq)
{
	int err = errno;
	bool again;

	if (r == 0)
		again = fio_stat_check(dirfd, path, follow, st->st_dev, st->st_ino, 0, seq);
	else
		again = fio_stat_check(dirfd, path, follow, 0, 0, err, seq);
	errno = err;
	return again;
}

static int no_entry(void)
{
	errno = ENOENT;
	return -1;
}

/* Bounded: under a steady stream of background work every answer is a little old. */
#define TRIES 8

#define STAT(dirfd, path, flags, st, stock)                                                   \
	({                                                                                    \
		int err_ = errno, r_, tries_ = 0;                                             \
		uint32_t seq_;                                                                \
                                                                                              \
		if (unlikely(fio_ahead()) && fio_ahead_use_slow(dirfd, path, st, false) == 0) \
			return 0;                                                             \
		if (unlikely(fio_is_absent(dirfd, path, flags)))                              \
			return no_entry();                                                    \
		do {                                                                          \
			errno = err_;                                                         \
			seq_ = fio_seq();                                                     \
			r_ = stock;                                                           \
		} while (unlikely(fio_pending() || fio_seq() != seq_) &&                      \
			 stale(dirfd, path, !((flags)&AT_SYMLINK_NOFOLLOW), r_, st, seq_) &&  \
			 tries_++ < TRIES);                                                   \
		r_;                                                                           \
	})

int x_stat(const char *path, struct stat *st)
{
	return STAT(AT_FDCWD, path, 0, st, NEXT(stat)(path, st));
}

int x_lstat(const char *path, struct stat *st)
{
	return STAT(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, st, NEXT(lstat)(path, st));
}

int x_fstatat(int dirfd, const char *path, struct stat *st, int flags)
{
	if (flags & AT_EMPTY_PATH) {
		if (unlikely(fio_ahead_reads()) && path && !*path && fio_fstat_slow(dirfd, st) == 0)
			return 0;
		if (path && !*path)
			ANSWER(fio_new_fstat(dirfd, st));
		PEEK(dirfd);
	}
	return STAT(dirfd, path, flags, st, NEXT(fstatat)(dirfd, path, st, flags));
}

int x___xstat(int ver, const char *path, struct stat *st)
{
	return STAT(AT_FDCWD, path, 0, st, NEXT(__xstat)(ver, path, st));
}

int x___lxstat(int ver, const char *path, struct stat *st)
{
	return STAT(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, st, NEXT(__lxstat)(ver, path, st));
}

int x___fxstatat(int ver, int dirfd, const char *path, struct stat *st, int flags)
{
	if (flags & AT_EMPTY_PATH)
		PEEK(dirfd);
	return STAT(dirfd, path, flags, st, NEXT(__fxstatat)(ver, dirfd, path, st, flags));
}

static bool stale_statx(int dirfd, const char *path, bool follow, int r, const struct statx *stx,
			uint32_t seq)
{
	struct stat st = {0};

	if (r == 0 && !(stx->stx_mask & STATX_INO)) {
		fio_release_path(dirfd, path, follow, FIO_CAUSE_PATH);
		return true;
	}
	if (r == 0) {
		st.st_dev = makedev(stx->stx_dev_major, stx->stx_dev_minor);
		st.st_ino = stx->stx_ino;
	}
	return stale(dirfd, path, follow, r, &st, seq);
}

int x_statx(int dirfd, const char *path, int flags, unsigned int mask, struct statx *stx)
{
	bool follow = !(flags & AT_SYMLINK_NOFOLLOW);
	int err = errno, r, tries = 0;
	uint32_t seq;

	if (flags & AT_EMPTY_PATH) {
		if (unlikely(fio_new_files()) && path && !*path)
			ANSWER(fio_new_statx_slow(dirfd, flags, mask, stx));
		PEEK(dirfd);
	}
	fio_ahead_use(dirfd, path, NULL, false);
	if (unlikely(fio_is_absent(dirfd, path, flags)))
		return no_entry();
	do {
		errno = err;
		seq = fio_seq();
		r = NEXT(statx)(dirfd, path, flags, mask, stx);
	} while (unlikely(fio_pending() || fio_seq() != seq) &&
		 stale_statx(dirfd, path, follow, r, stx, seq) && tries++ < TRIES);
	return r;
}

int x_fstat(int fd, struct stat *st)
{
	if (unlikely(fio_ahead_reads()) && fio_fstat_slow(fd, st) == 0)
		return 0;
	ANSWER(fio_new_fstat(fd, st));
	PEEK(fd);
	return NEXT(fstat)(fd, st);
}

#define FIO_GROUP_stat ~, 1
#include "aliases.h"
