/* SPDX-License-Identifier: MIT */
/*
 * init.c - the library comes and goes
 */
#include "export.h"

#include <sys/auxv.h>
#include <unistd.h>

#define FOREIGN(name) (fio_next_symbol(#name) != fio_libc_symbol(#name))

__attribute__((constructor(101))) static void begin(void)
{
	struct fio_env env = {.envp = environ, .secure = getauxval(AT_SECURE)};
	int err = errno;

	fio_bind_early();
	env.clock_gettime = (int (*)(clockid_t, struct timespec *))fio_libc_symbol("clock_gettime");
	env.foreign_files = FOREIGN(open) || FOREIGN(openat) || FOREIGN(close) || FOREIGN(write) ||
			    FOREIGN(unlink) || FOREIGN(unlinkat);
	env.foreign_meta = FOREIGN(fchmod) || FOREIGN(fchown) || FOREIGN(chown) ||
			   FOREIGN(futimens) || FOREIGN(fstat) || FOREIGN(stat) ||
			   FOREIGN(fstatat) || FOREIGN(__fxstat) || FOREIGN(__xstat);
	fio_init(&env);
	errno = err;
}

__attribute__((destructor(101))) static void end(void)
{
	int err = errno;

	fio_exit(0);
	errno = err;
}
