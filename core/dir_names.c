/* SPDX-License-Identifier: MIT */
/*
 * dir_names.c - the names in a directory, so that the absence of one needs no system call
 */
#include <dirent.h>
#include <string.h>

#include "ahead.h"
#include "clock.h"
#include "counters.h"
#include "dir.h"
#include "fio.h"
#include "mem.h"
#include "sys.h"
#include "util.h"

#define KNOWN_US 1000000 /* so long names that are looked up are absent because they were */
#define CHECKS_TO_LIST 8 /* names asked of the kernel before the directory is listed */
#define CHECKS_FAR 1     /* the same where each is a round trip */
#define LIST_MAX 2048    /* a directory with more names is not listed */

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

void fio_dir_names_drop(struct fio_thread *t, struct fio_dir *d)
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
		fio_dir_names_drop(t, d);
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
