/* SPDX-License-Identifier: MIT */
/*
 * calls_names.h - names, attributes, directories and descriptors by their rarer calls
 */
#ifndef CALLS_NAMES_H
#define CALLS_NAMES_H

#include "calls.h"

#include <fts.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <wordexp.h>

/* By their names before glibc 2.33, and those of _FORTIFY_SOURCE */
int __xstat(int ver, const char *path, struct stat *st);
int __lxstat(int ver, const char *path, struct stat *st);
int __fxstat(int ver, int fd, struct stat *st);
int __fxstatat(int ver, int dirfd, const char *path, struct stat *st, int flags);
int __xmknod(int ver, const char *path, mode_t mode, dev_t *dev);
int __xmknodat(int ver, int dirfd, const char *path, mode_t mode, dev_t *dev);
int __open_2(const char *path, int flags);
int __openat_2(int dirfd, const char *path, int flags);
ssize_t __read_chk(int fd, void *buf, size_t n, size_t size);
ssize_t __pread_chk(int fd, void *buf, size_t n, off_t off, size_t size);
ssize_t __readlink_chk(const char *path, char *buf, size_t n, size_t size);
ssize_t __readlinkat_chk(int dirfd, const char *path, char *buf, size_t n, size_t size);
char *__realpath_chk(const char *path, char *resolved, size_t size);

/* A path that libc itself may read */
static bool readable(const char *path)
{
	return (size_t)path > 4096;
}

static long tell_link(long n)
{
	if (n > 0)
		emit("  to %.*s\n", (int)n, room());
	return n;
}

T_UNUSED static long old_stat(const char *path, int fd, int k)
{
	struct stat st;

	switch (k % 4) {
	case 0:
		return tell_stat(__xstat(1, path, &st), &st);
	case 1:
		return tell_stat(__lxstat(1, path, &st), &st);
	case 2:
		return tell_stat(__fxstat(1, fd, &st), &st);
	default:
		return tell_stat(__fxstatat(1, AT_FDCWD, path, &st, 0), &st);
	}
}

static long node_by(const char *path, int k, mode_t mode)
{
	dev_t none = 0;

	switch (k) {
	case 0:
		return mkfifo(path, mode & 0777);
	case 1:
		return mkfifoat(AT_FDCWD, path, mode & 0777);
	case 2:
		return __xmknodat(0, AT_FDCWD, path, S_IFIFO | 0640, &none);
	case 3:
		return mknodat(home_fd, path, S_IFSOCK | 0600, 0);
	case 4:
		return __xmknod(0, path, S_IFREG | 0640, &none);
	default:
		return mknodat(AT_FDCWD, path, S_IFREG | (mode & 0777), 0);
	}
}

/* A pipe does not stay: who opened it would wait. */
T_UNUSED static long make_node(const char *path, int k, mode_t mode)
{
	long r = node_by(path, k, mode);

	if (r == 0 && k < 3) {
		get_lstat(path);
		r = unlink(path);
	}
	return r;
}

/* What asks about a path */
T_UNUSED static long ask_name(const char *path, int fd, int k, int how)
{
	struct statvfs sv;
	char *r;

	switch (k * 2 + how % 2) {
	case 0:
		return euidaccess(path, how);
	case 1:
		return __realpath_chk(path, room(), 1 << 20) ? tell_link((long)strlen(room())) : -1;
	case 2:
		return tell_link(__readlink_chk(path, room(), 4096, 1 << 20));
	case 3:
		return tell_link(__readlinkat_chk(fd, path, room(), 4096, 1 << 20));
	case 4:
		return statvfs(path, &sv);
	case 5:
		return fstatvfs(fd, &sv);
	case 6:
		r = readable(path) ? canonicalize_file_name(path) : NULL;
		if (r)
			emit("  is %s\n", r);
		free(r);
		return r ? 0 : -1;
	case 7:
		return ftok(path, how) == -1 ? -1 : 0; /* an inode's number is in it */
	case 8:
		return lgetxattr(path, "user.a", room(), 100);
	case 9:
		return llistxattr(path, room(), 100);
	case 10:
		return lremovexattr(path, "user.a");
	case 11:
		return lchmod(path, 0600 + (mode_t)how);
	case 12:
		return futimesat(AT_FDCWD, path, micro(how));
	case 13:
		return faccessat(fd, path, how, 0);
	case 14:
		return renameat(AT_FDCWD, path, fd, "moved");
	default:
		return renameat(fd, "moved", AT_FDCWD, path);
	}
}

/* By handle: only root may open one. */
T_UNUSED static long open_handle(const char *path, int k)
{
	struct file_handle *h = (struct file_handle *)room();
	int mount, fd;

	h->handle_bytes = 128;
	if (name_to_handle_at(AT_FDCWD, path, h, &mount, k % 2 ? AT_SYMLINK_FOLLOW : 0))
		return -1;
	fd = open_by_handle_at(home_fd, h, k % 3 ? O_RDONLY | O_NONBLOCK : O_PATH);
	if (fd < 0)
		return -2;
	tell_bytes(read(fd, room(), 1 << 20), room());
	return close(fd);
}

T_UNUSED static long open_tree_of(const char *path)
{
	int fd = open_tree(AT_FDCWD, path, 0);
	long r;

	if (fd < 0)
		return -1;
	r = get_fstat(fd);
	close(fd);
	return r;
}

/* ---- descriptors ---- */

T_UNUSED static long read_checked(int fd, int n, int k, long off)
{
	struct iovec v[2] = {{room(), (size_t)n / 2}, {room() + n / 2, (size_t)(n - n / 2)}};

	switch (k % 4) {
	case 0:
		return tell_bytes(__read_chk(fd, room(), (size_t)n, 1 << 20), room());
	case 1:
		return tell_bytes(__pread_chk(fd, room(), (size_t)n, off, 1 << 20), room());
	case 2:
		return tell_bytes(preadv2(fd, v, 2, off, 0), room());
	default:
		return readahead(fd, off, (size_t)n);
	}
}

T_UNUSED static long write_rare(int fd, int n, int k, long off)
{
	struct iovec v[2] = {{(char *)bytes(k), (size_t)n / 2},
			     {(char *)bytes(k + 1), (size_t)(n - n / 2)}};

	switch (k % 4) {
	case 0:
		return pwritev2(fd, v, 2, off, 0);
	case 1:
		return pwritev2(fd, v, 2, -1, 0);
	case 2:
		return pwritev2(fd, v, 2, off, RWF_APPEND);
	default:
		return pwritev2(fd, v, 2, off, RWF_DSYNC);
	}
}

/* The file's content by pipes, and a pipe's into it */
T_UNUSED static long pipes(int fd, int n, int k)
{
	struct iovec v = {(char *)bytes(k), (size_t)(n > 4096 ? 4096 : n)};
	int p[2], q[2];
	long r;

	if (fd <= TELL_FD || pipe2(p, O_NONBLOCK))
		return -1;
	if (pipe2(q, O_NONBLOCK | O_CLOEXEC)) {
		close(p[0]);
		close(p[1]);
		return -1;
	}
	if (k % 2)
		r = vmsplice(p[1], &v, 1, 0);
	else
		r = splice(fd, NULL, p[1], NULL, 4096, 0);
	emit("  in %ld\n", r);
	r = tee(p[0], q[1], 4096, SPLICE_F_NONBLOCK);
	emit("  copied %ld\n", r);
	r = splice(q[0], NULL, fd, NULL, 4096, SPLICE_F_NONBLOCK);
	emit("  out %ld\n", r);
	r = sendfile(p[1], fd, NULL, 100);
	close(p[0]);
	close(p[1]);
	close(q[0]);
	close(q[1]);
	return r;
}

T_UNUSED static long control(int fd, int k)
{
	int n = 0;
	long r = ioctl(fd,
		       k % 3 == 0   ? FIONREAD
		       : k % 3 == 1 ? FIOCLEX
				    : _IOR('f', 1, long) /* FS_IOC_GETFLAGS */,
		       &n);

	return r;
}

/* ---- directories ---- */

T_UNUSED static long list_r(const char *path)
{
	struct dirent entry, *e;
	uint64_t hash = 0;
	long n = 0;
	DIR *d = readable(path) ? opendir(path) : NULL;

	if (!d)
		return -1;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	while (readdir_r(d, &entry, &e) == 0 && e) {
		hash += t_hash(entry.d_name, strlen(entry.d_name));
		n++;
	}
#pragma GCC diagnostic pop
	closedir(d);
	emit("  hash %016lx\n", hash);
	return n;
}

T_UNUSED static long scan_at(int fd, const char *path)
{
	struct dirent **names;
	int n = readable(path) ? scandirat(fd, path, &names, NULL, alphasort) : -1;

	for (int i = 0; i < n; i++) {
		if (n < 20)
			emit("  %s\n", names[i]->d_name);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return n;
}

T_UNUSED static long dents(int fd, int k)
{
	off_t at = 0;
	long n, count = 0;

	if (fd <= TELL_FD)
		return 0;
	lseek(fd, 0, SEEK_SET);
	if (k % 2)
		return getdirentries(fd, room(), 4096, &at) < 0 ? -1 : 0;
	while ((n = getdents64(fd, room(), 1 << 16)) > 0)
		for (long p = 0; p < n; p += ((struct dirent64 *)(room() + p))->d_reclen)
			count++;
	return n < 0 ? n : count;
}

static int ftw_one(const char *path, const struct stat *st, int type)
{
	(void)path;
	walk.files += type == FTW_F;
	walk.directories += type == FTW_D;
	walk.bytes += S_ISREG(st->st_mode) ? (long)st->st_size : 0;
	return 0;
}

T_UNUSED static long walk_ftw(const char *path)
{
	long r;

	walk = (struct walk){0};
	r = readable(path) ? ftw(path, ftw_one, 10) : -1;
	emit("  %d files, %d directories, %ld bytes\n", walk.files, walk.directories, walk.bytes);
	return r;
}

static int fts_by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

T_UNUSED static long walk_fts(const char *path, int k)
{
	char *paths[] = {(char *)path, NULL};
	FTS *fts = readable(path) && *path
			   ? fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, fts_by_name)
			   : NULL;
	FTSENT *e;
	uint64_t hash = 0;
	long n = 0;

	if (!fts)
		return -1;
	while ((e = fts_read(fts))) {
		hash = hash * 31 + t_hash(e->fts_path, strlen(e->fts_path)) + e->fts_info;
		n++;
		if (n == 1 && k % 2)
			for (e = fts_children(fts, 0); e; e = e->fts_link)
				hash = hash * 31 + t_hash(e->fts_name, strlen(e->fts_name));
	}
	emit("  hash %016lx\n", hash);
	fts_close(fts);
	return n;
}

T_UNUSED static long expand(const char *path, int k)
{
	char words[800];
	wordexp_t w = {0};
	long r;

	if (!readable(path) || strlen(path) > 300 || strpbrk(path, "\t#"))
		return -2;
	snprintf(words, sizeof(words), k % 2 ? "%s/*1*" : "%s/* $(ls %s 2>&1 | wc -l)", path, path);
	r = wordexp(words, &w, 0);
	for (size_t i = 0; r == 0 && i < w.we_wordc && i < 20; i++)
		emit("  %s\n", w.we_wordv[i]);
	if (r == 0)
		wordfree(&w);
	return r;
}

/* Deferral in directories that are watched ends for the process. */
T_UNUSED static long watch(const char *dir, const char *file)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	long r = inotify_add_watch(fd, dir, IN_CLOSE_WRITE);
	struct inotify_event *e = (struct inotify_event *)room();

	if (r >= 0) {
		emit("  put %ld\n", put_file(file, O_WRONLY | O_CREAT | O_TRUNC, 20, 1));
		if (read(fd, room(), 4096) > 0)
			emit("  event %x %s\n", e->mask, e->len ? e->name : "");
	}
	close(fd);
	return r;
}

/* ---- temporary files ---- */

T_UNUSED static long temp_rare(const char *dir, int k, int n)
{
	char name[600];
	int fd;

	if (!readable(dir) || strlen(dir) > 200)
		return -2;
	snprintf(name, sizeof(name), k % 3 ? "%s/tmp.XXXXXX.c" : "%s/tmp.XXXXXX", dir);
	fd = k % 3 == 0   ? mkostemp(name, O_APPEND)
	     : k % 3 == 1 ? mkstemps(name, 2)
			  : mkostemps(name, 2, O_CLOEXEC);
	if (fd < 0)
		return -1;
	emit("  fd %d wrote %zd unlink %d\n", fd, write(fd, bytes(1), (size_t)n), unlink(name));
	return close(fd);
}

#endif /* CALLS_NAMES_H */
