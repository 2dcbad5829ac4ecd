/* SPDX-License-Identifier: MIT */
/* rw_data.c - the content of a pending file is taken by mmap, stdio and the copying calls */
#include "states.h"

#include <aio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

static void mmap_route(ROUTE_ARGS)
{
	int fd = open(t_name("%s/%s", dir, name), O_RDONLY);
	struct stat st;
	char *p;

	if (fd < 0) {
		out("open: %s\n", t_errno(errno));
		return;
	}
	OK(fstat(fd, &st));
	for (int i = 0; i < 2; i++) {
		p = mmap(NULL, 4096, PROT_READ, i ? MAP_SHARED : MAP_PRIVATE, fd, 0);
		if (p == MAP_FAILED) {
			out("mmap: %s\n", t_errno(errno));
			continue;
		}
		t_bytes("mapped", p, (size_t)st.st_size);
		OK(munmap(p, 4096));
	}
	close(fd);
}
ROUTE(mmap)

/* The open descriptor itself is mapped, then written on. */
static void mmap_own_route(ROUTE_ARGS)
{
	char *p;

	if (s != ST_OPENRDWR)
		return;
	p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, st_fds[s], 0);
	if (p == MAP_FAILED) {
		out("mmap: %s\n", t_errno(errno));
		return;
	}
	t_bytes("mapped", p, 30);
	write_all(st_fds[s], "more", 4);
	t_bytes("mapped", p, 34);
	OK(munmap(p, 4096));
}
ROUTE(mmap_own)

/* A mapping made before the rewrite shows it. */
CASE(mmap_before)
{
	int fd = (int)OK(open("a/same", O_RDONLY));
	char *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED) {
		out("mmap: %s\n", t_errno(errno));
		return;
	}
	t_bytes("before", p, 100);
	fd = (int)OK(open("a/same", O_WRONLY));
	write_all(fd, "changed", 7);
	t_bytes("changed", p, 100);
	OK(close(fd));
	t_bytes("closed", p, 100);
	putn("a/same", 100, 77);
	t_bytes("rewritten", p, 100);
}

CASE(mmap_written)
{
	int fd = R(open("mapped", O_RDWR | O_CREAT | O_TRUNC, 0644));
	char *p;

	write_all(fd, "held before the mapping", 23);
	R(ftruncate(fd, 4096));
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		out("mmap: %s\n", t_errno(errno));
		return;
	}
	t_bytes("mapped", p, 40);
	memcpy(p + 5, "MAPPED", 6);
	write_all(fd, "!", 1);
	OK(close(fd));
	memcpy(p + 12, "LATER", 5);
	put("another", "file after a shared mapping");
	show("another");
	show("mapped");
	OK(munmap(p, 4096));
	show("mapped");
}

static void fopen_route(ROUTE_ARGS)
{
	char b[300];
	FILE *f = fopen(t_name("%s/%s", dir, name), "r");

	if (!f) {
		out("fopen: %s\n", t_errno(errno));
		return;
	}
	t_bytes("fopen", b, fread(b, 1, sizeof(b), f));
	fclose(f);
	f = fopen64(t_name("%s/%s", dir, name), "a+");
	if (!f)
		return;
	fputs("appended", f);
	rewind(f);
	t_bytes("a+", b, fread(b, 1, sizeof(b), f));
	fclose(f);
	f = fopen(t_name("%s/%s", dir, name), "r+e");
	if (!f)
		return;
	fputs("front", f);
	fclose(f);
	show(t_name("%s/%s", dir, name));
}
ROUTE(fopen)

static void freopen_route(ROUTE_ARGS)
{
	char b[300];
	FILE *f = fopen("/dev/null", "r");

	f = freopen(t_name("%s/%s", dir, name), "r", f);
	if (!f) {
		out("freopen: %s\n", t_errno(errno));
		return;
	}
	t_bytes("freopen", b, fread(b, 1, sizeof(b), f));
	fclose(f);
}
ROUTE(freopen)

/* The open descriptor becomes a stream in the middle of the work. */
static void fdopen_route(ROUTE_ARGS)
{
	FILE *f;
	int fd;

	if (st_fds[s] < 0)
		return;
	fd = (int)OK(dup(st_fds[s]));
	f = fdopen(fd, s == ST_OPENRDWR ? "r+" : "w");
	if (!f) {
		out("fdopen: %s\n", t_errno(errno));
		return;
	}
	out("ftell %ld\n", ftell(f));
	fprintf(f, " by a stream");
	show(t_name("%s/%s", dir, name));
	OK(fclose(f));
	show(t_name("%s/%s", dir, name));
}
ROUTE(fdopen)

/* Written by streams throughout. */
CASE(stdio)
{
	char b[100];
	FILE *f;
	int fd;

	f = fopen("s1", "w");
	fprintf(f, "%d %s\n", 42, "words");
	show("s1");
	fflush(f);
	show("s1");
	fputs("tail\n", f);
	fclose(f);
	show("s1");
	f = fopen("s1", "w");
	out("fileno %d\n", fileno(f));
	fputs("unbuffered next\n", f);
	fflush(f);
	write_all(fileno(f), "raw\n", 4);
	fputs("buffered\n", f);
	fclose(f);
	show("s1");
	fd = R(open("s2", O_WRONLY | O_CREAT | O_TRUNC, 0644));
	write_all(fd, "raw first\n", 10);
	f = fdopen(fd, "w");
	fputs("stream second\n", f);
	OK(fclose(f));
	show("s2");
	f = fopen("s2", "r+");
	out("%s", fgets(b, sizeof(b), f) ? b : "eof\n");
	fseek(f, 0, SEEK_CUR);
	fputs("STREAM", f);
	OK(fclose(f));
	show("s2");
	put("s3", "line one\nline two\n");
	f = fopen("s3", "r");
	while (fgets(b, sizeof(b), f))
		out("line: %s", b);
	OK(fclose(f));
	put("s3", "12 34");
	f = fopen("s3", "r");
	out("fscanf %d\n", fscanf(f, "%*d %*d"));
	f = freopen("s3", "w", f);
	fputs("reopened", f);
	OK(fclose(f));
	show("s3");
	f = tmpfile();
	fputs("temporary", f);
	rewind(f);
	out("tmpfile: %s\n", fgets(b, sizeof(b), f) ? b : "eof");
	OK(fclose(f));
	R(unlink("s3"));
	out("fopen of an unlinked name: %s\n", fopen("s3", "r") ? "opened" : t_errno(errno));
	f = fopen("s3", "wx");
	out("wx: %s\n", f ? "opened" : t_errno(errno));
	OK(fclose(f));
	out("wx again: %s\n", fopen("s3", "wx") ? "opened" : t_errno(errno));
}

CASE(mkstemp)
{
	char a[] = "tmp_XXXXXX", b[] = "tmp_XXXXXX.suffix", d[] = "dir_XXXXXX";
	int fd = mkstemp(a), fd2 = mkostemps(b, 7, O_CLOEXEC);

	out("fds %d %d\n", fd, fd2);
	write_all(fd, "one", 3);
	write_all(fd2, "two", 3);
	OK(close(fd));
	OK(rename(a, "one"));
	show("one");
	OK(close(fd2));
	OK(rename(b, "two"));
	show("two");
	out("mkdtemp %d\n", mkdtemp(d) != NULL);
	OK(chdir(d));
	put("in", "inside");
	show("in");
	OK(unlink("in"));
	OK(chdir(".."));
	R(rmdir(d));
	meta("one");
	meta("two");
}

static int spool(void)
{
	unlink("spool");
	return (int)OK(open("spool", O_RDWR | O_CREAT | O_EXCL, 0600));
}

static void sendfile_route(ROUTE_ARGS)
{
	int in = open(t_name("%s/%s", dir, name), O_RDONLY), to = spool();

	if (in >= 0)
		RL("sendfile", (int)sendfile(to, in, NULL, 1000));
	OK(close(to));
	show("spool");
	if (in >= 0)
		close(in);
}
ROUTE(sendfile)

static void copy_file_range_route(ROUTE_ARGS)
{
	int in = open(t_name("%s/%s", dir, name), O_RDONLY), to = spool();

	if (in >= 0)
		RL("copy_file_range", (int)copy_file_range(in, NULL, to, NULL, 1000, 0));
	OK(close(to));
	show("spool");
	if (in >= 0)
		close(in);
}
ROUTE(copy_file_range)

static void splice_route(ROUTE_ARGS)
{
	int in = open(t_name("%s/%s", dir, name), O_RDONLY), p[2], to = spool();

	OK(pipe(p));
	if (in >= 0) {
		int n = RL("splice in", (int)splice(in, NULL, p[1], NULL, 1000, 0));

		if (n > 0)
			RL("splice out", (int)splice(p[0], NULL, to, NULL, 1000, 0));
		close(in);
	}
	OK(close(to));
	show("spool");
	close(p[0]);
	close(p[1]);
}
ROUTE(splice)

/* Copying into a descriptor that holds pending data. */
CASE(copy_into_pending)
{
	loff_t off = 3;
	int in, to, p[2];

	put("src", "0123456789");
	in = (int)OK(open("src", O_RDONLY));
	to = R(open("to1", O_WRONLY | O_CREAT | O_TRUNC, 0644));
	write_all(to, "head ", 5);
	R(sendfile(to, in, NULL, 10));
	write_all(to, " tail", 5);
	OK(close(to));
	show("to1");
	to = R(open("to2", O_WRONLY | O_CREAT | O_TRUNC, 0644));
	write_all(to, "head ", 5);
	R(copy_file_range(in, &off, to, NULL, 5, 0));
	write_all(to, " tail", 5);
	OK(close(to));
	show("to2");
	to = R(open("to3", O_WRONLY | O_CREAT | O_TRUNC, 0644));
	write_all(to, "head ", 5);
	OK(pipe(p));
	write_all(p[1], "piped", 5);
	R(splice(p[0], NULL, to, NULL, 5, 0));
	write_all(to, " tail", 5);
	OK(close(to));
	show("to3");
	OK(close(in));
	in = (int)OK(open("to3", O_RDWR | O_TRUNC));
	write_all(in, "both ends of it", 15);
	off = 0;
	R(copy_file_range(in, &off, in, NULL, 4, 0));
	OK(close(in));
	show("to3");
}

static void readv_route(ROUTE_ARGS)
{
	char x[20], y[200];
	struct iovec v[2] = {{x, sizeof(x)}, {y, sizeof(y)}};
	int fd = open(t_name("%s/%s", dir, name), O_RDONLY), n;

	if (fd < 0)
		return;
	n = RL("readv", (int)readv(fd, v, 2));
	if (n > 20)
		t_bytes("second", y, (size_t)n - 20);
	RL("preadv", (int)preadv(fd, v, 2, 10));
	RL("preadv2", (int)preadv2(fd, v, 2, 10, 0));
	RL("pread64", (int)pread64(fd, x, sizeof(x), 5));
	close(fd);
}
ROUTE(readv)

/* Reads on the descriptor that is being written. */
static void read_own_route(ROUTE_ARGS)
{
	char b[100];

	if (s == ST_OPENRDWR) {
		int n = RL("pread", (int)pread(st_fds[s], b, sizeof(b), 3));

		t_bytes("pread", b, n > 0 ? (size_t)n : 0);
		RL("read at the end", (int)read(st_fds[s], b, sizeof(b)));
		write_all(st_fds[s], "zz", 2);
		RL("lseek", (int)lseek(st_fds[s], 5, SEEK_SET));
		n = RL("read", (int)read(st_fds[s], b, 4));
		t_bytes("read", b, n > 0 ? (size_t)n : 0);
		write_all(st_fds[s], "YY", 2);
		t_rest("rest", st_fds[s]);
	} else if (st_fds[s] >= 0) {
		RL("read", (int)read(st_fds[s], b, sizeof(b)));
		RL("pread", (int)pread(st_fds[s], b, sizeof(b), 0));
	}
}
ROUTE(read_own)

static void aio_route(ROUTE_ARGS)
{
	char b[300];
	struct aiocb cb = {.aio_buf = b, .aio_nbytes = sizeof(b)};
	const struct aiocb *const list[] = {&cb};
	int n;

	cb.aio_fildes = open(t_name("%s/%s", dir, name), O_RDONLY);
	if (cb.aio_fildes < 0)
		return;
	OK(aio_read(&cb));
	while (aio_error(&cb) == EINPROGRESS)
		aio_suspend(list, 1, NULL);
	n = RL("aio_return", (int)aio_return(&cb));
	t_bytes("aio", b, n > 0 ? (size_t)n : 0);
	close(cb.aio_fildes);
}
ROUTE(aio)

CASE(aio_write)
{
	struct aiocb cb = {.aio_buf = (char *)"async", .aio_nbytes = 5, .aio_offset = 5};
	const struct aiocb *const list[] = {&cb};

	cb.aio_fildes = R(open("aio", O_WRONLY | O_CREAT | O_TRUNC, 0644));
	write_all(cb.aio_fildes, "01234", 5);
	OK(aio_write(&cb));
	while (aio_error(&cb) == EINPROGRESS)
		aio_suspend(list, 1, NULL);
	R(aio_return(&cb));
	OK(close(cb.aio_fildes));
	show("aio");
}

static void advise_route(ROUTE_ARGS)
{
	int fd = open(t_name("%s/%s", dir, name), O_RDONLY);

	if (fd < 0)
		return;
	RL("fadvise", posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED));
	RL("readahead", (int)readahead(fd, 0, 100));
	t_rest("content", fd);
	close(fd);
	if (st_fds[s] >= 0) {
		RL("own fadvise", posix_fadvise(st_fds[s], 0, 0, POSIX_FADV_DONTNEED));
		RL("own fallocate", posix_fallocate(st_fds[s], 0, 10));
	}
}
ROUTE(advise)

static const struct t_case cases[] = {
	C(mmap),
	C(mmap_own),
	C(mmap_before),
	C(mmap_written),
	C(fopen),
	C(freopen),
	C(fdopen),
	C(stdio),
	C(mkstemp),
	C(sendfile),
	C(copy_file_range),
	C(splice),
	C(copy_into_pending),
	C(readv),
	C(read_own),
	C(aio),
	C(aio_write),
	C(advise),
};

int main(int argc, char **argv)
{
	return t_main(argc, argv, cases, T_COUNT(cases), st_fixture);
}
