/* SPDX-License-Identifier: MIT */
/*
 * calls_streams.h - stdio by all its names: what writes, what reads, what positions and buffers
 */
#ifndef CALLS_STREAMS_H
#define CALLS_STREAMS_H

#include "calls_names.h"

#include <argp.h>
#include <err.h>
#include <error.h>
#include <execinfo.h>
#include <fmtmsg.h>
#include <getopt.h>
#include <grp.h>
#include <gshadow.h>
#include <malloc.h>
#include <mntent.h>
#include <netdb.h>
#include <pwd.h>
#include <shadow.h>
#include <stdio_ext.h>
#include <wchar.h>

int __printf_chk(int flag, const char *fmt, ...);
int __fprintf_chk(FILE *f, int flag, const char *fmt, ...);
int __dprintf_chk(int fd, int flag, const char *fmt, ...);
int __vprintf_chk(int flag, const char *fmt, va_list ap);
int __vfprintf_chk(FILE *f, int flag, const char *fmt, va_list ap);
int __vdprintf_chk(int fd, int flag, const char *fmt, va_list ap);
int __wprintf_chk(int flag, const wchar_t *fmt, ...);
int __fwprintf_chk(FILE *f, int flag, const wchar_t *fmt, ...);
int __vwprintf_chk(int flag, const wchar_t *fmt, va_list ap);
int __vfwprintf_chk(FILE *f, int flag, const wchar_t *fmt, va_list ap);
/* The headers lead these names to those of C99. */
int old_fscanf(FILE *f, const char *fmt, ...) __asm__("fscanf");
int old_scanf(const char *fmt, ...) __asm__("scanf");
int old_vfscanf(FILE *f, const char *fmt, va_list ap) __asm__("vfscanf");
int old_vscanf(const char *fmt, va_list ap) __asm__("vscanf");
int old_fwscanf(FILE *f, const wchar_t *fmt, ...) __asm__("fwscanf");
int old_wscanf(const wchar_t *fmt, ...) __asm__("wscanf");
int old_vfwscanf(FILE *f, const wchar_t *fmt, va_list ap) __asm__("vfwscanf");
int old_vwscanf(const wchar_t *fmt, va_list ap) __asm__("vwscanf");
int __isoc99_fscanf(FILE *f, const char *fmt, ...);
int __isoc99_scanf(const char *fmt, ...);
int __isoc99_vfscanf(FILE *f, const char *fmt, va_list ap);
int __isoc99_vscanf(const char *fmt, va_list ap);
int __isoc99_fwscanf(FILE *f, const wchar_t *fmt, ...);
int __isoc99_wscanf(const wchar_t *fmt, ...);
int __isoc99_vfwscanf(FILE *f, const wchar_t *fmt, va_list ap);
int __isoc99_vwscanf(const wchar_t *fmt, va_list ap);
size_t __fread_chk(void *p, size_t room, size_t size, size_t n, FILE *f);
size_t __fread_unlocked_chk(void *p, size_t room, size_t size, size_t n, FILE *f);
char *__fgets_chk(char *s, size_t room, int n, FILE *f);
char *__fgets_unlocked_chk(char *s, size_t room, int n, FILE *f);
wchar_t *__fgetws_chk(wchar_t *s, size_t room, int n, FILE *f);
wchar_t *__fgetws_unlocked_chk(wchar_t *s, size_t room, int n, FILE *f);
int __underflow(FILE *f);
struct mntent *__getmntent_r(FILE *f, struct mntent *m, char *buf, int size);
wint_t __wuflow(FILE *f);
wint_t __wunderflow(FILE *f);
wint_t __woverflow(FILE *f, wint_t c);

/* Those with a va_list: formats "%d\n", or takes "%19s". */
static long listed(int which, FILE *f, ...)
{
	long r = 0;
	va_list ap;

	va_start(ap, f);
	switch (which) {
	case 0:
		r = vfprintf(f, "%d\n", ap);
		break;
	case 1:
		r = __vfprintf_chk(f, 1, "%d\n", ap);
		break;
	case 2:
		r = vdprintf(fileno(f), "%d\n", ap);
		break;
	case 3:
		r = __vdprintf_chk(fileno(f), 1, "%d\n", ap);
		break;
	case 4:
		r = vprintf("%d\n", ap);
		break;
	case 5:
		r = __vprintf_chk(1, "%d\n", ap);
		break;
	case 6:
		r = vfwprintf(f, L"%d\n", ap);
		break;
	case 7:
		r = __vfwprintf_chk(f, 1, L"%d\n", ap);
		break;
	case 8:
		vwarn("%d", ap);
		break;
	case 9:
		vwarnx("%d", ap);
		break;
	case 10:
		verr(3, "%d", ap);
		break;
	case 11:
		verrx(4, "%d", ap);
		break;
	case 12:
		r = old_vfscanf(f, "%19s", ap);
		break;
	case 13:
		r = __isoc99_vfscanf(f, "%19s", ap);
		break;
	case 14:
		r = old_vscanf("%19s", ap);
		break;
	case 15:
		r = __isoc99_vscanf("%19s", ap);
		break;
	case 16:
		r = old_vfwscanf(f, L"%19ls", ap);
		break;
	case 17:
		r = __isoc99_vfwscanf(f, L"%19ls", ap);
		break;
	case 18:
		r = old_vwscanf(L"%19ls", ap);
		break;
	case 19:
		r = __isoc99_vwscanf(L"%19ls", ap);
		break;
	case 20:
		r = vwprintf(L"%d\n", ap);
		break;
	case 21:
		r = __vwprintf_chk(1, L"%d\n", ap);
		break;
	}
	va_end(ap);
	return r;
}

static void put_one(FILE *f, int which)
{
	struct passwd pw = {(char *)"a", (char *)"x", 1, 2, (char *)"c", (char *)"/", (char *)"s"};
	struct group gr = {(char *)"g", (char *)"x", 3, (char *[]){NULL}};
	struct sgrp sg = {(char *)"g", (char *)"x", (char *[]){NULL}, (char *[]){NULL}};
	struct spwd sp = {(char *)"s", (char *)"x", 1, 2, 3, 4, 5, 6, ~0ul};
	struct mntent m = {(char *)"a", (char *)"b", (char *)"c", (char *)"d", 0, 0};
	static char big[2000];
	long r = 0;

	switch (which % 30) {
	case 0:
		r = (long)(fwrite_unlocked)(bytes(1), 1, 5000, f);
		break;
	case 1:
		r = (fputs)("some text\n", f);
		break;
	case 2:
		r = fputs_unlocked("some other text\n", f);
		break;
	case 3:
		r = (fputc)('c', f);
		break;
	case 4:
		r = (fputc_unlocked)('d', f);
		break;
	case 5:
		r = putw(0x41424344, f);
		break;
	case 6:
		r = __overflow(f, 'e');
		break;
	case 7:
		r = __fprintf_chk(f, 1, "%d\n", 7);
		break;
	case 8:
		r = (dprintf)(fileno(f), "%d\n", 8);
		break;
	case 9:
		r = __dprintf_chk(fileno(f), 1, "%d\n", 9);
		break;
	case 10:
	case 11:
	case 12:
	case 13:
		r = listed(which % 30 - 10, f, which);
		break;
	case 14:
		r = putpwent(&pw, f);
		break;
	case 15:
		r = putgrent(&gr, f);
		break;
	case 16:
		r = putspent(&sp, f);
		break;
	case 17:
		r = putsgent(&sg, f);
		break;
	case 18:
		r = addmntent(f, &m);
		break;
	case 19:
		memset(big, 'b', sizeof(big));
		r = (fprintf)(f, "%.*s", (int)sizeof(big), big);
		break;
	case 20:
		r = fseeko(f, 10, SEEK_SET);
		break;
	case 21:
		setlinebuf(f);
		break;
	case 22:
		_flushlbf();
		break;
	case 23:
		r = (fflush)(f);
		break;
	case 24:
		r = fseek(f, 0, SEEK_END);
		break;
	case 25:
		r = ftruncate(fileno(f), 7);
		break;
	case 26:
		rewind(f);
		break;
	case 27:
		r = (long)(fwrite)(bytes(2), 1, 70000, f);
		break;
	case 28:
		r = fsync(fileno(f));
		break;
	case 29:
		backtrace_symbols_fd((void *[]){NULL}, 0, fileno(f));
		break;
	}
	emit("  %d: %ld\n", which % 30, r);
}

/* Several of the calls that write, one after the other */
T_UNUSED static long stream_writes(const char *path, int k, int how, int more)
{
	static const char *const modes[] = {"w", "a", "r+", "w+", "w", "we", "a+", "w"};
	static char buf[4][BUFSIZ];
	FILE *f = readable(path) ? fopen(path, modes[how % 8]) : NULL;

	if (!f)
		return -1;
	if (how == 5 && !own)
		setbuf(f, buf[0]);
	if (how == 6 && !own)
		setbuffer(f, buf[1], 100);
	for (int i = 0; i < 4; i++)
		put_one(f, (k * 8 + more) * 7 + i * (3 + how));
	emit("  at %ld\n", ftell(f));
	return fclose(f);
}

static void get_one(FILE *f, int which)
{
	char word[20] = "", buf[1000], *line = NULL;
	struct passwd pw, *p = NULL;
	struct group gr, *g = NULL;
	struct spwd sp, *s = NULL;
	struct sgrp sg, *q = NULL;
	struct mntent m;
	size_t size = 0;
	long r = 0;

	switch (which % 26) {
	case 0:
		r = (long)(fread_unlocked)(buf, 1, 30, f);
		break;
	case 1:
		r = (long)__fread_chk(buf, sizeof(buf), 1, 40, f);
		break;
	case 2:
		r = (long)__fread_unlocked_chk(buf, sizeof(buf), 1, 50, f);
		break;
	case 3:
		r = fgets(buf, 10, f) != NULL;
		break;
	case 4:
		r = fgets_unlocked(buf, 10, f) != NULL;
		break;
	case 5:
		r = __fgets_chk(buf, sizeof(buf), 20, f) != NULL;
		break;
	case 6:
		r = __fgets_unlocked_chk(buf, sizeof(buf), 20, f) != NULL;
		break;
	case 7:
		r = (fgetc)(f);
		break;
	case 8:
		r = (fgetc_unlocked)(f);
		break;
	case 9:
		r = getw(f);
		break;
	case 10:
		r = getdelim(&line, &size, 'e', f);
		break;
	case 11:
		r = __uflow(f);
		break;
	case 12:
		r = __underflow(f);
		break;
	case 13:
		r = old_fscanf(f, "%19s", word);
		break;
	case 14:
		r = __isoc99_fscanf(f, "%19s", word);
		break;
	case 15:
	case 16:
		r = listed(which % 26 - 15 + 12, f, word);
		break;
	case 17:
		r = fgetpwent_r(f, &pw, buf, sizeof(buf), &p);
		break;
	case 18:
		r = fgetgrent_r(f, &gr, buf, sizeof(buf), &g);
		break;
	case 19:
		r = fgetspent_r(f, &sp, buf, sizeof(buf), &s);
		break;
	case 20:
		r = fgetsgent_r(f, &sg, buf, sizeof(buf), &q);
		break;
	case 21:
		r = (which & 1 ? getmntent_r : __getmntent_r)(f, &m, buf, sizeof(buf)) != NULL;
		break;
	case 22:
		r = (fgetc)(f) + ftello(f);
		break;
	case 23:
		r = fseeko(f, 2, SEEK_CUR);
		break;
	case 24:
		r = (long)fread(room(), 1, 20000, f);
		break;
	case 25:
		r = getline(&line, &size, f);
		break;
	}
	free(line);
	emit("  %d: %ld %s\n", which % 26, r, word);
}

T_UNUSED static long stream_reads(const char *path, int k, int more)
{
	FILE *f = readable(path) ? fopen(path, k % 2 ? "r" : "r+") : NULL;
	fpos_t pos;

	if (!f)
		return -1;
	for (int i = 0; i < 4; i++) {
		if (i == 1)
			fgetpos(f, &pos);
		get_one(f, (k * 8 + more) * 5 + i * 3);
	}
	if (more % 2)
		emit("  back %d\n", fsetpos(f, &pos));
	emit("  at %ld\n", ftell(f));
	return fclose(f);
}

/* Entries of files in the formats of /etc */
T_UNUSED static long stream_entries(const char *path, int k)
{
	FILE *f = readable(path) ? k % 2 ? setmntent(path, "r+") : fopen(path, "r") : NULL;
	const void *p = NULL;

	if (!f)
		return -1;
	switch (k) {
	case 0:
		p = fgetpwent(f);
		break;
	case 2:
		p = fgetgrent(f);
		break;
	case 4:
		p = fgetspent(f);
		break;
	case 6:
		p = fgetsgent(f);
		break;
	default:
		p = getmntent(f);
		break;
	}
	emit("  entry %d\n", p != NULL);
	return k % 2 ? endmntent(f) : fclose(f);
}

/* Wide characters, written and read */
T_UNUSED static long stream_wide(const char *path, int k, int more)
{
	wchar_t text[20] = L"";
	FILE *f = readable(path) ? fopen(path, k % 4 ? "w+" : "r+") : NULL;
	long r[4] = {0};

	if (!f)
		return -1;
	switch (k) {
	case 0:
		r[0] = fputwc(L'a', f);
		r[1] = fputwc_unlocked(L'b', f);
		r[2] = putwc(L'c', f) + putwc_unlocked(L'd', f);
		break;
	case 1:
		r[0] = fputws(L"one two\nthree\n", f);
		break;
	case 2:
		r[0] = fputws_unlocked(L"four five\nsix\n", f);
		break;
	case 3:
		r[0] = fwprintf(f, L"%d\n", 7);
		r[1] = __fwprintf_chk(f, 1, L"%d\n", 8);
		break;
	case 4:
		r[0] = listed(6, f, 9);
		r[1] = listed(7, f, 10);
		break;
	case 5:
		fwide(f, 1);
		r[0] = (long)__woverflow(f, L'x');
		break;
	default:
		for (int i = 0; i < 900; i++)
			r[0] += fputws(L"a longer text, ", f);
		break;
	}
	rewind(f);
	switch (more) {
	case 0:
		r[2] = (long)fgetwc(f);
		r[3] = (long)fgetwc_unlocked(f) * 1000 + (long)getwc(f) + (long)getwc_unlocked(f);
		break;
	case 1:
		r[2] = fgetws(text, 20, f) != NULL;
		break;
	case 2:
		r[2] = fgetws_unlocked(text, 20, f) != NULL;
		break;
	case 3:
		r[2] = __fgetws_chk(text, 20, 10, f) != NULL;
		r[3] = __fgetws_unlocked_chk(text, 20, 10, f) != NULL;
		break;
	case 4:
		r[2] = old_fwscanf(f, L"%19ls", text);
		break;
	case 5:
		r[2] = __isoc99_fwscanf(f, L"%19ls", text);
		break;
	case 6:
		r[2] = listed(16, f, text);
		r[3] = listed(17, f, text);
		break;
	default:
		fwide(f, 1);
		r[2] = (long)__wunderflow(f);
		r[3] = (long)__wuflow(f);
		break;
	}
	emit("  %ld %ld %ld %ld, at %ld\n", r[0], r[1], r[2], r[3], ftell(f));
	return fclose(f);
}

/* Standard input from a file */
T_UNUSED static long standard_input(const char *path, int k, int more)
{
	char word[100] = "";
	wchar_t wide[20] = L"";
	int fd = readable(path) ? open(path, O_RDONLY | O_NONBLOCK) : -1;
	long r = 0;

	if (fd < 0)
		return -1;
	close(fd);
	if (!freopen(path, "r", stdin))
		return -2;
	switch (k * 2 + more % 2) {
	case 0:
		r = (getchar)();
		break;
	case 1:
		r = (getchar_unlocked)();
		break;
	case 2:
		r = ungetc(getc(stdin), stdin);
		break;
	case 3:
		r = old_scanf("%19s", word);
		break;
	case 4:
		r = __isoc99_scanf("%19s", word);
		break;
	case 5:
		r = listed(14, stdin, word);
		break;
	case 6:
		r = listed(15, stdin, word);
		break;
	case 7:
		r = (long)getwchar();
		break;
	case 8:
		r = (long)getwchar_unlocked();
		break;
	case 9:
		r = old_wscanf(L"%19ls", wide);
		break;
	case 10:
		r = __isoc99_wscanf(L"%19ls", wide);
		break;
	case 11:
		r = listed(18, stdin, wide);
		break;
	case 12:
		r = listed(19, stdin, wide);
		break;
	default:
		r = fgetc(stdin);
		break;
	}
	if (!freopen("/dev/null", "r", stdin))
		return -3;
	return r;
}

/* Standard output to a file, of which there is a descriptor beside */
T_UNUSED static long standard_output(const char *path, int k, int more)
{
	int fd = readable(path) ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0644) : -1, old;
	long r = 0;

	if (fd < 0)
		return -1;
	fflush(stdout);
	old = dup(1);
	dup2(fd, 1);
	close(fd);
	switch (k * 2 + more % 2) {
	case 0:
		r = (puts)("a line");
		break;
	case 1:
		r = (putchar)('p');
		break;
	case 2:
		r = (putchar_unlocked)('q');
		break;
	case 3:
		r = (printf)("%d\n", 1);
		break;
	case 4:
		r = __printf_chk(1, "%d\n", 2);
		break;
	case 5:
	case 6:
		r = listed(k * 2 + more % 2 - 1, stdout, 3);
		break;
	case 7: /* the stream may be of bytes already */
		r = (long)putwchar(L'w');
		break;
	case 8:
		r = (long)putwchar_unlocked(L'x');
		break;
	case 9:
		r = wprintf(L"%d\n", 4);
		break;
	case 10:
		r = __wprintf_chk(1, L"%d\n", 5);
		break;
	case 11:
	case 12:
		r = listed(k * 2 + more % 2 + 9, stdout, 6);
		break;
	default:
		r = (long)fwrite(bytes(1), 1, 9000, stdout);
		break;
	}
	if (more & 2)
		emit("  flush %d\n", fflush(NULL));
	fflush(stdout);
	dup2(old, 1);
	close(old);
	return r;
}

static error_t argp_one(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	switch (key) {
	case 'a':
		argp_error(state, "an error");
		return 0;
	case 'b':
		argp_failure(state, 0, ENOENT, "a failure");
		return 0;
	case 'c':
		argp_state_help(state, stderr, ARGP_HELP_SEE);
		return 0;
	case 'd':
		argp_usage(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Standard error, which is the file that main.c compares */
T_UNUSED static long standard_error(int k, int more)
{
	static const struct option longs[] = {{"known", 0, NULL, 'k'}, {NULL, 0, NULL, 0}};
	static const struct argp_option opts[] = {{"aa", 'a', NULL, 0, NULL, 0},
						  {"bb", 'b', NULL, 0, NULL, 0},
						  {"cc", 'c', NULL, 0, NULL, 0},
						  {"dd", 'd', NULL, 0, NULL, 0},
						  {0}};
	static const struct argp argp = {opts, argp_one, NULL, NULL, NULL, NULL, NULL};
	static char option[] = "-a", program[] = "program";
	char *args[] = {program, option, NULL}, *unknown[] = {program, (char *)"--unknown", NULL};
	siginfo_t si = {.si_signo = SIGUSR1};
	long r = 0;

	errno = ENOENT;
	optind = 0;
	switch (k * 2 + more % 2) {
	case 0:
		perror("perror");
		break;
	case 1:
		psignal(SIGUSR1, "psignal");
		break;
	case 2:
		psiginfo(&si, "psiginfo");
		break;
	case 3:
		h_errno = HOST_NOT_FOUND;
		herror("herror");
		break;
	case 4:
		warn("warn");
		break;
	case 5:
		warnx("warnx");
		break;
	case 6:
		r = listed(8, stderr, 1);
		break;
	case 7:
		r = listed(9, stderr, 2);
		break;
	case 8:
		error(0, ENOENT, "error");
		break;
	case 9:
		error_at_line(0, 0, "file", 12, "error at line");
		break;
	case 10:
		r = fmtmsg(MM_PRINT, "a:b", MM_INFO, "text", "action", "a:b:1");
		break;
	case 11:
		r = getopt(2, args, "b");
		break;
	case 12:
		r = getopt_long(2, unknown, "b", longs, NULL);
		break;
	case 13:
		r = getopt_long_only(2, unknown, "b", longs, NULL);
		break;
	case 14:
		option[1] = (char)('a' + more % 4);
		r = argp_parse(&argp, 2, args, ARGP_NO_EXIT, NULL, NULL);
		break;
	default:
		argp_help(&argp, stderr, ARGP_HELP_SHORT_USAGE, program);
		break;
	}
	return r;
}

#endif /* CALLS_STREAMS_H */
