/* SPDX-License-Identifier: MIT */
/*
 * change.c - names that one thread changes while another opens or removes files
 */
#include "change.h"

#include <linux/stat.h>

#include "fio.h"
#include "gate.h"
#include "sys.h"
#include "util.h"

#define SLOTS 64 /* by hash; what they share by chance costs a deferral */
#define ANY SLOTS
#define NONE (SLOTS + 1)

_Atomic bool fio_threaded;
static _Atomic uint32_t under_way[SLOTS + 1]; /* calls, by their name's slot */

static uint8_t slot_of(struct fio_thread *t, const char *path)
{
	long len = fio_pathlen(t, path, 4096);
	const char *name;
	size_t n = 0;

	name = len > 0 ? fio_last_component(path, (size_t)len, &n) : NULL;
	return n ? (uint8_t)(fio_hash_name(name, n) % SLOTS) : ANY;
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

bool fio_change_shared(uint64_t a, uint64_t b)
{
	return a % SLOTS == b % SLOTS;
}

bool fio_name_differs(int dirfd, const char *name, uint64_t ino)
{
	struct statx now;
	int err = sys_statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_INO, &now);

	return ino ? err < 0 || now.stx_ino != ino : err == 0;
}

void fio_changes_reset(void)
{
	for (int i = 0; i <= SLOTS; i++) {
		if (atomic_load(&under_way[i]))
			atomic_store(&under_way[i], 0);
	}
}
