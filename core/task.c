/* SPDX-License-Identifier: MIT */
/*
 * task.c - the background task: start, stop, mail, sleep
 *
 * Protocol of sleeping.  The task stores how it sleeps in `sleeping` (NAP: at most a millisecond,
 * DEEP: until woken), then looks at the queue once more, then polls.  Whoever queues something
 * looks at `sleeping` afterwards and, if the task should get up, swaps it to AWAKE and sends one
 * message.
 *
 * Protocol of mail.  A descriptor is sent before the intent that needs it is queued, so the task
 * may wait for it.  Messages carry the index and gen of what they belong to.
 */
#include "task.h"

#include <linux/sched.h>
#include <string.h>

#include "age.h"
#include "ahead.h"
#include "clock.h"
#include "counters.h"
#include "dir.h"
#include "engine.h"
#include "exec.h"
#include "fence.h"
#include "fio.h"
#include "gate.h"
#include "hidden.h"
#include "load.h"
#include "log.h"
#include "mem.h"
#include "options.h"
#include "pool.h"
#include "queue.h"
#include "sys.h"
#include "trace.h"
#include "util.h"

#define STACK (256u * 1024)
#define TLS_SIZE (64u * 1024)
#define WAKE_BATCH 8    /* queued intents that wake a napping task */
#define NAP_NS 1000000  /* the longest nap while something may come of age */
#define NAPS_TO_DEEP 20 /* naps without work before the task sleeps until woken */
#define MAIL_NS 50000   /* a worker looks whether the task has read what it waits for */
#define COPIES_MAX 100  /* files whose descriptors the task has at most */
#define CLOSE_TRIES 1000
#define SETTLE_TRIES 5
#define ORPHAN_EVERY 32 /* turns of work after which the task looks for the program */
#define SYS_pidfd_open_ 434
#define SYS_close_range_ 436
#define CLOSE_RANGE_UNSHARE_ 2u

enum { AWAKE, NAP, DEEP };

enum mail_type { MAIL_WAKE, MAIL_DIR, MAIL_FILE, MAIL_GIVE, MAIL_CLOSE, MAIL_LISTED };

struct mail {
	uint32_t type;  /* enum mail_type */
	uint32_t index; /* of the directory or intent; sender's processor; descriptor */
	uint32_t gen;   /* its gen when sent */
};

_Atomic uint32_t fio_copies;

static struct {
	_Atomic int pid;           /* 0: not running */
	_Atomic bool failed;       /* could not be started: do not try again */
	_Atomic bool stop;         /* asked to end */
	_Atomic uint32_t ready;    /* futex: 1 when the task runs on its own descriptor table */
	_Atomic uint32_t sleeping; /* AWAKE, NAP or DEEP */
	int sock;                  /* the program's end, hidden */
	int task_sock;             /* the task's end */
	bool used;                 /* it was started, or tried to */
	bool shared_start;         /* cloned with CLONE_FILES, unshares by itself */
	char *stack, *tls;         /* kept for the next start */
	struct fio_lock start_lock;
	struct fio_lock give_lock;       /* taking descriptors back */
	const struct fio_engine *engine; /* of the running task */
	uint64_t sigmask;                /* while starting */
} task = {.sock = -1, .task_sock = -1};

/* ---- mail ---- */

static int send_mail(int sock, enum mail_type type, uint32_t index, uint32_t gen, int fd)
{
	struct mail m = {type, index, gen};
	struct iovec iov = {&m, sizeof(m)};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		struct cmsghdr *c;

		memset(control, 0, sizeof(control));
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	return (int)sys_sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int receive_mail(int sock, struct mail *m, int *fd, int flags)
{
	struct iovec iov = {m, sizeof(*m)};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = sys_recvmsg(sock, &msg, flags | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;

	*fd = -1;
	if (n < (ssize_t)sizeof(*m))
		return n < 0 ? (int)n : -EPIPE;
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return 0;
}

void fio_task_copy_closed(void)
{
	if (atomic_fetch_sub(&fio_copies, 1) == 1)
		fio_queue_notify();
}

static void accept_mail(const struct mail *m, int fd)
{
	struct fio_intent *it;

	/* A descriptor for which there was no room is lost on the way. */
	if (fd < 0 && m->type == MAIL_FILE)
		fd = FIO_FD_LOST;
	switch ((enum mail_type)m->type) {
	case MAIL_DIR:
		atomic_store(&fio_dir_at(m->index)->task_fd, fd);
		return;
	case MAIL_FILE:
		it = fio_intent_at(m->index);
		if (it && atomic_load(&it->gen) == m->gen) {
			atomic_store(&it->task_fd, fd);
			if (atomic_load(&it->gen) == m->gen)
				return;
			/* Discarded meanwhile: one of the two sees the descriptor. */
			fd = atomic_exchange(&it->task_fd, -1);
		}
		if (fd != -1)
			fio_task_copy_closed();
		break;
	case MAIL_CLOSE:
		sys_close((int)m->index);
		fio_task_copy_closed();
		break;
	case MAIL_WAKE:
		fio_load_woken((int)m->index);
		break;
	case MAIL_LISTED:
		fio_ahead_got_dir(m->index, m->gen, fd);
		return;
	case MAIL_GIVE:
		break;
	}
	if (fd >= 0)
		sys_close(fd);
}

/* In the task: takes what has arrived; waits for at least one message if block. */
static void read_mail(bool block)
{
	struct mail m = {0};
	int fd;

	while (receive_mail(task.task_sock, &m, &fd, block ? 0 : MSG_DONTWAIT) == 0) {
		accept_mail(&m, fd);
		block = false;
	}
}

static bool has_mail(struct fio_intent *it)
{
	return (it->kind == FIO_KIND_WRITE ? atomic_load(&it->task_fd)
					   : atomic_load(&it->dir->task_fd)) != -1;
}

/* Mail wakes the task, and nobody else may read it: it would sleep on, and whoever wrote would think that it
 * is awake. */
void fio_task_await_mail(struct fio_intent *it)
{
	const struct timespec brief = {.tv_nsec = MAIL_NS};

	while (unlikely(!has_mail(it)))
		sys_nanosleep(&brief);
}

void fio_task_look_for_mail(void)
{
	read_mail(false);
}

void fio_task_send_dir(struct fio_dir *d)
{
	if (!fio_task_running())
		return; /* inherited at start */
	if (send_mail(task.sock, MAIL_DIR, d->index, atomic_load(&d->gen), d->fd) < 0)
		d->traits = 0;
	else
		d->sent = true;
}

bool fio_task_send_listed(uint32_t n, uint32_t gen, int fd)
{
	return fio_task_running() && send_mail(task.sock, MAIL_LISTED, n, gen, fd) >= 0;
}

bool fio_task_send_file(struct fio_intent *it, int fd)
{
	if (!fio_task_running() || atomic_load(&fio_copies) >= COPIES_MAX)
		return false;
	atomic_fetch_add(&fio_copies, 1);
	if (send_mail(task.sock, MAIL_FILE, it->index, atomic_load(&it->gen), fd) < 0) {
		atomic_fetch_sub(&fio_copies, 1);
		return false;
	}
	it->sent = true;
	return true;
}

void fio_task_close(int fd, bool by_task)
{
	if (by_task) {
		sys_close(fd);
		fio_task_copy_closed();
	} else if (fio_task_running()) {
		for (int i = 0; i < CLOSE_TRIES; i++) {
			const struct timespec ms = {.tv_nsec = 1000000};

			if (send_mail(task.sock, MAIL_CLOSE, (uint32_t)fd, 0, -1) != -EAGAIN)
				break;
			sys_nanosleep(&ms);
		}
	}
}

void fio_task_settle(void)
{
	if (!fio_task_running() || !atomic_load(&fio_copies))
		return;
	fio_task_wake();
	fio_queue_wait_copies();
}

void fio_task_settle_dirs(void)
{
	const struct timespec patience = {.tv_nsec = 20 * 1000 * 1000};
	uint32_t n;

	for (int i = 0; i < SETTLE_TRIES && (n = atomic_load(&fio_dirs_retired)); i++) {
		fio_task_check();
		if (!fio_task_running())
			return;
		fio_task_wake();
		sys_futex_wait(&fio_dirs_retired, n, &patience);
	}
}

void fio_task_give(struct fio_intent *it, int fd)
{
	/* No room in the socket: the program opens the file by its name instead. */
	if (send_mail(task.task_sock, MAIL_GIVE, it->index, atomic_load(&it->gen), fd) < 0)
		atomic_store(&it->task_fd, FIO_FD_LOST);
}

/* A descriptor of another intent has come first: out of the way of the program's numbers. */
static void keep_for(const struct mail *m, int fd)
{
	struct fio_intent *whose = fio_intent_at(m->index);

	if (!whose || atomic_load(&whose->gen) != m->gen) {
		if (fd >= 0)
			sys_close(fd);
		return;
	}
	fd = fd < 0 ? FIO_FD_LOST : fio_hide(fd);
	atomic_store(&whose->task_fd, fd < 0 ? FIO_FD_LOST : fd);
}

int fio_task_take(struct fio_intent *it)
{
	struct mail m = {0};
	int fd;

	fio_lock(&task.give_lock);
	while ((fd = atomic_load(&it->task_fd)) == -1) {
		if (receive_mail(task.sock, &m, &fd, 0) < 0) {
			fd = FIO_FD_LOST;
			break;
		}
		if (m.index == it->index && m.gen == atomic_load(&it->gen))
			break;
		keep_for(&m, fd);
	}
	atomic_store(&it->task_fd, -1);
	fio_unlock(&task.give_lock);
	return fd >= 0 ? fd : FIO_FD_LOST;
}

/* ---- waking ---- */

static uint32_t unclaimed(void)
{
	return fio_queue_unclaimed(fio_queue_head());
}

void fio_task_wake(void)
{
	if (!fio_task_running())
		return;
	if (atomic_exchange(&task.sleeping, AWAKE) != AWAKE) {
		fio_count(task_wakes);
		if (send_mail(task.sock, MAIL_WAKE, (uint32_t)fio_this_cpu(), 0, -1) == -EPIPE)
			fio_task_check();
	}
}

void fio_task_poke(bool queued)
{
	uint32_t s;

	atomic_thread_fence(memory_order_seq_cst);
	s = atomic_load_explicit(&task.sleeping, memory_order_relaxed);
	if (s == AWAKE)
		return;
	if (s == DEEP || (queued && unclaimed() >= WAKE_BATCH))
		fio_task_wake();
}

/* ---- the task itself ---- */

bool fio_task_orphaned(void)
{
	return SYS0(SYS_getppid) != fio_pid;
}

void fio_task_lag(void)
{
	struct timespec ts = {
		.tv_sec = fio_opt.lag_us / 1000000,
		.tv_nsec = fio_opt.lag_us % 1000000 * 1000,
	};

	if (fio_opt.lag_us)
		sys_nanosleep(&ts);
}

/* Claims up to n intents whose descriptors are here. */
static int collect(struct fio_intent **batch, int n)
{
	int got = 0;

	while (got < n) {
		struct fio_intent *it = fio_queue_claim(fio_queue_head(), false);

		if (!it)
			break;
		while (!has_mail(it))
			read_mail(true);
		batch[got++] = it;
	}
	return got;
}

/* Sleeps until woken (true), a millisecond passed, or the program died. */
static bool sleep_now(int pidfd, bool deep)
{
	struct pollfd fds[2] = {
		{.fd = task.task_sock, .events = POLLIN},
		{.fd = pidfd, .events = POLLIN},
	};
	const struct timespec nap = {.tv_nsec = NAP_NS};
	bool woken;

	atomic_store(&task.sleeping, deep ? DEEP : NAP);
	/* What the pool has not claimed yet is not for the task itself. */
	if (atomic_load(&task.stop) ||
	    (!fio_queue_pooled() && unclaimed() >= (deep ? 1 : WAKE_BATCH)) ||
	    (deep && (fio_pending() || atomic_load(&fio_dirs_retired)))) {
		atomic_store(&task.sleeping, AWAKE);
		return true;
	}
	sys_ppoll(fds, pidfd >= 0 ? 2 : 1, deep && pidfd >= 0 ? NULL : &nap);
	/* Mail alone (a directory) is not work to come. */
	woken = atomic_exchange(&task.sleeping, AWAKE) == AWAKE;
	if (fds[0].revents)
		read_mail(false);
	return woken;
}

static void work(int parent)
{
	struct fio_intent *batch[FIO_BATCH];
	int pidfd = (int)SYS2(SYS_pidfd_open_, parent, 0), idle = 0;
	uint32_t turns = 0;

	for (;;) {
		int64_t since;
		int n, flying;

		if (++turns % ORPHAN_EVERY == 0 && fio_task_orphaned()) {
			while (task.engine->reap(true))
				;
			fio_pool_drain();
			read_mail(false);
			fio_rescue();
			fio_trace_flush(true);
			return;
		}
		flying = task.engine->reap(false);
		if (fio_opt.lag_us && unclaimed())
			fio_task_lag();
		if (fio_fence_work())
			idle = 0;
		fio_pool_look();
		fio_load_look(task.engine->room() > 1);
		n = collect(batch, task.engine->room() - flying);
		if (n) {
			fio_count(task_batches);
			since = fio_trace_begin();
			task.engine->run(batch, n);
			fio_trace_batch(since, n);
			fio_trace_flush(false);
			idle = 0;
			continue;
		}
		if (flying) {
			task.engine->reap(true);
			continue;
		}
		if (fio_age_scan())
			idle = 0;
		if (atomic_load(&fio_dirs_retired)) {
			read_mail(false); /* their descriptors may still be on the way */
			fio_dirs_sweep();
		}
		if (atomic_load(&task.stop))
			return;
		turns = ORPHAN_EVERY - 1; /* after a sleep, look */
		if (sleep_now(pidfd, !fio_pending() && !atomic_load(&fio_dirs_retired) &&
					     ++idle > NAPS_TO_DEEP))
			idle = 0;
	}
}

/* Nothing of the program's but what is hidden, and its stderr if the log goes there. */
static void own_descriptors(void)
{
	bool keep = strcmp(fio_opt.log, "stderr") == 0;
	int lo = 0, hi = 0;

	if (!fio_hidden_bounds(&lo, &hi))
		return;
	if (task.shared_start) {
		SYS3(SYS_close_range_, hi, ~0U, CLOSE_RANGE_UNSHARE_);
		SYS3(SYS_close_range_, keep ? 3 : 0, lo - 1, 0);
		if (keep)
			SYS3(SYS_close_range_, 0, 1, 0);
		return;
	}
	for (int fd = 0; fd < lo; fd++) {
		if (fd != 2 || !keep)
			sys_close(fd);
	}
}

static int task_main(void *arg)
{
	int parent = (int)(intptr_t)arg;

	own_descriptors();
	SYS0(SYS_setsid);
	atomic_store(&task.ready, 1);
	sys_futex_wake(&task.ready, 1);
	if (task.engine->start() < 0) {
		task.engine = &fio_engine_sync;
		task.engine->start();
	}
	work(parent);
	task.engine->stop();
	return 0;
}

/* ---- start and stop ---- */

void *fio_task_tls(void)
{
	return task.tls + TLS_SIZE / 2;
}

bool fio_task_running(void)
{
	return atomic_load_explicit(&task.pid, memory_order_acquire) != 0;
}

static void inherit(struct fio_dir *d, void *arg)
{
	(void)arg;
	if (d->fd < 0)
		return;
	atomic_store(&d->task_fd, d->fd);
	d->sent = true;
}

static int clone_task(void)
{
	/* CLONE_FILES only until the task has unshared its table without ever copying ours. */
	unsigned long flags = CLONE_VM | CLONE_FS | CLONE_IO | CLONE_SETTLS;

	/* Asked without UNSHARE, which would part this thread's table from its siblings'. */
	task.shared_start = SYS3(SYS_close_range_, INT32_MAX, INT32_MAX, 0) == 0;
	if (task.shared_start)
		flags |= CLONE_FILES;
	return fio_clone(task_main, task.stack + STACK, flags, (void *)(intptr_t)sys_getpid(),
			 task.tls + TLS_SIZE / 2);
}

static void reap_task(int pid)
{
	while (SYS4(SYS_wait4, pid, NULL, 0x40000000 /* __WALL */, NULL) == -EINTR)
		;
}

/* Leaves it to be reaped by whoever takes over. */
static bool ended(int pid)
{
	siginfo_t si;

	si.si_pid = 0;
	return SYS5(SYS_waitid, 1 /* P_PID */, pid, &si,
		    0x01000000 /* WNOWAIT */ | 0x40000000 /* __WALL */ | 4 /* WEXITED */ |
			    1 /* WNOHANG */,
		    NULL) < 0 ||
	       si.si_pid == pid;
}

/* With the directories' lock held, so that each directory is either inherited or sent. */
static void start_locked(void)
{
	const struct timespec look = {0, 10000000}; /* it may be killed before it says so */
	const uint64_t all = ~0ULL;
	int pid;

	if (!task.stack) {
		task.stack = fio_region(STACK);
		task.tls = fio_region(TLS_SIZE);
		if (!task.stack || !task.tls)
			return;
	}
	/* The thread pointer of the task points to itself, as the ABI wants. */
	*(void **)(task.tls + TLS_SIZE / 2) = task.tls + TLS_SIZE / 2;
	if (!fio_hidden_pair(&task.sock, &task.task_sock))
		return;
	atomic_store(&task.stop, false);
	atomic_store(&task.ready, 0);
	atomic_store(&task.sleeping, AWAKE);
	task.engine = fio_opt.engine == FIO_ENGINE_SYNC    ? &fio_engine_sync
		      : fio_opt.engine == FIO_ENGINE_URING ? &fio_engine_uring
							   : &fio_engine_auto;
	fio_dirs_each_locked(inherit, NULL);
	fio_pool_reset();
	fio_ahead_reset();
	sys_sigmask(SIG_BLOCK, &all, &task.sigmask);
	pid = clone_task();
	sys_sigmask(SIG_SETMASK, &task.sigmask, NULL);
	if (pid < 0) {
		fio_hidden_close(task.sock);
		fio_hidden_close(task.task_sock);
		return;
	}
	while (!atomic_load(&task.ready) && !ended(pid))
		sys_futex_wait(&task.ready, 0, &look);
	fio_hidden_close(task.task_sock); /* its copy has the same number */
	if (!atomic_load(&task.ready)) {
		reap_task(pid);
		fio_hidden_close(task.sock);
		task.sock = -1;
		return;
	}
	fio_count(task_starts);
	atomic_store(&task.pid, pid);
}

bool fio_task_start(void)
{
	if (likely(fio_task_running()))
		return true;
	if (atomic_load(&task.failed))
		return false;
	fio_lock(&task.start_lock);
	task.used = true;
	if (!fio_task_running() && !atomic_load(&task.failed)) {
		fio_dirs_lock();
		start_locked();
		fio_dirs_unlock();
		if (!fio_task_running()) {
			atomic_store(&task.failed, true);
			fio_log("no background task (limits of processes or memory?): everything "
				"passes through",
				NULL);
		}
	}
	fio_unlock(&task.start_lock);
	return fio_task_running();
}

static void forget_dir(struct fio_dir *d, void *arg)
{
	(void)arg;
	atomic_store(&d->task_fd, -1);
	d->sent = false;
}

void fio_task_stop(void)
{
	int pid = atomic_load(&task.pid);

	if (!pid)
		return;
	atomic_store(&task.stop, true);
	fio_task_wake();
	reap_task(pid);
	atomic_store(&task.pid, 0);
	fio_hidden_close(task.sock);
	task.sock = -1;
	fio_dirs_lock();
	fio_dirs_each_locked(forget_dir, NULL);
	atomic_store(&fio_dirs_retired, 0);
	fio_dirs_unlock();
}

bool fio_task_gone(void)
{
	int pid = atomic_load(&task.pid);

	return pid && ended(pid);
}

bool fio_task_lost(void)
{
	return atomic_load(&task.failed) || fio_task_gone();
}

/* The task is dead and had this in hand. */
static bool take_back(struct fio_intent *it, void *arg)
{
	(void)arg;
	if (atomic_load(&it->aging)) {
		/* It came of age just then, and may be there by now. */
		fio_lock(&it->lock);
		it->oflags &= ~O_EXCL;
		atomic_store(&it->state, FIO_ST_OPEN);
		atomic_store(&it->aging, false);
		fio_unlock(&it->lock);
	}
	if (fio_state(it) == FIO_ST_FENCED)
		fio_fence_take_back(it);
	if (fio_state(it) != FIO_ST_TASKED)
		return true;
	if (atomic_load(&it->done)) {
		fio_complete_release(it, FIO_LOCK_HELD);
		return true;
	}
	it->made = true; /* it may have been begun */
	fio_queue_unclaim(it);
	fio_count(task_taken_over);
	return true;
}

void fio_task_check(void)
{
	const struct timespec settle = {.tv_nsec = 1000000};
	int pid;

	if (!fio_task_gone())
		return;
	fio_lock(&task.start_lock);
	pid = atomic_load(&task.pid);
	if (pid && fio_task_gone()) {
		reap_task(pid);
		atomic_store(&task.failed, true);
		atomic_store(&task.pid, 0);
		fio_log("the background task was killed: going on without it", NULL);
		/* Program threads that are just claiming or queuing something get past it. */
		sys_nanosleep(&settle);
		fio_intent_each(take_back, NULL);
		fio_take_over();
		atomic_store(&fio_copies, 0);
	}
	fio_unlock(&task.start_lock);
}

void fio_task_reset(void)
{
	if (!task.used)
		return;
	task.used = false;
	atomic_store(&task.pid, 0);
	atomic_store(&task.failed, false);
	atomic_store(&fio_copies, 0);
	atomic_store(&task.sleeping, AWAKE);
	task.start_lock = (struct fio_lock){0};
	task.give_lock = (struct fio_lock){0};
	fio_pool_reset();
	task.sock = -1;
	/* The stack belongs to a task of the parent only by address: this is our copy. */
}

const char *fio_task_engine(void)
{
	return task.engine ? task.engine->name : "off";
}
