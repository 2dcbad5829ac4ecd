/* SPDX-License-Identifier: MIT */
/*
 * method_replace.c - methods that make a file under another name, or none, and then put it in place
 */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { TEMP_PATH = 4096 };

static void temp_path(const struct worker *k, uint64_t index, char path[TEMP_PATH])
{
	snprintf(path, TEMP_PATH, "%s.tmp", worker_path(k, index));
}

static int put_in_place(struct worker *k, uint64_t index, const char *temp)
{
	if (rename(temp, worker_path(k, index)))
		return worker_fail(k, "rename to", worker_path(k, index), errno);
	return 0;
}

/* ---- temporary file and rename ---- */

static int replace(struct worker *k, uint64_t index, enum generation gen)
{
	char temp[TEMP_PATH];
	int fd;

	temp_path(k, index, temp);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (fd < 0)
		return worker_fail(k, "open the temporary file for", worker_path(k, index), errno);
	return worker_fill(k, index, gen, fd) ? -1 : put_in_place(k, index, temp);
}

static int rename_create(struct worker *k, uint64_t index)
{
	return replace(k, index, GEN_CREATE);
}

static int rename_update(struct worker *k, uint64_t index)
{
	return replace(k, index, GEN_UPDATE);
}

const struct method method_rename = {
	.name = "temp+rename",
	.summary = "a temporary file beside it, then rename",
	.create = rename_create,
	.update = rename_update,
};

/* ---- O_TMPFILE and linkat ---- */

static int link_nameless(struct worker *k, uint64_t index, enum generation gen, const char *to)
{
	const char *path = worker_path(k, index);
	const struct workload *w = k->run->w;
	const char *dir = k->run->base;
	char proc[64];
	int fd, copy;

	if (k->run->nsubdirs)
		dir = k->run->subdirs + index * k->run->nsubdirs / w->files * k->run->substride;
	fd = open(dir, O_TMPFILE | O_WRONLY, 0644);
	if (fd < 0)
		return worker_fail(k, "open with O_TMPFILE for", path, errno);
	/* worker_fill closes; the link is made from a second descriptor */
	copy = dup(fd);
	if (worker_fill(k, index, gen, fd) || copy < 0) {
		close(copy);
		return copy < 0 ? worker_fail(k, "dup for", path, EMFILE) : -1;
	}
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", copy);
	if (linkat(AT_FDCWD, proc, AT_FDCWD, to, AT_SYMLINK_FOLLOW)) {
		worker_fail(k, "linkat to", path, errno);
		close(copy);
		return -1;
	}
	return close(copy) ? worker_fail(k, "close", path, errno) : 0;
}

static int tmpfile_create(struct worker *k, uint64_t index)
{
	return link_nameless(k, index, GEN_CREATE, worker_path(k, index));
}

static int tmpfile_update(struct worker *k, uint64_t index)
{
	char temp[TEMP_PATH];

	temp_path(k, index, temp);
	return link_nameless(k, index, GEN_UPDATE, temp) ? -1 : put_in_place(k, index, temp);
}

const struct method method_tmpfile = {
	.name = "O_TMPFILE",
	.summary = "O_TMPFILE, write, linkat; the update links to a temporary name and renames",
	.create = tmpfile_create,
	.update = tmpfile_update,
};

/* ---- hard links from a store ---- */

static int hardlink_create(struct worker *k, uint64_t index)
{
	char from[STORE_PATH];

	store_path(k->run, index, GEN_CREATE, from);
	if (link(from, worker_path(k, index)))
		return worker_fail(k, "link to", worker_path(k, index), errno);
	return 0;
}

static int hardlink_update(struct worker *k, uint64_t index)
{
	char from[STORE_PATH], temp[TEMP_PATH];

	store_path(k->run, index, GEN_UPDATE, from);
	temp_path(k, index, temp);
	if (link(from, temp))
		return worker_fail(k, "link to", temp, errno);
	return put_in_place(k, index, temp);
}

const struct method method_hardlink = {
	.name = "hardlink",
	.summary = "link from a store of all contents; the update links anew and renames",
	.store = true,
	.create = hardlink_create,
	.update = hardlink_update,
};

/* ---- reflink and copy_file_range from a store ---- */

typedef int copy_fn(int from, int to, uint64_t size);

static int copy_reflink(int from, int to, uint64_t size)
{
	(void)size;
	return ioctl(to, FICLONE, from);
}

static int copy_range(int from, int to, uint64_t size)
{
	while (size) {
		ssize_t n = copy_file_range(from, NULL, to, NULL, size, 0);

		if (n == 0)
			errno = EIO;
		if (n <= 0)
			return -1;
		size -= (uint64_t)n;
	}
	return 0;
}

static int from_store(struct worker *k, uint64_t index, enum generation gen, int flags,
		      copy_fn *copy)
{
	const char *path = worker_path(k, index);
	char source[STORE_PATH];
	int from, to, rc = 0;

	store_path(k->run, index, gen, source);
	from = open(source, O_RDONLY);
	if (from < 0)
		return worker_fail(k, "open the store's file for", path, errno);
	to = open(path, flags, 0644);
	if (to < 0)
		rc = worker_fail(k, "open", path, errno);
	else if (copy(from, to, gen_size(k->run->w, gen)))
		rc = worker_fail(k, "copy from the store to", path, errno);
	else if (k->run->w->sync == SYNC_EACH && fsync(to))
		rc = worker_fail(k, "fsync", path, errno);
	if (to >= 0 && close(to) && !rc)
		rc = worker_fail(k, "close", path, errno);
	close(from);
	return rc;
}

static int reflink_create(struct worker *k, uint64_t index)
{
	return from_store(k, index, GEN_CREATE, O_WRONLY | O_CREAT | O_TRUNC, copy_reflink);
}

static int reflink_update(struct worker *k, uint64_t index)
{
	return from_store(k, index, GEN_UPDATE, O_WRONLY | O_TRUNC, copy_reflink);
}

const struct method method_reflink = {
	.name = "reflink",
	.summary = "FICLONE from a store of all contents",
	.store = true,
	.create = reflink_create,
	.update = reflink_update,
};

static int copy_create(struct worker *k, uint64_t index)
{
	return from_store(k, index, GEN_CREATE, O_WRONLY | O_CREAT | O_TRUNC, copy_range);
}

static int copy_update(struct worker *k, uint64_t index)
{
	return from_store(k, index, GEN_UPDATE, O_WRONLY | O_TRUNC, copy_range);
}

const struct method method_copy = {
	.name = "copy_file_range",
	.summary = "copy_file_range from a store of all contents",
	.store = true,
	.create = copy_create,
	.update = copy_update,
};
