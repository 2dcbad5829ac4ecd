/* SPDX-License-Identifier: MIT */
/*
 * trace.h - a record of what happens when, for 'fastio trace'
 *
 * Off unless FASTIO_TRACE names a file; then each hook is one branch that is predicted not taken.
 *
 * Protocol.  A ring of records in memory of our own.  A writer reserves a position by
 * compare-and-swap on head, fills the record in and stores its position + 1 in seq.  The background
 * task alone takes records away, or whoever has the gate closed and no task: it appends them to the
 * file as they are and moves tail. When the ring is full, events are counted and left out: nobody
 * waits.
 */
#ifndef FIO_TRACE_H
#define FIO_TRACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "util.h"

enum fio_trace_type {
	FIO_TRACE_PROCESS, /* name: of the program */
	FIO_TRACE_DIR,     /* name: path of directory dir */
	FIO_TRACE_OPENED,  /* a call was answered: a name is going to be created */
	FIO_TRACE_QUEUED,  /* ... an intent is complete and queued */
	FIO_TRACE_REAL,    /* an open file has become an ordinary one */
	FIO_TRACE_DONE,    /* an intent was executed, from its claim on */
	FIO_TRACE_BARRIER, /* something had to be finished first */
	FIO_TRACE_WAIT,    /* ... and somebody else was at it */
	FIO_TRACE_BATCH,   /* the task went through size intents */
	FIO_TRACE_LOST,    /* size events were left out */
};

enum fio_trace_by { FIO_TRACE_CALLER, FIO_TRACE_TASK, FIO_TRACE_RING };
enum fio_trace_scope { FIO_TRACE_ALL, FIO_TRACE_FILE, FIO_TRACE_DIRECTORY };

struct fio_trace_record {
	_Atomic uint64_t seq; /* position + 1 when complete */
	int64_t begin_ns;     /* CLOCK_MONOTONIC */
	int64_t took_ns;      /* 0: an instant */
	int32_t pid, tid;
	uint8_t type;  /* enum fio_trace_type */
	uint8_t kind;  /* enum fio_kind, or enum fio_trace_scope of a barrier */
	uint8_t cause; /* enum fio_cause of a barrier */
	uint8_t by;    /* enum fio_trace_by */
	uint32_t size; /* bytes, or a number */
	uint32_t dir;  /* index and gen of the directory */
	uint32_t gen;
	int32_t err;
	char name[200]; /* terminated; what is too long is cut */
};

struct fio_intent;

extern bool fio_tracing;

void fio_trace_init(void);
void fio_trace_reset(void);
int64_t fio_trace_now(void);
void fio_trace_intent_slow(enum fio_trace_type type, struct fio_intent *it);
void fio_trace_claim_slow(struct fio_intent *it, enum fio_trace_by by);
void fio_trace_done_slow(struct fio_intent *it, int err, bool task);
void fio_trace_span_slow(enum fio_trace_type type, int64_t since_ns, unsigned what, unsigned n);
void fio_trace_flush_slow(bool all);

/* When something begins that fio_trace_barrier and the like end; 0 while nothing is traced. */
static inline int64_t fio_trace_begin(void)
{
	return unlikely(fio_tracing) ? fio_trace_now() : 0;
}

static inline void fio_trace_opened(struct fio_intent *it)
{
	if (unlikely(fio_tracing))
		fio_trace_intent_slow(FIO_TRACE_OPENED, it);
}

static inline void fio_trace_queued(struct fio_intent *it)
{
	if (unlikely(fio_tracing))
		fio_trace_intent_slow(FIO_TRACE_QUEUED, it);
}

static inline void fio_trace_real(struct fio_intent *it)
{
	if (unlikely(fio_tracing))
		fio_trace_intent_slow(FIO_TRACE_REAL, it);
}

static inline void fio_trace_claim(struct fio_intent *it, enum fio_trace_by by)
{
	if (unlikely(fio_tracing))
		fio_trace_claim_slow(it, by);
}

static inline void fio_trace_done(struct fio_intent *it, int err, bool task)
{
	if (unlikely(fio_tracing))
		fio_trace_done_slow(it, err, task);
}

static inline void fio_trace_barrier(int64_t since_ns, enum fio_trace_scope scope, unsigned cause)
{
	if (unlikely(fio_tracing))
		fio_trace_span_slow(FIO_TRACE_BARRIER, since_ns, scope, cause);
}

/* Rounded up: not before what it lies in */
static inline void fio_trace_wait(int64_t since_us)
{
	if (unlikely(fio_tracing))
		fio_trace_span_slow(FIO_TRACE_WAIT, (since_us + 1) * 1000, 0, 0);
}

static inline void fio_trace_batch(int64_t since_ns, int n)
{
	if (unlikely(fio_tracing))
		fio_trace_span_slow(FIO_TRACE_BATCH, since_ns, 0, (unsigned)n);
}

/* To the file: all that there is, or once enough has gathered. */
static inline void fio_trace_flush(bool all)
{
	if (unlikely(fio_tracing))
		fio_trace_flush_slow(all);
}

#endif /* FIO_TRACE_H */
