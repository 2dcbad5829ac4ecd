/* SPDX-License-Identifier: MIT */
/*
 * placeholder.c - the descriptor a program holds for a file that does not exist yet
 */
#include "placeholder.h"

#include "fmt.h"
#include "hidden.h"
#include "lock.h"
#include "sys.h"

#define MFD_CLOEXEC_ 1u

static struct fio_lock lock;
static _Atomic int master = -1;

static int make_master(void)
{
	char path[64];
	struct fio_fmt f;
	int memfd, fd;

	memfd = (int)SYS2(SYS_memfd_create, "fastio", MFD_CLOEXEC_);
	if (memfd < 0)
		return memfd;
	fmt_init(&f, path, sizeof(path));
	fmt_str(&f, "/proc/self/fd/");
	fmt_int(&f, memfd);
	fd = sys_openat(AT_FDCWD, path, O_PATH | O_CLOEXEC, 0);
	sys_close(memfd);
	return fd < 0 ? fd : fio_hide(fd);
}

int fio_placeholder(int cloexec)
{
	int fd = atomic_load_explicit(&master, memory_order_acquire);

	if (fd < 0) {
		fio_lock(&lock);
		fd = atomic_load(&master);
		if (fd < 0) {
			fd = make_master();
			atomic_store(&master, fd);
		}
		fio_unlock(&lock);
		if (fd < 0)
			return fd;
	}
	return sys_fcntl(fd, cloexec ? F_DUPFD_CLOEXEC : F_DUPFD, 0);
}

void fio_placeholder_close(void)
{
	fio_hidden_close(atomic_exchange(&master, -1));
}

void fio_placeholder_reset(void)
{
	if (atomic_load(&lock.word) || atomic_load(&master) >= 0) {
		lock = (struct fio_lock){0};
		atomic_store(&master, -1);
	}
}
