/* SPDX-License-Identifier: MIT */
/*
 * ask.c - what is certain of a new file that is still open, where asking for it is a round trip
 *
 * The refusals of ioctl are the server's: it is asked once, of a file like this one.
 */
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "dir.h"
#include "fdtab.h"
#include "file.h"
#include "fio.h"
#include "keep.h"
#include "mem.h"
#include "sys.h"

#define COPY_MAX (128u * 1024) /* bytes of a file that was read ahead */

/* The new file of fd, locked, or NULL. */
static struct fio_intent *lock_new(int fd)
{
	struct fio_intent *it = fio_fd_lock(fd);

	if (!it || fio_keep_may(it))
		return it;
	fio_unlock(&it->lock);
	return NULL;
}

/* Where what it says to this request is remembered; NULL: it is not. */
static _Atomic int *refusal(struct fio_fs *fs, unsigned long request)
{
	switch (request) {
	case TCGETS:
		return &fs->no_terminal;
	case FICLONE:
		return &fs->no_clone;
	default:
		return NULL;
	}
}

/* A file from which others on the device can be cloned, if anything can. */
static bool may_be_cloned(int fd, dev_t dev)
{
	long flags = sys_fcntl(fd, F_GETFL, 0);
	struct stat st;

	if (fio_ahead_is_read(fd))
		return fio_fd_intent(fio_fd_get(fd))->dev == dev;
	return flags >= 0 && !(flags & O_PATH) && (flags & O_ACCMODE) != O_WRONLY &&
	       sys_fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_dev == dev;
}

int fio_new_ioctl_slow(int fd, unsigned long request, long arg)
{
	struct fio_thread *t = fio_enter();
	struct fio_intent *it;
	_Atomic int *said = NULL;
	dev_t dev = 0;

	if (!t)
		return FIO_PASS;
	it = lock_new(fd);
	if (it) {
		said = refusal(it->dir->fs, request);
		dev = it->dir->dev;
		fio_unlock(&it->lock);
	}
	if (said && request == FICLONE && !may_be_cloned((int)arg, dev))
		said = NULL;
	fio_leave(t);
	return said && atomic_load(said) ? -atomic_load(said) : FIO_PASS;
}

void fio_new_ioctl_said_slow(int fd, unsigned long request, long arg, int err)
{
	struct fio_thread *t = err == ENOTTY || err == EOPNOTSUPP ? fio_enter() : NULL;
	struct stat st;
	struct fio_fs *fs;

	if (!t)
		return;
	fs = sys_fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? fio_fs_find(st.st_dev) : NULL;
	if (fs && refusal(fs, request) &&
	    (request != FICLONE || may_be_cloned((int)arg, st.st_dev)))
		atomic_store(refusal(fs, request), err);
	fio_leave(t);
}

off_t fio_new_lseek_slow(int fd, off_t off, int whence)
{
	struct fio_thread *t = fio_enter();
	struct fio_intent *it;
	off_t ret = FIO_PASS;

	if (!t)
		return FIO_PASS;
	it = lock_new(fd);
	if (it) {
		if ((whence == SEEK_CUR && off == 0) || (whence == SEEK_SET && off == it->pos))
			ret = it->pos;
		fio_unlock(&it->lock);
	}
	fio_leave(t);
	return ret;
}

static char *get_buffer(uint32_t n, uint32_t *cap)
{
	struct fio_thread *t = fio_enter();
	char *buf;

	if (!t)
		return NULL;
	buf = fio_buf_get(fio_shard(t), n, cap, FIO_LOCK_HELD);
	fio_leave(t);
	return buf;
}

static void put_buffer(char *buf, uint32_t cap)
{
	struct fio_thread *t = fio_enter();

	if (!t)
		return; /* lost: the gate is closed for good */
	fio_buf_put(fio_shard(t), buf, cap, FIO_LOCK_HELD);
	fio_leave(t);
}

/* Is it new?  Then on this device. */
static bool new_on(int fd, dev_t *dev)
{
	struct fio_thread *t = fio_enter();
	struct fio_intent *it;

	if (!t)
		return false;
	it = lock_new(fd);
	if (it) {
		*dev = it->dir->dev;
		fio_unlock(&it->lock);
	}
	fio_leave(t);
	return it;
}

/* From a file that is not in memory: by reading it, which is a round trip as well. */
static ssize_t read_from(int fd, dev_t dev, char *buf, size_t n, off_t *at)
{
	struct stat st;

	*at = sys_lseek(fd, 0, SEEK_CUR);
	if (*at < 0 || sys_fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_dev != dev ||
	    st.st_size - *at > (off_t)COPY_MAX)
		return FIO_PASS;
	return SYS4(SYS_pread64, fd, buf, n, *at);
}

ssize_t fio_new_copy_slow(int in, int out, size_t n)
{
	bool held = fio_ahead_is_read(in);
	off_t at;
	uint32_t cap;
	ssize_t got;
	dev_t dev;
	char *buf;

	if (!new_on(out, &dev))
		return FIO_PASS;
	buf = get_buffer(COPY_MAX, &cap);
	if (!buf)
		return FIO_PASS;
	if (n > COPY_MAX)
		n = COPY_MAX;
	if (held) {
		at = fio_lseek_slow(in, 0, SEEK_CUR);
		got = at < 0 ? FIO_PASS : fio_read_slow(in, buf, n, at);
	} else {
		got = read_from(in, dev, buf, n, &at);
	}
	/* What is wrong, the stock call will say. */
	if (got < 0)
		got = FIO_PASS;
	if (got > 0)
		got = fio_write(out, buf, (size_t)got, -1);
	if (got > 0 && held)
		fio_lseek_slow(in, got, SEEK_CUR);
	else if (got > 0)
		sys_lseek(in, at + got, SEEK_SET);
	put_buffer(buf, cap);
	return got;
}
