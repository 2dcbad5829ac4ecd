/* SPDX-License-Identifier: MIT */
/*
 * calls.h - what the expressions of ops.def need; also the text of every printed reproducer
 *
 * The transcript lies in memory that the observer shares, mapped by raw system calls, so that the
 * library sees neither channel nor mapping.
 */
#ifndef CALLS_H
#define CALLS_H

#include "../progs/t.h"

#include <dirent.h>
#include <ftw.h>
#include <glob.h>
#include <linux/futex.h>
#include <poll.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <utime.h>

#include "../fault/progs/raw.h"

#define SLOTS 12
#define TEXT_MAX (24u << 20)
#define HOME_FD 3 /* descriptors that the program finds open: its directory ... */
#define TELL_FD 4 /* ... and the observer's socket */

/* How the program tells the observer to look. */
enum { TELL_SOCKET, TELL_RENAME, TELL_SYMLINK, TELL_LINK, TELL_EMPTY, TELL_SIGNAL, TELL_KINDS };

struct shared {
	_Atomic uint32_t len;
	_Atomic uint32_t want; /* 0, or 1 + how the observer is going to be told */
	int observer;
	_Atomic long done[8]; /* operations finished, per thread of a block */
	char text[TEXT_MAX];
};

static struct shared *shared;
static int slots[SLOTS];
static int home_fd = HOME_FD;
static char home[256];
static const char *self_path;
static __thread struct text {
	char *p;
	size_t len, room;
} * own; /* in concurrent threads */
static __thread int *own_slots;

static void emit(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void emit(const char *fmt, ...)
{
	char line[9000];
	va_list ap;
	int n, err = errno;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	errno = err;
	if (own) {
		if (own->len + (size_t)n > own->room)
			return;
		memcpy(own->p + own->len, line, (size_t)n);
		own->len += (size_t)n;
		return;
	}
	if (shared->len + (uint32_t)n >= TEXT_MAX)
		return;
	memcpy(shared->text + shared->len, line, (size_t)n);
	shared->len += (uint32_t)n;
}

static void map_shared(const char *file)
{
	long fd = RAW(SYS_open, file, O_RDWR, 0, 0);

	shared = (struct shared *)raw_syscall(SYS_mmap, 0, sizeof(*shared), PROT_READ | PROT_WRITE,
					      MAP_SHARED, fd, 0);
	RAW(SYS_close, fd, 0, 0, 0);
}

static int *slot_table(void)
{
	return own_slots ? own_slots : slots;
}

/* The descriptor goes into a slot; what was there is closed. */
T_UNUSED static long set_fd(int slot, long fd)
{
	int *s = &slot_table()[slot], old = *s, err = errno;

	if (fd < 0)
		return fd;
	*s = (int)fd;
	if (old > TELL_FD && old != fd) {
		long r = close(old);

		if (r)
			emit("  old: %s\n", t_errno(errno));
	}
	errno = err;
	return own ? 0 : fd;
}

T_UNUSED static long close_fd(int slot)
{
	int *s = &slot_table()[slot], fd = *s;

	*s = -1;
	return close(fd);
}

#define BYTES_MAX (320 << 10)
#define PERIOD (26 * 26) /* of t_fill */
T_UNUSED static const char *bytes(int seed)
{
	static char buf[8][BYTES_MAX];
	static _Atomic int ready[8];

	seed &= 7;
	if (!ready[seed]) {
		t_fill(buf[seed], PERIOD, (unsigned)seed * 3 + 1);
		for (size_t i = PERIOD; i < BYTES_MAX; i++)
			buf[seed][i] = buf[seed][i - PERIOD];
		ready[seed] = 1;
	}
	return buf[seed];
}

/* A time that a program has set is before 2002. */
static const char *when(char *buf, const struct timespec *ts)
{
	if (ts->tv_sec > 1010000000)
		return "now";
	snprintf(buf, 40, "%ld.%09ld", ts->tv_sec, ts->tv_nsec);
	return buf;
}

static long tell_stat(long r, const struct stat *st)
{
	char m[40], a[40];

	if (r == 0)
		emit("  mode %o nlink %lu uid %u gid %u size %ld mtime %s atime %s\n", st->st_mode,
		     (unsigned long)st->st_nlink, st->st_uid, st->st_gid,
		     S_ISDIR(st->st_mode) ? 0L : (long)st->st_size, when(m, &st->st_mtim),
		     S_ISREG(st->st_mode) ? when(a, &st->st_atim) : "-");
	return r;
}

T_UNUSED static long get_stat(const char *path)
{
	struct stat st;

	return tell_stat(stat(path, &st), &st);
}

T_UNUSED static long get_lstat(const char *path)
{
	struct stat st;

	return tell_stat(lstat(path, &st), &st);
}

T_UNUSED static long get_fstat(int fd)
{
	struct stat st;

	return tell_stat(fstat(fd, &st), &st);
}

T_UNUSED static long get_fstat_empty(int fd)
{
	struct stat st;

	return tell_stat(fstatat(fd, "", &st, AT_EMPTY_PATH), &st);
}

T_UNUSED static long get_fstatat(int fd, const char *path, int k)
{
	struct stat st;

	return tell_stat(fstatat(fd, path, &st, k % 2 ? AT_SYMLINK_NOFOLLOW : 0), &st);
}

T_UNUSED static long get_statx(const char *path, int k)
{
	struct statx sx;
	long r = statx(AT_FDCWD, path, k % 2 ? AT_SYMLINK_NOFOLLOW : 0,
		       k % 3 ? STATX_BASIC_STATS : STATX_SIZE | STATX_TYPE, &sx);

	if (r == 0)
		emit("  mode %o size %ld\n", sx.stx_mode & (unsigned)S_IFMT,
		     S_ISDIR(sx.stx_mode) ? 0L : (long)sx.stx_size);
	return r;
}

static long tell_bytes(long n, const char *p)
{
	if (n > 0)
		emit("  hash %016lx\n", t_hash(p, (size_t)n));
	return n;
}

static char *room(void)
{
	static __thread char *buf;

	if (!buf)
		buf = (char *)raw_syscall(SYS_mmap, 0, 1 << 20, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return buf;
}

T_UNUSED static long get_link(const char *path)
{
	char *buf = room();
	long n = readlink(path, buf, 4096);

	if (n > 0)
		emit("  to %.*s\n", (int)n, buf);
	return n;
}

T_UNUSED static long get_fd_link(int fd)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd <= TELL_FD)
		return 0;
	return get_link(path);
}

T_UNUSED static long get_realpath(const char *path)
{
	char *r = path ? realpath(path, room()) : NULL;

	if (r)
		emit("  is %s\n", r);
	return r ? 0 : -1;
}

T_UNUSED static long get_cwd(void)
{
	char *r = getcwd(room(), 4096);

	if (r)
		emit("  is %s\n", r);
	return r ? 0 : -1;
}

T_UNUSED static int reopen(int fd, int flags)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd <= TELL_FD) {
		errno = EBADF;
		return -1;
	}
	return open(path, flags & ~O_EXCL, 0600);
}

T_UNUSED static long put_file(const char *path, int flags, int n, int seed)
{
	int fd = open(path, flags, 0644);
	long r;

	if (fd < 0)
		return -1;
	r = n ? write(fd, bytes(seed), (size_t)n) : 0;
	if (r != n)
		emit("  write %ld %s\n", r, r < 0 ? t_errno(errno) : "");
	return close(fd);
}

T_UNUSED static const char *in_home(const char *name)
{
	static __thread char path[2][600];
	static __thread int next;
	char *p = path[next++ % 2];

	snprintf(p, sizeof(path[0]), "%s/%s", home, name);
	return p;
}

T_UNUSED static const char *long_name(int n)
{
	static __thread char name[400];

	memset(name, 'n', (size_t)n);
	name[n] = 0;
	return name;
}

static const struct timespec *times(int k)
{
	static __thread struct timespec ts[2];

	ts[0] = (struct timespec){1000000000 + k, k * 1000};
	ts[1] = (struct timespec){1000000100 + k, k * 3000};
	if (k == 5)
		ts[0].tv_nsec = UTIME_OMIT;
	if (k == 6)
		ts[1].tv_nsec = UTIME_OMIT;
	if (k == 7)
		ts[0].tv_nsec = ts[1].tv_nsec = UTIME_NOW;
	return ts;
}

T_UNUSED static long set_times(const char *path, int k)
{
	return utimensat(AT_FDCWD, path, times(k), k % 2 ? AT_SYMLINK_NOFOLLOW : 0);
}

T_UNUSED static long set_ftimes(int fd, int k)
{
	return futimens(fd, k ? times(k) : NULL);
}

/* As an unpacking program does it. */
T_UNUSED static long put_meta(const char *path, int mode, int n, int k)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | (k % 2 ? O_CLOEXEC : 0), 0600);

	if (fd < 0)
		return -1;
	if (n)
		emit("  write %zd\n", write(fd, bytes(k), (size_t)n));
	if (k & 1)
		emit("  fchown %d\n", fchown(fd, (uid_t)k, (gid_t)k));
	if (k & 2)
		emit("  fchmod %d\n", fchmod(fd, (mode_t)mode));
	if (k & 4)
		emit("  futimens %d\n", futimens(fd, times(k)));
	return close(fd);
}

T_UNUSED static long set_utime(const char *path, int k)
{
	struct utimbuf t = {1000000000 + k, 1000000000 + 2 * k};

	return utime(path, &t);
}

static const struct timeval *micro(int k)
{
	static __thread struct timeval tv[2];

	tv[0] = (struct timeval){1000000000 + k, k};
	tv[1] = (struct timeval){1000000000 + 3 * k, k};
	return tv;
}

T_UNUSED static long set_utimes(const char *path, int k)
{
	return utimes(path, micro(k));
}

T_UNUSED static long set_lutimes(const char *path, int k)
{
	return lutimes(path, micro(k));
}

T_UNUSED static long set_futimes(int fd, int k)
{
	return futimes(fd, micro(k));
}

T_UNUSED static long get_linkat(int fd, const char *path)
{
	char *buf = room();
	long n = readlinkat(fd, path, buf, 4096);

	if (n > 0)
		emit("  to %.*s\n", (int)n, buf);
	return n;
}

T_UNUSED static long get_statfs(const char *path)
{
	struct statfs sf;
	long r = statfs(path, &sf);

	if (r == 0)
		emit("  type %lx\n", (long)sf.f_type);
	return r;
}

T_UNUSED static long fstatfs_type(int fd)
{
	struct statfs sf;

	return fd <= TELL_FD ? 0 : fstatfs(fd, &sf);
}

T_UNUSED static long read_parts(int fd, int n)
{
	struct iovec v[2] = {{room(), (size_t)n / 2}, {room() + n / 2, (size_t)(n - n / 2)}};

	return tell_bytes(readv(fd, v, 2), room());
}

T_UNUSED static long pread_parts(int fd, int n, long off)
{
	struct iovec v[2] = {{room(), (size_t)n / 2}, {room() + n / 2, (size_t)(n - n / 2)}};

	return tell_bytes(preadv(fd, v, 2, off), room());
}

T_UNUSED static long pwrite_parts(int fd, int n, int seed, long off)
{
	struct iovec v[2] = {{(char *)bytes(seed), (size_t)n / 2},
			     {(char *)bytes(seed + 1), (size_t)(n - n / 2)}};

	return pwritev(fd, v, 2, off);
}

/* From a file through a pipe of our own. */
T_UNUSED static long splice_round(int fd, int n)
{
	int p[2];
	long r;

	if (fd <= TELL_FD || pipe(p))
		return -1;
	if (n > 60000)
		n = 60000;
	r = splice(fd, NULL, p[1], NULL, (size_t)n, SPLICE_F_NONBLOCK);
	if (r > 0)
		emit("  out %ld\n", tell_bytes(read(p[0], room(), (size_t)r), room()));
	close(p[0]);
	close(p[1]);
	return r;
}

T_UNUSED static long read_some(int fd, int n)
{
	return tell_bytes(read(fd, room(), (size_t)n), room());
}

T_UNUSED static long pread_some(int fd, int n, long off)
{
	return tell_bytes(pread(fd, room(), (size_t)n, off), room());
}

T_UNUSED static long show_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	long n;

	if (fd < 0)
		return -1;
	n = tell_bytes(read(fd, room(), 1 << 20), room());
	if (n < 0)
		emit("  read %s\n", t_errno(errno));
	close(fd);
	return n < 0 ? 0 : n;
}

T_UNUSED static long write_parts(int fd, int n, int seed)
{
	struct iovec v[3] = {{(char *)bytes(seed), (size_t)n / 2},
			     {(char *)bytes(seed + 1), (size_t)(n - n / 2)},
			     {NULL, 0}};

	return writev(fd, v, seed % 2 ? 3 : 2);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void tell_names(DIR *d)
{
	char *names[2000];
	size_t n = 0;
	uint64_t hash = 0;
	struct dirent *e;

	while (n < T_COUNT(names) && (e = readdir(d)))
		names[n++] = strdup(e->d_name);
	qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n; i++) {
		if (n <= 40)
			emit("  %s\n", names[i]);
		hash = hash * 31 + t_hash(names[i], strlen(names[i]));
		free(names[i]);
	}
	emit("  %zu names, hash %016lx\n", n, hash);
}

T_UNUSED static long list_dir(const char *path)
{
	DIR *d = path && (size_t)path > 4096 ? opendir(path) : NULL;

	if (!d)
		return -1;
	tell_names(d);
	return closedir(d);
}

T_UNUSED static long list_twice(const char *path)
{
	DIR *d = path && (size_t)path > 4096 ? opendir(path) : NULL;

	if (!d)
		return -1;
	tell_names(d);
	rewinddir(d);
	tell_names(d);
	return closedir(d);
}

T_UNUSED static long scan_dir(const char *path)
{
	struct dirent **names;
	uint64_t hash = 0;
	int n = path && (size_t)path > 4096 ? scandir(path, &names, NULL, alphasort) : -1;

	for (int i = 0; i < n; i++) {
		hash = hash * 31 + t_hash(names[i]->d_name, strlen(names[i]->d_name));
		free(names[i]);
	}
	if (n >= 0) {
		free(names);
		emit("  hash %016lx\n", hash);
	}
	return n;
}

static struct walk {
	int files, directories, others;
	long bytes;
} walk;

static int walk_one(const char *path, const struct stat *st, int type, struct FTW *info)
{
	(void)path;
	(void)info;
	if (type == FTW_F) {
		walk.files++;
		walk.bytes += S_ISREG(st->st_mode) ? (long)st->st_size : 0;
	} else if (type == FTW_D || type == FTW_DP) {
		walk.directories++;
	} else {
		walk.others++;
	}
	return 0;
}

T_UNUSED static long walk_dir(const char *path)
{
	long r;

	walk = (struct walk){0};
	r = path && (size_t)path > 4096 ? nftw(path, walk_one, 10, FTW_PHYS) : -1;
	emit("  %d files, %d directories, %d others, %ld bytes\n", walk.files, walk.directories,
	     walk.others, walk.bytes);
	return r;
}

T_UNUSED static long glob_dir(const char *path)
{
	char pattern[700];
	glob_t g = {0};
	long n;

	if (!path || (size_t)path < 4096 || strlen(path) > 600)
		return -1;
	snprintf(pattern, sizeof(pattern), "%s/*1*", path);
	if (glob(pattern, 0, NULL, &g) == 0)
		for (size_t i = 0; i < g.gl_pathc && i < 10; i++)
			emit("  %s\n", g.gl_pathv[i]);
	n = (long)g.gl_pathc;
	globfree(&g);
	return n;
}

/* As rm does it: by descriptors. */
static long rm_in(int dirfd, int *failed)
{
	struct dirent *e;
	DIR *d = fdopendir(dirfd);

	if (!d) {
		close(dirfd);
		return -1;
	}
	while ((e = readdir(d))) {
		int sub = -1, r;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (e->d_type == DT_DIR)
			sub = openat(dirfd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
		if (sub >= 0)
			rm_in(sub, failed);
		r = unlinkat(dirfd, e->d_name, e->d_type == DT_DIR ? AT_REMOVEDIR : 0);
		*failed += r != 0;
	}
	return closedir(d);
}

T_UNUSED static long rm_tree(const char *path)
{
	int fd, failed = 0;

	if (!path || (size_t)path < 4096 || path[0] == '/' || strchr(path, '.'))
		return -2;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	rm_in(fd, &failed);
	emit("  %d stay\n", failed);
	return rmdir(path);
}

static DIR *stream;
T_UNUSED static long open_stream(const char *path)
{
	if (stream)
		closedir(stream);
	stream = path && (size_t)path > 4096 ? opendir(path) : NULL;
	return stream ? 0 : -1;
}

T_UNUSED static long read_stream(int k)
{
	if (!stream)
		return 0;
	if (k % 2)
		rewinddir(stream);
	else
		seekdir(stream, 0);
	tell_names(stream);
	return 0;
}

T_UNUSED static long list_raw(int fd)
{
	long n, count = 0;

	if (fd <= TELL_FD)
		return 0;
	lseek(fd, 0, SEEK_SET);
	while ((n = syscall(SYS_getdents64, fd, room(), 1 << 16)) > 0)
		for (long at = 0; at < n; at += ((struct dirent64 *)(room() + at))->d_reclen)
			count++;
	return n < 0 ? n : count;
}

T_UNUSED static long map_read(int fd)
{
	struct stat st;
	char *p;

	if (fstat(fd, &st) || !st.st_size)
		return -2;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -1;
	emit("  hash %016lx\n", t_hash(p, (size_t)st.st_size));
	return munmap(p, (size_t)st.st_size);
}

T_UNUSED static long map_write(int fd, int k)
{
	struct stat st;
	char *p;

	if (fstat(fd, &st) || !st.st_size)
		return -2;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -1;
	p[st.st_size / 2] = (char)('A' + k);
	if (k % 2)
		msync(p, (size_t)st.st_size, MS_SYNC);
	return munmap(p, (size_t)st.st_size);
}

T_UNUSED static long set_lock(int fd, int k)
{
	struct flock l = {.l_type = k % 3 == 0 ? F_UNLCK : F_WRLCK, .l_whence = SEEK_SET};

	return k < 4 ? fcntl(fd, F_SETLK, &l) : lockf(fd, k % 2 ? F_TLOCK : F_ULOCK, 0);
}

T_UNUSED static long poll_fd(int fd)
{
	struct pollfd p = {fd, POLLIN | POLLOUT, 0};
	long r = poll(&p, 1, 0);

	emit("  revents %x\n", (unsigned)p.revents);
	return r;
}

T_UNUSED static long pipe_round(int k)
{
	int p[2];
	char c = 'x';
	long r;

	if (pipe2(p, k % 2 ? O_CLOEXEC : 0))
		return -1;
	r = write(p[1], &c, 1);
	r += read(p[0], &c, 1);
	close(p[0]);
	close(p[1]);
	return own ? r : r + p[0] * 100;
}

T_UNUSED static long stream_put(const char *path, int k, int n)
{
	static const char *const modes[] = {"w", "a", "r+", "w+", "wx", "we", "a+", "w"};
	FILE *f = path && (size_t)path > 4096 ? fopen(path, modes[k % 8]) : NULL;
	size_t got;

	if (!f)
		return -1;
	got = fwrite(bytes(k), 1, (size_t)n, f);
	if (k & 1)
		fprintf(f, "%d\n", k);
	if (k & 2)
		fflush(f);
	emit("  wrote %zu at %ld\n", got, ftell(f));
	return fclose(f);
}

T_UNUSED static long stream_update(const char *path, int k, int n)
{
	FILE *f = path && (size_t)path > 4096 ? fopen(path, k % 2 ? "r+" : "a+") : NULL;

	if (!f)
		return -1;
	emit("  read %zu\n", fread(room(), 1, 40, f));
	fseek(f, k, k % 3 ? SEEK_SET : SEEK_END);
	emit("  wrote %zu at %ld\n", fwrite(bytes(k), 1, (size_t)n, f), ftell(f));
	rewind(f);
	emit("  char %d\n", fgetc(f));
	return fclose(f);
}

T_UNUSED static long stream_print(const char *path, int k)
{
	FILE *f = path && (size_t)path > 4096 ? fopen(path, "w") : NULL;

	if (!f)
		return -1;
	if (k % 2)
		setvbuf(f, NULL, k % 4 == 1 ? _IONBF : _IOLBF, 0);
	for (int i = 0; i < 5; i++) {
		fprintf(f, "line %d of %s\n", i, "five");
		fputs("text", f);
		fputc('a' + i, f);
		putc('\n', f);
	}
	fseek(f, 3, SEEK_SET);
	fputs("over", f);
	emit("  at %ld\n", ftell(f));
	return fclose(f);
}

T_UNUSED static long stream_lines(const char *path)
{
	FILE *f = path && (size_t)path > 4096 ? fopen(path, "r") : NULL;
	char *line = NULL;
	size_t size = 0;
	long n = 0;

	if (!f)
		return -1;
	while (n < 50 && getline(&line, &size, f) > 0)
		n++;
	free(line);
	fclose(f);
	return n;
}

T_UNUSED static long stream_get(const char *path)
{
	FILE *f = path && (size_t)path > 4096 ? fopen(path, "r") : NULL;
	size_t n;

	if (!f)
		return -1;
	n = fread(room(), 1, 1 << 20, f);
	tell_bytes((long)n, room());
	fclose(f);
	return (long)n;
}

T_UNUSED static long stream_on(int slot, int k)
{
	int fd = slots[slot];
	FILE *f = fd > TELL_FD ? fdopen(fd, k % 2 ? "w" : "r") : NULL;

	if (!f)
		return -1;
	slots[slot] = -1;
	if (k % 2)
		fprintf(f, "text %d\n", k);
	else
		emit("  char %d\n", fgetc(f));
	return fclose(f);
}

T_UNUSED static long stream_again(const char *a, const char *b)
{
	FILE *f = a && b && (size_t)a > 4096 && (size_t)b > 4096 ? fopen(a, "w") : NULL;

	if (!f)
		return -1;
	fputs("one", f);
	f = freopen(b, "w", f);
	if (!f)
		return -2;
	fputs("two", f);
	return fclose(f);
}

T_UNUSED static long temp_file(const char *dir, int n)
{
	char name[600];
	int fd;

	if ((size_t)dir < 4096 || strlen(dir) > 200)
		return -2;
	snprintf(name, sizeof(name), "%s/tmp.XXXXXX", dir);
	fd = mkstemp(name);
	if (fd < 0)
		return -1;
	emit("  fd %d wrote %zd unlink %d\n", fd, write(fd, bytes(1), (size_t)n), unlink(name));
	return close(fd);
}

T_UNUSED static long temp_stream(int n)
{
	FILE *f = tmpfile();

	if (!f)
		return -1;
	fwrite(bytes(2), 1, (size_t)n, f);
	rewind(f);
	tell_bytes((long)fread(room(), 1, 1 << 20, f), room());
	return fclose(f);
}

/* ---- runs ---- */

static const int run_sizes[] = {12, 70, 40, 24, 36, 100, 260, 16};

#ifndef FUZZ_TALLY
#define FUZZ_TALLY 0 /* 1: each answer */
#endif

/* Notes how the answers of a run were distributed rather than each of them. */
struct tally {
	long ok, bad;
	uint64_t hash;
};

static void count(struct tally *t, int i, long r)
{
	if (FUZZ_TALLY)
		emit("   %d %ld %s\n", i, r, r < 0 ? t_errno(errno) : "");
	if (r >= 0) {
		t->ok++;
		t->hash = t->hash * 31 + (uint64_t)r;
	} else {
		t->bad++;
		t->hash = t->hash * 31 + (uint64_t)(i * 1000 + errno);
	}
}

static long tell_tally(const struct tally *t)
{
	emit("  ok %ld failed %ld hash %016lx\n", t->ok, t->bad, t->hash);
	return 0;
}

static bool usable(const char *dir)
{
	return (size_t)dir > 4096 && *dir && strlen(dir) < 200;
}

static char *nth(const char *dir, int i)
{
	static __thread char name[1300];

	snprintf(name, sizeof(name), "%s/r%d", dir, i);
	return name;
}

T_UNUSED static long temp_dir(const char *dir)
{
	char name[280];

	if ((size_t)dir < 4096 || strlen(dir) > 200)
		return -2;
	snprintf(name, sizeof(name), "%s/tmp.XXXXXX", dir);
	if (!mkdtemp(name))
		return -1;
	emit("  put %ld\n", put_file(nth(name, 1), O_WRONLY | O_CREAT, 10, 1));
	emit("  unlink %d\n", unlink(nth(name, 1)));
	return rmdir(name);
}

T_UNUSED static long run_put(const char *dir, int k, int n, int flags)
{
	struct tally t = {0};

	if (!usable(dir))
		return 0;
	for (int i = 0; i < run_sizes[k]; i++) {
		int fd = open(nth(dir, i), flags, 0640), len = n > 20000 ? n / 8 + i : n;

		count(&t, i, fd < 0 || own ? (fd < 0 ? -1 : 0) : fd);
		if (fd < 0)
			continue;
		if (len)
			count(&t, i, write(fd, bytes(i), (size_t)len));
		count(&t, i, close(fd));
	}
	return tell_tally(&t);
}

T_UNUSED static long run_meta(const char *dir, int k, int n)
{
	struct tally t = {0};

	if (!usable(dir))
		return 0;
	for (int i = 0; i < run_sizes[k]; i++) {
		int fd = open(nth(dir, i), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		count(&t, i, fd < 0 ? -1 : 0);
		if (fd < 0)
			continue;
		count(&t, i, write(fd, bytes(i), (size_t)n / 4 + 1));
		count(&t, i, fchown(fd, (uid_t)(i % 3), (gid_t)(i % 2)));
		count(&t, i, fchmod(fd, (mode_t)(0600 + i % 64)));
		count(&t, i, futimens(fd, times(i % 5)));
		count(&t, i, close(fd));
	}
	return tell_tally(&t);
}

T_UNUSED static long run_unlink(const char *dir, int k)
{
	struct tally t = {0};

	if (!usable(dir))
		return 0;
	for (int i = 0; i < run_sizes[k]; i++)
		count(&t, i, unlink(nth(dir, i)));
	return tell_tally(&t);
}

/* A tree as npm and rm leave it: directories of a few files, removed from the leaves up. */
T_UNUSED static long run_rmdir(const char *dir, int k, int how)
{
	char sub[3][300];
	struct tally t = {0};

	if (!usable(dir))
		return 0;
	for (int i = 0; i < 3; i++) {
		snprintf(sub[i], sizeof(sub[i]), "%s/s", i ? sub[i - 1] : dir);
		count(&t, i, mkdir(sub[i], 0755));
		for (int j = 0; j < run_sizes[k] / 4; j++)
			count(&t, j, put_file(nth(sub[i], j), O_WRONLY | O_CREAT, 30 + j, how));
		if (how / 2 % 2) /* else they may never come to be */
			list_dir(sub[i]);
	}
	for (int i = 2; i >= 0; i--) {
		for (int j = how == i ? 1 : 0; j < run_sizes[k] / 4; j++)
			count(&t, j, unlink(nth(sub[i], j)));
		count(&t, i, rmdir(sub[i]));
	}
	if (how % 2)
		count(&t, how, mkdir(sub[0], 0700));
	return tell_tally(&t);
}

static long content_of(const char *path)
{
	int fd = open(path, O_RDONLY);
	long n;

	if (fd < 0)
		return -1;
	n = read(fd, room(), 1 << 20);
	if (n > 0)
		n += (long)(t_hash(room(), (size_t)n) >> 8);
	close(fd);
	return n;
}

T_UNUSED static long run_check(const char *dir, int k)
{
	struct tally t = {0};

	if (!usable(dir))
		return 0;
	for (int i = 0; i < run_sizes[k]; i++)
		count(&t, i, content_of(nth(dir, i)));
	return tell_tally(&t);
}

T_UNUSED static long run_stat(const char *dir, int k)
{
	struct tally t = {0};
	struct stat st;

	if (!usable(dir))
		return 0;
	for (int i = 0; i < run_sizes[k]; i++) {
		long r = stat(nth(dir, i), &st);

		count(&t, i, r ? r : (long)st.st_size * 4096 + (long)st.st_mode);
	}
	return tell_tally(&t);
}

T_UNUSED static long run_rename(const char *dir, int k)
{
	struct tally t = {0};

	if (!usable(dir))
		return 0;
	for (int i = 0; i < run_sizes[k]; i += 2) {
		char from[300];

		strcpy(from, nth(dir, i));
		count(&t, i, rename(from, nth(dir, i + 1)));
	}
	return tell_tally(&t);
}

/* Written, synced and given their names, as those do it who want them to be safe. */
T_UNUSED static long run_publish(const char *dir, int k, int n)
{
	struct tally t = {0};

	if (!usable(dir))
		return 0;
	for (int i = 0; i < run_sizes[k]; i++) {
		const char *name = nth(dir, i % 6 == 5 ? i - 1 : i);
		int flagged = i % 5 == 4, fd;
		char temp[1302];

		snprintf(temp, sizeof(temp), "%s~", name);
		fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | (flagged ? O_DSYNC : 0), 0640);
		count(&t, i, fd < 0 ? -1 : 0);
		if (fd < 0)
			continue;
		count(&t, i, write(fd, bytes(i), (size_t)n % 9000 + 1));
		if (!flagged)
			count(&t, i, fsync(fd));
		count(&t, i, close(fd));
		if (i % 3 == 1) {
			count(&t, i, link(temp, name));
			count(&t, i, unlink(temp));
		} else {
			count(&t, i, rename(temp, name));
		}
		if (i % 7 == 6)
			count(&t, i, content_of(nth(dir, i - k % 6)));
	}
	return tell_tally(&t);
}

/* Creates, overwrites, removes and looks, a few files apart. */
T_UNUSED static long run_mixed(const char *dir, int k, int n)
{
	struct tally t = {0};

	if (!usable(dir))
		return 0;
	for (int i = 0; i < run_sizes[k]; i++) {
		count(&t, i, put_file(nth(dir, i), O_WRONLY | O_CREAT | O_TRUNC, n % 9000 + 1, i));
		if (i % 3 == 1)
			count(&t, i,
			      put_file(nth(dir, i - 1), O_WRONLY | O_CREAT | O_TRUNC,
				       n % 9000 + 1 + (i % 2), i + 1));
		if (i % 5 == 4)
			count(&t, i, unlink(nth(dir, i - k % 4)));
		if (i % 7 == 6)
			count(&t, i, content_of(nth(dir, i - k % 6)));
	}
	return tell_tally(&t);
}

/* ---- other processes ---- */

static void reaped(pid_t pid)
{
	int st = 0;

	if (pid < 0 || waitpid(pid, &st, 0) != pid)
		emit("  no child: %s\n", t_errno(errno));
	else
		emit("  child: %x\n", (unsigned)st);
}

T_UNUSED static long shell(int k, const char *a, const char *b)
{
	static const char *const what[] = {"cat '%s' >'%s'",      "echo x >>'%s'; cat '%s'",
					   "cp '%s' '%s'",        "mv '%s' '%s'",
					   "ln '%s' '%s'",        "wc -c <'%s' >'%s'",
					   "rm -f '%s'; ls '%s'", "test -s '%s' && echo y >'%s'"};
	char cmd[1200], *p = room();
	size_t n;
	FILE *f;

	if ((size_t)a < 4096 || (size_t)b < 4096 || strlen(a) > 400 || strlen(b) > 400)
		return -2;
	n = (size_t)snprintf(cmd, sizeof(cmd), "exec 2>/dev/null; ");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(cmd + n, sizeof(cmd) - n, what[k % 8], a, b);
#pragma GCC diagnostic pop
	if (k % 2)
		return system(cmd);
	f = popen(cmd, "r");
	if (!f)
		return -1;
	tell_bytes((long)fread(p, 1, 1 << 20, f), p);
	return pclose(f);
}

static char *no_env[] = {NULL};

T_UNUSED static long spawn(int k, const char *path)
{
	char *args[] = {(char *)"cat", NULL};
	posix_spawn_file_actions_t acts;
	pid_t pid = -1;
	int err;

	if ((size_t)path < 4096)
		return -2;
	posix_spawn_file_actions_init(&acts);
	if (k % 2)
		posix_spawn_file_actions_addopen(&acts, 0, path, O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&acts, 1, "spawned",
					 O_WRONLY | O_CREAT | (k & 2 ? O_TRUNC : O_APPEND), 0644);
	err = posix_spawn(&pid, "/bin/cat", &acts, NULL, args, k & 4 ? environ : no_env);
	posix_spawn_file_actions_destroy(&acts);
	if (!err)
		reaped(pid);
	return err;
}

T_UNUSED static long vforked(int k, const char *path)
{
	char *args[] = {(char *)"true", NULL};
	pid_t pid = vfork();

	if (pid == 0) {
		if (k % 2)
			dup2(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644), 20);
		if (k & 2)
			close(20);
		if (k & 4)
			_exit(k);
		execve("/bin/true", args, k % 3 ? environ : no_env);
		_exit(127);
	}
	reaped(pid);
	return 0;
}

/* ---- what others see ---- */

static void dump_entry(int dirfd, const char *name, const char *path);

static void dump_dir(int fd, const char *path)
{
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	char *names[2000], sub[4200];
	struct dirent *e;
	size_t n = 0;

	if (!d)
		return;
	while (n < T_COUNT(names) && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			names[n++] = strdup(e->d_name);
	qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n; i++) {
		snprintf(sub, sizeof(sub), "%.2000s/%.2000s", path, names[i]);
		dump_entry(dirfd(d), names[i], sub);
		free(names[i]);
	}
	closedir(d);
}

static void dump_entry(int dirfd, const char *name, const char *path)
{
	struct stat st;
	char m[40];
	long n = 0;
	int fd;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW))
		return;
	emit(":%s %o %u:%u", path, st.st_mode, st.st_uid, st.st_gid);
	if (S_ISDIR(st.st_mode)) {
		emit("\n");
		dump_dir(openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), path);
		return;
	}
	if (S_ISLNK(st.st_mode)) {
		n = readlinkat(dirfd, name, room(), 4096);
		emit(" -> %.*s", (int)n, room());
	} else if (S_ISREG(st.st_mode)) {
		fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NOATIME);
		n = read(fd, room(), 1 << 20);
		close(fd);
		emit(" links %lu size %ld hash %016lx", (unsigned long)st.st_nlink,
		     (long)st.st_size, n > 0 ? t_hash(room(), (size_t)n) : 0);
	}
	emit(" %s\n", when(m, &st.st_mtim));
}

static void dump_tree(const char *label, int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY);

	emit("tree, %s\n", label);
	dump_dir(copy, "");
}

static void wake(_Atomic uint32_t *word)
{
	RAW(SYS_futex, word, FUTEX_WAKE, 100, 0);
}

static bool wait_while(_Atomic uint32_t *word, uint32_t value, int seconds)
{
	const struct timespec t = {0, 1000000};

	for (int i = 0; *word == value; i++) {
		if (i > seconds * 1000)
			return false;
		RAW(SYS_futex, word, FUTEX_WAIT, value, &t);
	}
	return true;
}

static void marker(char *buf, size_t size, int kind)
{
	snprintf(buf, size, "%s/marker.%d", home, kind);
}

/* Runs beside the program, without the library: told of progress, it looks at the tree. */
T_UNUSED static void observe(int top_fd, int socket)
{
	static const char *const labels[] = {"told by the socket", "a rename",
					     "a symlink",          "a link",
					     "an empty file",      "a signal"};
	sigset_t usr1;
	char name[300], c;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	for (;;) {
		int kind;

		while (!shared->want)
			wait_while(&shared->want, 0, 1);
		kind = (int)shared->want - 1;
		marker(name, sizeof(name), kind);
		if (kind == TELL_SOCKET) {
			if (read(socket, &c, 1) != 1)
				return;
		} else if (kind == TELL_SIGNAL) {
			sigwaitinfo(&usr1, NULL);
		} else {
			struct stat st;

			while (lstat(name, &st) && shared->want)
				usleep(100);
		}
		dump_tree(labels[kind], top_fd);
		shared->want = 0;
		wake(&shared->want);
	}
}

T_UNUSED static long tell(int k)
{
	char name[300], other[320], c = 'x';
	int kind = k % TELL_KINDS, fd;
	long r = 0;

	marker(name, sizeof(name), kind);
	snprintf(other, sizeof(other), "%s.other", name);
	if (kind == TELL_RENAME || kind == TELL_LINK)
		close(open(other, O_WRONLY | O_CREAT, 0644));
	shared->want = (uint32_t)kind + 1;
	wake(&shared->want);
	switch (kind) {
	case TELL_SOCKET:
		r = write(TELL_FD, &c, 1) == 1 ? 0 : -1;
		break;
	case TELL_RENAME:
		r = rename(other, name);
		break;
	case TELL_SYMLINK:
		r = symlink("nowhere", name);
		break;
	case TELL_LINK:
		r = link(other, name);
		break;
	case TELL_EMPTY:
		fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		r = close(fd);
		break;
	case TELL_SIGNAL:
		r = kill(shared->observer, SIGUSR1);
		break;
	}
	if (r) {
		emit("  tell: %s\n", t_errno(errno));
		shared->want = 0;
	} else if (!wait_while(&shared->want, (uint32_t)kind + 1, 10)) {
		emit("  the observer was not told\n");
		shared->want = 0;
	}
	if (kind != TELL_SOCKET && kind != TELL_SIGNAL)
		unlink(name);
	if (kind == TELL_LINK)
		unlink(other);
	return r;
}

static char shared_arg[300];

/* An unpreloaded child looks at the tree. */
T_UNUSED static long run_checker(int k)
{
	char *args[] = {(char *)self_path, (char *)"--dump", shared_arg, home, NULL};
	char cmd[1000];
	pid_t pid = -1;

	switch (k % 4) {
	case 0:
		pid = fork();
		if (pid == 0) {
			execve(self_path, args, no_env);
			_exit(127);
		}
		break;
	case 1:
		pid = vfork();
		if (pid == 0) {
			execve(self_path, args, no_env);
			_exit(127);
		}
		break;
	case 2:
		posix_spawn(&pid, self_path, NULL, NULL, args, no_env);
		break;
	default:
		snprintf(cmd, sizeof(cmd), "env -i %s --dump %s %s", self_path, shared_arg, home);
		return system(cmd);
	}
	reaped(pid);
	return 0;
}

static const char *handler_path;
static int handler_n;

static void handler(int sig T_UNUSED)
{
	long r = put_file(handler_path, O_WRONLY | O_CREAT | O_TRUNC, handler_n, 3);

	emit("  in the handler: %ld\n", r);
}

T_UNUSED static long from_handler(const char *path, int n)
{
	handler_path = path;
	handler_n = n;
	signal(SIGUSR2, handler);
	return raise(SIGUSR2);
}

T_UNUSED static long nap(int k)
{
	const struct timespec t = {0, (k % 4) * 700000};

	RAW(SYS_nanosleep, &t, NULL, 0, 0);
	return 0;
}

static void *alone(void *arg)
{
	long r = put_file(((char **)arg)[0], O_WRONLY | O_CREAT | O_TRUNC, *((int **)arg)[1], 5);

	emit("  in the thread: %ld\n", r);
	return NULL;
}

T_UNUSED static long in_thread(const char *path, int n)
{
	void *arg[2] = {(void *)path, &n};
	pthread_t id;

	if (pthread_create(&id, NULL, alone, arg))
		return -1;
	return pthread_join(id, NULL);
}

/* ---- how processes end ---- */

static int *volatile nowhere;

T_UNUSED static void leave(int k, bool child)
{
	emit("leave %d\n", k);
	switch (k % (child ? 5 : 9)) {
	case 0:
		exit(3);
	case 1:
		_exit(4);
	case 2:
		quick_exit(5);
	case 3:
		abort();
	case 4:
		raise(SIGTERM);
		break;
	case 5:
		RAW(SYS_kill, getpid(), SIGKILL, 0, 0);
		break;
	case 6:
		*nowhere = 0;
		break;
	case 7:
		RAW(SYS_exit_group, 6, 0, 0, 0);
		break;
	case 8:
		kill(getpid(), SIGKILL);
		break;
	}
	exit(0);
}

static void note_op(int i, const char *name, long r)
{
	int err = errno;

	if (r == -1)
		emit("%d %s = -1 %s\n", i, name, t_errno(err));
	else
		emit("%d %s = %ld\n", i, name, r);
}

T_UNUSED static void begin(const char *file, const char *dir)
{
	snprintf(home, sizeof(home), "%s", dir);
	snprintf(shared_arg, sizeof(shared_arg), "%s", file);
	map_shared(file);
	for (int i = 0; i < SLOTS; i++)
		slots[i] = -1;
}

/* A slot's table survives exec in the argument list. */
T_UNUSED static void exec_self(char **argv, int at)
{
	char text[SLOTS * 12], num[20];
	char *args[] = {argv[0], argv[1], argv[2], argv[3], argv[4], num, text, NULL};
	size_t n = 0;

	for (int i = 0; i < SLOTS; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%d ", slots[i]);
	snprintf(num, sizeof(num), "%d", at);
	execv(self_path, args);
	emit("exec: %s\n", t_errno(errno));
}

T_UNUSED static void slots_from(char *text)
{
	for (int i = 0; i < SLOTS; i++)
		slots[i] = (int)strtol(text, &text, 10);
}

/* fork, with what follows run by the child. */
T_UNUSED static bool forked(pid_t *pid)
{
	*pid = fork();
	return *pid == 0;
}

/* ---- concurrent threads: each in a directory of its own ---- */

struct worker {
	void (*run)(void *);
	void *arg;
	pthread_t id;
	struct text text;
	int slots[SLOTS];
};

static void *work(void *arg)
{
	struct worker *w = arg;

	own = &w->text;
	own_slots = w->slots;
	w->run(w->arg);
	for (int i = 0; i < SLOTS; i++)
		if (w->slots[i] >= 0)
			close(w->slots[i]);
	own = NULL;
	own_slots = NULL;
	return NULL;
}

T_UNUSED static void workers(struct worker *w, int n)
{
	for (int i = 0; i < n; i++) {
		w[i].text = (struct text){malloc(1 << 20), 0, 1 << 20};
		memset(w[i].slots, -1, sizeof(w[i].slots));
		if (pthread_create(&w[i].id, NULL, work, &w[i]))
			abort();
	}
	for (int i = 0; i < n; i++) {
		pthread_join(w[i].id, NULL);
		memcpy(shared->text + shared->len, w[i].text.p, w[i].text.len);
		shared->len += (uint32_t)w[i].text.len;
		free(w[i].text.p);
	}
}

#endif /* CALLS_H */
