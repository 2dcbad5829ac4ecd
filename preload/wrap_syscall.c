/* SPDX-License-Identifier: MIT */
/*
 * wrap_syscall.c - syscall(): the calls that matter go the way of their wrappers
 */
#include "export.h"

#include "maps.h"

#include <linux/io_uring.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A jump, for the calls that return twice; gcc makes one of every such return. */
#if __has_attribute(musttail)
#define TAIL __attribute__((musttail))
#else
#define TAIL
#endif

/* Calls that neither touch files nor tell anybody anything: straight through. */
static bool harmless(long n)
{
	switch (n) {
	case SYS_futex:
	case SYS_gettid:
	case SYS_getpid:
	case SYS_getrandom:
	case SYS_membarrier:
	case SYS_getcpu:
	case SYS_clock_gettime:
	case SYS_clock_getres:
	case SYS_clock_nanosleep:
	case SYS_nanosleep:
	case SYS_gettimeofday:
	case SYS_sched_yield:
	case SYS_sched_getaffinity:
	case SYS_sched_setaffinity:
	case SYS_sched_getparam:
	case SYS_sched_setparam:
	case SYS_sched_getscheduler:
	case SYS_sched_setscheduler:
	case SYS_sched_getattr:
	case SYS_sched_setattr:
	case SYS_getuid:
	case SYS_geteuid:
	case SYS_getgid:
	case SYS_getegid:
	case SYS_getppid:
	case SYS_getpgid:
	case SYS_getsid:
	case SYS_getrusage:
	case SYS_getgroups:
	case SYS_getresuid:
	case SYS_getresgid:
	case SYS_capget:
	case SYS_get_mempolicy:
	case SYS_set_mempolicy:
	case SYS_mbind:
	case SYS_madvise:
	case SYS_munmap:
	case SYS_mprotect:
	case SYS_brk:
	case SYS_rt_sigprocmask:
	case SYS_sigaltstack:
	case SYS_set_robust_list:
	case SYS_rseq:
	case SYS_ioprio_get:
	case SYS_ioprio_set:
	case SYS_uname:
	case SYS_sysinfo:
	case SYS_getcwd:
	case SYS_pidfd_open:
	case SYS_memfd_create:
	case SYS_socket:
#ifdef SYS_arch_prctl
	case SYS_arch_prctl:
#endif
		return true;
	}
	return false;
}

static long fork_by_number(long n, long a, long b, long c, long d, long e, long f)
{
	long r;

	if (fio_shared_map)
		STOP(MAP);
	fio_fork_prepare();
	r = NEXT(syscall)(n, a, b, c, d, e, f);
	if (r == 0)
		fio_fork_child();
	else
		fio_fork_parent();
	return r;
}

static void before_clone(unsigned long flags)
{
	if (flags & CLONE_VFORK)
		fio_vfork_prepare();
	else if (!(flags & CLONE_THREAD))
		STOP(FORK);
}

/* What must be done before a call that no wrapper takes over. */
static void barrier(long n, long a, long b, long c)
{
	switch (n) {
	case SYS_io_uring_setup:
		/* Requests of a ring that the kernel polls are never seen. */
		if (b && (((struct io_uring_params *)b)->flags & IORING_SETUP_SQPOLL))
			STOP(OTHER);
		else
			ALL(OTHER);
		/* It can send descriptors and watch them. */
		fio_channels_distrust();
		break;
	case SYS_inotify_add_watch:
	case SYS_fanotify_mark:
		STOP(DIR);
		break;
	case SYS_sendmmsg:
	case SYS_pidfd_getfd:
		SHARES;
		ALL(CHANNEL);
		break;
	case SYS_setuid:
	case SYS_setgid:
	case SYS_setreuid:
	case SYS_setregid:
	case SYS_setresuid:
	case SYS_setresgid:
	case SYS_setfsuid:
	case SYS_setfsgid:
	case SYS_setgroups:
	case SYS_capset:
	case SYS_unshare:
	case SYS_setns:
	case SYS_seccomp:
#ifdef SYS_landlock_restrict_self
	case SYS_landlock_restrict_self:
#endif
		STOP(CRED);
		break;
	case SYS_shmat:
		STOP(MAP);
		break;
	case SYS_rename:
	case SYS_renameat:
	case SYS_renameat2:
	case SYS_link:
	case SYS_linkat:
	case SYS_symlink:
	case SYS_symlinkat:
	case SYS_rmdir:
	case SYS_mkdir:
	case SYS_mkdirat:
	case SYS_mount:
	case SYS_move_mount:
	case SYS_pivot_root:
	case SYS_chroot:
	case SYS_chdir:
	case SYS_fchdir:
		NAMES;
		break;
	case SYS_umount2:
		UNMOUNTS;
		break;
	case SYS_rt_sigaction:
		if (b)
			HANDLER_UNSEEN;
		break;
	case SYS_dup3:
#ifdef SYS_dup2
	case SYS_dup2:
#endif
		ALL(FD); /* so nothing is closed for a call that is refused */
		DUPLICATES((int)a);
		if (a != b)
			FORGET((int)b);
		break;
	case SYS_kill:
	case SYS_tkill:
		SIGNALS(b);
		break;
	case SYS_tgkill:
		SIGNALS(c);
		break;
	default:
		ALL(OTHER);
	}
}

static struct fio_change change(long n, long a, long b, long c, long d)
{
	switch (n) {
	case SYS_rename:
	case SYS_link:
		return fio_change_begin((const char *)a, (const char *)b);
	case SYS_renameat:
	case SYS_renameat2:
	case SYS_linkat:
		return fio_change_begin((const char *)b, (const char *)d);
	case SYS_symlink:
	case SYS_mkdirat:
	case SYS_mknodat:
		return fio_change_begin((const char *)b, NULL);
	case SYS_symlinkat:
		return fio_change_begin((const char *)c, NULL);
	case SYS_mkdir:
	case SYS_mknod:
		return fio_change_begin((const char *)a, NULL);
	default:
		return (struct fio_change){0};
	}
}

/* What must be done after it succeeded. */
static void afterwards(long n)
{
	switch (n) {
	case SYS_chroot:
	case SYS_chdir:
	case SYS_fchdir:
		fio_cwd_changed();
		break;
	case SYS_umask:
	case SYS_setrlimit:
	case SYS_prlimit64:
		fio_limits_changed();
		break;
	default:
		ACQUIRE;
	}
}

__attribute__((noinline)) static long by_number(long n, long a, long b, long c, long d, long e,
						long f)
{
	struct fio_change begun;
	long r;

	switch (n) {
#ifdef SYS_open
	case SYS_open:
		return x_open((const char *)a, (int)b, (mode_t)c);
	case SYS_creat:
		return x_creat((const char *)a, (mode_t)b);
	case SYS_unlink:
		return x_unlink((const char *)a);
	case SYS_stat:
		return x_stat((const char *)a, (struct stat *)b);
	case SYS_lstat:
		return x_lstat((const char *)a, (struct stat *)b);
	case SYS_fork:
		return fork_by_number(n, a, b, c, d, e, f);
	case SYS_vfork:
		fio_vfork_prepare();
		TAIL return NEXT(syscall)(n, a, b, c, d, e, f);
#endif
	case SYS_openat:
		return x_openat((int)a, (const char *)b, (int)c, (mode_t)d);
	case SYS_unlinkat:
		return x_unlinkat((int)a, (const char *)b, (int)c);
	case SYS_close:
		return x_close((int)a);
	case SYS_close_range:
		return x_close_range((unsigned int)a, (unsigned int)b, (int)c);
	case SYS_read:
		return x_read((int)a, (void *)b, (size_t)c);
	case SYS_write:
		return x_write((int)a, (const void *)b, (size_t)c);
	case SYS_pwrite64:
		return x_pwrite((int)a, (const void *)b, (size_t)c, (off_t)d);
	case SYS_writev:
		return x_writev((int)a, (const struct iovec *)b, (int)c);
	case SYS_fstat:
		return x_fstat((int)a, (struct stat *)b);
#ifdef SYS_newfstatat
	case SYS_newfstatat:
		return x_fstatat((int)a, (const char *)b, (struct stat *)c, (int)d);
#endif
	case SYS_dup:
		return x_dup((int)a);
	case SYS_fcntl:
		return x_fcntl((int)a, (int)b, c);
	case SYS_ioctl:
		return x_ioctl((int)a, (unsigned long)b, c);
	case SYS_pipe2:
		return x_pipe2((int *)a, (int)b);
	case SYS_socketpair:
		return x_socketpair((int)a, (int)b, (int)c, (int *)d);
	case SYS_eventfd2:
		return x_eventfd((unsigned int)a, (int)b);
	case SYS_timerfd_create:
		return x_timerfd_create((int)a, (int)b);
	case SYS_epoll_create1:
		return x_epoll_create1((int)a);
	case SYS_epoll_ctl:
		return x_epoll_ctl((int)a, (int)b, (int)c, (struct epoll_event *)d);
	case SYS_sendmsg:
		return x_sendmsg((int)a, (const struct msghdr *)b, (int)c);
	case SYS_statx:
		return x_statx((int)a, (const char *)b, (int)c, (unsigned int)d, (struct statx *)e);
	case SYS_mmap:
		return (long)x_mmap((void *)a, (size_t)b, (int)c, (int)d, (int)e, (off_t)f);
	case SYS_prctl:
		return x_prctl((int)a, b, c, d, e);
	case SYS_execve:
		return x_execve((const char *)a, (char *const *)b, (char *const *)c);
	case SYS_execveat:
		return x_execveat((int)a, (const char *)b, (char *const *)c, (char *const *)d,
				  (int)e);
	case SYS_exit_group:
		x__exit((int)a);
		break;
	case SYS_clone:
		if (!(a & (CLONE_VM | CLONE_THREAD | CLONE_FILES | CLONE_FS)))
			return fork_by_number(n, a, b, c, d, e, f);
		before_clone((unsigned long)a);
		TAIL return NEXT(syscall)(n, a, b, c, d, e, f);
	case SYS_clone3: {
		unsigned long flags = a ? *(const uint64_t *)a : CLONE_THREAD;

		if (!(flags & (CLONE_VM | CLONE_THREAD | CLONE_FILES | CLONE_FS)))
			return fork_by_number(n, a, b, c, d, e, f);
		before_clone(flags);
		TAIL return NEXT(syscall)(n, a, b, c, d, e, f);
	}
	case SYS_exit:
		ALL(EXIT);
		return NEXT(syscall)(n, a, b, c, d, e, f);
	}
	begun = change(n, a, b, c, d);
	barrier(n, a, b, c);
	r = NEXT(syscall)(n, a, b, c, d, e, f);
	fio_change_end(&begun);
	if (r >= 0)
		afterwards(n);
	return r;
}

/*
 * Taken as seven arguments, not as variadic: what the caller did not pass is junk that nobody
 * uses, and the calls that may return twice can be left by a jump.
 */
long x_syscall(long n, long a, long b, long c, long d, long e, long f)
{
	if (harmless(n))
		TAIL return NEXT(syscall)(n, a, b, c, d, e, f);
	TAIL return by_number(n, a, b, c, d, e, f);
}
