/* SPDX-License-Identifier: MIT */
/*
 * terminal.c - runs a command in a terminal of its own: terminal CMD [ARG]...
 *
 * What comes by standard input is typed, what the command shows goes to standard output. The
 * end of standard input types nothing. The status is the command's, 128 + N after signal N.
 * (script(1) loses the status of a command when its own input is a pipe.)
 */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Passes on what there is: 0 at the end, or once nobody has the terminal open any more. */
static int copy(int from, int to)
{
	char b[4096];
	ssize_t n = read(from, b, sizeof(b));

	if (n < 0 && errno == EINTR)
		return 1;
	for (ssize_t done = 0, w; done < n; done += w) {
		w = write(to, b + done, n - done);
		if (w < 0)
			return 0;
	}
	return n > 0;
}

int main(int argc, char **argv)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	int term, status;
	pid_t pid;

	if (argc < 2)
		return 64;
	pid = forkpty(&term, NULL, NULL, &size);
	if (pid < 0) {
		perror("forkpty");
		return 71;
	}
	if (!pid) {
		/* A shell's background jobs ignore what is typed. */
		signal(SIGINT, SIG_DFL);
		signal(SIGQUIT, SIG_DFL);
		execvp(argv[1], argv + 1);
		perror(argv[1]);
		_exit(127);
	}
	struct pollfd p[] = {{.fd = term, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
	for (;;) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[0].revents && !copy(term, 1))
			break;
		if (p[1].revents && !copy(0, term))
			p[1].fd = -1;
	}
	if (waitpid(pid, &status, 0) != pid)
		return 71;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
