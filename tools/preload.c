/* SPDX-License-Identifier: MIT */
/* preload.c - the library and its environment variables */
#include "fastio.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/options.h"

#define NAME "libfastio.so"

static bool find_library(char *path, const char *dir, const char *below)
{
	char candidate[PATH_MAX];

	return snprintf(candidate, sizeof(candidate), "%s%s/" NAME, dir, below) <
		       (int)sizeof(candidate) &&
	       realpath(candidate, path);
}

const char *library_path(void)
{
	static char path[PATH_MAX];
	char here[PATH_MAX - 32];
	ssize_t n = readlink("/proc/self/exe", here, sizeof(here) - 1);
	char *slash;

	here[n > 0 ? n : 0] = '\0';
	slash = strrchr(here, '/');
	if (slash)
		*slash = '\0';
	if (!find_library(path, here, "") && !find_library(path, here, "/../lib") &&
	    !find_library(path, here, "/../" FIO_LIBSUB) && !find_library(path, FIO_LIBDIR, "")) {
		fprintf(stderr,
			"fastio: " NAME " is neither beside fastio (%s), nor in ../lib, nor in %s: "
			"install it with 'make install', or build it with 'make'\n",
			here, FIO_LIBDIR);
		return NULL;
	}
	if (strpbrk(path, " :\t\n")) {
		fprintf(stderr,
			"fastio: the dynamic linker cannot preload '%s', because a blank or a colon "
			"in a path ends it: install libfastio elsewhere\n",
			path);
		return NULL;
	}
	return path;
}

/* Is this item of LD_PRELOAD, n bytes, a libfastio? */
static bool is_ours(const char *item, size_t n)
{
	size_t len = strlen(NAME);

	return n >= len && !memcmp(item + n - len, NAME, len) &&
	       (n == len || item[n - len - 1] == '/');
}

/* LD_PRELOAD without us, after first and a colon if there is one */
static bool set_preload(const char *first)
{
	const char *old = getenv("LD_PRELOAD");
	size_t room = strlen(first) + (old ? strlen(old) : 0) + 2, n;
	char *value = malloc(room), *end;

	if (!value)
		return false;
	end = stpcpy(value, first);
	for (const char *p = old; p && *p; p += n) {
		p += strspn(p, ": ");
		n = strcspn(p, ": ");
		if (!n || is_ours(p, n))
			continue;
		if (end > value)
			*end++ = ':';
		end = mempcpy(end, p, n);
		*end = '\0';
	}
	if (*value)
		setenv("LD_PRELOAD", value, 1);
	else
		unsetenv("LD_PRELOAD");
	free(value);
	return true;
}

bool preload_add(void)
{
	const char *lib = library_path();

	return lib && set_preload(lib);
}

void preload_remove(void)
{
	set_preload("");
}

int preload_option(const char *verb, char **argv)
{
	const char *arg = argv[0], *eq = strchr(arg, '='), *value = eq ? eq + 1 : argv[1];
	size_t n = eq ? (size_t)(eq - arg) : strlen(arg), len = 0;
	char name[64] = "FASTIO_", var[512];

	if (!strcmp(arg, "-o") || !strcmp(arg, "--output")) {
		usage_failed(verb, "a value is missing", arg);
		return 0;
	}
	if (n < 3 || strncmp(arg, "--", 2) != 0 || n - 2 > sizeof(name) - 8)
		goto unknown;
	for (len = 7; n > 2; n--, arg++)
		name[len++] = (char)(arg[2] == '-' ? '_' : toupper((unsigned char)arg[2]));
	name[len] = '\0';
	snprintf(var, sizeof(var), "%s=%s", name + 7, value ? value : "");
	switch (fio_option_check(var)) {
	case FIO_OPTION_UNKNOWN:
		goto unknown;
	case FIO_OPTION_BAD:
		if (!value)
			break;
		usage_failed(verb, "not a usable value, see libfastio(7)", var);
		return 0;
	case FIO_OPTION_OK:
		break;
	}
	if (!value) {
		usage_failed(verb, "a value is missing", argv[0]);
		return 0;
	}
	setenv(name, value, 1);
	return eq ? 1 : 2;
unknown:
	usage_failed(verb, "unknown option", argv[0]);
	return 0;
}

int options_read(const char *verb, const char *help, own_option *own, void *arg, int argc,
		 char **argv, int *status)
{
	int i = 1;

	*status = EXIT_USAGE;
	while (i < argc && argv[i][0] == '-' && argv[i][1]) {
		int used;

		if (!strcmp(argv[i], "--")) {
			i++;
			break;
		}
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			fputs(help, stdout);
			*status = finish_output();
			return 0;
		}
		used = own(arg, argv + i, argc - i);
		if (!used)
			used = preload_option(verb, argv + i);
		if (!used)
			return 0;
		i += used;
	}
	if (i < argc)
		return i;
	usage_failed(verb, "no command given", NULL);
	return 0;
}

int output_option(const char **output, char **argv, int left)
{
	if ((!strcmp(argv[0], "-o") || !strcmp(argv[0], "--output")) && left > 1) {
		*output = argv[1];
		return 2;
	}
	if (strncmp(argv[0], "--output=", 9) != 0)
		return 0;
	*output = argv[0] + 9;
	return 1;
}

int exec_command(char **argv)
{
	const char *advice = "";
	int err;

	execvp(argv[0], argv);
	err = errno;
	if (err == ENOENT)
		advice = strchr(argv[0], '/') ? "; check its path, and the first line of a script"
					      : "; is it installed, and in PATH?";
	else if (err == EACCES)
		advice = "; 'chmod +x' makes a file a program";
	else if (err == ENOEXEC)
		advice = "; it is neither a program nor a script";
	fprintf(stderr, "fastio: cannot run %s: %s%s\n", argv[0], strerror(err), advice);
	return err == ENOENT ? EXIT_NOENT : EXIT_NOEXEC;
}
