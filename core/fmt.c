/* SPDX-License-Identifier: MIT */
/*
 * fmt.c - formatting into a fixed buffer
 */
#include "fmt.h"

#include <errno.h>

#include "util.h"

void fmt_init(struct fio_fmt *f, char *buf, size_t cap)
{
	f->buf = buf;
	f->cap = cap;
	f->len = 0;
	buf[0] = '\0';
}

static void put(struct fio_fmt *f, char c)
{
	if (f->len + 1 < f->cap) {
		f->buf[f->len++] = c;
		f->buf[f->len] = '\0';
	}
}

void fmt_str(struct fio_fmt *f, const char *s)
{
	while (*s)
		put(f, *s++);
}

void fmt_int(struct fio_fmt *f, int64_t v)
{
	char tmp[24];
	int n = 0;
	uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;

	do {
		tmp[n++] = (char)('0' + u % 10);
		u /= 10;
	} while (u);
	if (v < 0)
		put(f, '-');
	while (n)
		put(f, tmp[--n]);
}

void fmt_json(struct fio_fmt *f, const char *s)
{
	static const char hex[] = "0123456789abcdef";

	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\') {
			put(f, '\\');
			put(f, (char)c);
		} else if (c < 0x20 || c >= 0x7f) {
			fmt_str(f, "\\u00");
			put(f, hex[c >> 4]);
			put(f, hex[c & 15]);
		} else {
			put(f, (char)c);
		}
	}
}

void fmt_errno(struct fio_fmt *f, int err)
{
	static const struct {
		int err;
		const char *name;
	} names[] = {
		{EACCES, "Permission denied"},
		{EDQUOT, "Disk quota exceeded"},
		{EEXIST, "File exists"},
		{EFBIG, "File too large"},
		{EINVAL, "Invalid argument"},
		{EIO, "Input/output error"},
		{EISDIR, "Is a directory"},
		{EMFILE, "Too many open files"},
		{ENFILE, "Too many open files in system"},
		{ENOENT, "No such file or directory"},
		{ENOMEM, "Cannot allocate memory"},
		{ENOSPC, "No space left on device"},
		{ENOTEMPTY, "Directory not empty"},
		{ENOTDIR, "Not a directory"},
		{EPERM, "Operation not permitted"},
		{EROFS, "Read-only file system"},
		{ESTALE, "Stale file handle"},
	};

	for (size_t i = 0; i < FIO_ARRAY_SIZE(names); i++) {
		if (names[i].err == err) {
			fmt_str(f, names[i].name);
			return;
		}
	}
	fmt_str(f, "error ");
	fmt_int(f, err);
}
