/* SPDX-License-Identifier: MIT */
/* upd.c - existing files whose content is replaced: what may be put off, and what looks at them */
#include "t.h"

#include <sys/mman.h>
#include <sys/xattr.h>

#define OLD 100 /* bytes of each file of the fixture */

static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};

static void fixture(void)
{
	for (size_t i = 0; i < T_COUNT(names); i++)
		putn(names[i], OLD, (unsigned)i);
	OK(mkdir("sub", 0755));
	putn("sub/x", OLD, 9);
	OK(link("a", "hard"));
	OK(symlink("b", "soft"));
	OK(symlink("nowhere", "dangling"));
	OK(chmod("c", 0755));
	OK(chmod("d", 04644));
	OK(chmod("e", 0444));
	OK(mkdir("sticky", 0700));
	putn("sticky/x", OLD, 8);
	OK(chmod("sticky", 01777));
	if (geteuid() == 0)
		OK(chown("sticky/x", 1234, 1234));
}

/* Opens for update and writes n bytes; the library holds them. */
static int update(const char *path, size_t n)
{
	char buf[4 * OLD];
	int fd = (int)OK(open(path, O_WRONLY | O_TRUNC));

	t_fill(buf, n, 77);
	if (n)
		write_all(fd, buf, n);
	return fd;
}

CASE(sizes)
{
	static const size_t sizes[] = {OLD, 1, OLD - 1, OLD + 1, 4 * OLD, OLD, 0, OLD};

	for (size_t i = 0; i < T_COUNT(sizes); i++)
		R(close(update(names[i], sizes[i])));
	for (size_t i = 0; i < T_COUNT(sizes); i++) {
		show(names[i]);
		meta(names[i]);
	}
}

CASE(in_turn)
{
	for (int round = 0; round < 5; round++)
		for (size_t i = 0; i < T_COUNT(names); i++)
			R(close(update(names[i], round % 2 ? OLD : OLD + (size_t)round)));
	for (size_t i = 0; i < T_COUNT(names); i++)
		show(names[i]);
}

CASE(aliases)
{
	struct stat st;
	int fd;

	R(close(update("a", OLD)));
	show("hard");
	R(close(update("hard", 7)));
	show("a");
	fd = update("a", 30);
	R(stat("hard", &st));
	out("size %ld\n", (long)st.st_size);
	R(close(fd));
	fd = R(open("soft", O_WRONLY | O_TRUNC));
	R(write(fd, "through the link", 16));
	R(close(fd));
	show("b");
	R(open("dangling", O_WRONLY | O_TRUNC));
	R(open("sub", O_WRONLY | O_TRUNC));
	R(open("absent", O_WRONLY | O_TRUNC));
	R(open("a", O_WRONLY | O_TRUNC | O_CREAT | O_EXCL, 0644));
	R(open("a/", O_WRONLY | O_TRUNC));
}

CASE(asked)
{
	struct stat st;
	int fd = update("a", 0);

	R(fstat(fd, &st));
	t_stat_line("truncated", &st);
	R(write(fd, "0123456789", 10));
	R(fstat(fd, &st));
	t_stat_line("written", &st);
	R(close(fd));
	fd = update("b", OLD);
	R(lseek(fd, 0, SEEK_CUR));
	R(lseek(fd, 0, SEEK_END));
	R(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NOFOLLOW | O_NONBLOCK));
	R(fcntl(fd, F_GETFD));
	R(write(fd, "more", 4));
	R(close(fd));
	show("b");
	fd = (int)OK(open("f", O_WRONLY | O_TRUNC | O_CLOEXEC | O_NONBLOCK));
	R(write(fd, "x", 1));
	R(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NOFOLLOW | O_NONBLOCK));
	R(fcntl(fd, F_GETFD));
	R(close(fd));
	meta("f");
}

CASE(modes)
{
	/* executable, setuid, read-only */
	R(close(update("c", OLD)));
	R(close(update("d", OLD)));
	meta("c");
	meta("d");
	if (geteuid())
		R(open("e", O_WRONLY | O_TRUNC));
	else
		R(close(update("e", OLD)));
	show("e");
	R(close(update("f", OLD)));
	show("f");
}

/* sticky/ is everybody's; the file in it belongs to somebody else if we are root. */
CASE(sticky)
{
	int fd;

	R(close(update("a", OLD)));
	for (int i = 0; i < 3; i++) {
		fd = R(open("sticky/x", O_WRONLY | O_TRUNC | O_CREAT, 0644));
		if (fd >= 0) {
			R(write(fd, "mine", 4));
			R(close(fd));
		}
	}
	show("sticky/x");
	fd = R(open("sticky/x", O_WRONLY | O_TRUNC));
	R(write(fd, "mine", 4));
	R(close(fd));
	show("sticky/x");
}

CASE(changed_while_open)
{
	int fd = update("a", OLD);

	R(chmod("a", 0600));
	R(close(fd));
	meta("a");
	fd = update("b", 20);
	R(fchmod(fd, 0640));
	R(write(fd, "tail", 4));
	R(close(fd));
	meta("b");
	fd = update("f", OLD);
	R(truncate("f", 10));
	R(close(fd));
	show("f");
	fd = update("g", OLD + 50);
	R(ftruncate(fd, 12));
	R(close(fd));
	show("g");
	fd = update("h", OLD);
	R(setxattr("h", "user.t", "v", 1, 0));
	R(close(fd));
	show("h");
}

CASE(moved_while_open)
{
	int fd = update("a", OLD);

	R(unlink("a"));
	R(write(fd, "unseen", 6));
	R(close(fd));
	show("a");
	show("hard");
	fd = update("b", OLD);
	R(rename("b", "moved"));
	R(write(fd, "seen", 4));
	R(close(fd));
	show("moved");
	fd = update("f", 10);
	R(rename("g", "f"));
	R(write(fd, "gone", 4));
	R(close(fd));
	show("f");
	R(close(update("h", OLD)));
	R(rename("h", "sub/h"));
	show("sub/h");
	R(close(update("sub/h", OLD)));
	R(unlink("sub/h"));
	meta("sub/h");
	R(close(update("sub/x", OLD)));
	R(rename("sub", "bus"));
	show("bus/x");
}

CASE(together)
{
	char buf[2 * OLD];
	int one = update("a", OLD), two, reader = (int)OK(open("b", O_RDONLY));

	two = update("a", 5);
	R(write(one, "1", 1));
	R(write(two, "2", 1));
	R(close(two));
	R(close(one));
	show("a");
	R(close(update("b", 9)));
	R(pread(reader, buf, sizeof(buf), 0));
	R(close(update("b", OLD)));
	t_rest("reader", reader);
	R(close(reader));
	one = update("f", OLD);
	two = R(dup(one));
	R(write(two, "dup", 3));
	R(close(one));
	R(close(two));
	show("f");
}

CASE(mapped)
{
	int fd = (int)OK(open("a", O_RDWR));
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	char *shared = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	R(p == MAP_FAILED || shared == MAP_FAILED);
	R(close(fd));
	R(close(update("a", OLD)));
	t_bytes("shared", shared, OLD);
	R(close(update("b", OLD)));
	show("b");
}

CASE(locked)
{
	struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = (int)OK(open("a", O_RDWR));
	pid_t pid;

	R(fcntl(fd, F_SETLK, &fl));
	/* Closing any descriptor of the file gives the lock up. */
	R(close(update("a", OLD)));
	pid = fork();
	if (pid == 0)
		_exit(fcntl((int)OK(open("a", O_RDWR)), F_SETLK, &fl) < 0);
	t_reap(pid);
	R(close(fd));
	R(close(update("b", OLD)));
	show("b");
}

CASE(descriptors)
{
	int first = update("a", OLD), second = update("b", OLD);

	out("numbers %d %d\n", first, second);
	R(close(first));
	out("again %d\n", first = update("f", OLD));
	R(dup2(second, first));
	R(write(first, "!", 1));
	R(close(second));
	R(close(first));
	show("b");
	show("f");
	for (int i = 0; i < 300; i++)
		R(close(update(names[5 + i % 3], (size_t)(OLD + i % 5))));
	show("f");
	show("g");
	show("h");
}

static const struct t_case cases[] = {
	C(sticky),
	C(sizes),
	C(in_turn),
	C(aliases),
	C(asked),
	C(modes),
	C(changed_while_open),
	C(moved_while_open),
	C(together),
	C(mapped),
	C(locked),
	C(descriptors),
};

int main(int argc, char **argv)
{
	return t_main(argc, argv, cases, T_COUNT(cases), fixture);
}
