/* SPDX-License-Identifier: MIT */
/* actor.h - the comparison of ways to share a ring: its cells and their results */
#ifndef ACTOR_H
#define ACTOR_H

#include "bench.h"
#include "report.h"

enum work { W_WRITE, W_READ, W_BLOCK_WRITE, W_BLOCK_READ, W_DISCARD, NWORKS };
enum way { WAY_PLAIN, WAY_MUTEX, WAY_OWN, WAY_ACTOR, WAY_INLINE, NWAYS };
enum { MAX_THREADS = 256, MAX_LIST = 16, MAX_CELLS = 512, ACTOR_ROUNDS = 32 };

extern const char *const work_names[NWORKS], *const way_names[NWAYS];

struct cell {
	enum work work;
	enum way way;
	unsigned threads, batch; /* batch: the actor's, 0: its default */
	bool unsupported;
	double rate[ACTOR_ROUNDS];                   /* operations per second */
	double p50[ACTOR_ROUNDS], p99[ACTOR_ROUNDS]; /* us */
};

struct actor_bench {
	const char *dir;
	uint64_t rounds, ms; /* ms: of each cell in each round */
	unsigned threads[MAX_LIST], nthreads;
	unsigned batches[MAX_LIST], nbatches;
	bool json;
	const char *svg, *png;
	struct cell *cells;
	size_t ncells;
	bool direct; /* the file system has direct I/O */
	struct machine machine;
};

int actor_run(struct actor_bench *b);
int actor_report(struct actor_bench *b);

#endif
