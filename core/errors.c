/* SPDX-License-Identifier: MIT */
/*
 * errors.c - errors that nobody could foresee
 */
#include "errors.h"

#include <string.h>

#include "counters.h"
#include "dir.h"
#include "fio.h"
#include "fmt.h"
#include "log.h"
#include "sys.h"

#define RECORDS 16 /* more than this are counted, not named */

struct record {
	int err;        /* -errno */
	char text[512]; /* the message */
};

_Atomic uint32_t fio_errors; /* records not yet taken */

static struct fio_lock lock;
static struct record records[RECORDS];
static uint32_t first, n_records, unnamed;

static void put_dir(struct fio_fmt *f, int dirfd)
{
	char link[64], target[512]; /* not more than a record holds */
	struct fio_fmt l;
	long n;

	fmt_init(&l, link, sizeof(link));
	fmt_str(&l, "/proc/thread-self/fd/");
	fmt_int(&l, dirfd);
	n = SYS4(SYS_readlinkat, AT_FDCWD, link, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = '\0';
	fmt_str(f, target);
	fmt_str(f, "/");
}

static void describe(char *text, size_t n, struct fio_intent *it, enum fio_step step, int err,
		     bool task)
{
	static const char *const steps[] = {
		[FIO_STEP_NONE] = "finish",           [FIO_STEP_OPEN] = "create",
		[FIO_STEP_WRITE] = "write",           [FIO_STEP_TRUNCATE] = "truncate",
		[FIO_STEP_CHOWN] = "change owner of", [FIO_STEP_CHMOD] = "change mode of",
		[FIO_STEP_UTIMENS] = "set times of",  [FIO_STEP_UNLINK] = "remove",
	};
	struct fio_fmt f;

	fmt_init(&f, text, n);
	fmt_str(&f, "cannot ");
	fmt_str(&f, steps[step]);
	fmt_str(&f, " '");
	if (it->dir)
		put_dir(&f, task ? atomic_load(&it->dir->task_fd) : it->dir->fd);
	fmt_str(&f, it->name);
	fmt_str(&f, "': ");
	fmt_errno(&f, -err);
}

void fio_error_log(struct fio_intent *it, enum fio_step step, int err)
{
	char text[512];

	describe(text, sizeof(text), it, step, err, true);
	fio_log("after the program's death: ", text, NULL);
}

void fio_error_record(struct fio_intent *it, enum fio_step step, int err, bool task)
{
	char text[512];

	fio_count(errors_late);
	describe(text, sizeof(text), it, step, err, task);
	fio_lock_as(&lock, FIO_LOCK_HELD | (task ? FIO_LOCK_TASK : 0));
	if (n_records < RECORDS) {
		struct record *r = &records[(first + n_records++) % RECORDS];

		r->err = err;
		memcpy(r->text, text, sizeof(text));
	} else {
		unnamed++;
	}
	fio_unlock(&lock);
	fio_log("late error: ", text, NULL);
	atomic_fetch_add(&fio_errors, 1);
}

int fio_error_take(void)
{
	int err = 0;

	if (!atomic_load_explicit(&fio_errors, memory_order_relaxed))
		return 0;
	fio_lock(&lock);
	if (n_records) {
		err = records[first % RECORDS].err;
		first++;
		n_records--;
		atomic_fetch_sub(&fio_errors, 1);
	}
	fio_unlock(&lock);
	return err;
}

bool fio_error_print(void)
{
	static const char advice[] = "fastio: the program took this for done: remove the cause and "
				     "run it again\n";
	char buf[600];
	struct fio_fmt f;

	if (!atomic_load(&fio_errors))
		return false;
	fio_lock(&lock);
	for (; n_records; n_records--, first++) {
		fmt_init(&f, buf, sizeof(buf) - 1);
		fmt_str(&f, "fastio: ");
		fmt_str(&f, records[first % RECORDS].text);
		buf[f.len] = '\n';
		sys_write(2, buf, f.len + 1);
	}
	if (unnamed) {
		fmt_init(&f, buf, sizeof(buf) - 1);
		fmt_str(&f, "fastio: and ");
		fmt_int(&f, unnamed);
		fmt_str(&f, " more files that could not be finished");
		buf[f.len] = '\n';
		sys_write(2, buf, f.len + 1);
	}
	sys_write(2, advice, sizeof(advice) - 1);
	unnamed = 0;
	fio_unlock(&lock);
	atomic_store(&fio_errors, 0);
	return true;
}

void fio_errors_reset(void)
{
	lock = (struct fio_lock){0};
	first = n_records = unnamed = 0;
	atomic_store(&fio_errors, 0);
}
