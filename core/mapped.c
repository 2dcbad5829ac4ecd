/* SPDX-License-Identifier: MIT */
/*
 * mapped.c - files this process has mapped
 */
#include "mapped.h"

#include <stdatomic.h>

#include "fdtab.h"
#include "fio.h"
#include "gate.h"

#define BITS 8192

static _Atomic uint64_t filter[BITS / 64];

bool fio_is_mapped(uint64_t hash)
{
	uint64_t bit = (hash >> 1) % BITS;

	return atomic_load_explicit(&filter[bit / 64], memory_order_relaxed) >> bit % 64 & 1;
}

void fio_mapped(int fd)
{
	uint64_t hash, bit;

	fio_release_fd(fd, FIO_CAUSE_MAP);
	if (!atomic_load_explicit(&fio_on, memory_order_relaxed) ||
	    fio_fd_class(fd, &hash) != FIO_CLASS_REG)
		return;
	bit = (hash >> 1) % BITS;
	atomic_fetch_or_explicit(&filter[bit / 64], 1ULL << bit % 64, memory_order_relaxed);
}
