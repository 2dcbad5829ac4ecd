/* SPDX-License-Identifier: MIT */
/* fuzzed.c - sequences in which tests/fuzz has found a difference, by hand and as short as can be */
#include "t.h"

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

static const struct t_case cases[] = {
	C(unlink_then_refused),
};

int main(int argc, char **argv)
{
	return t_main(argc, argv, cases, T_COUNT(cases), fixture);
}
