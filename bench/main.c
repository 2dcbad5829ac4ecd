/* SPDX-License-Identifier: MIT */
/* main.c - fastio-bench: finds the subcommand and runs it */
#include "bench.h"

#include <getopt.h>
#include <string.h>

static const struct command commands[] = {
	{"phases", "create, update, read and delete many small files, each phase timed",
	 phases_main},
	{"methods", "the same by every method there is, compared", methods_main},
	{"actor", "threads that share a ring, by several ways, compared", actor_main},
	{"measure", "run a command, print its wall and CPU time as JSON", measure_main},
	{"tree", "print one line per entry of a directory tree, for comparison", tree_main},
	{"overhead", "what a preloaded library costs where it has nothing to do", overhead_main},
	{"mktree", "generate a tree of files like a source tree, the same each time", mktree_main},
};

#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *f)
{
	fprintf(f, "Usage: fastio-bench COMMAND [OPTION]...\n\nCommands:\n");
	for (size_t i = 0; i < NCOMMANDS; i++)
		fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fprintf(f, "\n'fastio-bench COMMAND --help' describes a command.\n"
		   "Exit status: 0 fine, 1 an I/O error, 2 wrong usage.\n");
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return finish_output();
	}
	opterr = 0;
	for (size_t i = 0; i < NCOMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);

	fprintf(stderr, "fastio-bench: unknown command: %s\n", argv[1]);
	usage(stderr);
	return EXIT_USAGE;
}
