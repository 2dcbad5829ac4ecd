/* SPDX-License-Identifier: MIT */
/*
 * wrap_signal.c - installing handlers; canceling threads
 *
 * A signal may tell what another process has done, so beliefs are dropped before a handler runs.
 * The kernel is given a stub that does this and jumps to the handler.  A stub belongs to one
 * handler from its first use on, so what the kernel has always names the right one; programs that
 * ask for a handler get their own.
 */
#include "export.h"

#define STUBS 64

typedef void handler_fn(int sig, siginfo_t *info, void *context);

static handler_fn *_Atomic handlers[STUBS]; /* NULL: the stub is free */

#define STUB(n)                                                                                  \
	static void stub_##n(int sig, siginfo_t *info, void *context)                            \
	{                                                                                        \
		ACQUIRE;                                                                         \
		atomic_load_explicit(&handlers[0##n], memory_order_relaxed)(sig, info, context); \
	}
#define NAME(n) stub_##n,
#define EIGHT(X, n) X(n##0) X(n##1) X(n##2) X(n##3) X(n##4) X(n##5) X(n##6) X(n##7)
#define ALL_STUBS(X) \
	EIGHT(X, 0)  \
	EIGHT(X, 1) EIGHT(X, 2) EIGHT(X, 3) EIGHT(X, 4) EIGHT(X, 5) EIGHT(X, 6) EIGHT(X, 7)

/* The numbers are octal. */
ALL_STUBS(STUB)
static handler_fn *const stubs[STUBS] = {ALL_STUBS(NAME)};

/* What the kernel is to call for the program's handler. */
static void *stub_of(void *handler)
{
	if ((uintptr_t)handler <= 2) /* SIG_DFL, SIG_IGN, SIG_HOLD */
		return handler;
	for (int i = 0; i < STUBS; i++) {
		handler_fn *free_stub = NULL;

		if (handler == (void *)stubs[i])
			return handler;
		if (atomic_compare_exchange_strong(&handlers[i], &free_stub,
						   (handler_fn *)handler) ||
		    free_stub == handler)
			return (void *)stubs[i];
	}
	fio_handlers_unseen();
	return handler;
}

static void *handler_of(void *stub)
{
	for (int i = 0; i < STUBS && atomic_load(&handlers[i]); i++)
		if (stub == (void *)stubs[i])
			return (void *)atomic_load(&handlers[i]);
	return stub;
}

int x_sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	struct sigaction with_stub;
	int r;

	if (act) {
		HANDLER(act->sa_handler);
		with_stub = *act;
		with_stub.sa_handler = stub_of((void *)act->sa_handler);
	}
	r = NEXT(sigaction)(sig, act ? &with_stub : NULL, old);
	if (r == 0 && old)
		old->sa_handler = handler_of((void *)old->sa_handler);
	return r;
}

#define SETS_HANDLER(name)                                                    \
	sighandler_t x_##name(int sig, sighandler_t handler)                  \
	{                                                                     \
		HANDLER(handler);                                             \
		return handler_of(NEXT(name)(sig, stub_of((void *)handler))); \
	}
SETS_HANDLER(signal)
SETS_HANDLER(sysv_signal)
SETS_HANDLER(sigset)

void (*fio_testcancel)(void);

int x_pthread_cancel(pthread_t thread)
{
	if (!fio_testcancel)
		fio_testcancel = (void (*)(void))fio_libc_symbol("pthread_testcancel");
	return NEXT(pthread_cancel)(thread);
}

#define FIO_GROUP_signal ~, 1
#include "aliases.h"
