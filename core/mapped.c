/* SPDX-License-Identifier: MIT */
/*
 * mapped.c - files that this process has mapped or locked
 */
#include "mapped.h"

#include "fdtab.h"
#include "fio.h"
#include "gate.h"

#define BITS 8192

/* Protocol: bits are set and never cleared. */
struct filter {
	_Atomic uint64_t words[BITS / 64];
};

static struct filter mapped, locked;
_Atomic bool fio_locks;

static bool has(struct filter *f, uint64_t hash)
{
	uint64_t bit = (hash >> 1) % BITS;

	return atomic_load_explicit(&f->words[bit / 64], memory_order_relaxed) >> bit % 64 & 1;
}

static bool add(struct filter *f, int fd)
{
	uint64_t hash, bit;

	if (!atomic_load_explicit(&fio_on, memory_order_relaxed) ||
	    fio_fd_class(fd, &hash) != FIO_CLASS_REG)
		return false;
	bit = (hash >> 1) % BITS;
	atomic_fetch_or_explicit(&f->words[bit / 64], 1ULL << bit % 64, memory_order_relaxed);
	return true;
}

bool fio_is_mapped(uint64_t hash)
{
	return has(&mapped, hash);
}

bool fio_is_locked(uint64_t hash)
{
	return has(&locked, hash);
}

void fio_mapped(int fd)
{
	fio_release_fd(fd, FIO_CAUSE_MAP);
	add(&mapped, fd);
}

void fio_locked(int fd)
{
	if (add(&locked, fd))
		atomic_store_explicit(&fio_locks, true, memory_order_relaxed);
}
