/* SPDX-License-Identifier: MIT */
/*
 * wrap_exit.c - every way to end the process, and the way main returns
 */
#include "export.h"

void x_exit(int status)
{
	NEXT(exit)(fio_exit(status));
	__builtin_unreachable();
}

void x__exit(int status)
{
	NEXT(_exit)(fio_exit(status));
	__builtin_unreachable();
}

void x_quick_exit(int status)
{
	NEXT(quick_exit)(fio_exit(status));
	__builtin_unreachable();
}

void x_abort(void)
{
	fio_exit(0);
	NEXT(abort)();
	__builtin_unreachable();
}

static fio_main_fn *program_main;

static int main_and_exit(int argc, char **argv, char **envp)
{
	return fio_exit(program_main(argc, argv, envp));
}

int x___libc_start_main(fio_main_fn *main, int argc, char **argv, void (*init)(void),
			void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
	program_main = main;
	return NEXT(__libc_start_main)(main_and_exit, argc, argv, init, fini, rtld_fini, stack_end);
}

#define FIO_GROUP_exit ~, 1
#include "aliases.h"
