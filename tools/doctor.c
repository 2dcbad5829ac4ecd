/* SPDX-License-Identifier: MIT */
/* doctor.c - the verb 'doctor': what works here, what falls back, what to change */
#include "doctor.h"

#include <errno.h>
#include <liburing.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../core/hidden.h"

static const char help[] =
	"Usage: fastio doctor [DIRECTORY|PROGRAM]...\n"
	"Looks at the system, at each DIRECTORY (default: the current one) and PROGRAM, and says what\n"
	"works, what falls back and what to change.  In a directory, a few hundred small files are\n"
	"made and removed, in a temporary subdirectory, to see and to time it.\n"
	"\n"
	"  --help\n"
	"\n"
	"Lines begin with 'ok' (works), 'note' (works with less) or 'no' (the library would pass all\n"
	"calls through).\n"
	"Exit status: 0 the library helps, 1 there is a 'no', 2 wrong usage, 4 something could not be\n"
	"looked at.\n";

enum { EXIT_FALLS_BACK = 1, EXIT_BLIND = 4 };

#define NPROC_FEW 64

static bool falls_back;

void find(enum finding f, const char *advice, const char *format, ...)
{
	static const char *const marks[] = {"ok", "note", "no"};
	va_list ap;

	printf("%-5s ", marks[f]);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	if (advice)
		printf("      -> %s\n", advice);
	if (f == FIND_NO)
		falls_back = true;
}

/* First line of a small file */
static bool read_line(const char *path, char *buf, size_t n)
{
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(buf, (int)n, f);

	if (f)
		fclose(f);
	if (ok)
		buf[strcspn(buf, "\n")] = '\0';
	return ok;
}

static bool seccomp_filter(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	int mode = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Seccomp: %d", &mode) == 1)
			break;
	if (f)
		fclose(f);
	return mode == 2;
}

static const char *container(void)
{
	if (!access("/.dockerenv", F_OK))
		return "a Docker container";
	if (!access("/run/.containerenv", F_OK))
		return "a Podman container";
	if (!access("/run/systemd/container", F_OK))
		return "a container";
	return NULL;
}

static void ring_refused(int err)
{
	const char *plain = "the background works with plain calls instead, which is as good on "
			    "local disks";
	char value[32] = "0";

	read_line("/proc/sys/kernel/io_uring_disabled", value, sizeof(value));
	if (err == EPERM && strcmp(value, "0") != 0)
		find(FIND_NOTE,
		     "for network and other slow file systems: sysctl kernel.io_uring_disabled=0",
		     "io_uring is disabled by sysctl (kernel.io_uring_disabled=%s); %s", value,
		     plain);
	else if ((err == EPERM || err == ENOSYS) && seccomp_filter())
		find(FIND_NOTE,
		     "for network and other slow file systems: a seccomp profile that allows "
		     "io_uring_setup, io_uring_enter and io_uring_register",
		     "io_uring is refused by a seccomp filter (%s)%s%s; %s", strerror(err),
		     container() ? ", in " : "", container() ? container() : "", plain);
	else if (err == ENOSYS)
		find(FIND_NOTE, NULL, "the kernel has no io_uring; %s", plain);
	else if (err == ENOMEM)
		find(FIND_NOTE, "raise 'ulimit -l' (RLIMIT_MEMLOCK)", "io_uring gets no memory; %s",
		     plain);
	else
		find(FIND_NOTE, NULL, "io_uring cannot be set up (%s); %s", strerror(err), plain);
}

static void look_at_ring(void)
{
	static const struct {
		int code;
		const char *name;
	} needed[] = {
		{IORING_OP_OPENAT, "openat"},
		{IORING_OP_WRITE, "write"},
		{IORING_OP_CLOSE, "close"},
		{IORING_OP_UNLINKAT, "unlinkat"},
	};
	struct io_uring_probe *probe;
	struct io_uring ring;
	char missing[64] = "";
	int used = 0;
	int err = io_uring_queue_init(8, &ring, 0);

	if (err < 0) {
		ring_refused(-err);
		return;
	}
	probe = io_uring_get_probe_ring(&ring);
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!probe || !io_uring_opcode_supported(probe, needed[i].code))
			used += snprintf(missing + used, sizeof(missing) - (size_t)used, " %s",
					 needed[i].name);
	if (missing[0])
		find(FIND_NOTE, "a newer kernel (5.15 has all)",
		     "io_uring works, but cannot do:%s; these are done by plain calls", missing);
	else
		find(FIND_OK, NULL, "io_uring works and has all operations that are needed");
	io_uring_free_probe(probe);
	io_uring_queue_exit(&ring);
}

static void look_at_limits(void)
{
	struct rlimit rl;
	cpu_set_t cpus;

	if (!fio_hidden_init()) {
		getrlimit(RLIMIT_NOFILE, &rl);
		find(FIND_NO, "ulimit -n 1024", "only %llu open files are allowed (RLIMIT_NOFILE)",
		     (unsigned long long)rl.rlim_cur);
	}
	if (!getrlimit(RLIMIT_FSIZE, &rl) && rl.rlim_cur != RLIM_INFINITY)
		find(FIND_NO, "ulimit -f unlimited", "the size of files is limited (RLIMIT_FSIZE)");
	if (!getrlimit(RLIMIT_NPROC, &rl) && rl.rlim_cur < NPROC_FEW && geteuid() != 0)
		find(FIND_NOTE, "raise 'ulimit -u'",
		     "only %llu processes are allowed (RLIMIT_NPROC); each program needs one more "
		     "for its background work",
		     (unsigned long long)rl.rlim_cur);
	if (!sched_getaffinity(0, sizeof(cpus), &cpus) && CPU_COUNT(&cpus) < 2)
		find(FIND_NO, "allow a second processor (taskset, cgroup cpuset)",
		     "only one processor may be used: background work has nowhere to run; only "
		     "overwriting in place remains");
}

static void look_at_others(void)
{
	const char *preload = getenv("LD_PRELOAD");
	char line[256];

	if (preload && *preload)
		find(FIND_NOTE,
		     "if one of them replaces open, close, write, unlink or stat (fakeroot, "
		     "eatmydata), all calls pass through; the test below tells",
		     "LD_PRELOAD is set: %s", preload);
	if (read_line("/etc/ld.so.preload", line, sizeof(line)))
		find(FIND_NOTE, NULL, "/etc/ld.so.preload loads %s into every program", line);
}

static bool look_at_system(void)
{
	const char *lib = library_path();
	struct utsname un;

	if (!lib)
		return false;
	if (uname(&un) == 0)
		find(FIND_OK, NULL, "%s %s, %s; %s%s%s", un.sysname, un.release, un.machine, lib,
		     container() ? "; in " : "", container() ? container() : "");
	look_at_ring();
	look_at_limits();
	look_at_others();
	return true;
}

int doctor_main(int argc, char **argv)
{
	static char here[] = ".", *default_args[] = {here, NULL};
	int i = 1, rc = EXIT_OK;
	struct stat st;

	if (i < argc && (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))) {
		fputs(help, stdout);
		return finish_output();
	}
	if (i < argc && !strcmp(argv[i], "--"))
		i++;
	else if (i < argc && argv[i][0] == '-')
		return usage_failed("doctor", "unknown option", argv[i]);
	if (!look_at_system())
		return EXIT_BLIND;
	for (char **arg = i < argc ? argv + i : default_args; *arg; arg++) {
		bool dir = !stat(*arg, &st) && S_ISDIR(st.st_mode);

		printf("\n%s:\n", *arg);
		fflush(stdout);
		if ((dir ? doctor_dir(*arg) : doctor_program(*arg)) != EXIT_OK)
			rc = EXIT_BLIND;
	}
	if (finish_output() != EXIT_OK || rc != EXIT_OK)
		return EXIT_BLIND;
	return falls_back ? EXIT_FALLS_BACK : EXIT_OK;
}
