/* SPDX-License-Identifier: MIT */
/*
 * fdtab.c - what the core knows about each descriptor
 */
#include "fdtab.h"

#include "intent.h"
#include "mem.h"
#include "sys.h"
#include "util.h"

fio_fd_entry *_Atomic fio_fd_pages[FIO_FD_PAGES];
static _Atomic unsigned n_pages; /* no page is at this index or beyond */

bool fio_fd_set(int fd, uint64_t entry)
{
	unsigned n, index = (unsigned)fd / FIO_FD_PAGE;
	fio_fd_entry *page, *none = NULL;
	fio_fd_entry *_Atomic *at;

	if ((unsigned)fd >= FIO_FD_PAGE * FIO_FD_PAGES)
		return false;
	at = &fio_fd_pages[index];
	page = atomic_load_explicit(at, memory_order_acquire);
	if (unlikely(!page)) {
		page = fio_region(FIO_FD_PAGE * sizeof(*page));
		if (!page)
			return false;
		n = atomic_load(&n_pages);
		while (n <= index && !atomic_compare_exchange_weak(&n_pages, &n, index + 1))
			;
		if (!atomic_compare_exchange_strong(at, &none, page)) {
			sys_munmap(page, FIO_FD_PAGE * sizeof(*page));
			page = none;
		}
	}
	atomic_store_explicit(&page[(unsigned)fd % FIO_FD_PAGE], entry, memory_order_release);
	return true;
}

enum fio_class fio_class_of(const struct stat *st)
{
	if (S_ISREG(st->st_mode))
		return FIO_CLASS_REG;
	if (S_ISDIR(st->st_mode))
		return FIO_CLASS_DIR;
	if (S_ISCHR(st->st_mode)) {
		/* /dev/null and its like: nobody listens */
		return st->st_rdev >> 8 == 1 ? FIO_CLASS_QUIET : FIO_CLASS_CHANNEL;
	}
	if (S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode))
		return FIO_CLASS_CHANNEL;
	return FIO_CLASS_OTHER;
}

enum fio_class fio_fd_class(int fd, uint64_t *ino_hash)
{
	struct stat st;

	*ino_hash = 0;
	if (sys_fstat(fd, &st) < 0)
		return FIO_CLASS_OTHER;
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		*ino_hash = fio_hash_inode(st.st_dev, st.st_ino);
	return fio_class_of(&st);
}

void fio_fdtab_each(uint64_t (*fn)(uint64_t entry, void *arg), void *arg)
{
	for (unsigned i = 0; i < atomic_load(&n_pages); i++) {
		fio_fd_entry *page = atomic_load_explicit(&fio_fd_pages[i], memory_order_acquire);

		for (unsigned k = 0; page && k < FIO_FD_PAGE; k++) {
			uint64_t old = atomic_load_explicit(&page[k], memory_order_acquire), new;

			if (!old)
				continue;
			new = fn(old, arg);
			if (new != old)
				atomic_compare_exchange_strong(&page[k], &old, new);
		}
	}
}

static uint64_t forget(uint64_t entry, void *arg)
{
	(void)entry;
	(void)arg;
	return 0;
}

void fio_fdtab_reset(void)
{
	fio_fdtab_each(forget, NULL);
}
