/* SPDX-License-Identifier: MIT */
/*
 * copy.c - copies files through one ring, each by one linked chain for small files
 *
 * cc copy.c $(pkg-config --cflags --libs fastio-core)
 */
#include <fastio/ring.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* open, write, close in one chain; the descriptor never gets a number */
static int64_t put_file(struct fastio_ring *ring, const char *path, void *data, size_t len)
{
	struct fastio_req q[3];
	int err;

	fastio_open(&q[0], AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	fastio_write(&q[1], FASTIO_FD_CHAIN, data, len, 0);
	fastio_close(&q[2], FASTIO_FD_CHAIN);
	fastio_link(&q[0], &q[1]);
	fastio_link(&q[1], &q[2]);
	err = fastio_ring_submit(ring, q, FASTIO_SUBMIT_WAIT);
	if (err)
		return err;
	for (int i = 0; i < 3; i++) /* the first that failed says why, the others -ECANCELED */
		fastio_ring_wait(ring, &q[i]);
	for (int i = 0; i < 3; i++)
		if (q[i].result < 0)
			return q[i].result;
	return q[1].result;
}

static int64_t get_file(struct fastio_ring *ring, const char *path, char *data, size_t room)
{
	struct fastio_req q;
	int64_t fd, n;

	fastio_open(&q, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	fd = fastio_ring_run(ring, &q);
	if (fd < 0)
		return fd;
	fastio_read(&q, (int)fd, data, room, 0);
	n = fastio_ring_run(ring, &q);
	fastio_close(&q, (int)fd);
	fastio_ring_run(ring, &q);
	return n;
}

int main(int argc, char **argv)
{
	enum { ROOM = 1 << 20 };
	struct fastio_ring *ring;
	char *data = malloc(ROOM);
	int64_t n;
	int err;

	if (argc != 3 || !data) {
		fprintf(stderr, "usage: copy FROM TO (a file of at most 1 MiB)\n");
		return 2;
	}
	err = fastio_ring_create(&ring, NULL);
	if (err) {
		fprintf(stderr, "copy: no ring: %s\n", strerror(-err));
		return 1;
	}
	n = get_file(ring, argv[1], data, ROOM);
	if (n >= 0)
		n = put_file(ring, argv[2], data, (size_t)n);
	if (n < 0)
		fprintf(stderr, "copy: %s to %s: %s\n", argv[1], argv[2], strerror((int)-n));
	else
		printf("%lld bytes by %s\n", (long long)n,
		       fastio_ring_is_uring(ring) ? "io_uring" : "plain calls");
	fastio_ring_destroy(ring);
	free(data);
	return n < 0;
}
