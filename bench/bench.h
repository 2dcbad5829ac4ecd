/* SPDX-License-Identifier: MIT */
/* bench.h - what the subcommands of fastio-bench and of fastio share */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

enum { EXIT_OK = 0, EXIT_IO = 1, EXIT_USAGE = 2, EXIT_UNSUPPORTED = 3 };

/* One subcommand; argv[0] is its name.  Returns the exit status. */
struct command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
};

int phases_main(int argc, char **argv);
int measure_main(int argc, char **argv);
int tree_main(int argc, char **argv);
int mktree_main(int argc, char **argv);
int methods_main(int argc, char **argv);
int actor_main(int argc, char **argv);
int overhead_main(int argc, char **argv);

/* What is listed of a tree */
struct tree_options {
	char **exclude; /* patterns of paths to leave out */
	int nexclude;
	char unit; /* of mtime: '-' none, 's', 'n' */
	bool no_link_mtime, no_links;
	struct timespec now_from, now_to; /* mtimes in between are listed as "now" */
};

/* One line per entry of the tree: path, tab, description, sorted by path.  out NULL: only a hash of
 * them, on standard output. */
int tree_list(const char *dir, const struct tree_options *o, FILE *out);

uint64_t now_ns(void);

/* Reads a decimal number with an optional K, M or G (1024) into *out.
 * False, with a message that names what, when it is malformed or out of range. */
bool parse_number(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* Beside errno values: what was read is not what was written */
enum { WRONG_CONTENT = -1 };

/* Prints "PROGRAM: OP PATH: reason" for an errno value; returns EXIT_IO. */
int io_failed(const char *op, const char *path, int err);

/* Prints a usage error with a pointer to --help; returns EXIT_USAGE. */
int usage_failed(const char *command, const char *message, const char *arg);

/* The same for what getopt_long() did not take, getopt's own message being off. */
int option_failed(const char *command, char **argv);

/* Flushes stdout; EXIT_IO with a message if anything did not get out. */
int finish_output(void);

/* Writes a JSON string, quotes included. */
void json_string(FILE *f, const char *s);

/* splitmix64: the same sequence everywhere for the same seed */
struct rng {
	uint64_t state;
};

uint64_t rng_next(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t n);

#endif
