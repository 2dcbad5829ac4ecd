/* SPDX-License-Identifier: MIT */
/*
 * treedump.c - one line for everything under the current directory, in a fixed order
 *
 * treedump [-t] [-x NAME]...   -t: with the times of last modification (the last hour is "now");
 * -x: leave NAME out Runs without the library: it is what an outsider sees.
 */
#include "t.h"

#include <ftw.h>
#include <sys/xattr.h>
#include <time.h>

struct entry {
	char *path;
	struct stat st;
	size_t leader; /* first name of the same inode */
};

static struct entry *entries;
static size_t count, room;

static int add(const char *path, const struct stat *st, int type T_UNUSED, struct FTW *f T_UNUSED)
{
	if (count == room) {
		room = room ? room * 2 : 256;
		entries = realloc(entries, room * sizeof(*entries));
		if (!entries)
			exit(70);
	}
	entries[count].path = strdup(path);
	entries[count].st = *st;
	if (lstat(path, &entries[count].st) < 0)
		memset(&entries[count].st, 0, sizeof(*st));
	count++;
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

static int by_inode(const void *a, const void *b)
{
	const struct entry *x = &entries[*(const size_t *)a], *y = &entries[*(const size_t *)b];

	if (x->st.st_dev != y->st.st_dev)
		return x->st.st_dev < y->st.st_dev ? -1 : 1;
	if (x->st.st_ino != y->st.st_ino)
		return x->st.st_ino < y->st.st_ino ? -1 : 1;
	return *(const size_t *)a < *(const size_t *)b ? -1 : 1;
}

static void find_leaders(void)
{
	size_t *order = malloc((count + 1) * sizeof(*order));

	if (!order)
		exit(70);
	for (size_t i = 0; i < count; i++)
		order[i] = i;
	qsort(order, count, sizeof(*order), by_inode);
	for (size_t i = 0; i < count; i++) {
		const struct entry *e = &entries[order[i]], *p = i ? &entries[order[i - 1]] : NULL;

		entries[order[i]].leader = order[i];
		if (p && p->st.st_dev == e->st.st_dev && p->st.st_ino == e->st.st_ino)
			entries[order[i]].leader = p->leader;
	}
	free(order);
}

static uint64_t content(const char *path, long *len)
{
	static char buf[1 << 16];
	uint64_t h = 0xcbf29ce484222325u;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n;

	*len = 0;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			h = (h ^ (unsigned char)buf[i]) * 0x100000001b3u;
		*len += n;
	}
	if (fd >= 0)
		close(fd);
	return h;
}

static void print(const struct entry *e, bool times)
{
	char to[4096];
	long len;
	ssize_t n;

	printf("%s %o %u:%u", e->path, e->st.st_mode, e->st.st_uid, e->st.st_gid);
	switch (e->st.st_mode & S_IFMT) {
	case S_IFREG:
		printf(" links %lu size %ld hash %016lx", (unsigned long)e->st.st_nlink,
		       (long)e->st.st_size, content(e->path, &len));
		if (len != e->st.st_size)
			printf(" READ %ld", len);
		break;
	case S_IFLNK:
		n = readlink(e->path, to, sizeof(to));
		printf(" -> %.*s", n < 0 ? 0 : (int)n, to);
		break;
	case S_IFCHR:
	case S_IFBLK:
		printf(" dev %lx", (unsigned long)e->st.st_rdev);
		break;
	}
	if (!S_ISDIR(e->st.st_mode) && e != &entries[e->leader])
		printf(" same as %s", entries[e->leader].path);
	n = llistxattr(e->path, to, sizeof(to));
	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(to + i) + 1)
		printf(" [%s]", to + i);
	if (times && e->st.st_mtim.tv_sec > time(NULL) - 3600)
		printf(" mtime now");
	else if (times)
		printf(" mtime %ld.%09ld", e->st.st_mtim.tv_sec, e->st.st_mtim.tv_nsec);
	putchar('\n');
}

int main(int argc, char **argv)
{
	bool times = false;
	int c;

	while ((c = getopt(argc, argv, "tx:")) != -1)
		if (c == 't')
			times = true;
		else if (c != 'x')
			return 64;
	if (nftw(".", add, 64, FTW_PHYS) < 0)
		return 1;
	qsort(entries, count, sizeof(*entries), by_path);
	find_leaders();
	for (size_t i = 0; i < count; i++) {
		bool skip = false;

		optind = 1;
		while ((c = getopt(argc, argv, "tx:")) != -1)
			if (c == 'x') {
				size_t n = strlen(optarg);
				const char *p = entries[i].path + 2;

				if (entries[i].path[1] && !strncmp(p, optarg, n) &&
				    (!p[n] || p[n] == '/'))
					skip = true;
			}
		if (!skip)
			print(&entries[i], times);
	}
	return 0;
}
