/* SPDX-License-Identifier: MIT */
/* util.c - time, numbers, messages and random numbers for all subcommands */
#include "bench.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool suffix_shift(const char *s, unsigned *shift)
{
	*shift = 0;
	if (!*s)
		return true;
	switch (toupper((unsigned char)*s)) {
	case 'K':
		*shift = 10;
		break;
	case 'M':
		*shift = 20;
		break;
	case 'G':
		*shift = 30;
		break;
	default:
		return false;
	}
	return s[1] == '\0';
}

bool parse_number(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	unsigned long long v;
	unsigned shift;
	char *end;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || errno || !suffix_shift(end, &shift) ||
	    v > UINT64_MAX >> shift || v << shift < min || v << shift > max) {
		fprintf(stderr, "%s: %s: '%s' is not a number from %llu to %llu\n",
			program_invocation_short_name, what, text, (unsigned long long)min,
			(unsigned long long)max);
		return false;
	}
	*out = v << shift;
	return true;
}

/* What the user can do about it */
static const char *advice(int err)
{
	switch (err) {
	case ENOENT:
	case ENOTDIR:
		return "; check the path";
	case EACCES:
	case EPERM:
		return "; check its permissions, or run this as its owner or root";
	case ENOSPC:
	case EDQUOT:
		return "; remove something there, or choose another place";
	case EROFS:
		return "; choose another place";
	case ENOEXEC:
		return "; it is neither a program nor a script that names its interpreter";
	case EMFILE:
	case ENFILE:
		return "; raise 'ulimit -n'";
	case EAGAIN:
	case ENOMEM:
		return "; end other programs, or raise the limits of processes and memory";
	default:
		return "";
	}
}

int io_failed(const char *op, const char *path, int err)
{
	if (err == WRONG_CONTENT)
		fprintf(stderr, "%s: %s %s: not what was written\n", program_invocation_short_name,
			op, path);
	else
		fprintf(stderr, "%s: cannot %s %s: %s%s\n", program_invocation_short_name, op, path,
			strerror(err), advice(err));
	return EXIT_IO;
}

int usage_failed(const char *command, const char *message, const char *arg)
{
	const char *me = program_invocation_short_name;

	fprintf(stderr, "%s %s: %s%s%s\n", me, command, message, arg ? ": " : "", arg ? arg : "");
	fprintf(stderr, "Try '%s %s --help'.\n", me, command);
	return EXIT_USAGE;
}

int option_failed(const char *command, char **argv)
{
	return usage_failed(command, "unknown option, or a value is missing or too much",
			    argv[optind - 1]);
}

int finish_output(void)
{
	if (fflush(stdout) || ferror(stdout))
		return io_failed("write", "standard output", errno);
	return EXIT_OK;
}

void json_string(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c < 0x20)
			fprintf(f, "\\u%04x", c);
		else
			fputc(c, f);
	}
	fputc('"', f);
}

uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
	return n ? rng_next(r) % n : 0;
}
