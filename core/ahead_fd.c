/* SPDX-License-Identifier: MIT */
/*
 * ahead_fd.c - files that were read ahead: the program's open and what it does with the descriptor
 */
#include "ahead.h"

#include "counters.h"
#include "dir.h"
#include "fdtab.h"
#include "file.h"
#include "fio.h"
#include "gate.h"
#include "placeholder.h"
#include "sys.h"

/* Opens that can be answered: what else they ask for is seen on the descriptor only. */
#define PLAIN (O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_LARGEFILE)

_Atomic uint32_t fio_ahead_taken;

int fio_ahead_use_slow(int dirfd, const char *path, struct stat *st, bool changes)
{
	struct fio_thread *t = fio_enter();
	int ret = FIO_PASS;
	const char *name;
	struct fio_listed *d;
	struct fio_slot *s;
	size_t n;

	if (!t)
		return FIO_PASS;
	fio_lock(&fio_ahead_all.lock);
	d = fio_listed_used(t, dirfd, path, &name, &n);
	if (d && changes)
		d->reads_ok = false;
	if (d && changes)
		fio_ahead_all.removals++;
	if (d && !changes)
		fio_listed_go_on(d);
	if (d) {
		s = st ? fio_slot_true(d, name, n) : NULL;
		if (s && fio_copy_out(st, &s->st, sizeof(*st)) == (ssize_t)sizeof(*st))
			ret = 0;
	}
	fio_unlock(&fio_ahead_all.lock);
	fio_leave(t);
	return ret;
}

/* The slot is the caller's. */
static int answer(struct fio_thread *t, struct fio_slot *s, int flags)
{
	int fd = fio_placeholder(flags & O_CLOEXEC);
	struct fio_intent *it = NULL;

	if (fd >= 0 && fio_fd_set(fd, 0))
		it = fio_intent_get(fio_shard(t));
	if (!it) {
		if (fd >= 0)
			sys_close(fd);
		fio_slot_free(s, FIO_LOCK_HELD);
		return FIO_PASS;
	}
	it->kind = FIO_KIND_READ;
	it->oflags = flags;
	it->slot = (uint32_t)(s - fio_ahead_all.slots);
	it->dev = s->st.st_dev;
	it->ino = s->st.st_ino;
	atomic_fetch_add(&fio_ahead_taken, 1);
	atomic_fetch_add_explicit(&fio_live, 1, memory_order_relaxed);
	fio_file_tie(it, fd);
	fio_count(ahead_opened);
	return fd;
}

int fio_ahead_open_slow(int dirfd, const char *path, int flags)
{
	struct fio_thread *t;
	const char *name;
	struct fio_listed *d;
	struct fio_slot *s, *mine = NULL;
	int ret = FIO_PASS;
	size_t n;

	if ((flags & O_ACCMODE) != O_RDONLY || flags & ~(O_ACCMODE | PLAIN))
		return FIO_PASS;
	t = fio_enter();
	if (!t)
		return FIO_PASS;
	fio_lock(&fio_ahead_all.lock);
	d = fio_listed_used(t, dirfd, path, &name, &n);
	if (!d)
		goto unlock;
	fio_ahead_all.flags = flags & ~O_CLOEXEC;
	s = fio_slot_true(d, name, n);
	if (s && s->flags == fio_ahead_all.flags) {
		atomic_store(&s->state, FIO_SLOT_TAKEN);
		fio_ahead_all.hits++;
		mine = s;
	}
	fio_listed_read(d);
unlock:
	fio_unlock(&fio_ahead_all.lock);
	if (mine)
		ret = answer(t, mine, flags);
	fio_leave(t);
	return ret;
}

static struct fio_slot *slot_of(const struct fio_intent *it)
{
	return &fio_ahead_all.slots[it->slot];
}

/* The READ intent of fd, locked, if it is as true as it was; else the descriptor is real now. */
static struct fio_intent *lock_read(int fd)
{
	struct fio_intent *it = fio_fd_lock(fd);

	if (!it)
		return NULL;
	if (it->kind == FIO_KIND_READ && slot_of(it)->epoch == atomic_load(&fio_ahead_all.epoch))
		return it;
	if (it->kind == FIO_KIND_READ)
		fio_file_flush(it, FIO_FLUSH_FORCED);
	else
		fio_unlock(&it->lock);
	return NULL;
}

ssize_t fio_read_slow(int fd, void *buf, size_t n, off_t off)
{
	struct fio_thread *t = fio_enter();
	ssize_t ret = FIO_PASS;
	struct fio_intent *it;

	if (!t)
		return FIO_PASS;
	it = lock_read(fd);
	if (it) {
		const struct fio_slot *s = slot_of(it);
		off_t at = off < 0 ? it->pos : off;

		if (at >= (off_t)s->len)
			n = 0;
		else if (n > s->len - (size_t)at)
			n = s->len - (size_t)at;
		ret = fio_copy_out(buf, s->data + (n ? at : 0), n);
		if (ret >= 0 && off < 0)
			it->pos += ret;
		if (ret < 0 && ret != -EFAULT) {
			fio_file_flush(it, FIO_FLUSH_FORCED);
			ret = FIO_PASS;
		} else {
			fio_unlock(&it->lock);
		}
	}
	fio_leave(t);
	return ret;
}

int fio_fstat_slow(int fd, struct stat *st)
{
	struct fio_thread *t = fio_enter();
	int ret = FIO_PASS;
	struct fio_intent *it;

	if (!t)
		return FIO_PASS;
	it = lock_read(fd);
	if (it) {
		ssize_t n = fio_copy_out(st, &slot_of(it)->st, sizeof(*st));

		if (n == (ssize_t)sizeof(*st))
			ret = 0;
		fio_unlock(&it->lock);
	}
	fio_leave(t);
	return ret;
}

bool fio_ahead_is_read(int fd)
{
	const struct fio_intent *it = fio_fd_intent(fio_fd_get(fd));

	return it && it->kind == FIO_KIND_READ;
}

off_t fio_lseek_slow(int fd, off_t off, int whence)
{
	struct fio_thread *t = fio_enter();
	off_t ret = FIO_PASS;
	struct fio_intent *it;

	if (!t)
		return FIO_PASS;
	it = lock_read(fd);
	if (it) {
		off_t base = whence == SEEK_SET   ? 0
			     : whence == SEEK_CUR ? it->pos
			     : whence == SEEK_END ? (off_t)slot_of(it)->len
						  : -1;

		if (base >= 0 && off > -FIO_AHEAD_WHOLE && off < FIO_AHEAD_WHOLE && base + off >= 0)
			ret = it->pos = base + off;
		fio_unlock(&it->lock);
	}
	fio_leave(t);
	return ret;
}

int fio_ahead_real(struct fio_intent *it, enum fio_step *step)
{
	struct fio_slot *s = slot_of(it);
	struct fio_listed *d = &fio_ahead_all.dirs[s->dir];
	struct stat st;
	int fd = -ESTALE;

	*step = FIO_STEP_OPEN;
	/* Whoever lets a directory go makes what is open in it real first. */
	if (d->gen == s->gen)
		fd = sys_openat(d->own, s->name, it->oflags | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	fio_count(ahead_real);
	if (!it->pos || (sys_fstat(fd, &st) == 0 && st.st_ino == it->ino && st.st_dev == it->dev))
		return fd;
	sys_close(fd);
	return -ESTALE;
}

void fio_ahead_end(struct fio_intent *it)
{
	fio_slot_free(slot_of(it), FIO_LOCK_HELD);
	atomic_fetch_sub(&fio_ahead_taken, 1);
}
