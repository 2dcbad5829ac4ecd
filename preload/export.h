/* SPDX-License-Identifier: MIT */
/*
 * export.h - how the exported functions are declared, and the short forms that symbols.def uses
 *
 * The C name of an export has the prefix x_, its assembler name is libc's.  So no header of libc,
 * with its attributes, redirections and inline versions, is in the way, and nothing here can call
 * an export by mistake.  Link with -Bsymbolic-functions: when one export calls another, it
 * must be ours, whatever functions of the same name the program has.  (Protected visibility would
 * do that too, but ld.so warns of it on standard error.)
 */
#ifndef FASTIO_EXPORT_H
#define FASTIO_EXPORT_H

#include "next.h"

#include "../core/fio.h"

#define FIO_EXPORTED(asm_name) __asm__(asm_name) __attribute__((visibility("default")))

#define SYM(ret, name, params, args, before) ret x_##name params FIO_EXPORTED(#name);
#define VSYM(name, params, args, before) void x_##name params FIO_EXPORTED(#name);
#define SYMA(ret, name, params, args, before, ok, after) ret x_##name params FIO_EXPORTED(#name);
#define CUSTOM(ret, name, params, args) ret x_##name params FIO_EXPORTED(#name);
#define VCUSTOM(name, params, args) void x_##name params FIO_EXPORTED(#name);
#define CUSTOMV(ret, name, vparams, params, args) ret x_##name vparams FIO_EXPORTED(#name);
#define VCUSTOMV(name, vparams, params, args) void x_##name vparams FIO_EXPORTED(#name);
#define FRONT(ret, name, vparams) ret x_##name vparams FIO_EXPORTED(#name);
#define VFRONT(name, vparams) void x_##name vparams FIO_EXPORTED(#name);
#include "symbols.def"

#define unlikely(x) __builtin_expect(!!(x), 0)

/* The value of a libc function from a value or -errno. */
#define RESULT(r)                         \
	({                                \
		__auto_type r_ = (r);     \
		if (r_ < 0) {             \
			errno = (int)-r_; \
			r_ = -1;          \
		}                         \
		r_;                       \
	})

/* Returns what the core has answered, if it has. */
#define ANSWER(answer)                        \
	do {                                  \
		__auto_type a_ = (answer);    \
		if (unlikely(a_ != FIO_PASS)) \
			return RESULT(a_);    \
	} while (0)

static inline bool fio_believing(void)
{
	return atomic_load_explicit(&fio_beliefs, memory_order_relaxed) != 0;
}

#define NONE ((void)0)
#define ALL(cause) fio_release_all(FIO_CAUSE_##cause)
#define FD(fd) fio_release_fd(fd, FIO_CAUSE_FD)
#define FD_C(fd, cause) fio_release_fd(fd, FIO_CAUSE_##cause)
#define PEEK(fd) fio_peek_fd(fd, FIO_CAUSE_FD)
#define NEW_FD(fd)                                 \
	do {                                       \
		if (unlikely((fd) >= fio_fd_near)) \
			fio_fd_is_near();          \
	} while (0)
#define FORGET(fd) fio_fd_forget(fd)
#define PATH(path, follow) fio_release_path(AT_FDCWD, path, follow, FIO_CAUSE_PATH)
#define AT_PATH(dirfd, path, follow, flags) release_at(dirfd, path, follow, flags)
/* A new name appears at once: what was done before it comes first. */
#define STREAM_OPEN(path, mode)            \
	do {                               \
		if (*(mode) == 'r')        \
			STREAM_PATH(path); \
		else                       \
			ALL(STDIO);        \
	} while (0)
#define STREAM_PATH(path) fio_release_path(AT_FDCWD, path, true, FIO_CAUSE_STDIO)
#define USER(name, id) fio_release_account("passwd", "/etc/passwd", name, id)
#define GROUP(name, id) fio_release_account("group", "/etc/group", name, id)
/* Nothing can be made in a directory that is to go. */
#define REMOVALS fio_release_names()
#define NAMES fio_namespace(FIO_CAUSE_NAMESPACE)
#define UNMOUNTS (NAMES, fio_let_dirs_go())
/* Until the function returns: names change, and another thread's deferral must not meet it. */
#define CHANGING(path) CHANGING_BOTH(path, NULL)
#define CHANGING_BOTH(a, b)                                                          \
	struct fio_change change_ __attribute__((cleanup(fio_change_end), unused)) = \
		fio_change_begin(a, b)
#define NAMES_DONE fio_namespace_done()
#define MADE(dirfd, path) fio_name_made(dirfd, path)
#define RENAMED(dirfd, path, flags) fio_renamed(dirfd, path, flags)
/* What is synced comes first: the call changes what was there before. */
#define ORDERED fio_release_synced()
/* The same for what changes a file that the program may have no descriptor of. */
#define CHANGES (fio_release_synced(), fio_ahead_drop())
#define CHANGED fio_paths_changed()
#define CHANGED_ALL fio_traits_changed()
#define LOCKED(fd)              \
	do {                    \
		fio_locked(fd); \
		ACQUIRE;        \
	} while (0)
#define ALL_KINDS(options)                           \
	do {                                         \
		if ((options) & (__WALL | __WCLONE)) \
			fio_hide_task();             \
	} while (0)
#define DIRECTORY(fd) fio_release_dirfd(fd, FIO_CAUSE_DIR)
#define CHANNEL(fd) fio_release_channel(fd)
#define CLOSES(fd) fio_release_closing(fd)
#define SENDS(fd)            \
	do {                 \
		PEEK(fd);    \
		CHANNEL(fd); \
	} while (0)
#define GOT(fd) fio_acquire_fd(fd)
#define ACQUIRE fio_acquire()
/* A Go runtime that is loaded starts threads before anything of it runs, on the thread that loads it:
 * only there can the list of objects be looked at without waiting for whoever loads. */
extern _Thread_local bool fio_loads
	__attribute__((tls_model("initial-exec"), visibility("hidden")));
void fio_look_at_loaded(void) __attribute__((visibility("hidden")));
/* liburing comes by itself.  The list of objects is read as it is, without the loader's lock. */
extern _Thread_local bool fio_loaded
	__attribute__((tls_model("initial-exec"), visibility("hidden")));
void fio_look_for_liburing(void) __attribute__((visibility("hidden")));
#define LOADS (fio_loads = fio_loaded = true)
#define LOADED                                   \
	do {                                     \
		if (unlikely(fio_loaded))        \
			fio_look_for_liburing(); \
	} while (0)
#define THREADS                               \
	do {                                  \
		fio_threads_begin();          \
		if (unlikely(fio_loads))      \
			fio_look_at_loaded(); \
	} while (0)
#define SHARES fio_channels_share()
#define DUPLICATES(fd) fio_channel_duplicated(fd)
#define SPAWNED(fd) fio_channel_spawned(fd)
#define CLOEXEC(fd, on) fio_channel_cloexec(fd, on)
#define POLLS(fds, n) fio_release_polled(fds, n)
#define POLLED(fds, n) fio_acquire_polled_slow(fds, n)
#define EVENTS(epfd, ev, n) fio_acquire_events_slow(epfd, ev, n)
#define SELECTS(n, rd, wr, ex)               \
	do {                                 \
		fio_release_selected(rd, n); \
		fio_release_selected(wr, n); \
		fio_release_selected(ex, n); \
	} while (0)
#define SELECTED(n, rd, wr, ex)                           \
	do {                                              \
		if (fio_believing()) {                    \
			fio_acquire_selected_slow(rd, n); \
			fio_acquire_selected_slow(wr, n); \
			fio_acquire_selected_slow(ex, n); \
		}                                         \
	} while (0)
/* libc or the kernel made a name that core did not see. */
#define CREATED (fio_created(), fio_ahead_unknown())
/* Descriptors that core did not see being opened. */
#define STRANGERS fio_ahead_unknown()
#define STOP(cause) fio_stop_deferring(FIO_CAUSE_##cause)
#define STOP_IF(cond, cause)         \
	do {                         \
		if (cond)            \
			STOP(cause); \
	} while (0)
#define SIGNALS(sig)                 \
	do {                         \
		if (sig)             \
			ALL(SIGNAL); \
	} while (0)
#define HANDLER_ANY fio_handlers_installed()
/* A cancelation may come at any instruction, as a signal does. */
#define CANCEL_TYPE(type)                                  \
	do {                                               \
		if ((type) == PTHREAD_CANCEL_ASYNCHRONOUS) \
			HANDLER_ANY;                       \
	} while (0)
#define HANDLER_UNSEEN                 \
	do {                           \
		HANDLER_ANY;           \
		fio_handlers_unseen(); \
	} while (0)
/* not SIG_DFL, SIG_IGN, SIG_HOLD */
#define HANDLER(handler)                      \
	do {                                  \
		if ((uintptr_t)(handler) > 2) \
			HANDLER_ANY;          \
	} while (0)

static inline void release_at(int dirfd, const char *path, bool follow, int flags)
{
	if (!fio_pending())
		return;
	if (flags & AT_EMPTY_PATH)
		FD(dirfd);
	fio_release_path(dirfd, path, follow, FIO_CAUSE_PATH);
}

/* For calls that core may answer and that are cancelation points: libc's pthread_testcancel, once
 * something was canceled. */
extern void (*fio_testcancel)(void) __attribute__((visibility("hidden")));

#define CANCEL_POINT                                  \
	do {                                          \
		if (unlikely(fio_testcancel != NULL)) \
			fio_testcancel();             \
	} while (0)

/* ---- stdio, in stream.c; len SIZE_MAX: not known ---- */

#pragma GCC visibility push(hidden)
void fio_stream_out(FILE *f, size_t len);
void fio_stream_print(FILE *f, const char *fmt, va_list ap);
void fio_stream_flush(FILE *f);
/* Before the offset is asked for or moved. */
void fio_stream_moves(FILE *f);
/* Has it a descriptor that only core may use? */
bool fio_stream_deferred(FILE *f);
/* Its buffer takes len bytes without being written, or the file is real; and: it is empty */
void fio_stream_make_room(FILE *f, size_t len);
void fio_stream_spill(FILE *f);
/* Before libc uses its descriptor. */
void fio_stream_barrier(FILE *f);
/* The file of such a stream is real now, if it can be. */
void fio_stream_real(FILE *f);
/* As fwrite of bytes, vfprintf (flag < 0) or its checked form, and fclose, of such a stream */
size_t fio_stream_write(const char *p, size_t n, FILE *f);
int fio_stream_format(FILE *f, int flag, const char *fmt, va_list ap);
int fio_stream_close(FILE *f);
/* SIZE_MAX: not to be told */
size_t fio_formatted_length(const char *fmt, va_list ap);
void fio_stream_in(FILE *f);
void fio_stream_got(FILE *f);
#pragma GCC visibility pop

#define OUT(f, len)                             \
	do {                                    \
		if (fio_pending())              \
			fio_stream_out(f, len); \
	} while (0)
#define OUT_ANY(f) OUT(f, SIZE_MAX)
#define OUT_FMT(f, fmt, ap)                           \
	do {                                          \
		if (fio_pending())                    \
			fio_stream_print(f, fmt, ap); \
	} while (0)
/* what is in the buffer is written, nothing else */
#define FLUSH(f)                             \
	do {                                 \
		if (fio_pending())           \
			fio_stream_flush(f); \
	} while (0)
#define MOVES(f)                             \
	do {                                 \
		if (fio_pending())           \
			fio_stream_moves(f); \
	} while (0)
#define REAL(f)                             \
	do {                                \
		if (fio_pending())          \
			fio_stream_real(f); \
	} while (0)
#define OUT_STR(f, s) OUT(f, strlen(s))
#define OUT_MUL(f, size, n)                                                                       \
	do {                                                                                      \
		size_t len_;                                                                      \
		if (fio_pending())                                                                \
			fio_stream_out(f,                                                         \
				       __builtin_mul_overflow(size, n, &len_) ? SIZE_MAX : len_); \
	} while (0)
#define IN(f)                             \
	do {                              \
		if (fio_pending())        \
			fio_stream_in(f); \
	} while (0)
#define IN_DONE(f) fio_stream_got(f)

#endif /* FASTIO_EXPORT_H */
