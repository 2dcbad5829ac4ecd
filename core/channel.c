/* SPDX-License-Identifier: MIT */
/*
 * channel.c - descriptors that no other process can hold
 */
#include "channel.h"

#include "fdtab.h"
#include "fio.h"
#include "gate.h"
#include "lock.h"
#include "sys.h"
#include "util.h"

/* An entry: id << 32 | epoch << 5 | kind << 3 | FIO_FD_PRIVATE */
#define EPOCH_MAX ((1U << 27) - 1) /* reached: nothing is private any more */
#define HIGHEST (1 << 16)          /* close_range forgets numbers below this one by one */

enum kind {
	BY_INODE,  /* pipe, socket: the id is a hash of the inode */
	BY_NUMBER, /* eventfd, timerfd: the id is a serial number */
	POLLER,    /* epoll: the id is a serial number */
};

_Atomic uint32_t fio_channel_epoch;
static _Atomic bool blind; /* signal handlers that drop no beliefs */

static _Atomic uint32_t forking; /* processes being made just now */
static _Atomic uint32_t serial;  /* the last id of an anonymous inode */

void fio_channels_share(void)
{
	uint32_t e = atomic_load(&fio_channel_epoch);

	while (e < EPOCH_MAX && !atomic_compare_exchange_weak(&fio_channel_epoch, &e, e + 1))
		continue;
}

void fio_channels_distrust(void)
{
	atomic_store(&fio_channel_epoch, EPOCH_MAX);
}

void fio_handlers_unseen(void)
{
	atomic_store(&blind, true);
}

void fio_channels_fork(void)
{
	atomic_fetch_add(&forking, 1);
	fio_channels_share();
}

void fio_channels_forked(void)
{
	fio_channels_share();
	atomic_fetch_sub(&forking, 1);
}

static enum kind kind_of(uint64_t entry)
{
	return entry >> 3 & 3;
}

static bool current(uint64_t entry)
{
	return (entry & 7) == FIO_FD_PRIVATE &&
	       (entry >> 5 & EPOCH_MAX) == atomic_load(&fio_channel_epoch);
}

static uint32_t inode_id(const struct stat *st)
{
	return (uint32_t)fio_hash_inode(st->st_dev, st->st_ino);
}

static bool anonymous(const struct stat *st)
{
	return !(st->st_mode & S_IFMT);
}

bool fio_channel_private(int fd, const struct stat *st)
{
	uint64_t entry = fio_fd_get(fd);

	if (!current(entry))
		return false;
	if (kind_of(entry) != BY_INODE)
		return anonymous(st);
	return (S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode)) && inode_id(st) == entry >> 32;
}

bool fio_channel_quiet(int fd)
{
	uint64_t entry = fio_fd_get(fd);
	struct stat st;

	return current(entry) && kind_of(entry) != POLLER && !atomic_load(&blind) &&
	       sys_fstat(fd, &st) == 0 && fio_channel_private(fd, &st);
}

/* ... or is it a plain file, from which nothing is awaited? */
static bool quiet_entry(int fd)
{
	return fio_fd_get(fd) == FIO_FD_QUIET || fio_channel_quiet(fd);
}

/* ---- epoll: whose events come out of it ---- */

#define POLLERS 32
#define WAKERS 8

static struct poller {
	struct fio_lock lock;
	uint32_t id;             /* of its entry */
	int n;                   /* entries in wakers[] */
	uint64_t wakers[WAKERS]; /* data of private members, that no shared member has */
	uint64_t shared[4];      /* filter: data of the other members */
} pollers[POLLERS];

static struct poller *poller_of(uint64_t entry)
{
	return &pollers[(entry >> 32) % POLLERS];
}

static void poller_begin(uint32_t id)
{
	struct poller *p = &pollers[id % POLLERS];

	fio_lock(&p->lock);
	p->id = id;
	p->n = 0;
	for (size_t i = 0; i < FIO_ARRAY_SIZE(p->shared); i++)
		p->shared[i] = 0;
	fio_unlock(&p->lock);
}

static int waker(const struct poller *p, uint64_t data)
{
	for (int i = 0; i < p->n; i++) {
		if (p->wakers[i] == data)
			return i;
	}
	return -1;
}

static void add_member(struct poller *p, uint64_t data, bool quiet)
{
	uint64_t bit = fio_mix(data) % (FIO_ARRAY_SIZE(p->shared) * 64);
	int i = waker(p, data);

	if (quiet) {
		if (i < 0 && p->n < WAKERS && !(p->shared[bit / 64] >> bit % 64 & 1))
			p->wakers[p->n++] = data;
		return;
	}
	p->shared[bit / 64] |= 1ULL << bit % 64;
	if (i >= 0)
		p->wakers[i] = p->wakers[--p->n];
}

void fio_poller_add(int epfd, int fd, const struct epoll_event *ev)
{
	struct fio_thread *t = fio_enter();
	uint64_t entry = fio_fd_get(epfd);
	struct poller *p = poller_of(entry);

	/* Somebody else may be waiting there for what becomes ready here. */
	if (!t || !current(entry) || kind_of(entry) != POLLER) {
		if (current(fio_fd_get(fd)))
			fio_channels_share();
	} else if (fio_readable(t, ev, sizeof(*ev))) {
		bool quiet = fio_channel_quiet(fd);

		fio_lock(&p->lock);
		if (p->id == (uint32_t)(entry >> 32))
			add_member(p, ev->data.u64, quiet);
		fio_unlock(&p->lock);
	}
	if (t)
		fio_leave(t);
}

void fio_acquire_events_slow(int epfd, const struct epoll_event *ev, int n)
{
	struct fio_thread *t = fio_enter();
	uint64_t entry = fio_fd_get(epfd);
	struct poller *p = poller_of(entry);
	bool quiet = t && current(entry) && kind_of(entry) == POLLER && !atomic_load(&blind);

	if (quiet) {
		fio_lock(&p->lock);
		quiet = p->id == (uint32_t)(entry >> 32);
		for (int i = 0; quiet && i < n; i++)
			quiet = waker(p, ev[i].data.u64) >= 0;
		fio_unlock(&p->lock);
	}
	if (!quiet)
		fio_acquire_slow();
	if (t)
		fio_leave(t);
}

/* ---- made, duplicated ---- */

void fio_channel_made(int fd, uint32_t epoch, bool poller)
{
	struct fio_thread *t = fio_enter();
	enum kind kind = BY_INODE;
	struct stat st;
	uint32_t id;

	if (!t)
		return;
	if (fd >= HIGHEST || epoch >= EPOCH_MAX || sys_fstat(fd, &st) < 0)
		goto out;
	id = inode_id(&st);
	if (anonymous(&st)) {
		kind = poller ? POLLER : BY_NUMBER;
		id = 1 + atomic_fetch_add(&serial, 1);
		if (poller)
			poller_begin(id);
	}
	/* Looked at last: a fork that began before has raised the epoch when it ends. */
	if (!atomic_load(&forking))
		fio_fd_set(fd, (uint64_t)id << 32 | (uint64_t)epoch << 5 | (uint64_t)kind << 3 |
				       FIO_FD_PRIVATE);
out:
	fio_leave(t);
}

void fio_channel_duplicated(int fd)
{
	uint64_t entry = fio_fd_get(fd);

	if ((entry & 7) == FIO_FD_PRIVATE && kind_of(entry) != BY_INODE)
		fio_fd_clear(fd);
}

void fio_release_message(int fd, const struct msghdr *msg)
{
	struct fio_thread *t = fio_enter();
	bool plain = t && fio_readable(t, msg, sizeof(*msg)) && !msg->msg_controllen;

	if (t)
		fio_leave(t);
	if (plain) {
		fio_peek_fd(fd, FIO_CAUSE_FD);
		fio_release_channel(fd);
	} else {
		/* It may carry descriptors. */
		fio_channels_share();
		fio_release_all(FIO_CAUSE_CHANNEL);
	}
}

/* ---- waiting for several ---- */

void fio_release_polled_slow(const struct pollfd *fds, unsigned long n)
{
	struct fio_thread *t = fio_enter();
	bool readable = t && n < HIGHEST && fio_readable(t, fds, n * sizeof(*fds));

	if (t)
		fio_leave(t);
	for (unsigned long i = 0; readable && i < n; i++) {
		if (fio_fd_intent(fio_fd_get(fds[i].fd)))
			fio_peek_fd(fds[i].fd, FIO_CAUSE_FD);
	}
}

void fio_acquire_polled_slow(const struct pollfd *fds, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++) {
		if (fds[i].revents && !quiet_entry(fds[i].fd)) {
			fio_acquire_slow();
			return;
		}
	}
}

#define WORD_BITS (8 * sizeof(unsigned long))

void fio_release_selected_slow(const fd_set *set, int n)
{
	const unsigned long *words = (const unsigned long *)set;
	struct fio_thread *t;
	bool readable;

	if (!set || n <= 0)
		return;
	t = fio_enter();
	readable = t && fio_readable(t, set, ((size_t)n + WORD_BITS - 1) / WORD_BITS * 8);
	if (t)
		fio_leave(t);
	for (int fd = 0; readable && fd < n; fd++) {
		if ((words[(size_t)fd / WORD_BITS] >> (size_t)fd % WORD_BITS & 1) &&
		    fio_fd_intent(fio_fd_get(fd)))
			fio_peek_fd(fd, FIO_CAUSE_FD);
	}
}

void fio_acquire_selected_slow(const fd_set *set, int n)
{
	const unsigned long *words = (const unsigned long *)set;

	for (int fd = 0; set && fd < n; fd++) {
		if ((words[(size_t)fd / WORD_BITS] >> (size_t)fd % WORD_BITS & 1) &&
		    !quiet_entry(fd)) {
			fio_acquire_slow();
			return;
		}
	}
}

void fio_channels_reset(void)
{
	atomic_store(&forking, 0);
	for (int i = 0; i < POLLERS; i++)
		atomic_store(&pollers[i].lock.word, 0);
}
