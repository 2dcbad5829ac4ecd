/* SPDX-License-Identifier: MIT */
/*
 * play.c - carries a list of operations out; the program under test
 *
 *	fuzz --play SHARED-FILE OPS-FILE DIRECTORY [AT SLOTS]
 *	fuzz --dump SHARED-FILE DIRECTORY
 */
#include "fuzz.h"

#include "calls_system.h"

static __thread int thread_no = -1; /* among concurrent threads */

/* What path_text says, as a value. */
static const char *path(int i)
{
	static __thread char ring[4][700];
	static __thread unsigned next;
	char text[700], *p = ring[next++ % 4], *s, *e;

	path_text(text, sizeof(text), i, thread_no);
	if (text[0] == '(')
		return (char *)8;
	if (text[0] == 'l')
		return long_name(atoi(strchr(text, '(') + 1));
	s = strchr(text, '"') + 1;
	e = strrchr(text, '"');
	*e = 0;
	s = strcpy(p, s);
	if ((e = strstr(s, "\\t"))) {
		*e = '\t';
		memmove(e + 1, e + 2, strlen(e + 2) + 1);
	}
	return text[0] == 'i' ? in_home(p) : p;
}

static int slot(int i)
{
	return (int)((unsigned)i % SLOTS);
}

#define PICK(table, i) ((table)[(unsigned)(i) % (unsigned)n_##table])
#define P0 path(a[0])
#define P1 path(a[1])
#define P2 path(a[2])
#define D0 path(a[0])
#define D1 path(a[1])
#define F0 slot_table()[slot(a[0])]
#define F1 slot_table()[slot(a[1])]
#define F4 slot_table()[slot(a[4])]
#define S0 slot(a[0])
#define O1 PICK(open_flags, a[1])
#define O2 PICK(open_flags, a[2])
#define O3 PICK(open_flags, a[3])
#define M0 (mode_t) PICK(file_modes, a[0])
#define M1 (mode_t) PICK(file_modes, a[1])
#define M2 (mode_t) PICK(file_modes, a[2])
#define M3 (mode_t) PICK(file_modes, a[3])
#define N0 PICK(sizes, a[0])
#define N1 PICK(sizes, a[1])
#define N2 PICK(sizes, a[2])
#define N3 PICK(sizes, a[3])
#define L1 PICK(offsets, a[1])
#define L2 PICK(offsets, a[2])
#define L3 PICK(offsets, a[3])
#define G0 (int)(5 + (unsigned)a[0] % 16)
#define G1 (int)(5 + (unsigned)a[1] % 16)
#define G2 (int)(5 + (unsigned)a[2] % 16)
#define K0 (a[0] & 7)
#define K1 (a[1] & 7)
#define K2 (a[2] & 7)
#define K3 (a[3] & 7)

#define OP(name, weight, where, expr)                               \
	static long do_##name(const int *a __attribute__((unused))) \
	{                                                           \
		return (long)(expr);                                \
	}
#include "ops.def"

static long (*const calls[])(const int *) = {
#define OP(name, weight, where, expr) do_##name,
#include "ops.def"
};

static const struct kind table[N_OPS + 1] = {
#define OP(name, weight, where, expr) {#name, #expr, weight, where, {0}},
#include "ops.def"
	{"fork", "", 0, BLOCK, {'K'}}, {"threads", "", 0, BLOCK, {0}},
	{"next", "", 0, BLOCK, {0}},   {"end", "", 0, BLOCK, {0}},
	{"exec", "", 0, BLOCK, {0}},   {"leave", "", 0, BLOCK, {'K'}},
};

static bool name_char(char c)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

const struct kind *kinds(void)
{
	static struct kind k[N_OPS];
	static bool done;

	if (done)
		return k;
	memcpy(k, table, sizeof(k));
	for (int i = 0; i < N_CALLS; i++)
		for (const char *s = k[i].text; *s; s++)
			if (strchr("PDFSOMNLGK", *s) && s[1] >= '0' && s[1] < '0' + ARGS &&
			    !name_char(s[2]) && (s == k[i].text || !name_char(s[-1])))
				k[i].arg[s[1] - '0'] = *s;
	done = true;
	return k;
}

static struct op ops[OPS_MAX];
static int n_ops;
static char **args;

static int block_end(int from, int to, int stop)
{
	int depth = 0;

	for (; from < to; from++) {
		if (depth == 0 && (ops[from].code == OP_end || ops[from].code == stop))
			return from;
		if (ops[from].code == OP_fork || ops[from].code == OP_threads)
			depth++;
		else if (ops[from].code == OP_end)
			depth--;
	}
	return to;
}

struct range {
	int from, to, thread;
};

static void play(int from, int to, int depth);

static void play_range(void *arg)
{
	const struct range *r = arg;

	thread_no = r->thread;
	mkdir(r->thread == 0 ? "t0" : r->thread == 1 ? "t1" : "t2", 0755);
	play(r->from, r->to, 2);
}

static int play_threads(int from, int to)
{
	struct worker w[3];
	struct range r[3];
	int n = 0;

	do {
		r[n] = (struct range){from, block_end(from, to, OP_next), n};
		from = r[n].to + 1;
		w[n].run = play_range;
		w[n].arg = &r[n];
		n++;
	} while (n < 3 && r[n - 1].to < to && ops[r[n - 1].to].code == OP_next);
	workers(w, n);
	return block_end(from - 1, to, OP_end);
}

static void play(int from, int to, int depth)
{
	for (int i = from; i < to; i++) {
		const struct op *op = &ops[i];
		pid_t pid;
		long r;
		int end;

		switch (op->code) {
		case OP_fork:
			end = block_end(i + 1, to, OP_end);
			if (depth < 2) {
				if (forked(&pid)) {
					play(i + 1, end, depth + 1);
					leave(op->a[0], true);
				}
				reaped(pid);
			}
			i = end;
			break;
		case OP_threads:
			if (depth < 2)
				i = play_threads(i + 1, to);
			else
				i = block_end(i + 1, to, OP_end);
			break;
		case OP_exec:
			if (depth == 0)
				exec_self(args, i + 1);
			break;
		case OP_leave:
			if (depth == 0)
				leave(op->a[0], false);
			break;
		case OP_next:
		case OP_end:
			break;
		default:
			if (thread_no >= 0 && kinds()[op->code].where != ANY)
				break;
			errno = T_UNTOUCHED;
			r = calls[op->code](op->a);
			note_op(i, kinds()[op->code].name, r);
		}
	}
}

int play_main(int argc, char **argv)
{
	static char self[300];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (argc < 5 || n < 0)
		return 64;
	self[n] = 0;
	self_path = self;
	args = argv;
	begin(argv[2], argv[4]);
	if (argc > 6)
		slots_from(argv[6]);
	if (!read_ops(argv[3], ops, &n_ops))
		return 65;
	play(argc > 5 ? atoi(argv[5]) : 0, n_ops, 0);
	return 0;
}

int dump_main(int argc, char **argv)
{
	if (argc < 4)
		return 64;
	map_shared(argv[2]);
	dump_tree("a child", open(argv[3], O_RDONLY | O_DIRECTORY));
	return 0;
}

void play_reset(const char *file, int observer)
{
	if (!shared)
		map_shared(file);
	shared->len = 0;
	shared->want = 0;
	shared->observer = observer;
}

void play_observe(int top_fd, int socket, const char *dir)
{
	snprintf(home, sizeof(home), "%s", dir);
	observe(top_fd, socket);
}

void play_dump(int top_fd)
{
	dump_tree("in the end", top_fd);
}

void play_note(const char *fmt, ...)
{
	char line[4000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	emit("%s", line);
}

const char *play_text(size_t *len)
{
	*len = shared->len;
	return shared->text;
}
