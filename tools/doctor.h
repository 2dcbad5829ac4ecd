/* SPDX-License-Identifier: MIT */
/* doctor.h - findings of 'fastio doctor' */
#ifndef DOCTOR_H
#define DOCTOR_H

#include "fastio.h"

enum finding {
	FIND_OK,   /* works */
	FIND_NOTE, /* works with less, or worth knowing */
	FIND_NO,   /* here the library passes all through */
};

/* Prints one finding; advice (or NULL) on a line of its own. */
__attribute__((format(printf, 3, 4))) void find(enum finding f, const char *advice,
						const char *format, ...);

/* ---- doctor_dir.c ---- */

/* Findings on a directory; EXIT_OK or EXIT_IO with a message. */
int doctor_dir(const char *dir);
/* The work that the doctor times, in a directory of its own: fastio --probe DIR */
int probe_main(const char *dir);

/* ---- doctor_elf.c ---- */

/* Findings on a program, a path or a name that is looked for in PATH. */
int doctor_program(const char *name);

#endif
