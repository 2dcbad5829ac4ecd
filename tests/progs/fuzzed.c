/* SPDX-License-Identifier: MIT */
/*
 * fuzzed.c - sequences in which tests/fuzz has found a difference, by hand and as short as can be
 */
#include "t.h"

#include "../fault/progs/raw.h"

#include <dirent.h>

static void fixture(void)
{
	for (int i = 0; i < 6; i++)
		putn(t_name("old%d", i), 300, (unsigned)i);
}

/* A file that its owner may not read: its pending removal must not look like its presence. */
CASE(unlink_then_refused)
{
	R(chmod("old0", 0));
	R(chmod("old1", 0));
	R(unlink("old0"));
	R(open("old0", O_RDONLY));
	R(unlink("old1"));
	R(open("old1", O_RDWR | O_NOFOLLOW));
}

/* The name is pending and still open when it is opened in a way that is never deferred. */
CASE(create_twice)
{
	static const int flags[] = {O_RDONLY, O_ACCMODE, O_WRONLY | O_APPEND, O_WRONLY | O_SYNC};

	for (int i = 0; i < 4; i++) {
		const char *name = t_name("twice%d", i);
		int fd = R(open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600));

		R(close(open(name, flags[i] | O_CREAT, 0644)));
		R(write(fd, "text", 4));
		R(close(fd));
		meta(name);
	}
}

/* A truncation takes the setuid bit away, even where there is nothing to truncate. */
CASE(empty_setuid)
{
	put("other", "something to defer");
	R(close(open("setuid", O_RDONLY | O_CREAT, 04755)));
	R(close(open("setuid", O_WRONLY | O_CREAT | O_TRUNC, 0644)));
	meta("setuid");
	R(close(open("setgid", O_RDONLY | O_CREAT, 02755)));
	R(close(open("setgid", O_WRONLY | O_TRUNC)));
	meta("setgid");
	/* a new one keeps it */
	for (int i = 0; i < 40; i++) {
		const char *name = t_name("new%d", i);
		int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 04755);
		struct stat st;

		if (i % 4) /* until creates are no longer deferred */
			OK(fstat(fd, &st));
		OK(close(fd));
		meta(name);
	}
}

/* A file that is pending is no directory, one that is removed is nothing. */
CASE(opendir_of_file)
{
	int fd = R(open("f", O_WRONLY | O_CREAT | O_TRUNC, 0644));

	RL("no directory", opendir("f") ? 0 : -1);
	R(close(fd));
	put("g", "text");
	RL("closed", opendir("g") ? 0 : -1);
	R(unlink("old0"));
	RL("removed", opendir("old0") ? 0 : -1);
}

/* As another process sees it. */
static void seen(const char *name)
{
	out("%s is there: %d\n", name, RAW(SYS_access, name, F_OK, 0, 0) == 0);
}

/* A new name may be a marker: what was done before it is in place when it appears. */
CASE(marker_appears)
{
	struct stat st;
	int fd;

	put("before", "text");
	fd = R(open("marker", O_WRONLY | O_CREAT | O_TRUNC, 0644));
	R(fstat(fd, &st)); /* makes it appear */
	seen("marker");
	seen("before");
	R(close(fd));
	for (int i = 0; i < 40; i++) { /* until creates are no longer deferred */
		fd = (int)OK(open(t_name("new%d", i), O_WRONLY | O_CREAT | O_TRUNC, 0644));
		OK(fstat(fd, &st));
		OK(close(fd));
	}
	R(unlink("old0"));
	fd = R(open("marker2", O_WRONLY | O_CREAT | O_TRUNC, 0644));
	seen("marker2");
	seen("old0");
	R(close(fd));
	R(unlink("old1"));
	fd = R(open("marker3", O_RDWR | O_CREAT | O_APPEND, 0644));
	seen("marker3");
	seen("old1");
	R(close(fd));
}

/* A call that is refused leaves the number that it would replace. */
CASE(refused_replacement)
{
	for (int i = 0; i < 3; i++) {
		int fd = R(open(t_name("kept%d", i), O_WRONLY | O_CREAT | O_TRUNC, 0644));

		R(write(fd, "first ", 6));
		if (i == 0)
			R(dup2(-1, fd));
		if (i == 1)
			R(dup3(1, fd, O_APPEND));
		if (i == 2)
			R(dup2(900, fd));
		R(write(fd, "second", 6));
		R(close(fd));
	}
	for (int i = 0; i < 3; i++)
		show(t_name("kept%d", i));
}

static const struct t_case cases[] = {
	C(unlink_then_refused), C(create_twice),   C(empty_setuid),
	C(opendir_of_file),     C(marker_appears), C(refused_replacement),
};

int main(int argc, char **argv)
{
	return t_main(argc, argv, cases, T_COUNT(cases), fixture);
}
