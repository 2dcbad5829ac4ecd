/* SPDX-License-Identifier: MIT */
/*
 * pass.c - the requests, carried out in a directory
 *
 * An inode that the kernel knows is an O_PATH descriptor, so it is the same file whatever becomes
 * of its names, and its number in the backing file system is not given to another one.
 */
#include "slowfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { BUCKETS = 1 << 16, TEXT_MAX = 65536 };

struct inode {
	struct inode *next; /* in its bucket */
	dev_t dev;
	ino_t ino;
	uint64_t lookups; /* that the kernel has not forgotten */
	int fd;
};

static const struct slowfs_options *opt;
static struct inode root; /* never forgotten, in no bucket */
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct inode
	*table[BUCKETS]; /* by dev and ino; under the lock, as are the counts of lookups */

static struct inode *inode(fuse_ino_t ino)
{
	return ino == FUSE_ROOT_ID ? &root : (struct inode *)ino;
}

static int fd_of(fuse_ino_t ino)
{
	return inode(ino)->fd;
}

static int open_fd(const struct fuse_file_info *fi)
{
	return (int)fi->fh;
}

/* For calls that take no O_PATH descriptor */
struct fd_path {
	char text[32];
};

static struct fd_path path_of(fuse_ino_t ino)
{
	struct fd_path p;

	snprintf(p.text, sizeof(p.text), "/proc/self/fd/%d", fd_of(ino));
	return p;
}

static void reply(fuse_req_t req, long result)
{
	fuse_reply_err(req, result < 0 ? errno : 0);
}

/* ---- inodes ---- */

static struct inode **bucket(dev_t dev, ino_t ino)
{
	uint64_t h = (ino ^ (uint64_t)dev << 32) * 0x9e3779b97f4a7c15u;

	return &table[h >> 48];
}

/* Takes fd, which is open for the inode of st; NULL: no memory. */
static struct inode *inode_get(int fd, const struct stat *st)
{
	struct inode **b = bucket(st->st_dev, st->st_ino), *i;

	pthread_mutex_lock(&table_lock);
	for (i = *b; i && (i->ino != st->st_ino || i->dev != st->st_dev);)
		i = i->next;
	if (!i) {
		i = malloc(sizeof(*i));
		if (i) {
			*i = (struct inode){
				.next = *b, .dev = st->st_dev, .ino = st->st_ino, .fd = fd};
			*b = i;
			fd = -1;
		}
	}
	if (i)
		i->lookups++;
	pthread_mutex_unlock(&table_lock);
	if (fd >= 0)
		close(fd);
	return i;
}

static void inode_put(struct inode *i, uint64_t lookups)
{
	struct inode **at = NULL;

	if (i == &root)
		return;
	pthread_mutex_lock(&table_lock);
	i->lookups -= lookups;
	if (!i->lookups) {
		for (at = bucket(i->dev, i->ino); *at != i;)
			at = &(*at)->next;
		*at = i->next;
	}
	pthread_mutex_unlock(&table_lock);
	if (at) {
		close(i->fd);
		free(i);
	}
}

/* An errno, or 0; what is found counts as a lookup. */
static int find(int dir, const char *name, struct fuse_entry_param *e)
{
	int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct inode *i;

	*e = (struct fuse_entry_param){.attr_timeout = opt->attr_timeout,
				       .entry_timeout = opt->entry_timeout};
	if (fd < 0)
		return errno;
	if (fstatat(fd, "", &e->attr, AT_EMPTY_PATH)) {
		int err = errno;

		close(fd);
		return err;
	}
	i = inode_get(fd, &e->attr);
	e->ino = (fuse_ino_t)i;
	return i ? 0 : ENOMEM;
}

static void reply_entry(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e;
	int err = find(fd_of(parent), name, &e);

	if (err)
		fuse_reply_err(req, err);
	else if (fuse_reply_entry(req, &e) == -ENOENT)
		inode_put(inode(e.ino), 1); /* interrupted: the kernel does not know it */
}

static void do_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	inode_put(inode(ino), lookups);
	fuse_reply_none(req);
}

static void do_forget_multi(fuse_req_t req, size_t n, struct fuse_forget_data *f)
{
	for (size_t i = 0; i < n; i++)
		inode_put(inode(f[i].ino), f[i].nlookup);
	fuse_reply_none(req);
}

/* ---- names ---- */

static void do_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	reply_entry(req, parent, name);
}

/* What was made under a name belongs to who asked; its group may be the directory's. */
static int own(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const struct fuse_ctx *c = fuse_req_ctx(req);
	struct stat dir, st;
	gid_t gid = c->gid;
	int fd = fd_of(parent);

	if (c->uid == geteuid() && c->gid == getegid())
		return 0;
	if (fstatat(fd, "", &dir, AT_EMPTY_PATH) || fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return -1;
	if (dir.st_mode & S_ISGID)
		gid = (gid_t)-1;
	if (fchownat(fd, name, c->uid, gid, AT_SYMLINK_NOFOLLOW))
		return -1;
	/* which took away these bits */
	if (S_ISREG(st.st_mode) && st.st_mode & (S_ISUID | S_ISGID))
		return fchmodat(fd, name, st.st_mode & ALLPERMS, 0);
	return 0;
}

static void made(fuse_req_t req, fuse_ino_t parent, const char *name, int result)
{
	if (result || own(req, parent, name))
		fuse_reply_err(req, errno);
	else
		reply_entry(req, parent, name);
}

static void do_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev)
{
	made(req, parent, name, mknodat(fd_of(parent), name, mode, dev));
}

static void do_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	made(req, parent, name, mkdirat(fd_of(parent), name, mode));
}

static void do_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	made(req, parent, name, symlinkat(target, fd_of(parent), name));
}

static void do_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	if (linkat(AT_FDCWD, path_of(ino).text, fd_of(parent), name, AT_SYMLINK_FOLLOW))
		fuse_reply_err(req, errno);
	else
		reply_entry(req, parent, name);
}

static void do_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	reply(req, unlinkat(fd_of(parent), name, 0));
}

static void do_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	reply(req, unlinkat(fd_of(parent), name, AT_REMOVEDIR));
}

static void do_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
		      const char *new_name, unsigned flags)
{
	reply(req, renameat2(fd_of(parent), name, fd_of(new_parent), new_name, flags));
}

static void do_readlink(fuse_req_t req, fuse_ino_t ino)
{
	char target[PATH_MAX + 1];
	ssize_t n = readlinkat(fd_of(ino), "", target, sizeof(target) - 1);

	if (n < 0) {
		fuse_reply_err(req, errno);
		return;
	}
	target[n] = '\0';
	fuse_reply_readlink(req, target);
}

/* ---- attributes ---- */

static void do_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	(void)fi;
	if (fstatat(fd_of(ino), "", &st, AT_EMPTY_PATH))
		fuse_reply_err(req, errno);
	else
		fuse_reply_attr(req, &st, opt->attr_timeout);
}

static struct timespec time_to_set(int now, int given, struct timespec t)
{
	if (now)
		return (struct timespec){.tv_nsec = UTIME_NOW};
	return given ? t : (struct timespec){.tv_nsec = UTIME_OMIT};
}

static int set(fuse_ino_t ino, const struct stat *st, int what, const struct fuse_file_info *fi)
{
	struct fd_path path = path_of(ino);
	struct timespec times[2] = {
		time_to_set(what & FUSE_SET_ATTR_ATIME_NOW, what & FUSE_SET_ATTR_ATIME,
			    st->st_atim),
		time_to_set(what & FUSE_SET_ATTR_MTIME_NOW, what & FUSE_SET_ATTR_MTIME,
			    st->st_mtim),
	};

	if (what & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID) &&
	    fchownat(fd_of(ino), "", what & FUSE_SET_ATTR_UID ? st->st_uid : (uid_t)-1,
		     what & FUSE_SET_ATTR_GID ? st->st_gid : (gid_t)-1, AT_EMPTY_PATH))
		return -1;
	if (what & FUSE_SET_ATTR_MODE && chmod(path.text, st->st_mode))
		return -1;
	if (what & FUSE_SET_ATTR_SIZE &&
	    (fi ? ftruncate(open_fd(fi), st->st_size) : truncate(path.text, st->st_size)))
		return -1;
	if (what & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_ATIME_NOW |
		    FUSE_SET_ATTR_MTIME_NOW))
		return utimensat(fd_of(ino), "", times, AT_EMPTY_PATH);
	return 0;
}

static void do_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int what,
		       struct fuse_file_info *fi)
{
	if (set(ino, st, what, fi))
		fuse_reply_err(req, errno);
	else
		do_getattr(req, ino, fi);
}

static void do_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;

	if (fstatvfs(fd_of(ino), &st))
		fuse_reply_err(req, errno);
	else
		fuse_reply_statfs(req, &st);
}

static void do_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
			size_t size, int flags)
{
	reply(req, setxattr(path_of(ino).text, name, value, size, flags));
}

static void do_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	reply(req, removexattr(path_of(ino).text, name));
}

/* What an xattr call of that size has said; size 0: how long it would be */
static void reply_text(fuse_req_t req, const char *text, ssize_t n, size_t size)
{
	if (n < 0)
		fuse_reply_err(req, errno);
	else if (size)
		fuse_reply_buf(req, text, (size_t)n);
	else
		fuse_reply_xattr(req, (size_t)n);
}

static size_t at_most(size_t size)
{
	return size < TEXT_MAX ? size : TEXT_MAX;
}

static void do_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	char text[TEXT_MAX];

	reply_text(req, text, getxattr(path_of(ino).text, name, text, at_most(size)), size);
}

static void do_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	char text[TEXT_MAX];

	reply_text(req, text, listxattr(path_of(ino).text, text, at_most(size)), size);
}

/* ---- files ---- */

/* The kernel gives the offset of what it appends, and its pages are read and written through any descriptor
 * of the file; O_DIRECT is between the kernel and the program. */
static int backing_flags(int flags)
{
	return (flags & ~(O_APPEND | O_DIRECT | O_CREAT | O_NOFOLLOW)) | O_CLOEXEC;
}

static void do_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	int fd = open(path_of(ino).text, backing_flags(fi->flags));

	if (fd < 0) {
		fuse_reply_err(req, errno);
		return;
	}
	fi->fh = (uint64_t)fd;
	if (fuse_reply_open(req, fi) == -ENOENT)
		close(fd);
}

static void do_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		      struct fuse_file_info *fi)
{
	int fd, err, dir = fd_of(parent);
	struct fuse_entry_param e;

	fd = openat(dir, name, backing_flags(fi->flags) | O_CREAT | O_NOFOLLOW, mode);
	if (fd < 0) {
		fuse_reply_err(req, errno);
		return;
	}
	err = own(req, parent, name) ? errno : find(dir, name, &e);
	if (err) {
		close(fd);
		fuse_reply_err(req, err);
		return;
	}
	fi->fh = (uint64_t)fd;
	if (fuse_reply_create(req, &e, fi) == -ENOENT) {
		close(fd);
		inode_put(inode(e.ino), 1);
	}
}

static void do_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	char *data = malloc(size);
	ssize_t n = data ? pread(open_fd(fi), data, size, off) : -1;

	(void)ino;
	if (n < 0) {
		fuse_reply_err(req, errno);
	} else {
		loop_sent((uint64_t)n);
		fuse_reply_buf(req, data, (size_t)n);
	}
	free(data);
}

static void do_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
		     struct fuse_file_info *fi)
{
	ssize_t n = pwrite(open_fd(fi), data, size, off);

	(void)ino;
	if (n < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_write(req, (size_t)n);
}

static void do_copy_file_range(fuse_req_t req, fuse_ino_t ino, off_t off, struct fuse_file_info *fi,
			       fuse_ino_t to, off_t to_off, struct fuse_file_info *to_fi,
			       size_t size, int flags)
{
	ssize_t n =
		copy_file_range(open_fd(fi), &off, open_fd(to_fi), &to_off, size, (unsigned)flags);

	(void)ino;
	(void)to;
	if (n < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_write(req, (size_t)n);
}

static void do_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t size,
			 struct fuse_file_info *fi)
{
	(void)ino;
	reply(req, fallocate(open_fd(fi), mode, off, size));
}

static void do_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence,
		     struct fuse_file_info *fi)
{
	off_t at = lseek(open_fd(fi), off, whence);

	(void)ino;
	if (at < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_lseek(req, at);
}

/* Closing another descriptor of the file lets the backing file system say what its close says. */
static void do_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	reply(req, close(dup(open_fd(fi))));
}

static void do_fsync(fuse_req_t req, fuse_ino_t ino, int data_only, struct fuse_file_info *fi)
{
	(void)ino;
	reply(req, data_only ? fdatasync(open_fd(fi)) : fsync(open_fd(fi)));
}

static void do_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	close(open_fd(fi));
	fuse_reply_err(req, 0);
}

/* ---- directories ---- */

static void do_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fi->flags = O_RDONLY | O_DIRECTORY;
	do_open(req, ino, fi);
}

/* Puts an entry into the answer; its length, or 0 if it does not fit. */
static size_t add_entry(fuse_req_t req, fuse_ino_t dir, const struct dirent64 *d, char *answer,
			size_t room, bool plus)
{
	struct fuse_entry_param e = {.attr = {.st_ino = d->d_ino, .st_mode = DTTOIF(d->d_type)}};
	bool dots = !strcmp(d->d_name, ".") || !strcmp(d->d_name, "..");
	size_t n;

	if (!plus) {
		n = fuse_add_direntry(req, answer, room, d->d_name, &e.attr, d->d_off);
		return n <= room ? n : 0;
	}
	n = fuse_add_direntry_plus(req, NULL, 0, d->d_name, NULL, 0);
	if (n > room)
		return 0;
	if (!dots && find(fd_of(dir), d->d_name, &e)) {
		e.ino = 0; /* gone meanwhile: the kernel will ask */
		e.attr.st_ino = d->d_ino;
	}
	return fuse_add_direntry_plus(req, answer, room, d->d_name, &e, d->d_off);
}

static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		 const struct fuse_file_info *fi, bool plus)
{
	char *answer = malloc(2 * size), *names = answer + size;
	size_t used = 0, n = 1;
	ssize_t got = -1;

	/* the offsets are those of the backing file system, so any of them may be asked for */
	if (answer && lseek(open_fd(fi), off, SEEK_SET) == off)
		got = getdents64(open_fd(fi), names, size);
	for (ssize_t at = 0; at < got && n; used += n) {
		const struct dirent64 *d = (const struct dirent64 *)(names + at);

		n = add_entry(req, ino, d, answer + used, size - used, plus);
		at += d->d_reclen;
	}
	if (got < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_buf(req, answer, used);
	free(answer);
}

static void do_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	list(req, ino, size, off, fi, false);
}

static void do_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
			   struct fuse_file_info *fi)
{
	list(req, ino, size, off, fi, true);
}

static void do_init(void *unused, struct fuse_conn_info *conn)
{
	(void)unused;
	conn->want &=
		~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
	/* reads ahead and direct ones: as many at once as there are */
	conn->max_background = 1024;
	conn->congestion_threshold = 1024;
}

static struct fuse_lowlevel_ops operations = {
	.init = do_init,
	.lookup = do_lookup,
	.forget = do_forget,
	.forget_multi = do_forget_multi,
	.getattr = do_getattr,
	.setattr = do_setattr,
	.readlink = do_readlink,
	.mknod = do_mknod,
	.mkdir = do_mkdir,
	.unlink = do_unlink,
	.rmdir = do_rmdir,
	.symlink = do_symlink,
	.rename = do_rename,
	.link = do_link,
	.open = do_open,
	.create = do_create,
	.read = do_read,
	.write = do_write,
	.flush = do_flush,
	.release = do_release,
	.fsync = do_fsync,
	.opendir = do_opendir,
	.readdir = do_readdir,
	.readdirplus = do_readdirplus,
	.releasedir = do_release,
	.fsyncdir = do_fsync,
	.statfs = do_statfs,
	.setxattr = do_setxattr,
	.getxattr = do_getxattr,
	.listxattr = do_listxattr,
	.removexattr = do_removexattr,
	.fallocate = do_fallocate,
	.copy_file_range = do_copy_file_range,
	.lseek = do_lseek,
};

const struct fuse_lowlevel_ops *pass_operations(const struct slowfs_options *o, int backing)
{
	opt = o;
	root.fd = backing;
	if (o->no_xattr) {
		operations.setxattr = NULL;
		operations.getxattr = NULL;
		operations.listxattr = NULL;
		operations.removexattr = NULL;
	}
	return &operations;
}
