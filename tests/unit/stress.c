/* SPDX-License-Identifier: MIT */
/*
 * stress.c - threads of the program and the background task, all at once, in each engine
 *
 * Meant for thread sanitizer.  Each thread has files of its own, whose content it knows, and all of
 * them write and remove a few names that they share.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#include "files.h"
#include "util.h"

#define THREADS 4
#define ROUNDS 1500
#define OWN 30    /* files of a thread */
#define SHARED 10 /* names that all threads use */
#define BIG 20000 /* bytes: handed to the task while the file is open */

/* Overwritten: held for the task, with its descriptor. */
static void put_big(int me)
{
	static char buf[THREADS][BIG];
	char path[4100];
	int fd;

	snprintf(path, sizeof(path), "%s/big%d", dir, me);
	fd = do_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	CHECK(fd >= 0);
	CHECK_EQ(do_write(fd, buf[me], BIG - (size_t)me), BIG - me);
	CHECK_EQ(do_close(fd), 0);
}

/* Stays open until the task makes it. */
static void put_slowly(int i)
{
	char buf[8192];
	size_t n = fill(buf, i);
	int fd = do_open(path_of(i), O_WRONLY | O_CREAT | O_TRUNC, 0600), r;

	CHECK(fd >= 0);
	CHECK_EQ(do_write(fd, buf, n / 2), n / 2);
	usleep(i % 4 * 1000);
	r = fio_fchmod(fd, 0640);
	CHECK_EQ(r == FIO_PASS ? fchmod(fd, 0640) : r, 0);
	fio_peek_fd(fd, FIO_CAUSE_FD);
	CHECK_EQ(do_write(fd, buf + n / 2, n - n / 2), n - n / 2);
	CHECK_EQ(do_close(fd), 0);
}

static void remove_shared(int i)
{
	int r = do_unlink(path_of(i));

	CHECK(r == 0 || r == -ENOENT);
}

/* Whatever must have everybody outside, or makes everybody look again */
static void disturb(unsigned what)
{
	int fd;

	switch (what % 6) {
	case 0:
		fio_release_all(FIO_CAUSE_CHANNEL);
		break;
	case 1:
		fio_acquire();
		break;
	case 2:
		fio_namespace_done();
		break;
	case 3:
		fio_fork_prepare();
		fio_fork_parent();
		break;
	case 4:
		fd = open(dir, O_RDONLY | O_DIRECTORY);
		fio_release_dirfd(fd, FIO_CAUSE_DIR);
		close(fd);
		break;
	case 5:
		fio_hide_task();
		break;
	}
}

static void *play(void *arg)
{
	int me = (int)(intptr_t)arg;
	bool there[OWN] = {false};
	uint64_t random = (uint64_t)me;

	for (int round = 0; round < ROUNDS; round++) {
		random = fio_mix(random + 1);
		int own = (int)(random % OWN), mine = me * OWN + own;
		int shared = THREADS * OWN + (int)((random >> 16) % SHARED);
		unsigned what = random >> 32 & 31;

		if (what < 14) {
			put(mine, O_TRUNC);
			there[own] = true;
		} else if (what < 18) {
			CHECK_EQ(do_unlink(path_of(mine)), there[own] ? 0 : -ENOENT);
			there[own] = false;
		} else if (what < 21) {
			put(shared, O_TRUNC);
		} else if (what < 24) {
			remove_shared(shared);
		} else if (what < 26) {
			put_slowly(mine);
			there[own] = true;
		} else if (what < 27) {
			put_big(me);
		} else if (what < 30) {
			fio_release_path(AT_FDCWD, path_of(mine), true, FIO_CAUSE_PATH);
			CHECK_EQ(complete(mine), there[own]);
		} else if (random >> 40 & 1) {
			disturb((unsigned)(random >> 48));
		}
	}
	fio_release_all(FIO_CAUSE_CHANNEL);
	for (int i = 0; i < OWN; i++)
		CHECK_EQ(complete(me * OWN + i), there[i]);
	return NULL;
}

static void stress(void)
{
	pthread_t t[THREADS];

	begin("FASTIO_AGE_US=1000");
	fio_threads_begin();
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, play, (void *)(intptr_t)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(value(FIO_CNT_errors_late), 0);
	CHECK(value(FIO_CNT_deferred_create) > 0);
	CHECK(value(FIO_CNT_deferred_unlink) > 0);
	CHECK(value(FIO_CNT_task_starts) > 1);
	finish(0);
	for (int i = THREADS * OWN; i < THREADS * OWN + SHARED; i++)
		CHECK(complete(i) || access(path_of(i), F_OK) < 0);
}

int main(void)
{
	static const char *const engines[] = {"sync", "uring", "auto"};
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	unit_need_cpus();
	for (size_t i = 0; i < 3; i++) {
		engine = engines[i];
		int status = in_child(stress);

		printf("%s stress %s\n", status ? "not ok" : "ok", engine);
		if (status)
			printf("# status %#x\n", (unsigned)status);
		failed += status != 0;
	}
	return failed ? 1 : 0;
}
