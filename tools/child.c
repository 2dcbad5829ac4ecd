/* SPDX-License-Identifier: MIT */
/* child.c - running a command and staying there until it ends */
#include "fastio.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile pid_t child;

static void pass_on(int sig)
{
	if (child > 0)
		kill(child, sig);
}

/* The terminal sends these to the command as well; other signals come to this process alone. */
static void set_signals(void)
{
	static const int passed[] = {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
	struct sigaction sa = {.sa_handler = pass_on, .sa_flags = SA_RESTART};

	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		sigaction(passed[i], &sa, NULL);
}

int run_child(char **argv, uint64_t *wall_ns)
{
	sigset_t all, old;
	int status;

	/* No signal between the fork and the handlers */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	*wall_ns = now_ns();
	child = fork();
	if (child < 0) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		io_failed("fork for", argv[0], errno);
		return -1;
	}
	if (child == 0) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		_exit(exec_command(argv));
	}
	set_signals();
	sigprocmask(SIG_SETMASK, &old, NULL);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR) {
			io_failed("wait for", argv[0], errno);
			return -1;
		}
	*wall_ns = now_ns() - *wall_ns;
	return status;
}

static _Noreturn void begin_piped(char **argv, bool preloaded, bool errors, int out)
{
	dup2(out, STDOUT_FILENO);
	if (errors)
		dup2(out, STDERR_FILENO);
	if (preloaded ? preload_add() : (preload_remove(), true))
		execv(argv[0], argv);
	_exit(EXIT_OURS);
}

bool piped_start(struct piped *c, char **argv, bool preloaded, bool errors)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC))
		return false;
	c->pid = fork();
	if (c->pid == 0)
		begin_piped(argv, preloaded, errors, p[1]);
	close(p[1]);
	c->output = c->pid < 0 ? NULL : fdopen(p[0], "r");
	if (c->output)
		return true;
	close(p[0]);
	if (c->pid > 0)
		piped_end(c);
	return false;
}

int piped_end(struct piped *c)
{
	int status;

	if (c->output)
		fclose(c->output);
	while (waitpid(c->pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

_Noreturn void end_as(int status)
{
	fflush(NULL);
	if (WIFSIGNALED(status)) {
		const struct rlimit none = {0, 0};
		sigset_t sig;

		setrlimit(RLIMIT_CORE, &none); /* the command has left one if it should */
		signal(WTERMSIG(status), SIG_DFL);
		sigemptyset(&sig);
		sigaddset(&sig, WTERMSIG(status));
		sigprocmask(SIG_UNBLOCK, &sig, NULL);
		raise(WTERMSIG(status));
		_exit(128 + WTERMSIG(status));
	}
	_exit(WEXITSTATUS(status));
}

bool scratch_make(struct scratch *s, const char *name)
{
	const char *tmp = getenv("TMPDIR");
	int fd;

	/*
	 * TMPDIR may be longer than a FASTIO_* variable can hold, or out of reach for the command.
	 */
	if (!tmp || tmp[0] != '/' || strlen(tmp) > sizeof(s->dir) - 20)
		tmp = "/tmp";
	snprintf(s->dir, sizeof(s->dir), "%s/fastio-XXXXXX", tmp);
	if (!mkdtemp(s->dir)) {
		io_failed("make a directory in", tmp, errno);
		return false;
	}
	chmod(s->dir, 0711);
	snprintf(s->file, sizeof(s->file), "%s/%s", s->dir, name);
	fd = open(s->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || fchmod(fd, 0622)) {
		io_failed("create", s->file, errno);
		scratch_remove(s);
		return false;
	}
	close(fd);
	return true;
}

void scratch_remove(struct scratch *s)
{
	unlink(s->file);
	rmdir(s->dir);
}
