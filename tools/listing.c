/* SPDX-License-Identifier: MIT */
/*
 * listing.c - comparing the trees of several runs
 *
 * A program may leave something else each time (times in files, random names), without the library
 * as well.  So an entry of a preloaded run is as it should be if any stock run has left the same,
 * and an entry that is not the same in all stock runs proves nothing.
 */
#include "listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool split(struct listing *l)
{
	size_t n = 0;

	for (const char *p = l->text; (p = strchr(p, '\n')); p++)
		n++;
	l->lines = calloc(n + 1, sizeof(*l->lines));
	if (!l->lines)
		return false;
	for (char *p = l->text, *end; l->n < n; p = end + 1) {
		end = strchr(p, '\n');
		*end = '\0';
		l->lines[l->n++] = p;
	}
	return true;
}

bool listing_take(struct listing *l, const char *dir, const struct tree_options *o)
{
	size_t size = 0;
	FILE *f;

	*l = (struct listing){0};
	f = open_memstream(&l->text, &size);
	if (!f || tree_list(dir, o, f) != EXIT_OK || fclose(f))
		return false;
	if (split(l))
		return true;
	io_failed("remember", dir, ENOMEM);
	return false;
}

void listing_free(struct listing *l)
{
	free(l->lines);
	free(l->text);
}

/* Paths end at a tab; it sorts before whatever else a longer path has there. */
static int by_path(const char *a, const char *b)
{
	size_t m = strcspn(a, "\t"), n = strcspn(b, "\t");
	int c = memcmp(a, b, m < n ? m : n);

	return c ? c : m < n ? -1 : m > n;
}

static const char *description(const char *line)
{
	const char *tab = line ? strchr(line, '\t') : NULL;

	return tab ? tab + 1 : "(not there)";
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/*
 * The smallest path that any of the listings still has; each one's line of it, or NULL, into heads.
 */
static const char *next_path(const struct listing *const *all, size_t *at, size_t n,
			     const char **heads)
{
	const char *least = NULL;

	for (size_t i = 0; i < n; i++) {
		heads[i] = at[i] < all[i]->n ? all[i]->lines[at[i]] : NULL;
		if (heads[i] && (!least || by_path(heads[i], least) < 0))
			least = heads[i];
	}
	for (size_t i = 0; least && i < n; i++) {
		if (heads[i] && by_path(heads[i], least))
			heads[i] = NULL;
		else if (heads[i])
			at[i]++;
	}
	return least;
}

static bool steady(const char **heads, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (!same(heads[0], heads[i]))
			return false;
	return true;
}

static const char *odd_one(const char **stock, const char **preloaded, size_t n, bool *found)
{
	for (size_t j = 0; j < n; j++) {
		size_t i = 0;

		while (i < n && !same(stock[i], preloaded[j]))
			i++;
		*found = i == n;
		if (*found)
			return preloaded[j];
	}
	return NULL;
}

void listings_compare(const struct listing *stock, const struct listing *preloaded, size_t n,
		      FILE *f, size_t limit, struct comparison *c)
{
	const struct listing **all = calloc(2 * n, sizeof(*all));
	size_t *at = calloc(2 * n, sizeof(*at));
	const char **heads = calloc(2 * n, sizeof(*heads)), *path, *odd;
	bool found = false;

	*c = (struct comparison){0};
	if (!all || !at || !heads)
		abort();
	for (size_t i = 0; i < n; i++) {
		all[i] = &stock[i];
		all[n + i] = &preloaded[i];
	}
	while ((path = next_path(all, at, 2 * n, heads))) {
		c->entries++;
		odd = odd_one(heads, heads + n, n, &found);
		if (!found)
			continue;
		if (!steady(heads, n)) {
			c->unsteady++;
			continue;
		}
		if (c->differ++ < limit)
			fprintf(f, "  %.*s\n    stock:     %s\n    preloaded: %s\n",
				(int)strcspn(path, "\t"), path, description(heads[0]),
				description(odd));
	}
	if (c->differ > limit)
		fprintf(f, "  ... and %zu more\n", c->differ - limit);
	free(all);
	free(at);
	free(heads);
}
