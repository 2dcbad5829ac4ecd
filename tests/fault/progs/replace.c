/* SPDX-License-Identifier: MIT */
/*
 * replace.c - replaces files over and over, until SIGTERM; and says what a power cut left of them
 *
 *	fault-replace HOW DIR ACKED       HOW: truncate, resize, rename, fsync
 *	fault-replace -V DIR              prints how many files are in which state
 *
 * Generation after generation is written into the same FILES files, every second of them small
 * (within a block).  truncate: by O_TRUNC, with the size it has; resize: with another size; rename:
 * by a temporary file; fsync: which is synced before.  ACKED, on another file system, holds the
 * last generation that was written to all of them.  Each 32 bytes of a file name its generation,
 * itself and their place.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES 60
#define RECORD 32
#define SMALL 320
#define LARGE 60000
#define LARGEST 65536

static char text[LARGEST];

static size_t size_of(int file, unsigned gen, bool resize)
{
	size_t n = file % 2 ? SMALL : LARGE / RECORD * RECORD;

	return resize ? n - RECORD * (gen * 7 % 5) : n;
}

static void fill(int file, unsigned gen, size_t n)
{
	char record[64];

	for (size_t at = 0; at < n; at += RECORD) {
		snprintf(record, sizeof(record), "g%09u f%05d o%012zu\n", gen, file, at);
		memcpy(text + at, record, RECORD);
	}
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void put(const char *name, size_t n, bool synced)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, n) != (ssize_t)n || (synced && fsync(fd)) || close(fd))
		die(name);
}

static volatile sig_atomic_t ended;

static void end(int sig)
{
	(void)sig;
	ended = 1;
}

static void replace(const char *how, const char *dir, const char *acked)
{
	bool resize = !strcmp(how, "resize"), synced = !strcmp(how, "fsync");
	bool by_name = synced || !strcmp(how, "rename");
	int ack = open(acked, O_WRONLY | O_CREAT | O_APPEND, 0644);

	if (ack < 0 || chdir(dir))
		die(dir);
	signal(SIGTERM, end);
	for (unsigned gen = 1; !ended; gen++) {
		for (int i = 0; i < FILES; i++) {
			size_t n = size_of(i, gen, resize);
			char name[16];

			fill(i, gen, n);
			snprintf(name, sizeof(name), "file%d", i);
			put(by_name ? "temporary" : name, n, synced);
			if (by_name && rename("temporary", name))
				die(name);
		}
		if (gen == 1)
			sync();
		if (dprintf(ack, "%u\n", gen) < 0)
			die(acked);
	}
}

/* What a power cut has left of the files */
enum state { WHOLE, EMPTY, PREFIX, MIXED, MISSING, STATES };
static const char *const names[STATES] = {"whole", "empty", "prefix", "mixed", "missing"};
static int left[2][STATES];  /* of the large, the small ones */
static unsigned oldest = -1; /* generation of a whole one */

static enum state look_at(int file)
{
	static char found[LARGEST + 1];
	unsigned gen;
	char name[32];
	FILE *f;
	size_t n;

	snprintf(name, sizeof(name), "file%d", file);
	f = fopen(name, "r");
	if (!f)
		return MISSING;
	n = fread(found, 1, LARGEST, f);
	found[n] = '\0';
	fclose(f);
	if (!n)
		return EMPTY;
	if (n % RECORD || sscanf(found, "g%u ", &gen) != 1)
		return MIXED;
	fill(file, gen, n);
	if (memcmp(text, found, n))
		return MIXED;
	if (n != size_of(file, gen, false) && n != size_of(file, gen, true))
		return PREFIX;
	oldest = gen < oldest ? gen : oldest;
	return WHOLE;
}

static void print(const char *which, const int *counts)
{
	printf("\"%s\":{", which);
	for (int i = 0; i < STATES; i++)
		printf("%s\"%s\":%d", i ? "," : "", names[i], counts[i]);
	printf("},");
}

int main(int argc, char **argv)
{
	if (argc == 4) {
		replace(argv[1], argv[2], argv[3]);
		return 0;
	}
	if (argc != 3 || strcmp(argv[1], "-V"))
		return 64;
	if (chdir(argv[2]))
		die(argv[2]);
	for (int i = 0; i < FILES; i++)
		left[i % 2][look_at(i)]++;
	printf("{");
	print("large", left[0]);
	print("small", left[1]);
	printf("\"oldest\":%u}\n", oldest);
	return 0;
}
