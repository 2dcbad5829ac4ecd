/* SPDX-License-Identifier: MIT */
/* rw_child.c - a child sees what its parent has done, and the parent what the child has done */
#include "states.h"

#include <dlfcn.h>
#include <sched.h>
#include <spawn.h>
#include <sys/syscall.h>

static void fork_route(ROUTE_ARGS)
{
	pid_t pid;

	t_flush();
	pid = fork();
	if (!pid) {
		show(t_name("%s/%s", dir, name));
		t_leave(7);
	}
	t_reap(pid);
}
ROUTE(fork)

/* The child goes on with the descriptor, then the parent does. */
static void fork_write_route(ROUTE_ARGS)
{
	pid_t pid;

	if (st_fds[s] < 0)
		return;
	t_flush();
	pid = fork();
	if (!pid) {
		write_all(st_fds[s], "(child)", 7);
		OK(close(st_fds[s]));
		put("by_child", "made by the child");
		show(t_name("%s/%s", dir, name));
		t_leave(0);
	}
	t_reap(pid);
	show("by_child");
	write_all(st_fds[s], "(parent)", 8);
	show(t_name("%s/%s", dir, name));
}
ROUTE(fork_write)

static void vfork_route(ROUTE_ARGS)
{
	char *path = t_name("%s/%s", dir, name);
	pid_t pid;

	t_flush();
	pid = vfork();
	if (!pid) {
		execl("/bin/cat", "cat", path, (char *)NULL);
		_exit(126);
	}
	t_reap(pid);
}
ROUTE(vfork)

/* What children of vfork do before they exec. */
static void vfork_redirect_route(ROUTE_ARGS)
{
	char *path = t_name("%s/%s", dir, name), *copy = t_name("%s/copy_%s", dir, name);
	pid_t pid;
	int fd;

	fd = (int)OK(open("held", O_WRONLY | O_CREAT | O_TRUNC, 0644));
	write_all(fd, "before vfork,", 13);
	pid = vfork();
	if (!pid) {
		int to = open(copy, O_WRONLY | O_CREAT | O_TRUNC, 0644);

		dup2(to, 1);
		close(to);
		close(2);
		close(fd);
		if (st_fds[s] >= 0)
			close(st_fds[s]);
		execl("/bin/cat", "cat", path, (char *)NULL);
		_exit(126);
	}
	t_reap(pid);
	write_all(fd, " after vfork", 12);
	OK(close(fd));
	show("held");
	show(t_name("%s/copy_%s", dir, name));
}
ROUTE(vfork_redirect)

static void spawn_route(ROUTE_ARGS)
{
	char *path = t_name("%s/%s", dir, name), *argv[] = {(char *)"cat", path, NULL};
	posix_spawn_file_actions_t fa;
	pid_t pid = -1;
	int r;

	t_flush();
	r = posix_spawn(&pid, "/bin/cat", NULL, NULL, argv, environ);
	out("posix_spawn %d\n", r);
	t_reap(pid);
	t_flush();
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, path, O_RDONLY, 0);
	posix_spawn_file_actions_addclose(&fa, 2);
	argv[1] = NULL;
	r = posix_spawnp(&pid, "cat", &fa, NULL, argv, environ);
	if (r)
		out("posix_spawnp %d\n", r);
	else
		t_reap(pid);
	posix_spawn_file_actions_destroy(&fa);
}
ROUTE(spawn)

static void system_route(ROUTE_ARGS)
{
	t_flush();
	RL("system",
	   system(t_name("cat %s/%s 2>&1; wc -c < %s/s_%s 2>/dev/null", dir, name, dir, name)));
}

CASE(system)
{
	st_each("a", system_route);
}

CASE(system_all)
{
	st_all("b", system_route);
}

static void popen_route(ROUTE_ARGS)
{
	char b[300];
	FILE *f = popen(t_name("cat %s/%s 2>&1", dir, name), "r");
	size_t n = fread(b, 1, sizeof(b), f);

	t_bytes("popen", b, n);
	RL("pclose", pclose(f));
}
ROUTE(popen)

CASE(popen_write)
{
	FILE *f;

	put("list", "b\na\n");
	f = popen("cat list - > both", "w");
	fputs("from the pipe\n", f);
	RL("pclose", pclose(f));
	show("both");
}

static void exec_route(ROUTE_ARGS)
{
	pid_t pid;

	t_flush();
	pid = fork();
	if (!pid) {
		put("in_child", "made right before exec");
		execlp("cat", "cat", t_name("%s/%s", dir, name), "in_child", (char *)NULL);
		_exit(126);
	}
	t_reap(pid);
}
ROUTE(exec)

/* exec in the process that did the work, open descriptor inherited. */
CASE(exec_self)
{
	int fd;

	put("x", "content of x\n");
	R(unlink("a/gone"));
	fd = R(open("y", O_WRONLY | O_CREAT | O_TRUNC, 0644));
	write_all(fd, "y first\n", 8);
	t_flush();
	execl("/bin/sh", "sh", "-c",
	      t_name("cat x y; echo second >&%d; cat y; ls a; test -e a/gone || echo gone", fd),
	      (char *)NULL);
	out("exec: %s\n", t_errno(errno));
}

CASE(exec_cloexec)
{
	int fd = R(open("y", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));

	write_all(fd, "held when exec came\n", 20);
	t_flush();
	execl("/bin/sh", "sh", "-c", t_name("cat y; (echo x >&%d) 2>/dev/null || echo closed", fd),
	      (char *)NULL);
}

CASE(exec_fails)
{
	char *argv[] = {(char *)"x", NULL};
	int fd = R(open("y", O_WRONLY | O_CREAT | O_TRUNC, 0644));

	write_all(fd, "one", 3);
	put("x", "not a program");
	R(execv("x", argv));
	R(chmod("x", 0755));
	R(execv("./x", argv));
	R(execv("missing", argv));
	R(execvp("no-such-program-anywhere", argv));
	R(execve("a", argv, environ));
	write_all(fd, " two", 4);
	R(close(fd));
	show("y");
	put("z", "deferral goes on");
	show("z");
}

/* A script that was just written is run: never busy. */
CASE(script)
{
	for (int i = 0; i < 3; i++) {
		int fd = R(open("script", O_WRONLY | O_CREAT | O_TRUNC, 0755));

		write_all(fd, t_name("#!/bin/sh\necho run %d\n", i), 21);
		R(close(fd));
		t_flush();
		RL("system", system("./script"));
	}
	for (int i = 0; i < 3; i++) {
		pid_t pid;

		put("script2", t_name("#!/bin/sh\necho spawned %d\n", i));
		R(chmod("script2", 0700));
		t_flush();
		out("spawn %d\n", posix_spawn(&pid, "./script2", NULL, NULL,
					      (char *[]){(char *)"script2", NULL}, environ));
		t_reap(pid);
	}
}

/* A copied program is run right after the copy: ETXTBSY would show a descriptor left behind. */
CASE(copied_program)
{
	static char b[1 << 20];
	int in = (int)OK(open("/bin/true", O_RDONLY));
	ssize_t n = read(in, b, sizeof(b));

	for (int i = 0; i < 3; i++) {
		int fd = R(open("prog", O_WRONLY | O_CREAT | O_TRUNC, 0755));

		write_all(fd, b, (size_t)n);
		R(close(fd));
		RL("run", system("./prog"));
		fd = R(open("prog", O_WRONLY));
		R(close(fd));
	}
}

/* Changes made by a child are seen: nothing believed about the directory is kept. */
CASE(child_changes)
{
	put("mine", "mine");
	R(unlink("a/same"));
	OK(system("rm mine; echo theirs > theirs; echo back > a/same; mkdir sub; echo s > sub/s"));
	show("mine");
	show("theirs");
	show("a/same");
	R(open("mine", O_WRONLY));
	R(open("theirs", O_WRONLY | O_CREAT | O_EXCL, 0600));
	put("theirs", "now mine");
	show("theirs");
	put("sub/t", "in the directory of the child");
	show("sub/t");
	OK(system("rm -r sub"));
	put("sub/t", "gone");
	R(unlink("sub/s"));
	OK(mkdir("own", 0755));
	put("own/a", "1");
	OK(system("echo child > own/b; rm own/a"));
	R(open("own/b", O_WRONLY | O_CREAT | O_EXCL, 0600));
	R(unlink("own/a"));
	put("own/a", "2");
	show("own/a");
	show("own/b");
}

static int clone_main(void *arg)
{
	show(arg);
	put("by_clone", "made in a clone");
	t_leave(3);
}

static int clone_returns(void *arg)
{
	put(arg, "made in a clone that returns");
	return 4;
}

CASE(clone)
{
	static char stack[256 << 10] __attribute__((aligned(16)));
	pid_t pid;

	put("x", "before clone");
	t_flush();
	pid = clone(clone_main, stack + sizeof(stack), SIGCHLD, (char *)"x");
	t_reap(pid);
	show("by_clone");
	t_reap(clone(clone_returns, stack + sizeof(stack), SIGCHLD, (char *)"returned"));
	show("returned");
	put("y", "before raw fork");
	t_flush();
	pid = (pid_t)syscall(SYS_fork);
	if (!pid) {
		show("y");
		t_leave(4);
	}
	t_reap(pid);
	put("z", "after");
	show("z");
}

/* Grandchildren, and a child that goes on working after its parent has gone. */
CASE(generations)
{
	pid_t pid;

	put("g0", "0");
	t_flush();
	pid = fork();
	if (!pid) {
		put("g1", "1");
		t_flush();
		pid = fork();
		if (!pid) {
			put("g2", "2");
			show("g0");
			show("g1");
			t_leave(0);
		}
		t_reap(pid);
		show("g2");
		put("g3", "3");
		t_leave(0);
	}
	t_reap(pid);
	show("g3");
	for (int i = 0; i < 5; i++) {
		t_flush();
		pid = fork();
		if (!pid) {
			put(t_name("n%d", i), "child");
			t_leave(i);
		}
		put(t_name("p%d", i), "parent");
		t_reap(pid);
		show(t_name("n%d", i));
	}
}

/* What the library runs beside us is no child of the program. */
CASE(no_child)
{
	int st;

	for (int i = 0; i < 60; i++)
		put(t_name("n%d", i), "work");
	R(wait(&st));
	R(waitpid(-1, &st, WNOHANG));
	R(waitid(P_ALL, 0, NULL, WEXITED | WNOHANG | WNOWAIT));
	put("more", "work");
	R(waitpid(-1, &st, 0));
}

CASE(no_child_wall)
{
	int st;

	for (int i = 0; i < 60; i++)
		put(t_name("n%d", i), "work");
	R(waitpid(-1, &st, WNOHANG | __WALL));
	R(waitpid(-1, &st, WNOHANG | __WCLONE));
	put("more", "work");
}

CASE(dlopen)
{
	put("lib.so", "this is no library");
	out("dlopen: %s\n", dlopen("./lib.so", RTLD_NOW) ? "?" : dlerror());
	put("lib.so", "x");
	out("dlopen: %s\n", dlopen("./lib.so", RTLD_NOW) ? "?" : dlerror());
	R(unlink("lib.so"));
	out("dlopen: %s\n", dlopen("./lib.so", RTLD_NOW) ? "?" : dlerror());
}

static const struct t_case cases[] = {
	C(fork),          C(fork_write),   C(vfork),       C(vfork_redirect), C(spawn),
	C(system),        C(system_all),   C(popen),       C(popen_write),    C(exec),
	C(exec_self),     C(exec_cloexec), C(exec_fails),  C(script),         C(copied_program),
	C(child_changes), C(clone),        C(generations), C(dlopen),         C(no_child),
	C(no_child_wall),
};

int main(int argc, char **argv)
{
	return t_main(argc, argv, cases, T_COUNT(cases), st_fixture);
}
