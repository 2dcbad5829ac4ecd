/* SPDX-License-Identifier: MIT */
/*
 * wrap_exec.c - replacing the program
 */
#include "export.h"

#include <unistd.h>

#define EXEC(stock)                 \
	do {                        \
		int r_;             \
                                    \
		fio_exec_prepare(); \
		r_ = stock;         \
		fio_exec_failed();  \
		return r_;          \
	} while (0)

int x_execve(const char *path, char *const argv[], char *const envp[])
{
	EXEC(NEXT(execve)(path, argv, envp));
}

int x_execv(const char *path, char *const argv[])
{
	EXEC(NEXT(execv)(path, argv));
}

int x_execvp(const char *file, char *const argv[])
{
	EXEC(NEXT(execvp)(file, argv));
}

int x_execvpe(const char *file, char *const argv[], char *const envp[])
{
	EXEC(NEXT(execvpe)(file, argv, envp));
}

int x_fexecve(int fd, char *const argv[], char *const envp[])
{
	EXEC(NEXT(fexecve)(fd, argv, envp));
}

int x_execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
{
	EXEC(NEXT(execveat)(dirfd, path, argv, envp, flags));
}

/* ---- the variadic forms: the arguments become an array on the stack, as in libc ---- */

static int count_args(const char *arg, va_list ap)
{
	int n = 0;

	for (; arg; arg = va_arg(ap, const char *))
		n++;
	return n;
}

static void collect_args(char **argv, const char *arg, va_list *ap)
{
	*argv++ = (char *)arg;
	while (arg) {
		arg = va_arg(*ap, const char *);
		*argv++ = (char *)arg;
	}
}

#define COUNT_ARGS(n, arg)                \
	do {                              \
		va_list ap_;              \
		va_start(ap_, arg);       \
		n = count_args(arg, ap_); \
		va_end(ap_);              \
	} while (0)

int x_execl(const char *path, const char *arg, ...)
{
	va_list ap;
	int n;

	COUNT_ARGS(n, arg);
	char *argv[n + 1];

	va_start(ap, arg);
	collect_args(argv, arg, &ap);
	va_end(ap);
	EXEC(NEXT(execve)(path, argv, environ));
}

int x_execle(const char *path, const char *arg, ...)
{
	char *const *envp;
	va_list ap;
	int n;

	COUNT_ARGS(n, arg);
	char *argv[n + 1];

	va_start(ap, arg);
	collect_args(argv, arg, &ap);
	envp = va_arg(ap, char *const *);
	va_end(ap);
	EXEC(NEXT(execve)(path, argv, envp));
}

int x_execlp(const char *file, const char *arg, ...)
{
	va_list ap;
	int n;

	COUNT_ARGS(n, arg);
	char *argv[n + 1];

	va_start(ap, arg);
	collect_args(argv, arg, &ap);
	va_end(ap);
	EXEC(NEXT(execvp)(file, argv));
}
