/* SPDX-License-Identifier: MIT */
/*
 * meta.h - metadata that becomes part of an intent
 *
 * The caller owns the intent, or holds its lock while it is open.
 */
#ifndef FIO_META_H
#define FIO_META_H

#include "fio.h"
#include "gate.h"
#include "intent.h"

void fio_set_mode(struct fio_intent *it, mode_t mode);
/* False: the order of the calls matters, which an intent does not keep. */
bool fio_set_owner(struct fio_intent *it, uid_t uid, gid_t gid);
void fio_set_times(struct fio_intent *it, const struct timespec ts[2]);

/* Is it sure to succeed later, and to mean the same? */
bool fio_mode_fits(mode_t mode);
bool fio_times_fit(struct fio_thread *t, const struct timespec ts[2]);

/*
 * A name in this directory is about to be made or removed: its times, if they are to be set, are
 * set before.
 */
void fio_metas_of_slow(const struct fio_dir *dir);
static inline void fio_metas_of(const struct fio_dir *dir)
{
	if (atomic_load_explicit(&fio_metas, memory_order_relaxed))
		fio_metas_of_slow(dir);
}

#endif /* FIO_META_H */
