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
#include "mem.h"
#include "sys.h"

#define CHUNK 16           /* records made at a time */
#define REST 128           /* bytes of a message beside directory and name, or more */
#define NAMED_MAX 4096     /* errors that are told by name; more are counted */
#define FIO_ERROR_TEXT 512 /* bytes of a message at most */

struct record {
	struct record *next;       /* of its list */
	int err;                   /* -errno */
	char text[FIO_ERROR_TEXT]; /* the message */
};

_Atomic uint32_t fio_errors; /* not yet told */

/* lock protects the lists; a record is complete before it is in one */
static struct fio_lock lock;
static struct record first_chunk[CHUNK];
static struct record *free_records, *oldest, *newest;
static uint32_t n_records; /* ever made */
static dev_t stderr_dev;   /* what descriptor 2 was at the start */
static ino_t stderr_ino;
static uint32_t unnamed; /* errors for which there was no record */

/* The directory's path, its end left out if there is no room for all of it. */
static void put_dir(struct fio_fmt *f, int dirfd, size_t room)
{
	char link[64], target[FIO_ERROR_TEXT];
	struct fio_fmt l;
	long n;

	fmt_init(&l, link, sizeof(link));
	fmt_str(&l, "/proc/thread-self/fd/");
	fmt_int(&l, dirfd);
	n = SYS4(SYS_readlinkat, AT_FDCWD, link, target, room + 1);
	if (n <= 0)
		return;
	target[n <= (long)room ? n : (long)room] = '\0';
	fmt_str(f, target);
	fmt_str(f, n <= (long)room ? "/" : ".../");
}

/* "cannot create 'PATH': what is wrong" */
static void describe(char text[FIO_ERROR_TEXT], const struct fio_intent *it, enum fio_step step,
		     int err, bool task)
{
	static const char *const steps[] = {
		[FIO_STEP_NONE] = "finish",           [FIO_STEP_OPEN] = "create",
		[FIO_STEP_WRITE] = "write",           [FIO_STEP_TRUNCATE] = "truncate",
		[FIO_STEP_CHOWN] = "change owner of", [FIO_STEP_CHMOD] = "change mode of",
		[FIO_STEP_UTIMENS] = "set times of",  [FIO_STEP_CLOSE] = "close",
		[FIO_STEP_UNLINK] = "remove",         [FIO_STEP_RMDIR] = "remove directory",
		[FIO_STEP_RENAME] = "rename",         [FIO_STEP_LINK] = "link",
		[FIO_STEP_FSYNC] = "fsync",           [FIO_STEP_SYMLINK] = "create symlink",
	};
	struct fio_fmt f;

	fmt_init(&f, text, FIO_ERROR_TEXT);
	fmt_str(&f, "cannot ");
	fmt_str(&f, steps[step]);
	fmt_str(&f, " '");
	if (it->dir)
		put_dir(&f, task ? atomic_load(&it->dir->task_fd) : it->dir->fd,
			FIO_ERROR_TEXT - REST - it->name_len);
	fmt_str(&f, it->name);
	fmt_str(&f, "': ");
	fmt_errno(&f, -err);
}

void fio_error_log(const struct fio_intent *it, enum fio_step step, int err)
{
	char text[FIO_ERROR_TEXT];

	describe(text, it, step, err, true);
	fio_log("after the program's death: ", text, NULL);
}

/* With the lock held. */
static void put_free(struct record *r)
{
	r->next = free_records;
	free_records = r;
}

/* With the lock held. */
static struct record *new_record(void)
{
	struct record *r = free_records;

	if (!r && n_records < NAMED_MAX) {
		struct record *chunk = n_records ? fio_region(sizeof(*chunk) * CHUNK) : first_chunk;

		if (!chunk)
			return NULL;
		for (int i = 0; i < CHUNK; i++)
			put_free(&chunk[i]);
		n_records += CHUNK;
		r = free_records;
	}
	if (r)
		free_records = r->next;
	return r;
}

void fio_error_record(const struct fio_intent *it, enum fio_step step, int err, bool task)
{
	char text[FIO_ERROR_TEXT];
	struct record *r;

	fio_count(errors_late);
	describe(text, it, step, err, task);
	fio_lock_as(&lock, FIO_LOCK_HELD | (task ? FIO_LOCK_TASK : 0));
	r = new_record();
	if (r) {
		r->next = NULL;
		r->err = err;
		memcpy(r->text, text, sizeof(text));
		if (oldest)
			newest->next = r;
		else
			oldest = r;
		newest = r;
	} else {
		unnamed++;
	}
	fio_unlock(&lock);
	fio_log("late error: ", text, NULL);
	atomic_fetch_add(&fio_errors, 1);
}

/* With the lock held: the oldest record is told. */
static void drop_oldest(void)
{
	struct record *r = oldest;

	oldest = r->next;
	put_free(r);
}

int fio_error_take(void)
{
	int err = 0;

	if (!atomic_load_explicit(&fio_errors, memory_order_relaxed))
		return 0;
	fio_lock(&lock);
	if (oldest) {
		err = oldest->err;
		drop_oldest();
		atomic_fetch_sub(&fio_errors, 1);
	}
	fio_unlock(&lock);
	return err;
}

void fio_errors_start(void)
{
	struct stat st;

	if (sys_fstat(2, &st) < 0)
		return;
	stderr_dev = st.st_dev;
	stderr_ino = st.st_ino;
}

/* Descriptor 2 is not a file that the program has opened for itself after closing it. */
static bool is_stderr(void)
{
	struct stat st;

	return sys_fstat(2, &st) == 0 &&
	       (!S_ISREG(st.st_mode) || (st.st_dev == stderr_dev && st.st_ino == stderr_ino) ||
		sys_fcntl(2, F_GETFL, 0) & O_APPEND);
}

bool fio_error_print(void)
{
	static const char advice[] = "fastio: the program took this for done: remove the cause and "
				     "run it again\n";
	char buf[600];
	struct fio_fmt f;
	bool told;

	if (!atomic_load(&fio_errors))
		return false;
	told = is_stderr();
	fio_lock(&lock);
	for (; oldest; drop_oldest()) {
		if (!told)
			continue;
		fmt_init(&f, buf, sizeof(buf) - 1);
		fmt_str(&f, "fastio: ");
		fmt_str(&f, oldest->text);
		buf[f.len] = '\n';
		sys_write(2, buf, f.len + 1);
	}
	if (told && unnamed) {
		fmt_init(&f, buf, sizeof(buf) - 1);
		fmt_str(&f, "fastio: and ");
		fmt_int(&f, unnamed);
		fmt_str(&f, " more files that could not be finished");
		buf[f.len] = '\n';
		sys_write(2, buf, f.len + 1);
	}
	if (told)
		sys_write(2, advice, sizeof(advice) - 1);
	unnamed = 0;
	fio_unlock(&lock);
	atomic_store(&fio_errors, 0);
	return true;
}

void fio_errors_reset(void)
{
	lock = (struct fio_lock){0};
	unnamed = 0;
	while (oldest)
		drop_oldest();
	atomic_store(&fio_errors, 0);
}
