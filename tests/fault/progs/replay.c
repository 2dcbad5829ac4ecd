/* SPDX-License-Identifier: MIT */
/*
 * replay.c - cuts the power of a recorded disk at many points, and looks whether promises were kept
 *
 *	fault-replay [OPTION]... BASE LOG DIR MOUNTPOINT TYPE
 *
 *	--cuts N   how many (default 100)
 *	--seed N   for what is random
 *	--all      look at all promises in each cut (default: at the last ones, and some others)
 *
 * BASE is the disk before the recording, DIR a directory on a file system with reflinks, TYPE that
 * of the file system on the disk.  At a cut the disk has what was written before the beginning of
 * the last flush that had ended; and of what was written later nothing (every second cut: just
 * before the next flush ends), or each block of 4 KiB with some probability.  It is mounted, so
 * that the journal is recovered.
 *
 * A mark in the log is a line "TIME PROMISE"; at any cut after TIME, one of
 *
 *	durable PATH VERSION         PATH is whole (synced.h), and of this version or a later one
 *	renamed PATH VERSION TEMP    the same, or TEMP still is that version
 *	grown PATH LENGTH            the first LENGTH bytes of PATH are right
 *	gone PATH -                  there is no PATH
 *	named PATH -                 there is one
 *	sum PATH SIZE HASH           PATH has this content
 *
 * The summary is a line of JSON; standard error tells what was broken, at which cut.  Exit status 0
 * if all was kept, 1 if not, 99 if that could not be found out.
 */
#include "disklog.h"
#include "synced.h"

#include <errno.h>
#include <getopt.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define BLOCK 4096
#define LAST 120  /* promises that are looked at in each cut */
#define OTHERS 60 /* of those before, at random */
#define SAYS 12   /* broken promises that are described */

struct promise {
	uint64_t time_ns;
	char verb[16], path[300], extra[300]; /* extra: the temporary name, or the hash */
	long number;                          /* version, length or size */
};

struct entry {
	struct disklog_entry head;
	const char *payload;
};

struct flush {
	uint64_t begin; /* entries before it */
	uint64_t end_ns;
};

struct cut {
	uint64_t time_ns;
	uint64_t durable; /* entries that a flush has covered */
	uint64_t until;   /* of the entries after these up to here, some */
};

static struct entry *entries;
static uint64_t n_entries, n_writes;
static struct promise *promises;
static size_t n_promises;
static struct flush *flushes;
static size_t n_flushes;
static struct cut *cuts;
static size_t n_cuts = 100;
static unsigned seed = 1;
static bool all;
static unsigned long looked, broken, bad_cuts;
static int disk, cut_disk, loop; /* the durable disk; a copy of it, cut off; the device over that */
static const char *cut_dir;      /* of the copies */
static char loop_name[32];

static void die(const char *what)
{
	fprintf(stderr, "fault-replay: %s: %s\n", what, strerror(errno));
	exit(99);
}

static void *grown(void *p, size_t n, size_t size)
{
	if (n && (n < 64 || n & (n - 1)))
		return p;
	p = realloc(p, (n ? n * 2 : 64) * size);
	if (!p)
		die("memory");
	return p;
}

/* ---- the log ---- */

static void read_marks(const char *text, size_t length)
{
	char *copy = strndup(text, length);

	for (char *save, *line = strtok_r(copy, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		struct promise p = {0};
		unsigned long long time;
		int n;

		n = sscanf(line, "%llu %15s %299s %ld %299s", &time, p.verb, p.path, &p.number,
			   p.extra);
		if (n < 3 || (n == 3 && strcmp(p.verb, "gone") && strcmp(p.verb, "named"))) {
			fprintf(stderr, "fault-replay: not a promise: %s\n", line);
			exit(99);
		}
		p.time_ns = time;
		promises = grown(promises, n_promises, sizeof(p));
		promises[n_promises++] = p;
	}
	free(copy);
}

static int by_time(const void *a, const void *b)
{
	const struct promise *p = a, *q = b;

	return (p->time_ns > q->time_ns) - (p->time_ns < q->time_ns);
}

static void read_log(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	const char *p, *end;

	if (fd < 0 || fstat(fd, &st) || !st.st_size)
		die(name);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		die(name);
	for (end = p + st.st_size; p < end;) {
		struct entry e;

		memcpy(&e.head, p, sizeof(e.head)); /* entries follow each other without padding */
		e.payload = p + sizeof(e.head);
		p = e.payload + e.head.length;
		entries = grown(entries, n_entries, sizeof(*entries));
		entries[n_entries++] = e;
		n_writes += e.head.kind == DISKLOG_WRITE;
		if (e.head.kind == DISKLOG_MARK)
			read_marks(e.payload, e.head.length);
		if (e.head.kind == DISKLOG_FLUSH) {
			flushes = grown(flushes, n_flushes, sizeof(*flushes));
			flushes[n_flushes++] = (struct flush){e.head.at, e.head.time_ns};
		}
	}
	close(fd);
	qsort(promises, n_promises, sizeof(*promises), by_time);
}

/* ---- the cuts ---- */

static uint64_t durable_at(uint64_t time_ns)
{
	uint64_t durable = 0;

	for (size_t i = 0; i < n_flushes && flushes[i].end_ns <= time_ns; i++)
		if (flushes[i].begin > durable)
			durable = flushes[i].begin;
	return durable;
}

static int by_state(const void *a, const void *b)
{
	const struct cut *p = a, *q = b;

	if (p->durable != q->durable)
		return p->durable < q->durable ? -1 : 1;
	return (p->time_ns > q->time_ns) - (p->time_ns < q->time_ns);
}

/* Spread over the flushes, or the entries, as evenly as random ones can be */
static size_t spread(size_t i, size_t n, size_t of)
{
	size_t from = i * of / n, to = (i + 1) * of / n;

	return from + (to > from ? (size_t)rand_r(&seed) % (to - from) : 0);
}

static void choose_cuts(void)
{
	size_t plain = n_cuts / 2, lossy;

	if (plain > n_flushes)
		plain = n_flushes;
	lossy = n_cuts - plain;
	cuts = calloc(n_cuts, sizeof(*cuts));
	if (!cuts || !n_entries)
		die("no cuts");
	for (size_t i = 0; i < plain; i++) {
		cuts[i].time_ns = flushes[spread(i, plain, n_flushes)].end_ns - 1;
		cuts[i].durable = cuts[i].until = durable_at(cuts[i].time_ns);
	}
	for (size_t i = 0; i < lossy; i++) {
		struct cut *c = &cuts[plain + i];
		size_t last = spread(i, lossy, n_entries);

		c->time_ns = entries[last].head.time_ns;
		c->durable = durable_at(c->time_ns);
		c->until = last + 1;
	}
	qsort(cuts, n_cuts, sizeof(*cuts), by_state);
}

/* ---- the disks ---- */

static void write_out(int fd, const struct entry *e, size_t from, size_t n)
{
	if (e->head.kind == DISKLOG_WRITE &&
	    pwrite(fd, e->payload + from, n, (off_t)(e->head.at + from)) != (ssize_t)n)
		die("writing a disk");
}

/* A cache that has lost some blocks; how many differs from cut to cut. */
static void write_some(const struct cut *c)
{
	unsigned percent = (unsigned)rand_r(&seed) % 101;

	for (uint64_t i = c->durable; i < c->until; i++)
		for (size_t at = 0; at < entries[i].head.length; at += BLOCK) {
			size_t n = entries[i].head.length - at;

			if ((unsigned)rand_r(&seed) % 100 < percent)
				write_out(cut_disk, &entries[i], at, n < BLOCK ? n : BLOCK);
		}
}

static int open_in(const char *dir, const char *name)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		die(path);
	return fd;
}

static void attach(void)
{
	struct loop_config config = {.fd = (unsigned)cut_disk, .info.lo_flags = LO_FLAGS_AUTOCLEAR};
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

	if (control < 0)
		die("/dev/loop-control");
	for (int tries = 0; tries < 200; tries++) {
		snprintf(loop_name, sizeof(loop_name), "/dev/loop%d",
			 ioctl(control, LOOP_CTL_GET_FREE));
		loop = open(loop_name, O_RDWR | O_CLOEXEC);
		if (loop >= 0 && !ioctl(loop, LOOP_CONFIGURE, &config)) {
			close(control);
			return;
		}
		close(loop);
	}
	die("no loop device");
}

static void make_disks(const char *base, const char *dir)
{
	int from = open(base, O_RDONLY | O_CLOEXEC);
	static char buf[1 << 16];
	struct stat st;
	off_t at = 0;

	disk = open_in(dir, "durable");
	cut_dir = dir;
	if (from < 0 || fstat(from, &st) || ftruncate(disk, st.st_size))
		die(base);
	while ((at = lseek(from, at, SEEK_DATA)) >= 0) {
		ssize_t n = pread(from, buf, sizeof(buf), at);

		if (n <= 0 || pwrite(disk, buf, (size_t)n, at) != n)
			die(base);
		at += n;
	}
	close(from);
}

/*
 * The disk at a cut, as a device.  A new file each time: a device over one that is replaced by a
 * reflink was seen to show a mixture of both, which recovery takes for a clean journal.
 */
static void copy_disk(const struct cut *c)
{
	cut_disk = open_in(cut_dir, "cut");
	if (ioctl(cut_disk, FICLONE, disk))
		die("a reflink of the disk");
	write_some(c);
	attach();
}

static void drop_copy(void)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/cut", cut_dir);
	if (ioctl(loop, LOOP_CLR_FD, 0) || close(loop) || close(cut_disk) || unlink(path))
		die(loop_name);
}

/* ---- the promises ---- */

static const char *name_of(const char *path)
{
	return strchr(path, '/') ? strchr(path, '/') + 1 : path;
}

/* Why it is broken, or NULL */
static const char *why_broken(int dir, const struct promise *p)
{
	static char buf[SYNCED_MAX], want[SYNCED_MAX], why[64];
	int version;
	ssize_t n;

	if (!strcmp(p->verb, "durable") || !strcmp(p->verb, "renamed")) {
		version = synced_version(dir, p->path, name_of(p->path));
		if (version >= p->number)
			return NULL;
		if (!strcmp(p->verb, "renamed") && version != SYNCED_BROKEN &&
		    synced_version(dir, p->extra, name_of(p->path)) == p->number)
			return NULL;
		snprintf(why, sizeof(why), "has version %d", version);
		return version == SYNCED_MISSING  ? "is missing"
		       : version == SYNCED_BROKEN ? "is not whole"
						  : why;
	}
	n = synced_read(dir, p->path, buf);
	if (!strcmp(p->verb, "gone"))
		return n == SYNCED_MISSING ? NULL : "is there";
	if (n < 0)
		return "is missing";
	if (!strcmp(p->verb, "named"))
		return NULL;
	if (!strcmp(p->verb, "sum"))
		return n == p->number && synced_hash(buf, (size_t)n) == strtoull(p->extra, NULL, 16)
			       ? NULL
			       : "has another content";
	if (strcmp(p->verb, "grown")) {
		fprintf(stderr, "fault-replay: not a promise: %s\n", p->verb);
		exit(99);
	}
	synced_text(want, name_of(p->path), 0, 0, (size_t)p->number);
	return n >= p->number && !memcmp(buf, want, (size_t)p->number) ? NULL
								       : "is too short or wrong";
}

static void complain(const struct cut *c, const char *what, const char *promise, const char *why)
{
	if (broken++ >= SAYS)
		return;
	fprintf(stderr, "cut after %llu of %llu entries, some of the next %llu: %s %s %s\n",
		(unsigned long long)c->durable, (unsigned long long)n_entries,
		(unsigned long long)(c->until - c->durable), promise, what, why);
}

static void look(const struct cut *c, int dir)
{
	size_t due = 0;

	while (due < n_promises && promises[due].time_ns < c->time_ns)
		due++;
	for (size_t i = 0; i < due; i++) {
		const struct promise *p = &promises[i];
		const char *why;

		if (!all && due - i > LAST && (size_t)rand_r(&seed) % due >= OTHERS)
			continue;
		looked++;
		why = why_broken(dir, p);
		if (why)
			complain(c, p->path, p->verb, why);
	}
}

static void cut_power(const struct cut *c, const char *mountpoint, const char *type)
{
	unsigned long before = broken;
	int dir;

	copy_disk(c);
	if (mount(loop_name, mountpoint, type, MS_RDONLY, strcmp(type, "xfs") ? "" : "nouuid")) {
		complain(c, strerror(errno), "mount", "");
	} else {
		dir = open(mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			die(mountpoint);
		look(c, dir);
		close(dir);
		if (umount(mountpoint))
			die("umount");
	}
	drop_copy();
	bad_cuts += broken > before;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"cuts", required_argument, NULL, 'c'},
		{"seed", required_argument, NULL, 's'},
		{"all", no_argument, NULL, 'a'},
		{NULL, 0, NULL, 0},
	};
	uint64_t applied = 0;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'c')
			n_cuts = strtoul(optarg, NULL, 10);
		else if (opt == 's')
			seed = (unsigned)strtoul(optarg, NULL, 10);
		else if (opt == 'a')
			all = true;
		else
			return 99;
	}
	argv += optind;
	if (argc - optind != 5 || !n_cuts) {
		fprintf(stderr, "usage: fault-replay [--cuts N] [--seed N] [--all] "
				"BASE LOG DIR MOUNTPOINT TYPE\n");
		return 99;
	}
	read_log(argv[1]);
	choose_cuts();
	make_disks(argv[0], argv[2]);
	for (size_t i = 0; i < n_cuts; i++) {
		for (; applied < cuts[i].durable; applied++)
			write_out(disk, &entries[applied], 0, entries[applied].head.length);
		cut_power(&cuts[i], argv[3], argv[4]);
	}
	printf("{\"cuts\":%zu,\"bad\":%lu,\"promises\":%zu,\"looked\":%lu,\"broken\":%lu,"
	       "\"writes\":%llu,\"flushes\":%zu}\n",
	       n_cuts, bad_cuts, n_promises, looked, broken, (unsigned long long)n_writes,
	       n_flushes);
	return broken ? 1 : 0;
}
