/* SPDX-License-Identifier: MIT */
/*
 * raw.h - system calls that no preloaded library can see
 *
 * The tests use them where one process must act, die or talk at a chosen
 * instant without that being a release point.
 */
#ifndef RAW_H
#define RAW_H

#include <sys/syscall.h>

static inline long raw_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

#define RAW(nr, a, b, c, d) raw_syscall(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

#endif /* RAW_H */
