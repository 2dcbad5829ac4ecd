/* SPDX-License-Identifier: MIT */
/*
 * options.h - the FASTIO_* environment, read once
 */
#ifndef FIO_OPTIONS_H
#define FIO_OPTIONS_H

#include <stdint.h>

enum fio_engine_choice {
	FIO_ENGINE_AUTO,
	FIO_ENGINE_URING,
	FIO_ENGINE_SYNC,
	FIO_ENGINE_OFF,
};

enum fio_fsync_choice {
	FIO_FSYNC_STRICT,
	FIO_FSYNC_GROUP,
};

enum fio_prefetch_choice {
	FIO_PREFETCH_AUTO,
	FIO_PREFETCH_OFF,
};

enum fio_crash_choice {
	FIO_CRASH_STRICT,
	FIO_CRASH_POSIX,
};

struct fio_options {
	int64_t engine;      /* enum fio_engine_choice */
	int64_t crash;       /* enum fio_crash_choice */
	int64_t fsync;       /* enum fio_fsync_choice */
	int64_t prefetch;    /* enum fio_prefetch_choice */
	int64_t warmup;      /* files taken as stock first */
	int64_t window;      /* most intents pending, 0: automatic */
	int64_t max_file;    /* bytes held per file */
	int64_t max_pending; /* bytes held in all */
	int64_t age_us;      /* microseconds after which held data of an open file is written */
	int64_t lag_us;      /* debug: microseconds the task waits before each batch */
	char log[256];       /* path, "stderr" or empty */
	char stats[256];     /* path or empty */
	char trace[256];     /* path or empty */
};

extern struct fio_options fio_opt;

/* Reads the environment.  Values that cannot be used are logged and leave the default. */
void fio_options_read(char **envp);

enum fio_option_check {
	FIO_OPTION_OK,
	FIO_OPTION_UNKNOWN, /* no such name */
	FIO_OPTION_BAD,     /* not a value for it */
};

/* For tools: what would the library say to this variable, NAME=VALUE without FASTIO_? */
enum fio_option_check fio_option_check(const char *var);

#endif /* FIO_OPTIONS_H */
