/* SPDX-License-Identifier: MIT */
/*
 * clone.c - the background task where a sanitizer looks on: it gets the state of a thread
 *
 * The task has no thread state of libc's, and a sanitizer's runtime cannot do without: the report
 * of an error that the task made would end in a fault, which the program takes for a killed task,
 * and goes on.  So here the call that makes the task (core/clone.S) is wrapped by the linker's
 * --wrap.
 *
 * AddressSanitizer and UBSan want it when they report: the task gets thread-local storage as a new
 * thread would.  ThreadSanitizer wants it at each access: a thread is made, whose state the task
 * takes over on the thread's own stack, while the thread itself waits in the kernel until the task
 * has ended.
 */
#include <errno.h>
#include <pthread.h>
#include <stddef.h>

#include "../../core/gate.h"
#include "../../core/sys.h"
#include "../../core/task.h"
#include "../../core/util.h"

int __real_fio_clone(int (*fn)(void *), void *stack_top, unsigned long flags, void *arg, void *tls);
int __wrap_fio_clone(int (*fn)(void *), void *stack_top, unsigned long flags, void *arg, void *tls);

#ifdef __SANITIZE_THREAD__

#define BELOW 4096 /* bytes of stack between the thread and the task */

struct start {
	int (*fn)(void *);
	unsigned long flags;
	void *arg;
	_Atomic int pid; /* of the task, or -errno; 0: not yet */
};

bool __real_fio_hidden_pair(int *a, int *b);
bool __wrap_fio_hidden_pair(int *a, int *b);

static _Atomic unsigned ended; /* tasks */

/* Starting a task begins with it.  What comes now is after the last task, for whose end a system call has
 * waited that the runtime does not see. */
bool __wrap_fio_hidden_pair(int *a, int *b)
{
	(void)atomic_load(&ended);
	return __real_fio_hidden_pair(a, b);
}

static int run(void *arg)
{
	const struct start *s = arg;
	int status = s->fn(s->arg);

	atomic_fetch_add(&ended, 1);
	return status;
}

/* Nothing in here may be seen by the runtime: two run with the state of one. */
__attribute__((no_sanitize("thread"), noinline)) static void *stand_in(void *arg)
{
	struct start *from = arg, s = {.fn = from->fn, .arg = from->arg};
	char *stack = __builtin_frame_address(0);
	int pid = __real_fio_clone(run, stack - BELOW, from->flags, &s, __builtin_thread_pointer());
	siginfo_t si;

	__atomic_store_n((int *)&from->pid, pid, __ATOMIC_RELEASE);
	/* Whoever stops the task reaps it. */
	while (pid > 0 && SYS5(SYS_waitid, 1 /* P_PID */, pid, &si,
			       0x01000000 /* WNOWAIT */ | 0x40000000 /* __WALL */ | 4 /* WEXITED */,
			       NULL) == -EINTR)
		;
	return NULL;
}

int __wrap_fio_clone(int (*fn)(void *), void *stack_top, unsigned long flags, void *arg, void *tls)
{
	struct start s = {.fn = fn, .flags = flags, .arg = arg};
	const struct timespec brief = {.tv_nsec = 100000};
	pthread_t thread;
	int err;

	(void)stack_top;
	(void)tls;
	err = pthread_create(&thread, NULL, stand_in, &s);
	if (err)
		return -err;
	pthread_detach(thread);
	while (!atomic_load(&s.pid))
		sys_nanosleep(&brief);
	return s.pid;
}

#else

#define STACK_LEAST 65536 /* bytes of the smallest stack */

/* glibc's: static thread-local storage with all that a thread finds in it */
void *_dl_allocate_tls(void *mem);

static int (*task_main)(void *);

/* Calls that the runtime makes are nothing to the library. */
static int begin(void *arg)
{
	fio_self()->depth = 1;
	return task_main(arg);
}

int __wrap_fio_clone(int (*fn)(void *), void *stack_top, unsigned long flags, void *arg, void *tls)
{
	static void **state; /* kept for the next start */

	(void)tls;
	if (!state)
		state = _dl_allocate_tls(NULL);
	if (!state)
		return -ENOMEM;
#ifdef __x86_64__
	void **ours = __builtin_thread_pointer();

	state[0] = state[2] = state; /* the thread pointer, and the thread */
	state[5] = ours[5];          /* guard of stacks */
	state[6] = ours[6];          /* guard of pointers */
#endif
	task_main = fn;
	/*
	 * What frames of a task before have marked, that was killed, or a parent's at the time of
	 * its fork
	 */
	fio_mark_used((char *)stack_top - STACK_LEAST, STACK_LEAST);
	return __real_fio_clone(begin, stack_top, flags, arg, state);
}

#endif
