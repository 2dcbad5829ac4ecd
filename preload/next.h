/* SPDX-License-Identifier: MIT */
/*
 * next.h - the bound originals: NEXT(name)(args) calls the definition behind ours
 */
#ifndef FASTIO_NEXT_H
#define FASTIO_NEXT_H

/* Plain declarations: no checked and no inline forms of what is defined here. */
#undef _FORTIFY_SOURCE
#ifndef __NO_INLINE__
#define __NO_INLINE__ 1
#endif
#include <aio.h>
#include <argp.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fstab.h>
#include <fts.h>
#include <ftw.h>
#include <getopt.h>
#include <glob.h>
#include <grp.h>
#include <iconv.h>
#include <locale.h>
#include <mntent.h>
#include <mqueue.h>
#include <netdb.h>
#include <netinet/in.h>
#include <nl_types.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <semaphore.h>
#include <shadow.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <threads.h>
#include <ttyent.h>
#include <utime.h>
#include <utmp.h>
#include <utmpx.h>
#include <wchar.h>
#include <wordexp.h>

#if !defined(__LP64__)
#error "the aliases (open64 = open and so on) take off_t, struct stat ... to be 64 bits wide"
#endif

struct msqid_ds;
struct ustat;
typedef int fio_main_fn(int argc, char **argv, char **envp);
typedef int dir_filter(const struct dirent *);
typedef int dir_compare(const struct dirent **, const struct dirent **);
typedef int fts_compare(const FTSENT **, const FTSENT **);
typedef int glob_error(const char *, int);

struct fio_next {
#define SYM(ret, name, params, args, before) ret(*n_##name) params;
#define VSYM(name, params, args, before) void(*n_##name) params;
#define SYMA(ret, name, params, args, before, ok, after) ret(*n_##name) params;
#define CUSTOM(ret, name, params, args) ret(*n_##name) params;
#define VCUSTOM(name, params, args) void(*n_##name) params;
#define CUSTOMV(ret, name, vparams, params, args) ret(*n_##name) vparams;
#define VCUSTOMV(name, vparams, params, args) void(*n_##name) vparams;
#include "symbols.def"
};

extern struct fio_next fio_next __attribute__((visibility("hidden")));

/* The originals of the BARRIER rows, in their order; NULL until the first call. */
struct fio_next_any {
#define BARRIER(name) void *n_##name;
#include "symbols.def"
};

extern struct fio_next_any fio_next_any __attribute__((visibility("hidden")));

#define NEXT(name) (fio_next.n_##name)

/* Binds what must be reached by a jump, with no function of ours in between: syscall(SYS_vfork). */
void fio_bind_early(void);
/* The definition behind ours; NULL if there is none. */
void *fio_next_symbol(const char *name);
/* The definition in libc itself, whoever else stands between; NULL if libc has none. */
void *fio_libc_symbol(const char *name);

#endif /* FASTIO_NEXT_H */
