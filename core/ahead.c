/* SPDX-License-Identifier: MIT */
/*
 * ahead.c - looking up and reading ahead of the program where that is a round trip
 *
 * Protocol.  Directories and slots are touched with ahead.lock held, but for what a worker does with a slot that
 * is BUSY, which is the worker's.  A slot moves
 *
 *	FREE -> WANTED   a program thread puts a name in
 *	WANTED -> BUSY   a worker takes it
 *	BUSY -> FREE     it was only to be looked up, or could not be read
 *	BUSY -> READY    it was read
 *	READY -> TAKEN   the program has opened it: an intent of kind READ refers to it
 *	READY, TAKEN, WANTED -> FREE  dropped, closed
 *
 * The state is a futex for a thread that finds what it wants BUSY.  A directory's gen changes when its place goes
 * to another; slots of an older gen are free to be dropped.
 */
#include "ahead.h"

#include <dirent.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "clock.h"
#include "counters.h"
#include "dir.h"
#include "fdtab.h"
#include "file.h"
#include "fio.h"
#include "hidden.h"
#include "mapped.h"
#include "mem.h"
#include "options.h"
#include "placeholder.h"
#include "pool.h"
#include "sys.h"
#include "table.h"
#include "task.h"
#include "util.h"

#define DIRS 16
#define SLOTS 128
#define NAMES (64u * 1024)  /* bytes of a directory's names that are remembered */
#define WHOLE (128 * 1024)  /* larger files are not read ahead */
#define HELD_MAX (16 << 20) /* bytes of files that were read */
#define BEFORE 4096         /* bytes of names that are wanted before the program comes to them */
#define WASTE 64            /* files read for nothing that are no reason to stop */
#define OLD_US 1000000      /* what was read so long ago is not used */
#define USES 2  /* names that were used, then those that are listed next are looked up at once */
#define READS 2 /* files that were opened for reading, then the next are read */
#define SPARE 3 /* places that are freed before they are needed */
#define FORGET_TRIES 100 /* ms */
#define SCAN_FDS 4096    /* descriptors looked at for files that are open for writing */
#define SHARD 0
/* Opens that can be answered: what else they ask for is seen on the descriptor only. */
#define PLAIN (O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_LARGEFILE)

enum { FREE, WANTED, BUSY, READY, TAKEN };

struct listed {
	uint32_t gen;
	bool used;
	bool reads_ok; /* the process has changed nothing in it */
	dev_t dev;
	ino_t ino;
	int fd;              /* the program's number of the stream that lists it, -1: closed */
	int own;             /* hidden duplicate */
	_Atomic int task_fd; /* -1: not there yet, or none */
	char *names;         /* type, length, name, NUL; ... */
	uint32_t cap, len;   /* bytes of it: there, used */
	uint32_t at;         /* the next name that the program is expected to use */
	uint32_t next;       /* the next to be wanted */
	int64_t last_us;     /* coarse time of last use */
};

struct slot {
	_Atomic uint32_t state;
	uint32_t dir, gen; /* directory */
	uint32_t epoch;    /* when it was wanted */
	bool read;         /* not only looked up */
	int flags;         /* for opening it */
	uint64_t hash;     /* of name */
	uint32_t len, cap; /* of data */
	char *data;
	int64_t when_us; /* coarse time when it was wanted */
	struct stat st;
	char name[FIO_NAME_MAX + 1];
};

_Atomic uint32_t fio_ahead_dirs, fio_ahead_taken;

static struct {
	struct fio_lock lock;
	_Atomic uint32_t epoch;  /* changes at an acquire, and when the process changes something */
	_Atomic uint32_t wanted; /* slots in that state */
	_Atomic uint32_t held;   /* directories that the task has descriptors of, or will */
	_Atomic int64_t bytes;   /* of data */
	_Atomic bool off;        /* for good */
	_Atomic bool scanned;    /* what is open for writing is known */
	int flags;               /* of the program's last open for reading */
	uint32_t uses, reads;    /* names used; of them opened for reading */
	uint32_t hits,
		wasted; /* files that were answered from memory; that were read for nothing */
	struct listed dirs[DIRS];
	struct slot slots[SLOTS];
	dev_t local; /* a device that is not slow, and need not be asked again */
} ahead;

#define WRITTEN_BITS 8192
static _Atomic uint64_t written[WRITTEN_BITS / 64]; /* inodes that were opened for writing */

static const uint32_t as_task = FIO_LOCK_HELD | FIO_LOCK_TASK;

/* ---- what must not be answered from memory ---- */

static void add_written(uint64_t hash)
{
	uint64_t bit = (hash >> 1) % WRITTEN_BITS;

	atomic_fetch_or_explicit(&written[bit / 64], 1ULL << bit % 64, memory_order_relaxed);
}

static bool is_written(uint64_t hash)
{
	uint64_t bit = (hash >> 1) % WRITTEN_BITS;

	return atomic_load_explicit(&written[bit / 64], memory_order_relaxed) >> bit % 64 & 1;
}

static void note_writable(int fd)
{
	long flags = sys_fcntl(fd, F_GETFL, 0);
	struct stat st;

	if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY && sys_fstat(fd, &st) == 0 &&
	    S_ISREG(st.st_mode))
		add_written(fio_hash_inode(st.st_dev, st.st_ino));
}

/* Before the first file is read: whatever the process may write to. */
static void scan_descriptors(void)
{
	if (atomic_exchange(&ahead.scanned, true))
		return;
	for (int fd = 0; fd < SCAN_FDS; fd++)
		note_writable(fd);
}

void fio_ahead_opened_slow(int fd, int flags)
{
	note_writable(fd);
	if (!(flags & O_CREAT && flags & O_EXCL))
		atomic_fetch_add(&ahead.epoch, 1);
}

void fio_ahead_drop_slow(void)
{
	atomic_fetch_add(&ahead.epoch, 1);
}

void fio_ahead_unknown_slow(void)
{
	if (atomic_load(&ahead.scanned))
		atomic_store(&ahead.off, true);
	atomic_fetch_add(&ahead.epoch, 1);
}

void fio_ahead_made_real(int fd)
{
	if (atomic_load_explicit(&ahead.scanned, memory_order_relaxed))
		note_writable(fd);
}

/* ---- slots, with the lock ---- */

static void free_slot(struct slot *s, uint32_t held)
{
	if (s->data) {
		fio_buf_put(SHARD, s->data, s->cap, held);
		atomic_fetch_sub(&ahead.bytes, s->cap);
	}
	s->data = NULL;
	atomic_store(&s->state, FREE);
}

static bool is_fresh(const struct slot *s, int64_t now)
{
	return !atomic_load(&ahead.off) && s->epoch == atomic_load(&ahead.epoch) &&
	       ahead.dirs[s->dir].used && ahead.dirs[s->dir].gen == s->gen &&
	       ahead.dirs[s->dir].reads_ok && now - s->when_us < OLD_US;
}

/* A free one, or what cannot be used any more. */
static struct slot *new_slot(int64_t now)
{
	for (int i = 0; i < SLOTS; i++) {
		struct slot *s = &ahead.slots[i];
		uint32_t state = atomic_load(&s->state);

		if (state == READY && !is_fresh(s, now)) {
			fio_count(ahead_dropped);
			ahead.wasted++;
			free_slot(s, FIO_LOCK_HELD);
			state = FREE;
		}
		if (state == FREE)
			return s;
	}
	return NULL;
}

static struct slot *find_slot(uint32_t dir, const char *name, uint64_t hash)
{
	for (int i = 0; i < SLOTS; i++) {
		struct slot *s = &ahead.slots[i];

		if (atomic_load(&s->state) != FREE && atomic_load(&s->state) != TAKEN &&
		    s->hash == hash && s->dir == dir && s->gen == ahead.dirs[dir].gen &&
		    strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

/* ---- directories, with the lock ---- */

static void let_go(struct listed *d)
{
	if (!d->used)
		return;
	d->used = false;
	d->gen++;
	if (d->names)
		fio_buf_put(SHARD, d->names, d->cap, FIO_LOCK_HELD);
	d->names = NULL;
	if (d->own >= 0)
		fio_hidden_close(d->own);
	d->own = -1;
	atomic_fetch_sub(&fio_ahead_dirs, 1);
}

static struct listed *find_dir(dev_t dev, ino_t ino)
{
	for (int i = 0; i < DIRS; i++) {
		if (ahead.dirs[i].used && ahead.dirs[i].ino == ino && ahead.dirs[i].dev == dev)
			return &ahead.dirs[i];
	}
	return NULL;
}

static bool is_open_in(int dir)
{
	for (int i = 0; i < SLOTS; i++) {
		if (ahead.slots[i].dir == (uint32_t)dir &&
		    atomic_load(&ahead.slots[i].state) == TAKEN)
			return true;
	}
	return false;
}

/* A place whose descriptor the task has closed. */
static struct listed *new_dir(void)
{
	struct listed *oldest = NULL, *place = NULL;
	int n_free = 0;

	for (int i = 0; i < DIRS; i++) {
		struct listed *d = &ahead.dirs[i];

		n_free += !d->used;
		if (!d->used && atomic_load(&d->task_fd) == -1)
			place = d;
		if (d->used && (!oldest || d->last_us < oldest->last_us) && !is_open_in(i))
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
		if (dev == ahead.local)
			return false;
		if (sys_fstatfs(fd, &sf) < 0 || !fio_fs_may_be_slow((uint32_t)sf.f_type)) {
			ahead.local = dev;
			return false;
		}
		fio_fs_meet(dev, fd);
		fs = fio_fs_find(dev);
	}
	return fs && fs->remote && fio_fs_used(fs);
}

void fio_ahead_list(int fd)
{
	struct fio_thread *t;
	struct listed *d = NULL;
	struct stat st;

	if (fio_opt.prefetch == FIO_PREFETCH_OFF || atomic_load(&ahead.off) || !fio_pool_usable())
		return;
	t = fio_enter();
	if (!t)
		return;
	if (sys_fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode) || !is_slow(st.st_dev, fd) ||
	    !fio_task_start())
		goto out;
	fio_lock(&ahead.lock);
	d = find_dir(st.st_dev, st.st_ino);
	if (!d)
		d = new_dir();
	if (d && !d->used) {
		uint32_t gen = d->gen;

		d->own = sys_fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (d->own >= 0)
			d->own = fio_hide(d->own);
		d->names = d->own < 0 ? NULL : fio_buf_get(SHARD, NAMES, &d->cap, FIO_LOCK_HELD);
		if (d->names && fio_task_send_listed((uint32_t)(d - ahead.dirs), gen, d->own)) {
			d->used = true;
			d->dev = st.st_dev;
			d->ino = st.st_ino;
			atomic_fetch_add(&ahead.held, 1);
			atomic_fetch_add(&fio_ahead_dirs, 1);
		} else {
			if (d->names)
				fio_buf_put(SHARD, d->names, d->cap, FIO_LOCK_HELD);
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
		d->len = d->at = d->next = 0;
		d->last_us = fio_coarse_us();
		atomic_store_explicit(&fio_beliefs, 1, memory_order_relaxed);
	}
	fio_unlock(&ahead.lock);
out:
	fio_leave(t);
}

static void want(struct listed *d, bool read);

/* More of what the program does. */
static void go_on(struct listed *d)
{
	bool pays = ahead.wasted / 2 <= ahead.hits + WASTE;

	want(d, ahead.reads >= READS && pays && d->reads_ok && !atomic_load(&ahead.off));
}

void fio_ahead_name_slow(int fd, const char *name, unsigned char type)
{
	struct fio_thread *t = fio_enter();
	size_t n = name ? strlen(name) : 0;

	if (!t)
		return;
	fio_lock(&ahead.lock);
	for (int i = 0; i < DIRS; i++) {
		struct listed *d = &ahead.dirs[i];

		if (!d->used || d->fd != fd)
			continue;
		if (!name && ahead.uses >= USES)
			go_on(d);
		if (!name || name[0] == '.' || d->len + n + 3 > d->cap)
			continue;
		d->names[d->len] = (char)type;
		d->names[d->len + 1] = (char)n;
		memcpy(d->names + d->len + 2, name, n + 1);
		d->len += (uint32_t)n + 3;
	}
	fio_unlock(&ahead.lock);
	fio_leave(t);
}

void fio_ahead_closed_slow(int fd)
{
	for (int i = 0; i < DIRS; i++) {
		if (ahead.dirs[i].fd == fd)
			ahead.dirs[i].fd = -1;
	}
}

/* The position after this name, looked for from where the program was; 0: it is not there. */
static uint32_t after_name(const struct listed *d, const char *name, size_t n)
{
	for (int round = 0; round < 2; round++) {
		uint32_t end = round ? d->at : d->len;

		for (uint32_t i = round ? 0 : d->at; i < end;) {
			size_t have = (unsigned char)d->names[i + 1];

			if (have == n && memcmp(d->names + i + 2, name, n) == 0)
				return i + (uint32_t)n + 3;
			i += (uint32_t)have + 3;
		}
	}
	return 0;
}

/* More names to the workers. */
static void want(struct listed *d, bool read)
{
	int64_t now = fio_coarse_us();
	uint32_t n = 0;

	while (d->next < d->len && d->next < d->at + BEFORE &&
	       (!read || atomic_load(&ahead.bytes) < HELD_MAX)) {
		const char *e = d->names + d->next;
		size_t len = (unsigned char)e[1];
		struct slot *s;

		if (read && e[0] != DT_REG) {
			d->next += (uint32_t)len + 3;
			continue;
		}
		s = new_slot(now);
		if (!s)
			break;
		memcpy(s->name, e + 2, len + 1);
		s->hash = fio_hash_name(s->name, len);
		s->dir = (uint32_t)(d - ahead.dirs);
		s->gen = d->gen;
		s->read = read;
		s->flags = ahead.flags;
		s->epoch = atomic_load(&ahead.epoch);
		s->when_us = now;
		s->len = 0;
		d->next += (uint32_t)len + 3;
		atomic_fetch_add(&ahead.wanted, 1);
		atomic_store(&s->state, WANTED);
		n++;
	}
	while (n--)
		fio_pool_kick();
}

/* The directory that path's last component is looked up in, if it is one of these; with the lock. */
static struct listed *resolve(int dirfd, const char *path, const char *name)
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
	return find_dir(makedev(sx.stx_dev_major, sx.stx_dev_minor), sx.stx_ino);
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

/* ---- workers ---- */

void fio_ahead_got_dir(uint32_t n, uint32_t gen, int fd)
{
	struct listed *d = &ahead.dirs[n];

	fio_lock_as(&ahead.lock, as_task);
	if (d->used && d->gen == gen && fd >= 0) {
		atomic_store(&d->task_fd, fd);
	} else {
		if (fd >= 0)
			sys_close(fd);
		atomic_fetch_sub(&ahead.held, 1);
	}
	fio_unlock(&ahead.lock);
}

bool fio_ahead_wanted(void)
{
	return atomic_load(&ahead.wanted) != 0;
}

static void close_left(void)
{
	for (int i = 0; i < DIRS; i++) {
		struct listed *d = &ahead.dirs[i];
		bool busy = false;
		int fd;

		if (d->used || atomic_load(&d->task_fd) < 0)
			continue;
		for (int k = 0; k < SLOTS; k++)
			busy |= ahead.slots[k].dir == (uint32_t)i &&
				atomic_load(&ahead.slots[k].state) == BUSY;
		if (busy)
			continue;
		fd = atomic_exchange(&d->task_fd, -1);
		sys_close(fd);
		atomic_fetch_sub(&ahead.held, 1);
	}
}

static struct slot *take(int *dirfd)
{
	for (int i = 0; i < SLOTS; i++) {
		struct slot *s = &ahead.slots[i];
		struct listed *d = &ahead.dirs[s->dir];

		if (atomic_load(&s->state) != WANTED)
			continue;
		*dirfd = atomic_load(&d->task_fd);
		if (d->used && d->gen == s->gen && *dirfd < 0)
			continue; /* still on its way */
		atomic_fetch_sub(&ahead.wanted, 1);
		if (!d->used || d->gen != s->gen) {
			atomic_store(&s->state, FREE);
			continue;
		}
		atomic_store(&s->state, BUSY);
		return s;
	}
	return NULL;
}

/* All of it into memory; false: it is not for us. */
static bool read_whole(struct slot *s, int fd)
{
	if (sys_fstat(fd, &s->st) < 0 || !S_ISREG(s->st.st_mode) || s->st.st_size > WHOLE)
		return false;
	s->data = fio_buf_get(SHARD, (uint32_t)s->st.st_size + 1, &s->cap, as_task);
	if (!s->data)
		return false;
	atomic_fetch_add(&ahead.bytes, s->cap);
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

static bool read_ahead(struct slot *s, int dirfd)
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
	struct slot *s;
	int dirfd = -1;
	bool ready = false;

	if (!atomic_load(&ahead.wanted) && !atomic_load(&ahead.held))
		return false;
	fio_lock_as(&ahead.lock, as_task);
	close_left();
	s = take(&dirfd);
	fio_unlock(&ahead.lock);
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
	fio_lock_as(&ahead.lock, as_task);
	if (ready)
		atomic_store(&s->state, READY);
	else
		free_slot(s, as_task);
	fio_unlock(&ahead.lock);
	sys_futex_wake(&s->state, INT32_MAX);
	return true;
}

/* ---- the program's open ---- */

/* With the lock; it may be let go of and taken again. */
static struct slot *await(struct slot *s)
{
	const struct timespec patience = {.tv_nsec = 20 * 1000 * 1000};

	while (atomic_load(&s->state) == BUSY) {
		fio_unlock(&ahead.lock);
		if (sys_futex_wait(&s->state, BUSY, &patience) == -ETIMEDOUT)
			fio_task_check();
		fio_lock(&ahead.lock);
		if (!fio_task_running())
			return NULL;
	}
	return s;
}

/* What was read, if that is still true; the lock may be let go of meanwhile. */
static struct slot *true_slot(struct listed *d, const char *name, size_t n)
{
	struct slot *s = find_slot((uint32_t)(d - ahead.dirs), name, fio_hash_name(name, n));
	uint64_t hash;

	if (s && s->read && atomic_load(&s->state) == BUSY)
		s = await(s);
	if (!s || !s->read || atomic_load(&s->state) != READY)
		return NULL;
	hash = fio_hash_inode(s->st.st_dev, s->st.st_ino);
	if (is_fresh(s, d->last_us) && !is_written(hash) && !fio_is_mapped(hash) &&
	    !fio_table_by_ino(hash).it)
		return s;
	fio_count(ahead_dropped);
	ahead.wasted++;
	free_slot(s, FIO_LOCK_HELD);
	return NULL;
}

/* The listed directory in which the program is about to use path's last component, or NULL. */
static struct listed *used(struct fio_thread *t, int dirfd, const char *path, const char **name,
			   size_t *n)
{
	struct listed *d;
	uint32_t at;

	*name = last(t, path, n);
	d = *name ? resolve(dirfd, path, *name) : NULL;
	at = d ? after_name(d, *name, *n) : 0;
	if (!at)
		return NULL;
	d->at = at;
	if (d->next < at)
		d->next = at;
	d->last_us = fio_coarse_us();
	ahead.uses++;
	return d;
}

/* To where the program says, which may be nowhere: bytes or -errno. */
static ssize_t copy_out(void *to, const void *from, size_t n)
{
	struct iovec local = {(void *)from, n}, remote = {to, n};

	return n ? SYS6(SYS_process_vm_writev, fio_pid, &local, 1, &remote, 1, 0) : 0;
}

int fio_ahead_use_slow(int dirfd, const char *path, struct stat *st, bool changes)
{
	struct fio_thread *t = fio_enter();
	int ret = FIO_PASS;
	const char *name;
	struct listed *d;
	struct slot *s;
	size_t n;

	if (!t)
		return FIO_PASS;
	fio_lock(&ahead.lock);
	d = used(t, dirfd, path, &name, &n);
	if (d && changes)
		d->reads_ok = false;
	if (d) {
		go_on(d);
		s = st ? true_slot(d, name, n) : NULL;
		if (s && copy_out(st, &s->st, sizeof(*st)) == (ssize_t)sizeof(*st))
			ret = 0;
	}
	fio_unlock(&ahead.lock);
	fio_leave(t);
	return ret;
}

/* The slot is the caller's. */
static int answer(struct fio_thread *t, struct slot *s, int flags)
{
	int fd = fio_placeholder(flags & O_CLOEXEC);
	struct fio_intent *it = NULL;

	if (fd >= 0 && fio_fd_set(fd, 0))
		it = fio_intent_get(fio_shard(t));
	if (!it) {
		if (fd >= 0)
			sys_close(fd);
		free_slot(s, FIO_LOCK_HELD);
		return FIO_PASS;
	}
	it->kind = FIO_KIND_READ;
	it->oflags = flags;
	it->slot = (uint32_t)(s - ahead.slots);
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
	struct listed *d;
	struct slot *s, *mine = NULL;
	int ret = FIO_PASS;
	size_t n;

	if ((flags & O_ACCMODE) != O_RDONLY || flags & ~(O_ACCMODE | PLAIN))
		return FIO_PASS;
	t = fio_enter();
	if (!t)
		return FIO_PASS;
	fio_lock(&ahead.lock);
	d = used(t, dirfd, path, &name, &n);
	if (!d)
		goto unlock;
	ahead.flags = flags & ~O_CLOEXEC;
	s = true_slot(d, name, n);
	if (s && s->flags == ahead.flags) {
		atomic_store(&s->state, TAKEN);
		ahead.hits++;
		mine = s;
	}
	if (++ahead.reads == READS) {
		scan_descriptors();
		d->next = d->at; /* those that were looked up are to be read now */
	}
	go_on(d);
unlock:
	fio_unlock(&ahead.lock);
	if (mine)
		ret = answer(t, mine, flags);
	fio_leave(t);
	return ret;
}

/* ---- what the program does with it ---- */

static struct slot *slot_of(const struct fio_intent *it)
{
	return &ahead.slots[it->slot];
}

/* The READ intent of fd, locked, if it is as true as it was; else the descriptor is real now. */
static struct fio_intent *lock_read(int fd)
{
	struct fio_intent *it = fio_fd_lock(fd);

	if (!it)
		return NULL;
	if (it->kind == FIO_KIND_READ && slot_of(it)->epoch == atomic_load(&ahead.epoch))
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
		const struct slot *s = slot_of(it);
		off_t at = off < 0 ? it->pos : off;

		if (at >= (off_t)s->len)
			n = 0;
		else if (n > s->len - (size_t)at)
			n = s->len - (size_t)at;
		ret = copy_out(buf, s->data + (n ? at : 0), n);
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
		ssize_t n = copy_out(st, &slot_of(it)->st, sizeof(*st));

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

		if (base >= 0 && off > -WHOLE && off < WHOLE && base + off >= 0)
			ret = it->pos = base + off;
		fio_unlock(&it->lock);
	}
	fio_leave(t);
	return ret;
}

int fio_ahead_real(struct fio_intent *it, enum fio_step *step)
{
	struct slot *s = slot_of(it);
	struct listed *d = &ahead.dirs[s->dir];
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
	free_slot(slot_of(it), FIO_LOCK_HELD);
	atomic_fetch_sub(&fio_ahead_taken, 1);
}

/* ---- the end ---- */

void fio_ahead_forget(void)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	if (!atomic_load(&fio_ahead_dirs) && !atomic_load(&ahead.held))
		return;
	atomic_fetch_add(&ahead.epoch, 1);
	fio_lock(&ahead.lock);
	for (int i = 0; i < DIRS; i++)
		let_go(&ahead.dirs[i]);
	fio_unlock(&ahead.lock);
	for (int i = 0; i < FORGET_TRIES && atomic_load(&ahead.held) && fio_task_running(); i++) {
		fio_task_wake();
		fio_pool_kick();
		sys_nanosleep(&ms);
	}
}

void fio_ahead_reset(void)
{
	ahead.lock = (struct fio_lock){0};
	for (int i = 0; i < SLOTS; i++) {
		ahead.slots[i].data = NULL;
		atomic_store(&ahead.slots[i].state, FREE);
	}
	for (int i = 0; i < DIRS; i++) {
		ahead.dirs[i].used = false;
		ahead.dirs[i].gen++;
		ahead.dirs[i].own = ahead.dirs[i].fd = -1;
		ahead.dirs[i].names = NULL;
		atomic_store(&ahead.dirs[i].task_fd, -1);
	}
	atomic_store(&ahead.wanted, 0);
	atomic_store(&ahead.held, 0);
	atomic_store(&ahead.bytes, 0);
	atomic_store(&ahead.scanned, false);
	ahead.uses = ahead.reads = ahead.hits = ahead.wasted = 0;
	atomic_store(&fio_ahead_dirs, 0);
	atomic_store(&fio_ahead_taken, 0);
}
