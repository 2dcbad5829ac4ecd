/* SPDX-License-Identifier: MIT */
/*
 * fdtab.h - what the core knows about each descriptor
 *
 * Protocol.  An entry is one atomic word: 0, FIO_FD_QUIET, FIO_FD_PRIVATE with what channel.c
 * keeps, or an intent with bit 0 set.  The thread that opens or closes the number stores it; an
 * entry that names an intent is only a hint until the intent is locked and its fd compared.  Pages
 * of the table appear on first use and stay.
 */
#ifndef FIO_FDTAB_H
#define FIO_FDTAB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define FIO_FD_PAGE 1024
#define FIO_FD_PAGES 4096 /* descriptors up to 4 million; higher ones are not deferred */

struct fio_intent;

enum fio_class {
	FIO_CLASS_REG = 1, /* regular file; the hash is its inode's */
	FIO_CLASS_DIR,     /* directory; the hash is its inode's */
	FIO_CLASS_QUIET,   /* /dev/null and its like: nobody listens */
	FIO_CLASS_CHANNEL, /* pipe, socket, terminal, character device: somebody may listen */
	FIO_CLASS_OTHER,   /* anything else: treated as a channel */
};

typedef _Atomic uint64_t fio_fd_entry;

extern fio_fd_entry *_Atomic fio_fd_pages[FIO_FD_PAGES];

static inline uint64_t fio_fd_get(int fd)
{
	fio_fd_entry *page;

	if ((unsigned)fd >= FIO_FD_PAGE * FIO_FD_PAGES)
		return 0;
	page = atomic_load_explicit(&fio_fd_pages[(unsigned)fd / FIO_FD_PAGE],
				    memory_order_acquire);
	return page ? atomic_load_explicit(&page[(unsigned)fd % FIO_FD_PAGE], memory_order_acquire)
		    : 0;
}

#define FIO_FD_QUIET 2ULL   /* entry: reading from it acquires nothing */
#define FIO_FD_PRIVATE 4ULL /* entry, low three bits: a channel that was made here (channel.c) */

/* False if there is no memory for the entry, or the number is too high. */
bool fio_fd_set(int fd, uint64_t entry);

static inline void fio_fd_clear(int fd)
{
	if (fio_fd_get(fd))
		fio_fd_set(fd, 0);
}

static inline struct fio_intent *fio_fd_intent(uint64_t entry)
{
	return (entry & 3) == 1 ? (struct fio_intent *)(entry & ~3ULL) : NULL;
}

static inline uint64_t fio_fd_of_intent(struct fio_intent *it)
{
	return (uint64_t)it | 1;
}

/* Class of a descriptor that is not deferred, and its inode's hash; asks the kernel each time, because
 * libc closes and opens descriptors behind our back (fclose, closedir, popen). */
enum fio_class fio_fd_class(int fd, uint64_t *ino_hash);

enum fio_class fio_class_of(const struct stat *st);

/* Replaces each entry that is not 0 by what fn returns, unless it changes meanwhile. */
void fio_fdtab_each(uint64_t (*fn)(uint64_t entry, void *arg), void *arg);
void fio_fdtab_reset(void);

#endif /* FIO_FDTAB_H */
