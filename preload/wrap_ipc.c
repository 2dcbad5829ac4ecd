/* SPDX-License-Identifier: MIT */
/*
 * wrap_ipc.c - the variadic openers of System V and POSIX IPC
 */
#include "export.h"

mqd_t x_mq_open(const char *name, int flags, ...)
{
	struct mq_attr *attr = NULL;
	mode_t mode = 0;

	if (flags & O_CREAT) {
		va_list ap;

		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		attr = va_arg(ap, struct mq_attr *);
		va_end(ap);
	}
	ALL(CHANNEL);
	return NEXT(mq_open)(name, flags, mode, attr);
}

sem_t *x_sem_open(const char *name, int flags, ...)
{
	unsigned int value = 0;
	mode_t mode = 0;

	if (flags & O_CREAT) {
		va_list ap;

		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		value = va_arg(ap, unsigned int);
		va_end(ap);
	}
	STOP(MAP);
	return NEXT(sem_open)(name, flags, mode, value);
}

int x_semctl(int id, int num, int cmd, ...)
{
	va_list ap;
	void *arg;
	int r;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	ALL(CHANNEL);
	r = NEXT(semctl)(id, num, cmd, arg);
	if (r >= 0)
		ACQUIRE;
	return r;
}
