/* SPDX-License-Identifier: MIT */
/*
 * wrap_path.c - removing, making and entering directories; removing files
 */
#include "export.h"

int x_unlink(const char *path)
{
	CHANGING(path);
	LOADED;
	int r = fio_unlink(AT_FDCWD, path);

	if (r != FIO_PASS)
		return RESULT(r);
	return fio_ahead_unlinked(AT_FDCWD, path, NEXT(unlink)(path));
}

int x_unlinkat(int dirfd, const char *path, int flags)
{
	CHANGING(path);
	LOADED;
	int r;

	r = flags == AT_REMOVEDIR ? fio_rmdir(dirfd, path)
	    : flags               ? FIO_PASS
				  : fio_unlink(dirfd, path);
	if (r != FIO_PASS)
		return RESULT(r);
	if (!flags)
		return fio_ahead_unlinked(dirfd, path, NEXT(unlinkat)(dirfd, path, 0));
	NAMES;
	r = NEXT(unlinkat)(dirfd, path, flags);
	NAMES_DONE;
	return r;
}

int x_rmdir(const char *path)
{
	CHANGING(path);
	LOADED;
	int r = fio_rmdir(AT_FDCWD, path);

	if (r != FIO_PASS)
		return RESULT(r);
	NAMES;
	r = NEXT(rmdir)(path);
	NAMES_DONE;
	return r;
}

int x_remove(const char *path)
{
	CHANGING(path);
	LOADED;
	int r = fio_unlink(AT_FDCWD, path);

	if (r != FIO_PASS && r != -EISDIR && r != -EPERM)
		return RESULT(r);
	NAMES;
	return NEXT(remove)(path);
}

static int made(int r, int dirfd, const char *path)
{
	if (r == 0)
		fio_mkdir_done(dirfd, path);
	return r;
}

int x_mkdir(const char *path, mode_t mode)
{
	CHANGING(path);

	fio_mkdir_begin(AT_FDCWD, path);
	return made(NEXT(mkdir)(path, mode), AT_FDCWD, path);
}

int x_mkdirat(int dirfd, const char *path, mode_t mode)
{
	CHANGING(path);

	fio_mkdir_begin(dirfd, path);
	return made(NEXT(mkdirat)(dirfd, path, mode), dirfd, path);
}

char *x_mkdtemp(char *template)
{
	char *r;

	fio_release_names();
	r = NEXT(mkdtemp)(template);

	if (r)
		fio_mkdir_done(AT_FDCWD, r);
	return r;
}

static int moved(int r)
{
	if (r == 0)
		fio_cwd_changed();
	return r;
}

int x_chdir(const char *path)
{
	ALL(CRED);
	return moved(NEXT(chdir)(path));
}

int x_fchdir(int fd)
{
	ALL(CRED);
	return moved(NEXT(fchdir)(fd));
}

int x_chroot(const char *path)
{
	ALL(CRED);
	return moved(NEXT(chroot)(path));
}
