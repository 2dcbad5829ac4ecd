/* SPDX-License-Identifier: MIT */
/*
 * fmt.h - formatting into a fixed buffer without allocation, stdio or locale
 *
 * Output that does not fit is cut; the text is always terminated.
 */
#ifndef FIO_FMT_H
#define FIO_FMT_H

#include <stddef.h>
#include <stdint.h>

struct fio_fmt {
	char *buf;  /* where the text goes */
	size_t cap; /* bytes of buf */
	size_t len; /* bytes used, without the terminator */
};

void fmt_init(struct fio_fmt *f, char *buf, size_t cap);
void fmt_str(struct fio_fmt *f, const char *s);
void fmt_int(struct fio_fmt *f, int64_t v);
/* s as the inside of a JSON string */
void fmt_json(struct fio_fmt *f, const char *s);
/* The name of an errno value (ENOENT), or its number. */
void fmt_errno(struct fio_fmt *f, int err);

#endif /* FIO_FMT_H */
