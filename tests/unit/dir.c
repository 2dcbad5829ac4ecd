/* SPDX-License-Identifier: MIT */
/*
 * dir.c - resolving directories and knowing the names in them
 */
#include "dir.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#include "counters.h"
#include "fio.h"
#include "hidden.h"
#include "mem.h"
#include "unit.h"
#include "util.h"

static const char *top;
static struct fio_thread *t;

static const char *path_of(const char *rest)
{
	static char path[8192];

	snprintf(path, sizeof(path), "%s/%s", top, rest);
	return path;
}

static void make_dir(const char *rest)
{
	CHECK_EQ(mkdir(path_of(rest), 0755), 0);
}

static void make_file(const char *rest)
{
	int fd = open(path_of(rest), O_CREAT | O_WRONLY, 0644);

	CHECK(fd >= 0);
	close(fd);
}

static uint64_t hash_of(const char *name)
{
	return fio_hash_name(name, strlen(name));
}

static uint64_t cached(void)
{
	return atomic_load(&fio_counters[FIO_CNT_dir_cached]);
}

/* The directory's inode, 0 if the path was refused; then *why. */
static ino_t resolve(int dirfd, const char *path, const char *want_name, int *why)
{
	const char *name = NULL;
	struct fio_dir *d;
	size_t len = 0;
	ino_t ino;

	d = fio_dir_resolve(t, dirfd, path, &name, &len, why);
	if (!d)
		return 0;
	CHECK_EQ(len, strlen(want_name));
	CHECK(strncmp(name, want_name, len) == 0);
	CHECK(atomic_load(&d->refs) >= 1);
	ino = d->ino;
	fio_dir_unref(d);
	return ino;
}

static ino_t ino_of(const char *path)
{
	struct stat st = {0};

	CHECK_EQ(stat(path, &st), 0);
	return st.st_ino;
}

static void paths(void)
{
	int why, fd, file;
	ino_t sub;

	make_dir("paths");
	make_dir("paths/sub");
	make_file("paths/file");
	CHECK_EQ(symlink("sub", path_of("paths/link")), 0);
	sub = ino_of(path_of("paths/sub"));

	CHECK_EQ(resolve(AT_FDCWD, path_of("paths/sub/x"), "x", &why), sub);
	CHECK_EQ(resolve(AT_FDCWD, path_of("paths/link/x"), "x", &why), sub);
	CHECK_EQ(resolve(AT_FDCWD, path_of("paths//sub//x"), "x", &why), sub);
	CHECK_EQ(resolve(AT_FDCWD, path_of("paths/./sub/../sub/x"), "x", &why), sub);
	CHECK_EQ(resolve(AT_FDCWD, path_of("paths/sub/.x"), ".x", &why), sub);
	CHECK_EQ(resolve(AT_FDCWD, path_of("paths/sub/..."), "...", &why), sub);

	/* relative, to the working directory and to a descriptor */
	CHECK_EQ(chdir(path_of("paths/sub")), 0);
	fio_cwd_changed();
	CHECK_EQ(resolve(AT_FDCWD, "x", "x", &why), sub);
	CHECK_EQ(resolve(AT_FDCWD, "../sub/x", "x", &why), sub);
	CHECK_EQ(chdir("/"), 0);
	fio_cwd_changed();
	CHECK(resolve(AT_FDCWD, "x", "x", &why) != sub);
	fd = open(path_of("paths"), O_RDONLY | O_DIRECTORY);
	CHECK_EQ(resolve(fd, "sub/x", "x", &why), sub);
	CHECK_EQ(resolve(fd, "x", "x", &why), ino_of(path_of("paths")));
	CHECK_EQ(resolve(fd, path_of("paths/sub/x"), "x", &why), sub);
	close(fd);
	/* the same number, another directory */
	file = open(path_of("paths/sub"), O_RDONLY | O_DIRECTORY);
	CHECK_EQ(file, fd);
	CHECK_EQ(resolve(fd, "x", "x", &why), sub);
	close(fd);
	CHECK_EQ(resolve(fd, "x", "x", &why), 0);
	CHECK_EQ(why, FIO_CNT_pass_dir);
}

static void refused(void)
{
	static const char *const bad_names[] = {"refused/", "refused/.", "refused/..", "refused//"};
	static char text[8192];
	int why, file;

	make_dir("refused");
	make_file("refused/file");
	for (size_t i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++) {
		why = -1;
		CHECK_EQ(resolve(AT_FDCWD, path_of(bad_names[i]), "", &why), 0);
		CHECK_EQ(why, FIO_CNT_pass_name);
	}
	CHECK_EQ(resolve(AT_FDCWD, "", "", &why), 0);
	CHECK_EQ(resolve(AT_FDCWD, ".", "", &why), 0);
	CHECK_EQ(resolve(AT_FDCWD, "..", "", &why), 0);
	CHECK_EQ(resolve(AT_FDCWD, "/", "", &why), 0);
	CHECK_EQ(resolve(AT_FDCWD, NULL, "", &why), 0);
	CHECK_EQ(resolve(AT_FDCWD, (const char *)16, "", &why), 0);
	CHECK_EQ(why, FIO_CNT_pass_name);

	/* the longest name, and one more */
	snprintf(text, sizeof(text), "%s/refused/%0255d", top, 0);
	CHECK(resolve(AT_FDCWD, text, strrchr(text, '/') + 1, &why) != 0);
	snprintf(text, sizeof(text), "%s/refused/%0256d", top, 0);
	CHECK_EQ(resolve(AT_FDCWD, text, "", &why), 0);
	CHECK_EQ(why, FIO_CNT_pass_name);

	/* the longest path the kernel takes has 4095 bytes */
	for (int len = 4095; len <= 4097; len++) {
		size_t n = (size_t)snprintf(text, sizeof(text), "%s/refused/", top);

		memset(text + n, '/', (size_t)len - n);
		text[len - 1] = 'x';
		text[len] = '\0';
		CHECK_EQ(resolve(AT_FDCWD, text, "x", &why) != 0, len == 4095);
	}

	why = -1;
	CHECK_EQ(resolve(AT_FDCWD, path_of("refused/absent/x"), "", &why), 0);
	CHECK_EQ(why, FIO_CNT_pass_dir);
	CHECK_EQ(resolve(AT_FDCWD, path_of("refused/file/x"), "", &why), 0);
	CHECK_EQ(why, FIO_CNT_pass_dir);
	file = open(path_of("refused/file"), O_RDONLY);
	CHECK_EQ(resolve(file, "x", "", &why), 0);
	CHECK_EQ(why, FIO_CNT_pass_dir);
	close(file);
	CHECK_EQ(resolve(12345, "x", "", &why), 0);
	CHECK_EQ(resolve(-1, "x", "", &why), 0);

	/* nothing can be made in a directory that was removed */
	make_dir("refused/gone");
	file = open(path_of("refused/gone"), O_RDONLY | O_DIRECTORY);
	CHECK_EQ(rmdir(path_of("refused/gone")), 0);
	CHECK_EQ(resolve(file, "x", "", &why), 0);
	CHECK_EQ(why, FIO_CNT_pass_dir);
	close(file);
}

/* Looked up again when time has passed, so try a few times. */
static bool hits_cache(const char *path)
{
	int why;

	for (int i = 0; i < 50; i++) {
		uint64_t before = cached();

		resolve(AT_FDCWD, path, strrchr(path, '/') + 1, &why);
		if (cached() != before)
			return true;
	}
	return false;
}

static void move(const char *from, const char *to)
{
	char old[8192];

	strcpy(old, path_of(from));
	CHECK_EQ(rename(old, path_of(to)), 0);
}

static void prefix_cache(void)
{
	uint64_t before;
	ino_t first;
	int why;

	make_dir("cache");
	make_dir("cache/a");
	make_dir("cache/b");
	CHECK(hits_cache(path_of("cache/a/x")));
	CHECK(hits_cache(path_of("cache/a/y")));
	first = ino_of(path_of("cache/a"));

	/* dropped by whatever may lead the path elsewhere */
	fio_namespace_done();
	before = cached();
	CHECK_EQ(resolve(AT_FDCWD, path_of("cache/a/x"), "x", &why), first);
	CHECK_EQ(cached(), before);
	CHECK(hits_cache(path_of("cache/a/x")));
	fio_cwd_changed();
	before = cached();
	CHECK_EQ(resolve(AT_FDCWD, path_of("cache/a/x"), "x", &why), first);
	CHECK_EQ(cached(), before);
	CHECK(hits_cache(path_of("cache/a/x")));
	fio_acquire_slow();
	before = cached();
	CHECK_EQ(resolve(AT_FDCWD, path_of("cache/a/x"), "x", &why), first);
	CHECK_EQ(cached(), before);

	CHECK(hits_cache(path_of("cache/a/x")));
	move("cache/a", "cache/c");
	move("cache/b", "cache/a");
	fio_namespace_done();
	CHECK_EQ(resolve(AT_FDCWD, path_of("cache/c/x"), "x", &why), first);
	CHECK(resolve(AT_FDCWD, path_of("cache/a/x"), "x", &why) != first);

	/* a longer prefix that begins alike */
	CHECK(hits_cache(path_of("cache/a/x")));
	make_dir("cache/a/a");
	CHECK_EQ(resolve(AT_FDCWD, path_of("cache/a/a/x"), "x", &why),
		 ino_of(path_of("cache/a/a")));
}

static struct fio_dir *open_dir(const char *rest)
{
	struct fio_dir *d;

	make_dir(rest);
	d = fio_dir_open(t, AT_FDCWD, path_of(rest));
	CHECK(d != NULL);
	return d;
}

static void known_names(void)
{
	struct fio_dir *d = open_dir("known");

	CHECK(fio_dir_open(t, AT_FDCWD, path_of("known/absent")) == NULL);
	CHECK_EQ(fio_dir_lookup(t, d, hash_of("a")), 1); /* nothing is known */
	fio_dir_fresh(d);
	CHECK_EQ(fio_dir_lookup(t, d, hash_of("a")), 0);
	fio_dir_add_name(t, d, hash_of("a"));
	CHECK_EQ(fio_dir_lookup(t, d, hash_of("a")), 1);
	CHECK_EQ(fio_dir_lookup(t, d, hash_of("b")), 0);
	fio_dir_add_name(t, d, hash_of("a"));
	CHECK_EQ(fio_dir_lookup(t, d, hash_of("a")), 1);

	/* somebody may have made files by ways not seen, or another process may have */
	fio_created();
	CHECK_EQ(fio_dir_lookup(t, d, hash_of("b")), 1);
	fio_dir_fresh(d);
	CHECK_EQ(fio_dir_lookup(t, d, hash_of("b")), 0);
	CHECK_EQ(fio_dir_lookup(t, d, hash_of("a")), 1);
	fio_acquire();
	CHECK_EQ(fio_dir_lookup(t, d, hash_of("b")), 1);
	fio_dir_fresh(d);
	fio_namespace_done();
	CHECK_EQ(fio_dir_lookup(t, d, hash_of("b")), 1);
	fio_dir_unref(d);
}

static void listing(void)
{
	struct fio_dir *d = open_dir("listed");
	uint64_t before = atomic_load(&fio_counters[FIO_CNT_dir_listed]);
	int asked = 0;

	make_file("listed/one");
	make_file("listed/two");
	while (asked < 100 && fio_dir_lookup(t, d, hash_of("absent")) == 1)
		asked++;
	CHECK_EQ(asked, 7); /* at the eighth the directory is listed */
	CHECK_EQ(atomic_load(&fio_counters[FIO_CNT_dir_listed]), before + 1);
	CHECK_EQ(fio_dir_lookup(t, d, hash_of("one")), 1);
	CHECK_EQ(fio_dir_lookup(t, d, hash_of("two")), 1);
	CHECK_EQ(fio_dir_lookup(t, d, hash_of("three")), 0);

	/* what others made is seen by the next listing */
	make_file("listed/three");
	fio_acquire();
	for (int i = 0; i < 20; i++)
		CHECK_EQ(fio_dir_lookup(t, d, hash_of("three")), 1);
	CHECK_EQ(fio_dir_lookup(t, d, hash_of("four")), 0);
	CHECK_EQ(atomic_load(&fio_counters[FIO_CNT_dir_listed]), before + 2);
	fio_dir_unref(d);
}

static void too_many_to_list(void)
{
	struct fio_dir *d = open_dir("crowd");
	char name[64];

	for (int i = 0; i < 2100; i++) {
		snprintf(name, sizeof(name), "crowd/%d", i);
		make_file(name);
	}
	for (int i = 0; i < 50; i++)
		CHECK_EQ(fio_dir_lookup(t, d, hash_of("absent")), 1);
	fio_dir_unref(d);
}

/* However many there are: a name that is there is never said to be absent. */
static void growth(void)
{
	struct fio_dir *d = open_dir("growth");
	char name[32];
	int known = 0;

	fio_dir_fresh(d);
	for (int i = 0; i < 50000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		fio_dir_add_name(t, d, hash_of(name));
		if (fio_dir_lookup(t, d, hash_of("absent")) == 0)
			known = i + 1;
		CHECK_EQ(fio_dir_lookup(t, d, hash_of(name)), 1);
	}
	CHECK(known >= 40000);
	for (int i = 0; i < 50000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		CHECK_EQ(fio_dir_lookup(t, d, hash_of(name)), 1);
	}
	fio_dir_unref(d);
}

/* More directories than are kept: those in use stay, the others make room. */
static void many_directories(void)
{
	struct fio_dir *kept = open_dir("kept");
	char name[64];
	int why, lo, hi, hidden = 0;
	ino_t ino = kept->ino, want;

	make_dir("many");
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 300; i++) {
			snprintf(name, sizeof(name), "many/%d", i);
			if (!round)
				make_dir(name);
			want = ino_of(path_of(name));
			strcat(name, "/x");
			CHECK_EQ(resolve(AT_FDCWD, path_of(name), "x", &why), want);
		}
	}
	CHECK_EQ(kept->ino, ino);
	CHECK(kept->fd >= 0 && fio_hidden_is(kept->fd));
	CHECK(fio_hidden_bounds(&lo, &hi));
	for (int fd = lo; fd < hi; fd++)
		hidden += fio_hidden_is(fd);
	CHECK(hidden <= 80);
	CHECK(fio_dir_busy(kept->dev, kept->ino));
	fio_dir_unref(kept);
	CHECK(!fio_dir_busy(kept->dev, kept->ino));
}

static void file_system(void)
{
	struct fio_dir *d = open_dir("fs");

	CHECK(d->fs->ok);
	CHECK(d->traits & FIO_DIR_CREATE);
	CHECK(fio_fs_find(d->dev) == d->fs);
	CHECK(fio_fs_find((dev_t)-1) == NULL);
	CHECK(fio_dir_space(d, 100));
	fio_dir_unref(d);
	/* a file system that is not known */
	d = fio_dir_open(t, AT_FDCWD, "/proc/self");
	CHECK(d != NULL && !d->fs->ok && !d->traits);
	if (d)
		fio_dir_unref(d);
	/* group and set-group-id */
	make_dir("fs/sgid");
	CHECK_EQ(chmod(path_of("fs/sgid"), 02755), 0);
	d = fio_dir_open(t, AT_FDCWD, path_of("fs/sgid"));
	CHECK(d != NULL && d->traits & FIO_DIR_SGID);
	if (d)
		fio_dir_unref(d);
}

static void *resolve_many(void *arg)
{
	struct fio_thread *me = fio_enter();
	unsigned dice = (unsigned)(uintptr_t)arg;
	char path[4200];

	CHECK(me != NULL);
	for (int i = 0; me && i < 3000; i++) {
		struct fio_dir *d;
		const char *name;
		size_t len;
		int why;

		dice = dice * 1664525u + 1013904223u;
		snprintf(path, sizeof(path), "%s/threads/%u/x", top, dice >> 25);
		d = fio_dir_resolve(me, AT_FDCWD, path, &name, &len, &why);
		CHECK(d != NULL);
		if (!d)
			break;
		CHECK(!(atomic_load(&d->refs) & FIO_DIR_DEAD));
		fio_dir_add_name(me, d, fio_hash_name("x", 1));
		fio_dir_unref(d);
		if (dice % 64 == 0)
			fio_namespace_done();
	}
	if (me)
		fio_leave(me);
	return NULL;
}

static void threads(void)
{
	pthread_t thread[4];
	char name[64];

	make_dir("threads");
	for (int i = 0; i < 128; i++) {
		snprintf(name, sizeof(name), "threads/%d", i);
		make_dir(name);
	}
	for (int i = 0; i < 4; i++)
		CHECK_EQ(pthread_create(&thread[i], NULL, resolve_many, (void *)(intptr_t)i), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
}

static void drop(void)
{
	int lo, hi, why;

	CHECK(fio_hidden_bounds(&lo, &hi));
	CHECK(hits_cache(path_of("known/x")));
	fio_dirs_drop();
	CHECK(!fio_hidden_bounds(&lo, &hi));
	/* what was cached is worth nothing now */
	CHECK_EQ(resolve(AT_FDCWD, path_of("known/x"), "x", &why), ino_of(path_of("known")));
	CHECK(fio_hidden_bounds(&lo, &hi));
	fio_dirs_drop();
}

static const struct unit_test tests[] = {
	TEST(paths),   TEST(refused),          TEST(prefix_cache), TEST(known_names),
	TEST(listing), TEST(too_many_to_list), TEST(growth),       TEST(many_directories),
	TEST(threads), TEST(file_system),      TEST(drop),
};

int main(int argc, char **argv)
{
	char *envp[] = {(char *)"FASTIO_ENGINE=sync", (char *)"FASTIO_WARMUP=0", NULL};
	const struct fio_env env = {.envp = envp, .clock_gettime = clock_gettime};
	int status;

	top = unit_tmp();
	fio_init(&env);
	t = fio_enter();
	CHECK(t != NULL);
	if (!t)
		return 1;
	status = unit_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
	fio_leave(t);
	return status;
}
