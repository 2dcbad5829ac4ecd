/* SPDX-License-Identifier: MIT */
/*
 * meta.c - owner, mode and times of an open deferred file
 *
 * What is recorded must be sure to succeed later: the file is or will be ours.  Everything else
 * flushes the file and passes through.
 */
#include "meta.h"
#include "clock.h"
#include "counters.h"
#include "creds.h"
#include "dir.h"
#include "fdtab.h"
#include "file.h"
#include "fio.h"
#include "keep.h"
#include "sys.h"
#include "util.h"

/* The intent of fd, locked, if it may take metadata; else it is flushed and *ret set. */
static struct fio_intent *begin(int fd, int *ret, bool ok)
{
	struct fio_intent *it = fio_fd_lock(fd);
	int err;

	*ret = FIO_PASS;
	if (!it)
		return NULL;
	if (ok && !it->made && !it->err &&
	    (it->kind == FIO_KIND_CREATE || (it->len && it->sent && !(it->what & FIO_SET_TRUNC))))
		return it;
	err = fio_file_flush(it, FIO_FLUSH_TELLS);
	if (err)
		*ret = err;
	return NULL;
}

void fio_set_mode(struct fio_intent *it, mode_t mode)
{
	it->chmod_mode = mode & 07777;
	it->what |= FIO_SET_MODE;
}

bool fio_set_owner(struct fio_intent *it, uid_t uid, gid_t gid)
{
	/* A change of owner takes these bits away again. */
	if (it->what & FIO_SET_MODE && it->chmod_mode & (S_ISUID | S_ISGID))
		return false;
	if (!(it->what & FIO_SET_OWNER)) {
		it->uid = (uid_t)-1;
		it->gid = (gid_t)-1;
	}
	if (uid != (uid_t)-1)
		it->uid = uid;
	if (gid != (gid_t)-1)
		it->gid = gid;
	it->what |= FIO_SET_OWNER;
	if (it->kind == FIO_KIND_CREATE && !fio_is_kept(it) && !(it->dir->traits & FIO_DIR_SGID) &&
	    it->uid == 0 && it->gid == 0 && SYS0(SYS_getegid) == 0) {
		it->what &= (uint8_t)~FIO_SET_OWNER;
		fio_count(elided_meta);
	}
	return true;
}

bool fio_times_fit(struct fio_thread *t, const struct timespec ts[2])
{
	bool ok = ts && fio_readable(t, ts, 2 * sizeof(*ts));

	for (int i = 0; ok && i < 2; i++)
		ok = ts[i].tv_nsec >= 0 &&
		     (ts[i].tv_nsec < 1000000000 || ts[i].tv_nsec == UTIME_OMIT);
	return ok;
}

void fio_set_times(struct fio_intent *it, const struct timespec ts[2])
{
	for (int i = 0; i < 2; i++) {
		if (!(it->what & FIO_SET_TIMES) || ts[i].tv_nsec != UTIME_OMIT)
			it->ts[i] = ts[i];
	}
	it->what |= FIO_SET_TIMES;
}

bool fio_mode_fits(mode_t mode)
{
	/* Without privilege setgid may be dropped according to the group: let the kernel decide. */
	return !(mode & (S_ISUID | S_ISGID)) || fio_may_chown_to_all();
}

int fio_fchmod(int fd, mode_t mode)
{
	struct fio_intent *it;
	struct fio_thread *t;
	int ret;

	if (likely(!fio_fd_intent(fio_fd_get(fd))))
		return FIO_PASS;
	t = fio_enter();
	if (!t)
		return FIO_PASS;
	it = begin(fd, &ret, fio_mode_fits(mode));
	if (it) {
		fio_set_mode(it, mode);
		fio_unlock(&it->lock);
		fio_count(deferred_chmod);
		ret = 0;
	}
	fio_leave(t);
	return ret;
}

int fio_fchown(int fd, uid_t uid, gid_t gid)
{
	struct fio_intent *it;
	struct fio_thread *t;
	int ret;

	if (likely(!fio_fd_intent(fio_fd_get(fd))))
		return FIO_PASS;
	t = fio_enter();
	if (!t)
		return FIO_PASS;
	it = begin(fd, &ret, fio_may_chown_to_all());
	if (it && fio_set_owner(it, uid, gid)) {
		fio_unlock(&it->lock);
		fio_count(deferred_chown);
		ret = 0;
	} else if (it) {
		ret = fio_file_flush(it, FIO_FLUSH_TELLS);
		if (!ret)
			ret = FIO_PASS;
	}
	fio_leave(t);
	return ret;
}

int fio_futimens(int fd, const struct timespec ts[2])
{
	struct fio_intent *it;
	struct fio_thread *t;
	int ret;

	if (likely(!fio_fd_intent(fio_fd_get(fd))))
		return FIO_PASS;
	t = fio_enter();
	if (!t)
		return FIO_PASS;
	it = begin(fd, &ret, fio_times_fit(t, ts));
	if (it) {
		fio_set_times(it, ts);
		fio_unlock(&it->lock);
		fio_count(deferred_utimens);
		ret = 0;
	}
	fio_leave(t);
	return ret;
}
