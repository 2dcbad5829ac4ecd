/* SPDX-License-Identifier: MIT */
/*
 * blocks.c - threads that read and write blocks of one file by direct I/O through one ring
 *
 * cc blocks.c $(pkg-config --cflags --libs fastio-core)
 */
#include <fastio/ring.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 4, BLOCKS = 16 };

static struct fastio_ring *ring;
static struct fastio_align align;
static int fd;

/* Each thread has its own blocks: writes them, reads them back, gives them to the file system. */
static void *blocks(void *arg)
{
	size_t me = (size_t)arg, size = align.offset < 4096 ? 4096 : align.offset;
	char *out = fastio_buffer_get(size, align.memory),
	     *in = fastio_buffer_get(size, align.memory);
	const char *failed = out && in ? NULL : "memory";
	struct fastio_req q;

	for (size_t i = 0; i < BLOCKS && !failed; i++) {
		uint64_t at = (me * BLOCKS + i) * size;

		memset(out, 'a' + (int)(i % 26), size);
		fastio_block_write(&q, fd, out, size, at);
		if (fastio_ring_run(ring, &q) != (int64_t)size)
			failed = "write";
		fastio_block_read(&q, fd, in, size, at);
		if (fastio_ring_run(ring, &q) != (int64_t)size || memcmp(in, out, size) != 0)
			failed = "read";
		fastio_discard(&q, fd, size, at);
		fastio_ring_run(ring, &q); /* not every file system can */
	}
	fastio_buffer_put(out);
	fastio_buffer_put(in);
	return (void *)failed;
}

int main(int argc, char **argv)
{
	struct fastio_latency l;
	pthread_t t[THREADS];
	int rc = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: blocks FILE (is made, and removed)\n");
		return 2;
	}
	fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0600);
	if (fd < 0) /* a file system without direct I/O */
		fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || fastio_ring_create(&ring, NULL)) {
		perror(argv[1]);
		return 1;
	}
	if (fastio_align_of(fd, &align))
		align = (struct fastio_align){4096, 4096};
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, blocks, (void *)i))
			return 1;
	for (int i = 0; i < THREADS; i++) {
		void *failed;

		pthread_join(t[i], &failed);
		if (failed) {
			fprintf(stderr, "blocks: %s failed\n", (char *)failed);
			rc = 1;
		}
	}
	fastio_ring_latency(ring, FASTIO_OP_BLOCK_WRITE, FASTIO_STAGE_COMPLETE, &l);
	printf("%llu writes, half of them within %llu us\n", (unsigned long long)l.count,
	       (unsigned long long)l.p50 / 1000);
	fastio_ring_destroy(ring);
	close(fd);
	unlink(argv[1]);
	return rc;
}
