/* SPDX-License-Identifier: MIT */
/*
 * loop.c - takes requests from the kernel, holds each until its time has come, counts them
 *
 * Protocol: the main thread alone reads requests, knows what time it is, and owns the heap of those
 * that travel; so a request that waits costs no thread.  What has arrived at the server it carries
 * out itself if that is a single request, so that a caller that asks one thing after another wakes
 * one thread.  More than one go into a queue, which the main thread and one thread for each other
 * processor empty; what may block in the backing file system goes into another, which is left to
 * threads of its own.
 */
#include "slowfs.h"

#include "../bench.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/uio.h>
#include <unistd.h>

enum { BLOCKERS = 8 };

#define NEVER UINT64_MAX

struct request {
	uint64_t due; /* when it has travelled, or NEVER: the server hangs */
	struct request *next;
	size_t size;
	_Alignas(struct fuse_in_header) char data[];
};

/* What counts as a round trip: the caller, or the kernel for it, waits for an answer. */
static const struct {
	const char *name;
	bool travels;
	bool blocks; /* it may take long in the backing file system */
} kinds[] = {
	[FUSE_LOOKUP] = {"lookup", true, false},
	[FUSE_FORGET] = {"forget", false, false},
	[FUSE_GETATTR] = {"getattr", true, false},
	[FUSE_SETATTR] = {"setattr", true, false},
	[FUSE_READLINK] = {"readlink", true, false},
	[FUSE_SYMLINK] = {"symlink", true, false},
	[FUSE_MKNOD] = {"mknod", true, false},
	[FUSE_MKDIR] = {"mkdir", true, false},
	[FUSE_UNLINK] = {"unlink", true, false},
	[FUSE_RMDIR] = {"rmdir", true, false},
	[FUSE_RENAME] = {"rename", true, false},
	[FUSE_LINK] = {"link", true, false},
	[FUSE_OPEN] = {"open", true, false},
	[FUSE_READ] = {"read", true, false},
	[FUSE_WRITE] = {"write", true, false},
	[FUSE_STATFS] = {"statfs", true, false},
	[FUSE_RELEASE] = {"release", false, false},
	[FUSE_FSYNC] = {"fsync", true, true},
	[FUSE_SETXATTR] = {"setxattr", true, false},
	[FUSE_GETXATTR] = {"getxattr", true, false},
	[FUSE_LISTXATTR] = {"listxattr", true, false},
	[FUSE_REMOVEXATTR] = {"removexattr", true, false},
	[FUSE_FLUSH] = {"flush", true, false},
	[FUSE_INIT] = {"init", false, false},
	[FUSE_OPENDIR] = {"opendir", true, false},
	[FUSE_READDIR] = {"readdir", true, false},
	[FUSE_RELEASEDIR] = {"releasedir", false, false},
	[FUSE_FSYNCDIR] = {"fsyncdir", true, true},
	[FUSE_ACCESS] = {"access", true, false},
	[FUSE_CREATE] = {"create", true, false},
	[FUSE_INTERRUPT] = {"interrupt", false, false},
	[FUSE_DESTROY] = {"destroy", false, false},
	[FUSE_BATCH_FORGET] = {"batch_forget", false, false},
	[FUSE_FALLOCATE] = {"fallocate", true, true},
	[FUSE_READDIRPLUS] = {"readdirplus", true, false},
	[FUSE_RENAME2] = {"rename2", true, false},
	[FUSE_LSEEK] = {"lseek", true, false},
	[FUSE_COPY_FILE_RANGE] = {"copy_file_range", true, true},
	[FUSE_SYNCFS] = {"syncfs", true, true},
	/* the others have no name of their own in the counts */
	[FUSE_SYNCFS + 1] = {"other", true, false},
};

enum { OTHER = FUSE_SYNCFS + 1, KINDS };

static struct fuse_session *session;
static const struct slowfs_options *opt;
static uint64_t counts[KINDS];
static uint64_t travelled;      /* requests that count as round trips */
static bool hanging;            /* what comes now is not answered */
static struct request **heap;   /* those under way, the next one due first */
static size_t n_heap, max_heap; /* and its size */
static uint64_t link_free;      /* when what was sent will have passed through the bandwidth */
static _Atomic uint64_t sent_back;
static struct rng rng;

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct request *first, **last;
	_Atomic size_t n;
};

static struct queue due = {
	.lock = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER, .last = &due.first};
static struct queue blocking = {.lock = PTHREAD_MUTEX_INITIALIZER,
				.filled = PTHREAD_COND_INITIALIZER,
				.last = &blocking.first};

static const struct fuse_in_header *header(const struct request *r)
{
	return (const struct fuse_in_header *)r->data;
}

static unsigned kind(const struct request *r)
{
	uint32_t op = header(r)->opcode;

	return op < OTHER && kinds[op].name ? op : OTHER;
}

/* ---- counts ---- */

static bool counts_write(void)
{
	bool first = true;
	char tmp[4200];
	FILE *f;

	if (!opt->counts)
		return true;
	snprintf(tmp, sizeof(tmp), "%s.new", opt->counts);
	f = fopen(tmp, "we");
	if (!f)
		return io_failed("write", tmp, errno), false;
	fprintf(f, "{\"round_trips\": %llu, \"requests\": {", (unsigned long long)travelled);
	for (unsigned k = 0; k < KINDS; k++) {
		if (!counts[k])
			continue;
		fprintf(f, "%s\"%s\": %llu", first ? "" : ", ", kinds[k].name,
			(unsigned long long)counts[k]);
		first = false;
	}
	fputs("}}\n", f);
	if (fclose(f) || rename(tmp, opt->counts))
		return io_failed("write", opt->counts, errno), false;
	return true;
}

/* ---- the heap ---- */

static void sift_up(size_t i)
{
	struct request *r = heap[i];

	for (; i && heap[(i - 1) / 2]->due > r->due; i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = r;
}

static void sift_down(size_t i)
{
	struct request *r = heap[i];
	size_t child;

	while ((child = 2 * i + 1) < n_heap) {
		if (child + 1 < n_heap && heap[child + 1]->due < heap[child]->due)
			child++;
		if (heap[child]->due >= r->due)
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = r;
}

static void *need(void *memory)
{
	if (memory)
		return memory;
	fputs("fastio-slowfs: out of memory\n", stderr);
	_exit(EXIT_IO);
}

static void heap_add(struct request *r)
{
	if (n_heap == max_heap) {
		max_heap = max_heap ? 2 * max_heap : 1024;
		heap = need(realloc(heap, max_heap * sizeof(struct request *)));
	}
	heap[n_heap] = r;
	sift_up(n_heap++);
}

static struct request *heap_take(size_t i)
{
	struct request *r = heap[i];

	n_heap--;
	if (i < n_heap) {
		heap[i] = heap[n_heap];
		sift_up(i);
		sift_down(i);
	}
	return r;
}

/* ---- time ---- */

void loop_sent(uint64_t bytes)
{
	if (opt->bandwidth)
		atomic_fetch_add(&sent_back, bytes);
}

static uint64_t arrival(uint64_t now, size_t bytes)
{
	uint64_t way_us = opt->latency_us;

	if (opt->jitter_us) {
		way_us += rng_below(&rng, 2 * opt->jitter_us + 1);
		way_us -= way_us < opt->jitter_us ? way_us : opt->jitter_us;
	}
	if (opt->bandwidth) {
		if (link_free < now)
			link_free = now;
		bytes += atomic_exchange(&sent_back, 0);
		link_free += (uint64_t)((double)bytes * 1e9 / (double)opt->bandwidth);
		now = link_free;
	}
	return now + way_us * 1000;
}

/* ---- hanging ---- */

static void hang(bool on)
{
	uint64_t now = now_ns();

	hanging = on;
	if (on)
		return;
	for (size_t i = 0; i < n_heap; i++) {
		if (heap[i]->due == NEVER)
			heap[i]->due = arrival(now, heap[i]->size);
	}
	for (size_t i = n_heap / 2; i-- > 0;)
		sift_down(i);
}

/* Whoever waits for a server that hangs and gets a signal waits no longer. */
static void interrupt(const struct fuse_in_header *h)
{
	uint64_t unique = ((const struct fuse_interrupt_in *)(h + 1))->unique;
	struct fuse_out_header answer = {.len = sizeof(answer), .error = -EINTR, .unique = unique};

	for (size_t i = 0; i < n_heap; i++) {
		if (heap[i]->due != NEVER || header(heap[i])->unique != unique)
			continue;
		free(heap_take(i));
		/* the caller may have been killed meanwhile: then there is nobody to answer */
		(void)!write(fuse_session_fd(session), &answer, sizeof(answer));
		return;
	}
}

/* ---- carrying out ---- */

static void carry_out(struct request *r)
{
	struct fuse_buf buf = {.size = r->size, .mem = r->data};

	fuse_session_process_buf(session, &buf);
	free(r);
}

static void queue_put(struct queue *q, struct request *r)
{
	r->next = NULL;
	pthread_mutex_lock(&q->lock);
	*q->last = r;
	q->last = &r->next;
	q->n++;
	pthread_mutex_unlock(&q->lock);
	pthread_cond_signal(&q->filled);
}

static struct request *queue_take(struct queue *q, bool wait)
{
	struct request *r;

	pthread_mutex_lock(&q->lock);
	while (wait && !q->first)
		pthread_cond_wait(&q->filled, &q->lock);
	r = q->first;
	if (r) {
		q->n--;
		q->first = r->next;
		if (!q->first)
			q->last = &q->first;
	}
	pthread_mutex_unlock(&q->lock);
	return r;
}

static void *helper(void *queue)
{
	for (;;)
		carry_out(queue_take(queue, true));
	return NULL;
}

/* Hands on what is due, but for one request, which is returned. */
static struct request *take_due(void)
{
	struct request *mine = NULL, *r;
	uint64_t now = now_ns();

	while (n_heap && heap[0]->due <= now) {
		r = heap_take(0);
		if (kinds[kind(r)].blocks)
			queue_put(&blocking, r);
		else if (mine || due.n)
			queue_put(&due, r);
		else
			mine = r;
	}
	return mine || !due.n ? mine : queue_take(&due, false);
}

/* A request has come from the kernel. */
static void received(const struct fuse_buf *buf)
{
	struct request *r = need(malloc(sizeof(*r) + buf->size));
	unsigned k;

	r->size = buf->size;
	memcpy(r->data, buf->mem, buf->size);
	k = kind(r);
	counts[k]++;
	if (k == FUSE_INTERRUPT) {
		interrupt(header(r));
		free(r);
		return;
	}
	if (!kinds[k].travels) {
		carry_out(r);
		return;
	}
	if (++travelled == opt->hang_after + 1 && opt->hang_after)
		hang(true);
	r->due = hanging ? NEVER : arrival(now_ns(), r->size);
	heap_add(r);
}

static int signals_open(void)
{
	static const int which[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(which) / sizeof(which[0]); i++)
		sigaddset(&set, which[i]);
	sigprocmask(SIG_BLOCK, &set, NULL); /* before there are threads */
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void signals_read(int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGUSR1:
			counts_write();
			break;
		case SIGUSR2:
			hang(!hanging);
			break;
		default:
			fuse_session_exit(session);
		}
	}
}

/* Until something happens, or the next request is due */
static void sleep_until_due(struct pollfd *fds)
{
	bool any = n_heap && heap[0]->due != NEVER;
	uint64_t now = any ? now_ns() : 0, ns = any && heap[0]->due > now ? heap[0]->due - now : 0;
	struct timespec t = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};

	if (due.n)
		t = (struct timespec){0};
	ppoll(fds, 2, any || due.n ? &t : NULL, NULL);
}

static bool helpers_start(struct queue *q, long n)
{
	pthread_t t;

	while (n-- > 0) {
		if (pthread_create(&t, NULL, helper, q))
			return false;
	}
	return true;
}

int loop_run(struct fuse_session *se, const struct slowfs_options *o)
{
	struct pollfd fds[2] = {{.events = POLLIN}, {.events = POLLIN}};
	struct fuse_buf buf = {0};
	struct request *r;

	session = se;
	opt = o;
	fds[0].fd = fuse_session_fd(se);
	fds[1].fd = signals_open();
	fcntl(fds[0].fd, F_SETFL, O_NONBLOCK);
	prctl(PR_SET_TIMERSLACK, 1);
	if (!helpers_start(&due, sysconf(_SC_NPROCESSORS_ONLN) - 1) ||
	    !helpers_start(&blocking, BLOCKERS))
		return io_failed("start", "a thread", EAGAIN);
	while (!fuse_session_exited(se)) {
		sleep_until_due(fds);
		if (fds[1].revents)
			signals_read(fds[1].fd);
		while (fds[0].revents && fuse_session_receive_buf(se, &buf) > 0)
			received(&buf);
		r = take_due();
		if (r)
			carry_out(r);
	}
	free(buf.mem);
	return counts_write() ? EXIT_OK : EXIT_IO;
}
