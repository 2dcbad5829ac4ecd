/* SPDX-License-Identifier: MIT */
/*
 * log.c - a line of text, only when FASTIO_LOG asks for it
 */
#include "log.h"

#include <stdarg.h>
#include <string.h>

#include "fmt.h"
#include "options.h"
#include "sys.h"

void fio_append(const char *path, const char *text, unsigned long len)
{
	int fd;

	if (strcmp(path, "stderr") == 0) {
		sys_write(2, text, len);
		return;
	}
	fd = sys_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
			0600);
	if (fd < 0)
		return;
	sys_write(fd, text, len);
	sys_close(fd);
}

void fio_log(const char *first, ...)
{
	char buf[1024];
	struct fio_fmt f;
	va_list ap;

	if (!fio_opt.log[0])
		return;
	fmt_init(&f, buf, sizeof(buf) - 1);
	fmt_str(&f, "fastio[");
	fmt_int(&f, sys_getpid());
	fmt_str(&f, "]: ");
	va_start(ap, first);
	for (const char *s = first; s; s = va_arg(ap, const char *))
		fmt_str(&f, s);
	va_end(ap);
	buf[f.len] = '\n';
	fio_append(fio_opt.log, buf, f.len + 1);
}
