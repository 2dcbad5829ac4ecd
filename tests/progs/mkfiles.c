/* SPDX-License-Identifier: MIT */
/*
 * mkfiles.c - plain work for tests of options and counters
 *
 * mkfiles N [SIZE]   creates N files in one directory, rewrites every second one with the same size
 *                    and every third one with another, deletes every fifth
 * mkfiles kinds      a bit of each kind of work that can be deferred
 * mkfiles sizes N    the same as N, prints what it then finds
 */
#include "t.h"

static void many(long n, size_t size)
{
	for (long i = 0; i < n; i++)
		putn(t_name("m%ld", i), size, (unsigned)i);
	for (long i = 0; i < n; i += 2)
		putn(t_name("m%ld", i), size, (unsigned)i + 1);
	for (long i = 0; i < n; i += 3)
		putn(t_name("m%ld", i), size / 2, (unsigned)i + 2);
	for (long i = 0; i < n; i += 5)
		OK(unlink(t_name("m%ld", i)));
}

static void fixture(void)
{
	for (int i = 0; i < 50; i++) {
		putn(t_name("old%d", i), 21, (unsigned)i + 1);
		putn(t_name("older%d", i), 21, (unsigned)i);
	}
}

static void kinds(void)
{
	static const struct timespec ts[2] = {{1000, 0}, {2000, 0}};

	for (int i = 0; i < 50; i++) {
		int fd = (int)OK(open(t_name("k%d", i), O_WRONLY | O_CREAT | O_TRUNC, 0600));

		write_all(fd, "content ", 8);
		write_all(fd, "in two writes", 13);
		if (i % 2) {
			OK(fchown(fd, getuid(), getgid()));
			OK(fchmod(fd, 0640));
			OK(futimens(fd, ts));
		}
		OK(close(fd));
	}
	for (int i = 0; i < 50; i++)
		putn(t_name("old%d", i), 21, (unsigned)i);
	for (int i = 0; i < 50; i += 5)
		OK(unlink(t_name("older%d", i)));
	for (int i = 0; i < 20; i++) {
		put(t_name("temp%d", i), "create, then unlink");
		OK(unlink(t_name("temp%d", i)));
	}
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 64;
	if (!strcmp(argv[1], "--fixture")) {
		fixture();
		return 0;
	}
	if (!strcmp(argv[1], "kinds")) {
		kinds();
	} else if (!strcmp(argv[1], "sizes") && argc > 2) {
		many(atol(argv[2]), 100);
		for (long i = 0; i < atol(argv[2]); i++)
			show(t_name("m%ld", i));
	} else {
		many(atol(argv[1]), argc > 2 ? (size_t)atol(argv[2]) : 100);
	}
	t_flush();
	return 0;
}
