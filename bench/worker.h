/* SPDX-License-Identifier: MIT */
/* worker.h - a thread of the small-file workload, and the methods it can work by */
#ifndef WORKER_H
#define WORKER_H

#include "bench.h"
#include "workload.h"

#include <pthread.h>
#include <stddef.h>

struct worker {
	struct run *run;
	pthread_t thread;
	uint64_t first, count;
	uint64_t *order;  /* NULL: sequential */
	char *content[2]; /* what is written, by generation; starts with a stamp */
	char *in;
	struct rng rng;
	void *state; /* of the method */
	/* the first error */
	const char *op, *path;
	int err;
};

struct run {
	struct workload *w;
	char *paths;
	size_t stride;
	char *base; /* the directory itself */
	char *subdirs;
	size_t substride;
	uint64_t nsubdirs;
	struct worker *workers;
	pthread_barrier_t start, end;
	enum phase phase; /* NPHASES: the threads end */
	enum generation gen;
};

/* How files are made and changed.  What is NULL is done by plain calls, file by file.
 * All return 0, or what worker_fail gives. */
struct method {
	const char *name, *summary;
	bool store; /* the contents are there as files before the clock starts; see store_path */
	int (*create)(struct worker *k, uint64_t index);
	int (*update)(struct worker *k, uint64_t index);
	int (*range)(struct worker *k);   /* all files of the worker in this phase */
	void (*finish)(struct worker *k); /* frees k->state; not timed */
};

/* NULL, with a message, if there is none of that name */
const struct method *method_find(const char *name);
/* The i-th method, or NULL */
const struct method *method_at(size_t i);

extern const struct method method_pwrite, method_mmap, method_tmpfile, method_rename;
extern const struct method method_hardlink, method_reflink, method_copy;
extern const struct method method_uring_batch, method_uring_chain, method_uring_sqpoll;
extern const struct method method_actor;

int worker_fail(struct worker *k, const char *op, const char *path, int err);

uint64_t gen_size(const struct workload *w, enum generation gen);

/* The i-th file of the worker's range in this phase's order */
static inline uint64_t worker_index(const struct worker *k, uint64_t i)
{
	return k->first + (k->order ? k->order[i] : i);
}

static inline const char *worker_path(const struct worker *k, uint64_t index)
{
	return k->run->paths + index * k->run->stride;
}

/* Bytes of a file's content; valid until the next call */
const char *worker_content(struct worker *k, uint64_t index, enum generation gen);

/* Writes the content to fd (with fsync if asked for) and closes it. */
int worker_fill(struct worker *k, uint64_t index, enum generation gen, int fd);

/* Checks what was read of a file. */
int worker_verify(struct worker *k, uint64_t index, const char *data, uint64_t got);

/* The file in the store that has the content of a file */
enum { STORE_PATH = 4096 };
void store_path(const struct run *r, uint64_t index, enum generation gen, char path[STORE_PATH]);

#endif
