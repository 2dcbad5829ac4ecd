/* SPDX-License-Identifier: MIT */
/*
 * measure.c - the 'measure' subcommand: wall and CPU time of a command and of
 * everything it leaves behind
 *
 * The clock runs from before the fork until the last descendant is gone: this
 * process makes itself the reaper of orphans, so that background work which
 * outlives the command is waited for and counted.
 */
#include "measure.h"
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const char help[] =
	"Usage: fastio-bench measure [OPTION]... -- COMMAND [ARG]...\n"
	"Runs COMMAND and prints a JSON object: wall_us (until the last descendant is gone),\n"
	"exit_us (until COMMAND itself is gone), user_us, sys_us, cpu_us (of all\n"
	"descendants), maxrss_kb, status, signal, orphans, timeout.\n"
	"\n"
	"  --env NAME=VALUE    set in the environment of COMMAND (repeatable)\n"
	"  --cwd DIR           run COMMAND there\n"
	"  --stdout FILE       standard output of COMMAND (default /dev/null)\n"
	"  --stderr FILE       its standard error (default: ours)\n"
	"  --timeout SECONDS   kill its process group after that time\n"
	"  --help\n"
	"\n"
	"Exit status: 0 COMMAND was run, whatever its status was; 1 it could not be run;\n"
	"2 wrong usage.\n";

enum { O_ENV = 256, O_CWD, O_STDOUT, O_STDERR, O_TIMEOUT, O_HELP };

static const struct option options[] = {
	{"env", required_argument, NULL, O_ENV},
	{"cwd", required_argument, NULL, O_CWD},
	{"stdout", required_argument, NULL, O_STDOUT},
	{"stderr", required_argument, NULL, O_STDERR},
	{"timeout", required_argument, NULL, O_TIMEOUT},
	{"help", no_argument, NULL, O_HELP},
	{NULL, 0, NULL, 0},
};

/* What a failed child says through the pipe before it ends */
struct complaint {
	int err;
	char op[16], path[256];
};

static volatile pid_t child;
static volatile sig_atomic_t timed_out;

static void on_signal(int sig)
{
	if (sig == SIGALRM) {
		timed_out = 1;
		sig = SIGKILL;
	}
	if (child > 0)
		kill(-child, sig);
}

static void catch_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM};
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &sa, NULL);
}

static void complain(int fd, const char *op, const char *path)
{
	struct complaint c = {.err = errno};

	snprintf(c.op, sizeof(c.op), "%s", op);
	snprintf(c.path, sizeof(c.path), "%s", path);
	if (write(fd, &c, sizeof(c)) < 0)
		_exit(126);
	_exit(127);
}

static void redirect(const char *path, int flags, int to, int report)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);

	if (fd < 0 || dup2(fd, to) < 0)
		complain(report, "redirect to", path);
}

static void run_child(const struct measured *m, int report)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	redirect("/dev/null", O_RDONLY, 0, report);
	redirect(m->out ? m->out : "/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 1, report);
	if (m->err)
		redirect(m->err, O_WRONLY | O_CREAT | O_TRUNC, 2, report);
	if (m->cwd && chdir(m->cwd))
		complain(report, "chdir to", m->cwd);
	for (int i = 0; i < m->nenv; i++)
		putenv(m->env[i]);
	execvp(m->argv[0], m->argv);
	complain(report, "exec", m->argv[0]);
}

static int wait_all(struct measured *m, uint64_t begin)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0 && errno == ECHILD)
			break;
		if (pid < 0)
			return io_failed("wait for", m->argv[0], errno);
		if (pid == child) {
			m->exit_ns = now_ns() - begin;
			m->status = status;
		} else {
			m->orphans++;
		}
	}
	m->wall_ns = now_ns() - begin;
	return EXIT_OK;
}

static uint64_t micros(struct timeval tv)
{
	return (uint64_t)tv.tv_sec * 1000000u + (uint64_t)tv.tv_usec;
}

static void add_usage(struct measured *m, int sign)
{
	struct rusage u;

	getrusage(RUSAGE_CHILDREN, &u);
	m->user_us += (uint64_t)sign * micros(u.ru_utime);
	m->sys_us += (uint64_t)sign * micros(u.ru_stime);
	m->maxrss_kb = u.ru_maxrss;
}

int measure_run(struct measured *m)
{
	struct complaint c;
	uint64_t begin;
	int p[2], rc;
	ssize_t n;

	if (pipe2(p, O_CLOEXEC))
		return io_failed("make a pipe for", m->argv[0], errno);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		return io_failed("become the reaper of", m->argv[0], errno);
	catch_signals();
	if (m->timeout)
		alarm((unsigned)m->timeout);

	m->user_us = m->sys_us = 0;
	m->orphans = 0;
	add_usage(m, -1);
	begin = now_ns();
	child = fork();
	if (child < 0)
		return io_failed("fork for", m->argv[0], errno);
	if (child == 0)
		run_child(m, p[1]);
	setpgid(child, child); /* either side may come first */
	close(p[1]);
	rc = wait_all(m, begin);
	alarm(0);
	add_usage(m, 1);
	n = read(p[0], &c, sizeof(c));
	close(p[0]);
	if (rc == EXIT_OK && n == (ssize_t)sizeof(c))
		rc = io_failed(c.op, c.path, c.err);
	return rc;
}

static int report(const struct measured *m)
{
	int status = WIFEXITED(m->status) ? WEXITSTATUS(m->status) : 128 + WTERMSIG(m->status);

	printf("{\"wall_us\":%llu,\"exit_us\":%llu,\"user_us\":%llu,\"sys_us\":%llu,"
	       "\"cpu_us\":%llu,\"maxrss_kb\":%ld,\"status\":%d,\"signal\":%d,"
	       "\"orphans\":%u,\"timeout\":%s}\n",
	       (unsigned long long)m->wall_ns / 1000, (unsigned long long)m->exit_ns / 1000,
	       (unsigned long long)m->user_us, (unsigned long long)m->sys_us,
	       (unsigned long long)(m->user_us + m->sys_us), m->maxrss_kb, status,
	       WIFSIGNALED(m->status) ? WTERMSIG(m->status) : 0, m->orphans,
	       timed_out ? "true" : "false");
	return finish_output();
}

int measure_main(int argc, char **argv)
{
	struct measured m = {0};
	int opt, rc;

	m.env = calloc((size_t)argc, sizeof(*m.env));
	if (!m.env)
		return io_failed("prepare", "measure", ENOMEM);
	while ((opt = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		switch (opt) {
		case O_ENV:
			if (!strchr(optarg, '=')) {
				rc = usage_failed("measure", "--env wants NAME=VALUE", optarg);
				goto out;
			}
			m.env[m.nenv++] = optarg;
			break;
		case O_CWD:
			m.cwd = optarg;
			break;
		case O_STDOUT:
			m.out = optarg;
			break;
		case O_STDERR:
			m.err = optarg;
			break;
		case O_TIMEOUT:
			rc = EXIT_USAGE;
			if (!parse_number("--timeout", optarg, 1, 86400, &m.timeout))
				goto out;
			break;
		case 'h':
		case O_HELP:
			fputs(help, stdout);
			rc = finish_output();
			goto out;
		default:
			rc = option_failed("measure", argv);
			goto out;
		}
	}
	if (optind == argc) {
		rc = usage_failed("measure", "no command given", NULL);
		goto out;
	}
	m.argv = argv + optind;
	rc = measure_run(&m);
	if (rc == EXIT_OK)
		rc = report(&m);
out:
	free(m.env);
	return rc;
}
