/* SPDX-License-Identifier: MIT */
/*
 * ahead.h - looking up and reading ahead of the program where that is a round trip
 *
 * A program that lists a directory and uses one of its names will use the next ones too.  On a
 * slow file system the pool looks them up meanwhile, so that the kernel knows them, and once the
 * program has read some, lists the directories in it, and opens and reads small files whole.  The
 * program's open is answered by a placeholder, its fstat and reads by what is in memory (an intent
 * of kind READ, always open); whatever else it does makes the descriptor real (fio_ahead_real).
 * What was read is dropped at an acquire, after a second, and once the process has opened the file
 * for writing.
 *
 * Protocol.  Directories and slots are touched with the lock held, but for what a worker does with
 * a slot that is BUSY, which is the worker's.  A slot moves
 *
 *	FREE -> WANTED   a program thread puts a name in
 *	WANTED -> BUSY   a worker takes it
 *	BUSY -> FREE     it was only to be looked up, or could not be read
 *	BUSY -> READY    it was read
 *	READY -> TAKEN   the program has opened it: an intent of kind READ refers to it
 *	READY, TAKEN, WANTED -> FREE  dropped, closed
 *
 * The state is a futex for a thread that finds what it wants BUSY.  A directory's gen changes when
 * its place goes to another; slots of an older gen are free to be dropped.
 */
#ifndef FIO_AHEAD_H
#define FIO_AHEAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "exec.h"
#include "intent.h"
#include "lock.h"

#define FIO_AHEAD_DIRS 64
#define FIO_AHEAD_SLOTS 192
#define FIO_AHEAD_WHOLE (128 * 1024) /* larger files are not read ahead */
#define FIO_AHEAD_SHARD 0            /* of buffers */

struct fio_dir;
struct fio_thread;

/* A directory that the program lists, or has listed, or that was listed ahead of it. */
struct fio_listed {
	uint32_t gen;
	bool used;
	bool reads_ok; /* the process has changed nothing in it */
	dev_t dev;
	ino_t ino;
	int fd;              /* the program's number of the stream that lists it, -1: closed */
	int own;             /* hidden duplicate */
	_Atomic int task_fd; /* -1: not there yet, or none */
	char *names;         /* struct dirent64 ..., as the kernel gives them */
	uint32_t cap, len;   /* bytes of it: there, used */
	uint32_t left;       /* names that the process has not removed */
	uint32_t epoch;      /* when it was listed */
	uint64_t known;      /* fio_known_epoch then */
	bool whole;          /* those are all names */
	bool cut;            /* there was no room for some */
	bool made;           /* the process has made some since */
	bool ahead;          /* the program has not come to it yet: it has no own */
	uint64_t from,
		to; /* its part of the walk; those of the directories in it are parts of that */
	uint32_t next_dir; /* the next name to be listed, if it is a directory */
	uint32_t at;       /* the next name that the program is expected to use */
	uint32_t next;     /* the next to be wanted */
	int64_t last_us;   /* coarse time of last use */
};

enum fio_slot_state {
	FIO_SLOT_FREE,
	FIO_SLOT_WANTED,
	FIO_SLOT_BUSY,
	FIO_SLOT_READY,
	FIO_SLOT_TAKEN,
};

enum fio_slot_work { FIO_SLOT_LOOK, FIO_SLOT_READ, FIO_SLOT_LIST };

/* A name that is looked up, a file that is read, or a directory that is listed. */
struct fio_slot {
	_Atomic uint32_t state; /* enum fio_slot_state */
	uint32_t dir, gen;      /* directory */
	uint32_t epoch;         /* when it was wanted */
	uint8_t work;           /* enum fio_slot_work */
	uint64_t known;         /* fio_known_epoch when it was wanted */
	uint64_t from, to;      /* LIST: its part of the walk */
	int flags;              /* for opening it */
	uint64_t hash;          /* of name */
	uint32_t len, cap;      /* of data */
	char *data;
	int64_t when_us; /* coarse time when it was wanted */
	struct stat st;
	char name[FIO_NAME_MAX + 1];
};

struct fio_ahead_all {
	struct fio_lock lock;
	_Atomic uint32_t epoch;  /* changes at an acquire, and when the process changes something */
	_Atomic uint32_t wanted; /* slots in that state */
	_Atomic uint32_t held;   /* directories that the task has descriptors of, or will */
	_Atomic int64_t bytes;   /* of data */
	_Atomic bool off;        /* for good */
	int flags;               /* of the program's last open for reading */
	uint32_t uses, reads;    /* names used; of them opened for reading */
	uint32_t removals;       /* of them removed */
	uint32_t lists;          /* directories that the program has listed */
	uint32_t hits;           /* files that were answered from memory */
	uint32_t wasted;         /* files that were read for nothing */
	struct fio_listed dirs[FIO_AHEAD_DIRS];
	struct fio_slot slots[FIO_AHEAD_SLOTS];
	dev_t local; /* a device that is not slow, and need not be asked again */
};

extern struct fio_ahead_all fio_ahead_all;

/* ---- in ahead.c, with the lock ---- */

struct fio_listed *fio_listed_find(dev_t dev, ino_t ino);
/* Is it as it was when it was listed, but for what the process itself has removed? */
bool fio_listed_is_fresh(const struct fio_listed *d);
/* The entry with this name, looked for from where the program was; NULL: it is not there. */
struct dirent64 *fio_listed_entry(const struct fio_listed *d, const char *name);

/* The directory in which the program is about to use path's last component, or NULL. */
struct fio_listed *fio_listed_used(struct fio_thread *t, int dirfd, const char *path,
				   const char **name, size_t *n);
/* More of what the program does there. */
void fio_listed_go_on(struct fio_listed *d);
/* It was opened for reading: so are the next ones. */
void fio_listed_read(struct fio_listed *d);
/* What was read, if that is still true; the lock may be let go of meanwhile. */
struct fio_slot *fio_slot_true(struct fio_listed *d, const char *name, size_t n);
void fio_slot_free(struct fio_slot *s, uint32_t held);

/* ---- in ahead_names.c: what a listing is good for besides ---- */

/* Type and inode of a name: from the listing, or as statx.  0 or -errno. */
int fio_ahead_look(const struct fio_dir *dir, const char *name, size_t len, struct statx *sx);
/* The name will go, or a name has come. */
void fio_ahead_removed(const struct fio_dir *dir, const char *name, size_t len);
void fio_ahead_changed(const struct fio_dir *dir);
/* All its names will go. */
bool fio_ahead_is_empty(const struct fio_dir *dir);

/* ---- in ahead_work.c, in the task ---- */

/* Descriptor fd (or -1) of directory n has arrived. */
void fio_ahead_got_dir(uint32_t n, uint32_t gen, int fd);
/* In a worker: does one thing that is wanted; false: nothing is. */
bool fio_ahead_work(void);
/* Is anything wanted? */
bool fio_ahead_wanted(void);

/* ---- in ahead_fd.c ---- */

/* A READ intent, locked and busy: an open descriptor with the program's flags, or -errno. */
int fio_ahead_real(struct fio_intent *it, enum fio_step *step);
/* Its memory goes. */
void fio_ahead_end(struct fio_intent *it);

/* ---- the end ---- */

/* Lets all directories go, and waits until the task has. */
void fio_ahead_forget(void);
/* Has a listing been seen since the last reset? */
bool fio_ahead_used(void);
/* In a child of fork, or before a task is started: there is nothing. */
void fio_ahead_reset(void);

#endif /* FIO_AHEAD_H */
