/* SPDX-License-Identifier: MIT */
/*
 * values.c - paths, flags, modes and sizes that the operations choose from
 */
#define _GNU_SOURCE 1
#include "fuzz.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

const int open_flags[] = {
	O_WRONLY | O_CREAT | O_TRUNC, /* the commonest first */
	O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
	O_WRONLY | O_CREAT | O_EXCL,
	O_WRONLY | O_TRUNC,
	O_WRONLY | O_CREAT,
	O_WRONLY,
	O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
	O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK,
	O_WRONLY | O_CREAT | O_APPEND,
	/* from here on not for put */
	O_RDONLY,
	O_RDWR | O_CREAT | O_TRUNC,
	O_RDWR | O_CREAT,
	O_RDWR,
	O_RDONLY | O_CREAT,
	O_RDONLY | O_TRUNC,
	O_RDONLY | O_DIRECTORY,
	O_RDONLY | O_NOFOLLOW,
	O_PATH,
	O_WRONLY | O_CREAT | O_DIRECTORY,
	O_WRONLY | O_CREAT | O_SYNC,
	O_WRONLY | O_TMPFILE,
	O_RDWR | O_CREAT | O_EXCL,
	O_ACCMODE | O_CREAT,
	O_RDWR | O_TRUNC | O_APPEND,
};
const int n_open_flags = COUNT(open_flags), first_put_flag = 9;

const int file_modes[] = {0644, 0644, 0600,  0755,  0400,  0,   0200,
			  0666, 0777, 04755, 02755, 01777, 0444};
const int n_file_modes = COUNT(file_modes);

const int sizes[] = {100, 100,   100,   1,     0,     5000,   5000,   4096,   17,
		     200, 16384, 20000, 20000, 70000, 131072, 262144, 262145, 300000};
const int n_sizes = COUNT(sizes);

const int offsets[] = {0, 0, 0, 100, 50, 1, 4096, 5000, 20000, -1, 262144};
const int n_offsets = COUNT(offsets);

/* Of these names most operations take one. */
static const char *const base[] = {
	"f0",    "f1",    "f2",    "f3",      "d0/f0",   "d0/f1",   "d0/f2",   "d0/f3",
	"d1/f0", "d1/f1", "d1/f2", "d0/e/f0", "d0/e/f1", "d0/e/f2", "d0/s/f0", "d0/s/f1",
};
/* ... or a directory's name */
static const char *const dirs[] = {"d0", "d1", "d0/e", ".", "d0/s", "s0", "d2", "d0/"};
/* '/': absolute; '*': a long name; '!': no memory there */
static const char *const odd[] = {
	"s0/f0",    "s0/f1",  "s1",     "d0/s",     "d1/s2",       "/f0",       "/d0/f0",
	"/d0/e/f1", "./f1",   "d0//f1", "d0/../f0", "d0/./f2",     "f0/",       "d0/f0/",
	"d0/f0/x",  "",       "*255",   "*256",     "!",           "d0/x.lock", ".lock-f",
	"d0/.#x",   "a b\tc", "/d1/s2", "d2/f0",    "d1/../d0/f1", "d1/.",      "d0/e/..",
};

const int n_base_paths = COUNT(base), first_dir = COUNT(base), n_dirs = COUNT(dirs);
const int n_paths = COUNT(base) + COUNT(dirs) + COUNT(odd);

static const char *raw_path(int i)
{
	if (i < COUNT(base))
		return base[i];
	i -= COUNT(base);
	if (i < COUNT(dirs))
		return dirs[i];
	return odd[i - COUNT(dirs)];
}

bool is_bad_path(int path)
{
	return *raw_path(path) == '!';
}

void path_text(char *buf, size_t size, int path, int thread)
{
	const char *p = raw_path(((unsigned)path) % (unsigned)n_paths);
	char quoted[200], *q = quoted;

	if (*p == '!') {
		snprintf(buf, size, "(char *)8");
		return;
	}
	if (*p == '*') {
		snprintf(buf, size, "long_name(%s)", p + 1);
		return;
	}
	for (const char *s = *p == '/' ? p + 1 : p; *s; s++) {
		if (*s == '\t') {
			*q++ = '\\';
			*q++ = 't';
		} else {
			*q++ = *s;
		}
	}
	*q = 0;
	if (thread >= 0)
		snprintf(buf, size, "\"t%d/%s\"", thread, quoted);
	else
		snprintf(buf, size, *p == '/' ? "in_home(\"%s\")" : "\"%s\"", quoted);
}

static const struct {
	int value;
	const char *name;
} flag_names[] = {
	{O_TMPFILE, "O_TMPFILE"},     {O_CREAT, "O_CREAT"},       {O_EXCL, "O_EXCL"},
	{O_TRUNC, "O_TRUNC"},         {O_APPEND, "O_APPEND"},     {O_CLOEXEC, "O_CLOEXEC"},
	{O_NOFOLLOW, "O_NOFOLLOW"},   {O_NONBLOCK, "O_NONBLOCK"}, {O_PATH, "O_PATH"},
	{O_DIRECTORY, "O_DIRECTORY"}, {O_SYNC, "O_SYNC"},
};

void flags_text(char *buf, size_t size, int flags)
{
	static const char *const access[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};
	size_t n = (size_t)snprintf(buf, size, "%s", access[flags & O_ACCMODE]);

	flags &= ~O_ACCMODE;
	for (int i = 0; i < COUNT(flag_names); i++)
		if ((flags & flag_names[i].value) == flag_names[i].value) {
			n += (size_t)snprintf(buf + n, size - n, " | %s", flag_names[i].name);
			flags &= ~flag_names[i].value;
		}
}
