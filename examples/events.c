/* SPDX-License-Identifier: MIT */
/*
 * events.c - a program with a poll loop: results arrive by an eventfd, or by callbacks
 *
 * cc events.c $(pkg-config --cflags --libs fastio-core)
 */
#include <fastio/ring.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

/* In the actor's thread: short, and never waits */
static void opened(struct fastio_req *q, void *arg)
{
	int efd = *(int *)arg;

	if (q->result >= 0)
		close((int)q->result);
	eventfd_write(efd, 1);
}

int main(int argc, char **argv)
{
	struct fastio_req by_eventfd, by_callback;
	struct fastio_ring *ring;
	struct pollfd p = {.events = POLLIN};
	eventfd_t got, all = 0;
	struct statx sx;
	int efd = eventfd(0, EFD_CLOEXEC);

	if (argc != 2 || efd < 0) {
		fprintf(stderr, "usage: events FILE\n");
		return 2;
	}
	if (fastio_ring_create(&ring, NULL))
		return 1;
	fastio_statx(&by_eventfd, AT_FDCWD, argv[1], 0, STATX_SIZE, &sx);
	by_eventfd.eventfd = efd;
	fastio_open(&by_callback, AT_FDCWD, argv[1], O_RDONLY | O_CLOEXEC, 0);
	by_callback.done = opened;
	by_callback.arg = &efd;
	if (fastio_ring_submit(ring, &by_eventfd, 0) || fastio_ring_submit(ring, &by_callback, 0))
		return 1;
	p.fd = efd;
	while (all < 2 && poll(&p, 1, 5000) == 1 && eventfd_read(efd, &got) == 0)
		all += got;
	fastio_ring_destroy(ring); /* whatever is still under way is finished first */
	if (by_eventfd.result < 0 || by_callback.result < 0) {
		fprintf(stderr, "events: %s: %s\n", argv[1], strerror((int)-by_eventfd.result));
		return 1;
	}
	printf("%llu bytes, %llu events\n", (unsigned long long)sx.stx_size,
	       (unsigned long long)all);
	return 0;
}
