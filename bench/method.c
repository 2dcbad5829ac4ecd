/* SPDX-License-Identifier: MIT */
/* method.c - the list of methods, and those that write in one other way than open(O_TRUNC) */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct method method_plain = {
	.name = "plain",
	.summary = "open (O_TRUNC for the update), write, close",
};

static const struct method *const methods[] = {
	&method_plain,       &method_pwrite,      &method_mmap,         &method_tmpfile,
	&method_rename,      &method_hardlink,    &method_reflink,      &method_copy,
	&method_uring_batch, &method_uring_chain, &method_uring_sqpoll, &method_actor,
};

#define NMETHODS (sizeof(methods) / sizeof(methods[0]))

const struct method *method_at(size_t i)
{
	return i < NMETHODS ? methods[i] : NULL;
}

const struct method *method_find(const char *name)
{
	for (size_t i = 0; i < NMETHODS; i++)
		if (!strcmp(methods[i]->name, name))
			return methods[i];
	fprintf(stderr, "fastio-bench: no method '%s'; there are:\n", name);
	for (size_t i = 0; i < NMETHODS; i++)
		fprintf(stderr, "  %-14s %s\n", methods[i]->name, methods[i]->summary);
	return NULL;
}

/* Opens an existing file for the update, at the size that it will have. */
static int open_sized(struct worker *k, uint64_t index, int flags)
{
	const struct workload *w = k->run->w;
	int fd = open(worker_path(k, index), flags);

	if (fd < 0)
		return worker_fail(k, "open", worker_path(k, index), errno);
	if (w->update_size != w->size && ftruncate(fd, (off_t)w->update_size)) {
		worker_fail(k, "ftruncate", worker_path(k, index), errno);
		close(fd);
		return -1;
	}
	return fd;
}

static int update_in_place(struct worker *k, uint64_t index)
{
	int fd = open_sized(k, index, O_WRONLY);

	return fd < 0 ? fd : worker_fill(k, index, GEN_UPDATE, fd);
}

const struct method method_pwrite = {
	.name = "in-place",
	.summary = "the update without O_TRUNC: open, write, close",
	.update = update_in_place,
};

static int update_mapped(struct worker *k, uint64_t index)
{
	size_t size = k->run->w->update_size;
	const char *path = worker_path(k, index);
	int fd = open_sized(k, index, O_RDWR), rc = 0;
	void *p;

	if (fd < 0)
		return fd;
	if (size) {
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (p == MAP_FAILED) {
			rc = worker_fail(k, "mmap", path, errno);
		} else {
			memcpy(p, worker_content(k, index, GEN_UPDATE), size);
			munmap(p, size);
		}
	}
	if (!rc && k->run->w->sync == SYNC_EACH && fsync(fd))
		rc = worker_fail(k, "fsync", path, errno);
	if (close(fd) && !rc)
		rc = worker_fail(k, "close", path, errno);
	return rc;
}

const struct method method_mmap = {
	.name = "mmap",
	.summary = "the update through a shared mapping",
	.update = update_mapped,
};
