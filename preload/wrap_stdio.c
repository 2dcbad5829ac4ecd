/* SPDX-License-Identifier: MIT */
/*
 * wrap_stdio.c - streams: closing and flushing, the printf and scanf families, messages
 */
#include "export.h"

#include <alloca.h>
#include <string.h>

/* ---- closing, flushing ---- */

/* The stream's buffer is written and its descriptor goes away. */
static void stream_closes(FILE *f)
{
	int err = errno, fd = f ? fileno_unlocked(f) : -1;

	if (fd >= 0) {
		REAL(f);
		CHANNEL(fd);
		FORGET(fd);
	}
	errno = err;
}

int x_fclose(FILE *f)
{
	if (unlikely(fio_pending() && f && fio_stream_deferred(f)))
		return fio_stream_close(f);
	stream_closes(f);
	return NEXT(fclose)(f);
}

int x_endmntent(FILE *f)
{
	stream_closes(f);
	return NEXT(endmntent)(f);
}

int x_pclose(FILE *f)
{
	int r;

	ALL(FORK);
	stream_closes(f);
	r = NEXT(pclose)(f);
	ACQUIRE;
	return r;
}

FILE *x_freopen(const char *path, const char *mode, FILE *f)
{
	FILE *r;

	stream_closes(f);
	if (path)
		STREAM_PATH(path);
	r = NEXT(freopen)(path, mode, f);
	if (r && *mode != 'r')
		CREATED;
	return r;
}

int x_fflush(FILE *f)
{
	if (f)
		FLUSH(f);
	else
		ALL(STDIO);
	return NEXT(fflush)(f);
}

/* ---- output ---- */

#define WRITES(name)                                                                              \
	size_t len;                                                                               \
                                                                                                  \
	if (!fio_pending() || !fio_stream_deferred(f) || __builtin_mul_overflow(size, n, &len)) { \
		OUT_MUL(f, size, n);                                                              \
		return NEXT(name)(p, size, n, f);                                                 \
	}                                                                                         \
	return len ? fio_stream_write(p, len, f) / size : 0

size_t x_fwrite(const void *p, size_t size, size_t n, FILE *f)
{
	WRITES(fwrite);
}

size_t x_fwrite_unlocked(const void *p, size_t size, size_t n, FILE *f)
{
	WRITES(fwrite_unlocked);
}

/* Such a stream's fputs returns 1. */
#define PUTS(name)                                                             \
	do {                                                                   \
		if (unlikely(fio_pending() && fio_stream_deferred(f))) {       \
			size_t len_ = strlen(s);                               \
                                                                               \
			return fio_stream_write(s, len_, f) == len_ ? 1 : EOF; \
		}                                                              \
		OUT_STR(f, s);                                                 \
		return NEXT(name)(s, f);                                       \
	} while (0)

int x_fputs(const char *s, FILE *f)
{
	PUTS(fputs);
}

int x_fputs_unlocked(const char *s, FILE *f)
{
	PUTS(fputs_unlocked);
}

int x_putw(int w, FILE *f)
{
	if (unlikely(fio_pending() && fio_stream_deferred(f)))
		return fio_stream_write((char *)&w, sizeof(w), f) == sizeof(w) ? 0 : EOF;
	OUT(f, sizeof(w));
	return NEXT(putw)(w, f);
}

/* ---- printf ---- */

int x_vfprintf(FILE *f, const char *fmt, va_list ap)
{
	if (unlikely(fio_pending() && fio_stream_deferred(f)))
		return fio_stream_format(f, -1, fmt, ap);
	OUT_FMT(f, fmt, ap);
	return NEXT(vfprintf)(f, fmt, ap);
}

int x_vprintf(const char *fmt, va_list ap)
{
	OUT_FMT(stdout, fmt, ap);
	return NEXT(vprintf)(fmt, ap);
}

int x___vfprintf_chk(FILE *f, int flag, const char *fmt, va_list ap)
{
	if (unlikely(fio_pending() && fio_stream_deferred(f)))
		return fio_stream_format(f, flag, fmt, ap);
	OUT_FMT(f, fmt, ap);
	return NEXT(__vfprintf_chk)(f, flag, fmt, ap);
}

int x___vprintf_chk(int flag, const char *fmt, va_list ap)
{
	OUT_FMT(stdout, fmt, ap);
	return NEXT(__vprintf_chk)(flag, fmt, ap);
}

/* A variadic function in terms of a va_list form. */
#define FORWARD(ret, last, call)    \
	do {                        \
		va_list ap;         \
		ret r;              \
		va_start(ap, last); \
		r = call;           \
		va_end(ap);         \
		return r;           \
	} while (0)

#define VFORWARD(last, call)        \
	do {                        \
		va_list ap;         \
		va_start(ap, last); \
		call;               \
		va_end(ap);         \
	} while (0)

int x_printf(const char *fmt, ...)
{
	FORWARD(int, fmt, x_vprintf(fmt, ap));
}

int x_fprintf(FILE *f, const char *fmt, ...)
{
	FORWARD(int, fmt, x_vfprintf(f, fmt, ap));
}

int x___printf_chk(int flag, const char *fmt, ...)
{
	FORWARD(int, fmt, x___vprintf_chk(flag, fmt, ap));
}

int x___fprintf_chk(FILE *f, int flag, const char *fmt, ...)
{
	FORWARD(int, fmt, x___vfprintf_chk(f, flag, fmt, ap));
}

int x_dprintf(int fd, const char *fmt, ...)
{
	FORWARD(int, fmt, x_vdprintf(fd, fmt, ap));
}

int x___dprintf_chk(int fd, int flag, const char *fmt, ...)
{
	FORWARD(int, fmt, x___vdprintf_chk(fd, flag, fmt, ap));
}

int x_wprintf(const wchar_t *fmt, ...)
{
	FORWARD(int, fmt, x_vwprintf(fmt, ap));
}

int x_fwprintf(FILE *f, const wchar_t *fmt, ...)
{
	FORWARD(int, fmt, x_vfwprintf(f, fmt, ap));
}

int x___wprintf_chk(int flag, const wchar_t *fmt, ...)
{
	FORWARD(int, fmt, x___vwprintf_chk(flag, fmt, ap));
}

int x___fwprintf_chk(FILE *f, int flag, const wchar_t *fmt, ...)
{
	FORWARD(int, fmt, x___vfwprintf_chk(f, flag, fmt, ap));
}

/* ---- scanf ---- */

int x_fscanf(FILE *f, const char *fmt, ...)
{
	FORWARD(int, fmt, x_vfscanf(f, fmt, ap));
}

int x_scanf(const char *fmt, ...)
{
	FORWARD(int, fmt, x_vscanf(fmt, ap));
}

int x___isoc99_fscanf(FILE *f, const char *fmt, ...)
{
	FORWARD(int, fmt, x___isoc99_vfscanf(f, fmt, ap));
}

int x___isoc99_scanf(const char *fmt, ...)
{
	FORWARD(int, fmt, x___isoc99_vscanf(fmt, ap));
}

int x___isoc23_fscanf(FILE *f, const char *fmt, ...)
{
	FORWARD(int, fmt, x___isoc23_vfscanf(f, fmt, ap));
}

int x___isoc23_scanf(const char *fmt, ...)
{
	FORWARD(int, fmt, x___isoc23_vscanf(fmt, ap));
}

int x_fwscanf(FILE *f, const wchar_t *fmt, ...)
{
	FORWARD(int, fmt, x_vfwscanf(f, fmt, ap));
}

int x_wscanf(const wchar_t *fmt, ...)
{
	FORWARD(int, fmt, x_vwscanf(fmt, ap));
}

int x___isoc99_fwscanf(FILE *f, const wchar_t *fmt, ...)
{
	FORWARD(int, fmt, x___isoc99_vfwscanf(f, fmt, ap));
}

int x___isoc99_wscanf(const wchar_t *fmt, ...)
{
	FORWARD(int, fmt, x___isoc99_vwscanf(fmt, ap));
}

/* ---- messages ---- */

void x_syslog(int prio, const char *fmt, ...)
{
	VFORWARD(fmt, x_vsyslog(prio, fmt, ap));
}

void x___syslog_chk(int prio, int flag, const char *fmt, ...)
{
	VFORWARD(fmt, x___vsyslog_chk(prio, flag, fmt, ap));
}

void x_warn(const char *fmt, ...)
{
	VFORWARD(fmt, x_vwarn(fmt, ap));
}

void x_warnx(const char *fmt, ...)
{
	VFORWARD(fmt, x_vwarnx(fmt, ap));
}

/* These exit inside libc. */
void x_verr(int status, const char *fmt, va_list ap)
{
	int err = errno;

	status = fio_exit(status);
	errno = err;
	NEXT(verr)(status, fmt, ap);
}

void x_verrx(int status, const char *fmt, va_list ap)
{
	NEXT(verrx)(fio_exit(status), fmt, ap);
}

void x_err(int status, const char *fmt, ...)
{
	VFORWARD(fmt, x_verr(status, fmt, ap));
}

void x_errx(int status, const char *fmt, ...)
{
	VFORWARD(fmt, x_verrx(status, fmt, ap));
}

/* No va_list forms: the text is formatted here. */
#define FORMAT(text, fmt)                            \
	do {                                         \
		va_list ap_;                         \
		size_t n_;                           \
		int err_ = errno;                    \
                                                     \
		va_start(ap_, fmt);                  \
		n_ = fio_formatted_length(fmt, ap_); \
		va_end(ap_);                         \
		n_ = n_ == SIZE_MAX ? 1 : n_ + 1;    \
		text = alloca(n_);                   \
		text[0] = 0;                         \
		va_start(ap_, fmt);                  \
		vsnprintf(text, n_, fmt, ap_);       \
		va_end(ap_);                         \
		errno = err_;                        \
	} while (0)

static int message_status(int status)
{
	if (status)
		return fio_exit(status);
	ALL(STDIO);
	return 0;
}

void x_error(int status, int errnum, const char *fmt, ...)
{
	char *text;

	FORMAT(text, fmt);
	NEXT(error)(message_status(status), errnum, "%s", text);
}

void x_error_at_line(int status, int errnum, const char *file, unsigned int line, const char *fmt,
		     ...)
{
	char *text;

	FORMAT(text, fmt);
	NEXT(error_at_line)(message_status(status), errnum, file, line, "%s", text);
}

void x_argp_error(const struct argp_state *state, const char *fmt, ...)
{
	char *text;

	FORMAT(text, fmt);
	ALL(STDIO);
	NEXT(argp_error)(state, "%s", text);
}

void x_argp_failure(const struct argp_state *state, int status, int errnum, const char *fmt, ...)
{
	char *text;

	if (!fmt) {
		ALL(STDIO);
		NEXT(argp_failure)(state, status, errnum, NULL);
		return;
	}
	FORMAT(text, fmt);
	ALL(STDIO);
	NEXT(argp_failure)(state, status, errnum, "%s", text);
}

#define FIO_GROUP_stdio ~, 1
#include "aliases.h"
