/* SPDX-License-Identifier: MIT */
/*
 * table.c - pending intents by (dev, ino) and by name
 */
#include "table.h"

#include <string.h>

#include "keep.h"
#include "util.h"

#define BUCKETS 1024 /* chains may grow: a bound on nothing */

struct bucket {
	struct fio_lock lock;
	_Atomic uint32_t n; /* intents in the chain */
	struct fio_intent *head;
};

static struct bucket names[BUCKETS];
static struct bucket inodes[BUCKETS];

static struct bucket *bucket(struct bucket *table, uint64_t hash)
{
	return &table[(hash >> 1) % BUCKETS];
}

static void add_name(struct fio_intent *it, uint32_t held)
{
	struct bucket *b = bucket(names, it->name_hash);

	fio_lock_as(&b->lock, held);
	it->next_name = b->head;
	b->head = it;
	atomic_fetch_add_explicit(&b->n, 1, memory_order_relaxed);
	fio_unlock(&b->lock);
}

void fio_table_add_ino(struct fio_intent *it, uint32_t held)
{
	struct bucket *b = bucket(inodes, it->ino_hash);

	fio_lock_as(&b->lock, held);
	it->next_ino = b->head;
	b->head = it;
	atomic_fetch_add_explicit(&b->n, 1, memory_order_relaxed);
	fio_unlock(&b->lock);
}

void fio_table_add(struct fio_intent *it, uint32_t held)
{
	if (it->name_hash)
		add_name(it, held);
	if (it->ino_hash)
		fio_table_add_ino(it, held);
	it->linked = true;
}

void fio_table_del(struct fio_intent *it, uint32_t held)
{
	struct fio_intent **p;
	struct bucket *b;

	if (!it->linked)
		return;
	if (it->name_hash) {
		b = bucket(names, it->name_hash);
		fio_lock_as(&b->lock, held);
		for (p = &b->head; *p && *p != it; p = &(*p)->next_name)
			;
		if (*p) {
			*p = it->next_name;
			atomic_fetch_sub_explicit(&b->n, 1, memory_order_relaxed);
		}
		fio_unlock(&b->lock);
	}
	if (it->ino_hash) {
		b = bucket(inodes, it->ino_hash);
		fio_lock_as(&b->lock, held);
		for (p = &b->head; *p && *p != it; p = &(*p)->next_ino)
			;
		if (*p) {
			*p = it->next_ino;
			atomic_fetch_sub_explicit(&b->n, 1, memory_order_relaxed);
		}
		fio_unlock(&b->lock);
	}
	it->linked = false;
}

static bool has_begun(struct fio_intent *it)
{
	enum fio_state state = fio_state(it);

	/*
	 * What a fence starts from or leads to may be there for real, and is found by its inode if
	 * known.
	 */
	return fio_is_claimed(state) || state == FIO_ST_BUSY ||
	       (state == FIO_ST_FENCED && !it->ino_hash) || (state == FIO_ST_OPEN && it->made) ||
	       fio_is_kept(it);
}

static struct fio_found find_name(struct fio_dir *dir, uint64_t hash, const char *name, size_t len,
				  bool begun, const struct fio_intent *but)
{
	struct bucket *b = bucket(names, hash);
	struct fio_found found = {NULL, 0};

	if (!atomic_load_explicit(&b->n, memory_order_relaxed))
		return found;
	fio_lock(&b->lock);
	for (struct fio_intent *it = b->head; it; it = it->next_name) {
		if (it != but && it->name_hash == hash && (!dir || it->dir == dir) &&
		    it->name_len == len && memcmp(it->name, name, len) == 0 &&
		    (!begun || has_begun(it))) {
			found.it = it;
			found.gen = atomic_load_explicit(&it->gen, memory_order_relaxed);
			break;
		}
	}
	fio_unlock(&b->lock);
	return found;
}

struct fio_found fio_table_by_name(struct fio_dir *dir, uint64_t hash, const char *name, size_t len)
{
	return find_name(dir, hash, name, len, false, NULL);
}

bool fio_table_has_other(const struct fio_intent *it, struct fio_dir *dir, uint64_t hash,
			 const char *name, size_t len)
{
	return find_name(dir, hash, name, len, false, it).it;
}

struct fio_found fio_table_by_any_name(uint64_t hash, const char *name, size_t len, bool begun)
{
	return find_name(NULL, hash, name, len, begun, NULL);
}

struct fio_found fio_table_by_ino(uint64_t hash)
{
	struct bucket *b = bucket(inodes, hash);
	struct fio_found found = {NULL, 0};

	if (!atomic_load_explicit(&b->n, memory_order_relaxed))
		return found;
	fio_lock(&b->lock);
	for (struct fio_intent *it = b->head; it; it = it->next_ino) {
		if (it->ino_hash == hash) {
			found.it = it;
			found.gen = atomic_load_explicit(&it->gen, memory_order_relaxed);
			break;
		}
	}
	fio_unlock(&b->lock);
	return found;
}

void fio_tables_reset(void)
{
	memset(names, 0, sizeof(names));
	memset(inodes, 0, sizeof(inodes));
}
