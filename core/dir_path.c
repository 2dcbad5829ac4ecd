/* SPDX-License-Identifier: MIT */
/*
 * dir_path.c - from a path to the directory of its last component
 *
 * What was found is remembered by the thread for some milliseconds, until a path may lead elsewhere.
 */
#include <string.h>
#include <sys/sysmacros.h>

#include "clock.h"
#include "counters.h"
#include "dir.h"
#include "fdtab.h"
#include "fio.h"
#include "mem.h"
#include "sys.h"
#include "util.h"

#define VALID_US 10000      /* a cached prefix is looked up again after this time */
#define VALID_FAR_US 200000 /* ... where looking up is a round trip */
#define PATH_LEN_MAX 4096

/* A prefix that is followed by the name; few are long, and a stack may be small. */
static struct fio_dir *resolve_prefix(struct fio_thread *t, int dirfd, const char *path, size_t len)
{
	char text[FIO_PREFIX_MAX + 1], *prefix = text;
	struct fio_dir *d;
	uint32_t size = 0;

	if (len == 0)
		return fio_dir_open(t, dirfd, ".");
	if (len >= sizeof(text))
		prefix = fio_buf_get(fio_shard(t), (uint32_t)len + 1, &size, FIO_LOCK_HELD);
	if (!prefix)
		return NULL;
	memcpy(prefix, path, len);
	prefix[len] = '\0';
	d = fio_dir_open(t, dirfd, prefix);
	if (prefix != text)
		fio_buf_put(fio_shard(t), prefix, size, FIO_LOCK_HELD);
	return d;
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
		    fio_dir_ref_cached(p->dir, p->gen)) {
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
