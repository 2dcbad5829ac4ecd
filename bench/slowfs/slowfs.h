/* SPDX-License-Identifier: MIT */
/*
 * slowfs.h - a FUSE file system that passes everything through to a directory, as slowly as a
 * server far away
 *
 * loop.c takes requests from the kernel, holds each until its time has come, and counts them;
 * pass.c carries them out.  Neither knows what the other does.
 */
#ifndef SLOWFS_H
#define SLOWFS_H

#define FUSE_USE_VERSION 312

#include <fuse3/fuse_lowlevel.h>
#include <stdbool.h>
#include <stdint.h>

struct slowfs_options {
	const char *backing, *mountpoint;
	const char *counts;   /* file for the counts, or NULL */
	uint64_t latency_us;  /* that each request takes */
	uint64_t jitter_us;   /* at most so much more or less */
	uint64_t bandwidth;   /* bytes per second of all requests together; 0: any */
	uint64_t hang_after;  /* requests; 0: never */
	double attr_timeout;  /* seconds that the kernel may keep attributes */
	double entry_timeout; /* and names */
	bool no_xattr;        /* extended attributes are unknown */
};

/*
 * The operations for a directory that is open as backing; they refer to o as long as there are
 * requests.
 */
const struct fuse_lowlevel_ops *pass_operations(const struct slowfs_options *o, int backing);

/* Answers requests until the file system is unmounted or a signal says to end; an exit status. */
int loop_run(struct fuse_session *se, const struct slowfs_options *o);

/* From any thread: so many bytes went back to a caller, for the bandwidth. */
void loop_sent(uint64_t bytes);

#endif
