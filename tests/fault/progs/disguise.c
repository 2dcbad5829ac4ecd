/* SPDX-License-Identifier: MIT */
/*
 * disguise.c - runs a program to which a FUSE file system looks like one that files are deferred on
 *
 *	fault-disguise PROGRAM ARG...
 *
 * FAULT_TYPE in the environment is the magic number of that file system (default: ext4's).
 * FAULT_PRELOAD in the environment becomes LD_PRELOAD of the program.  A supervisor, which is no
 * child of the program and ends with it, answers fstatfs for it: truly, but for the type.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static const char name[] = "fault-disguise";

static unsigned long type = EXT4_SUPER_MAGIC;

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s: ", name);
	perror(what);
	_exit(99);
}

static int answer(const struct seccomp_notif *req)
{
	struct iovec from, to = {(void *)(uintptr_t)req->data.args[1], sizeof(struct statfs)};
	struct statfs sf;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/fd/%d", req->pid, (int)req->data.args[0]);
	if (statfs(path, &sf))
		return errno == ENOENT ? -EBADF : -errno;
	if (sf.f_type == FUSE_SUPER_MAGIC)
		sf.f_type = (__fsword_t)type;
	from = (struct iovec){&sf, sizeof(sf)};
	return process_vm_writev((pid_t)req->pid, &from, 1, &to, 1, 0) < 0 ? -EFAULT : 0;
}

static void supervise(int listener)
{
	struct pollfd p = {.fd = listener, .events = POLLIN};
	struct seccomp_notif req;
	struct seccomp_notif_resp resp;

	for (;;) {
		if (poll(&p, 1, -1) < 0 && errno == EINTR)
			continue;
		if (!(p.revents & POLLIN))
			_exit(0);
		req = (struct seccomp_notif){0};
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &req))
			continue;
		resp = (struct seccomp_notif_resp){.id = req.id, .error = answer(&req)};
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
	}
}

/* Passes a descriptor: to send, fd is what goes; to receive, -1. */
static int pass(int sock, int fd)
{
	char byte = 0;
	struct iovec iov = {&byte, 1};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	if (fd >= 0) {
		*c = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
		*(int *)CMSG_DATA(c) = fd;
		return (int)sendmsg(sock, &msg, 0);
	}
	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) <= 0 || !CMSG_FIRSTHDR(&msg))
		return -1;
	return *(int *)CMSG_DATA(CMSG_FIRSTHDR(&msg));
}

static void start_supervisor(int sock, int other)
{
	pid_t pid = fork();
	int listener;

	check(pid >= 0, "fork");
	if (pid) {
		waitpid(pid, NULL, 0);
		return;
	}
	if (fork())
		_exit(0);
	close(other);
	listener = pass(sock, -1);
	if (listener < 0 || chdir("/"))
		_exit(99);
	setsid();
	dup2(listener, 3);
	close_range(4, ~0U, 0);
	close_range(0, 2, 0);
	supervise(3);
}

int main(int argc, char **argv)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fstatfs, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof(filter) / sizeof(filter[0]), filter};
	const char *lib = getenv("FAULT_PRELOAD"), *as = getenv("FAULT_TYPE");
	int sv[2], listener;

	if (argc < 2)
		return 99;
	if (as)
		type = strtoul(as, NULL, 16);
	check(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), "socketpair");
	start_supervisor(sv[1], sv[0]);
	check(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl");
	listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
	check(listener >= 0, "seccomp");
	check(pass(sv[0], listener) == 1, "sendmsg");
	close(listener);
	close(sv[0]);
	close(sv[1]);
	if (lib)
		check(!setenv("LD_PRELOAD", lib, 1), "setenv");
	execvp(argv[1], argv + 1);
	check(false, argv[1]);
}
