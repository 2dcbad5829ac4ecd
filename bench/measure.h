/* SPDX-License-Identifier: MIT */
/* measure.h - running a command and measuring it with everything that it leaves behind */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdint.h>

/* A command to run, and what it took together with everything it left behind */
struct measured {
	char **env; /* NAME=VALUE to set */
	int nenv;
	const char *cwd, *out, *err; /* NULL: here, /dev/null, ours */
	uint64_t timeout;            /* seconds, 0: none */
	char **argv;

	uint64_t wall_ns, exit_ns; /* until the last descendant is gone; until the command is */
	uint64_t user_us, sys_us;  /* of all descendants */
	long maxrss_kb;            /* of the largest child so far */
	int status;                /* as from waitpid */
	unsigned orphans;
};

/* EXIT_OK if it could be run, whatever its status was; else EXIT_IO with a message. */
int measure_run(struct measured *m);

#endif
