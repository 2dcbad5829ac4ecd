/* SPDX-License-Identifier: MIT */
/* fastio.h - what the verbs of the fastio command share */
#ifndef FASTIO_H
#define FASTIO_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "../bench/bench.h"
#include "../core/counters.h"

/* Exit statuses of env(1) and others, for what is wrong before the command runs */
enum { EXIT_OURS = 125, EXIT_NOEXEC = 126, EXIT_NOENT = 127 };

int run_main(int argc, char **argv);
int compare_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
int trace_main(int argc, char **argv);
int top_main(int argc, char **argv);

/* ---- preload.c ---- */

/* The library that belongs to this command; NULL with a message if there is none. */
const char *library_path(void);
/* LD_PRELOAD with the library in front of what is there; false with a message. */
bool preload_add(void);
/* LD_PRELOAD without the library. */
void preload_remove(void);
/* Takes one option of the kind --engine VALUE, --warmup=VALUE, which sets FASTIO_ENGINE and so on.
 * Arguments used (1 or 2), or 0 with a message. */
int preload_option(const char *verb, char **argv);

/* A verb's own options: how many of the left words at argv were taken, 0: it is none of them. */
typedef int own_option(void *arg, char **argv, int left);

/* -o FILE, --output FILE, --output=FILE */
int output_option(const char **output, char **argv, int left);

/* Reads the options before a command.  The index of the command's first word; 0 if there is nothing to
 * run: *status is what to end with. */
int options_read(const char *verb, const char *help, own_option *own, void *arg, int argc,
		 char **argv, int *status);
/* Runs the command in place of this process; returns the exit status if it cannot. */
int exec_command(char **argv);

/* ---- child.c ---- */

/* Runs the command as a foreground job: same process group and terminal, signals passed on.  Its
 * status as from waitpid, or -1 with a message. */
int run_child(char **argv, uint64_t *wall_ns);

/* A program whose output is read */
struct piped {
	FILE *output;
	pid_t pid;
};

/*
 * Starts it, with the library or without; errors: what it says on standard error is read as well.
 */
bool piped_start(struct piped *c, char **argv, bool preloaded, bool errors);
/* Waits for its end; its status as from waitpid, or -1. */
int piped_end(struct piped *c);

/* Ends this process as the command ended: with its status or by its signal. */
_Noreturn void end_as(int status);

/* A private file in a directory of its own, which programs under other users can write as well. */
struct scratch {
	char dir[64];
	char file[80];
};

bool scratch_make(struct scratch *s, const char *name);
void scratch_remove(struct scratch *s);

/* ---- stats.c ---- */

struct program {
	char comm[32];
	uint64_t processes, deferred, passed;
};

/* Statistics lines added up */
struct stats {
	uint64_t sum[FIO_NCOUNTERS];
	uint64_t processes;
	struct program *programs; /* most deferred first after stats_read */
	size_t nprograms;
};

/* Adds the lines of a file.  False with a message if it cannot be read. */
bool stats_read(const char *path, struct stats *st);
void stats_free(struct stats *st);

const char *counter_group(int i);
const char *counter_name(int i);
/* What the counter counts, in a few words */
const char *counter_text(int i);
uint64_t group_sum(const uint64_t *values, const char *group);
/* The largest counter of a group, -1 if all are 0 */
int group_largest(const uint64_t *values, const char *group);
/* Why nothing, or not more, was deferred, as far as the counters tell; or NULL */
const char *main_obstacle(const uint64_t *values);
/* "create":1,"write":2 of all groups, as an object's inside */
void counters_json(FILE *f, const uint64_t *values);

#endif
