/* SPDX-License-Identifier: MIT */
/*
 * synced.h - the files whose durability is promised: content that says whether it is whole
 *
 * Two kinds: a version of a file ("vVERSION LENGTH NAME", then text that follows from them), and a
 * file that grows by text that follows from its name alone.
 */
#ifndef SYNCED_H
#define SYNCED_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYNCED_MAX 65536

enum { SYNCED_MISSING = -1, SYNCED_BROKEN = -2 };

static inline uint64_t synced_hash(const char *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * 0x100000001b3u;
	return h;
}

/* What stands in a file of that name from one offset to another */
static inline void synced_text(char *buf, const char *name, unsigned version, size_t from,
			       size_t to)
{
	unsigned seed = (unsigned)synced_hash(name, strlen(name)) + version * 7;

	for (size_t i = from; i < to; i++)
		buf[i - from] = i % 64 == 63 ? '\n' : (char)('a' + (seed + i + i / 64 * 3) % 26);
}

/* A version of a file, of length bytes */
static inline void synced_fill(char *buf, const char *name, unsigned version, size_t length)
{
	char head[300];
	size_t n = (size_t)snprintf(head, sizeof(head), "v%u %zu %s\n", version, length, name);

	synced_text(buf, name, version, 0, length);
	memcpy(buf, head, n < length ? n : length);
}

/* Reads at most SYNCED_MAX bytes of a file below a directory; SYNCED_MISSING if it is not there. */
static inline ssize_t synced_read(int dir, const char *path, char *buf)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return SYNCED_MISSING;
	n = read(fd, buf, SYNCED_MAX);
	close(fd);
	return n < 0 ? SYNCED_BROKEN : n;
}

/* The version that a file holds, whole; SYNCED_BROKEN, or SYNCED_MISSING */
static inline int synced_version(int dir, const char *path, const char *name)
{
	static __thread char buf[SYNCED_MAX + 1], want[SYNCED_MAX];
	ssize_t n = synced_read(dir, path, buf);
	unsigned version;
	size_t length;

	if (n < 0)
		return (int)n;
	buf[n] = '\0';
	if (sscanf(buf, "v%u %zu ", &version, &length) != 2 || length != (size_t)n)
		return SYNCED_BROKEN;
	synced_fill(want, name, version, length);
	return memcmp(buf, want, length) ? SYNCED_BROKEN : (int)version;
}

#endif /* SYNCED_H */
