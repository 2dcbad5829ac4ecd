/* SPDX-License-Identifier: MIT */
/*
 * dir.h - directories in which something is deferred
 *
 * A directory is a descriptor of our own plus what was found out about it once: whether creates and
 * unlinks may be deferred in it, and, for a directory that this process made or has listed, the set
 * of names in it, so that the absence of a name needs no system call.
 *
 * Protocol.  The table of directories is under fio_dirs_lock.  refs counts intents and calls that
 * use the directory; an unreferenced one may be retired (DEAD bit set by compare-and-swap from 0),
 * after which gen changes and a cached pointer is worthless.  Memory is type-stable.  The name set
 * is under the directory's own lock.  task_fd is the background task's descriptor: -1 until it has
 * received it.
 */
#ifndef FIO_DIR_H
#define FIO_DIR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "gate.h"
#include "lock.h"

#define FIO_DIR_DEAD 0x80000000u

enum fio_trait {
	FIO_DIR_CREATE = 1, /* creates may be deferred */
	FIO_DIR_UNLINK = 2, /* unlinks may be deferred */
	FIO_DIR_SGID = 4,   /* new files take the directory's group */
};

/* One mounted file system, by st_dev. */
struct fio_fs {
	dev_t dev;        /* identity */
	bool ok;          /* of a type whose behaviour is known, writable, no quota */
	bool grpid;       /* new files take the directory's group */
	bool unlink_ok;   /* background unlinks overlap with the program's */
	bool tree_ok;     /* so do those in many small directories */
	bool update_ok;   /* a file keeps its inode number when it is opened */
	bool ordered;     /* names reach the disk in the order in which they were made */
	bool memory;      /* has no disk: there is nothing to sync */
	bool close_tells; /* close may return errors of the writes before */
	bool remote;      /* of a kind whose operations may be round trips: used while it is slow */
	_Atomic bool slow;        /* they are: what is put off goes to the pool */
	_Atomic int64_t quickest; /* us, of the intents since the last judgement */
	_Atomic uint32_t judged;  /* intents since then */
	_Atomic uint64_t
		tried_ids; /* owner and group of the directory in which a name was made last */
	_Atomic uint32_t tried_mode; /* its mode */
	_Atomic int
		true_inos; /* inode numbers in listings that were right; negative: one was not */
	_Atomic int no_terminal; /* errno of TCGETS on a regular file, 0: was not asked */
	_Atomic int no_clone;    /* the same of FICLONE */
	uint32_t torn_free;      /* bytes that a power cut leaves old or new, not half of each */
	_Atomic int64_t credit;  /* bytes that may be deferred before space is asked for again */
	char ext4[40];           /* its name in /sys/fs/ext4, or empty */
	uint32_t block;          /* bytes of a block */
	/* durable.c; fences.carry protects them */
	uint32_t each_us;    /* what an fsync of one of many took, 0: not measured */
	uint32_t sync_pause; /* groups until syncfs is tried again */
	uint32_t sync_span;  /* the last pause */
};

/* Is anything put off on it? */
static inline bool fio_fs_used(const struct fio_fs *fs)
{
	return fs->ok && (!fs->remote || atomic_load_explicit(&fs->slow, memory_order_relaxed));
}

struct fio_dir {
	_Atomic uint32_t refs;      /* users, or FIO_DIR_DEAD */
	_Atomic uint32_t gen;       /* changes when the directory is retired */
	uint32_t index;             /* position in the table */
	uint32_t traits;            /* enum fio_trait */
	int fd;                     /* program's hidden descriptor */
	_Atomic int task_fd;        /* task's descriptor, -1 if it has none */
	_Atomic uint64_t after;     /* queue position before which all removals in it are */
	_Atomic uint32_t under_way; /* intents that the workers have in hand, counted by slot */
	_Atomic bool
		filled; /* files were put off in it: something other than removals may be pending */
	_Atomic bool gone; /* it was removed: to be closed soon */
	_Atomic bool
		tried; /* a file or the directory itself was made by us: the server allows it */
	bool sent;     /* fd was sent to the task (or inherited by it) */
	mode_t mode;   /* as traits were found */
	uid_t uid;
	gid_t gid;
	uint64_t traits_epoch; /* fio_traits_epoch then */
	dev_t dev;             /* identity */
	ino_t ino;
	uint64_t hash;        /* of (dev, ino) */
	struct fio_fs *fs;    /* never NULL */
	int64_t used_us;      /* coarse time of last use */
	struct fio_lock lock; /* protects what follows */
	uint64_t known_epoch; /* fio_known_epoch while the set is complete, 0: it is not */
	int64_t known_us;     /* coarse time when it was seen to be */
	uint32_t *names;      /* open-addressed fingerprints, 0 empty */
	uint32_t names_cap;   /* slots, a power of two */
	uint32_t n_names;     /* used slots */
	uint32_t checks;      /* names asked of the kernel since the last listing */
};

/* Changes whenever a path may lead elsewhere than before. */
extern _Atomic uint64_t fio_ns_epoch;
/* Files read since a directory was last used for a create or unlink. */
extern _Atomic uint32_t fio_reads;
/* Changes whenever attributes changed that stat does not show. */
extern _Atomic uint64_t fio_traits_epoch;
/* Changes whenever directories or links were removed or moved. */
extern _Atomic uint64_t fio_moved_epoch;
/* Changes whenever a directory was removed. */
extern _Atomic uint64_t fio_removed_epoch;
/* Changes whenever somebody else may have put names into directories of ours. */
extern _Atomic uint64_t fio_known_epoch;

/*
 * The directory that path's parent is, referenced; *name is the last component within path.
 * NULL and *why (enum fio_counter) when the call cannot be deferred.
 */
struct fio_dir *fio_dir_resolve(struct fio_thread *t, int dirfd, const char *path,
				const char **name, size_t *name_len, int *why);
/* The same if the directory is known; nothing is opened, and no round trip made for it. */
struct fio_dir *fio_dir_at_hand(struct fio_thread *t, int dirfd, const char *path,
				const char **name, size_t *name_len);
/* The directory that path itself is, referenced, or NULL. */
struct fio_dir *fio_dir_open(struct fio_thread *t, int dirfd, const char *path);
void fio_dir_ref(struct fio_dir *d);
/* A reference to what was remembered with this gen, if it is still that. */
bool fio_dir_ref_cached(struct fio_dir *d, uint32_t gen);
void fio_dir_unref(struct fio_dir *d);

/* 0: the name is certainly absent; 1: ask the kernel. */
int fio_dir_lookup(struct fio_thread *t, struct fio_dir *d, uint64_t name_hash);
/* Is it so certain that a program that looks for it may be told? */
bool fio_dir_lacks(struct fio_thread *t, struct fio_dir *d, uint64_t name_hash);
/* A name was or will be put into the directory by this process. */
void fio_dir_add_name(struct fio_thread *t, struct fio_dir *d, uint64_t name_hash);
/* With its lock held: nothing is known any more. */
void fio_dir_names_drop(struct fio_thread *t, struct fio_dir *d);
/* path was made: the same, if its directory is known. */
void fio_dir_name_made(struct fio_thread *t, int dirfd, const char *path);
/* A name was made in it by a stock call, or it was made by us; may others be put off? */
void fio_dir_tried(struct fio_dir *d);
bool fio_dir_is_tried(struct fio_dir *d);
/* The directory was made just now by this process. */
void fio_dir_fresh(struct fio_dir *d);

/* The directory if it is one of ours, referenced, or NULL. */
struct fio_dir *fio_dir_known(dev_t dev, ino_t ino);
/* Does anything pending refer to this directory? */
bool fio_dir_busy(dev_t dev, ino_t ino);

/* Room for n more bytes and one more file?  Asks the file system now and then. */
bool fio_dir_space(struct fio_dir *d, uint32_t n);

/* Closes the task's descriptors of retired ones; called by the task. */
void fio_dirs_sweep(void);
/* How many it has to close yet; a futex that is woken at 0. */
extern _Atomic uint32_t fio_dirs_retired;

/* Closes all hidden directory descriptors that are not in use. */
void fio_dirs_drop(void);
/* Calls fn for each slot of the table, whose lock the caller holds. */
void fio_dirs_each_locked(void (*fn)(struct fio_dir *d, void *arg), void *arg);
void fio_dirs_lock(void);
void fio_dirs_unlock(void);
struct fio_dir *fio_dir_at(uint32_t index);
void fio_dirs_reset(void);

/* In fs.c: what is known about the file system that dev is; fd is a directory on it. */
struct fio_fs *fio_fs_get(dev_t dev, int fd);
/* The same for a program's file, before any directory there is known. */
void fio_fs_meet(dev_t dev, int fd);
/* The same without lock or system call; NULL if dev was not seen yet. */
struct fio_fs *fio_fs_find(dev_t dev);
/* Is a file system of this kind (statfs) one that may be slow? */
bool fio_fs_may_be_slow(uint32_t magic);
/* An intent on it took so long, us: is it slow still? */
void fio_fs_took(struct fio_fs *fs, int64_t us);
/* One that was quick: is it slow now?  fd is a directory on it. */
void fio_fs_look(struct fio_fs *fs, int fd);
void fio_fs_reset(void);

#endif /* FIO_DIR_H */
