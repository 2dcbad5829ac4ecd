/* SPDX-License-Identifier: MIT */
/* main.c - fastio: finds the verb and runs it; without one, runs the command */
#include "fastio.h"

#include <string.h>

#include "doctor.h"

static const struct command verbs[] = {
	{"run", "run a command with the library preloaded (also without this word)", run_main},
	{"compare", "run it stock and preloaded in turn: same result, how much faster?",
	 compare_main},
	{"doctor", "what works here, for a directory or a program, and what does not", doctor_main},
	{"trace", "run it and write a timeline for Perfetto or chrome://tracing", trace_main},
	{"top", "live counters of running preloaded processes", top_main},
};

#define NVERBS (sizeof(verbs) / sizeof(verbs[0]))

static void usage(FILE *f)
{
	fprintf(f, "Usage: fastio [OPTION]... COMMAND [ARGUMENT]...\n"
		   "       fastio VERB [OPTION]... [ARGUMENT]...\n"
		   "Runs unmodified programs with libfastio, which makes small files fast.\n\n"
		   "Verbs:\n");
	for (size_t i = 0; i < NVERBS; i++)
		fprintf(f, "  %-10s %s\n", verbs[i].name, verbs[i].summary);
	fprintf(f, "\n"
		   "  --help, --version\n"
		   "\n"
		   "'fastio VERB --help' describes a verb, fastio(1) all of them.\n"
		   "A command named like a verb: fastio run top.\n");
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
	if (!strcmp(argv[1], "--version")) {
		puts("fastio " FIO_VERSION);
		return finish_output();
	}
	if (!strcmp(argv[1], "--probe") && argc == 3) /* for the doctor's own use */
		return probe_main(argv[2]);
	for (size_t i = 0; i < NVERBS; i++)
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].run(argc - 1, argv + 1);
	argv[0] = (char *)"run";
	return run_main(argc, argv);
}
