/* SPDX-License-Identifier: MIT */
/*
 * recorder.c - a FUSE file system with a disk in it that remembers in which order it was written
 * and flushed
 *
 *	fault-recorder [--log FILE] [--flush-us N] BACKING MOUNTPOINT
 *
 * MOUNTPOINT/disk has the content and the size of BACKING, for a loop device.  Each write, each
 * flush (fsync, fdatasync) that ends, and whatever is written into MOUNTPOINT/mark becomes an entry
 * of the log (disklog.h).  Reading MOUNTPOINT/mark gives the number of flushes so far.  A flush
 * takes N microseconds. Nothing is ever flushed for real.  Runs in the foreground until it is
 * unmounted.
 */
#define FUSE_USE_VERSION 31

#include "disklog.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <getopt.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FH_DISK, FH_MARK };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* the order of the entries */
static FILE *log_file;
static uint64_t entries; /* in the log; under lock */
static _Atomic unsigned long flushes;
static unsigned flush_us;
static int backing;

static void enter(enum disklog_kind kind, uint64_t at, const char *payload, size_t length)
{
	struct disklog_entry e = {.at = at, .kind = kind, .length = (uint32_t)length};

	if (!log_file)
		return;
	pthread_mutex_lock(&lock);
	e.time_ns = disklog_now();
	if (fwrite(&e, sizeof(e), 1, log_file) != 1 ||
	    fwrite(payload, 1, length, log_file) != length) {
		perror("fault-recorder: log");
		_exit(99);
	}
	entries++;
	pthread_mutex_unlock(&lock);
}

static int do_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	(void)fi;
	memset(st, 0, sizeof(*st));
	st->st_nlink = 1;
	if (!strcmp(path, "/")) {
		st->st_mode = S_IFDIR | 0755;
	} else if (!strcmp(path, "/disk")) {
		if (fstat(backing, st))
			return -errno;
		st->st_mode = S_IFREG | 0600;
	} else if (!strcmp(path, "/mark")) {
		st->st_mode = S_IFREG | 0666;
	} else {
		return -ENOENT;
	}
	return 0;
}

static int do_open(const char *path, struct fuse_file_info *fi)
{
	bool mark = !strcmp(path, "/mark");

	fi->fh = mark ? FH_MARK : FH_DISK;
	fi->direct_io = mark;
	fi->keep_cache = !mark;
	return 0;
}

static int do_truncate(const char *path, off_t size, struct fuse_file_info *fi)
{
	(void)size;
	(void)fi;
	return strcmp(path, "/mark") ? -EPERM : 0;
}

static int do_read(const char *path, char *buf, size_t size, off_t off, struct fuse_file_info *fi)
{
	ssize_t n;

	(void)path;
	if (fi->fh == FH_MARK)
		return off ? 0 : snprintf(buf, size, "%lu\n", flushes);
	n = pread(backing, buf, size, off);
	return n < 0 ? -errno : (int)n;
}

static int do_write(const char *path, const char *buf, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	ssize_t n = (ssize_t)size;

	(void)path;
	if (fi->fh == FH_MARK) {
		enter(DISKLOG_MARK, 0, buf, size);
		return (int)size;
	}
	n = pwrite(backing, buf, size, off);
	if (n < 0)
		return -errno;
	enter(DISKLOG_WRITE, (uint64_t)off, buf, (size_t)n);
	return (int)n;
}

static int do_fsync(const char *path, int data_only, struct fuse_file_info *fi)
{
	uint64_t begin;

	(void)path;
	(void)data_only;
	(void)fi;
	pthread_mutex_lock(&lock);
	begin = entries;
	pthread_mutex_unlock(&lock);
	if (flush_us)
		usleep(flush_us);
	flushes++;
	enter(DISKLOG_FLUSH, begin, NULL, 0);
	return 0;
}

static const struct fuse_operations operations = {
	.getattr = do_getattr,
	.open = do_open,
	.truncate = do_truncate,
	.read = do_read,
	.write = do_write,
	.fsync = do_fsync,
};

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"log", required_argument, NULL, 'l'},
		{"flush-us", required_argument, NULL, 'f'},
		{NULL, 0, NULL, 0},
	};
	static char *args[] = {(char *)"recorder", (char *)"-f", NULL, NULL};
	const char *log_name = NULL;
	int opt, status;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'l')
			log_name = optarg;
		else if (opt == 'f')
			flush_us = (unsigned)strtoul(optarg, NULL, 10);
		else
			return 99;
	}
	if (argc - optind != 2) {
		fprintf(stderr,
			"usage: fault-recorder [--log FILE] [--flush-us N] BACKING MOUNTPOINT\n");
		return 99;
	}
	backing = open(argv[optind], O_RDWR | O_CLOEXEC);
	if (log_name)
		log_file = fopen(log_name, "we");
	if (backing < 0 || (log_name && !log_file)) {
		perror("fault-recorder");
		return 99;
	}
	args[2] = argv[optind + 1];
	status = fuse_main(3, args, &operations, NULL);
	if (log_file && fclose(log_file)) {
		perror("fault-recorder: log");
		return 99;
	}
	return status;
}
