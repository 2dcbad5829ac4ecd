/* SPDX-License-Identifier: MIT */
/*
 * fuzz.h - what the parts of the fuzzer share
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ARGS 6
#define OPS_MAX 20000

enum where { ONE, ANY, BLOCK };

/* Calls first, in the order of ops.def. */
enum code {
#define OP(name, weight, where, expr) OP_##name,
#include "ops.def"
	N_CALLS,
	OP_fork =
		N_CALLS, /* what follows, up to its END, is done by a child; a[0]: how it leaves */
	OP_threads,      /* concurrent threads, separated by NEXT */
	OP_next,
	OP_end,
	OP_exec,  /* of oneself, and on */
	OP_leave, /* the process ends; a[0]: how */
	N_OPS
};

struct op {
	int code;
	int a[ARGS];
};

struct kind {
	const char *name;
	const char *text; /* the expression */
	int weight;
	enum where where;
	char arg[ARGS]; /* the letter of each argument, or 0 */
};

extern const struct kind *kinds(void);

/* ---- values behind the numbers in an op ---- */

extern const int open_flags[], file_modes[], sizes[], offsets[];
extern const int n_open_flags, n_file_modes, n_sizes, n_offsets, n_paths, n_base_paths;
extern const int first_dir, n_dirs, first_put_flag;
bool is_bad_path(int path); /* no address */
/* As C text; thread: the number of the concurrent thread, or -1. */
void path_text(char *buf, size_t size, int path, int thread);
void flags_text(char *buf, size_t size, int flags);

/* ---- gen.c ---- */
int generate(uint64_t seed, struct op *ops, int want);

/* ---- play.c ---- */
int play_main(int argc, char **argv);
int dump_main(int argc, char **argv);
void play_reset(const char *file, int observer);
void play_observe(int top_fd, int socket, const char *dir);
void play_dump(int top_fd);
void play_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
const char *play_text(size_t *len);

/* ---- text.c ---- */
bool read_ops(const char *file, struct op *ops, int *n);
void write_ops(FILE *f, const struct op *ops, int n);
void print_program(FILE *f, const struct op *ops, int n, const char *src);

#endif /* FUZZ_H */
