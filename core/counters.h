/* SPDX-License-Identifier: MIT */
/*
 * counters.h - what was deferred, elided, executed, and why something was passed through
 *
 * Relaxed atomics, per process; a child of fork starts at zero.
 */
#ifndef FIO_COUNTERS_H
#define FIO_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#define FIO_COUNTERS(X)        \
	X(deferred, create)    \
	X(deferred, write)     \
	X(deferred, update)    \
	X(deferred, close)     \
	X(deferred, unlink)    \
	X(deferred, rmdir)     \
	X(deferred, chmod)     \
	X(deferred, chown)     \
	X(deferred, utimens)   \
	X(deferred, rename)    \
	X(deferred, link)      \
	X(deferred, fsync)     \
	X(deferred, symlink)   \
	X(elided, trunc)       \
	X(elided, meta)        \
	X(elided, write)       \
	X(elided, annihilated) \
	X(executed, task)      \
	X(executed, ring)      \
	X(executed, caller)    \
	X(fsync, groups)       \
	X(fsync, files)        \
	X(fsync, strict)       \
	X(barrier, all)        \
	X(barrier, file)       \
	X(barrier, dir)        \
	X(barrier, wait_us)    \
	X(cause, exit)         \
	X(cause, fork)         \
	X(cause, exec)         \
	X(cause, signal)       \
	X(cause, channel)      \
	X(cause, sync)         \
	X(cause, namespace)    \
	X(cause, lock)         \
	X(cause, fd)           \
	X(cause, path)         \
	X(cause, dir)          \
	X(cause, cred)         \
	X(cause, map)          \
	X(cause, stdio)        \
	X(cause, other)        \
	X(task, starts)        \
	X(task, wakes)         \
	X(task, batches)       \
	X(task, aged)          \
	X(task, taken_over)    \
	X(ring, submits)       \
	X(ring, sqes)          \
	X(ring, fallbacks)     \
	X(pool, workers)       \
	X(pool, executed)      \
	X(pool, entered)       \
	X(pool, left)          \
	X(pool, kept)          \
	X(pool, asked)         \
	X(pool, given)         \
	X(ahead, looked)       \
	X(ahead, read)         \
	X(ahead, opened)       \
	X(ahead, real)         \
	X(ahead, dropped)      \
	X(ahead, listed)       \
	X(ahead, walked)       \
	X(dir, resolved)       \
	X(dir, cached)         \
	X(dir, listed)         \
	X(dir, known)          \
	X(dir, checked)        \
	X(dir, absent)         \
	X(pass, warmup)        \
	X(pass, flags)         \
	X(pass, fs)            \
	X(pass, dir)           \
	X(pass, name)          \
	X(pass, exists)        \
	X(pass, space)         \
	X(pass, busy)          \
	X(pass, race)          \
	X(pass, size)          \
	X(pass, order)         \
	X(pass, memory)        \
	X(pass, fstat)         \
	X(pass, type)          \
	X(pass, mapped)        \
	X(pass, notask)        \
	X(pass, serial)        \
	X(pass, short)         \
	X(pass, small)         \
	X(pass, untried)       \
	X(stop, fork)          \
	X(stop, cred)          \
	X(stop, map)           \
	X(stop, fd)            \
	X(stop, watch)         \
	X(stop, raw)           \
	X(stop, preload)       \
	X(stop, limit)         \
	X(stop, off)           \
	X(errors, late)

enum fio_counter {
#define X(group, name) FIO_CNT_##group##_##name,
	FIO_COUNTERS(X)
#undef X
		FIO_NCOUNTERS
};

extern _Atomic uint64_t fio_counters[FIO_NCOUNTERS];
extern const char fio_counters_layout[]; /* "group.name " of each, in order */

#define fio_count(name) fio_count_n(name, 1)
#define fio_count_n(name, n)                                                    \
	atomic_fetch_add_explicit(&fio_counters[FIO_CNT_##name], (uint64_t)(n), \
				  memory_order_relaxed)

/* The same for a counter that is chosen at run time. */
#define fio_count_at(i) atomic_fetch_add_explicit(&fio_counters[i], 1, memory_order_relaxed)

void fio_counters_reset(void);
/* Appends the JSON line to fio_opt.stats, if asked for. */
void fio_counters_write(const char *engine);

#endif /* FIO_COUNTERS_H */
