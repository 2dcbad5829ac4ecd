/* SPDX-License-Identifier: MIT */
/*
 * doctor_dir.c - can the library help in this directory?
 *
 * The proof is a small program run with the library, and its counters.  What is read of the file
 * system beside that only serves to name the reason.
 */
#include "doctor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../core/clock.h"
#include "../core/dir.h"

#define FILES 200

struct mount {
	char type[64], options[512], super[512];
};

/* ---- the work that is timed ---- */

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int fail(const char *op, const char *name)
{
	return io_failed(op, name, errno);
}

/* Prints the medians of making and of removing a file, in ns. */
int probe_main(const char *dir)
{
	static uint64_t made[FILES], removed[FILES];
	char name[32], data[100];
	uint64_t begin;
	DIR *list;
	int fd;

	memset(data, 'x', sizeof(data));
	if (chdir(dir))
		return fail("change to", dir);
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		begin = now_ns();
		fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		if (fd < 0)
			return fail("create", name);
		if (write(fd, data, sizeof(data)) != (ssize_t)sizeof(data))
			return fail("write", name);
		if (close(fd))
			return fail("close", name);
		made[i] = now_ns() - begin;
	}
	/* The background gets its time; then what is left of the files is made. */
	usleep(50000);
	list = opendir(".");
	if (!list || !readdir(list) || closedir(list))
		return fail("list", dir);
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		begin = now_ns();
		if (unlink(name))
			return fail("remove", name);
		removed[i] = now_ns() - begin;
	}
	qsort(made, FILES, sizeof(made[0]), by_value);
	qsort(removed, FILES, sizeof(removed[0]), by_value);
	printf("%llu %llu\n", (unsigned long long)made[FILES / 2],
	       (unsigned long long)removed[FILES / 2]);
	return finish_output();
}

/* Runs it in dir, stock or with the library; the medians. */
static bool run_probe(const char *dir, bool preloaded, unsigned long long *made,
		      unsigned long long *removed)
{
	char *argv[] = {(char *)"/proc/self/exe", (char *)"--probe", (char *)dir, NULL};
	struct piped probe;
	bool read;

	if (!piped_start(&probe, argv, preloaded, false))
		return false;
	read = fscanf(probe.output, "%llu %llu", made, removed) == 2;
	return piped_end(&probe) == 0 && read && *made;
}

/* ---- reasons ---- */

static bool find_mount(int fd, struct mount *m)
{
	struct statx sx;
	FILE *f;
	char *line = NULL;
	size_t room = 0;
	bool found = false;

	*m = (struct mount){.type = "unknown"};
	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &sx) || !(sx.stx_mask & STATX_MNT_ID))
		return false;
	f = fopen("/proc/self/mountinfo", "re");
	while (f && !found && getline(&line, &room, f) >= 0) {
		char *dash = strstr(line, " - ");

		if (strtoull(line, NULL, 10) != sx.stx_mnt_id || !dash)
			continue;
		found = sscanf(line, "%*s %*s %*s %*s %*s %511s", m->options) == 1 &&
			sscanf(dash, " - %63s %*s %511s", m->type, m->super) == 2;
	}
	free(line);
	if (f)
		fclose(f);
	return found;
}

/* Does the comma-separated list have an option that contains the word? */
static bool has_option(const struct mount *m, const char *word)
{
	return strstr(m->options, word) || strstr(m->super, word);
}

static void name_file_system(const char *dir, const struct mount *m)
{
	if (has_option(m, "quota") && !has_option(m, "noquota"))
		find(FIND_NO, "mount it without quota options, if they are not needed",
		     "%s is on %s with quota (%s): only the kernel knows when they are exceeded",
		     dir, m->type, m->super);
	else if (has_option(m, "sync"))
		find(FIND_NO, "mount -o remount,async",
		     "%s is on %s mounted with sync: each call waits for the disk", dir, m->type);
	else
		find(FIND_NO,
		     "work in a directory on ext2/3/4, xfs, btrfs, tmpfs, f2fs or overlayfs",
		     "%s is on %s, which the library does not know well enough", dir, m->type);
}

static bool ruled_out_by_flags(int fd)
{
	static const struct {
		long flag;
		const char *name, *advice;
	} bad[] = {
		{FS_IMMUTABLE_FL, "immutable", "chattr -i"},
		{FS_APPEND_FL, "append-only", "chattr -a"},
		{FS_SYNC_FL, "synchronous", "chattr -S"},
		{FS_DIRSYNC_FL, "synchronous for names", "chattr -D"},
		{FS_CASEFOLD_FL, "case-insensitive (casefold)", "chattr -F, while it is empty"},
		{FS_ENCRYPT_FL, "encrypted (fscrypt)", "work in a directory that is not"},
	};
	int flags = 0;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags))
		return false;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (!(flags & bad[i].flag))
			continue;
		find(FIND_NO, bad[i].advice, "the directory is %s", bad[i].name);
		return true;
	}
	return false;
}

/* True if something about the directory is known to rule deferral out. */
static bool ruled_out(int fd, const char *dir, const struct mount *m)
{
	const struct fio_fs *fs;
	struct statvfs sv;
	struct stat st;

	if (!fstatvfs(fd, &sv) && sv.f_flag & ST_RDONLY) {
		find(FIND_NO, "mount -o remount,rw", "the file system is mounted read-only");
		return true;
	}
	fio_clock = clock_gettime;
	fs = fstat(fd, &st) ? NULL : fio_fs_get(st.st_dev, fd);
	if (fs && !fs->ok) {
		name_file_system(dir, m);
		return true;
	}
	if (fs && !fio_fs_used(fs)) {
		find(FIND_NO, NULL, "%s is on %s, where calls are deferred only if each takes long",
		     dir, m->type);
		return true;
	}
	if (fgetxattr(fd, "system.posix_acl_default", NULL, 0) >= 0) {
		find(FIND_NO, "setfacl -k on the directories, if they need none",
		     "the directory has a default ACL");
		return true;
	}
	return ruled_out_by_flags(fd);
}

/* What the library has logged, and the counter that says most */
static void name_obstacle(const struct stats *st, const char *log)
{
	const char *why = main_obstacle(st->sum);
	FILE *f = fopen(log, "re");
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		const char *text = strstr(line, "]: ");

		line[strcspn(line, "\n")] = '\0';
		if (text)
			find(FIND_NOTE, NULL, "the library says: %s", text + 3);
	}
	if (f)
		fclose(f);
	if (why)
		find(FIND_NO,
		     st->sum[FIO_CNT_pass_space] ? "32 MiB and 4096 inodes have to be free" : NULL,
		     "calls pass through, mostly: %s", why);
	else if (!st->processes)
		find(FIND_NO, "run 'LD_PRELOAD=FILE true' with the file that is named above",
		     "the library cannot be loaded, or has to be silent here");
	else
		find(FIND_NO, NULL, "calls pass through");
}

/* ---- findings ---- */

static void describe(int fd, const struct mount *m)
{
	char inodes[40] = "";
	struct statvfs sv;

	if (fstatvfs(fd, &sv))
		return;
	if (sv.f_files) /* btrfs has no such number */
		snprintf(inodes, sizeof(inodes), " and %llu inodes",
			 (unsigned long long)sv.f_favail);
	find(FIND_OK, NULL, "%s (%s), %.1f GiB%s free", m->type, m->options,
	     (double)sv.f_bavail * (double)sv.f_frsize / (double)(1 << 30), inodes);
}

static void judge(const struct mount *m, const struct stats *st, const char *log)
{
	const uint64_t *sum = st->sum;

	if (!sum[FIO_CNT_deferred_create] && !sum[FIO_CNT_deferred_write]) {
		name_obstacle(st, log);
		return;
	}
	find(FIND_OK, NULL,
	     "%llu of %d creates were deferred; %llu operations done by plain calls in the "
	     "background, %llu by the ring",
	     (unsigned long long)sum[FIO_CNT_deferred_create], FILES,
	     (unsigned long long)sum[FIO_CNT_executed_task],
	     (unsigned long long)sum[FIO_CNT_executed_ring]);
	if (sum[FIO_CNT_deferred_unlink])
		find(FIND_OK, NULL, "%llu of %d unlinks were deferred",
		     (unsigned long long)sum[FIO_CNT_deferred_unlink], FILES);
	else if (sum[FIO_CNT_pass_serial])
		find(FIND_NOTE, NULL, "unlinks are not deferred on %s, where that does not pay",
		     m->type);
	else
		find(FIND_NOTE, NULL, "unlinks were not deferred, mostly: %s", main_obstacle(sum));
}

/* In a subdirectory, stock for the times, then with the library. */
static int test(const char *sub, const struct mount *m, struct scratch *log)
{
	unsigned long long made, removed, made_here, removed_here;
	struct stats st = {0};
	struct scratch stats;
	int rc = EXIT_IO;

	if (!run_probe(sub, false, &made, &removed))
		return EXIT_IO;
	find(FIND_OK, NULL,
	     "a file of 100 bytes takes %.1f us to make and %.1f us to remove, stock",
	     (double)made / 1e3, (double)removed / 1e3);
	fflush(stdout);
	if (!scratch_make(&stats, "stats"))
		return EXIT_IO;
	setenv("FASTIO_STATS", stats.file, 1);
	setenv("FASTIO_LOG", log->file, 1);
	setenv("FASTIO_WARMUP", "0", 1);
	unsetenv("FASTIO_ENGINE");
	if (run_probe(sub, true, &made_here, &removed_here) && stats_read(stats.file, &st)) {
		judge(m, &st, log->file);
		rc = EXIT_OK;
	}
	stats_free(&st);
	scratch_remove(&stats);
	return rc;
}

static int test_in(const char *dir, const struct mount *m)
{
	struct scratch log;
	char sub[PATH_MAX];
	int rc;

	if (snprintf(sub, sizeof(sub), "%s/.fastio-doctor-XXXXXX", dir) >= (int)sizeof(sub))
		return io_failed("look at", dir, ENAMETOOLONG);
	if (!mkdtemp(sub))
		return io_failed("make a directory for the test in", dir, errno);
	if (!scratch_make(&log, "log")) {
		rmdir(sub);
		return EXIT_IO;
	}
	rc = test(sub, m, &log);
	scratch_remove(&log);
	if (rmdir(sub))
		return io_failed("remove", sub, errno);
	return rc;
}

int doctor_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = EXIT_OK;
	struct mount m;

	if (fd < 0)
		return io_failed("open", dir, errno);
	find_mount(fd, &m);
	describe(fd, &m);
	if (!ruled_out(fd, dir, &m))
		rc = test_in(dir, &m);
	close(fd);
	return rc;
}
