/* SPDX-License-Identifier: MIT */
/*
 * init.c - the library comes and goes
 */
#include "export.h"

#include <limits.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "../core/sys.h"

#define OBJECTS_MAX 4096 /* of a list that changes meanwhile */
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

static bool is_liburing(const char *path)
{
	const char *slash = strrchr(path, '/');

	return !strncmp(slash ? slash + 1 : path, "liburing.so", 11);
}

/* Does the object bring a Go runtime, or is it liburing? */
static int makes_raw_calls(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	if (is_liburing(info->dlpi_name))
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

_Thread_local bool fio_loaded;

/* What is there of n bytes, which another thread may be about to free. */
static long copy(void *to, const void *from, size_t n)
{
	struct iovec local = {to, n}, remote = {(void *)from, n};

	return SYS6(SYS_process_vm_readv, sys_getpid(), &local, 1, &remote, 1, 0);
}

void fio_look_for_liburing(void)
{
	const struct link_map *at = _r_debug.r_map;
	char path[PATH_MAX + 1];
	struct link_map map;
	int err = errno;

	fio_loaded = false;
	for (int i = 0; at && i < OBJECTS_MAX; i++) {
		long n;

		if (copy(&map, at, sizeof(map)) != (long)sizeof(map))
			break;
		n = copy(path, map.l_name, PATH_MAX);
		path[n > 0 ? n : 0] = '\0';
		if (is_liburing(path)) {
			STOP(OTHER);
			break;
		}
		at = map.l_next;
	}
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
