/* SPDX-License-Identifier: MIT */
/*
 * states.h - a file in each state in which work on it can be pending
 *
 * st_each() brings one file after the other into its state and takes the route at once; st_all()
 * makes all of them pending first.  The fixture holds what must exist before.
 */
#ifndef STATES_H
#define STATES_H

#include "t.h"

enum st_state {
	ST_EMPTY,     /* created, closed empty; first: that publishes what is pending */
	ST_TRUNC,     /* truncated, closed empty */
	ST_NEW,       /* created, written, closed */
	ST_SAME,      /* rewritten with O_TRUNC, same size */
	ST_LONGER,    /* ... longer */
	ST_SHORTER,   /* ... shorter */
	ST_OPENNEW,   /* created, written, still open */
	ST_OPENTRUNC, /* truncated, written, still open */
	ST_OPENRDWR,  /* created O_RDWR, written, still open */
	ST_GONE,      /* unlinked */
	ST_AGAIN,     /* unlinked, created again */
	ST_SHORT,     /* created, closed, unlinked */
	ST_NSTATES
};

static const char *const st_names[ST_NSTATES] = {
	[ST_NEW] = "new",         [ST_SAME] = "same",        [ST_LONGER] = "longer",
	[ST_SHORTER] = "shorter", [ST_EMPTY] = "empty",      [ST_TRUNC] = "trunc",
	[ST_OPENNEW] = "opennew", [ST_OPENTRUNC] = "opentr", [ST_OPENRDWR] = "openrw",
	[ST_GONE] = "gone",       [ST_AGAIN] = "again",      [ST_SHORT] = "short",
};

static const bool st_exists[ST_NSTATES] = {
	[ST_SAME] = true,      [ST_LONGER] = true, [ST_SHORTER] = true, [ST_TRUNC] = true,
	[ST_OPENTRUNC] = true, [ST_GONE] = true,   [ST_AGAIN] = true,
};

static int st_fds[ST_NSTATES];

/* a: for st_each; b: for st_all; c: with a hard link h_NAME beside it.  s_NAME -> NAME in each. */
T_UNUSED static void st_fixture(void)
{
	static const char dirs[] = "abc";

	for (const char *d = dirs; *d; d++) {
		OK(mkdir(t_name("%c", *d), 0755));
		for (int s = 0; s < ST_NSTATES; s++) {
			if (st_exists[s]) {
				putn(t_name("%c/%s", *d, st_names[s]), 100, (unsigned)s);
				if (*d == 'c')
					OK(link(t_name("c/%s", st_names[s]),
						t_name("c/h_%s", st_names[s])));
			}
			OK(symlink(st_names[s], t_name("%c/s_%s", *d, st_names[s])));
		}
		OK(symlink(t_name("%c", *d), t_name("l%c", *d)));
	}
}

T_UNUSED static int st_put(const char *path, int flags, size_t n, unsigned seed)
{
	char buf[200];
	int fd = (int)OK(open(path, flags | O_CREAT | O_TRUNC, 0644));

	t_fill(buf, n, seed);
	if (n)
		write_all(fd, buf, n);
	return fd;
}

T_UNUSED static void st_make(enum st_state s, const char *path)
{
	int fd = -1;

	st_fds[s] = -1;
	switch (s) {
	case ST_NEW:
	case ST_SAME:
		fd = st_put(path, O_WRONLY, 100, 50 + s);
		break;
	case ST_LONGER:
		fd = st_put(path, O_WRONLY, 150, 50 + s);
		break;
	case ST_SHORTER:
		fd = st_put(path, O_WRONLY, 40, 50 + s);
		break;
	case ST_EMPTY:
	case ST_TRUNC:
		fd = st_put(path, O_WRONLY, 0, 0);
		break;
	case ST_OPENNEW:
	case ST_OPENTRUNC:
		st_fds[s] = st_put(path, O_WRONLY, 30, 50 + s);
		return;
	case ST_OPENRDWR:
		st_fds[s] = st_put(path, O_RDWR, 30, 50 + s);
		return;
	case ST_GONE:
		OK(unlink(path));
		return;
	case ST_AGAIN:
		OK(unlink(path));
		fd = st_put(path, O_WRONLY, 70, 50 + s);
		break;
	case ST_SHORT:
		fd = st_put(path, O_WRONLY, 70, 50 + s);
		OK(close(fd));
		OK(unlink(path));
		return;
	case ST_NSTATES:
		return;
	}
	OK(close(fd));
}

/* The open ones: is the descriptor still what it was? */
T_UNUSED static void st_finish(enum st_state s, const char *path)
{
	if (st_fds[s] < 0)
		return;
	R(lseek(st_fds[s], 0, SEEK_CUR));
	R(write(st_fds[s], " and more", 9));
	R(close(st_fds[s]));
	show(path);
}

typedef void (*st_route)(enum st_state s, const char *dir, const char *name);

T_UNUSED static void st_each(const char *dir, st_route route)
{
	for (int s = 0; s < ST_NSTATES; s++) {
		char *path = t_name("%s/%s", dir, st_names[s]);
		char keep[64];

		snprintf(keep, sizeof(keep), "%s", path);
		out("-- %s\n", keep);
		st_make((enum st_state)s, keep);
		route((enum st_state)s, dir, st_names[s]);
		st_finish((enum st_state)s, keep);
	}
}

T_UNUSED static void st_all(const char *dir, st_route route)
{
	char keep[ST_NSTATES][64];

	for (int s = 0; s < ST_NSTATES; s++) {
		snprintf(keep[s], sizeof(keep[s]), "%s/%s", dir, st_names[s]);
		st_make((enum st_state)s, keep[s]);
	}
	for (int s = 0; s < ST_NSTATES; s++) {
		out("-- all, %s\n", keep[s]);
		route((enum st_state)s, dir, st_names[s]);
	}
	for (int s = 0; s < ST_NSTATES; s++)
		st_finish((enum st_state)s, keep[s]);
}

/* A case that takes the route for every state, one after the other and all at once. */
#define ROUTE(name)                         \
	CASE(name)                          \
	{                                   \
		st_each("a", name##_route); \
		st_all("b", name##_route);  \
	}

#define ROUTE_ARGS enum st_state s T_UNUSED, const char *dir T_UNUSED, const char *name T_UNUSED

#endif /* STATES_H */
