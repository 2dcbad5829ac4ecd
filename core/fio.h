/* SPDX-License-Identifier: MIT */
/*
 * fio.h - what the preload layer asks of the core
 *
 * The core never calls a libc function that the preload interposes.  Every
 * function here is async-signal-safe and may be called from any thread.
 * Results are values >= 0, -errno, or FIO_PASS: "not taken; make the stock
 * call".  Nothing here touches errno.
 */
#ifndef FIO_H
#define FIO_H

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

/* Not taken by the core: make the stock call.  Outside the range of -errno. */
#define FIO_PASS (-10000)
/* From fio_open: make the stock call without O_TRUNC, then call fio_opened_attach. */
#define FIO_PASS_TRUNC (-10001)
/* From fio_open: make the stock call, then call fio_opened_attach. */
#define FIO_PASS_HOLD (-10002)

/* Why something had to be finished or was not deferred; names in counters.c */
enum fio_cause {
	FIO_CAUSE_EXIT,
	FIO_CAUSE_FORK,
	FIO_CAUSE_EXEC,
	FIO_CAUSE_SIGNAL,
	FIO_CAUSE_CHANNEL, /* write to a pipe, socket, terminal, eventfd ... */
	FIO_CAUSE_SYNC,
	FIO_CAUSE_NAMESPACE, /* rename, link, symlink, mkdir, rmdir */
	FIO_CAUSE_LOCK,
	FIO_CAUSE_FD,   /* a use of a descriptor that is not modelled */
	FIO_CAUSE_PATH, /* a use of a name or inode that was pending */
	FIO_CAUSE_DIR,  /* a directory is listed */
	FIO_CAUSE_CRED, /* credentials, root, namespaces, limits, umask */
	FIO_CAUSE_MAP,  /* mmap, shared memory */
	FIO_CAUSE_STDIO,
	FIO_CAUSE_OTHER, /* dlopen, syscall(), unclassified */
	FIO_NCAUSES
};

/* Number of intents not yet executed; 0: every barrier is free. */
extern _Atomic uint32_t fio_live;

/* Names and syncs that wait for what was done before them (fence.h); syncs alone. */
extern _Atomic uint32_t fio_fences;
extern _Atomic uint32_t fio_syncs;

/* Not 0: something is believed about directories that an acquire must drop. */
extern _Atomic uint32_t fio_beliefs;

/* Changes whenever an intent was executed: what a call saw before the change may be of the past. */
extern _Atomic uint32_t fio_done_seq;

static inline uint32_t fio_seq(void)
{
	return atomic_load_explicit(&fio_done_seq, memory_order_acquire);
}

static inline bool fio_pending(void)
{
	return atomic_load_explicit(&fio_live, memory_order_relaxed) != 0;
}

/* ---- life ---- */

/* The next definitions of what the core must know to defer at all. */
struct fio_env {
	char **envp;                                        /* the process's environment */
	int (*clock_gettime)(clockid_t, struct timespec *); /* libc's own (vdso) */
	bool foreign_meta; /* somebody else interposes chown/chmod/stat ...: do not defer metadata */
	bool foreign_files; /* somebody else interposes open/close/write/unlink: do not defer at all */
	bool raw_calls;     /* code was loaded that makes system calls without libc */
	bool secure;        /* AT_SECURE: pass everything through, ignore the environment */
};

/* From the constructor, once.  Before it every call answers FIO_PASS. */
void fio_init(const struct fio_env *env);

/* Everything done, background task gone; from now on all passes through.
 * Returns the status to exit with (status, or 1 if an error was never reported and status is 0). */
int fio_exit(int status);

/* Around fork()/clone without CLONE_VM.  prepare finishes everything, holds other threads' deferral
 * off and must be followed by exactly one of the other two. */
void fio_fork_prepare(void);
/* Part of it: before an unmount, and where a child is made otherwise, after the barrier. */
void fio_let_dirs_go(void);
void fio_fork_parent(void);
void fio_fork_child(void);

/* Before vfork (or clone(CLONE_VM)): finishes everything and marks the calling thread, so that a
 * child that runs on its stack passes everything through.  The mark goes when the parent is back. */
void fio_vfork_prepare(void);

/* Before exec*: finish everything, stop the task; _failed: the exec returned. */
void fio_exec_prepare(void);
void fio_exec_failed(void);

/*
 * The program is about to ask for children of any kind (__WALL, __WCLONE): there is none of ours.
 */
void fio_hide_task(void);

/* Finish everything and never defer again in this process (setuid, unshare, shared memory ...). */
void fio_stop_deferring(enum fio_cause cause);

/* The program is about to have a second thread. */
void fio_threads_begin(void);

/* The program installed a signal handler: from now on block signals around critical sections. */
void fio_handlers_installed(void);

/* RLIMIT_FSIZE/NOFILE or umask changed, after the stock call. */
void fio_limits_changed(void);

/* ---- barriers; each is one relaxed load when nothing is pending ---- */

void fio_release_all_slow(enum fio_cause cause);
static inline void fio_release_all(enum fio_cause cause)
{
	if (fio_pending())
		fio_release_all_slow(cause);
}

/* The file behind fd becomes real and up to date and is no longer deferred on this descriptor. */
void fio_release_fd_slow(int fd, enum fio_cause cause);
static inline void fio_release_fd(int fd, enum fio_cause cause)
{
	if (fio_pending())
		fio_release_fd_slow(fd, cause);
}

/* As above for a query that changes nothing (fstat, lseek(SEEK_CUR), ioctl(TCGETS), F_GETFL): the
 * file becomes real with what it holds, but later writes may be held again. */
void fio_peek_fd_slow(int fd, enum fio_cause cause);
static inline void fio_peek_fd(int fd, enum fio_cause cause)
{
	if (fio_pending())
		fio_peek_fd_slow(fd, cause);
}

/* What the name resolves to is finished.  follow: the last component's symlink is followed. */
void fio_release_path_slow(int dirfd, const char *path, bool follow, enum fio_cause cause);
static inline void fio_release_path(int dirfd, const char *path, bool follow, enum fio_cause cause)
{
	if (fio_pending())
		fio_release_path_slow(dirfd, path, follow, cause);
}

/*
 * A user or group is looked up, by name or (NULL) by id: everything is finished if a daemon may be
 * asked.
 */
void fio_release_account_slow(const char *db, const char *file, const char *name, uint32_t id);
static inline void fio_release_account(const char *db, const char *file, const char *name,
				       uint32_t id)
{
	if (fio_pending())
		fio_release_account_slow(db, file, name, id);
}

/* All that is pending in the directory (by descriptor) is finished. */
void fio_release_dirfd_slow(int fd, enum fio_cause cause);
static inline void fio_release_dirfd(int fd, enum fio_cause cause)
{
	if (fio_pending())
		fio_release_dirfd_slow(fd, cause);
}

/* A call is about to write to fd, which the core did not take (fio_write said FIO_PASS): if fd is a
 * channel another process can hold, finish everything first; if it is a file, what was synced. */
void fio_release_channel_slow(int fd);
static inline void fio_release_channel(int fd)
{
	if (fio_pending())
		fio_release_channel_slow(fd);
}

/* fd is about to be closed, which tells whoever holds the other end of a channel. */
void fio_release_closing_slow(int fd);
static inline void fio_release_closing(int fd)
{
	if (fio_pending())
		fio_release_closing_slow(fd);
}

/* ---- acquire points: what is believed about directories is dropped ---- */

void fio_acquire_slow(void);
static inline void fio_acquire(void)
{
	if (atomic_load_explicit(&fio_beliefs, memory_order_relaxed))
		fio_acquire_slow();
}
/* After a successful read from fd, when fd may be a channel. */
void fio_acquire_fd_slow(int fd);
static inline void fio_acquire_fd(int fd)
{
	if (atomic_load_explicit(&fio_beliefs, memory_order_relaxed))
		fio_acquire_fd_slow(fd);
}

/* Before a call of this process that can change what a path leads to (rename, rmdir, symlink, mount,
 * chdir ...): finishes everything and forgets resolved directories.  Call the stock function next. */
void fio_namespace(enum fio_cause cause);

/* After such a call: forgets what others of our threads resolved meanwhile. */
void fio_namespace_done(void);

/* After a successful symlink or link: a name has come that leads nowhere it led before. */
void fio_name_made_slow(int dirfd, const char *path);
static inline void fio_name_made(int dirfd, const char *path)
{
	if (atomic_load_explicit(&fio_beliefs, memory_order_relaxed))
		fio_name_made_slow(dirfd, path);
}

/* After a successful rename to path; flags as in renameat2. */
void fio_renamed_slow(int dirfd, const char *path, unsigned int flags);
static inline void fio_renamed(int dirfd, const char *path, unsigned int flags)
{
	if (atomic_load_explicit(&fio_beliefs, memory_order_relaxed))
		fio_renamed_slow(dirfd, path, flags);
}

/* Before mkdir(at): what is pending under that name is finished. */
void fio_mkdir_begin(int dirfd, const char *path);
/* After a successful mkdir(at): the directory is ours and empty. */
void fio_mkdir_done(int dirfd, const char *path);

/* Some name may have been created by a way the core does not see (fopen, mknod, bind ...). */
void fio_created_slow(void);
static inline void fio_created(void)
{
	if (atomic_load_explicit(&fio_beliefs, memory_order_relaxed))
		fio_created_slow();
}

/* Owner or mode of some path changed: what is cached about directories is looked at again. */
void fio_paths_changed_slow(void);
static inline void fio_paths_changed(void)
{
	if (atomic_load_explicit(&fio_beliefs, memory_order_relaxed))
		fio_paths_changed_slow();
}
/* Attributes that stat does not show (ACLs, flags) changed. */
void fio_traits_changed(void);

/* ---- names that one thread changes while another opens or removes files ---- */

extern _Atomic bool fio_threaded; /* the program has had a second thread */

/* A call under way that makes, replaces or removes names (change.h). */
struct fio_change {
	bool begun;
	uint8_t slot[2]; /* of its names */
};

struct fio_change fio_change_begin_slow(const char *a, const char *b);
void fio_change_end_slow(const struct fio_change *c);

/* Before the barrier in front of such a call; b: a second name or NULL. */
static inline struct fio_change fio_change_begin(const char *a, const char *b)
{
	if (!atomic_load_explicit(&fio_threaded, memory_order_relaxed))
		return (struct fio_change){0};
	return fio_change_begin_slow(a, b);
}

/* After it. */
static inline void fio_change_end(const struct fio_change *c)
{
	if (c->begun)
		fio_change_end_slow(c);
}

/* ---- channels that nobody else can hold (channel.h) ---- */

extern _Atomic uint32_t fio_channel_epoch;

/* Before a call that makes a channel. */
static inline uint32_t fio_channel_now(void)
{
	return atomic_load_explicit(&fio_channel_epoch, memory_order_acquire);
}

/* After it: this process alone has fd.  epoch: from fio_channel_now(); poller: it is an epoll. */
void fio_channel_made(int fd, uint32_t epoch, bool poller, bool cloexec);

/* fd has, or may get, a duplicate. */
void fio_channel_duplicated(int fd);
/* posix_spawn may give a duplicate of whatever is fd then to what it executes. */
void fio_channel_spawned(int fd);
/* fd is to be close-on-exec, or no more. */
void fio_channel_cloexec(int fd, bool cloexec);

/* What there is may be held by others from now on; and whatever will be, too. */
void fio_channels_share(void);
void fio_channels_distrust(void);

/* Around the making of a process that is not announced by fio_fork_prepare or fio_vfork_prepare. */
void fio_channels_fork(void);
void fio_channels_forked(void);

/* Signal handlers were installed that do not call fio_acquire() first. */
void fio_handlers_unseen(void);

/* Before sendmsg. */
void fio_release_message(int fd, const struct msghdr *msg);

/* Before epoll_ctl(EPOLL_CTL_ADD or EPOLL_CTL_MOD). */
void fio_poller_add(int epfd, int fd, const struct epoll_event *ev);

/* Before poll and select: pending files among the descriptors become real. */
void fio_release_polled_slow(const struct pollfd *fds, unsigned long n);
static inline void fio_release_polled(const struct pollfd *fds, unsigned long n)
{
	if (fio_pending())
		fio_release_polled_slow(fds, n);
}

void fio_release_selected_slow(const fd_set *set, int n);
static inline void fio_release_selected(const fd_set *set, int n)
{
	if (fio_pending())
		fio_release_selected_slow(set, n);
}

/* After them, and after epoll_wait, if something was ready. */
void fio_acquire_polled_slow(const struct pollfd *fds, unsigned long n);
void fio_acquire_selected_slow(const fd_set *set, int n);
void fio_acquire_events_slow(int epfd, const struct epoll_event *ev, int n);

/* A lock on fd's file was taken: closing one of its descriptors is a release. */
void fio_locked(int fd);

/* fd is going to be mapped: its file is never deferred from now on. */
void fio_mapped(int fd);

/* After chdir, fchdir, chroot: relative paths lead elsewhere. */
void fio_cwd_changed(void);

/* ---- files ---- */

/*
 * open, openat, creat: value >= 0 is the descriptor, -errno an exact error, FIO_PASS: make the
 * stock call with the same arguments and hand its result (descriptor or -errno) to fio_opened.
 */
int fio_open(int dirfd, const char *path, int flags, mode_t mode);
/* The same for a stream, which gains nothing if only content is put off: what is not taken is stock. */
int fio_open_stream(const char *path, int flags, mode_t mode);

/* After FIO_PASS_TRUNC or FIO_PASS_HOLD and a successful stock open (after fio_opened): flags are those
 * of the program.  0, or -errno if the truncation that was left out failed (the caller closes fd). */
int fio_opened_attach(int dirfd, const char *path, int flags, int passed, int fd);
/* The same where nothing may be held: during warm-up, the file system may be met. */
void fio_opened_look(int fd);

/*
 * After the stock open: true if something pending was in the way and has been finished now.  The
 * caller closes ret (if >= 0) with the stock close and makes the stock call again, then keeps its
 * result.  seq: fio_seq() from before the stock call.
 */
bool fio_opened_slow(int dirfd, const char *path, int flags, int ret, uint32_t seq);
/* The open file has a name still. */
bool fio_has_name(int fd);
static inline bool fio_opened(int dirfd, const char *path, int flags, int ret, uint32_t seq)
{
	return (fio_pending() || fio_seq() != seq || ret == -EMFILE) &&
	       fio_opened_slow(dirfd, path, flags, ret, seq);
}

/* Sequential or positional write of a deferred descriptor: bytes taken, -errno or FIO_PASS (the file
 * is real and up to date then). off < 0: at the descriptor's offset. */
ssize_t fio_write(int fd, const void *buf, size_t n, off_t off);
ssize_t fio_writev(int fd, const struct iovec *iov, int iovcnt, off_t off);

/* 0, -errno, or FIO_PASS: the caller closes fd with the stock close. In each case the core has
 * forgotten fd.  A hidden descriptor of ours answers -EBADF. */
int fio_close(int fd);

/* Is fd one of the library's own descriptors?  (close, dup2 target, close_range skip it) */
bool fio_fd_hidden(int fd);
/* The lowest and one past the highest hidden descriptor; false if there are none. */
bool fio_fd_hidden_range(int *lo, int *hi);

/* A program that is given this number, or asks for it, will soon be given one that is not the lowest
 * because that is hidden: it gets them all, and deferral ends. */
extern int fio_fd_near;
void fio_fd_is_near(void);

/* fd is about to be replaced or closed by another way (dup2 target, close_range): finish what it
 * carries (as close would) and forget it. */
void fio_fd_forget(int fd);

/* unlink, unlinkat without AT_REMOVEDIR: 0, -errno or FIO_PASS. */
int fio_unlink(int dirfd, const char *path);

/* rmdir, unlinkat with AT_REMOVEDIR: 0, -errno or FIO_PASS. */
int fio_rmdir(int dirfd, const char *path);

/*
 * Directories that the program opened: it walks, and what it removes next is part of the same tree.
 */
extern _Atomic uint32_t fio_walked;
static inline void fio_walks(void)
{
	atomic_fetch_add_explicit(&fio_walked, 1, memory_order_relaxed);
}

/* Directories whose removal is pending.  Nothing can be made in them any more. */
extern _Atomic uint32_t fio_removals;

static inline bool fio_removing_dirs(void)
{
	return atomic_load_explicit(&fio_removals, memory_order_relaxed) != 0;
}

/* Before a call that makes a name: those directories go. */
static inline void fio_release_removals(void)
{
	if (fio_removing_dirs())
		fio_release_all_slow(FIO_CAUSE_NAMESPACE);
}

/* Owners, modes and times of names that are pending as such. */
extern _Atomic uint32_t fio_metas;

/*
 * Before a name is made or removed where path says: what its directory's times are to be is done
 * before.
 */
void fio_metas_in_slow(int dirfd, const char *path);
static inline void fio_metas_in(int dirfd, const char *path)
{
	if (atomic_load_explicit(&fio_metas, memory_order_relaxed))
		fio_metas_in_slow(dirfd, path);
}

/* Both, before a call that makes a name anywhere. */
static inline void fio_release_names(void)
{
	if (fio_removing_dirs() || atomic_load_explicit(&fio_metas, memory_order_relaxed))
		fio_release_all_slow(FIO_CAUSE_NAMESPACE);
}

/*
 * rename and its kin, link, which drop what was read ahead: 0, -errno, or FIO_PASS: everything is
 * finished, make the stock call.
 */
int fio_rename(int fromfd, const char *from, int tofd, const char *to, unsigned int flags);
int fio_link(int fromfd, const char *from, int tofd, const char *to, int flags);

/* fsync and fdatasync: 0, -errno or FIO_PASS. */
int fio_fsync(int fd);
int fio_sync_range(int fd, off_t off, off_t n, unsigned int flags);

/* A file was mapped that may be written to so: syncs are no longer put off. */
void fio_sync_no_more(void);

/* Before a call that changes what a file or directory already holds: what was synced before is on the
 * disk before. */
void fio_release_synced_slow(void);
static inline void fio_release_synced(void)
{
	if (atomic_load_explicit(&fio_syncs, memory_order_relaxed))
		fio_release_synced_slow();
}

/* ---- looking up and reading ahead (ahead.h) ---- */

extern _Atomic uint32_t fio_ahead_dirs;  /* directories in which that is done */
extern _Atomic uint32_t fio_ahead_taken; /* open files that are answered from memory */

static inline bool fio_ahead(void)
{
	return atomic_load_explicit(&fio_ahead_dirs, memory_order_relaxed) != 0;
}

/* The program begins to list the directory that fd is; it was told a name, or that there are no more (NULL);
 * it closes the stream. */
void fio_ahead_list(int fd);
void fio_ahead_name_slow(int fd, const struct dirent64 *e);
void fio_ahead_closed_slow(int fd);
static inline void fio_ahead_closed(int fd)
{
	if (fio_ahead())
		fio_ahead_closed_slow(fd);
}

/*
 * It uses a name, which may change something in the directory.  With st: 0 if that is filled in,
 * else FIO_PASS.
 */
int fio_ahead_use_slow(int dirfd, const char *path, struct stat *st, bool changes);
static inline int fio_ahead_use(int dirfd, const char *path, struct stat *st, bool changes)
{
	return fio_ahead() ? fio_ahead_use_slow(dirfd, path, st, changes) : FIO_PASS;
}

/* A stock call has removed a name. */
void fio_ahead_unlinked_slow(int dirfd, const char *path);
static inline int fio_ahead_unlinked(int dirfd, const char *path, int ret)
{
	if (ret == 0 && fio_ahead())
		fio_ahead_unlinked_slow(dirfd, path);
	return ret;
}

/* It has opened a file that it may write to; it changes files or names. */
void fio_ahead_opened_slow(int fd, int flags);
static inline void fio_ahead_opened(int fd, int flags)
{
	if (fio_ahead() && fd >= 0 && flags & 3 /* O_ACCMODE */)
		fio_ahead_opened_slow(fd, flags);
}
void fio_ahead_drop_slow(void);
static inline void fio_ahead_drop(void)
{
	if (fio_ahead())
		fio_ahead_drop_slow();
}
/* It may have got descriptors of which nothing is known. */
void fio_ahead_unknown_slow(void);
static inline void fio_ahead_unknown(void)
{
	if (fio_ahead())
		fio_ahead_unknown_slow();
}

/* Opening a file for reading: a descriptor, or FIO_PASS. */
int fio_ahead_open_slow(int dirfd, const char *path, int flags);

/* Of a descriptor that was given so: as read or pread (off < 0), fstat, lseek; or FIO_PASS. */
ssize_t fio_read_slow(int fd, void *buf, size_t n, off_t off);
int fio_fstat_slow(int fd, struct stat *st);
off_t fio_lseek_slow(int fd, off_t off, int whence);
bool fio_ahead_is_read(int fd);
static inline bool fio_ahead_reads(void)
{
	return atomic_load_explicit(&fio_ahead_taken, memory_order_relaxed) != 0;
}

/* ---- new files where operations are round trips (keep.h) ---- */

extern _Atomic bool fio_far; /* some file system is so */

static inline bool fio_new_files(void)
{
	return atomic_load_explicit(&fio_far, memory_order_relaxed) && fio_pending();
}

/*
 * stat of a name that is certainly absent, in a directory that is there: looking it up is a round
 * trip.
 */
bool fio_is_absent_slow(int dirfd, const char *path, int flags);
static inline bool fio_is_absent(int dirfd, const char *path, int flags)
{
	return atomic_load_explicit(&fio_far, memory_order_relaxed) &&
	       atomic_load_explicit(&fio_beliefs, memory_order_relaxed) &&
	       fio_is_absent_slow(dirfd, path, flags);
}

/* fstat and statx of a descriptor: 0, -errno or FIO_PASS. */
int fio_new_fstat_slow(int fd, struct stat *st);
int fio_new_statx_slow(int fd, int flags, unsigned mask, struct statx *sx);
static inline int fio_new_fstat(int fd, struct stat *st)
{
	return fio_new_files() ? fio_new_fstat_slow(fd, st) : FIO_PASS;
}

/* ioctl of a new file that refuses it: -errno or FIO_PASS; and what the stock call said then. */
int fio_new_ioctl_slow(int fd, unsigned long request, long arg);
void fio_new_ioctl_said_slow(int fd, unsigned long request, long arg, int err);
static inline void fio_new_ioctl_said(int fd, unsigned long request, long arg, int err)
{
	if (atomic_load_explicit(&fio_far, memory_order_relaxed))
		fio_new_ioctl_said_slow(fd, request, arg, err);
}
static inline int fio_new_ioctl(int fd, unsigned long request, long arg)
{
	return fio_new_files() ? fio_new_ioctl_slow(fd, request, arg) : FIO_PASS;
}

/* lseek that moves nothing: the offset or FIO_PASS. */
off_t fio_new_lseek_slow(int fd, off_t off, int whence);
static inline off_t fio_new_lseek(int fd, off_t off, int whence)
{
	return fio_new_files() ? fio_new_lseek_slow(fd, off, whence) : FIO_PASS;
}

/* copy_file_range without offsets, of a small file to a new one: bytes, -errno or FIO_PASS. */
ssize_t fio_new_copy_slow(int in, int out, size_t n);
static inline ssize_t fio_new_copy(int in, int out, size_t n)
{
	return fio_new_files() ? fio_new_copy_slow(in, out, n) : FIO_PASS;
}

/* Metadata by descriptor: 0, -errno or FIO_PASS.  ts as in futimens (NULL: now). */
int fio_fchmod(int fd, mode_t mode);
int fio_fchown(int fd, uid_t uid, gid_t gid);
int fio_futimens(int fd, const struct timespec ts[2]);
/* The same by path. */
int fio_path_chmod(int dirfd, const char *path, mode_t mode, bool follow);
int fio_path_chown(int dirfd, const char *path, uid_t uid, gid_t gid, bool follow);
int fio_path_utimens(int dirfd, const char *path, const struct timespec ts[2], bool follow);

/* symlink: 0, -errno or FIO_PASS. */
int fio_symlink(const char *target, int dirfd, const char *path);

/*
 * After a stock stat-like call by path: true if what it saw (dev and ino, or err = errno when it
 * failed) was pending or was just being executed: make the call again, and ask again.  seq:
 * fio_seq() from before the stock call.
 */
bool fio_stat_check_slow(int dirfd, const char *path, bool follow, dev_t dev, ino_t ino, int err);
static inline bool fio_stat_check(int dirfd, const char *path, bool follow, dev_t dev, ino_t ino,
				  int err, uint32_t seq)
{
	return (fio_pending() && fio_stat_check_slow(dirfd, path, follow, dev, ino, err)) ||
	       fio_seq() != seq;
}

/* An unforeseen error that belongs to nothing else any more; 0 or -errno, taken by the asker. */
extern _Atomic uint32_t fio_errors;

#endif /* FIO_H */
