/* SPDX-License-Identifier: MIT */
/* exits.c - every way to end leaves what was written, by whom- and whenever it was written */
#include "t.h"

#include <sys/syscall.h>

extern int __cxa_thread_atexit_impl(void (*fn)(void *), void *arg, void *dso);
extern void *__dso_handle;

static void fixture(void)
{
	for (int i = 0; i < 5; i++)
		putn(t_name("old%d", i), 100, (unsigned)i);
	OK(mkdir("noise", 0755));
}

static void work(void)
{
	char b[50];
	int fd;

	for (unsigned i = 0; i < 10; i++)
		putn(t_name("f%u", i), 100 + i, i);
	putn("old0", 100, 50);
	putn("old1", 120, 51);
	OK(unlink("old2"));
	fd = (int)OK(open("open", O_WRONLY | O_CREAT | O_TRUNC, 0644));
	t_fill(b, sizeof(b), 52);
	write_all(fd, b, sizeof(b));
	fd = (int)OK(open("old3", O_WRONLY | O_TRUNC));
	write_all(fd, b, sizeof(b));
}

CASE(return )
{
	work();
}

CASE(exit)
{
	work();
	t_flush();
	exit(3);
}

CASE(_exit)
{
	work();
	t_leave(4);
}

CASE(_Exit)
{
	work();
	t_flush();
	_Exit(5);
}

static void late_file(void)
{
	put("by_handler", "written by a handler");
	putn("old4", 100, 60);
	unlink("f3");
}

CASE(quick_exit)
{
	at_quick_exit(late_file);
	work();
	t_flush();
	quick_exit(6);
}

CASE(abort)
{
	work();
	t_flush();
	abort();
}

static void on_abort(int sig)
{
	int fd = open("by_signal_handler", O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (write(fd, "handled", 7) != 7)
		_exit(99);
	close(fd);
	if (sig != SIGABRT)
		_exit(7);
}

CASE(abort_handler)
{
	signal(SIGABRT, on_abort);
	work();
	t_flush();
	abort();
}

CASE(raise_term)
{
	work();
	t_flush();
	raise(SIGTERM);
}

CASE(raise_kill)
{
	work();
	t_flush();
	raise(SIGKILL);
}

CASE(exit_in_handler)
{
	signal(SIGUSR1, on_abort);
	work();
	t_flush();
	raise(SIGUSR1);
}

CASE(segv)
{
	volatile int *volatile nowhere = NULL;

	work();
	t_flush();
	*nowhere = 1;
}

CASE(trap)
{
	work();
	t_flush();
	__builtin_trap();
}

CASE(alarm)
{
	work();
	t_flush();
	ualarm(2000, 0);
	for (;;)
		pause();
}

/* Deaths that no call announces: the kernel's own SIGKILL by raw instruction. */
CASE(raw_kill)
{
	work();
	t_flush();
	for (;;) {
		long r;

		__asm__ volatile("syscall"
				 : "=a"(r)
				 : "a"((long)SYS_kill), "D"((long)getpid()), "S"((long)SIGKILL)
				 : "rcx", "r11", "memory");
	}
}

CASE(raw_exit)
{
	long r;

	work();
	t_flush();
	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"((long)SYS_exit_group), "D"(9L)
			 : "rcx", "r11", "memory");
}

CASE(syscall_exit)
{
	work();
	t_flush();
	syscall(SYS_exit_group, 8);
}

static void nested_handler(void)
{
	put("nested", "registered by a handler");
	t_flush();
}

static void handler_a(void)
{
	putn("handler_a", 77, 1);
	unlink("old0");
	atexit(nested_handler);
}

static void handler_b(int status, void *arg)
{
	put(arg, t_name("status %d", status));
}

CASE(atexit)
{
	atexit(handler_a);
	on_exit(handler_b, (void *)"handler_b");
	work();
	exit(11);
}

static bool with_destructor;

__attribute__((destructor)) static void destructor(void)
{
	if (!with_destructor)
		return;
	put("by_destructor", "written by a destructor");
	putn("old1", 100, 70);
	unlink("f5");
	show("by_destructor");
	show("f5");
	t_flush();
}

CASE(destructor)
{
	with_destructor = true;
	work();
}

__attribute__((constructor)) static void constructor(void)
{
	if (getenv("T_CONSTRUCTOR")) {
		put("by_constructor", "written by a constructor");
		show("by_constructor");
	}
}

CASE(constructor)
{
	show("by_constructor");
	work();
}

/* The stream is flushed by exit itself, after every handler. */
CASE(stdio)
{
	FILE *f = fopen("stream", "w"), *g;
	int fd = (int)OK(open("raw", O_WRONLY | O_CREAT | O_TRUNC, 0644));

	fputs("flushed by exit", f);
	write_all(fd, "raw, ", 5);
	g = fdopen(fd, "w");
	fputs("then stream", g);
	work();
}

CASE(stdio_lost)
{
	FILE *f = fopen("stream", "w");

	fputs("never flushed", f);
	work();
	t_leave(0);
}

/* threads */

static void *thread_work(void *arg)
{
	work();
	return arg;
}

static void *late_work(void *arg)
{
	usleep(20000);
	work();
	t_flush();
	return arg;
}

CASE(pthread_exit)
{
	pthread_t t;

	pthread_create(&t, NULL, late_work, NULL);
	put("main", "main went first");
	pthread_exit(NULL);
}

CASE(pthread_exit_main)
{
	work();
	t_flush();
	pthread_exit(NULL);
}

static void *exit_here(void *arg)
{
	work();
	t_flush();
	exit(12);
	return arg;
}

CASE(exit_in_thread)
{
	pthread_t t;

	put("main", "main");
	pthread_create(&t, NULL, exit_here, NULL);
	for (;;)
		pause();
}

static void *noise(void *arg)
{
	long id = (long)arg;

	for (unsigned i = 0;; i++)
		putn(t_name("noise/%ld_%u", id, i % 50), 100, i);
	return NULL;
}

static void start_noise(void)
{
	pthread_t t;

	for (long i = 0; i < 3; i++)
		pthread_create(&t, NULL, noise, (void *)i);
	usleep(5000);
}

CASE(exit_among_writers)
{
	start_noise();
	work();
	t_flush();
	exit(13);
}

CASE(_exit_among_writers)
{
	start_noise();
	work();
	t_leave(14);
}

CASE(kill_among_writers)
{
	start_noise();
	work();
	t_flush();
	kill(getpid(), SIGKILL);
}

CASE(exec_among_writers)
{
	start_noise();
	work();
	t_flush();
	execl("/bin/sh", "sh", "-c", "cat f0 old1 open; exit 15", (char *)NULL);
}

static void tls_cleanup(void *arg)
{
	put(arg, "written by a thread-specific-data destructor");
}

static void tls_cleanup_cxx(void *arg)
{
	put(arg, "written by a thread_local destructor");
	unlink("f7");
}

static pthread_key_t key;

static void *tls_thread(void *arg)
{
	work();
	pthread_setspecific(key, "by_key");
	__cxa_thread_atexit_impl(tls_cleanup_cxx, (void *)"by_thread_local", &__dso_handle);
	return arg;
}

CASE(tls)
{
	pthread_t t;

	pthread_key_create(&key, tls_cleanup);
	pthread_create(&t, NULL, tls_thread, NULL);
	pthread_join(t, NULL);
	show("by_key");
	show("by_thread_local");
	__cxa_thread_atexit_impl(tls_cleanup_cxx, (void *)"by_main_thread", &__dso_handle);
	put("f7", "again");
}

static volatile bool done_before_cancel;

static void *canceled(void *arg)
{
	work();
	put("before", "cancel");
	done_before_cancel = true;
	for (;;)
		pause();
	return arg;
}

CASE(cancel)
{
	pthread_t t;
	void *r;

	pthread_create(&t, NULL, canceled, NULL);
	while (!done_before_cancel)
		usleep(100);
	pthread_cancel(t);
	pthread_join(t, &r);
	out("canceled: %d\n", r == PTHREAD_CANCELED);
	show("before");
	put("after", "x");
	show("after");
}

CASE(thread_then_return)
{
	pthread_t t;

	pthread_create(&t, NULL, thread_work, NULL);
	pthread_join(t, NULL);
}

/* A child of a worker that is killed; the worker goes on. */
CASE(children)
{
	for (int i = 0; i < 4; i++) {
		pid_t pid;

		put(t_name("parent%d", i), "p");
		t_flush();
		pid = fork();
		if (!pid) {
			putn(t_name("child%d", i), 500, 1);
			if (i == 0)
				_exit(0);
			if (i == 1)
				exit(0);
			if (i == 2)
				abort();
			raise(SIGKILL);
		}
		t_reap(pid);
		show(t_name("child%d", i));
	}
}

CASE(daemon)
{
	work();
	t_flush();
	if (daemon(1, 1) < 0)
		_exit(1);
	putn("by_daemon", 100, 1);
	usleep(50000);
	put("by_daemon_later", "x");
	unlink("f8");
}

static const struct t_case cases[] = {
	C(return ),
	C(exit),
	C(_exit),
	C(_Exit),
	C(quick_exit),
	C(abort),
	C(abort_handler),
	C(raise_term),
	C(raise_kill),
	C(exit_in_handler),
	C(segv),
	C(trap),
	C(alarm),
	C(raw_kill),
	C(raw_exit),
	C(syscall_exit),
	C(atexit),
	C(destructor),
	C(constructor),
	C(stdio),
	C(stdio_lost),
	C(pthread_exit),
	C(pthread_exit_main),
	C(exit_in_thread),
	C(exit_among_writers),
	C(_exit_among_writers),
	C(kill_among_writers),
	C(exec_among_writers),
	C(tls),
	C(cancel),
	C(thread_then_return),
	C(children),
	C(daemon),
};

int main(int argc, char **argv)
{
	return t_main(argc, argv, cases, T_COUNT(cases), fixture);
}
