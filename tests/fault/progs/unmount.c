/* SPDX-License-Identifier: MIT */
/*
 * unmount.c - writes files below a mount point, kills its own background task, and unmounts
 *
 *	fault-unmount [-l] [-k USEC] FILES MOUNTPOINT
 *
 * The files are in MOUNTPOINT/d.  -l: each is looked at, while it is open and after.  -k: after the
 * last one, and so long, whatever children the process has (the task; it starts none itself) are
 * killed.  Prints how many were killed, how many files are there as they should be, and what
 * umount2 says.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "raw.h"

/* By raw calls, which are no release */
static int kill_children(long usec)
{
	const struct timespec wait = {usec / 1000000, usec % 1000000 * 1000};
	char text[1000], path[60];
	long fd, n;
	int killed = 0;

	RAW(SYS_nanosleep, &wait, NULL, 0, 0);
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	fd = RAW(SYS_open, path, O_RDONLY, 0, 0);
	n = RAW(SYS_read, fd, text, sizeof(text) - 1, 0);
	RAW(SYS_close, fd, 0, 0, 0);
	text[n < 0 ? 0 : n] = 0;
	for (char *p = text; *p; p += strspn(p, " "))
		killed += RAW(SYS_kill, strtol(p, &p, 10), SIGKILL, 0, 0) == 0;
	return killed;
}

int main(int argc, char **argv)
{
	bool look = false;
	struct stat st;
	long usec = -1;
	int opt, files, good = 0, killed, err, fd;
	char name[4096], text[20];

	while ((opt = getopt(argc, argv, "lk:")) != -1) {
		if (opt == 'l')
			look = true;
		else if (opt == 'k')
			usec = atol(optarg);
		else
			return 64;
	}
	if (argc != optind + 2)
		return 64;
	argv += optind - 1;
	files = atoi(argv[1]);
	for (int i = 0; i < files; i++) {
		snprintf(name, sizeof(name), "%s/d/%d", argv[2], i);
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
		if (fd < 0 || write(fd, name, 10) != 10 || (look && fstat(fd, &st)) || close(fd) ||
		    (look && stat(name, &st))) {
			perror(name);
			return 1;
		}
	}
	killed = usec < 0 ? 0 : kill_children(usec);
	for (int i = 0; i < files; i++) {
		snprintf(name, sizeof(name), "%s/d/%d", argv[2], i);
		fd = open(name, O_RDONLY);
		good += fd >= 0 && read(fd, text, 20) == 10;
		close(fd);
	}
	err = umount2(argv[2], 0) ? errno : 0;
	printf("killed %d, %d files, umount %s\n", killed, good, err ? strerrorname_np(err) : "0");
	return 0;
}
