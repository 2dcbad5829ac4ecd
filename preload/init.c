/* SPDX-License-Identifier: MIT */
/*
 * init.c - the library comes and goes
 */
#include "export.h"

#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define FOREIGN(name) (fio_next_symbol(#name) != fio_libc_symbol(#name))

/* Is there a note of the Go linker in the segment? */
static bool go_note(const char *at, const char *end)
{
	while (end - at > (ptrdiff_t)sizeof(ElfW(Nhdr)) + 4) {
		const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)at;

		if (note->n_namesz == 4 && !memcmp(note + 1, "Go", 3))
			return true;
		at += sizeof(*note) + ((note->n_namesz + 3UL) & ~3UL) +
		      ((note->n_descsz + 3UL) & ~3UL);
	}
	return false;
}

/* Does the object bring a Go runtime, or is it liburing? */
static int makes_raw_calls(struct dl_phdr_info *info, size_t size, void *arg)
{
	const char *slash = strrchr(info->dlpi_name, '/');

	(void)size;
	(void)arg;
	if (!strncmp(slash ? slash + 1 : info->dlpi_name, "liburing.so", 11))
		return 1;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		const char *at = (const char *)(info->dlpi_addr + ph->p_vaddr);

		if (ph->p_type == PT_NOTE && go_note(at, at + ph->p_memsz))
			return 1;
	}
	return 0;
}

_Thread_local bool fio_loads;

void fio_look_at_loaded(void)
{
	int err = errno;

	fio_loads = false;
	if (dl_iterate_phdr(makes_raw_calls, NULL))
		STOP(OTHER);
	errno = err;
}

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
	env.raw_calls = dl_iterate_phdr(makes_raw_calls, NULL);
	fio_init(&env);
	errno = err;
}

__attribute__((destructor(101))) static void end(void)
{
	int err = errno;

	fio_exit(0);
	errno = err;
}
