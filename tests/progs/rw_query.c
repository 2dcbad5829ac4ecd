/* SPDX-License-Identifier: MIT */
/* rw_query.c - a pending file is asked about: stat family, access, listings, names, attributes */
#include "states.h"

#include <dirent.h>
#include <fts.h>
#include <ftw.h>
#include <glob.h>
#include <libgen.h>
#include <poll.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

int __xstat(int ver, const char *path, struct stat *st);
int __lxstat(int ver, const char *path, struct stat *st);
int __fxstatat(int ver, int dirfd, const char *path, struct stat *st, int flags);
int __fxstat(int ver, int fd, struct stat *st);

static void answer(const char *label, int r, const struct stat *st)
{
	if (r < 0)
		out("%s: %s\n", label, t_errno(errno));
	else
		t_stat_line(label, st);
}

static void stat_route(ROUTE_ARGS)
{
	struct stat st;
	int r = stat(t_name("%s/%s", dir, name), &st);

	answer("stat", r, &st);
}
ROUTE(stat)

static void lstat_route(ROUTE_ARGS)
{
	struct stat st;
	int r = lstat(t_name("%s/%s", dir, name), &st);

	answer("lstat", r, &st);
	r = lstat(t_name("%s/s_%s", dir, name), &st);
	answer("lstat link", r, &st);
}
ROUTE(lstat)

static void stat64_route(ROUTE_ARGS)
{
	struct stat64 st;
	int r = stat64(t_name("%s/%s", dir, name), &st);

	out("stat64 %d size %ld\n", r, r ? 0L : (long)st.st_size);
	r = lstat64(t_name("%s/%s", dir, name), &st);
	out("lstat64 %d size %ld\n", r, r ? 0L : (long)st.st_size);
	r = fstatat64(AT_FDCWD, t_name("%s/%s", dir, name), &st, 0);
	out("fstatat64 %d size %ld\n", r, r ? 0L : (long)st.st_size);
}
ROUTE(stat64)

static void stat_symlink_route(ROUTE_ARGS)
{
	struct stat st;
	int r = stat(t_name("%s/s_%s", dir, name), &st);

	answer("stat through link", r, &st);
}
ROUTE(stat_symlink)

static void fstatat_route(ROUTE_ARGS)
{
	struct stat st;
	int d = (int)OK(open(dir, O_RDONLY | O_DIRECTORY));
	int r = fstatat(d, name, &st, 0);

	answer("fstatat", r, &st);
	r = fstatat(d, name, &st, AT_SYMLINK_NOFOLLOW);
	answer("fstatat nofollow", r, &st);
	close(d);
}
ROUTE(fstatat)

static void fstat_route(ROUTE_ARGS)
{
	struct stat st;
	int r;

	if (st_fds[s] >= 0) {
		r = fstat(st_fds[s], &st);
		answer("fstat", r, &st);
		r = fstatat(st_fds[s], "", &st, AT_EMPTY_PATH);
		answer("fstatat AT_EMPTY_PATH", r, &st);
		r = __fxstat(1, st_fds[s], &st);
		answer("__fxstat", r, &st);
	}
	r = open(t_name("%s/%s", dir, name), O_PATH);
	if (r >= 0) {
		int q = fstat(r, &st);

		answer("fstat of O_PATH", q, &st);
		close(r);
	}
}
ROUTE(fstat)

static void xstat_route(ROUTE_ARGS)
{
	struct stat st;
	int r = __xstat(1, t_name("%s/%s", dir, name), &st);

	answer("__xstat", r, &st);
	r = __lxstat(1, t_name("%s/%s", dir, name), &st);
	answer("__lxstat", r, &st);
	r = __fxstatat(1, AT_FDCWD, t_name("%s/%s", dir, name), &st, 0);
	answer("__fxstatat", r, &st);
}
ROUTE(xstat)

static void statx_route(ROUTE_ARGS)
{
	struct statx sx;
	int r = statx(AT_FDCWD, t_name("%s/%s", dir, name), 0, STATX_BASIC_STATS, &sx);

	if (r < 0)
		out("statx: %s\n", t_errno(errno));
	else
		out("statx: mode %o nlink %u uid %u size %llu\n", sx.stx_mode, sx.stx_nlink,
		    sx.stx_uid, sx.stx_size);
	if (st_fds[s] >= 0) {
		r = statx(st_fds[s], "", AT_EMPTY_PATH, STATX_SIZE, &sx);
		out("statx of the fd: %d size %llu\n", r, sx.stx_size);
	}
}
ROUTE(statx)

static void access_route(ROUTE_ARGS)
{
	char *path = t_name("%s/%s", dir, name);
	int d = (int)OK(open(dir, O_RDONLY | O_DIRECTORY));

	RL("access F_OK", access(path, F_OK));
	RL("access R_OK|W_OK", access(path, R_OK | W_OK));
	RL("access X_OK", access(path, X_OK));
	RL("euidaccess", euidaccess(path, F_OK));
	RL("eaccess", eaccess(path, R_OK));
	RL("faccessat", faccessat(d, name, F_OK, 0));
	RL("faccessat AT_EACCESS", faccessat(d, name, R_OK, AT_EACCESS));
	close(d);
}
ROUTE(access)

static void access_first_route(ROUTE_ARGS)
{
	RL("access", access(t_name("%s/s_%s", dir, name), F_OK));
}
ROUTE(access_first)

static void faccessat_first_route(ROUTE_ARGS)
{
	RL("faccessat", faccessat(AT_FDCWD, t_name("%s/%s", dir, name), F_OK, 0));
}
ROUTE(faccessat_first)

static void readlink_route(ROUTE_ARGS)
{
	char to[256] = "";

	RL("readlink of a file", (int)readlink(t_name("%s/%s", dir, name), to, sizeof(to) - 1));
	RL("readlink of the link", (int)readlink(t_name("%s/s_%s", dir, name), to, sizeof(to) - 1));
	out("%s\n", to);
	RL("readlinkat", (int)readlinkat(AT_FDCWD, t_name("%s/%s", dir, name), to, sizeof(to) - 1));
}
ROUTE(readlink)

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void note_names(const char *label, char **names, size_t n)
{
	qsort(names, n, sizeof(*names), by_name);
	out("%s:", label);
	for (size_t i = 0; i < n; i++)
		out(" %s", names[i]);
	out("\n");
}

static void list(const char *label, DIR *d)
{
	char *names[256];
	size_t n = 0;
	struct dirent *e;

	if (!d) {
		out("%s: %s\n", label, t_errno(errno));
		return;
	}
	while (n < T_COUNT(names) && (e = readdir(d)))
		names[n++] = strdup(e->d_name);
	note_names(label, names, n);
	closedir(d);
}

static void opendir_route(ROUTE_ARGS)
{
	list("opendir", opendir(dir));
}
ROUTE(opendir)

static void fdopendir_route(ROUTE_ARGS)
{
	list("fdopendir", fdopendir((int)OK(open(dir, O_RDONLY | O_DIRECTORY))));
}
ROUTE(fdopendir)

/* Opened while nothing was pending, read afterwards. */
static DIR *early;

static void early_route(ROUTE_ARGS)
{
	list("opened before", early);
	early = opendir(dir);
}

CASE(opendir_before)
{
	early = opendir("a");
	st_each("a", early_route);
	early = opendir("b");
	st_all("b", early_route);
}

static void rewinddir_route(ROUTE_ARGS)
{
	static DIR *d;
	char *names[256];
	size_t n = 0;
	struct dirent *e;

	if (!d)
		d = opendir("a");
	rewinddir(d);
	while (n < T_COUNT(names) && (e = readdir(d)))
		names[n++] = strdup(e->d_name);
	note_names("rewinddir", names, n);
}

CASE(rewinddir)
{
	st_each("a", rewinddir_route);
}

static int wanted(const struct dirent *e)
{
	return e->d_name[0] != '.' && e->d_name[1] != '_';
}

static void scandir_route(ROUTE_ARGS)
{
	struct dirent **e;
	int n = scandir(dir, &e, wanted, alphasort);

	out("scandir %d:", n);
	for (int i = 0; i < n; i++)
		out(" %s(%d)", e[i]->d_name, e[i]->d_type);
	out("\n");
}
ROUTE(scandir)

static void glob_route(ROUTE_ARGS)
{
	glob_t g;

	out("glob %d:", glob(t_name("%s/[a-r]*", dir), 0, NULL, &g));
	for (size_t i = 0; i < g.gl_pathc; i++)
		out(" %s", g.gl_pathv[i]);
	out("\n");
	globfree(&g);
	out("glob of the name: %d\n", glob(t_name("%s/%s", dir, name), 0, NULL, &g));
	globfree(&g);
}
ROUTE(glob)

static char *walked[512];
static size_t nwalked;

static int walk(const char *path, const struct stat *st, int type, struct FTW *f T_UNUSED)
{
	if (type == FTW_F)
		walked[nwalked++] = strdup(t_name("%s:%ld", path, (long)st->st_size));
	return 0;
}

static int walk_old(const char *path, const struct stat *st, int type)
{
	return walk(path, st, type, NULL);
}

static void nftw_route(ROUTE_ARGS)
{
	nwalked = 0;
	out("nftw %d\n", nftw(dir, walk, 16, FTW_PHYS));
	note_names("nftw", walked, nwalked);
}
ROUTE(nftw)

static void ftw_route(ROUTE_ARGS)
{
	nwalked = 0;
	out("ftw %d\n", ftw(dir, walk_old, 16));
	note_names("ftw", walked, nwalked);
}
ROUTE(ftw)

static void fts_route(ROUTE_ARGS)
{
	char *const roots[] = {(char *)dir, NULL};
	FTS *f = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *e;

	nwalked = 0;
	while (f && (e = fts_read(f)))
		if (e->fts_info == FTS_F)
			walked[nwalked++] =
				strdup(t_name("%s:%ld", e->fts_path, (long)e->fts_statp->st_size));
	if (f)
		fts_close(f);
	note_names("fts", walked, nwalked);
}
ROUTE(fts)

static void realpath_route(ROUTE_ARGS)
{
	char *r = realpath(t_name("%s/s_%s", dir, name), NULL);

	out("realpath: %s\n", r ? basename(r) : t_errno(errno));
	free(r);
	r = canonicalize_file_name(t_name("%s/./%s", dir, name));
	out("canonicalize: %s\n", r ? basename(r) : t_errno(errno));
	free(r);
}
ROUTE(realpath)

static void xattr_route(ROUTE_ARGS)
{
	char *path = t_name("%s/%s", dir, name), v[64];

	RL("getxattr", (int)getxattr(path, "user.t", v, sizeof(v)));
	RL("setxattr", setxattr(path, "user.t", "value", 5, 0));
	RL("getxattr", (int)getxattr(path, "user.t", v, sizeof(v)));
	RL("listxattr", (int)listxattr(path, v, sizeof(v)));
	if (st_fds[s] >= 0)
		RL("fgetxattr", (int)fgetxattr(st_fds[s], "user.t", v, sizeof(v)));
	RL("removexattr", removexattr(path, "user.t"));
}
ROUTE(xattr)

static void getxattr_first_route(ROUTE_ARGS)
{
	char v[64];

	RL("lgetxattr", (int)lgetxattr(t_name("%s/%s", dir, name), "user.t", v, sizeof(v)));
	RL("llistxattr", (int)llistxattr(t_name("%s/%s", dir, name), v, sizeof(v)));
}
ROUTE(getxattr_first)

static void pathconf_route(ROUTE_ARGS)
{
	struct statvfs vfs;
	struct statfs fs;

	RL("statvfs", statvfs(t_name("%s/%s", dir, name), &vfs));
	RL("statfs", statfs(t_name("%s/%s", dir, name), &fs));
	RL("pathconf", (int)pathconf(t_name("%s/%s", dir, name), _PC_NAME_MAX));
}
ROUTE(pathconf)

static void inotify_route(ROUTE_ARGS)
{
	int in = (int)OK(inotify_init1(IN_CLOEXEC));

	RL("inotify_add_watch",
	   inotify_add_watch(in, t_name("%s/%s", dir, name), IN_ATTRIB) >= 0 ? 0 : -1);
	close(in);
}
ROUTE(inotify)

static void fd_query_route(ROUTE_ARGS)
{
	int n = -1;

	if (st_fds[s] < 0)
		return;
	R(fcntl(st_fds[s], F_GETFL) & ~O_LARGEFILE);
	R(fcntl(st_fds[s], F_GETFD));
	RL("FIONREAD", ioctl(st_fds[s], FIONREAD, &n));
	R(isatty(st_fds[s]));
	R(lseek(st_fds[s], 0, SEEK_END));
	R(lseek(st_fds[s], 0, SEEK_DATA));
	R(lseek(st_fds[s], 0, SEEK_END));
}
ROUTE(fd_query)

/* A program that watches sees its own work as it happens. */
static void show_events(int in)
{
	_Alignas(struct inotify_event) char buf[8192];
	struct pollfd p = {in, POLLIN, 0};
	ssize_t n;

	if (poll(&p, 1, 0) <= 0) {
		out("no events\n");
		return;
	}
	n = read(in, buf, sizeof(buf));
	for (ssize_t at = 0; at < n;) {
		struct inotify_event *e = (struct inotify_event *)(buf + at);

		out("%x %s\n", e->mask, e->len ? e->name : "");
		at += (ssize_t)(sizeof(*e) + e->len);
	}
}

CASE(watching)
{
	int in = (int)OK(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));

	OK(mkdir("w", 0755));
	for (int i = 0; i < 10; i++)
		put(t_name("w/before%d", i), "x");
	RL("watch", inotify_add_watch(in, "w", IN_ALL_EVENTS) >= 0 ? 0 : -1);
	put("w/before1", "y");
	put("w/new", "z");
	show_events(in);
	OK(unlink("w/new"));
	show_events(in);
	OK(close(in));
}

CASE(watching_all)
{
	int fan = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK | FAN_CLOEXEC, O_RDONLY);
	struct fanotify_event_metadata events[64];
	ssize_t n;

	OK(mkdir("w", 0755));
	for (int i = 0; i < 10; i++)
		put(t_name("w/f%d", i), "x");
	if (fan < 0) { /* not root */
		out("%s\n", t_errno(errno));
		return;
	}
	R(fanotify_mark(fan, FAN_MARK_ADD, FAN_CLOSE_WRITE | FAN_EVENT_ON_CHILD, AT_FDCWD, "w"));
	put("w/f1", "y");
	put("w/new", "z");
	n = R(read(fan, events, sizeof(events)));
	for (struct fanotify_event_metadata *e = events; FAN_EVENT_OK(e, n);
	     e = FAN_EVENT_NEXT(e, n)) {
		char path[4096];
		ssize_t len = readlink(t_name("/proc/self/fd/%d", e->fd), path, sizeof(path) - 1);

		path[len < 0 ? 0 : len] = '\0';
		out("event %llx: %s\n", (unsigned long long)e->mask, strrchr(path, '/'));
		close(e->fd);
	}
	close(fan);
}

/* Sizes and link counts through the life of one file, asked after each step. */
CASE(size_by_step)
{
	struct stat st;
	int fd = R(open("step", O_WRONLY | O_CREAT | O_TRUNC, 0640));
	int r;

	for (int i = 0; i < 4; i++) {
		write_all(fd, "0123456789", 10);
		r = fstat(fd, &st);
		answer("fstat", r, &st);
	}
	write_all(fd, "01234", 5);
	r = stat("step", &st);
	answer("stat", r, &st);
	write_all(fd, "01234", 5);
	R(ftruncate(fd, 12));
	r = fstat(fd, &st);
	answer("after ftruncate", r, &st);
	R(unlink("step"));
	r = fstat(fd, &st);
	answer("after unlink", r, &st);
	write_all(fd, "x", 1);
	r = fstat(fd, &st);
	answer("after another write", r, &st);
	OK(close(fd));
	meta("step");
}

/* Times are what stock gives: in order, not before the work and not after its end. */
CASE(times)
{
	struct timespec before, after;
	struct stat a, b;

	clock_gettime(CLOCK_REALTIME_COARSE, &before);
	put("first", "1");
	put("second", "2");
	OK(stat("second", &b));
	OK(stat("first", &a));
	clock_gettime(CLOCK_REALTIME_COARSE, &after);
	/* Two executors may do them side by side, and either may have to wait for a processor. */
	out("first not after second, to a tenth of a second: %d\n",
	    (a.st_mtim.tv_sec - b.st_mtim.tv_sec) * 1000000000LL + a.st_mtim.tv_nsec -
			    b.st_mtim.tv_nsec <
		    100000000);
	out("not before: %d\n", a.st_mtim.tv_sec >= before.tv_sec);
	out("not in the future: %d\n", b.st_mtim.tv_sec <= after.tv_sec);
}

static const struct t_case cases[] = {
	C(stat),
	C(lstat),
	C(stat64),
	C(stat_symlink),
	C(fstatat),
	C(fstat),
	C(xstat),
	C(statx),
	C(access),
	C(access_first),
	C(faccessat_first),
	C(readlink),
	C(opendir),
	C(fdopendir),
	C(opendir_before),
	C(rewinddir),
	C(scandir),
	C(glob),
	C(nftw),
	C(ftw),
	C(fts),
	C(realpath),
	C(xattr),
	C(getxattr_first),
	C(pathconf),
	C(inotify),
	C(watching),
	C(watching_all),
	C(fd_query),
	C(size_by_step),
	C(times),
};

int main(int argc, char **argv)
{
	return t_main(argc, argv, cases, T_COUNT(cases), st_fixture);
}
