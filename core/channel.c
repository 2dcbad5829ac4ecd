/* SPDX-License-Identifier: MIT */
/*
 * channel.c - descriptors that no other process can hold
 */
#include "channel.h"

#include "fdtab.h"
#include "fio.h"
#include "gate.h"
#include "heir.h"
#include "lock.h"
#include "sys.h"
#include "util.h"

/* An entry: id << 32 | epoch << 6 | kind << 4 | KEPT | FIO_FD_PRIVATE */
#define EPOCH_SHIFT 6
#define EPOCH_MAX ((1U << 26) - 1) /* reached: nothing is private any more */
#define KEPT 8u                    /* close-on-exec: a program that is executed does not get it */
#define HIGHEST (1 << 16)          /* close_range forgets numbers below this one by one */
#define SPAWN_FDS 1024             /* higher ones in file actions end all privacy */

enum kind {
	PIPE,      /* the id is a hash of the inode */
	SOCKET,    /* same, and the other end has another inode */
	BY_NUMBER, /* eventfd, timerfd: the id is a serial number */
	POLLER,    /* epoll: the id is a serial number */
};

_Atomic uint32_t fio_channel_epoch;
static _Atomic uint32_t kept_epoch;                /* the same for entries with KEPT */
static _Atomic bool any_kept;                      /* there have been such entries in this epoch */
static _Atomic uint64_t spawn_fds[SPAWN_FDS / 64]; /* bit: that file actions have duplicated */
static _Atomic bool blind;                         /* signal handlers that drop no beliefs */

static _Atomic uint32_t forking; /* processes being made just now */
static _Atomic uint32_t serial;  /* the last id of an anonymous inode */

static void raise_epoch(_Atomic uint32_t *epoch)
{
	uint32_t e = atomic_load(epoch);

	while (e < EPOCH_MAX && !atomic_compare_exchange_weak(epoch, &e, e + 1))
		continue;
}

void fio_channels_share(void)
{
	raise_epoch(&fio_channel_epoch);
	raise_epoch(&kept_epoch);
	atomic_store(&any_kept, false);
	fio_heir_tells(FIO_HEIR_ALL);
}

void fio_channels_distrust(void)
{
	atomic_store(&fio_channel_epoch, EPOCH_MAX);
	atomic_store(&kept_epoch, EPOCH_MAX);
	fio_heir_tells(FIO_HEIR_ALL);
}

void fio_handlers_unseen(void)
{
	atomic_store(&blind, true);
}

static enum kind kind_of(uint64_t entry)
{
	return entry >> 4 & 3;
}

static uint64_t entry_of(uint32_t id, enum kind kind, bool kept)
{
	uint64_t epoch = atomic_load(kept ? &kept_epoch : &fio_channel_epoch);

	return (uint64_t)id << 32 | epoch << EPOCH_SHIFT | (uint64_t)kind << 4 | (kept ? KEPT : 0) |
	       FIO_FD_PRIVATE;
}

/* Not shared yet; somebody may hold it for the moment. */
static bool of_epoch(uint64_t entry)
{
	return (entry & 7) == FIO_FD_PRIVATE &&
	       (entry >> EPOCH_SHIFT & EPOCH_MAX) ==
		       atomic_load(entry & KEPT ? &kept_epoch : &fio_channel_epoch);
}

/* The entry of what nobody else holds now, else 0. */
static uint64_t current(int fd)
{
	uint64_t entry = fio_fd_get(fd);

	if (!of_epoch(entry) || atomic_load(&forking))
		return 0;
	if (entry & KEPT) {
		if (fio_heirs_hold())
			return 0;
		/* They may have said that they handed it on. */
		entry = fio_fd_get(fd);
	}
	return of_epoch(entry) ? entry : 0;
}

static void pollers_hand_on(uint64_t object);

/* ---- objects: all descriptors that lead to the same thing ---- */

/* Of entries that lead to the same thing.  Which sockets are a pair is not known. */
static bool same_object(uint64_t a, uint64_t b)
{
	return (b & 7) == FIO_FD_PRIVATE && kind_of(a) == kind_of(b) &&
	       (kind_of(a) == SOCKET || a >> 32 == b >> 32);
}

struct change {
	uint64_t object; /* an entry of it */
	bool kept_only;  /* it is not close-on-exec any more; else it is shared */
};

static uint64_t change_entry(uint64_t entry, void *arg)
{
	const struct change *c = arg;

	if (!same_object(c->object, entry))
		return entry;
	if (c->kept_only && of_epoch(entry))
		return entry_of((uint32_t)(entry >> 32), kind_of(entry), false);
	return 0;
}

void fio_channel_handed_on(uint64_t object)
{
	struct change c = {object, false};

	fio_fdtab_each(change_entry, &c);
	pollers_hand_on(object);
}

/* A duplicate of it is not close-on-exec, or fd is not any more. */
static void inherits(uint64_t entry)
{
	struct change c = {entry, true};

	if (entry & KEPT)
		fio_fdtab_each(change_entry, &c);
}

/* What is not close-on-exec goes with all its ends. */
static uint64_t hand_on(uint64_t entry, void *arg)
{
	(void)arg;
	if ((entry & 7) == FIO_FD_PRIVATE && !(entry & KEPT))
		fio_channel_handed_on(entry);
	return entry;
}

void fio_channel_spawned(int fd)
{
	if (fd >= 0 && fd < SPAWN_FDS)
		atomic_fetch_or(&spawn_fds[fd / 64], 1ULL << fd % 64);
	else
		fio_channels_distrust();
}

static void inherit_spawned(void)
{
	for (int i = 0; i < SPAWN_FDS / 64; i++) {
		uint64_t bits = atomic_load(&spawn_fds[i]);

		for (; bits; bits &= bits - 1)
			inherits(fio_fd_get(i * 64 + __builtin_ctzll(bits)));
	}
}

void fio_channels_fork(void)
{
	atomic_fetch_add(&forking, 1);
	inherit_spawned();
	if (atomic_load(&any_kept))
		fio_fdtab_each(hand_on, NULL);
	raise_epoch(&fio_channel_epoch);
	fio_heir_tells(FIO_HEIR_ALL);
}

void fio_channels_forked(void)
{
	raise_epoch(&fio_channel_epoch);
	atomic_fetch_sub(&forking, 1);
}

bool fio_channels_kept(void)
{
	return atomic_load(&any_kept);
}

static uint32_t inode_id(const struct stat *st)
{
	return (uint32_t)fio_hash_inode(st->st_dev, st->st_ino);
}

static enum kind inode_kind(const struct stat *st)
{
	return S_ISFIFO(st->st_mode) ? PIPE : S_ISSOCK(st->st_mode) ? SOCKET : BY_NUMBER;
}

static bool anonymous(const struct stat *st)
{
	return !(st->st_mode & S_IFMT);
}

static bool leads_to(uint64_t entry, const struct stat *st)
{
	if (kind_of(entry) >= BY_NUMBER)
		return anonymous(st);
	return kind_of(entry) == inode_kind(st) && inode_id(st) == entry >> 32;
}

bool fio_channel_private(int fd, const struct stat *st)
{
	uint64_t entry = current(fd);

	return entry && leads_to(entry, st);
}

/* Of what is private. */
static bool quiet(int fd, uint64_t entry)
{
	struct stat st;

	return kind_of(entry) != POLLER && !atomic_load(&blind) && sys_fstat(fd, &st) == 0 &&
	       leads_to(entry, &st);
}

bool fio_channel_quiet(int fd)
{
	uint64_t entry = current(fd);

	return entry && quiet(fd, entry);
}

/* ... or is it a plain file, from which nothing is awaited? */
static bool quiet_entry(int fd)
{
	return fio_fd_get(fd) == FIO_FD_QUIET || fio_channel_quiet(fd);
}

/* In a child that may yet execute something: what its parent believes to have alone. */
static void tell_parent(int fd)
{
	struct stat st;

	if (sys_fstat(fd, &st) < 0)
		return;
	if (anonymous(&st))
		fio_heir_tells(FIO_HEIR_ALL);
	else if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))
		fio_heir_tells(entry_of(inode_id(&st), inode_kind(&st), false));
}

/* ---- epoll: whose events come out of it ---- */

#define POLLERS 32
#define WAKERS 8
#define FILTER_BITS 256

static struct poller {
	struct fio_lock lock;
	uint32_t id; /* of its entry */
	int n;       /* entries in wakers[] */
	struct waker {
		uint64_t data;   /* that no shared member has */
		uint64_t object; /* the private member's entry */
	} wakers[WAKERS];
	uint64_t shared[FILTER_BITS / 64]; /* filter: data of the other members */
} pollers[POLLERS];
static _Atomic bool any_poller; /* one has ever been in use */

static struct poller *poller_of(uint64_t entry)
{
	return &pollers[(entry >> 32) % POLLERS];
}

static void poller_begin(uint32_t id)
{
	struct poller *p = &pollers[id % POLLERS];

	atomic_store(&any_poller, true);
	fio_lock(&p->lock);
	p->id = id;
	p->n = 0;
	for (size_t i = 0; i < FILTER_BITS / 64; i++)
		p->shared[i] = 0;
	fio_unlock(&p->lock);
}

static int waker(const struct poller *p, uint64_t data)
{
	for (int i = 0; i < p->n; i++) {
		if (p->wakers[i].data == data)
			return i;
	}
	return -1;
}

static void add_shared(struct poller *p, uint64_t data)
{
	uint64_t bit = fio_mix(data) % FILTER_BITS;
	int i = waker(p, data);

	p->shared[bit / 64] |= 1ULL << bit % 64;
	if (i >= 0)
		p->wakers[i] = p->wakers[--p->n];
}

static void add_waker(struct poller *p, uint64_t data, uint64_t object)
{
	uint64_t bit = fio_mix(data) % FILTER_BITS;
	int i = waker(p, data);

	/* Two members with the same data: only one object is remembered. */
	if (i >= 0 && !same_object(p->wakers[i].object, object))
		add_shared(p, data);
	else if (i < 0 && p->n < WAKERS && !(p->shared[bit / 64] >> bit % 64 & 1))
		p->wakers[p->n++] = (struct waker){data, object};
}

static void pollers_hand_on(uint64_t object)
{
	if (!atomic_load(&any_poller))
		return;
	for (struct poller *p = pollers; p < pollers + POLLERS; p++) {
		fio_lock(&p->lock);
		for (int i = p->n; i-- > 0;) {
			if (same_object(object, p->wakers[i].object))
				add_shared(p, p->wakers[i].data);
		}
		fio_unlock(&p->lock);
	}
}

void fio_poller_add(int epfd, int fd, const struct epoll_event *ev)
{
	struct fio_thread *t = fio_enter();
	uint64_t entry = fio_fd_get(epfd), member = fio_fd_get(fd);
	struct poller *p = poller_of(entry);

	/* Somebody else may be waiting there for what becomes ready here. */
	if (!t || !of_epoch(entry) || kind_of(entry) != POLLER) {
		if (fio_heir())
			tell_parent(fd);
		if (of_epoch(member))
			fio_channels_share();
	} else if (fio_readable(t, ev, sizeof(*ev))) {
		bool own = of_epoch(member) && quiet(fd, member);

		fio_lock(&p->lock);
		if (p->id != (uint32_t)(entry >> 32))
			; /* another epoll has its place */
		else if (own)
			add_waker(p, ev->data.u64, member);
		else
			add_shared(p, ev->data.u64);
		fio_unlock(&p->lock);
	}
	if (t)
		fio_leave(t);
}

void fio_acquire_events_slow(int epfd, const struct epoll_event *ev, int n)
{
	struct fio_thread *t = fio_enter();
	uint64_t entry = current(epfd);
	struct poller *p = poller_of(entry);
	bool own = t && entry && kind_of(entry) == POLLER && !atomic_load(&blind);

	if (own) {
		fio_lock(&p->lock);
		own = p->id == (uint32_t)(entry >> 32);
		for (int i = 0; own && i < n; i++)
			own = waker(p, ev[i].data.u64) >= 0;
		fio_unlock(&p->lock);
	}
	if (!own)
		fio_acquire_slow();
	if (t)
		fio_leave(t);
}

/* ---- made, duplicated ---- */

void fio_channel_made(int fd, uint32_t epoch, bool poller, bool cloexec)
{
	struct fio_thread *t = fio_enter();
	enum kind kind;
	struct stat st;
	uint32_t id;

	if (!t)
		return;
	if (fd >= HIGHEST || epoch >= EPOCH_MAX || sys_fstat(fd, &st) < 0)
		goto out;
	kind = inode_kind(&st);
	id = inode_id(&st);
	if (anonymous(&st)) {
		kind = poller ? POLLER : BY_NUMBER;
		id = 1 + atomic_fetch_add(&serial, 1);
		if (poller)
			poller_begin(id);
	}
	if (cloexec)
		atomic_store(&any_kept, true);
	fio_fd_set(fd, entry_of(id, kind, cloexec));
	/*
	 * Looked at last: a fork that began before, or has ended meanwhile, has raised the epoch.
	 */
	if (atomic_load(&forking) || atomic_load(&fio_channel_epoch) != epoch)
		fio_fd_clear(fd);
out:
	fio_leave(t);
}

void fio_channel_duplicated(int fd)
{
	uint64_t entry = fio_fd_get(fd);

	if (unlikely(fio_heir()))
		tell_parent(fd);
	if ((entry & 7) != FIO_FD_PRIVATE)
		return;
	if (kind_of(entry) >= BY_NUMBER)
		fio_fd_clear(fd);
	else
		inherits(entry);
}

void fio_channel_cloexec(int fd, bool cloexec)
{
	uint32_t epoch = fio_channel_now();
	uint64_t entry = current(fd);

	if (!cloexec) {
		if (unlikely(fio_heir()))
			tell_parent(fd);
		inherits(fio_fd_get(fd));
	} else if (entry && !(entry & KEPT)) {
		atomic_store(&any_kept, true);
		fio_fd_set(fd, entry_of((uint32_t)(entry >> 32), kind_of(entry), true));
		if (atomic_load(&forking) || fio_channel_now() != epoch)
			fio_fd_clear(fd);
	}
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
	if (atomic_load(&any_poller)) {
		for (int i = 0; i < POLLERS; i++)
			atomic_store(&pollers[i].lock.word, 0);
		atomic_store(&any_poller, false);
	}
}
