/* SPDX-License-Identifier: MIT */
/*
 * dir.c - resolving and remembering directories
 */
#include "dir.h"

#include <dirent.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "ahead.h"
#include "clock.h"
#include "counters.h"
#include "fdtab.h"
#include "fio.h"
#include "hidden.h"
#include "mem.h"
#include "sys.h"
#include "task.h"
#include "util.h"

#define PER_CHUNK 64
#define CHUNKS 64
#define LIVE_MAX 64         /* more than this many: the least recently used one is retired */
#define VALID_US 10000      /* a cached prefix is looked up again after this time */
#define VALID_FAR_US 200000 /* ... where looking up is a round trip */
#define LOOK_EVERY 64       /* look-ups of directories on a quick file system that may be slow */
#define KNOWN_US 1000000    /* so long names that are looked up are absent because they were */
#define CHECKS_TO_LIST 8    /* names asked of the kernel before the directory is listed */
#define CHECKS_FAR 1        /* the same where each is a round trip */
#define LIST_MAX 2048       /* a directory with more names is not listed */
#define PATH_LEN_MAX 4096

#define FS_IOC_GETFLAGS_ 0x80086601L
#define BAD_FLAGS                                                                            \
	(0x10 /* immutable */ | 0x20 /* append */ | 0x8 /* sync */ | 0x10000 /* dirsync */ | \
	 0x40000000 /* casefold */ | 0x800 /* encrypted */)

_Atomic uint64_t fio_ns_epoch = 1;
_Atomic uint64_t fio_known_epoch = 1;
_Atomic uint64_t fio_traits_epoch = 1;
_Atomic uint64_t fio_moved_epoch = 1;
_Atomic uint64_t fio_removed_epoch;
_Atomic uint32_t fio_beliefs;
_Atomic uint32_t fio_dirs_retired;

static struct fio_lock dirs_lock;
static struct fio_dir *chunks[CHUNKS];
static uint32_t n_dirs; /* slots ever used */
static uint32_t n_live; /* of them, not retired */

static struct fio_dir *at(uint32_t i)
{
	return &chunks[i / PER_CHUNK][i % PER_CHUNK];
}

void fio_dir_ref(struct fio_dir *d)
{
	atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
}

void fio_dir_unref(struct fio_dir *d)
{
	atomic_fetch_sub_explicit(&d->refs, 1, memory_order_release);
}

/* A reference to what was cached with this gen, if it is still that. */
static bool ref_cached(struct fio_dir *d, uint32_t gen)
{
	uint32_t refs = atomic_fetch_add(&d->refs, 1);

	if (!(refs & FIO_DIR_DEAD) && atomic_load(&d->gen) == gen)
		return true;
	atomic_fetch_sub(&d->refs, 1);
	return false;
}

/* ---- names ---- */

static bool names_has(const struct fio_dir *d, uint32_t print)
{
	for (uint32_t i = print; d->names_cap; i++) {
		uint32_t have = d->names[i & (d->names_cap - 1)];

		if (have == print)
			return true;
		if (!have)
			return false;
	}
	return false;
}

static void names_put(uint32_t *names, uint32_t cap, uint32_t print)
{
	uint32_t i = print;

	while (names[i & (cap - 1)])
		i++;
	names[i & (cap - 1)] = print;
}

static void names_drop(struct fio_thread *t, struct fio_dir *d)
{
	if (d->names)
		fio_buf_put(fio_shard(t), d->names, d->names_cap * 4, FIO_LOCK_HELD);
	d->names = NULL;
	d->names_cap = 0;
	d->n_names = 0;
	d->known_epoch = 0;
}

static bool names_grow(struct fio_thread *t, struct fio_dir *d)
{
	uint32_t want = d->names_cap ? d->names_cap * 8 : 1024, bytes;
	uint32_t *names;

	if (want > FIO_BUF_MAX)
		return false;
	names = fio_buf_get(fio_shard(t), want, &bytes, FIO_LOCK_HELD);
	if (!names)
		return false;
	memset(names, 0, bytes);
	for (uint32_t i = 0; i < d->names_cap; i++) {
		if (d->names[i])
			names_put(names, bytes / 4, d->names[i]);
	}
	if (d->names)
		fio_buf_put(fio_shard(t), d->names, d->names_cap * 4, FIO_LOCK_HELD);
	d->names = names;
	d->names_cap = bytes / 4;
	return true;
}

static uint32_t print_of(uint64_t name_hash)
{
	uint32_t p = (uint32_t)(name_hash >> 16);

	return p ? p : 1;
}

static void add_name(struct fio_thread *t, struct fio_dir *d, uint64_t name_hash)
{
	uint32_t print = print_of(name_hash);

	if (names_has(d, print))
		return;
	if ((d->n_names + 1) * 4 > d->names_cap * 3 && !names_grow(t, d)) {
		names_drop(t, d);
		d->checks = UINT32_MAX / 2; /* too large to know */
		return;
	}
	names_put(d->names, d->names_cap, print);
	d->n_names++;
}

void fio_dir_add_name(struct fio_thread *t, struct fio_dir *d, uint64_t name_hash)
{
	fio_lock(&d->lock);
	add_name(t, d, name_hash);
	fio_unlock(&d->lock);
	if (fio_ahead())
		fio_ahead_changed(d);
}

static bool list_into(struct fio_thread *t, struct fio_dir *d, char *buf, uint32_t size)
{
	uint32_t n = 0;
	long r;

	if (sys_lseek(d->fd, 0, SEEK_SET) < 0)
		return false;
	while ((r = SYS3(SYS_getdents64, d->fd, buf, size)) > 0) {
		for (long off = 0; off < r;) {
			struct dirent64 *e = (struct dirent64 *)(buf + off);

			add_name(t, d, fio_hash_name(e->d_name, strlen(e->d_name)));
			off += e->d_reclen;
			if (++n > LIST_MAX || !d->names)
				return false;
		}
	}
	return r == 0;
}

static bool list(struct fio_thread *t, struct fio_dir *d)
{
	uint32_t size;
	char *buf = fio_buf_get(fio_shard(t), 8192, &size, FIO_LOCK_HELD);
	bool all;

	if (!buf)
		return false;
	all = list_into(t, d, buf, size);
	fio_buf_put(fio_shard(t), buf, size, FIO_LOCK_HELD);
	return all;
}

int fio_dir_lookup(struct fio_thread *t, struct fio_dir *d, uint64_t name_hash)
{
	uint64_t epoch = atomic_load_explicit(&fio_known_epoch, memory_order_acquire);
	int ask = 1;

	fio_lock(&d->lock);
	if (d->known_epoch != epoch &&
	    ++d->checks == (d->fs->remote ? CHECKS_FAR : CHECKS_TO_LIST)) {
		fio_count(dir_listed);
		if (list(t, d)) {
			d->known_epoch = epoch;
			d->known_us = fio_coarse_us();
			d->checks = 0;
			atomic_store_explicit(&fio_beliefs, 1, memory_order_relaxed);
		} else {
			d->checks = UINT32_MAX / 2;
		}
	}
	if (d->known_epoch == epoch)
		ask = names_has(d, print_of(name_hash));
	fio_unlock(&d->lock);
	if (ask)
		fio_count(dir_checked);
	else
		fio_count(dir_known);
	return ask;
}

bool fio_dir_lacks(struct fio_thread *t, struct fio_dir *d, uint64_t name_hash)
{
	uint64_t epoch = atomic_load_explicit(&fio_known_epoch, memory_order_acquire);
	int64_t now = fio_coarse_us();
	bool known;

	fio_lock(&d->lock);
	known = d->known_epoch == epoch;
	/* A program may look again and again until somebody else makes the name. */
	if (known && now - d->known_us > KNOWN_US) {
		fio_count(dir_listed);
		known = list(t, d);
		if (known)
			d->known_us = now;
		else
			d->known_epoch = 0;
	}
	known = known && !names_has(d, print_of(name_hash));
	fio_unlock(&d->lock);
	return known;
}

void fio_dir_fresh(struct fio_dir *d)
{
	fio_lock(&d->lock);
	d->known_epoch = atomic_load_explicit(&fio_known_epoch, memory_order_acquire);
	d->known_us = fio_coarse_us();
	fio_unlock(&d->lock);
	fio_dir_tried(d);
	atomic_store_explicit(&fio_beliefs, 1, memory_order_relaxed);
}

/*
 * What a server lets us do in a directory only it can say.  It does not ask its name: where a name
 * was made in one directory, it can be made in others of the same owner, group and mode.
 */
void fio_dir_tried(struct fio_dir *d)
{
	struct fio_fs *fs = d->fs;

	atomic_store(&d->tried, true);
	if (!fs->remote)
		return;
	atomic_store(&fs->tried_ids, (uint64_t)d->uid << 32 | d->gid);
	atomic_store(&fs->tried_mode, d->mode);
}

bool fio_dir_is_tried(struct fio_dir *d)
{
	return !d->fs->remote || atomic_load(&d->tried) ||
	       (atomic_load(&d->fs->tried_mode) == d->mode &&
		atomic_load(&d->fs->tried_ids) == ((uint64_t)d->uid << 32 | d->gid));
}

/* ---- the table ---- */

static uint32_t traits_of(struct fio_dir *d, const struct stat *st)
{
	uint32_t traits = 0;
	long flags = 0, r;
	char acl[4];

	d->mode = st->st_mode;
	d->uid = st->st_uid;
	d->gid = st->st_gid;
	d->traits_epoch = atomic_load(&fio_traits_epoch);
	if (!fio_fs_used(d->fs))
		return 0;
	if (!d->fs->remote && SYS3(SYS_ioctl, d->fd, FS_IOC_GETFLAGS_, &flags) == 0 &&
	    (flags & BAD_FLAGS))
		return 0;
	r = SYS4(SYS_fgetxattr, d->fd, "system.posix_acl_default", acl, 0);
	if (r != -ENODATA && r != -EOPNOTSUPP)
		return 0;
#ifdef SYS_faccessat2
	r = SYS4(SYS_faccessat2, d->fd, "", W_OK | X_OK, AT_EMPTY_PATH | AT_EACCESS);
#else
	r = -ENOSYS;
#endif
	if (r == -ENOSYS && SYS0(SYS_getuid) == SYS0(SYS_geteuid))
		r = SYS3(SYS_faccessat, d->fd, ".", W_OK | X_OK);
	if (r < 0)
		return 0;
	traits = FIO_DIR_CREATE;
	if (d->fs->unlink_ok && (!(st->st_mode & S_ISVTX) || SYS0(SYS_geteuid) == 0))
		traits |= FIO_DIR_UNLINK;
	if (st->st_mode & S_ISGID || d->fs->grpid)
		traits |= FIO_DIR_SGID;
	return traits;
}

static void close_retired(struct fio_dir *d)
{
	int fd = atomic_exchange(&d->task_fd, -1);

	if (fd >= 0)
		sys_close(fd);
}

/* With dirs_lock held: closes the program's side; the task's side is closed by the task. */
static bool retire(struct fio_dir *d)
{
	uint32_t unused = 0;

	if (!atomic_compare_exchange_strong(&d->refs, &unused, FIO_DIR_DEAD))
		return false;
	atomic_fetch_add(&d->gen, 1);
	fio_hidden_close(d->fd);
	d->fd = -1;
	n_live--;
	if (d->sent)
		atomic_fetch_add(&fio_dirs_retired, 1);
	return true;
}

/* What was removed, or else the least recently used one. */
static void make_room(void)
{
	struct fio_dir *oldest = NULL;
	bool any = false;

	for (uint32_t i = 0; i < n_dirs; i++) {
		struct fio_dir *d = at(i);

		if (atomic_load(&d->refs) != 0)
			continue;
		if (atomic_load(&d->gone))
			any |= retire(d);
		else if (!oldest || d->used_us < oldest->used_us)
			oldest = d;
	}
	if (!any && oldest)
		retire(oldest);
}

/* With dirs_lock held: a slot whose both sides are closed. */
static struct fio_dir *slot(void)
{
	struct fio_dir *d;

	for (uint32_t i = 0; i < n_dirs; i++) {
		d = at(i);
		if (atomic_load(&d->refs) == FIO_DIR_DEAD && !d->sent)
			return d;
	}
	if (n_dirs == PER_CHUNK * CHUNKS)
		return NULL;
	if (n_dirs % PER_CHUNK == 0 && !chunks[n_dirs / PER_CHUNK]) {
		chunks[n_dirs / PER_CHUNK] = fio_region(sizeof(struct fio_dir) * PER_CHUNK);
		if (!chunks[n_dirs / PER_CHUNK])
			return NULL;
	}
	d = at(n_dirs);
	d->index = n_dirs++;
	d->fd = -1;
	atomic_store(&d->refs, FIO_DIR_DEAD);
	return d;
}

static struct fio_dir *find(dev_t dev, ino_t ino)
{
	for (uint32_t i = 0; i < n_dirs; i++) {
		struct fio_dir *d = at(i);

		if (!(atomic_load(&d->refs) & FIO_DIR_DEAD) && d->ino == ino && d->dev == dev)
			return d;
	}
	return NULL;
}

struct fio_dir *fio_dir_known(dev_t dev, ino_t ino)
{
	struct fio_dir *d;

	fio_lock(&dirs_lock);
	d = find(dev, ino);
	if (d)
		fio_dir_ref(d);
	fio_unlock(&dirs_lock);
	return d;
}

bool fio_dir_busy(dev_t dev, ino_t ino)
{
	struct fio_dir *d;
	bool busy;

	fio_lock(&dirs_lock);
	d = find(dev, ino);
	busy = d && atomic_load(&d->refs) > 0;
	fio_unlock(&dirs_lock);
	return busy;
}

/* The directory that fd (hidden already, or -errno) is; takes fd over. */
static struct fio_dir *enter(struct fio_thread *t, int fd)
{
	struct fio_dir *d = NULL;
	struct stat st;

	if (fd < 0)
		return NULL;
	if (sys_fstat(fd, &st) < 0)
		goto fail;
	if (n_live >= LIVE_MAX)
		make_room();
	d = slot();
	if (!d)
		goto fail;
	d->fs = fio_fs_get(st.st_dev, fd);
	if (!d->fs)
		goto fail;
	d->fd = fd;
	atomic_store(&d->task_fd, -1);
	atomic_store(&d->after, 0);
	atomic_store(&d->filled, false);
	atomic_store(&d->gone, false);
	atomic_store(&d->tried, false);
	d->sent = false;
	d->dev = st.st_dev;
	d->ino = st.st_ino;
	d->hash = fio_hash_inode(st.st_dev, st.st_ino);
	fio_lock(&d->lock);
	names_drop(t, d);
	fio_unlock(&d->lock);
	d->known_epoch = 0;
	d->checks = 0;
	d->traits = traits_of(d, &st);
	if (d->traits)
		fio_task_send_dir(d);
	n_live++;
	/*
	 * Not a store: somebody with a stale pointer may be counting himself in and out right now.
	 */
	atomic_fetch_and(&d->refs, ~FIO_DIR_DEAD);
	return d;

fail:
	fio_hidden_close(fd);
	return NULL;
}

static struct fio_dir *resolve_slow(struct fio_thread *t, int dirfd, const char *prefix)
{
	struct fio_dir *d = NULL;
	struct stat st;
	int fd;

	/* A directory without a link was removed: nothing can be made in it. */
	if (sys_fstatat(dirfd, prefix, &st, 0) < 0 || !S_ISDIR(st.st_mode) || st.st_nlink == 0)
		return NULL;
	fio_lock(&dirs_lock);
	d = find(st.st_dev, st.st_ino);
	if (!d) {
		fd = sys_openat(dirfd, prefix, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOCTTY, 0);
		d = enter(t, fd < 0 ? fd : fio_hide(fd));
		fio_count(dir_resolved);
	}
	if (d && d->fs->ok && d->fs->remote && !fio_fs_used(d->fs) &&
	    atomic_fetch_add(&d->fs->judged, 1) % LOOK_EVERY == LOOK_EVERY - 1)
		fio_fs_look(d->fs, d->fd);
	/* Somebody changed who may do what here, or the room that there is. */
	if (d && (d->mode != st.st_mode || d->uid != st.st_uid || d->gid != st.st_gid ||
		  d->traits_epoch != atomic_load(&fio_traits_epoch))) {
		bool had = d->traits;

		d->traits = traits_of(d, &st);
		if (!had && d->traits && !d->sent)
			fio_task_send_dir(d);
	}
	if (d) {
		if (!d->fs->remote)
			atomic_store_explicit(&d->fs->credit, 0, memory_order_relaxed);
		d->used_us = fio_coarse_us();
		fio_dir_ref(d);
	}
	fio_unlock(&dirs_lock);
	return d;
}

/* A prefix that is followed by the name; few are long, and a stack may be small. */
static struct fio_dir *resolve_prefix(struct fio_thread *t, int dirfd, const char *path, size_t len)
{
	char text[FIO_PREFIX_MAX + 1], *prefix = text;
	struct fio_dir *d;
	uint32_t size = 0;

	if (len == 0)
		return resolve_slow(t, dirfd, ".");
	if (len >= sizeof(text))
		prefix = fio_buf_get(fio_shard(t), (uint32_t)len + 1, &size, FIO_LOCK_HELD);
	if (!prefix)
		return NULL;
	memcpy(prefix, path, len);
	prefix[len] = '\0';
	d = resolve_slow(t, dirfd, prefix);
	if (prefix != text)
		fio_buf_put(fio_shard(t), prefix, size, FIO_LOCK_HELD);
	return d;
}

struct fio_dir *fio_dir_open(struct fio_thread *t, int dirfd, const char *path)
{
	return resolve_slow(t, dirfd, path);
}

/* What a descriptor is, without asking a server for its attributes. */
static bool is_dir(int fd, uint64_t *hash)
{
	struct statx sx;

	if (!atomic_load_explicit(&fio_far, memory_order_relaxed))
		return fio_fd_class(fd, hash) == FIO_CLASS_DIR;
	if (sys_statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, &sx) < 0)
		return false;
	*hash = fio_hash_inode(makedev(sx.stx_dev_major, sx.stx_dev_minor), sx.stx_ino);
	return S_ISDIR(sx.stx_mode);
}

/* A path on its way to a directory. */
struct way {
	uint64_t epoch, base; /* as in the cache */
	int64_t now;
	size_t len; /* of the prefix */
};

/* Where the last component is in path; false and *why if it cannot be used. */
static bool begin_way(struct fio_thread *t, struct way *w, int dirfd, const char *path,
		      const char **name, size_t *name_len, int *why)
{
	long len = fio_pathlen(t, path, PATH_LEN_MAX);

	w->epoch = atomic_load_explicit(&fio_ns_epoch, memory_order_acquire);
	w->base = 0;
	*why = FIO_CNT_pass_name;
	if (len <= 0)
		return false;
	*name = fio_last_component(path, (size_t)len, name_len);
	w->len = (size_t)len - *name_len;
	if (*name_len == 0 || *name_len > 255 || (*name_len == 1 && (*name)[0] == '.') ||
	    (*name_len == 2 && (*name)[0] == '.' && (*name)[1] == '.'))
		return false;
	*why = FIO_CNT_pass_dir;
	if (path[0] != '/' && dirfd != AT_FDCWD && !is_dir(dirfd, &w->base))
		return false;
	/* A descriptor leads where it led, whatever was removed. */
	if (w->len || !w->base)
		w->epoch += atomic_load_explicit(&fio_removed_epoch, memory_order_acquire);
	w->now = fio_coarse_us();
	return true;
}

static struct fio_dir *find_cached(struct fio_thread *t, const struct way *w, const char *path)
{
	for (int i = 0; i < FIO_DIR_CACHE; i++) {
		struct fio_prefix *p = &t->prefix[i];

		if (p->epoch == w->epoch && p->base == w->base && p->len == w->len &&
		    w->now < p->until_us && memcmp(p->text, path, w->len) == 0 &&
		    ref_cached(p->dir, p->gen)) {
			fio_count(dir_cached);
			return p->dir;
		}
	}
	return NULL;
}

static void cache(struct fio_thread *t, const struct way *w, const char *path, struct fio_dir *d)
{
	struct fio_prefix *p;

	if (!d || w->len > FIO_PREFIX_MAX)
		return;
	p = &t->prefix[t->prefix_next++ % FIO_DIR_CACHE];
	p->epoch = 0;
	p->base = w->base;
	p->until_us = w->now + (d->fs->remote ? VALID_FAR_US : VALID_US);
	p->dir = d;
	p->gen = atomic_load(&d->gen);
	p->len = (uint32_t)w->len;
	memcpy(p->text, path, w->len);
	p->epoch = w->epoch;
	atomic_store_explicit(&fio_beliefs, 1, memory_order_relaxed);
}

struct fio_dir *fio_dir_resolve(struct fio_thread *t, int dirfd, const char *path,
				const char **name, size_t *name_len, int *why)
{
	struct fio_dir *d;
	struct way w;

	if (!begin_way(t, &w, dirfd, path, name, name_len, why))
		return NULL;
	atomic_store_explicit(&fio_reads, 0, memory_order_relaxed);
	d = find_cached(t, &w, path);
	if (d)
		return d;
	d = resolve_prefix(t, dirfd, path, w.len);
	cache(t, &w, path, d);
	return d;
}

/* The directory, if it is in the table; a prefix that fits the cache. */
static struct fio_dir *at_hand(struct fio_thread *t, const struct way *w, int dirfd,
			       const char *path)
{
	char prefix[FIO_PREFIX_MAX + 1];
	struct fio_dir *d = find_cached(t, w, path);
	struct statx sx;

	if (d)
		return d;
	memcpy(prefix, path, w->len);
	prefix[w->len] = '\0';
	if (sys_statx(dirfd, w->len ? prefix : ".", AT_STATX_DONT_SYNC, STATX_INO | STATX_NLINK,
		      &sx) < 0 ||
	    !sx.stx_nlink)
		return NULL;
	/* Not for the cache: whether its owner and mode are those that are known was not asked. */
	return fio_dir_known(makedev(sx.stx_dev_major, sx.stx_dev_minor), sx.stx_ino);
}

struct fio_dir *fio_dir_at_hand(struct fio_thread *t, int dirfd, const char *path,
				const char **name, size_t *name_len)
{
	struct way w;
	int why;

	if (!begin_way(t, &w, dirfd, path, name, name_len, &why) || w.len > FIO_PREFIX_MAX)
		return NULL;
	return at_hand(t, &w, dirfd, path);
}

void fio_dir_name_made(struct fio_thread *t, int dirfd, const char *path)
{
	const char *name;
	struct fio_dir *d;
	struct way w;
	size_t len;
	int why;

	if (!begin_way(t, &w, dirfd, path, &name, &len, &why) || w.len > FIO_PREFIX_MAX) {
		fio_created();
		return;
	}
	d = at_hand(t, &w, dirfd, path);
	if (d) {
		fio_dir_add_name(t, d, fio_hash_name(name, len));
		fio_dir_unref(d);
	}
}

void fio_dirs_sweep(void)
{
	uint32_t closed = 0;

	if (!fio_trylock_as(&dirs_lock, FIO_LOCK_HELD | FIO_LOCK_TASK))
		return;
	for (uint32_t i = 0; i < n_dirs; i++) {
		struct fio_dir *d = at(i);

		if (atomic_load(&d->refs) == FIO_DIR_DEAD && d->sent &&
		    atomic_load(&d->task_fd) >= 0) {
			close_retired(d);
			d->sent = false;
			closed++;
		}
	}
	fio_unlock(&dirs_lock);
	if (closed && atomic_fetch_sub(&fio_dirs_retired, closed) == closed)
		sys_futex_wake(&fio_dirs_retired, INT32_MAX);
}

struct fio_dir *fio_dir_at(uint32_t index)
{
	return at(index);
}

void fio_fs_meet(dev_t dev, int fd)
{
	fio_lock(&dirs_lock);
	fio_fs_get(dev, fd);
	fio_unlock(&dirs_lock);
}

void fio_dirs_lock(void)
{
	fio_lock(&dirs_lock);
}

void fio_dirs_unlock(void)
{
	fio_unlock(&dirs_lock);
}

void fio_dirs_each_locked(void (*fn)(struct fio_dir *d, void *arg), void *arg)
{
	for (uint32_t i = 0; i < n_dirs; i++)
		fn(at(i), arg);
}

void fio_dirs_drop(void)
{
	fio_lock(&dirs_lock);
	for (uint32_t i = 0; i < n_dirs; i++)
		retire(at(i));
	fio_unlock(&dirs_lock);
}

void fio_dirs_reset(void)
{
	dirs_lock = (struct fio_lock){0};
	for (uint32_t i = 0; i < n_dirs; i++) {
		struct fio_dir *d = at(i);
		uint32_t gen = atomic_load(&d->gen);

		memset(d, 0, sizeof(*d));
		d->index = i;
		d->fd = -1;
		atomic_store(&d->task_fd, -1);
		atomic_store(&d->gen, gen + 1);
		atomic_store(&d->refs, FIO_DIR_DEAD);
	}
	n_live = 0;
	atomic_store(&fio_dirs_retired, 0);
	atomic_fetch_add(&fio_ns_epoch, 1);
	atomic_fetch_add(&fio_known_epoch, 1);
	atomic_store(&fio_beliefs, 0);
	fio_fs_reset();
}
