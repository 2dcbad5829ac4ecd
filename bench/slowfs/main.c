/* SPDX-License-Identifier: MIT */
/* main.c - options, mounting and unmounting of fastio-slowfs */
#include "slowfs.h"

#include "../bench.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
	"Usage: fastio-slowfs [OPTION]... BACKING MOUNTPOINT\n"
	"A FUSE file system that shows the directory BACKING at MOUNTPOINT, where every request\n"
	"takes as long as the way to a server and back. Any number of them are under way at once.\n"
	"Runs in the foreground until it is unmounted or gets SIGINT or SIGTERM.\n"
	"\n"
	"  --latency-us N      what a request takes (default 1000)\n"
	"  --jitter-us N       at most so much more or less, at random (default 0)\n"
	"  --bandwidth N       bytes per second of all requests together; K, M, G (default: any)\n"
	"  --attr-timeout MS   how long the kernel may keep attributes (default 1000)\n"
	"  --entry-timeout MS  and names (default 1000)\n"
	"  --no-xattr          know no extended attributes, like sshfs\n"
	"  --hang-after N      answer N requests and no more, until SIGUSR2\n"
	"  --counts FILE       write how many requests of each kind there were, as JSON, at\n"
	"                      SIGUSR1 and at the end\n"
	"  --help\n"
	"\n"
	"SIGUSR2 makes it hang, and the next one go on. A caller that gets a signal meanwhile has\n"
	"its request answered with EINTR.\n"
	"\n"
	"Exit status: 0 fine; 1 it could not be mounted, or the counts not written; 2 wrong usage.\n";

enum {
	O_LATENCY = 256,
	O_JITTER,
	O_BANDWIDTH,
	O_ATTR,
	O_ENTRY,
	O_NO_XATTR,
	O_HANG,
	O_COUNTS,
	O_HELP
};

static const struct option options[] = {
	{"latency-us", required_argument, NULL, O_LATENCY},
	{"jitter-us", required_argument, NULL, O_JITTER},
	{"bandwidth", required_argument, NULL, O_BANDWIDTH},
	{"attr-timeout", required_argument, NULL, O_ATTR},
	{"entry-timeout", required_argument, NULL, O_ENTRY},
	{"no-xattr", no_argument, NULL, O_NO_XATTR},
	{"hang-after", required_argument, NULL, O_HANG},
	{"counts", required_argument, NULL, O_COUNTS},
	{"help", no_argument, NULL, O_HELP},
	{NULL, 0, NULL, 0},
};

static int wrong_usage(const char *message, const char *arg)
{
	fprintf(stderr, "fastio-slowfs: %s%s%s\nTry 'fastio-slowfs --help'.\n", message,
		arg ? ": " : "", arg ? arg : "");
	return EXIT_USAGE;
}

static bool parse_ms(const char *what, double *seconds)
{
	uint64_t ms;

	if (!parse_number(what, optarg, 0, UINT32_MAX, &ms))
		return false;
	*seconds = (double)ms / 1000;
	return true;
}

/* -1: go on; else the exit status */
static int parse(int argc, char **argv, struct slowfs_options *o)
{
	bool ok = true;
	int c;

	opterr = 0;
	while (ok && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case O_LATENCY:
			ok = parse_number("--latency-us", optarg, 0, 60000000, &o->latency_us);
			break;
		case O_JITTER:
			ok = parse_number("--jitter-us", optarg, 0, 60000000, &o->jitter_us);
			break;
		case O_BANDWIDTH:
			ok = parse_number("--bandwidth", optarg, 1, UINT32_MAX, &o->bandwidth);
			break;
		case O_ATTR:
			ok = parse_ms("--attr-timeout", &o->attr_timeout);
			break;
		case O_ENTRY:
			ok = parse_ms("--entry-timeout", &o->entry_timeout);
			break;
		case O_NO_XATTR:
			o->no_xattr = true;
			break;
		case O_HANG:
			ok = parse_number("--hang-after", optarg, 1, UINT32_MAX, &o->hang_after);
			break;
		case O_COUNTS:
			o->counts = optarg;
			break;
		case O_HELP:
			fputs(help, stdout);
			return finish_output();
		default:
			return wrong_usage("unknown option, or a value is missing or too much",
					   argv[optind - 1]);
		}
	}
	if (!ok)
		return EXIT_USAGE;
	if (argc - optind != 2)
		return wrong_usage("BACKING and MOUNTPOINT are needed", NULL);
	o->backing = argv[optind];
	o->mountpoint = argv[optind + 1];
	return -1;
}

/* The kernel keeps inodes, each of which is a descriptor here. */
static void raise_limit(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l))
		return;
	l.rlim_cur = l.rlim_max = l.rlim_max > 1000000 || geteuid() == 0 ? 1000000 : l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
}

int main(int argc, char **argv)
{
	struct slowfs_options o = {.latency_us = 1000, .attr_timeout = 1, .entry_timeout = 1};
	char mount_options[] = "fsname=slowfs,subtype=slowfs,default_permissions,allow_other";
	char *fuse_argv[] = {(char *)"fastio-slowfs", (char *)"-o", mount_options, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, fuse_argv);
	struct fuse_session *se;
	int status, backing;

	status = parse(argc, argv, &o);
	if (status >= 0)
		return status;
	if (geteuid() != 0)
		*strrchr(mount_options, ',') = '\0'; /* allow_other is for root */
	backing = open(o.backing, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (backing < 0)
		return io_failed("open", o.backing, errno);
	raise_limit();
	umask(0);
	se = fuse_session_new(&args, pass_operations(&o, backing), sizeof(struct fuse_lowlevel_ops),
			      NULL);
	if (!se || fuse_session_mount(se, o.mountpoint)) {
		fprintf(stderr, "fastio-slowfs: cannot mount %s; is /dev/fuse there?\n",
			o.mountpoint);
		return EXIT_IO;
	}
	status = loop_run(se, &o);
	fuse_session_unmount(se);
	fuse_session_destroy(se);
	return status;
}
