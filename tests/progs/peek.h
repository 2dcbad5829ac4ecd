/* SPDX-License-Identifier: MIT */
/*
 * peek.h - a channel that the library cannot see: the observer reads and writes the memory of the
 * program under test
 *
 * Both are the same executable; the worker is started by peek_start and shares `peek_area`.  No
 * call of the worker is involved, so nothing it does there can make the library finish its work.
 */
#ifndef PEEK_H
#define PEEK_H

#include "t.h"

#include <sys/uio.h>

static volatile struct {
	long flag; /* set by the worker */
	long acked;
	long acked_bytes;
	long go; /* set by the observer */
} peek_area;

static unsigned long peek_base;

/* Where this executable is loaded in pid; 0 while it is not. */
T_UNUSED static unsigned long peek_find(pid_t pid)
{
	char path[64], line[4400], self[4096];
	unsigned long base = 0;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	FILE *f;

	self[n < 0 ? 0 : n] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (!base && fgets(line, sizeof(line), f))
		if (strstr(line, self))
			base = strtoul(line, NULL, 16);
	fclose(f);
	return base;
}

T_UNUSED static long peek_move(pid_t pid, volatile long *word, long *value, bool set)
{
	extern const char __executable_start;
	struct iovec mine = {value, sizeof(*value)};
	struct iovec theirs = {
		(char *)(peek_base + ((unsigned long)word - (unsigned long)&__executable_start)),
		sizeof(*value)};

	return set ? process_vm_writev(pid, &mine, 1, &theirs, 1, 0)
		   : process_vm_readv(pid, &mine, 1, &theirs, 1, 0);
}

T_UNUSED static long peek_get(pid_t pid, volatile long *word)
{
	long v = 0;

	return peek_move(pid, word, &v, false) == sizeof(v) ? v : -1;
}

T_UNUSED static void peek_set(pid_t pid, volatile long *word, long v)
{
	peek_move(pid, word, &v, true);
}

/* Busy-waits until the worker's word is at least v; false if the worker ended. */
T_UNUSED static bool peek_wait(pid_t pid, volatile long *word, long v)
{
	for (;;) {
		long got = peek_get(pid, word);

		if (got >= v)
			return true;
		if (got < 0) {
			siginfo_t si = {0};

			if (waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT) < 0 ||
			    si.si_pid == pid)
				return false;
		}
	}
}

/* For the worker: burns time without any call. */
T_UNUSED static void peek_spin(volatile long *word, long v)
{
	while (*word < v)
		__builtin_ia32_pause();
}

/*
 * Starts this program again as the worker, with the library of $T_PRELOAD, and finds its memory.
 * pass: descriptors from 3 on are left open to it.  The worker runs t_main's case "verb" of its own
 * table.  Returns its pid, stopped at nothing: it waits in peek_spin(&peek_area.go, 1).
 */
T_UNUSED static pid_t peek_start(const char *verb)
{
	const char *lib = getenv("T_PRELOAD");
	pid_t pid;

	t_flush();
	pid = fork();
	if (!pid) {
		if (lib)
			setenv("LD_PRELOAD", lib, 1);
		unsetenv("T_PRELOAD");
		setenv("T_WORKER", "1", 1);
		execl("/proc/self/exe", "worker", verb, (char *)NULL);
		_exit(127);
	}
	/* the image changes at exec; the worker raises its flag when it is there */
	for (int i = 0; i < 20000; i++) {
		peek_base = peek_find(pid);
		if (peek_base && peek_get(pid, &peek_area.flag) == 1)
			return pid;
		usleep(200);
	}
	out("the worker did not start\n");
	return pid;
}

/* The worker's first step. */
T_UNUSED static void peek_ready(void)
{
	peek_area.flag = 1;
	peek_spin(&peek_area.go, 1);
}

T_UNUSED static void peek_go(pid_t pid)
{
	peek_set(pid, &peek_area.go, 1);
}

#endif /* PEEK_H */
