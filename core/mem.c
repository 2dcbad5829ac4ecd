/* SPDX-License-Identifier: MIT */
/*
 * mem.c - buffers for held content
 */
#include "mem.h"

#include <assert.h>

#include "lock.h"
#include "sys.h"
#include "util.h"

#define CLASSES 11 /* 256 B ... 256 KiB */
#define REGION (1024u * 1024)

static_assert(FIO_BUF_MIN << (CLASSES - 1) == FIO_BUF_MAX, "classes cover the range");

struct free_buf {
	struct free_buf *next;
};

/* Protocol: everything in a shard is touched with its lock held. */
static struct shard {
	_Alignas(FIO_CACHELINE) struct fio_lock lock;
	struct free_buf *free[CLASSES]; /* free buffers by class */
	char *bump;                     /* unused rest of the current region */
	size_t left;                    /* bytes at bump */
} shards[FIO_SHARDS];

void *fio_region(size_t n)
{
	return sys_mmap_anon(n);
}

static unsigned class_of(uint32_t n)
{
	unsigned c = 0;

	while (FIO_BUF_MIN << c < n)
		c++;
	return c;
}

void *fio_buf_get(unsigned shard, uint32_t n, uint32_t *cap, uint32_t held)
{
	struct shard *s = &shards[shard % FIO_SHARDS];
	unsigned c = class_of(n);
	uint32_t size = FIO_BUF_MIN << c;
	struct free_buf *b;

	fio_lock_as(&s->lock, held);
	b = s->free[c];
	if (b) {
		s->free[c] = b->next;
	} else {
		if (s->left < size) {
			/* The rest of the old region is lost: less than one buffer. */
			s->bump = fio_region(REGION);
			s->left = s->bump ? REGION : 0;
		}
		if (s->left >= size) {
			b = (struct free_buf *)s->bump;
			s->bump += size;
			s->left -= size;
		}
	}
	fio_unlock(&s->lock);
	if (b)
		fio_mark_used(b, size);
	*cap = size;
	return b;
}

void fio_buf_put(unsigned shard, void *buf, uint32_t cap, uint32_t held)
{
	struct shard *s = &shards[shard % FIO_SHARDS];
	struct free_buf *b = buf;
	unsigned c = class_of(cap);

	fio_mark_free(b + 1, cap - sizeof(*b));
	fio_lock_as(&s->lock, held);
	b->next = s->free[c];
	s->free[c] = b;
	fio_unlock(&s->lock);
}

void fio_mem_reset(void)
{
	/* Lists may have been cut in the middle of a change by the fork: start afresh. */
	for (unsigned i = 0; i < FIO_SHARDS; i++) {
		if (atomic_load(&shards[i].lock.word) || shards[i].bump)
			shards[i] = (struct shard){0};
	}
}
