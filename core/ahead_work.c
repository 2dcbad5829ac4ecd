/* SPDX-License-Identifier: MIT */
/*
 * ahead_work.c - what the workers do ahead of the program
 */
#include "ahead.h"

#include <dirent.h>
#include <string.h>

#include "clock.h"
#include "counters.h"
#include "dir.h"
#include "fio.h"
#include "mem.h"
#include "sys.h"
#include "task.h"
#include "util.h"

#define LISTING 32768 /* bytes of names; of a larger directory none are taken */

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

/* The place of a directory that is listed ahead, if there still is one. */
static struct fio_listed *place(const struct stat *st)
{
	struct fio_listed *d, *found = NULL;

	if (fio_listed_find(st->st_dev, st->st_ino))
		return NULL;
	for (int i = 0; i < FIO_AHEAD_DIRS && !found; i++) {
		d = &fio_ahead_all.dirs[i];
		if (!d->used && atomic_load(&d->task_fd) == -1)
			found = d;
	}
	return found;
}

static bool enter(const struct fio_slot *s, int fd, const struct stat *st, char *names,
		  uint32_t cap, uint32_t len, uint32_t n)
{
	struct fio_listed *d;

	fio_lock_as(&fio_ahead_all.lock, as_task);
	d = place(st);
	if (d) {
		d->used = d->ahead = d->reads_ok = d->whole = true;
		d->cut = d->made = false;
		d->dev = st->st_dev;
		d->ino = st->st_ino;
		d->fd = d->own = -1;
		d->names = names;
		d->cap = cap;
		d->len = len;
		d->left = n;
		d->at = d->next = d->next_dir = 0;
		d->epoch = s->epoch;
		d->known = s->known;
		d->from = s->from;
		d->to = s->to;
		d->last_us = fio_coarse_us();
		atomic_store(&d->task_fd, fd);
		atomic_fetch_add(&fio_ahead_all.held, 1);
		atomic_fetch_add(&fio_ahead_dirs, 1);
	}
	fio_unlock(&fio_ahead_all.lock);
	return d;
}

static bool is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* Without the dots; names: how many are left. */
static uint32_t take_dots_out(char *buf, uint32_t len, uint32_t *names)
{
	uint32_t to = 0, n;

	*names = 0;
	for (uint32_t from = 0; from < len; from += n) {
		const struct dirent64 *e = (const struct dirent64 *)(buf + from);

		n = e->d_reclen;
		if (is_dots(e->d_name))
			continue;
		memmove(buf + to, e, n);
		to += n;
		++*names;
	}
	return to;
}

/* All names of the directory that fd is, up to cap bytes; -1: there are more. */
static long all_names(int fd, char *buf, uint32_t cap)
{
	uint32_t len = 0;
	long r;

	while ((r = SYS3(SYS_getdents64, fd, buf + len, cap - len)) > 0)
		len += (uint32_t)r;
	return r < 0 ? -1 : (long)len;
}

static void list_ahead(const struct fio_slot *s, int dirfd)
{
	int fd = sys_openat(dirfd, s->name,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0);
	struct stat st;
	uint32_t cap, n;
	char *names;
	long len;

	if (fd < 0)
		return;
	names = fio_buf_get(FIO_AHEAD_SHARD, LISTING, &cap, as_task);
	len = names ? all_names(fd, names, cap) : -1;
	if (len >= 0 && sys_fstat(fd, &st) == 0) {
		len = take_dots_out(names, (uint32_t)len, &n);
		if (enter(s, fd, &st, names, cap, (uint32_t)len, n))
			return;
	}
	if (names)
		fio_buf_put(FIO_AHEAD_SHARD, names, cap, as_task);
	sys_close(fd);
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
	if (s->work == FIO_SLOT_READ) {
		ready = read_ahead(s, dirfd);
		fio_count(ahead_read);
	} else if (s->work == FIO_SLOT_LIST) {
		list_ahead(s, dirfd);
		fio_count(ahead_walked);
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
