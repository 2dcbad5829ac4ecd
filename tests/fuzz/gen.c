/* SPDX-License-Identifier: MIT */
/*
 * gen.c - a random list of operations
 *
 * Single calls by weight, and between them sequences as programs make them: open, write, metadata,
 * close, then some use of the file.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static uint64_t state;

static unsigned rnd(unsigned below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state * 0x2545f4914f6cdd1dULL) >> 33) % below;
}

static struct op *out;
static int n, limit;
static int hot; /* names in use in this list: few make encounters likely */

/* AddressSanitizer's runtime reads the paths that it sees. */
static bool only_addresses(void)
{
	const char *first = getenv("FASTIO_TEST_FIRST");

	return first && strstr(first, "libasan");
}

static int some_path(void)
{
	unsigned r = rnd(20);

	if (r < 15)
		return (int)rnd((unsigned)(hot < n_base_paths ? hot : n_base_paths));
	if (r < 17)
		return (int)rnd((unsigned)n_base_paths);
	if (r < 18)
		return first_dir + (int)rnd((unsigned)n_dirs);
	r = rnd((unsigned)n_paths);
	return is_bad_path((int)r) && only_addresses() ? 0 : (int)r;
}

static int value(char letter)
{
	switch (letter) {
	case 'P':
		return some_path();
	case 'D':
		return rnd(8) ? first_dir + (int)rnd((unsigned)n_dirs) : some_path();
	case 'F':
	case 'S':
		return (int)rnd(rnd(3) ? 3 : 12);
	case 'O':
		return (int)(rnd(2) ? rnd(4) : rnd((unsigned)n_open_flags));
	case 'M':
		return (int)(rnd(2) ? rnd(4) : rnd((unsigned)n_file_modes));
	case 'N':
		return (int)(rnd(2) ? rnd(4) : rnd((unsigned)n_sizes));
	case 'L':
		return (int)rnd((unsigned)n_offsets);
	case 'G':
		return (int)rnd(16);
	default:
		return (int)rnd(8);
	}
}

static struct op *add(int code)
{
	struct op *o = &out[n < limit ? n++ : limit - 1];

	memset(o, 0, sizeof(*o));
	o->code = code;
	if (code < N_CALLS)
		for (int i = 0; i < ARGS; i++)
			if (kinds()[code].arg[i])
				o->a[i] = value(kinds()[code].arg[i]);
	return o;
}

/*
 * Each list does without about half of the calls: a call that ends what is pending would otherwise
 * be in every list, and what needs a long time pending would never be met.
 */
static bool absent[N_CALLS];
static int total[2];

static void any_call(bool threads)
{
	int r = (int)rnd((unsigned)total[threads]), code = 0;

	for (;; code++) {
		if (absent[code] || (threads && kinds()[code].where != ANY))
			continue;
		r -= kinds()[code].weight;
		if (r < 0)
			break;
	}
	add(code);
}

/* A use of the path or the descriptor just written. */
static void use(int path, int slot)
{
	static const int by_path[] = {OP_show,      OP_stat,     OP_unlink, OP_rename,
				      OP_link,      OP_lstat,    OP_open,   OP_chmod,
				      OP_put,       OP_truncate, OP_access, OP_fget,
				      OP_utimensat, OP_statx,    OP_chown,  OP_put_meta};
	static const int by_fd[] = {OP_fstat,     OP_lseek,       OP_fchmod, OP_fchown,
				    OP_futimens,  OP_write,       OP_pwrite, OP_read,
				    OP_ftruncate, OP_fsync,       OP_close,  OP_writev,
				    OP_wait_age,  OP_fcntl_getfl, OP_map,    OP_sendfile};
	struct op *o;

	if (slot < 0) {
		o = add(by_path[rnd(16)]);
		if (o->code == OP_open)
			o->a[1] = path;
		else
			o->a[o->code == OP_rename && rnd(2)] = path;
	} else {
		o = add(by_fd[rnd(16)]);
		o->a[0] = slot;
	}
}

/* open, write, perhaps metadata, close, perhaps a use. */
static void file(void)
{
	int path = some_path(), slot = (int)rnd(3), size = value('N'), twice = (int)rnd(6);
	struct op *o = add(OP_open);

	o->a[0] = slot;
	o->a[1] = path;
	o->a[2] = (int)rnd(rnd(3) ? 4 : (unsigned)n_open_flags);
	if (!rnd(8))
		use(path, rnd(2) ? slot : -1);
	if (rnd(12)) {
		o = add(OP_write);
		o->a[0] = slot;
		o->a[1] = size;
	}
	if (!twice) {
		o = add(OP_write);
		o->a[0] = slot;
	}
	while (!rnd(3))
		use(path, slot);
	if (!rnd(10))
		use(path, -1);
	if (rnd(8)) {
		o = add(OP_close);
		o->a[0] = slot;
	}
	if (!rnd(3))
		use(path, -1);
	/* once more, of the same size or another */
	if (!rnd(3)) {
		o = add(OP_put);
		o->a[0] = path;
		o->a[1] = rnd(3) ? 3 : (int)rnd((unsigned)first_put_flag);
		if (rnd(2))
			o->a[2] = size;
		if (rnd(2))
			use(path, -1);
	}
}

static void run(void)
{
	static const int kinds_of_run[] = {OP_run_put,     OP_run_put,    OP_run_over, OP_run_meta,
					   OP_run_mixed,   OP_run_unlink, OP_run_excl, OP_run_check,
					   OP_run_publish, OP_run_publish};
	int dir = first_dir + (int)rnd(4), k = (int)rnd(8), many = 1 + (int)rnd(4);

	while (many-- > 0) {
		struct op *o = add(kinds_of_run[rnd(10)]);

		o->a[0] = dir;
		if (rnd(3))
			o->a[1] = k;
		if (o->code == OP_run_put)
			o->a[3] = 0;
	}
}

static void some(int count, bool threads)
{
	for (int i = 0; i < count && n < limit - 8; i++) {
		unsigned r = rnd(20);

		if (r < 8)
			file();
		else if (r < 9)
			run();
		else
			any_call(threads);
	}
}

static void block(void)
{
	unsigned r = rnd(10);

	if (r < 5) {
		add(OP_fork)->a[0] = (int)rnd(16);
		some(1 + (int)rnd(8), false);
		add(OP_end);
	} else if (r < 8) {
		int many = 2 + (int)rnd(2);

		add(OP_threads);
		while (many-- > 0) {
			for (int d = 0; d < 3; d++) {
				struct op *o = add(OP_mkdir);

				o->a[0] = first_dir + d;
				o->a[1] = 3;
			}
			some(3 + (int)rnd(10), true);
			if (many)
				add(OP_next);
		}
		add(OP_end);
	} else {
		add(OP_exec);
	}
}

int generate(uint64_t seed, struct op *ops, int want)
{
	unsigned blocks;

	state = seed * 0x9e3779b97f4a7c15ULL + 0x1234567;
	rnd(2);
	out = ops;
	n = 0;
	limit = want < OPS_MAX ? want : OPS_MAX;
	hot = 2 + (int)rnd(12);
	total[0] = total[1] = 0;
	for (int i = 0; i < N_CALLS; i++) {
		absent[i] = i != OP_open && rnd(2);
		if (absent[i])
			continue;
		total[0] += kinds()[i].weight;
		if (kinds()[i].where == ANY)
			total[1] += kinds()[i].weight;
	}
	for (int d = 0; d < 3; d++)
		if (rnd(8)) {
			struct op *o = add(OP_mkdir);

			o->a[0] = first_dir + d;
			o->a[1] = 3;
		}
	blocks = 5 + rnd(40);
	while (n < limit - 10) {
		if (!rnd(blocks))
			block();
		else
			some(1 + (int)rnd(4), false);
	}
	if (rnd(2))
		add(OP_leave)->a[0] = (int)rnd(18);
	return n;
}
