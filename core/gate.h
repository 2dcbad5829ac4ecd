/* SPDX-License-Identifier: MIT */
/*
 * gate.h - how a program thread enters and leaves the core
 *
 * Protocol.  A thread that is inside has counted itself in its shard of the gate.  Whoever must
 * have everybody outside (fork, exit) closes the gate, then waits until all shards are zero; a
 * thread that finds the gate closed steps back and sleeps until it is open again.  The counts are
 * per shard, so threads do not meet on a cache line.
 *
 * Inside, signals are blocked if the program has installed a handler (otherwise none can run): a
 * handler can then never find its own thread holding a lock.  A thread that is inside already
 * (depth), or that is a vfork child running on its parent's stack, is not let in: its call passes
 * through.
 */
#ifndef FIO_GATE_H
#define FIO_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct fio_dir;

#define FIO_DIR_CACHE 4
#define FIO_PREFIX_MAX 200
#define FIO_PAGE_CACHE 8

/* A resolved directory prefix, as this thread last saw it. */
struct fio_prefix {
	uint64_t epoch;            /* fio_ns_epoch when resolved; 0: empty */
	uint64_t base;             /* identity of the dirfd it is relative to, 0: the cwd or root */
	int64_t until_us;          /* coarse time when it is looked up again */
	struct fio_dir *dir;       /* type-stable; valid while gen matches */
	uint32_t gen;              /* dir->gen when cached */
	uint32_t len;              /* bytes of text */
	char text[FIO_PREFIX_MAX]; /* the prefix as the program wrote it */
};

struct fio_thread {
	int depth;                       /* inside the core (or a fork of this thread) */
	bool vforked;                    /* a vfork was begun on this thread: check the pid */
	bool vfork_over;                 /* its child is about to execute something, or to exit */
	uint8_t shard;                   /* 1-based shard, 0: not assigned yet */
	uint8_t prefix_next;             /* next victim in prefix[] */
	uint8_t page_next;               /* next victim in pages[] */
	uint32_t active_epoch;           /* last epoch in which the thread counted itself active */
	uint64_t sigmask;                /* the program's mask while inside, if it was changed */
	bool masked;                     /* sigmask is to be restored */
	uintptr_t pages[FIO_PAGE_CACHE]; /* pages of program memory that were readable */
	uint64_t unlink_dir;             /* hash of where the last unlink was */
	uint32_t unlink_run;             /* unlinks there in a row */
	bool unlink_stock;               /* they cannot be deferred there */
	bool unlink_single;     /* where trees are removed, each directory is a run of its own */
	uint32_t unlink_walked; /* fio_walked when the run came to that place */
	struct fio_prefix prefix[FIO_DIR_CACHE];
};

extern _Atomic bool fio_on;       /* deferral is possible at all */
extern _Atomic bool fio_handlers; /* the program has signal handlers */
extern int fio_pid;               /* the process whose memory this is */

/* NULL: not let in, make the stock call.  Must be paired with fio_leave. */
struct fio_thread *fio_enter(void);
void fio_leave(struct fio_thread *t);

static inline unsigned fio_shard(const struct fio_thread *t)
{
	return t->shard;
}

/* Is this a vfork child, in its parent's memory?  What it does to descriptors concerns its own. */
bool fio_vfork_child(void);
/* It is about to execute something or to exit; executing failed.  Nothing for others. */
void fio_vfork_ends(void);
void fio_vfork_goes_on(void);

/* The calling thread's own state, inside or not. */
struct fio_thread *fio_self(void);

/* Close: returns with every other thread outside.  The caller must not be inside; its own calls pass
 * through until it opens the gate.  False if the caller may not (inside already, vfork child). */
bool fio_gate_close(struct fio_thread **out);
void fio_gate_open(struct fio_thread *t);
void fio_gate_reset(void);
/* The program's signal mask again, although the gate stays closed (exec). */
void fio_unmask(struct fio_thread *t);

/* Is [p, p+n) readable?  Asks the kernel for pages this thread has not seen lately. */
bool fio_readable(struct fio_thread *t, const void *p, unsigned long n);
/* To where the program says, which may be nowhere: bytes or -errno. */
long fio_copy_out(void *to, const void *from, unsigned long n);
/* Length of the string at path if it is readable and at most max-1 bytes long, else -1. */
long fio_pathlen(struct fio_thread *t, const char *path, long max);

#endif /* FIO_GATE_H */
