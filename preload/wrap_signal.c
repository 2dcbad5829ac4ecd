/* SPDX-License-Identifier: MIT */
/*
 * wrap_signal.c - installing handlers; canceling threads
 */
#include "export.h"

int x_sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	if (act)
		HANDLER(act->sa_handler);
	return NEXT(sigaction)(sig, act, old);
}

void (*fio_testcancel)(void);

int x_pthread_cancel(pthread_t thread)
{
	if (!fio_testcancel)
		fio_testcancel = (void (*)(void))fio_libc_symbol("pthread_testcancel");
	return NEXT(pthread_cancel)(thread);
}

#define FIO_GROUP_signal ~, 1
#include "aliases.h"
