/* SPDX-License-Identifier: MIT */
/*
 * seccomp.c - runs a program under a filter that refuses some system calls
 *
 *	fault-seccomp CALL=ERRNO... -- PROGRAM ARG...
 *
 * FAULT_PRELOAD in the environment becomes LD_PRELOAD of the program.
 * 'task' stands for a clone of the kind that makes a background task: shared
 * memory, no thread, not vfork.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	int nr;
} calls[] = {
	{"io_uring_setup", SYS_io_uring_setup},
	{"io_uring_enter", SYS_io_uring_enter},
	{"io_uring_register", SYS_io_uring_register},
	{"clone3", SYS_clone3},
	{"pidfd_open", SYS_pidfd_open},
	{"statx", SYS_statx},
	{"openat2", SYS_openat2},
	{"close_range", SYS_close_range},
	{"prctl", SYS_prctl},
	{"setsid", SYS_setsid},
	{"memfd_create", SYS_memfd_create},
	{"eventfd2", SYS_eventfd2},
	{"fstatfs", SYS_fstatfs},
	{"statfs", SYS_statfs},
	{"sched_setaffinity", SYS_sched_setaffinity},
	{"prlimit64", SYS_prlimit64},
};

static const struct {
	const char *name;
	int err;
} errnos[] = {{"EPERM", EPERM},   {"ENOSYS", ENOSYS}, {"EAGAIN", EAGAIN},
	      {"ENOMEM", ENOMEM}, {"EINVAL", EINVAL}, {"EMFILE", EMFILE}};

static struct sock_filter prog[256];
static unsigned len;

static void emit(struct sock_filter ins)
{
	if (len == sizeof(prog) / sizeof(prog[0]))
		_exit(99);
	prog[len++] = ins;
}

#define STMT(c, k) emit((struct sock_filter)BPF_STMT(c, k))
#define JUMP(c, k, t, f) emit((struct sock_filter)BPF_JUMP(c, k, t, f))
#define FIELD(f) ((unsigned)offsetof(struct seccomp_data, f))

static void refuse(int nr, int err)
{
	JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1);
	STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)err);
}

static void refuse_task(int err)
{
	const unsigned mask = CLONE_VM | CLONE_THREAD | CLONE_VFORK;

	refuse(SYS_clone3, ENOSYS);
	JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 5);
	STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(args[0]));
	STMT(BPF_ALU | BPF_AND | BPF_K, mask);
	JUMP(BPF_JMP | BPF_JEQ | BPF_K, CLONE_VM, 0, 1);
	STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)err);
	STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
}

static int parse_errno(const char *name)
{
	for (size_t i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++)
		if (!strcmp(errnos[i].name, name))
			return errnos[i].err;
	fprintf(stderr, "fault-seccomp: unknown error %s\n", name);
	_exit(99);
}

static void rule(char *text)
{
	char *eq = strchr(text, '=');
	int err;

	if (!eq)
		_exit(99);
	*eq = 0;
	err = parse_errno(eq + 1);
	if (!strcmp(text, "task")) {
		refuse_task(err);
		return;
	}
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!strcmp(calls[i].name, text)) {
			refuse(calls[i].nr, err);
			return;
		}
	fprintf(stderr, "fault-seccomp: unknown call %s\n", text);
	_exit(99);
}

int main(int argc, char **argv)
{
	const char *lib = getenv("FAULT_PRELOAD");
	struct sock_fprog fprog = {.filter = prog};
	int i = 1;

	STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(nr));
	for (; i < argc && strcmp(argv[i], "--"); i++)
		rule(argv[i]);
	STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	fprog.len = (unsigned short)len;
	if (i + 1 >= argc)
		return 99;
	if (lib)
		setenv("LD_PRELOAD", lib, 1);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &fprog)) {
		perror("fault-seccomp");
		return 99;
	}
	execvp(argv[i + 1], argv + i + 1);
	perror(argv[i + 1]);
	return 127;
}
