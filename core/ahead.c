/* SPDX-License-Identifier: MIT */
/*
 * ahead.c - the directories that the program lists, and what is wanted of them
 */
#include "ahead.h"

#include <dirent.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "clock.h"
#include "counters.h"
#include "dir.h"
#include "fdtab.h"
#include "fio.h"
#include "hidden.h"
#include "mapped.h"
#include "mem.h"
#include "options.h"
#include "pool.h"
#include "sys.h"
#include "table.h"
#include "task.h"
#include "util.h"

#define NAMES (64u * 1024)  /* bytes of a directory's names that are remembered */
#define HELD_MAX (16 << 20) /* bytes of files that were read */
#define BEFORE 8192         /* bytes of names that are wanted before the program comes to them */
#define WASTE 64            /* files read for nothing that are no reason to stop */
#define OLD_US 1000000      /* what was read so long ago is not used */
#define USES 2  /* names that were used, then those that are listed next are looked up at once */
#define READS 2 /* files that were opened for reading, then the next are read */
#define LISTS 2 /* directories that were listed, then those in them are */
#define SPARE 3 /* places that are freed before they are needed */
#define WALK (1ULL << 60)
#define FORGET_TRIES 100 /* ms */

_Atomic uint32_t fio_ahead_dirs;
struct fio_ahead_all fio_ahead_all;

/* ---- what must not be answered from memory ---- */

void fio_ahead_opened_slow(int fd, int flags)
{
	fio_written(fd);
	if (!(flags & O_CREAT && flags & O_EXCL))
		atomic_fetch_add(&fio_ahead_all.epoch, 1);
}

void fio_ahead_drop_slow(void)
{
	atomic_fetch_add(&fio_ahead_all.epoch, 1);
}

void fio_ahead_unknown_slow(void)
{
	if (fio_written_known())
		atomic_store(&fio_ahead_all.off, true);
	atomic_fetch_add(&fio_ahead_all.epoch, 1);
}

/* ---- slots, with the lock ---- */

void fio_slot_free(struct fio_slot *s, uint32_t held)
{
	if (s->data) {
		fio_buf_put(FIO_AHEAD_SHARD, s->data, s->cap, held);
		atomic_fetch_sub(&fio_ahead_all.bytes, s->cap);
	}
	s->data = NULL;
	atomic_store(&s->state, FIO_SLOT_FREE);
}

static bool is_fresh(const struct fio_slot *s, int64_t now)
{
	return !atomic_load(&fio_ahead_all.off) && s->epoch == atomic_load(&fio_ahead_all.epoch) &&
	       fio_ahead_all.dirs[s->dir].used && fio_ahead_all.dirs[s->dir].gen == s->gen &&
	       fio_ahead_all.dirs[s->dir].reads_ok && now - s->when_us < OLD_US;
}

/* A free one, or what cannot be used any more. */
static struct fio_slot *new_slot(int64_t now)
{
	for (int i = 0; i < FIO_AHEAD_SLOTS; i++) {
		struct fio_slot *s = &fio_ahead_all.slots[i];
		uint32_t state = atomic_load(&s->state);

		if (state == FIO_SLOT_READY && !is_fresh(s, now)) {
			fio_count(ahead_dropped);
			fio_ahead_all.wasted++;
			fio_slot_free(s, FIO_LOCK_HELD);
			state = FIO_SLOT_FREE;
		}
		if (state == FIO_SLOT_FREE)
			return s;
	}
	return NULL;
}

static struct fio_slot *find_slot(uint32_t dir, const char *name, uint64_t hash)
{
	for (int i = 0; i < FIO_AHEAD_SLOTS; i++) {
		struct fio_slot *s = &fio_ahead_all.slots[i];

		if (atomic_load(&s->state) != FIO_SLOT_FREE &&
		    atomic_load(&s->state) != FIO_SLOT_TAKEN && s->hash == hash && s->dir == dir &&
		    s->gen == fio_ahead_all.dirs[dir].gen && strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

/* With the lock; it may be let go of and taken again. */
static struct fio_slot *await(struct fio_slot *s)
{
	const struct timespec patience = {.tv_nsec = 20 * 1000 * 1000};

	while (atomic_load(&s->state) == FIO_SLOT_BUSY) {
		fio_unlock(&fio_ahead_all.lock);
		if (sys_futex_wait(&s->state, FIO_SLOT_BUSY, &patience) == -ETIMEDOUT)
			fio_task_check();
		fio_lock(&fio_ahead_all.lock);
		if (!fio_task_running())
			return NULL;
	}
	return s;
}

/* What was read, if that is still true; the lock may be let go of meanwhile. */
struct fio_slot *fio_slot_true(struct fio_listed *d, const char *name, size_t n)
{
	struct fio_slot *s =
		find_slot((uint32_t)(d - fio_ahead_all.dirs), name, fio_hash_name(name, n));
	uint64_t hash;

	if (!s || s->work != FIO_SLOT_READ)
		return NULL;
	if (atomic_load(&s->state) == FIO_SLOT_WANTED) {
		/* The program is here first. */
		atomic_fetch_sub(&fio_ahead_all.wanted, 1);
		atomic_store(&s->state, FIO_SLOT_FREE);
	}
	if (atomic_load(&s->state) == FIO_SLOT_BUSY)
		s = await(s);
	if (!s || atomic_load(&s->state) != FIO_SLOT_READY)
		return NULL;
	hash = fio_hash_inode(s->st.st_dev, s->st.st_ino);
	if (is_fresh(s, d->last_us) && !fio_is_written(hash) && !fio_is_mapped(hash) &&
	    !fio_table_by_ino(hash).it)
		return s;
	fio_count(ahead_dropped);
	fio_ahead_all.wasted++;
	fio_slot_free(s, FIO_LOCK_HELD);
	return NULL;
}

/* ---- directories, with the lock ---- */

static void let_go(struct fio_listed *d)
{
	if (!d->used)
		return;
	d->used = false;
	d->gen++;
	if (d->names)
		fio_buf_put(FIO_AHEAD_SHARD, d->names, d->cap, FIO_LOCK_HELD);
	d->names = NULL;
	if (d->own >= 0)
		fio_hidden_close(d->own);
	d->own = -1;
	atomic_fetch_sub(&fio_ahead_dirs, 1);
}

struct fio_listed *fio_listed_find(dev_t dev, ino_t ino)
{
	for (int i = 0; i < FIO_AHEAD_DIRS; i++) {
		if (fio_ahead_all.dirs[i].used && fio_ahead_all.dirs[i].ino == ino &&
		    fio_ahead_all.dirs[i].dev == dev)
			return &fio_ahead_all.dirs[i];
	}
	return NULL;
}

static bool is_open_in(int dir)
{
	for (int i = 0; i < FIO_AHEAD_SLOTS; i++) {
		if (fio_ahead_all.slots[i].dir == (uint32_t)dir &&
		    atomic_load(&fio_ahead_all.slots[i].state) == FIO_SLOT_TAKEN)
			return true;
	}
	return false;
}

/* What was listed ahead stays while it is of use. */
static bool may_go(const struct fio_listed *d)
{
	return !d->ahead || !fio_listed_is_fresh(d) || fio_coarse_us() - d->last_us > OLD_US;
}

/* A place whose descriptor the task has closed. */
static struct fio_listed *new_dir(void)
{
	struct fio_listed *oldest = NULL, *place = NULL;
	int n_free = 0;

	for (int i = 0; i < FIO_AHEAD_DIRS; i++) {
		struct fio_listed *d = &fio_ahead_all.dirs[i];

		n_free += !d->used;
		if (!d->used && atomic_load(&d->task_fd) == -1)
			place = d;
		if (d->used && may_go(d) && (!oldest || d->last_us < oldest->last_us) &&
		    !is_open_in(i))
			oldest = d;
	}
	/* Its place is free once a worker has closed its descriptor. */
	if (oldest && n_free < SPARE)
		let_go(oldest);
	return place;
}

static bool is_slow(dev_t dev, int fd)
{
	struct fio_fs *fs = fio_fs_find(dev);
	struct statfs sf;

	if (!fs) {
		if (dev == fio_ahead_all.local)
			return false;
		if (sys_fstatfs(fd, &sf) < 0 || !fio_fs_may_be_slow((uint32_t)sf.f_type)) {
			fio_ahead_all.local = dev;
			return false;
		}
		fio_fs_meet(dev, fd);
		fs = fio_fs_find(dev);
	}
	return fs && fs->remote && fio_fs_used(fs);
}

/* The program lists what was listed ahead of it; false: that was in vain. */
static bool come_to(struct fio_listed *d, int fd)
{
	int own = sys_fcntl(fd, F_DUPFD_CLOEXEC, 0);

	own = own < 0 ? own : fio_hide(own);
	if (own < 0) {
		let_go(d);
		return false;
	}
	/*
	 * What is wanted of it is not wanted again; but the names are those that the program is
	 * told.
	 */
	if (!fio_listed_is_fresh(d))
		d->next = d->next_dir = 0;
	d->own = own;
	d->ahead = false;
	return true;
}

void fio_ahead_list(int fd)
{
	struct fio_thread *t;
	struct fio_listed *d = NULL;
	struct stat st;

	if (fio_opt.prefetch == FIO_PREFETCH_OFF || atomic_load(&fio_ahead_all.off) ||
	    !fio_pool_usable())
		return;
	t = fio_enter();
	if (!t)
		return;
	if (sys_fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode) || !is_slow(st.st_dev, fd) ||
	    !fio_task_start())
		goto out;
	fio_lock(&fio_ahead_all.lock);
	fio_ahead_all.lists++;
	d = fio_listed_find(st.st_dev, st.st_ino);
	if (d && !d->ahead)
		d->next = d->next_dir = 0;
	else if (d && !come_to(d, fd))
		goto unlock;
	if (!d)
		d = new_dir();
	if (d && !d->used) {
		uint32_t gen = d->gen;

		d->own = sys_fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (d->own >= 0)
			d->own = fio_hide(d->own);
		d->names = d->own < 0 ? NULL
				      : fio_buf_get(FIO_AHEAD_SHARD, NAMES, &d->cap, FIO_LOCK_HELD);
		if (d->names &&
		    fio_task_send_listed((uint32_t)(d - fio_ahead_all.dirs), gen, d->own)) {
			d->used = true;
			d->ahead = false;
			d->dev = st.st_dev;
			d->ino = st.st_ino;
			d->from = 0;
			d->to = WALK;
			d->next = d->next_dir = 0;
			atomic_fetch_add(&fio_ahead_all.held, 1);
			atomic_fetch_add(&fio_ahead_dirs, 1);
		} else {
			if (d->names)
				fio_buf_put(FIO_AHEAD_SHARD, d->names, d->cap, FIO_LOCK_HELD);
			if (d->own >= 0)
				fio_hidden_close(d->own);
			d->names = NULL;
			d->own = -1;
			d = NULL;
		}
	}
	if (d) {
		d->reads_ok = true;
		d->fd = fd;
		d->len = d->at = d->left = 0;
		d->whole = d->cut = d->made = false;
		d->epoch = atomic_load(&fio_ahead_all.epoch);
		d->known = atomic_load(&fio_known_epoch);
		d->last_us = fio_coarse_us();
		atomic_store_explicit(&fio_beliefs, 1, memory_order_relaxed);
	}
unlock:
	fio_unlock(&fio_ahead_all.lock);
out:
	fio_leave(t);
}

static void want(struct fio_listed *d, bool read);
static void want_lists(struct fio_listed *d);

/* What the program will come to after all that is in d, as far as it is known. */
static struct fio_listed *next_in_walk(const struct fio_listed *d)
{
	struct fio_listed *next = NULL;

	for (int i = 0; i < FIO_AHEAD_DIRS; i++) {
		struct fio_listed *o = &fio_ahead_all.dirs[i];

		if (o->used && o->ahead && o->from > d->from && (!next || o->from < next->from))
			next = o;
	}
	return next;
}

/* More of what the program does. */
void fio_listed_go_on(struct fio_listed *d)
{
	bool pays = fio_ahead_all.wasted / 2 <= fio_ahead_all.hits + WASTE;
	bool read = fio_ahead_all.reads >= READS && pays && d->reads_ok &&
		    !atomic_load(&fio_ahead_all.off);

	want(d, read);
	if (!read || fio_ahead_all.lists < LISTS)
		return;
	want_lists(d);
	for (int i = 0; i < FIO_AHEAD_DIRS; i++) {
		if (fio_ahead_all.dirs[i].used && fio_listed_is_fresh(&fio_ahead_all.dirs[i]))
			want_lists(&fio_ahead_all.dirs[i]);
	}
	for (int i = 0; d && d->next >= d->len && i < FIO_AHEAD_DIRS; i++) {
		d = next_in_walk(d);
		if (d)
			want(d, true);
	}
}

void fio_listed_read(struct fio_listed *d)
{
	if (++fio_ahead_all.reads == READS) {
		fio_written_scan();
		d->next = d->at; /* those that were looked up are to be read now */
	}
	fio_listed_go_on(d);
}

static bool is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

void fio_ahead_name_slow(int fd, const struct dirent64 *e)
{
	struct fio_thread *t = fio_enter();

	if (!t)
		return;
	fio_lock(&fio_ahead_all.lock);
	for (int i = 0; i < FIO_AHEAD_DIRS; i++) {
		struct fio_listed *d = &fio_ahead_all.dirs[i];

		if (!d->used || d->fd != fd)
			continue;
		if (!e) {
			d->whole = !d->cut;
			/*
			 * A program that removes most of what it lists is not helped by looking it
			 * up.
			 */
			if (fio_ahead_all.uses >= USES &&
			    fio_ahead_all.removals < fio_ahead_all.uses / 2)
				fio_listed_go_on(d);
		} else if (d->len + e->d_reclen > d->cap) {
			d->cut = true;
		} else if (!is_dots(e->d_name)) {
			memcpy(d->names + d->len, e, e->d_reclen);
			d->len += e->d_reclen;
			d->left++;
		}
	}
	fio_unlock(&fio_ahead_all.lock);
	fio_leave(t);
}

void fio_ahead_closed_slow(int fd)
{
	for (int i = 0; i < FIO_AHEAD_DIRS; i++) {
		if (fio_ahead_all.dirs[i].fd == fd)
			fio_ahead_all.dirs[i].fd = -1;
	}
}

static struct dirent64 *entry_at(const struct fio_listed *d, uint32_t at)
{
	return (struct dirent64 *)(d->names + at);
}

struct dirent64 *fio_listed_entry(const struct fio_listed *d, const char *name)
{
	for (int round = 0; round < 2; round++) {
		uint32_t end = round ? d->at : d->len;

		for (uint32_t i = round ? 0 : d->at; i < end; i += entry_at(d, i)->d_reclen) {
			if (strcmp(entry_at(d, i)->d_name, name) == 0)
				return entry_at(d, i);
		}
	}
	return NULL;
}

bool fio_listed_is_fresh(const struct fio_listed *d)
{
	return d->epoch == atomic_load(&fio_ahead_all.epoch) &&
	       d->known == atomic_load(&fio_known_epoch);
}

static struct fio_slot *want_name(struct fio_listed *d, const struct dirent64 *e,
				  enum fio_slot_work work)
{
	int64_t now = fio_coarse_us();
	size_t len = strlen(e->d_name);
	struct fio_slot *s = new_slot(now);

	if (!s)
		return NULL;
	memcpy(s->name, e->d_name, len + 1);
	s->hash = fio_hash_name(s->name, len);
	s->dir = (uint32_t)(d - fio_ahead_all.dirs);
	s->gen = d->gen;
	s->work = (uint8_t)work;
	s->flags = fio_ahead_all.flags;
	s->epoch = atomic_load(&fio_ahead_all.epoch);
	s->known = atomic_load(&fio_known_epoch);
	s->when_us = now;
	s->len = 0;
	atomic_fetch_add(&fio_ahead_all.wanted, 1);
	atomic_store(&s->state, FIO_SLOT_WANTED);
	return s;
}

/* More names to the workers. */
static void want(struct fio_listed *d, bool read)
{
	uint32_t n = 0;

	while (d->next < d->len && d->next < d->at + BEFORE &&
	       (!read || atomic_load(&fio_ahead_all.bytes) < HELD_MAX)) {
		const struct dirent64 *e = entry_at(d, d->next);

		if (!read || e->d_type == DT_REG) {
			if (!want_name(d, e, read ? FIO_SLOT_READ : FIO_SLOT_LOOK))
				break;
			n++;
		}
		d->next += e->d_reclen;
	}
	while (n--)
		fio_pool_kick();
}

/* Places for directories that are listed ahead, less those that are on their way. */
static int places(void)
{
	int n = -SPARE;

	for (int i = 0; i < FIO_AHEAD_DIRS; i++)
		n += !fio_ahead_all.dirs[i].used;
	for (int i = 0; i < FIO_AHEAD_SLOTS; i++) {
		const struct fio_slot *s = &fio_ahead_all.slots[i];

		n -= s->work == FIO_SLOT_LIST && (atomic_load(&s->state) == FIO_SLOT_WANTED ||
						  atomic_load(&s->state) == FIO_SLOT_BUSY);
	}
	return n;
}

/* The directories in d, each with its part of the walk. */
static void want_lists(struct fio_listed *d)
{
	int room;

	if (d->next_dir >= d->len)
		return;
	new_dir();
	for (room = places(); room > 0 && d->next_dir < d->len;) {
		const struct dirent64 *e = entry_at(d, d->next_dir);
		uint64_t each = (d->to - d->from) / (d->len + 1);
		struct fio_slot *s;

		if (e->d_type == DT_DIR) {
			s = want_name(d, e, FIO_SLOT_LIST);
			if (!s)
				break;
			s->from = d->from + 1 + each * d->next_dir;
			s->to = s->from + each * e->d_reclen;
			fio_pool_kick();
			room--;
		}
		d->next_dir += e->d_reclen;
	}
}

/* The directory that path's last component is looked up in, if it is one of these. */
static struct fio_listed *resolve(int dirfd, const char *path, const char *name)
{
	char prefix[512];
	struct statx sx;
	size_t n = (size_t)(name - path);

	if (n >= sizeof(prefix))
		return NULL;
	memcpy(prefix, path, n);
	prefix[n] = '\0';
	if (sys_statx(dirfd,
		      n                   ? prefix
		      : dirfd == AT_FDCWD ? "."
					  : "",
		      AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &sx) < 0)
		return NULL;
	return fio_listed_find(makedev(sx.stx_dev_major, sx.stx_dev_minor), sx.stx_ino);
}

static const char *last(struct fio_thread *t, const char *path, size_t *n)
{
	long len = fio_pathlen(t, path, 4096);
	const char *name;

	if (len <= 0)
		return NULL;
	name = fio_last_component(path, (size_t)len, n);
	return *n == 0 || *n > FIO_NAME_MAX || name[*n] ? NULL : name;
}

/* The listed directory in which the program is about to use path's last component, or NULL. */
struct fio_listed *fio_listed_used(struct fio_thread *t, int dirfd, const char *path,
				   const char **name, size_t *n)
{
	struct dirent64 *e;
	struct fio_listed *d;

	*name = last(t, path, n);
	d = *name ? resolve(dirfd, path, *name) : NULL;
	e = d ? fio_listed_entry(d, *name) : NULL;
	if (!e || d->ahead)
		return NULL;
	d->at = (uint32_t)((char *)e - d->names) + e->d_reclen;
	if (d->next < d->at)
		d->next = d->at;
	d->last_us = fio_coarse_us();
	fio_ahead_all.uses++;
	return d;
}

/* ---- the end ---- */

void fio_ahead_forget(void)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	if (!atomic_load(&fio_ahead_dirs) && !atomic_load(&fio_ahead_all.held))
		return;
	atomic_fetch_add(&fio_ahead_all.epoch, 1);
	fio_lock(&fio_ahead_all.lock);
	for (int i = 0; i < FIO_AHEAD_DIRS; i++)
		let_go(&fio_ahead_all.dirs[i]);
	fio_unlock(&fio_ahead_all.lock);
	for (int i = 0; i < FORGET_TRIES && atomic_load(&fio_ahead_all.held) && fio_task_running();
	     i++) {
		fio_task_wake();
		fio_pool_kick();
		sys_nanosleep(&ms);
	}
}

bool fio_ahead_used(void)
{
	return fio_ahead_all.lists;
}

void fio_ahead_reset(void)
{
	fio_written_reset();
	fio_ahead_all.lock = (struct fio_lock){0};
	fio_ahead_all.lists = fio_ahead_all.uses = fio_ahead_all.reads = fio_ahead_all.removals =
		fio_ahead_all.hits = fio_ahead_all.wasted = 0;
	for (int i = 0; i < FIO_AHEAD_SLOTS; i++) {
		fio_ahead_all.slots[i].data = NULL;
		atomic_store(&fio_ahead_all.slots[i].state, FIO_SLOT_FREE);
	}
	for (int i = 0; i < FIO_AHEAD_DIRS; i++) {
		fio_ahead_all.dirs[i].used = false;
		fio_ahead_all.dirs[i].gen++;
		fio_ahead_all.dirs[i].own = fio_ahead_all.dirs[i].fd = -1;
		fio_ahead_all.dirs[i].names = NULL;
		atomic_store(&fio_ahead_all.dirs[i].task_fd, -1);
	}
	atomic_store(&fio_ahead_all.wanted, 0);
	atomic_store(&fio_ahead_all.held, 0);
	atomic_store(&fio_ahead_all.bytes, 0);
	atomic_store(&fio_ahead_dirs, 0);
	atomic_store(&fio_ahead_taken, 0);
}
