/* SPDX-License-Identifier: MIT */
/*
 * ahead_work.c - what the workers do ahead of the program
 */
#include "ahead.h"

#include "counters.h"
#include "fio.h"
#include "mem.h"
#include "sys.h"
#include "task.h"
#include "util.h"

static const uint32_t as_task = FIO_LOCK_HELD | FIO_LOCK_TASK;

void fio_ahead_got_dir(uint32_t n, uint32_t gen, int fd)
{
	struct fio_listed *d = &fio_ahead_all.dirs[n];

	fio_lock_as(&fio_ahead_all.lock, as_task);
	if (d->used && d->gen == gen && fd >= 0) {
		atomic_store(&d->task_fd, fd);
	} else {
		if (fd >= 0)
			sys_close(fd);
		atomic_fetch_sub(&fio_ahead_all.held, 1);
	}
	fio_unlock(&fio_ahead_all.lock);
}

bool fio_ahead_wanted(void)
{
	return atomic_load(&fio_ahead_all.wanted) != 0;
}

static void close_left(void)
{
	for (int i = 0; i < FIO_AHEAD_DIRS; i++) {
		struct fio_listed *d = &fio_ahead_all.dirs[i];
		bool busy = false;
		int fd;

		if (d->used || atomic_load(&d->task_fd) < 0)
			continue;
		for (int k = 0; k < FIO_AHEAD_SLOTS; k++)
			busy |= fio_ahead_all.slots[k].dir == (uint32_t)i &&
				atomic_load(&fio_ahead_all.slots[k].state) == FIO_SLOT_BUSY;
		if (busy)
			continue;
		fd = atomic_exchange(&d->task_fd, -1);
		sys_close(fd);
		atomic_fetch_sub(&fio_ahead_all.held, 1);
	}
}

static struct fio_slot *take(int *dirfd)
{
	for (int i = 0; i < FIO_AHEAD_SLOTS; i++) {
		struct fio_slot *s = &fio_ahead_all.slots[i];
		struct fio_listed *d = &fio_ahead_all.dirs[s->dir];

		if (atomic_load(&s->state) != FIO_SLOT_WANTED)
			continue;
		*dirfd = atomic_load(&d->task_fd);
		if (d->used && d->gen == s->gen && *dirfd < 0)
			continue; /* still on its way */
		atomic_fetch_sub(&fio_ahead_all.wanted, 1);
		if (!d->used || d->gen != s->gen) {
			atomic_store(&s->state, FIO_SLOT_FREE);
			continue;
		}
		atomic_store(&s->state, FIO_SLOT_BUSY);
		return s;
	}
	return NULL;
}

/* All of it into memory; false: it is not for us. */
static bool read_whole(struct fio_slot *s, int fd)
{
	if (sys_fstat(fd, &s->st) < 0 || !S_ISREG(s->st.st_mode) || s->st.st_size > FIO_AHEAD_WHOLE)
		return false;
	s->data = fio_buf_get(FIO_AHEAD_SHARD, (uint32_t)s->st.st_size + 1, &s->cap, as_task);
	if (!s->data)
		return false;
	atomic_fetch_add(&fio_ahead_all.bytes, s->cap);
	while (s->len < s->cap) {
		ssize_t n = sys_read(fd, s->data + s->len, s->cap - s->len);

		if (n == -EINTR)
			continue;
		if (n < 0)
			return false;
		if (n == 0)
			return (off_t)s->len == s->st.st_size;
		s->len += (uint32_t)n;
		if ((off_t)s->len == s->st.st_size)
			return true; /* as far as it goes: its end is known */
	}
	return false;
}

static bool read_ahead(struct fio_slot *s, int dirfd)
{
	int fd = sys_openat(dirfd, s->name, s->flags | O_CLOEXEC, 0);
	bool ok;

	if (fd < 0)
		return false;
	ok = read_whole(s, fd);
	sys_close(fd);
	return ok;
}

bool fio_ahead_work(void)
{
	struct statx sx;
	struct fio_slot *s;
	int dirfd = -1;
	bool ready = false;

	if (!atomic_load(&fio_ahead_all.wanted) && !atomic_load(&fio_ahead_all.held))
		return false;
	fio_lock_as(&fio_ahead_all.lock, as_task);
	close_left();
	s = take(&dirfd);
	fio_unlock(&fio_ahead_all.lock);
	if (!s)
		return false;
	fio_task_lag();
	if (s->read) {
		ready = read_ahead(s, dirfd);
		fio_count(ahead_read);
	} else {
		sys_statx(dirfd, s->name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS,
			  &sx);
		fio_count(ahead_looked);
	}
	fio_lock_as(&fio_ahead_all.lock, as_task);
	if (ready)
		atomic_store(&s->state, FIO_SLOT_READY);
	else
		fio_slot_free(s, as_task);
	fio_unlock(&fio_ahead_all.lock);
	sys_futex_wake(&s->state, INT32_MAX);
	return true;
}
