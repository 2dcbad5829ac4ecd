/* SPDX-License-Identifier: MIT */
/*
 * fs.c - which file systems are known well enough to defer on, and whether there is room
 */
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "clock.h"
#include "counters.h"
#include "dir.h"
#include "fio.h"
#include "fmt.h"
#include "mem.h"
#include "sys.h"
#include "util.h"

#define FS_PER_PAGE 64
#define SPACE_MIN (32LL << 20) /* bytes that must be free at least */
#define INODES_MIN 4096        /* inodes that must be free at least */
#define CREDIT (8LL << 20)     /* bytes deferred between two looks */
#define PER_FILE 4096          /* bytes that a file counts beside its content */
#define SLOW_US 150 /* the quickest of several operations took longer: they are round trips */
#define SAMPLE 32   /* intents between two judgements */
#define PINGS 3     /* round trips of one look */
#define TMPFS 0x01021994u
#define FUSE 0x65735546u
#define EXT 0xEF53u

/* Protocol: grows under the directories' lock; read without it up to n, which is stored last. */
struct fs_page {
	struct fs_page *next;
	_Atomic uint32_t n;
	struct fio_fs fs[FS_PER_PAGE];
};

static struct fs_page *_Atomic pages;

/* Magic numbers of the file systems whose behaviour the library was tested with. */
static const struct {
	uint32_t magic;
	bool unlink_ok;
	bool tree_ok;
	bool update_ok;
	bool close_tells; /* as it may be on top of one whose close does */
	bool ordered;     /* ext4: if it has a journal */
	bool remote;
} known[] = {
	{EXT, true, true, true, false, true, false}, /* ext2, ext3, ext4 */
	/* xfs and btrfs: two unlinkers in one directory are slower than one */
	{0x58465342, false, false, true, false, true, false},
	{0x9123683E, false, false, true, false, false, false},
	/*
	 * tmpfs, which no power cut leaves anything of; removing costs less than finding a
	 * directory
	 */
	{TMPFS, true, false, true, false, true, false},
	{0xF2F52010, true, false, true, false, false, false}, /* f2fs */
	/* overlayfs: opening may copy a file up: a new inode */
	{0x794c7630, true, false, false, true, false, false},
	/* FUSE: inode numbers may change; sshfs, virtiofs and many others */
	{FUSE, true, true, false, true, false, true},
};

_Atomic bool fio_far;

/* Does the comma-separated list of mount options have one that starts with opt? */
static bool has_option(const char *line, const char *opt)
{
	size_t n = strlen(opt);

	for (const char *p = strstr(line, opt); p; p = strstr(p + n, opt)) {
		char before = p == line ? ' ' : p[-1];

		if (before == ',' || before == ' ')
			return true;
	}
	return false;
}

static void apply_mount(struct fio_fs *fs, const char *line, const char *id)
{
	const char *p = line;

	/* "36 35 98:0 /root /mount options - type source super-options" */
	for (int field = 0; field < 2; field++) {
		p = strchr(p, ' ');
		if (!p)
			return;
		p++;
	}
	if (strncmp(p, id, strlen(id)) != 0)
		return;
	if (has_option(p, "usrquota") || has_option(p, "grpquota") || has_option(p, "prjquota") ||
	    has_option(p, "usrjquota=") || has_option(p, "grpjquota=") || has_option(p, "uquota") ||
	    has_option(p, "gquota") || has_option(p, "pquota") || has_option(p, "uqnoenforce") ||
	    has_option(p, "sync") || has_option(p, "dirsync"))
		fs->ok = false;
	if (has_option(p, "grpid") || has_option(p, "bsdgroups"))
		fs->grpid = true;
}

/* What follows the number in p, if it is the next one in id, which moves behind its colon. */
static const char *skip_number(const char *p, const char **id)
{
	while (*p == ' ')
		p++;
	while (**id != ':' && *p == **id) {
		p++;
		(*id)++;
	}
	return *(*id)++ == ':' && *p == ' ' ? p : NULL;
}

/* "   7        0    1048576 loop0" */
static void apply_partition(struct fio_fs *fs, const char *line, const char *id)
{
	const char *p = skip_number(line, &id), *name;

	p = p ? skip_number(p, &id) : NULL;
	name = p ? strrchr(p, ' ') + 1 : NULL;
	if (name && strlen(name) < sizeof(fs->ext4))
		memcpy(fs->ext4, name, strlen(name) + 1);
}

/* Gives fn the lines of a file, and "major:minor" with after behind.  dirs_lock is held. */
static void each_line(struct fio_fs *fs, const char *path, const char *after,
		      void (*fn)(struct fio_fs *fs, const char *line, const char *id))
{
	static char buf[4096 + 1];
	char id[32];
	struct fio_fmt f;
	size_t have = 0;
	ssize_t n;
	int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0)
		return;
	fmt_init(&f, id, sizeof(id));
	fmt_int(&f, major(fs->dev));
	fmt_str(&f, ":");
	fmt_int(&f, minor(fs->dev));
	fmt_str(&f, after);
	while ((n = sys_read(fd, buf + have, sizeof(buf) - 1 - have)) > 0) {
		char *line = buf, *end;

		have += (size_t)n;
		buf[have] = '\0';
		while ((end = memchr(line, '\n', have - (size_t)(line - buf)))) {
			*end = '\0';
			fn(fs, line, id);
			line = end + 1;
		}
		have -= (size_t)(line - buf);
		if (have == sizeof(buf) - 1)
			have = 0; /* a line longer than the buffer: skip it */
		memmove(buf, line, have);
	}
	sys_close(fd);
}

struct fio_fs *fio_fs_find(dev_t dev)
{
	for (struct fs_page *page = atomic_load_explicit(&pages, memory_order_acquire); page;
	     page = page->next) {
		uint32_t n = atomic_load_explicit(&page->n, memory_order_acquire);

		for (uint32_t i = 0; i < n; i++) {
			if (page->fs[i].dev == dev)
				return &page->fs[i];
		}
	}
	return NULL;
}

/* What ext4 calls it in /sys/fs/ext4 */
static void find_name(struct fio_fs *fs)
{
	char path[64], target[128];
	const char *name;
	struct fio_fmt f;
	size_t len;
	long n;

	fmt_init(&f, path, sizeof(path));
	fmt_str(&f, "/sys/dev/block/");
	fmt_int(&f, major(fs->dev));
	fmt_str(&f, ":");
	fmt_int(&f, minor(fs->dev));
	n = SYS4(SYS_readlinkat, AT_FDCWD, path, target, sizeof(target) - 1);
	if (n <= 0) { /* in a chroot without it */
		each_line(fs, "/proc/partitions", ":", apply_partition);
		return;
	}
	target[n] = '\0';
	name = fio_last_component(target, (size_t)n, &len);
	if (len < sizeof(fs->ext4))
		memcpy(fs->ext4, name, len + 1);
}

/* Without a journal, ext4 writes names in any order. */
static bool has_journal(const struct fio_fs *fs)
{
	char path[96];
	struct fio_fmt f;

	if (!fs->ext4[0])
		return false;
	fmt_init(&f, path, sizeof(path));
	fmt_str(&f, "/sys/fs/ext4/");
	fmt_str(&f, fs->ext4);
	fmt_str(&f, "/journal_task");
	if (SYS3(SYS_faccessat, AT_FDCWD, path, F_OK) == 0)
		return true;
	fmt_init(&f, path, sizeof(path));
	fmt_str(&f, "/proc/fs/jbd2/");
	fmt_str(&f, fs->ext4);
	fmt_str(&f, "-8");
	return SYS3(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
}

bool fio_fs_may_be_slow(uint32_t magic)
{
	for (size_t i = 0; i < FIO_ARRAY_SIZE(known); i++) {
		if (known[i].magic == magic)
			return known[i].remote;
	}
	return false;
}

static void learn(struct fio_fs *fs, int fd)
{
	struct statfs sf;

	if (sys_fstatfs(fd, &sf) < 0)
		return;
	for (size_t i = 0; i < FIO_ARRAY_SIZE(known); i++) {
		if (known[i].magic == (uint32_t)sf.f_type) {
			fs->ok = true;
			fs->unlink_ok = known[i].unlink_ok;
			fs->tree_ok = known[i].tree_ok;
			fs->update_ok = known[i].update_ok;
			fs->close_tells = known[i].close_tells;
			fs->memory = known[i].magic == TMPFS;
			fs->remote = known[i].remote;
			if (known[i].magic == EXT)
				find_name(fs);
			fs->ordered =
				known[i].ordered && (known[i].magic != EXT || has_journal(fs));
			fs->block = (uint32_t)sf.f_bsize;
			fs->torn_free = fs->remote                ? 0
					: known[i].magic == TMPFS ? UINT32_MAX
								  : (uint32_t)sf.f_bsize;
		}
	}
	if (sf.f_flags & (ST_RDONLY | ST_SYNCHRONOUS))
		fs->ok = false;
	if (fs->ok)
		each_line(fs, "/proc/self/mountinfo", " ", apply_mount);
	if (fs->ok && fs->remote)
		fio_fs_look(fs, fd);
}

/* ---- how long operations take ---- */

static bool any_slow(void)
{
	for (struct fs_page *page = pages; page; page = page->next) {
		for (uint32_t i = 0; i < page->n; i++) {
			if (atomic_load(&page->fs[i].slow))
				return true;
		}
	}
	return false;
}

static void judge(struct fio_fs *fs, int64_t quickest)
{
	bool slow = quickest > SLOW_US;

	if (atomic_exchange(&fs->slow, slow) == slow)
		return;
	atomic_store(&fio_far, slow || any_slow());
	/* In its directories things may be put off now, or no more. */
	fio_traits_changed();
	if (slow)
		fio_count(pool_entered);
	else
		fio_count(pool_left);
}

void fio_fs_took(struct fio_fs *fs, int64_t us)
{
	/* A sample more or less when several do this at once does not matter. */
	if (us < atomic_load_explicit(&fs->quickest, memory_order_relaxed))
		atomic_store_explicit(&fs->quickest, us, memory_order_relaxed);
	if (atomic_fetch_add(&fs->judged, 1) % SAMPLE == SAMPLE - 1)
		judge(fs, atomic_exchange(&fs->quickest, INT64_MAX));
}

void fio_fs_look(struct fio_fs *fs, int fd)
{
	int64_t quickest = INT64_MAX;
	struct statfs sf;

	for (int i = 0; i < PINGS; i++) {
		int64_t before = fio_now_us(), took;

		if (sys_fstatfs(fd, &sf) < 0)
			return;
		took = fio_now_us() - before;
		if (took < quickest)
			quickest = took;
	}
	atomic_store(&fs->quickest, INT64_MAX);
	judge(fs, quickest);
}

struct fio_fs *fio_fs_get(dev_t dev, int fd)
{
	struct fs_page *page = atomic_load(&pages);
	struct fio_fs *fs = fio_fs_find(dev);
	uint32_t n = page ? atomic_load(&page->n) : 0;

	if (fs)
		return fs;
	if (!page || n == FS_PER_PAGE) {
		struct fs_page *new = fio_region(sizeof(*new));

		if (!new)
			return NULL;
		new->next = page;
		atomic_store(&pages, new);
		page = new;
		n = 0;
	}
	fs = &page->fs[n];
	fs->dev = dev;
	learn(fs, fd);
	atomic_store_explicit(&page->n, n + 1, memory_order_release);
	return fs;
}

bool fio_dir_space(struct fio_dir *d, uint32_t n)
{
	struct fio_fs *fs = d->fs;
	struct statfs sf;

	if (atomic_fetch_sub_explicit(&fs->credit, (int64_t)n + PER_FILE, memory_order_relaxed) >=
	    (int64_t)n + PER_FILE)
		return true;
	if (sys_fstatfs(d->fd, &sf) < 0 || sf.f_flags & ST_RDONLY)
		return false;
	if (sf.f_files && sf.f_ffree < INODES_MIN)
		return false;
	/* tmpfs without a size limit reports no blocks at all */
	if (sf.f_blocks && (int64_t)sf.f_bavail * sf.f_bsize < SPACE_MIN)
		return false;
	atomic_store_explicit(&fs->credit, CREDIT, memory_order_relaxed);
	return true;
}

void fio_fs_reset(void)
{
	/* What is known about a file system stays true in a child; only credit may be stale. */
	for (struct fs_page *page = pages; page; page = page->next) {
		for (uint32_t i = 0; i < page->n; i++)
			atomic_store_explicit(&page->fs[i].credit, 0, memory_order_relaxed);
	}
}
