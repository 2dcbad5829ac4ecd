/* SPDX-License-Identifier: MIT */
/*
 * wrap_signal.c - installing handlers
 */
#include "export.h"

int x_sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	if (act)
		HANDLER(act->sa_handler);
	return NEXT(sigaction)(sig, act, old);
}

#define FIO_GROUP_signal ~, 1
#include "aliases.h"
