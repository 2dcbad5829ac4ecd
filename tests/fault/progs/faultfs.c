/* SPDX-License-Identifier: MIT */
/*
 * faultfs.c - a FUSE file system that passes everything through to a directory, except for faults
 *
 *	fault-faultfs BACKING RULES LOG MOUNTPOINT
 *
 * Runs in the foreground until it is unmounted.  RULES is a file that is read again whenever
 * another file has taken its name; a rule is a line
 *
 *	OPERATION PATTERN WHICH FAULT
 *
 * OPERATION is one of ops[] or *; PATTERN (as in fnmatch) is matched with the path below the mount
 * point; WHICH says which of the calls that match: * all, N the Nth, N+ from the Nth on, /N each
 * Nth. FAULT is the name of an errno, short:BYTES (a write does at most so much), delay:US, or hang
 * (until the rules change, or a signal comes).  Delays and hangs go on to the next rule, an error
 * or a short write ends it. Each fault is a line "OPERATION PATH FAULT" of LOG, whose last line is
 * "total OPERATIONS FAULTS".
 */
#define FUSE_USE_VERSION 31

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <fuse3/fuse.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define RULES_MAX 64
#define LOOK_US 5000 /* between two looks whether a hang is over */

static const char *const ops[] = {
	"getattr", "readlink", "mkdir",   "unlink", "rmdir",  "symlink",  "rename",
	"link",    "chmod",    "chown",   "open",   "create", "read",     "write",
	"statfs",  "flush",    "release", "fsync",  "list",   "truncate", "utimens",
};

static const char *const errnos[] = {
	"EIO",   "ENOSPC", "EDQUOT", "EINTR",  "EACCES", "EPERM",  "EROFS",
	"EBUSY", "ENOMEM", "ENFILE", "EMFILE", "EFBIG",  "ESTALE", "EAGAIN",
};

static const int errno_values[] = {
	EIO,   ENOSPC, EDQUOT, EINTR,  EACCES, EPERM,  EROFS,
	EBUSY, ENOMEM, ENFILE, EMFILE, EFBIG,  ESTALE, EAGAIN,
};

struct rule {
	char op[16];
	char pattern[256];
	unsigned long from, to, each; /* which of the calls that match */
	unsigned long seen;           /* calls that have matched */
	char text[32];                /* the fault as it was written */
	int err;                      /* -errno, or 0 */
	long shorter;                 /* bytes that a write does at most, or -1 */
	unsigned delay_us;
	bool hang;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rule rules[RULES_MAX]; /* under lock, with the next two */
static int n_rules;
static struct stat rules_stat;      /* of the file that they came from */
static _Atomic unsigned generation; /* of the rules */
static _Atomic unsigned long operations, faults;
static const char *rules_file;
static int backing, log_fd;

/* ---- rules ---- */

static bool parse_which(struct rule *r, const char *s)
{
	char *end = NULL;

	r->from = r->each = 1;
	r->to = ~0UL;
	if (!strcmp(s, "*"))
		return true;
	if (*s == '/') {
		r->from = r->each = strtoul(s + 1, &end, 10);
		return *end == '\0' && r->each > 0;
	}
	r->from = strtoul(s, &end, 10);
	if (!strcmp(end, "+"))
		return true;
	r->to = r->from;
	return end != s && *end == '\0';
}

static bool parse_fault(struct rule *r)
{
	r->shorter = -1;
	if (sscanf(r->text, "short:%ld", &r->shorter) == 1 ||
	    sscanf(r->text, "delay:%u", &r->delay_us) == 1)
		return true;
	r->hang = !strcmp(r->text, "hang");
	for (size_t i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++)
		if (!strcmp(r->text, errnos[i]))
			r->err = -errno_values[i];
	return r->hang || r->err;
}

static bool known_op(const char *op)
{
	bool known = !strcmp(op, "*");

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		known |= !strcmp(op, ops[i]);
	return known;
}

/* With lock held. */
static void read_rules(void)
{
	char line[512], which[32];
	struct stat st;
	FILE *f;

	if (stat(rules_file, &st) ||
	    (st.st_ino == rules_stat.st_ino && st.st_mtim.tv_sec == rules_stat.st_mtim.tv_sec &&
	     st.st_mtim.tv_nsec == rules_stat.st_mtim.tv_nsec))
		return;
	f = fopen(rules_file, "re");
	if (!f)
		return;
	rules_stat = st;
	n_rules = 0;
	while (n_rules < RULES_MAX && fgets(line, sizeof(line), f)) {
		struct rule *r = &rules[n_rules++];

		memset(r, 0, sizeof(*r));
		if (sscanf(line, "%15s %255s %31s %31s", r->op, r->pattern, which, r->text) != 4 ||
		    !known_op(r->op) || !parse_which(r, which) || !parse_fault(r)) {
			fprintf(stderr, "fault-faultfs: bad rule: %s", line);
			_exit(99);
		}
	}
	fclose(f);
	atomic_fetch_add(&generation, 1);
}

static void note(const char *op, const char *path, const char *fault)
{
	char line[4600];
	int n = snprintf(line, sizeof(line), "%s %s %s\n", op, path, fault);

	atomic_fetch_add(&faults, 1);
	if (write(log_fd, line, (size_t)n) != n)
		_exit(99);
}

static bool applies(struct rule *r, const char *op, const char *path)
{
	if ((strcmp(r->op, "*") && strcmp(r->op, op)) || fnmatch(r->pattern, path, 0))
		return false;
	r->seen++;
	return r->seen >= r->from && r->seen <= r->to && r->seen % r->each == 0;
}

/* An operation whose caller has got a signal ends, as one on a network file system would. */
static int hang(unsigned since)
{
	while (atomic_load(&generation) == since) {
		if (fuse_interrupted())
			return -EINTR;
		usleep(LOOK_US);
		pthread_mutex_lock(&lock);
		read_rules();
		pthread_mutex_unlock(&lock);
	}
	return 0;
}

/* What happens to this operation: -errno, or 0; at most *bytes of a write are done. */
static int fault(const char *op, const char *path, size_t *bytes)
{
	unsigned delay_us = 0, gen;
	bool hangs = false;
	int err = 0;

	atomic_fetch_add(&operations, 1);
	pthread_mutex_lock(&lock);
	read_rules();
	gen = atomic_load(&generation);
	for (int i = 0; i < n_rules && !err; i++) {
		struct rule *r = &rules[i];

		if (!applies(r, op, path) || (r->shorter >= 0 && (size_t)r->shorter >= *bytes))
			continue;
		note(op, path, r->text);
		delay_us += r->delay_us;
		hangs |= r->hang;
		err = r->err;
		if (r->shorter >= 0) {
			*bytes = (size_t)r->shorter;
			break;
		}
	}
	pthread_mutex_unlock(&lock);
	if (delay_us)
		usleep(delay_us);
	if (hangs && hang(gen))
		return -EINTR;
	return err;
}

/* ---- operations ---- */

/* An open file */
struct file {
	int fd;
	char path[];
};

static struct file *file(struct fuse_file_info *fi)
{
	return (struct file *)(uintptr_t)fi->fh;
}

static const char *below(const char *path)
{
	return path[1] ? path + 1 : ".";
}

static int result(long r)
{
	return r < 0 ? -errno : (int)r;
}

/* OP(NAME, PATH, CALL): a fault, or what the call says */
static int begin(const char *op, const char *path)
{
	size_t none = 0;

	return fault(op, path, &none);
}

#define OP(name, path, call)                       \
	do {                                       \
		int err_ = begin(name, path);      \
		return err_ ? err_ : result(call); \
	} while (0)

static int do_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	if (fi)
		OP("getattr", file(fi)->path, fstat(file(fi)->fd, st));
	OP("getattr", path, fstatat(backing, below(path), st, AT_SYMLINK_NOFOLLOW));
}

static int do_readlink(const char *path, char *buf, size_t size)
{
	int err = begin("readlink", path);
	ssize_t n;

	if (err)
		return err;
	n = readlinkat(backing, below(path), buf, size - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return 0;
}

/* What is made belongs to who asks. */
static int owned(const char *path, int r)
{
	const struct fuse_context *c = fuse_get_context();

	if (r < 0)
		return -errno;
	return result(fchownat(backing, below(path), c->uid, c->gid, AT_SYMLINK_NOFOLLOW));
}

static int do_mkdir(const char *path, mode_t mode)
{
	int err = begin("mkdir", path);

	return err ? err : owned(path, mkdirat(backing, below(path), mode));
}

static int do_symlink(const char *target, const char *path)
{
	int err = begin("symlink", path);

	return err ? err : owned(path, symlinkat(target, backing, below(path)));
}

static int do_unlink(const char *path)
{
	OP("unlink", path, unlinkat(backing, below(path), 0));
}

static int do_rmdir(const char *path)
{
	OP("rmdir", path, unlinkat(backing, below(path), AT_REMOVEDIR));
}

static int do_rename(const char *from, const char *to, unsigned flags)
{
	OP("rename", from, renameat2(backing, below(from), backing, below(to), flags));
}

static int do_link(const char *from, const char *to)
{
	OP("link", from, linkat(backing, below(from), backing, below(to), 0));
}

static int do_chmod(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	(void)fi;
	OP("chmod", path, fchmodat(backing, below(path), mode, 0));
}

static int do_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *fi)
{
	(void)fi;
	OP("chown", path, fchownat(backing, below(path), uid, gid, AT_SYMLINK_NOFOLLOW));
}

static int do_truncate(const char *path, off_t size, struct fuse_file_info *fi)
{
	int err = begin("truncate", path), fd;

	if (err)
		return err;
	if (fi)
		return result(ftruncate(file(fi)->fd, size));
	fd = openat(backing, below(path), O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = result(ftruncate(fd, size));
	close(fd);
	return err;
}

static int do_utimens(const char *path, const struct timespec ts[2], struct fuse_file_info *fi)
{
	(void)fi;
	OP("utimens", path, utimensat(backing, below(path), ts, AT_SYMLINK_NOFOLLOW));
}

static int opened(const char *path, int fd, struct fuse_file_info *fi)
{
	size_t len = strlen(path) + 1;
	struct file *f;

	if (fd < 0)
		return -errno;
	f = malloc(sizeof(*f) + len);
	if (!f)
		_exit(99);
	f->fd = fd;
	memcpy(f->path, path, len);
	fi->fh = (uintptr_t)f;
	return 0;
}

static int do_open(const char *path, struct fuse_file_info *fi)
{
	int err = begin("open", path);

	return err ? err : opened(path, openat(backing, below(path), fi->flags | O_CLOEXEC), fi);
}

static int do_create(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	int err = begin("create", path), fd;

	if (err)
		return err;
	fd = openat(backing, below(path), fi->flags | O_CREAT | O_CLOEXEC, mode);
	if (fd >= 0)
		owned(path, 0);
	return opened(path, fd, fi);
}

static int do_read(const char *path, char *buf, size_t size, off_t off, struct fuse_file_info *fi)
{
	(void)path;
	OP("read", file(fi)->path, pread(file(fi)->fd, buf, size, off));
}

static int do_write(const char *path, const char *buf, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	int err = fault("write", file(fi)->path, &size);

	(void)path;
	return err ? err : result(pwrite(file(fi)->fd, buf, size, off));
}

static int do_statfs(const char *path, struct statvfs *st)
{
	OP("statfs", path, fstatvfs(backing, st));
}

static int do_flush(const char *path, struct fuse_file_info *fi)
{
	(void)path;
	return begin("flush", file(fi)->path);
}

static int do_release(const char *path, struct fuse_file_info *fi)
{
	(void)path;
	begin("release", file(fi)->path);
	close(file(fi)->fd);
	free(file(fi));
	return 0;
}

static int do_fsync(const char *path, int data_only, struct fuse_file_info *fi)
{
	(void)path;
	(void)data_only;
	OP("fsync", file(fi)->path, fsync(file(fi)->fd));
}

static int do_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t off,
		      struct fuse_file_info *fi, enum fuse_readdir_flags flags)
{
	int err = begin("list", path), fd;
	struct dirent *e;
	DIR *d;

	(void)off;
	(void)fi;
	(void)flags;
	if (err)
		return err;
	fd = openat(backing, below(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		struct stat st = {.st_ino = e->d_ino, .st_mode = DTTOIF(e->d_type)};

		fill(buf, e->d_name, &st, 0, 0);
	}
	closedir(d);
	return 0;
}

static void *do_init(struct fuse_conn_info *conn, struct fuse_config *cfg)
{
	(void)conn;
	cfg->use_ino = 1;
	cfg->hard_remove = 1;
	return NULL;
}

static const struct fuse_operations operations_table = {
	.init = do_init,
	.getattr = do_getattr,
	.readlink = do_readlink,
	.mkdir = do_mkdir,
	.unlink = do_unlink,
	.rmdir = do_rmdir,
	.symlink = do_symlink,
	.rename = do_rename,
	.link = do_link,
	.chmod = do_chmod,
	.chown = do_chown,
	.truncate = do_truncate,
	.utimens = do_utimens,
	.open = do_open,
	.create = do_create,
	.read = do_read,
	.write = do_write,
	.statfs = do_statfs,
	.flush = do_flush,
	.release = do_release,
	.fsync = do_fsync,
	.readdir = do_readdir,
};

int main(int argc, char **argv)
{
	static char *args[] = {(char *)"faultfs",
			       (char *)"-f",
			       (char *)"-o",
			       (char *)"allow_other,default_permissions,max_threads=64",
			       NULL,
			       NULL};
	int status;

	if (argc != 5) {
		fprintf(stderr, "usage: fault-faultfs BACKING RULES LOG MOUNTPOINT\n");
		return 99;
	}
	backing = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rules_file = realpath(argv[2], NULL);
	log_fd = open(argv[3], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (backing < 0 || !rules_file || log_fd < 0) {
		perror("fault-faultfs");
		return 99;
	}
	umask(0);
	args[4] = argv[4];
	status = fuse_main(5, args, &operations_table, NULL);
	dprintf(log_fd, "total %lu %lu\n", atomic_load(&operations), atomic_load(&faults));
	return status;
}
