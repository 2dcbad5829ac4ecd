/* SPDX-License-Identifier: MIT */
/* workload.h - the small-file workload of 'phases' */
#ifndef WORKLOAD_H
#define WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>

enum phase { PH_MKDIR, PH_CREATE, PH_UPDATE, PH_READ, PH_DELETE, PH_RMDIR, NPHASES };

extern const char *const phase_names[NPHASES];

enum sync_mode { SYNC_NO, SYNC_EACH, SYNC_END };

/* Which write phase the content that 'read' finds came from */
enum generation { GEN_CREATE, GEN_UPDATE };

struct method;

struct workload {
	const struct method *method; /* NULL: plain calls */
	const char *dir;             /* where to work */
	const char *name;            /* the directory made in it */
	uint64_t files, size, update_size;
	uint64_t threads, dirs, seed;
	bool random;
	enum sync_mode sync;
	enum generation expect; /* for a read without a write phase before it */
	bool selected[NPHASES];
	bool keep_store; /* of a method that has one: use what is there, leave it there */

	uint64_t ns[NPHASES]; /* result: wall time of each phase */
};

/* Runs the selected phases.  Returns an exit status; errors are printed. */
int workload_run(struct workload *w);

#endif
