/* SPDX-License-Identifier: MIT */
/*
 * life.c - files from open to close in a process of its own, without preload, in each engine
 *
 * Each case runs in a child that begins with fio_init and ends with fio_exit; the parent looks at
 * the tree that is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "file.h"
#include "files.h"

#define WAIT_MS 10000 /* until what a killed process has left behind is in place */

/* ---- cases ---- */

static void create(void)
{
	begin("FASTIO_AGE_US=10000000");
	for (int i = 0; i < FILES; i++)
		put(i, O_TRUNC);
	finish(0);
	all_complete(FILES);
	CHECK_EQ(value(FIO_CNT_deferred_create), FILES);
	CHECK_EQ(value(FIO_CNT_deferred_close), FILES);
	CHECK_EQ(value(FIO_CNT_elided_write), FILES); /* the second half of each */
	CHECK_EQ(executed(), FILES);
	CHECK_EQ(value(FIO_CNT_task_starts), 1);
	CHECK_EQ(value(FIO_CNT_errors_late), 0);
}

static void modes_and_umask(void)
{
	struct stat st;

	umask(027);
	begin(NULL);
	for (int i = 0; i < 20; i++)
		put(i, i & 1 ? O_EXCL : 0);
	finish(0);
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(stat(path_of(i), &st), 0);
		CHECK_EQ(st.st_mode, S_IFREG | 0640);
		CHECK_EQ(st.st_uid, geteuid());
	}
	umask(022);
}

static void barrier(void)
{
	begin("FASTIO_LAG_US=20000");
	for (int i = 0; i < 100; i++)
		put(i, 0);
	CHECK(fio_pending());
	fio_release_all(FIO_CAUSE_CHANNEL);
	CHECK(!fio_pending());
	all_complete(100);
	CHECK_EQ(value(FIO_CNT_cause_channel), 1);
	/* one file by its name, the others may stay */
	for (int i = 100; i < 150; i++)
		put(i, 0);
	fio_release_path(AT_FDCWD, path_of(149), true, FIO_CAUSE_PATH);
	CHECK(complete(149));
	/* the whole directory */
	int fd = open(dir, O_RDONLY | O_DIRECTORY);

	fio_release_dirfd(fd, FIO_CAUSE_DIR);
	all_complete(150);
	close(fd);
	finish(0);
}

/* The same name again and again: the process sees its own order. */
static void same_name(void)
{
	char buf[8192];

	begin(NULL);
	for (int round = 0; round < 50; round++) {
		int fd = do_open(path_of(0), O_WRONLY | O_CREAT | O_TRUNC, 0600);

		CHECK(fd >= 0);
		CHECK_EQ(do_write(fd, buf, fill(buf, round)), fill(buf, round));
		CHECK_EQ(do_close(fd), 0);
	}
	put(0, O_TRUNC);
	finish(0);
	all_complete(1);
}

static void annihilated(void)
{
	struct stat st;
	int gone = 0;

	begin("FASTIO_LAG_US=200000");
	for (int i = 0; i < 50; i++)
		put(i, 0);
	for (int i = 0; i < 50; i++)
		CHECK_EQ(do_unlink(path_of(i)), 0);
	CHECK_EQ(do_unlink(path_of(0)), -ENOENT);
	CHECK(value(FIO_CNT_elided_annihilated) > 0);
	finish(0);
	for (int i = 0; i < 50; i++)
		gone += stat(path_of(i), &st) < 0 && errno == ENOENT;
	CHECK_EQ(gone, 50);
	CHECK_EQ(value(FIO_CNT_errors_late), 0);
}

static void unlinks(void)
{
	struct stat st;

	for (int i = 0; i < FILES; i++)
		close(open(path_of(i), O_WRONLY | O_CREAT, 0600));
	begin(NULL);
	for (int i = 0; i < FILES; i++)
		CHECK_EQ(do_unlink(path_of(i)), 0);
	CHECK_EQ(do_unlink(path_of(7)), -ENOENT);
	CHECK(do_unlink(dir) < 0);
	finish(0);
	for (int i = 0; i < FILES; i++)
		CHECK(stat(path_of(i), &st) < 0);
	CHECK_EQ(value(FIO_CNT_errors_late), 0);
	/* on some file systems they are not deferred */
	CHECK(value(FIO_CNT_deferred_unlink) == FILES || value(FIO_CNT_pass_serial) > 0);
}

/* Existing files: those of the same length are overwritten in place. */
static void truncated(void)
{
	char buf[8192];

	for (int i = 0; i < 40; i++) {
		int fd = open(path_of(i), O_WRONLY | O_CREAT, 0600);
		size_t n = fill(buf, i);

		memset(buf, '#', sizeof(buf));
		CHECK_EQ(write(fd, buf, i & 1 ? n : n + 1000), i & 1 ? n : n + 1000);
		close(fd);
	}
	begin(NULL);
	for (int i = 0; i < 40; i++) {
		size_t n = fill(buf, i);
		int fd = do_open(path_of(i), O_WRONLY | O_CREAT | O_TRUNC, 0600);

		CHECK(fd >= 0);
		CHECK_EQ(do_write(fd, buf, n), n);
		CHECK_EQ(do_close(fd), 0);
	}
	finish(0);
	all_complete(40);
	CHECK_EQ(value(FIO_CNT_elided_trunc), 20);
}

static void metadata(void)
{
	const struct timespec ts[2] = {{.tv_sec = 1000000001},
				       {.tv_sec = 1000000002, .tv_nsec = 3}};
	char buf[8192];
	struct stat st;

	begin(NULL);
	for (int i = 0; i < 50; i++) {
		size_t n = fill(buf, i);
		int fd = do_open(path_of(i), O_WRONLY | O_CREAT | O_EXCL, 0600), r;

		CHECK_EQ(do_write(fd, buf, n), n);
		r = fio_fchmod(fd, 0404);
		CHECK_EQ(r == FIO_PASS ? fchmod(fd, 0404) : r, 0);
		r = fio_futimens(fd, ts);
		CHECK_EQ(r == FIO_PASS ? futimens(fd, ts) : r, 0);
		CHECK_EQ(do_close(fd), 0);
	}
	finish(0);
	all_complete(geteuid() ? 0 : 50);
	for (int i = 0; i < 50; i++) {
		CHECK_EQ(stat(path_of(i), &st), 0);
		CHECK_EQ(st.st_mode, S_IFREG | 0404);
		CHECK_EQ(st.st_mtim.tv_sec, 1000000002);
		CHECK_EQ(st.st_mtim.tv_nsec, 3);
	}
	CHECK(value(FIO_CNT_deferred_chmod) > 0);
	CHECK(value(FIO_CNT_deferred_utimens) > 0);
}

/* What is never deferred. */
static void passes(void)
{
	static const int flags[] = {O_APPEND, O_SYNC, O_DSYNC, O_DIRECT};

	begin(NULL);
	CHECK_EQ(fio_open(AT_FDCWD, path_of(0), O_RDONLY, 0), FIO_PASS);
	CHECK_EQ(fio_open(AT_FDCWD, path_of(0), O_WRONLY, 0), FIO_PASS);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		CHECK_EQ(fio_open(AT_FDCWD, path_of(0), O_WRONLY | O_CREAT | flags[i], 0600),
			 FIO_PASS);
	CHECK_EQ(fio_open(AT_FDCWD, dir, O_TMPFILE | O_WRONLY, 0600), FIO_PASS);
	CHECK_EQ(fio_open(AT_FDCWD, "/proc/self/absent", O_WRONLY | O_CREAT, 0600), FIO_PASS);
	CHECK_EQ(fio_open(AT_FDCWD, (const char *)16, O_WRONLY | O_CREAT, 0600), FIO_PASS);
	CHECK_EQ(fio_close(-1), FIO_PASS);
	CHECK_EQ(fio_close(1 << 30), FIO_PASS);
	CHECK_EQ(fio_write(1, "", 0, -1), FIO_PASS);
	CHECK_EQ(value(FIO_CNT_deferred_create), 0);
	finish(0);
}

/* A pointer that cannot be read is for the kernel to refuse. */
static void bad_pointers(void)
{
	char buf[100] = "";
	int fd;

	begin(NULL);
	fd = do_open(path_of(0), O_WRONLY | O_CREAT, 0600);
	CHECK_EQ(do_write(fd, buf, 100), 100);
	CHECK_EQ(fio_write(fd, NULL, 10, -1), FIO_PASS);
	CHECK_EQ(syscall(SYS_write, fd, NULL, 10), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 100); /* it is the real file now */
	CHECK_EQ(do_close(fd), 0);
	finish(0);
}

static void off(void)
{
	engine = "off";
	begin(NULL);
	for (int i = 0; i < 20; i++)
		put(i, 0);
	all_complete(20);
	CHECK_EQ(value(FIO_CNT_deferred_create), 0);
	CHECK_EQ(value(FIO_CNT_task_starts), 0);
	CHECK_EQ(fio_exit(3), 3);
}

static void warmup(void)
{
	begin("FASTIO_WARMUP=5");
	for (int i = 0; i < 5; i++)
		put(i, 0);
	CHECK_EQ(value(FIO_CNT_task_starts), 0);
	all_complete(5);
	CHECK_EQ(value(FIO_CNT_pass_warmup), 5);
	for (int i = 5; i < 50; i++)
		put(i, 0);
	CHECK(value(FIO_CNT_deferred_create) > 0);
	finish(0);
	all_complete(50);
}

/* An open file is written out when its data comes of age. */
static void aged(void)
{
	char buf[8192];
	int fd, ms;

	begin(NULL);
	fd = do_open(path_of(0), O_WRONLY | O_CREAT, 0600);
	CHECK_EQ(do_write(fd, buf, fill(buf, 0)), fill(buf, 0));
	for (ms = 0; ms < WAIT_MS && !complete(0); ms++)
		usleep(1000);
	CHECK(ms < WAIT_MS);
	/* An open that finds its name taken meanwhile must not take it for another's. */
	CHECK(!fio_file_untie(fd));
	CHECK_EQ(do_write(fd, "x", 1), 1);
	CHECK_EQ(do_close(fd), 0);
	finish(0);
}

/* The directory goes away behind our back: an error that nobody could foresee. */
static void late_error(void)
{
	char gone[4100], path[4200];
	int fd, null = open("/dev/null", O_WRONLY);

	begin("FASTIO_LAG_US=20000");
	snprintf(gone, sizeof(gone), "%s/gone", dir);
	snprintf(path, sizeof(path), "%s/x", gone);
	mkdir(gone, 0755);
	fd = do_open(path, O_WRONLY | O_CREAT, 0600);
	CHECK_EQ(do_write(fd, "x", 1), 1);
	CHECK_EQ(rmdir(gone), 0);
	CHECK_EQ(do_close(fd), 0);
	fio_release_all(FIO_CAUSE_SYNC);
	CHECK_EQ(value(FIO_CNT_errors_late), 1);
	CHECK_EQ(fio_open(AT_FDCWD, path_of(0), O_WRONLY | O_CREAT, 0600), -ENOENT);
	put(0, 0); /* said once */

	mkdir(gone, 0755);
	fio_namespace_done();
	fd = do_open(path, O_WRONLY | O_CREAT, 0600);
	CHECK_EQ(do_write(fd, "x", 1), 1);
	CHECK_EQ(rmdir(gone), 0);
	CHECK_EQ(do_close(fd), 0);
	dup2(null, 2); /* nobody asks: said at exit, and the status is not 0 */
	finish(1);
	CHECK_EQ(value(FIO_CNT_errors_late), 2);
	all_complete(1);
}

static void forked(void)
{
	int status;
	pid_t pid;

	begin("FASTIO_LAG_US=20000");
	for (int i = 0; i < 50; i++)
		put(i, 0);
	fio_fork_prepare();
	pid = fork();
	if (pid == 0) {
		fio_fork_child();
		CHECK(!fio_pending());
		CHECK_EQ(value(FIO_CNT_deferred_create), 0);
		all_complete(50);
		for (int i = 50; i < 100; i++)
			put(i, 0);
		CHECK(value(FIO_CNT_deferred_create) > 0);
		finish(0);
		_exit(atomic_load(&unit_failures) != 0);
	}
	fio_fork_parent();
	for (int i = 100; i < 150; i++)
		put(i, 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	finish(0);
	all_complete(150);
}

static void *put_some(void *arg)
{
	int me = (int)(intptr_t)arg;

	for (int i = me * FILES; i < (me + 1) * FILES; i++) {
		put(i, 0);
		if (i % 50 == 0)
			fio_release_all(FIO_CAUSE_CHANNEL);
		if (i % 70 == 0) {
			fio_release_path(AT_FDCWD, path_of(i), true, FIO_CAUSE_PATH);
			CHECK(complete(i));
		}
		if (i % 3 == 0) {
			CHECK_EQ(do_unlink(path_of(i)), 0);
			put(i, O_EXCL);
		}
	}
	return NULL;
}

static void threads(void)
{
	pthread_t t[4];

	begin(NULL);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, put_some, (void *)(intptr_t)i), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	finish(0);
	all_complete(4 * FILES);
	CHECK_EQ(value(FIO_CNT_errors_late), 0);
}

/* Dies with everything pending, by a system call that nobody can see coming. */
static void killed(void)
{
	char buf[8192];
	int fd;

	begin("FASTIO_LAG_US=50000");
	for (int i = 0; i < 100; i++)
		put(i, 0);
	/* one more that is still open */
	fd = do_open(path_of(100), O_WRONLY | O_CREAT, 0600);
	CHECK_EQ(do_write(fd, buf, fill(buf, 100)), fill(buf, 100));
	CHECK(fio_pending());
	if (atomic_load(&unit_failures) == 0)
		syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
}

/* ---- running them ---- */

static const struct {
	const char *name;
	void (*fn)(void);
} cases[] = {
	{"create", create},
	{"modes_and_umask", modes_and_umask},
	{"barrier", barrier},
	{"same_name", same_name},
	{"annihilated", annihilated},
	{"unlinks", unlinks},
	{"truncated", truncated},
	{"metadata", metadata},
	{"passes", passes},
	{"bad_pointers", bad_pointers},
	{"off", off},
	{"warmup", warmup},
	{"aged", aged},
	{"late_error", late_error},
	{"forked", forked},
	{"threads", threads},
	{"killed", killed},
};

static bool run_case(const char *name, void (*fn)(void))
{
	int status = in_child(fn), ms = 0;
	bool ok;

	if (fn == killed) {
		ok = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
		for (int i = 0; ok && i <= 100; i++) {
			while (!complete(i) && ms++ < WAIT_MS)
				usleep(1000);
			ok = complete(i);
		}
	} else {
		ok = status == 0;
	}
	printf("%s %s %s\n", ok ? "ok" : "not ok", name, engine);
	if (!ok)
		printf("# status %#x\n", (unsigned)status);
	return ok;
}

int main(int argc, char **argv)
{
	static const char *const engines[] = {"sync", "uring"};
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	unit_need_cpus();
	for (size_t e = 0; e < 2; e++) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			bool wanted = argc < 2;

			for (int k = 1; k < argc; k++)
				wanted |= strcmp(argv[k], cases[i].name) == 0;
			engine = engines[e];
			if (wanted)
				failed += !run_case(cases[i].name, cases[i].fn);
		}
	}
	return failed ? 1 : 0;
}
