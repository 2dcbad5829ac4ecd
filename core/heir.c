/* SPDX-License-Identifier: MIT */
/*
 * heir.c - children between fork and exec, who hold what is close-on-exec
 */
#include "heir.h"

#include "channel.h"
#include "fio.h"
#include "hidden.h"
#include "lock.h"
#include "sys.h"

#define HEIRS 8      /* children that are waited for; a further one ends privacy */
#define MESSAGES 100 /* that surely fit into the socket; the last one says everything */
#define LOOKS 1000 /* in vain, after which a child is taken for one that never executes anything */

static struct {
	struct fio_lock lock;
	_Atomic int n;
	struct {
		int sock;       /* the parent's end, hidden */
		uint32_t looks; /* in vain */
	} of[HEIRS];
} heirs;

static int making[2] = {-1, -1}; /* the pair of the fork under way: parent's, child's end */
static int up = -1; /* the end of this process, if it is a child that may yet execute */
static int told;    /* messages sent */

bool fio_heir(void)
{
	return up >= 0;
}

void fio_heir_tells(uint64_t object)
{
	struct iovec iov = {&object, sizeof(object)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (up < 0)
		return;
	if (++told == MESSAGES)
		object = FIO_HEIR_ALL;
	if (sys_sendmsg(up, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == -EAGAIN) {
		/* Then it stays open: the parent will see no exec. */
		sys_fcntl(up, F_SETFD, 0);
		up = -1;
	} else if (object == FIO_HEIR_ALL) {
		fio_hidden_close(up);
		up = -1;
	}
}

bool fio_heirs_prepare(void)
{
	return fio_hidden_pair(&making[0], &making[1]);
}

void fio_heirs_end(void)
{
	int n;

	fio_channels_share();
	fio_lock(&heirs.lock);
	n = atomic_exchange(&heirs.n, 0);
	for (int i = 0; i < n; i++)
		fio_hidden_close(heirs.of[i].sock);
	fio_unlock(&heirs.lock);
}

/* In the parent after a fork that may have failed: then the other end is closed already. */
void fio_heirs_parent(void)
{
	int n;

	if (making[0] < 0)
		return;
	fio_hidden_close(making[1]);
	fio_lock(&heirs.lock);
	n = atomic_load(&heirs.n);
	if (n < HEIRS) {
		heirs.of[n].sock = making[0];
		heirs.of[n].looks = 0;
		atomic_store(&heirs.n, n + 1);
	}
	fio_unlock(&heirs.lock);
	if (n == HEIRS) {
		fio_hidden_close(making[0]);
		fio_channels_share();
	}
	making[0] = making[1] = -1;
}

int fio_heirs_child(void)
{
	if (atomic_load(&heirs.lock.word) || atomic_load(&heirs.n)) {
		heirs.lock = (struct fio_lock){0};
		atomic_store(&heirs.n, 0);
	}
	if (up >= 0 || making[1] >= 0) {
		up = making[1];
		told = 0;
		making[0] = making[1] = -1;
	}
	return up;
}

/* Reads all that has come; false when the other end is closed. */
static bool listen_to(int sock)
{
	for (;;) {
		uint64_t object = 0;
		struct iovec iov = {&object, sizeof(object)};
		struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n = sys_recvmsg(sock, &msg, MSG_DONTWAIT);

		if (n == -EAGAIN || n == -EINTR)
			return true;
		if (n <= 0)
			return false;
		if (object == FIO_HEIR_ALL)
			fio_channels_share();
		else
			fio_channel_handed_on(object);
	}
}

bool fio_heirs_hold(void)
{
	int n = atomic_load_explicit(&heirs.n, memory_order_relaxed);

	if (!n)
		return false;
	/* A signal handler may have come upon its own thread. */
	if (!fio_trylock_as(&heirs.lock, FIO_LOCK_HELD))
		return true;
	n = atomic_load(&heirs.n);
	for (int i = 0; i < n;) {
		bool open = listen_to(heirs.of[i].sock);

		if (open && ++heirs.of[i].looks < LOOKS) {
			i++;
			continue;
		}
		if (open)
			fio_channels_share();
		fio_hidden_close(heirs.of[i].sock);
		heirs.of[i] = heirs.of[--n];
	}
	atomic_store(&heirs.n, n);
	fio_unlock(&heirs.lock);
	return n > 0;
}
