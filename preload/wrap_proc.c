/* SPDX-License-Identifier: MIT */
/*
 * wrap_proc.c - new processes, and the limits and rights of this one
 */
#include "export.h"

#include "maps.h"

#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

/* ---- fork and its kind ---- */

static void before_fork(void)
{
	if (fio_shared_map)
		STOP(MAP);
	fio_fork_prepare();
}

static pid_t after_fork(pid_t pid)
{
	if (pid == 0)
		fio_fork_child();
	else
		fio_fork_parent();
	return pid;
}

pid_t x_fork(void)
{
	before_fork();
	return after_fork(NEXT(fork)());
}

pid_t x__Fork(void)
{
	before_fork();
	return after_fork(NEXT(_Fork)());
}

int x_forkpty(int *fd, char *name, const struct termios *t, const struct winsize *w)
{
	before_fork();
	return after_fork(NEXT(forkpty)(fd, name, t, w));
}

/* A process that libc makes and that executes something else. */
#define SPAWNS(stock)                                                                        \
	({                                                                                   \
		__auto_type r_ = (fio_channels_fork(), ALL(FORK), fio_let_dirs_go(), stock); \
		fio_channels_forked();                                                       \
		ACQUIRE;                                                                     \
		r_;                                                                          \
	})

int x_system(const char *command)
{
	return SPAWNS(NEXT(system)(command));
}

FILE *x_popen(const char *command, const char *mode)
{
	return SPAWNS(NEXT(popen)(command, mode));
}

int x_wordexp(const char *words, wordexp_t *w, int flags)
{
	return SPAWNS(NEXT(wordexp)(words, w, flags));
}

#define SPAWN_PARAMS(id)                                             \
	(id, const char *file, const posix_spawn_file_actions_t *fa, \
	 const posix_spawnattr_t *attr, char *const argv[], char *const envp[])

int x_posix_spawn SPAWN_PARAMS(pid_t *pid)
{
	return SPAWNS(NEXT(posix_spawn)(pid, file, fa, attr, argv, envp));
}

int x_posix_spawnp SPAWN_PARAMS(pid_t *pid)
{
	return SPAWNS(NEXT(posix_spawnp)(pid, file, fa, attr, argv, envp));
}

int x_pidfd_spawn SPAWN_PARAMS(int *pidfd)
{
	return SPAWNS(NEXT(pidfd_spawn)(pidfd, file, fa, attr, argv, envp));
}

int x_pidfd_spawnp SPAWN_PARAMS(int *pidfd)
{
	return SPAWNS(NEXT(pidfd_spawnp)(pidfd, file, fa, attr, argv, envp));
}

/* daemon forks inside; it is the child that returns, unless the fork failed. */
int x_daemon(int nochdir, int noclose)
{
	pid_t pid = getpid();
	int r;

	before_fork();
	r = NEXT(daemon)(nochdir, noclose);
	if (getpid() == pid)
		fio_fork_parent();
	else
		fio_fork_child();
	if (!nochdir)
		fio_cwd_changed();
	return r;
}

#if defined(__x86_64__) || defined(__aarch64__)
/* For vfork.S: everything is ready, this is where to jump (NEXT may still lead to C code). */
void *fio_vfork_next(void) __attribute__((visibility("hidden")));
void *fio_vfork_next(void)
{
	static void *_Atomic next;
	void *p = atomic_load_explicit(&next, memory_order_relaxed);

	if (!p) {
		p = fio_next_symbol("vfork");
		atomic_store_explicit(&next, p, memory_order_relaxed);
	}
	fio_vfork_prepare();
	return p;
}
#else
/* A C function cannot return twice. */
pid_t x_vfork(void)
{
	return x_fork();
}

pid_t x___vfork(void)
{
	return x_fork();
}
#endif

struct clone_start {
	int (*fn)(void *);
	void *arg;
};

static int clone_child(void *p)
{
	struct clone_start start = *(struct clone_start *)p;

	fio_fork_child();
	/* What it returns is the status with which libc ends the child, by a call of its own. */
	return fio_exit(start.fn(start.arg));
}

int x_clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
{
	struct clone_start start = {fn, arg};
	pid_t *ptid, *ctid;
	void *tls;
	va_list ap;
	int r;

	va_start(ap, arg);
	ptid = va_arg(ap, pid_t *);
	tls = va_arg(ap, void *);
	ctid = va_arg(ap, pid_t *);
	va_end(ap);

	if (flags & (CLONE_VM | CLONE_THREAD)) {
		if (flags & CLONE_VFORK)
			fio_vfork_prepare();
		else if (!(flags & CLONE_THREAD))
			STOP(FORK);
		return NEXT(clone)(fn, stack, flags, arg, ptid, tls, ctid);
	}
	if (flags & (CLONE_FILES | CLONE_FS))
		STOP(FORK);
	if (!fn || !stack)
		return NEXT(clone)(fn, stack, flags, arg, ptid, tls, ctid);
	before_fork();
	r = NEXT(clone)(clone_child, stack, flags, &start, ptid, tls, ctid);
	fio_fork_parent();
	return r;
}

/* ---- limits and rights ---- */

mode_t x_umask(mode_t mask)
{
	mode_t r;

	ALL(CRED);
	r = NEXT(umask)(mask);
	fio_limits_changed();
	return r;
}

int x_setrlimit(int resource, const struct rlimit *limit)
{
	int r;

	ALL(CRED);
	r = NEXT(setrlimit)(resource, limit);
	fio_limits_changed();
	return r;
}

int x_prlimit(pid_t pid, int resource, const struct rlimit *limit, struct rlimit *old)
{
	int r;

	if (!limit)
		return NEXT(prlimit)(pid, resource, limit, old);
	ALL(CRED);
	r = NEXT(prlimit)(pid, resource, limit, old);
	fio_limits_changed();
	return r;
}

long x_ulimit(int cmd, ...)
{
	va_list ap;
	long limit, r;

	va_start(ap, cmd);
	limit = va_arg(ap, long);
	va_end(ap);
	ALL(CRED);
	r = NEXT(ulimit)(cmd, limit);
	fio_limits_changed();
	return r;
}

int x_prctl(int option, ...)
{
	unsigned long a, b, c, d;
	va_list ap;

	va_start(ap, option);
	a = va_arg(ap, unsigned long);
	b = va_arg(ap, unsigned long);
	c = va_arg(ap, unsigned long);
	d = va_arg(ap, unsigned long);
	va_end(ap);
	switch (option) {
	case PR_SET_NAME:
	case PR_GET_NAME:
	case PR_SET_VMA:
		break;
	case PR_SET_SECCOMP:
	case PR_CAPBSET_DROP:
	case PR_SET_SECUREBITS:
	case PR_CAP_AMBIENT:
		STOP(CRED);
		break;
	default:
		ALL(CRED);
	}
	return NEXT(prctl)(option, a, b, c, d);
}

long x_ptrace(int request, ...)
{
	va_list ap;
	pid_t pid;
	void *addr, *data;

	va_start(ap, request);
	pid = va_arg(ap, pid_t);
	addr = va_arg(ap, void *);
	data = va_arg(ap, void *);
	va_end(ap);
	ALL(CRED);
	return NEXT(ptrace)(request, pid, addr, data);
}

#define FIO_GROUP_proc ~, 1
#include "aliases.h"
