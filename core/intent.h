/* SPDX-License-Identifier: MIT */
/*
 * intent.h - the wanted final state of one file
 *
 * Protocol.  state moves
 *
 *	FREE -> OPEN      a program thread fills the intent in and ties it to a descriptor
 *	FREE -> QUEUING -> QUEUED  ... or queues it at once (unlink)
 *	OPEN -> BUSY      under the intent's lock: somebody writes out what an open file holds
 *	BUSY -> OPEN      ... and it stays deferred
 *	OPEN -> QUEUING -> QUEUED  close(): only the queue may touch it now
 *	QUEUED -> CLAIMED or TASKED  compare-and-swap by exactly one executor, a thread of the program or the
 *	                  task, who owns all fields from then on
 *	FREE -> QUEUING -> FENCED  a fence (fence.h), or the source of one
 *	CLAIMED/TASKED/BUSY/OPEN/FENCED -> FREE  executed; gen changes, waiters look at gen
 *
 * done is set between the execution and the release: who takes over, from a task or a program that
 * was killed, releases such an intent and does not execute it again.
 *
 * While OPEN or BUSY, fields are touched with the lock held.  key fields (dir, name, name_hash,
 * ino_hash) do not change while the intent is in a table.  Memory is type-stable: a stale pointer
 * may be locked and its gen compared.  When the program has died, the background task alone runs
 * and takes every state but FREE as acknowledged.
 */
#ifndef FIO_INTENT_H
#define FIO_INTENT_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "lock.h"

struct fio_dir;

enum fio_state {
	FIO_ST_FREE,
	FIO_ST_OPEN,
	FIO_ST_BUSY,
	FIO_ST_QUEUING,
	FIO_ST_QUEUED,
	FIO_ST_CLAIMED, /* by a thread of the program */
	FIO_ST_TASKED,  /* by the background task */
	FIO_ST_FENCED,
};

enum fio_kind {
	FIO_KIND_CREATE,  /* no file yet: the name is to be created */
	FIO_KIND_WRITE,   /* the file is open for real, content is held */
	FIO_KIND_UPDATE,  /* the file exists: its content is to be replaced */
	FIO_KIND_UNLINK,  /* the name is to go */
	FIO_KIND_RMDIR,   /* the name of an empty directory is to go */
	FIO_KIND_META,    /* owner, mode or times of a name */
	FIO_KIND_SYMLINK, /* the name is to become a symlink to data; META bits as well */
	FIO_KIND_READ, /* the file was read ahead (ahead.h): always open, never queued, in no table */
	FIO_KIND_RENAME, /* fence: peer's name is to become this one */
	FIO_KIND_LINK,   /* fence: peer's file is to get this name too */
	FIO_KIND_SOURCE, /* the name that a fence starts from */
	FIO_KIND_SYNC,   /* fence: the file or directory is to be durable */
};

/* what[] bits: which parts of the wanted state are set */
#define FIO_SET_TRUNC 1u /* to be cut to 0 before the content goes in */
#define FIO_SET_OWNER 2u
#define FIO_SET_MODE 4u
#define FIO_SET_TIMES 8u
#define FIO_SET_META (FIO_SET_OWNER | FIO_SET_MODE | FIO_SET_TIMES)

/* how[] bits: who claims it, and when */
#define FIO_POOLED 1u /* the workers do (pool.h) */
#define FIO_MARKER 2u /* CREATE: closed empty, and ordered */
#define FIO_NAMED 4u  /* pooled CREATE: a worker has made the file, the rest is under way */

#define FIO_NAME_MAX 255
#define FIO_FD_LOST (-2) /* task_fd: was sent, and there was no room for it */

struct fio_intent {
	_Atomic uint32_t state; /* enum fio_state */
	_Atomic uint32_t gen;   /* changes when the intent is freed */
	struct fio_lock lock;   /* while OPEN or BUSY */
	uint32_t index;         /* position in the slab */
	_Atomic uint8_t kind;   /* enum fio_kind */
	uint8_t what;           /* FIO_SET_* */
	uint8_t shard;          /* where intent and buffer came from */
	_Atomic bool made;      /* CREATE: the file exists by now, made by the task (see age.c) */
	_Atomic bool by_caller; /* a fence: a thread of the program has carried it out */
	_Atomic bool done;      /* executed: what is left is to release it */
	_Atomic bool aging;     /* BUSY by the task, which holds the lock */
	bool sent;              /* WRITE: the descriptor was sent to the task */
	bool back;              /* was unclaimed; counted in queue.c */
	_Atomic uint8_t how;    /* queued: FIO_POOLED and so on */
	bool linked;            /* in the tables */
	bool sync;              /* CREATE: was synced while it was open */
	bool fresh;             /* of an open file that the process has made; see order */
	uint8_t name_len;       /* bytes of name */
	uint8_t err_step;       /* enum fio_step at which err came */
	bool err_told;          /* a call of the program has returned err */
	int fd;                 /* the program's descriptor while OPEN, else -1 */
	_Atomic int task_fd;    /* the task's descriptor of the file, -1 if none */
	_Atomic int
		kept_fd; /* CREATE: that of a file which it keeps open (keep.h), -1 if it does not */
	int oflags;      /* flags of the program's open */
	mode_t mode;     /* mode of the program's open */
	mode_t chmod_mode;    /* FIO_SET_MODE */
	uid_t uid;            /* FIO_SET_OWNER, -1: as it is */
	gid_t gid;            /* FIO_SET_OWNER, -1: as it is */
	_Atomic uint32_t len; /* bytes held, from offset 0 */
	uint32_t cap;         /* bytes of data */
	union {
		uint32_t slot; /* READ: where its content is */
		uint32_t put;  /* else: bytes of it that the file has */
	};
	_Atomic int err;             /* an error that the descriptor keeps */
	char *data;                  /* held content */
	off_t pos;                   /* the descriptor's offset as the program sees it */
	off_t old_size;              /* FIO_SET_TRUNC: size before */
	_Atomic uint64_t queue_pos;  /* position in the queue */
	_Atomic int64_t born_us;     /* coarse time of the first held byte */
	struct fio_dir *_Atomic dir; /* referenced while the intent lives */
	struct fio_dir *target;      /* RMDIR: the directory that goes, referenced as well */
	_Atomic uint64_t after;      /* ordered: all before this position must be done first */
	uint64_t name_hash;          /* of name; 0: none */
	uint64_t ino_hash;           /* of (dev, ino); 0: none yet */
	dev_t dev;                   /* identity if ino_hash is set; SYNC: if ino is */
	ino_t ino;
	struct fio_intent *next_name;  /* chain of the name table's bucket */
	struct fio_intent *next_ino;   /* chain of the inode table's bucket */
	struct fio_intent *next_free;  /* chain of the free list */
	struct fio_intent *next_fence; /* the fence after this one */
	struct fio_intent *peer;       /* RENAME, LINK: the SOURCE; CREATE: the SYNC of its file */
	uint64_t order;              /* fences: number; open files: that of the last fence before */
	struct timespec ts[2];       /* FIO_SET_TIMES */
	char name[FIO_NAME_MAX + 1]; /* last component, terminated */
};

static_assert(sizeof(struct fio_intent) <= 512, "an intent fits its slot");

static inline enum fio_state fio_state(struct fio_intent *it)
{
	return atomic_load_explicit(&it->state, memory_order_acquire);
}

static inline bool fio_is_claimed(enum fio_state state)
{
	return state == FIO_ST_CLAIMED || state == FIO_ST_TASKED;
}

/* It follows what was queued before it. */
static inline bool fio_is_ordered(const struct fio_intent *it)
{
	return it->kind == FIO_KIND_RMDIR || it->kind == FIO_KIND_META ||
	       it->kind == FIO_KIND_SYMLINK ||
	       atomic_load_explicit(&it->how, memory_order_relaxed) & FIO_MARKER;
}

static inline bool fio_is_pooled(const struct fio_intent *it)
{
	return atomic_load_explicit(&it->how, memory_order_relaxed) & FIO_POOLED;
}

/* While it is open the program holds a placeholder instead of the file. */
static inline bool fio_has_placeholder(const struct fio_intent *it)
{
	return it->kind == FIO_KIND_CREATE || it->kind == FIO_KIND_UPDATE ||
	       it->kind == FIO_KIND_READ;
}

/* A blank intent in state FREE that only the caller knows, or NULL. */
struct fio_intent *fio_intent_get(unsigned shard);
/* It is name in dir, which it keeps from being retired.  name_hash is the caller's. */
void fio_intent_place(struct fio_intent *it, struct fio_dir *dir, const char *name, size_t len);
/*
 * Gives the buffer and the intent back; gen changes.  Not in a table, directory reference dropped.
 */
void fio_intent_put(struct fio_intent *it, uint32_t held);

/* Calls fn for every intent that is not FREE; stops when fn returns false. */
void fio_intent_each(bool (*fn)(struct fio_intent *it, void *arg), void *arg);
struct fio_intent *fio_intent_at(uint32_t index);
/* Has there been any in this process? */
bool fio_intents_used(void);
void fio_intents_reset(void);

/* Number of intents in state OPEN or BUSY. */
extern _Atomic uint32_t fio_n_open;

#endif /* FIO_INTENT_H */
