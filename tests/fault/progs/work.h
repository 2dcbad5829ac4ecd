/* SPDX-License-Identifier: MIT */
/*
 * work.h - what the workload, its verifier and the killer have to agree on
 */
#ifndef WORK_H
#define WORK_H

#include <stdatomic.h>

#define WORK_MAX_THREADS 16

/*
 * Steps acknowledged, per thread, at a fixed address for process_vm_readv; not in the memory of
 * sanitizers
 */
#define WORK_PAGE ((void *)0x200000000000)
#define WORK_MAGIC 0xfa571040u

struct work_page {
	_Atomic unsigned magic;
	unsigned threads;
	_Atomic unsigned long acked[WORK_MAX_THREADS];
};

#endif /* WORK_H */
