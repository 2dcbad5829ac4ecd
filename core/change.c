/* SPDX-License-Identifier: MIT */
/*
 * change.c - names that one thread changes while another opens or removes files
 */
#include "change.h"

#include <string.h>

#include "fio.h"
#include "gate.h"
#include "util.h"

#define SLOTS 64 /* by hash; what they share by chance costs a deferral */
#define ANY SLOTS
#define NONE (SLOTS + 1)

_Atomic bool fio_threaded;
static _Atomic uint32_t under_way[SLOTS + 1]; /* calls, by their name's slot */

static uint8_t slot_of(struct fio_thread *t, const char *path)
{
	long len = fio_pathlen(t, path, 4096);
	const char *slash;

	if (len <= 0 || path[len - 1] == '/')
		return ANY;
	slash = memrchr(path, '/', (size_t)len);
	slash = slash ? slash + 1 : path;
	return (uint8_t)(fio_hash_name(slash, (size_t)(path + len - slash)) % SLOTS);
}

struct fio_change fio_change_begin_slow(const char *a, const char *b)
{
	struct fio_change c = {true, {ANY, NONE}};
	struct fio_thread *t = fio_enter();

	if (t) {
		c.slot[0] = slot_of(t, a);
		if (b)
			c.slot[1] = slot_of(t, b);
		fio_leave(t);
	}
	for (int i = 0; i < 2; i++) {
		if (c.slot[i] != NONE)
			atomic_fetch_add(&under_way[c.slot[i]], 1);
	}
	return c;
}

void fio_change_end_slow(const struct fio_change *c)
{
	for (int i = 0; i < 2; i++) {
		if (c->slot[i] != NONE)
			atomic_fetch_sub(&under_way[c->slot[i]], 1);
	}
}

bool fio_changing(uint64_t name_hash, unsigned own)
{
	return atomic_load(&under_way[name_hash % SLOTS]) > own || atomic_load(&under_way[ANY]);
}

void fio_changes_reset(void)
{
	for (int i = 0; i <= SLOTS; i++)
		atomic_store(&under_way[i], 0);
}
