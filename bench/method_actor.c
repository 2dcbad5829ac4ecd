/* SPDX-License-Identifier: MIT */
/* method_actor.c - the ring actor of libfastio-core: chains of requests, many under way */
#include "worker.h"

#include <errno.h>
#include <fastio/ring.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 32, STEPS = 3 };

struct item {
	struct fastio_req q[STEPS]; /* open, data, close; or unlink */
	char *data;
	uint64_t index;
	bool used;
};

struct actor {
	struct fastio_ring *ring;
	char *data;
	struct item items[DEPTH];
};

/* The ring is made in the first phase: its cost is part of the method. */
static struct actor *actor_of(struct worker *k)
{
	const struct workload *w = k->run->w;
	uint64_t room = (w->size > w->update_size ? w->size : w->update_size) + 1;
	struct actor *a = k->state;
	int err = -ENOMEM;

	if (a)
		return a;
	a = calloc(1, sizeof(*a));
	if (a)
		a->data = malloc(room * DEPTH);
	if (a && a->data)
		err = fastio_ring_create(&a->ring, NULL);
	if (err) {
		if (a)
			free(a->data);
		free(a);
		worker_fail(k, "make a ring for", k->run->base, -err);
		return NULL;
	}
	for (int i = 0; i < DEPTH; i++)
		a->items[i].data = a->data + room * (uint64_t)i;
	k->state = a;
	return a;
}

static void actor_finish(struct worker *k)
{
	struct actor *a = k->state;

	if (!a)
		return;
	fastio_ring_destroy(a->ring);
	free(a->data);
	free(a);
}

static void fill(struct worker *k, struct item *t)
{
	const char *path = worker_path(k, t->index);
	enum phase phase = k->run->phase;
	enum generation gen = phase == PH_CREATE ? GEN_CREATE : GEN_UPDATE;
	uint64_t size = gen_size(k->run->w, phase == PH_READ ? k->run->gen : gen);

	if (phase == PH_DELETE) {
		fastio_unlink(&t->q[0], AT_FDCWD, path, 0);
		return;
	}
	if (phase == PH_READ) {
		fastio_open(&t->q[0], AT_FDCWD, path, O_RDONLY, 0);
		fastio_read(&t->q[1], FASTIO_FD_CHAIN, t->data, size, 0);
	} else {
		memcpy(t->data, worker_content(k, t->index, gen), size);
		fastio_open(&t->q[0], AT_FDCWD, path,
			    O_WRONLY | O_TRUNC | (phase == PH_CREATE ? O_CREAT : 0), 0644);
		fastio_write(&t->q[1], FASTIO_FD_CHAIN, t->data, size, 0);
	}
	fastio_close(&t->q[2], FASTIO_FD_CHAIN);
	fastio_link(&t->q[0], &t->q[1]);
	fastio_link(&t->q[1], &t->q[2]);
}

/* The last of a chain is answered last. */
static int collect(struct worker *k, struct actor *a, struct item *t)
{
	static const char *const names[] = {"open", "write or read", "close"};
	int n = k->run->phase == PH_DELETE ? 1 : STEPS;
	const char *path = worker_path(k, t->index);

	if (!t->used)
		return 0;
	t->used = false;
	for (int i = n - 1; i >= 0; i--)
		fastio_ring_wait(a->ring, &t->q[i]);
	for (int i = 0; i < n; i++)
		if (t->q[i].result < 0)
			return worker_fail(k, n == 1 ? "unlink" : names[i], path,
					   (int)-t->q[i].result);
	if (k->run->phase == PH_READ)
		return worker_verify(k, t->index, t->data, (uint64_t)t->q[1].result);
	return 0;
}

static int actor_range(struct worker *k)
{
	struct actor *a = actor_of(k);
	int rc = a ? 0 : -1, err;

	for (uint64_t i = 0; i < k->count && !rc; i++) {
		struct item *t = &a->items[i % DEPTH];

		rc = collect(k, a, t);
		if (rc)
			break;
		t->index = worker_index(k, i);
		fill(k, t);
		err = fastio_ring_submit(a->ring, t->q, FASTIO_SUBMIT_WAIT);
		if (err)
			rc = worker_fail(k, "submit for", worker_path(k, t->index), -err);
		t->used = !err;
	}
	for (uint64_t i = 0; a && i < DEPTH; i++)
		if (collect(k, a, &a->items[i]))
			rc = -1;
	return rc;
}

const struct method method_actor = {
	.name = "actor",
	.summary = "libfastio-core: 32 chains under way, on direct descriptors",
	.range = actor_range,
	.finish = actor_finish,
};
