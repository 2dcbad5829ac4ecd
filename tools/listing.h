/* SPDX-License-Identifier: MIT */
/* listing.h - what a run has left, and whether two kinds of runs leave the same */
#ifndef LISTING_H
#define LISTING_H

#include "../bench/bench.h"

/* One run's tree as lines "path<tab>description", sorted by path */
struct listing {
	char *text;
	char **lines;
	size_t n;
};

bool listing_take(struct listing *l, const char *dir, const struct tree_options *o);
void listing_free(struct listing *l);

struct comparison {
	size_t entries;  /* paths in all */
	size_t unsteady; /* differ between stock runs as well */
	size_t differ;   /* of a preloaded run, as of no stock run */
};

/*
 * Each of n stock runs against each of n preloaded runs; differences are printed to f, limit at
 * most.
 */
void listings_compare(const struct listing *stock, const struct listing *preloaded, size_t n,
		      FILE *f, size_t limit, struct comparison *c);

#endif
