/* SPDX-License-Identifier: MIT */
/*
 * wrap_dir.c - directory streams, and walks that call back
 */
#include "export.h"

DIR *x_opendir(const char *path)
{
	int err = errno;
	uint32_t seq = fio_seq();
	DIR *dir;

	fio_walks();
	if (unlikely(fio_removing_dirs()))
		PATH(path, true); /* it may be one of those */
	dir = NEXT(opendir)(path);

	/* Pending there may be a file (ENOTDIR), or its removal (ENOENT). */
	if (!dir && (fio_pending() || fio_seq() != seq)) {
		PATH(path, true);
		errno = err;
		dir = NEXT(opendir)(path);
	}
	if (dir && fio_pending())
		DIRECTORY(dirfd(dir));
	if (dir)
		fio_ahead_list(dirfd(dir));
	return dir;
}

DIR *x_fdopendir(int fd)
{
	DIR *dir;

	fio_walks();
	DIRECTORY(fd);
	dir = NEXT(fdopendir)(fd);
	if (dir)
		fio_ahead_list(fd);
	return dir;
}

/* Only the first entry after opendir or rewinddir makes libc read what is there now. */
static void before_first(DIR *dir)
{
	int fd = dirfd(dir);

	if (NEXT(lseek)(fd, 0, SEEK_CUR) == 0)
		DIRECTORY(fd);
}

struct dirent *x_readdir(DIR *dir)
{
	struct dirent *e;

	if (fio_pending() && dir)
		before_first(dir);
	e = NEXT(readdir)(dir);
	if (unlikely(fio_ahead()) && dir)
		fio_ahead_name_slow(dirfd(dir), (const struct dirent64 *)e);
	return e;
}

int x_readdir_r(DIR *dir, struct dirent *entry, struct dirent **result)
{
	if (fio_pending() && dir)
		before_first(dir);
	return NEXT(readdir_r)(dir, entry, result);
}

int x_closedir(DIR *dir)
{
	if (dir) {
		fio_ahead_closed(dirfd(dir));
		FORGET(dirfd(dir));
	}
	return NEXT(closedir)(dir);
}

void x_rewinddir(DIR *dir)
{
	if (fio_pending())
		DIRECTORY(dirfd(dir));
	NEXT(rewinddir)(dir);
}

void x_seekdir(DIR *dir, long pos)
{
	if (fio_pending())
		DIRECTORY(dirfd(dir));
	NEXT(seekdir)(dir, pos);
}

/*
 * ftw and nftw look at files again between callbacks, inside libc: what a callback did is
 * finished when it returns.
 */
static __thread __ftw_func_t ftw_fn __attribute__((tls_model("initial-exec")));
static __thread __nftw_func_t nftw_fn __attribute__((tls_model("initial-exec")));

static int ftw_call(const char *path, const struct stat *st, int type)
{
	int r = ftw_fn(path, st, type);

	ALL(DIR);
	return r;
}

static int nftw_call(const char *path, const struct stat *st, int type, struct FTW *info)
{
	int r = nftw_fn(path, st, type, info);

	ALL(DIR);
	return r;
}

int x_ftw(const char *path, __ftw_func_t fn, int fds)
{
	__ftw_func_t outer = ftw_fn;
	int r;

	ALL(DIR);
	ftw_fn = fn;
	r = NEXT(ftw)(path, ftw_call, fds);
	ftw_fn = outer;
	return r;
}

int x_nftw(const char *path, __nftw_func_t fn, int fds, int flags)
{
	__nftw_func_t outer = nftw_fn;
	int r;

	ALL(DIR);
	nftw_fn = fn;
	r = NEXT(nftw)(path, nftw_call, fds, flags);
	nftw_fn = outer;
	return r;
}

#define FIO_GROUP_dir ~, 1
#include "aliases.h"
