/* SPDX-License-Identifier: MIT */
/*
 * disklog.h - what the recorder of a disk writes and the replayer reads
 *
 * A log is a sequence of entries, each followed by its payload.  Times are those of
 * CLOCK_MONOTONIC.
 */
#ifndef DISKLOG_H
#define DISKLOG_H

#include <stdint.h>
#include <time.h>

enum disklog_kind {
	DISKLOG_WRITE, /* payload: the data */
	DISKLOG_FLUSH, /* has come to its end: what was written before its beginning is durable */
	DISKLOG_MARK,  /* payload: lines "TIME PROMISE", see replay.c */
};

struct disklog_entry {
	uint64_t time_ns; /* when it was entered: before the disk has answered */
	uint64_t at;      /* a write: its offset; a flush: entries in the log at its beginning */
	uint32_t kind;
	uint32_t length; /* of the payload */
};

static inline uint64_t disklog_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

#endif /* DISKLOG_H */
