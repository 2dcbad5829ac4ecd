/* SPDX-License-Identifier: MIT */
/*
 * gate.c - how a program thread enters and leaves the core
 */
#include "gate.h"

#include <string.h>

#include "fio.h"
#include "mem.h"
#include "sys.h"
#include "util.h"

_Atomic bool fio_on;
_Atomic bool fio_handlers;
int fio_pid;

static _Thread_local struct fio_thread self __attribute__((tls_model("initial-exec")));

static struct {
	_Alignas(FIO_CACHELINE) _Atomic uint32_t inside; /* threads of this shard in the core */
} gate[FIO_SHARDS + 1];

static _Atomic uint32_t closed;     /* the gate is closed; futex */
static _Atomic uint32_t next_shard; /* round robin */

struct fio_thread *fio_self(void)
{
	return &self;
}

static void block_signals(struct fio_thread *t)
{
	const uint64_t all = ~0ULL;

	sys_sigmask(SIG_BLOCK, &all, &t->sigmask);
	t->masked = true;
}

static void restore_signals(struct fio_thread *t)
{
	if (t->masked) {
		t->masked = false;
		sys_sigmask(SIG_SETMASK, &t->sigmask, NULL);
	}
}

void fio_unmask(struct fio_thread *t)
{
	restore_signals(t);
}

bool fio_vfork_child(void)
{
	return unlikely(self.vforked) && sys_getpid() != fio_pid;
}

void fio_vfork_ends(void)
{
	if (fio_vfork_child() && !self.vfork_over) {
		self.vfork_over = true;
		fio_channels_forked();
	}
}

void fio_vfork_goes_on(void)
{
	if (fio_vfork_child() && self.vfork_over) {
		fio_channels_fork();
		self.vfork_over = false;
	}
}

static bool admitted(struct fio_thread *t)
{
	if (t->depth)
		return false;
	if (unlikely(t->vforked)) {
		if (sys_getpid() != fio_pid)
			return false;
		t->vforked = false;
		/* The child has executed something, or is gone. */
		if (!t->vfork_over)
			fio_channels_forked();
		t->vfork_over = false;
		fio_acquire();
	}
	return true;
}

struct fio_thread *fio_enter(void)
{
	struct fio_thread *t = &self;

	if (!atomic_load_explicit(&fio_on, memory_order_relaxed) || !admitted(t))
		return NULL;
	/* In this order: a handler that still gets in is no guest of ours. */
	if (atomic_load_explicit(&fio_handlers, memory_order_relaxed))
		block_signals(t);
	atomic_signal_fence(memory_order_seq_cst);
	t->depth = 1;
	atomic_signal_fence(memory_order_seq_cst);
	if (unlikely(!t->shard))
		t->shard = (uint8_t)(1 + atomic_fetch_add(&next_shard, 1) % FIO_SHARDS);
	for (;;) {
		atomic_fetch_add(&gate[t->shard].inside, 1);
		if (likely(!atomic_load(&closed)))
			break;
		atomic_fetch_sub(&gate[t->shard].inside, 1);
		sys_futex_wait(&closed, 1, NULL);
	}
	if (likely(atomic_load(&fio_on)))
		return t;
	/* Whoever had closed it has ended deferral. */
	fio_leave(t);
	return NULL;
}

void fio_leave(struct fio_thread *t)
{
	atomic_fetch_sub_explicit(&gate[t->shard].inside, 1, memory_order_release);
	atomic_signal_fence(memory_order_seq_cst);
	t->depth = 0;
	restore_signals(t);
}

bool fio_gate_close(struct fio_thread **out)
{
	struct fio_thread *t = &self;
	uint32_t open = 0;

	if (!admitted(t))
		return false;
	/* In this order: a handler that still gets in is no guest of ours. */
	if (atomic_load_explicit(&fio_handlers, memory_order_relaxed))
		block_signals(t);
	atomic_signal_fence(memory_order_seq_cst);
	t->depth = 1;
	atomic_signal_fence(memory_order_seq_cst);
	if (!t->shard)
		t->shard = (uint8_t)(1 + atomic_fetch_add(&next_shard, 1) % FIO_SHARDS);
	while (!atomic_compare_exchange_strong(&closed, &open, 1)) {
		sys_futex_wait(&closed, 1, NULL);
		open = 0;
	}
	for (int i = 1; i <= FIO_SHARDS; i++) {
		while (atomic_load(&gate[i].inside)) {
			const struct timespec brief = {.tv_nsec = 20000};

			sys_nanosleep(&brief);
		}
	}
	*out = t;
	return true;
}

void fio_gate_open(struct fio_thread *t)
{
	atomic_store(&closed, 0);
	sys_futex_wake(&closed, INT32_MAX);
	t->depth = 0;
	restore_signals(t);
}

void fio_gate_reset(void)
{
	for (int i = 0; i <= FIO_SHARDS; i++)
		atomic_store(&gate[i].inside, 0);
	atomic_store(&closed, 0);
}

static bool page_readable(struct fio_thread *t, uintptr_t page)
{
	char byte;
	struct iovec local = {&byte, 1}, remote = {(void *)page, 1};

	if (!page) /* looks like an empty slot, and is never mapped */
		return false;
	for (int i = 0; i < FIO_PAGE_CACHE; i++) {
		if (t->pages[i] == page)
			return true;
	}
	long r = SYS6(SYS_process_vm_readv, fio_pid, &local, 1, &remote, 1, 0);

	/* A sandbox may refuse the question; then the program is believed. */
	if (r != 1 && r != -EPERM && r != -ENOSYS)
		return false;
	t->pages[t->page_next++ % FIO_PAGE_CACHE] = page;
	return true;
}

bool fio_readable(struct fio_thread *t, const void *p, unsigned long n)
{
	uintptr_t page = (uintptr_t)p & ~4095UL, end = (uintptr_t)p + n;

	if (end < (uintptr_t)p)
		return false;
	for (; page < end; page += 4096) {
		if (!page_readable(t, page))
			return false;
	}
	return true;
}

long fio_pathlen(struct fio_thread *t, const char *path, long max)
{
	long n = 0;

	while (n < max) {
		uintptr_t at = (uintptr_t)path + (uintptr_t)n;
		long chunk = (long)(4096 - (at & 4095));
		const char *end;

		if (!path || !page_readable(t, at & ~4095UL))
			return -1;
		if (chunk > max - n)
			chunk = max - n;
		end = memchr(path + n, 0, (size_t)chunk);
		if (end)
			return end - path;
		n += chunk;
	}
	return -1;
}

long fio_copy_out(void *to, const void *from, unsigned long n)
{
	struct iovec local = {(void *)from, n}, remote = {to, n};

	return n ? SYS6(SYS_process_vm_writev, fio_pid, &local, 1, &remote, 1, 0) : 0;
}
