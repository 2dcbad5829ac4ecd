/* SPDX-License-Identifier: MIT */
/*
 * sys.h - raw system calls
 *
 * They return -errno, touch neither errno nor any thread-local storage, are no cancellation points
 * and cannot be interposed.  The background task runs on nothing else.
 */
#ifndef FIO_SYS_H
#define FIO_SYS_H

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)

static inline long sys_call6(long nr, long a, long b, long c, long d, long e, long f)
{
	long ret;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

#elif defined(__aarch64__)

static inline long sys_call6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

#else
#error "libfastio has system call stubs for x86_64 and aarch64 only"
#endif

#define SYS6(nr, a, b, c, d, e, f) \
	sys_call6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define SYS0(nr) SYS6(nr, 0, 0, 0, 0, 0, 0)
#define SYS1(nr, a) SYS6(nr, a, 0, 0, 0, 0, 0)
#define SYS2(nr, a, b) SYS6(nr, a, b, 0, 0, 0, 0)
#define SYS3(nr, a, b, c) SYS6(nr, a, b, c, 0, 0, 0)
#define SYS4(nr, a, b, c, d) SYS6(nr, a, b, c, d, 0, 0)
#define SYS5(nr, a, b, c, d, e) SYS6(nr, a, b, c, d, e, 0)

static inline int sys_openat(int dirfd, const char *path, int flags, mode_t mode)
{
	return (int)SYS4(SYS_openat, dirfd, path, flags, mode);
}

static inline int sys_close(int fd)
{
	return (int)SYS1(SYS_close, fd);
}

static inline ssize_t sys_read(int fd, void *buf, size_t n)
{
	return SYS3(SYS_read, fd, buf, n);
}

static inline ssize_t sys_write(int fd, const void *buf, size_t n)
{
	return SYS3(SYS_write, fd, buf, n);
}

static inline ssize_t sys_pwrite(int fd, const void *buf, size_t n, off_t off)
{
	return SYS4(SYS_pwrite64, fd, buf, n, off);
}

static inline off_t sys_lseek(int fd, off_t off, int whence)
{
	return SYS3(SYS_lseek, fd, off, whence);
}

static inline int sys_fcntl(int fd, int cmd, long arg)
{
	return (int)SYS3(SYS_fcntl, fd, cmd, arg);
}

static inline int sys_dup3(int oldfd, int newfd, int flags)
{
	return (int)SYS3(SYS_dup3, oldfd, newfd, flags);
}

static inline int sys_fstat(int fd, struct stat *st)
{
	return (int)SYS2(SYS_fstat, fd, st);
}

static inline int sys_fstatat(int dirfd, const char *path, struct stat *st, int flags)
{
	return (int)SYS4(SYS_newfstatat, dirfd, path, st, flags);
}

static inline int sys_statx(int dirfd, const char *path, int flags, unsigned mask, struct statx *sx)
{
	return (int)SYS5(SYS_statx, dirfd, path, flags, mask, sx);
}

static inline int sys_fstatfs(int fd, struct statfs *sf)
{
	return (int)SYS2(SYS_fstatfs, fd, sf);
}

static inline int sys_unlinkat(int dirfd, const char *path, int flags)
{
	return (int)SYS3(SYS_unlinkat, dirfd, path, flags);
}

static inline int sys_ftruncate(int fd, off_t len)
{
	return (int)SYS2(SYS_ftruncate, fd, len);
}

static inline int sys_fchmod(int fd, mode_t mode)
{
	return (int)SYS2(SYS_fchmod, fd, mode);
}

static inline int sys_fchown(int fd, uid_t uid, gid_t gid)
{
	return (int)SYS3(SYS_fchown, fd, uid, gid);
}

static inline int sys_futimens(int fd, const struct timespec ts[2])
{
	return (int)SYS4(SYS_utimensat, fd, NULL, ts, 0);
}

static inline int sys_getpid(void)
{
	return (int)SYS0(SYS_getpid);
}

static inline int sys_gettid(void)
{
	return (int)SYS0(SYS_gettid);
}

static inline int sys_futex_wait(_Atomic uint32_t *word, uint32_t val,
				 const struct timespec *timeout)
{
	return (int)SYS4(SYS_futex, word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, val, timeout);
}

static inline int sys_futex_wake(_Atomic uint32_t *word, int n)
{
	return (int)SYS3(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n);
}

static inline int sys_sigmask(int how, const uint64_t *set, uint64_t *old)
{
	return (int)SYS4(SYS_rt_sigprocmask, how, set, old, sizeof(*set));
}

static inline int sys_nanosleep(const struct timespec *ts)
{
	return (int)SYS2(SYS_nanosleep, ts, NULL);
}

static inline int sys_ppoll(struct pollfd *fds, unsigned n, const struct timespec *timeout)
{
	return (int)SYS5(SYS_ppoll, fds, n, timeout, NULL, 8);
}

static inline ssize_t sys_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return SYS3(SYS_sendmsg, fd, msg, flags);
}

static inline ssize_t sys_recvmsg(int fd, struct msghdr *msg, int flags)
{
	return SYS3(SYS_recvmsg, fd, msg, flags);
}

static inline void *sys_mmap_anon(size_t n)
{
	long r = SYS6(SYS_mmap, NULL, n, 3 /* READ|WRITE */, 0x22 /* PRIVATE|ANONYMOUS */, -1, 0);

	return r < 0 && r > -4096 ? NULL : (void *)r;
}

static inline int sys_munmap(void *p, size_t n)
{
	return (int)SYS2(SYS_munmap, p, n);
}

#endif /* FIO_SYS_H */
