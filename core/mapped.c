/* SPDX-License-Identifier: MIT */
/*
 * mapped.c - files that this process has mapped, locked or opened for writing
 */
#include "mapped.h"

#include "fdtab.h"
#include "fio.h"
#include "gate.h"
#include "sys.h"

#define BITS 8192
#define SCAN_FDS 4096 /* descriptors looked at for files that are open for writing */

/* Protocol: bits are set and never cleared. */
struct filter {
	_Atomic uint64_t words[BITS / 64];
};

static struct filter mapped, locked, written;
static _Atomic bool scanned; /* what is open for writing is known */
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

bool fio_is_written(uint64_t hash)
{
	return has(&written, hash);
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

void fio_written(int fd)
{
	long flags = sys_fcntl(fd, F_GETFL, 0);

	if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY)
		add(&written, fd);
}

void fio_written_scan(void)
{
	if (atomic_exchange(&scanned, true))
		return;
	for (int fd = 0; fd < SCAN_FDS; fd++)
		fio_written(fd);
}

bool fio_written_known(void)
{
	return atomic_load_explicit(&scanned, memory_order_relaxed);
}

void fio_written_made(int fd)
{
	if (fio_written_known())
		fio_written(fd);
}

void fio_written_reset(void)
{
	atomic_store(&scanned, false);
}
