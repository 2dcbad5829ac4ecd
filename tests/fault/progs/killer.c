/* SPDX-License-Identifier: MIT */
/*
 * killer.c - kills the workload, its process group or its background task
 *
 *	fault-killer [-s SIGNAL] [-d USEC] [-g | -b] -- fault-work ...
 *
 * Waits until the workload has acknowledged its first step, sleeps, reads the
 * steps acknowledged (without the program knowing) and then sends the signal:
 * to the program, with -g to its process group, with -b to each child of it
 * that it did not exec (the background task).  With -b the program then runs
 * to its end.  Prints 'killed N STATUS acked A,B,...'.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "work.h"

static bool peek(pid_t pid, struct work_page *out)
{
	struct iovec to = {out, sizeof(*out)}, from = {WORK_PAGE, sizeof(*out)};

	return process_vm_readv(pid, &to, 1, &from, 1, 0) == (ssize_t)sizeof(*out) &&
	       out->magic == WORK_MAGIC;
}

static pid_t parent_of(const char *pid)
{
	char path[300], line[512] = "";
	const char *at;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return -1;
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	at = strrchr(line, ')');
	return at ? (pid_t)atoi(at + 4) : -1;
}

static int kill_children(pid_t pid, int sig)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	int n = 0;

	if (!d)
		return 0;
	while ((e = readdir(d)))
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && parent_of(e->d_name) == pid)
			n += !kill(atoi(e->d_name), sig);
	closedir(d);
	return n;
}

int main(int argc, char **argv)
{
	bool group = false, task = false;
	int sig = SIGKILL, opt, status = 0, killed;
	useconds_t delay = 0;
	struct work_page seen = {0};
	pid_t pid;

	while ((opt = getopt(argc, argv, "s:d:gb")) != -1) {
		switch (opt) {
		case 's':
			sig = atoi(optarg);
			break;
		case 'd':
			delay = (useconds_t)atoi(optarg);
			break;
		case 'g':
			group = true;
			break;
		case 'b':
			task = true;
			break;
		default:
			return 99;
		}
	}
	pid = fork();
	if (pid == 0) {
		const char *lib = getenv("KILLER_PRELOAD");

		prctl(PR_SET_PDEATHSIG, SIGKILL); /* if we are killed, as by a time limit */
		setsid();
		if (lib)
			setenv("LD_PRELOAD", lib, 1);
		execv(argv[optind], argv + optind);
		_exit(127);
	}
	for (int i = 0; i < 100000; i++) {
		if (peek(pid, &seen) && seen.acked[0])
			break;
		usleep(50);
	}
	usleep(delay);
	peek(pid, &seen);
	if (task)
		killed = kill_children(pid, sig);
	else
		killed = !kill(group ? -pid : pid, sig);
	waitpid(pid, &status, 0);
	printf("killed %d status %d acked ", killed,
	       WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	for (unsigned t = 0; t < seen.threads; t++)
		printf("%s%lu", t ? "," : "", (unsigned long)seen.acked[t]);
	printf("\n");
	return 0;
}
