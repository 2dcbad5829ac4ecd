/* SPDX-License-Identifier: MIT */
/*
 * intent.c - slabs of intents
 *
 * A chunk holds 64 intents and a bitmap of those in use, so that a walk over all of them reads
 * little.
 */
#include "intent.h"

#include <string.h>

#include "dir.h"
#include "fio.h"
#include "mem.h"
#include "util.h"

#define PER_CHUNK 64
#define CHUNKS 65536 /* 4 million intents; beyond that files pass through */
#define SLOT 512
#define OWN                          \
	(sizeof(struct fio_intent) - \
	 offsetof(struct fio_intent, ts)) /* nobody looks at these later */

struct chunk {
	_Atomic uint64_t used; /* bit i: slot i is not FREE */
	char *slots;           /* PER_CHUNK * SLOT bytes */
};

static struct chunk chunks[CHUNKS];
static _Atomic uint32_t n_chunks; /* chunks[i] is valid for i < n_chunks */
static struct fio_lock grow_lock;

/* Protocol: a free list is touched with its shard's lock held. */
static struct {
	_Alignas(FIO_CACHELINE) struct fio_lock lock;
	struct fio_intent *free;
} shards[FIO_SHARDS + 1];

_Atomic uint32_t fio_n_open;

static struct fio_intent *slot(uint32_t index)
{
	return (struct fio_intent *)(chunks[index / PER_CHUNK].slots +
				     (size_t)(index % PER_CHUNK) * SLOT);
}

struct fio_intent *fio_intent_at(uint32_t index)
{
	return index / PER_CHUNK < atomic_load(&n_chunks) ? slot(index) : NULL;
}

/* With the shard's lock held. */
static void grow(unsigned shard)
{
	uint32_t n;
	bool ok = false;

	fio_lock(&grow_lock);
	n = atomic_load_explicit(&n_chunks, memory_order_relaxed);
	if (n < CHUNKS) {
		if (!chunks[n].slots)
			chunks[n].slots = fio_region((size_t)PER_CHUNK * SLOT);
		ok = chunks[n].slots != NULL;
	}
	for (uint32_t i = n * PER_CHUNK + PER_CHUNK; ok && i-- > n * PER_CHUNK;) {
		struct fio_intent *it = slot(i);

		it->index = i;
		it->shard = (uint8_t)shard;
		it->fd = -1;
		it->next_free = shards[shard].free;
		shards[shard].free = it;
	}
	if (ok)
		atomic_store_explicit(&n_chunks, n + 1, memory_order_release);
	fio_unlock(&grow_lock);
}

struct fio_intent *fio_intent_get(unsigned shard)
{
	struct fio_intent *it;

	fio_lock(&shards[shard].lock);
	if (!shards[shard].free)
		grow(shard);
	it = shards[shard].free;
	if (it)
		shards[shard].free = it->next_free;
	fio_unlock(&shards[shard].lock);
	if (!it)
		return NULL;
	fio_mark_used(&it->ts, OWN);
	it->what = 0;
	atomic_store_explicit(&it->how, 0, memory_order_relaxed);
	atomic_store_explicit(&it->made, false, memory_order_relaxed);
	it->sync = false;
	it->fresh = false;
	it->peer = NULL;
	it->order = 0;
	it->err_told = false;
	it->oflags = 0;
	atomic_store_explicit(&it->by_caller, false, memory_order_relaxed);
	atomic_store_explicit(&it->done, false, memory_order_relaxed);
	atomic_store_explicit(&it->aging, false, memory_order_relaxed);
	it->sent = false;
	it->linked = false;
	it->fd = -1;
	atomic_store_explicit(&it->task_fd, -1, memory_order_relaxed);
	atomic_store_explicit(&it->kept_fd, -1, memory_order_relaxed);
	it->put = 0;
	atomic_store_explicit(&it->len, 0, memory_order_relaxed);
	it->cap = 0;
	atomic_store_explicit(&it->err, 0, memory_order_relaxed);
	it->data = NULL;
	it->pos = 0;
	it->old_size = 0;
	atomic_store_explicit(&it->born_us, 0, memory_order_relaxed);
	atomic_store_explicit(&it->dir, NULL, memory_order_relaxed);
	it->name_hash = 0;
	it->ino_hash = 0;
	it->name_len = 0;
	it->name[0] = '\0';
	atomic_fetch_or(&chunks[it->index / PER_CHUNK].used, 1ULL << it->index % PER_CHUNK);
	return it;
}

void fio_intent_place(struct fio_intent *it, struct fio_dir *dir, const char *name, size_t len)
{
	atomic_store_explicit(&it->dir, dir, memory_order_relaxed);
	fio_dir_ref(dir);
	memcpy(it->name, name, len);
	it->name[len] = '\0';
	it->name_len = (uint8_t)len;
}

void fio_intent_put(struct fio_intent *it, uint32_t held)
{
	unsigned shard = it->shard;
	char *data = it->data;

	/*
	 * The task may be killed at any point: better a buffer or slot is lost than given back
	 * twice.
	 */
	it->data = NULL;
	if (data)
		fio_buf_put(shard, data, it->cap, held);
	atomic_store_explicit(&it->state, FIO_ST_FREE, memory_order_release);
	atomic_fetch_add(&it->gen, 1);
	atomic_fetch_and(&chunks[it->index / PER_CHUNK].used, ~(1ULL << it->index % PER_CHUNK));
	fio_mark_free(&it->ts, OWN);
	fio_lock_as(&shards[shard].lock, held);
	it->next_free = shards[shard].free;
	shards[shard].free = it;
	fio_unlock(&shards[shard].lock);
}

void fio_intent_each(bool (*fn)(struct fio_intent *it, void *arg), void *arg)
{
	uint32_t n = atomic_load_explicit(&n_chunks, memory_order_acquire);

	for (uint32_t c = 0; c < n; c++) {
		uint64_t used = atomic_load(&chunks[c].used);

		while (used) {
			unsigned bit = (unsigned)__builtin_ctzll(used);

			used &= used - 1;
			if (!fn(slot(c * PER_CHUNK + bit), arg))
				return;
		}
	}
}

bool fio_intents_used(void)
{
	return atomic_load(&n_chunks);
}

void fio_intents_reset(void)
{
	uint32_t n = atomic_load(&n_chunks);

	grow_lock = (struct fio_lock){0};
	for (unsigned i = 0; i <= FIO_SHARDS; i++) {
		shards[i].lock = (struct fio_lock){0};
		shards[i].free = NULL;
	}
	/* Chunks keep their memory and are handed out again by grow(). */
	for (uint32_t c = 0; c < n; c++) {
		atomic_store(&chunks[c].used, 0);
		fio_mark_used(chunks[c].slots, (size_t)PER_CHUNK * SLOT);
		memset(chunks[c].slots, 0, (size_t)PER_CHUNK * SLOT);
	}
	atomic_store(&n_chunks, 0);
	atomic_store(&fio_n_open, 0);
}
