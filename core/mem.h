/* SPDX-License-Identifier: MIT */
/*
 * mem.h - memory of our own: buffers for held content, and regions that are never given back
 *
 * Buffers come in power-of-two classes from per-shard free lists, each with its own lock, so that
 * threads do not meet.  Memory that was once handed out stays mapped: a stale pointer reads stale
 * bytes, never faults.
 */
#ifndef FIO_MEM_H
#define FIO_MEM_H

#include <stddef.h>
#include <stdint.h>

#define FIO_SHARDS 16
#define FIO_BUF_MIN 256u
#define FIO_BUF_MAX (256u * 1024)

/* Zeroed memory that is never freed; NULL when there is none. */
void *fio_region(size_t n);

/* A buffer of at least n bytes (n <= FIO_BUF_MAX); *cap is what it holds.  NULL: out of memory. */
void *fio_buf_get(unsigned shard, uint32_t n, uint32_t *cap, uint32_t held);
void fio_buf_put(unsigned shard, void *buf, uint32_t cap, uint32_t held);

/* After fork in the child: no lock is held, everything is free again. */
void fio_mem_reset(void);

#endif /* FIO_MEM_H */
