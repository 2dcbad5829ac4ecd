/* SPDX-License-Identifier: MIT */
/* rw_change.c - a pending file is changed by its name, right after the close */
#include "states.h"

#include <dirent.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <utime.h>

static void see(const char *dir, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	meta(path);
	show(path);
}

static void truncate_route(ROUTE_ARGS)
{
	RL("truncate 10", truncate(t_name("%s/%s", dir, name), 10));
	see(dir, name);
	RL("truncate 200", truncate64(t_name("%s/%s", dir, name), 200));
	see(dir, name);
}
ROUTE(truncate)

static void chmod_route(ROUTE_ARGS)
{
	RL("chmod", chmod(t_name("%s/%s", dir, name), 0751));
	see(dir, name);
	RL("fchmodat", fchmodat(AT_FDCWD, t_name("%s/s_%s", dir, name), 0400, 0));
	meta(t_name("%s/%s", dir, name));
}
ROUTE(chmod)

static void chown_route(ROUTE_ARGS)
{
	RL("chown", chown(t_name("%s/%s", dir, name), 11, 12));
	see(dir, name);
	RL("lchown", lchown(t_name("%s/%s", dir, name), 13, (gid_t)-1));
	meta(t_name("%s/%s", dir, name));
	RL("fchownat", fchownat(AT_FDCWD, t_name("%s/s_%s", dir, name), (uid_t)-1, 14, 0));
	meta(t_name("%s/%s", dir, name));
}
ROUTE(chown)

static void lchown_link_route(ROUTE_ARGS)
{
	RL("lchown of the link", lchown(t_name("%s/s_%s", dir, name), 21, 22));
	meta(t_name("%s/s_%s", dir, name));
	meta(t_name("%s/%s", dir, name));
}
ROUTE(lchown_link)

static void note_times(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		out("%s: %s\n", path, t_errno(errno));
	else
		out("%s: atime %ld.%09ld mtime %ld.%09ld size %ld\n", path, st.st_atim.tv_sec,
		    st.st_atim.tv_nsec, st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (long)st.st_size);
}

static void utimensat_route(ROUTE_ARGS)
{
	const struct timespec ts[2] = {{1000, 123456789}, {2000, 987654321}};

	RL("utimensat", utimensat(AT_FDCWD, t_name("%s/%s", dir, name), ts, 0));
	note_times(t_name("%s/%s", dir, name));
}
ROUTE(utimensat)

static void utimes_route(ROUTE_ARGS)
{
	const struct timeval tv[2] = {{3000, 5}, {4000, 6}};
	const struct timeval tv2[2] = {{3001, 5}, {4001, 6}};

	RL("utimes", utimes(t_name("%s/%s", dir, name), tv));
	note_times(t_name("%s/%s", dir, name));
	RL("lutimes", lutimes(t_name("%s/%s", dir, name), tv2));
	note_times(t_name("%s/%s", dir, name));
	RL("futimesat", futimesat(AT_FDCWD, t_name("%s/%s", dir, name), tv));
	note_times(t_name("%s/%s", dir, name));
}
ROUTE(utimes)

static void utime_route(ROUTE_ARGS)
{
	const struct utimbuf ub = {5000, 6000};

	RL("utime", utime(t_name("%s/%s", dir, name), &ub));
	note_times(t_name("%s/%s", dir, name));
}
ROUTE(utime)

/* What is done to the descriptor first, before the close, must survive it. */
CASE(by_descriptor)
{
	const struct timespec ts[2] = {{1000, 1}, {2000, 2}};
	const struct timeval tv[2] = {{3000, 5}, {4000, 6}};
	int fd;

	for (int i = 0; i < 2; i++) {
		const char *path = i ? "a/same" : "fresh";

		fd = R(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
		write_all(fd, "content", 7);
		R(fchmod(fd, 0640));
		R(fchown(fd, 5, 6));
		R(futimens(fd, ts));
		R(close(fd));
		note_times(path);
		meta(path);
		show(path);

		fd = R(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
		R(futimens(fd, ts));
		R(fchmod(fd, 04755));
		R(fchown(fd, 7, 8));
		meta(path);
		R(fchmod(fd, 04755));
		write_all(fd, "content", 7);
		R(futimes(fd, tv));
		R(close(fd));
		meta(path);
		note_times(path);

		fd = R(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
		write_all(fd, "content", 7);
		R(fchmod(fd, 0));
		R(close(fd));
		meta(path);
		R(chmod(path, 0600));
		show(path);

		fd = R(open(path, O_WRONLY | O_TRUNC));
		R(utimensat(fd, "", ts, AT_EMPTY_PATH));
		R(futimens(fd, NULL));
		write_all(fd, "later", 5);
		R(fchmodat(fd, "", 0600, AT_EMPTY_PATH));
		R(fchownat(fd, "", 9, 9, AT_EMPTY_PATH));
		R(close(fd));
		meta(path);
	}
}

/* Setuid and setgid bits go with a write or a chown as they do in stock. */
CASE(suid_bits)
{
	int fd;

	put("sticky", "x");
	R(chmod("sticky", 06755));
	put("sticky", "y");
	meta("sticky");
	R(chmod("sticky", 06755));
	fd = R(open("sticky", O_WRONLY | O_TRUNC));
	meta("sticky");
	write_all(fd, "z", 1);
	R(close(fd));
	meta("sticky");
	fd = R(open("made", O_WRONLY | O_CREAT | O_TRUNC, 06777));
	meta("made");
	write_all(fd, "z", 1);
	R(fchmod(fd, 06755));
	R(fchown(fd, 3, 3));
	R(close(fd));
	meta("made");
	fd = R(open("made2", O_WRONLY | O_CREAT | O_TRUNC, 0777));
	write_all(fd, "z", 1);
	R(fchown(fd, 3, 3));
	R(fchmod(fd, 06755));
	R(close(fd));
	meta("made2");
	fd = R(open("made3", O_WRONLY | O_CREAT | O_TRUNC, 0777));
	R(fchmod(fd, 06755));
	write_all(fd, "z", 1);
	R(close(fd));
	meta("made3");
}

static void link_route(ROUTE_ARGS)
{
	RL("link", link(t_name("%s/%s", dir, name), t_name("%s/l_%s", dir, name)));
	see(dir, t_name("l_%s", name));
	see(dir, name);
	RL("linkat follow", linkat(AT_FDCWD, t_name("%s/s_%s", dir, name), AT_FDCWD,
				   t_name("%s/m_%s", dir, name), AT_SYMLINK_FOLLOW));
	meta(t_name("%s/m_%s", dir, name));
}
ROUTE(link)

static void link_over_route(ROUTE_ARGS)
{
	OK(symlink("x", t_name("%s/other", dir)));
	RL("link over it", link(t_name("%s/other", dir), t_name("%s/%s", dir, name)));
	OK(unlink(t_name("%s/other", dir)));
	see(dir, name);
}
ROUTE(link_over)

static void rename_route(ROUTE_ARGS)
{
	RL("rename", rename(t_name("%s/%s", dir, name), t_name("%s/r_%s", dir, name)));
	see(dir, t_name("r_%s", name));
	see(dir, name);
	put(t_name("%s/%s", dir, name), "in its place");
	see(dir, t_name("r_%s", name));
	RL("back",
	   renameat(AT_FDCWD, t_name("%s/r_%s", dir, name), AT_FDCWD, t_name("%s/%s", dir, name)));
	see(dir, name);
}
ROUTE(rename)

static void rename_over_route(ROUTE_ARGS)
{
	put(t_name("%s/source", dir), "source");
	RL("rename over it", rename(t_name("%s/source", dir), t_name("%s/%s", dir, name)));
	see(dir, name);
	see(dir, "source");
}
ROUTE(rename_over)

static void renameat2_route(ROUTE_ARGS)
{
	put(t_name("%s/source", dir), "source");
	RL("NOREPLACE", renameat2(AT_FDCWD, t_name("%s/source", dir), AT_FDCWD,
				  t_name("%s/%s", dir, name), RENAME_NOREPLACE));
	RL("EXCHANGE", renameat2(AT_FDCWD, t_name("%s/source", dir), AT_FDCWD,
				 t_name("%s/%s", dir, name), RENAME_EXCHANGE));
	see(dir, name);
	see(dir, "source");
}
ROUTE(renameat2)

static void symlink_over_route(ROUTE_ARGS)
{
	RL("symlink over it", symlink("nowhere", t_name("%s/%s", dir, name)));
	see(dir, name);
}
ROUTE(symlink_over)

static void mkdir_over_route(ROUTE_ARGS)
{
	RL("mkdir", mkdir(t_name("%s/%s", dir, name), 0755));
	meta(t_name("%s/%s", dir, name));
	RL("rmdir", rmdir(t_name("%s/%s", dir, name)));
	see(dir, name);
}
ROUTE(mkdir_over)

static void mknod_over_route(ROUTE_ARGS)
{
	RL("mkfifo", mkfifo(t_name("%s/%s", dir, name), 0600));
	meta(t_name("%s/%s", dir, name));
	RL("mknod", mknod(t_name("%s/%s", dir, name), S_IFREG | 0600, 0));
	RL("mkdir below it", mkdir(t_name("%s/%s/sub", dir, name), 0755));
	RL("open below it", open(t_name("%s/%s/sub", dir, name), O_RDONLY));
}
ROUTE(mknod_over)

static void as_directory_route(ROUTE_ARGS)
{
	RL("chdir", chdir(t_name("%s/%s", dir, name)));
	RL("open O_DIRECTORY", open(t_name("%s/%s", dir, name), O_RDONLY | O_DIRECTORY));
	RL("opendir", opendir(t_name("%s/%s", dir, name)) ? 0 : -1);
	RL("open with a slash", open(t_name("%s/%s/", dir, name), O_RDONLY));
	RL("stat with a slash", access(t_name("%s/%s/", dir, name), F_OK));
	RL("create below it", open(t_name("%s/%s/x", dir, name), O_WRONLY | O_CREAT, 0644));
	RL("unlink below it", unlink(t_name("%s/%s/x", dir, name)));
	see(dir, name);
}
ROUTE(as_directory)

static void remove_route(ROUTE_ARGS)
{
	RL("remove", t_quiet(remove(t_name("%s/%s", dir, name))));
	see(dir, name);
	RL("again", t_quiet(remove(t_name("%s/%s", dir, name))));
}
ROUTE(remove)

static void unlink_route(ROUTE_ARGS)
{
	int d = (int)OK(open(dir, O_PATH));

	RL("unlink", unlink(t_name("%s/%s", dir, name)));
	RL("unlinkat", unlinkat(d, name, 0));
	see(dir, name);
	put(t_name("%s/%s", dir, name), "new life");
	RL("unlinkat", unlinkat(d, name, 0));
	see(dir, name);
	put(t_name("%s/%s", dir, name), "third life");
	RL("unlinkat AT_REMOVEDIR", unlinkat(d, name, AT_REMOVEDIR));
	see(dir, name);
	close(d);
}
ROUTE(unlink)

static void excl_route(ROUTE_ARGS)
{
	int fd = RL("O_EXCL", open(t_name("%s/%s", dir, name), O_WRONLY | O_CREAT | O_EXCL, 0600));

	if (fd >= 0) {
		write_all(fd, "exclusive", 9);
		RL("close", close(fd));
	}
	see(dir, name);
	RL("O_EXCL again", open(t_name("%s/%s", dir, name), O_WRONLY | O_CREAT | O_EXCL, 0600));
}
ROUTE(excl)

static void append_route(ROUTE_ARGS)
{
	int fd = RL("O_APPEND", open(t_name("%s/%s", dir, name), O_WRONLY | O_APPEND));

	if (fd >= 0) {
		write_all(fd, "+1", 2);
		if (st_fds[s] >= 0)
			write_all(st_fds[s], "=", 1);
		write_all(fd, "+2", 2);
		OK(close(fd));
	}
	see(dir, name);
}
ROUTE(append)

static void reopen_route(ROUTE_ARGS)
{
	char b[10];
	int fd = RL("O_RDWR", open(t_name("%s/%s", dir, name), O_RDWR));

	if (fd >= 0) {
		RL("pwrite", (int)pwrite(fd, "###", 3, 5));
		RL("pread", (int)pread(fd, b, sizeof(b), 0));
		OK(close(fd));
	}
	see(dir, name);
	fd = RL("O_WRONLY", open(t_name("%s/%s", dir, name), O_WRONLY));
	if (fd >= 0) {
		write_all(fd, "@@", 2);
		OK(close(fd));
	}
	see(dir, name);
}
ROUTE(reopen)

static void rewrite_route(ROUTE_ARGS)
{
	for (int i = 0; i < 3; i++) {
		int fd = RL("creat", creat(t_name("%s/%s", dir, name), 0666));

		write_all(fd, "rewritten....", 5 + (size_t)i);
		RL("close", close(fd));
	}
	see(dir, name);
}
ROUTE(rewrite)

static void open_trunc_only_route(ROUTE_ARGS)
{
	int fd = RL("O_TRUNC", open(t_name("%s/%s", dir, name), O_WRONLY | O_TRUNC));

	meta(t_name("%s/%s", dir, name));
	if (fd >= 0)
		OK(close(fd));
	fd = RL("O_RDONLY|O_TRUNC", open(t_name("%s/%s", dir, name), O_RDONLY | O_TRUNC));
	if (fd >= 0)
		OK(close(fd));
	see(dir, name);
}
ROUTE(open_trunc_only)

static void open_create_only_route(ROUTE_ARGS)
{
	int fd = RL("O_CREAT", open(t_name("%s/%s", dir, name), O_WRONLY | O_CREAT, 0640));

	if (fd >= 0)
		OK(close(fd));
	see(dir, name);
}
ROUTE(open_create_only)

static void setxattr_route(ROUTE_ARGS)
{
	char v[10];

	RL("setxattr", setxattr(t_name("%s/%s", dir, name), "user.k", "v", 1, 0));
	see(dir, name);
	RL("getxattr", (int)getxattr(t_name("%s/%s", dir, name), "user.k", v, sizeof(v)));
}
ROUTE(setxattr)

static void bind_route(ROUTE_ARGS)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = (int)OK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

	snprintf(un.sun_path, sizeof(un.sun_path), "%s/%s", dir, name);
	RL("bind", bind(fd, (struct sockaddr *)&un, sizeof(un)));
	meta(t_name("%s/%s", dir, name));
	close(fd);
}
ROUTE(bind)

/* The file as a program: not executable, not a program, busy. */
static void exec_route(ROUTE_ARGS)
{
	char *argv[] = {(char *)name, NULL};
	pid_t pid;
	int r;

	r = posix_spawn(&pid, t_name("%s/%s", dir, name), NULL, NULL, argv, environ);
	out("spawn: %s\n", t_errno(r));
	RL("chmod", chmod(t_name("%s/%s", dir, name), 0755));
	r = posix_spawn(&pid, t_name("%s/%s", dir, name), NULL, NULL, argv, environ);
	out("spawn: %s\n", t_errno(r));
	if (!r)
		t_reap(pid);
}
ROUTE(exec)

static const struct t_case cases[] = {
	C(truncate),
	C(chmod),
	C(chown),
	C(lchown_link),
	C(utimensat),
	C(utimes),
	C(utime),
	C(by_descriptor),
	C(suid_bits),
	C(link),
	C(link_over),
	C(rename),
	C(rename_over),
	C(renameat2),
	C(symlink_over),
	C(mkdir_over),
	C(mknod_over),
	C(as_directory),
	C(remove),
	C(unlink),
	C(excl),
	C(append),
	C(reopen),
	C(rewrite),
	C(open_trunc_only),
	C(open_create_only),
	C(setxattr),
	C(bind),
	C(exec),
};

int main(int argc, char **argv)
{
	return t_main(argc, argv, cases, T_COUNT(cases), st_fixture);
}
