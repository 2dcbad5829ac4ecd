/* SPDX-License-Identifier: MIT */
/* rw_open.c - a pending file is opened and read by every way that a name can take */
#include "states.h"

#include <linux/openat2.h>
#include <sys/syscall.h>

int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dirfd, const char *path, int flags);
int __openat64_2(int dirfd, const char *path, int flags);

/* Notes what an open answered and what the descriptor gives; closes it. */
static void take(const char *label, int fd)
{
	if (fd < 0) {
		out("%s: %s\n", label, t_errno(errno));
		return;
	}
	t_rest(label, fd);
	close(fd);
}

static void plain_route(ROUTE_ARGS)
{
	show(t_name("%s/%s", dir, name));
}
ROUTE(plain)

static void dotted_route(ROUTE_ARGS)
{
	show(t_name("./%s//./%s", dir, name));
	show(t_name("%s/../%s/../%s/%s", dir, dir, dir, name));
}
ROUTE(dotted)

static void absolute_route(ROUTE_ARGS)
{
	char cwd[4096];

	if (!getcwd(cwd, sizeof(cwd)))
		out("getcwd failed\n");
	take("absolute", open(t_name("%s/%s/%s", cwd, dir, name), O_RDONLY));
}
ROUTE(absolute)

static void dirfd_route(ROUTE_ARGS)
{
	int d = (int)OK(open(dir, O_RDONLY | O_DIRECTORY));

	take("openat", openat(d, name, O_RDONLY));
	take("openat64", openat64(d, t_name("../%s/%s", dir, name), O_RDONLY));
	close(d);
	d = (int)OK(open(dir, O_PATH));
	take("openat O_PATH", openat(d, name, O_RDONLY));
	close(d);
}
ROUTE(dirfd)

static void chdir_route(ROUTE_ARGS)
{
	OK(chdir(dir));
	take("after chdir", open(name, O_RDONLY));
	OK(chdir(".."));
}
ROUTE(chdir)

static void fchdir_route(ROUTE_ARGS)
{
	int back = (int)OK(open(".", O_RDONLY | O_DIRECTORY));
	int d = (int)OK(open(dir, O_RDONLY | O_DIRECTORY));

	OK(fchdir(d));
	take("after fchdir", open(name, O_RDONLY));
	OK(fchdir(back));
	close(d);
	close(back);
}
ROUTE(fchdir)

static void symlink_route(ROUTE_ARGS)
{
	take("symlink", open(t_name("%s/s_%s", dir, name), O_RDONLY));
	take("symlink, O_NOFOLLOW", open(t_name("%s/s_%s", dir, name), O_RDONLY | O_NOFOLLOW));
}
ROUTE(symlink)

static void symlinked_dir_route(ROUTE_ARGS)
{
	show(t_name("l%s/%s", dir, name));
	show(t_name("l%s/s_%s", dir, name));
}
ROUTE(symlinked_dir)

static void hardlink_route(ROUTE_ARGS)
{
	show(t_name("c/h_%s", name));
	show(t_name("c/%s", name));
	meta(t_name("c/h_%s", name));
}

CASE(hardlink)
{
	st_each("c", hardlink_route);
}

CASE(hardlink_all)
{
	st_all("c", hardlink_route);
}

/* Work through the second name, looked at through the first. */
CASE(hardlink_reverse)
{
	for (int s = 0; s < ST_NSTATES; s++) {
		char path[64];

		if (!st_exists[s])
			continue;
		snprintf(path, sizeof(path), "c/h_%s", st_names[s]);
		st_make((enum st_state)s, path);
		show(t_name("c/%s", st_names[s]));
		show(path);
		st_finish((enum st_state)s, path);
	}
}

static void procfd_route(ROUTE_ARGS)
{
	int fd = open(t_name("%s/%s", dir, name), O_PATH);
	char link[64];

	if (fd >= 0) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		take("by O_PATH", open(link, O_RDONLY));
		snprintf(link, sizeof(link), "/dev/fd/%d", fd);
		take("by /dev/fd", open(link, O_RDONLY));
		close(fd);
	} else {
		out("O_PATH: %s\n", t_errno(errno));
	}
}
ROUTE(procfd)

/* The descriptor that is still open, by its name in /proc. */
static void procfd_own_route(ROUTE_ARGS)
{
	char to[4096];
	ssize_t n;

	if (st_fds[s] < 0)
		return;
	take("own fd", open(t_name("/proc/self/fd/%d", st_fds[s]), O_RDONLY));
	take("own fd", open(t_name("/proc/%d/fd/%d", (int)getpid(), st_fds[s]), O_RDONLY));
	take("own fd", open(t_name("/proc/thread-self/fd/%d", st_fds[s]), O_RDONLY));
	n = readlink(t_name("/proc/self/fd/%d", st_fds[s]), to, sizeof(to) - 1);
	if (n > 0) {
		to[n] = '\0';
		out("link ends in %s\n", strrchr(to, '/'));
	}
}
ROUTE(procfd_own)

static void proc_cwd_route(ROUTE_ARGS)
{
	char cwd[4096];

	take("/proc/self/cwd", open(t_name("/proc/self/cwd/%s/%s", dir, name), O_RDONLY));
	if (!getcwd(cwd, sizeof(cwd)))
		out("getcwd failed\n");
	take("/proc/self/root", open(t_name("/proc/self/root%s/%s/%s", cwd, dir, name), O_RDONLY));
}
ROUTE(proc_cwd)

struct ask {
	char path[64];
	int fd;
	int err;
};

static void *asker(void *arg)
{
	struct ask *a = arg;

	a->fd = open(a->path, O_RDONLY);
	a->err = errno;
	return NULL;
}

static void thread_route(ROUTE_ARGS)
{
	struct ask a = {.fd = -1};
	pthread_t t;

	snprintf(a.path, sizeof(a.path), "%s/%s", dir, name);
	if (pthread_create(&t, NULL, asker, &a) || pthread_join(t, NULL))
		out("no thread\n");
	errno = a.err;
	take("thread", a.fd);
}
ROUTE(thread)

/* A thread that was there before the work began. */
static struct {
	pthread_mutex_t m;
	pthread_cond_t c;
	struct ask *job;
	bool stop;
} pool = {.m = PTHREAD_MUTEX_INITIALIZER, .c = PTHREAD_COND_INITIALIZER};

static void *pool_main(void *arg)
{
	pthread_mutex_lock(&pool.m);
	while (!pool.stop) {
		if (pool.job) {
			asker(pool.job);
			pool.job = NULL;
			pthread_cond_broadcast(&pool.c);
		} else {
			pthread_cond_wait(&pool.c, &pool.m);
		}
	}
	pthread_mutex_unlock(&pool.m);
	return arg;
}

static void old_thread_route(ROUTE_ARGS)
{
	struct ask a = {.fd = -1};

	snprintf(a.path, sizeof(a.path), "%s/%s", dir, name);
	pthread_mutex_lock(&pool.m);
	pool.job = &a;
	pthread_cond_broadcast(&pool.c);
	while (pool.job)
		pthread_cond_wait(&pool.c, &pool.m);
	pthread_mutex_unlock(&pool.m);
	errno = a.err;
	take("old thread", a.fd);
}

CASE(old_thread)
{
	pthread_t t;

	if (pthread_create(&t, NULL, pool_main, NULL))
		out("no thread\n");
	st_each("a", old_thread_route);
	st_all("b", old_thread_route);
	pthread_mutex_lock(&pool.m);
	pool.stop = true;
	pthread_cond_broadcast(&pool.c);
	pthread_mutex_unlock(&pool.m);
	pthread_join(t, NULL);
}

static void openat2_route(ROUTE_ARGS)
{
	struct open_how how = {.flags = O_RDONLY};

	take("openat2",
	     (int)syscall(SYS_openat2, AT_FDCWD, t_name("%s/%s", dir, name), &how, sizeof(how)));
}
ROUTE(openat2)

static void syscall_route(ROUTE_ARGS)
{
	take("syscall(open)", (int)syscall(SYS_open, t_name("%s/%s", dir, name), O_RDONLY));
	take("syscall(openat)",
	     (int)syscall(SYS_openat, AT_FDCWD, t_name("%s/%s", dir, name), O_RDONLY));
}
ROUTE(syscall)

static void fortify_route(ROUTE_ARGS)
{
	char *path = t_name("%s/%s", dir, name);

	take("__open_2", __open_2(path, O_RDONLY));
	take("__open64_2", __open64_2(path, O_RDONLY));
	take("__openat_2", __openat_2(AT_FDCWD, path, O_RDONLY));
	take("__openat64_2", __openat64_2(AT_FDCWD, path, O_RDONLY));
	take("open64", open64(path, O_RDONLY));
}
ROUTE(fortify)

static void handle_route(ROUTE_ARGS)
{
	union {
		struct file_handle fh;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} h = {.fh.handle_bytes = MAX_HANDLE_SZ};
	int id;
	int d = (int)OK(open(".", O_RDONLY | O_DIRECTORY));

	if (name_to_handle_at(AT_FDCWD, t_name("%s/%s", dir, name), &h.fh, &id, 0) < 0)
		out("no handle: %s\n", t_errno(errno));
	else
		take("by handle", open_by_handle_at(d, &h.fh, O_RDONLY));
	close(d);
}
ROUTE(handle)

/* Names that lead to a pending create through a symlink that dangled before. */
CASE(dangling)
{
	int fd;

	OK(symlink("target", "dang"));
	OK(symlink("target2", "a/dang2"));
	show("dang");
	put("dang", "through the link");
	show("target");
	meta("target");
	meta("dang");
	put("a/target2", "made directly");
	show("a/dang2");
	fd = R(open("a/dang2", O_WRONLY | O_CREAT | O_TRUNC, 0600));
	write_all(fd, "again", 5);
	show("a/target2");
	OK(close(fd));
	show("a/dang2");
	R(unlink("a/target2"));
	show("a/dang2");
	R(open("a/dang2", O_WRONLY | O_CREAT | O_EXCL, 0600));
	put("a/dang2", "once more");
	R(unlink("a/dang2"));
	show("a/target2");
}

/* The pending file is itself reached by names that are made while it is pending. */
CASE(new_names)
{
	put("x", "content of x");
	OK(symlink("x", "x_sym"));
	show("x_sym");
	put("y", "content of y");
	OK(link("y", "y_hard"));
	show("y_hard");
	put("y", "other content of y");
	show("y_hard");
	put("y_hard", "third");
	show("y");
	R(unlink("y"));
	show("y_hard");
	meta("y_hard");
	put("a/z", "in a");
	OK(rename("a", "was_a"));
	show("was_a/z");
	show("a/z");
	OK(mkdir("a", 0755));
	put("a/z", "in the new a");
	show("a/z");
	show("was_a/z");
}

CASE(readonly_then_write)
{
	int r = R(open("a/same", O_RDONLY));

	putn("a/same", 100, 99);
	t_rest("opened before the rewrite", r);
	OK(close(r));
	r = R(open("a/longer", O_RDONLY));
	putn("a/longer", 5000, 3);
	t_rest("opened before the rewrite", r);
	putn("a/longer", 10, 4);
	R(lseek(r, 0, SEEK_SET));
	t_rest("after another rewrite", r);
	OK(close(r));
}

static const struct t_case cases[] = {
	C(plain),
	C(dotted),
	C(absolute),
	C(dirfd),
	C(chdir),
	C(fchdir),
	C(symlink),
	C(symlinked_dir),
	C(hardlink),
	C(hardlink_all),
	C(hardlink_reverse),
	C(procfd),
	C(procfd_own),
	C(proc_cwd),
	C(thread),
	C(old_thread),
	C(openat2),
	C(syscall),
	C(fortify),
	C(handle),
	C(dangling),
	C(new_names),
	C(readonly_then_write),
};

int main(int argc, char **argv)
{
	return t_main(argc, argv, cases, T_COUNT(cases), st_fixture);
}
