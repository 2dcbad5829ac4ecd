/* SPDX-License-Identifier: MIT */
/*
 * mpsc.h - the request queue: many threads put, the actor takes all
 *
 * A stack of requests linked by priv.next.  Protocol:
 *   put   the new top's next is the old top; compare-and-swap (release) makes it visible with all that
 *         was written to the request before. 
 *   take  the actor alone exchanges the top with NULL (acquire) and turns the list round: first in,
 *         first out.
 * Nothing but the whole list is ever removed, so a top that was seen and comes back (ABA) is no
 * harm: the compare-and-swap links to whatever is the top then.
 */
#ifndef FIO_MPSC_H
#define FIO_MPSC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "fastio/ring.h"

struct fio_mpsc {
	_Atomic(struct fastio_req *) top;
};

static inline void fio_mpsc_put(struct fio_mpsc *q, struct fastio_req *r)
{
	struct fastio_req *top = atomic_load_explicit(&q->top, memory_order_relaxed);

	do
		r->priv.next = top;
	while (!atomic_compare_exchange_weak_explicit(&q->top, &top, r, memory_order_seq_cst,
						      memory_order_relaxed));
}

static inline bool fio_mpsc_empty(const struct fio_mpsc *q)
{
	return !atomic_load(&q->top);
}

/* Oldest first */
static inline struct fastio_req *fio_mpsc_take(struct fio_mpsc *q)
{
	struct fastio_req *r = atomic_exchange_explicit(&q->top, NULL, memory_order_acquire);
	struct fastio_req *first = NULL;

	while (r) {
		struct fastio_req *next = r->priv.next;

		r->priv.next = first;
		first = r;
		r = next;
	}
	return first;
}

#endif /* FIO_MPSC_H */
