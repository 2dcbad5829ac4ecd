/* SPDX-License-Identifier: MIT */
/*
 * killme.c - SIGKILL while 10,000 files are being written: what was acknowledged is there
 *
 * killme at N      the worker kills itself by a bare instruction when N closes have returned
 * killme random MS the observer stops the worker after about MS ms, reads in its memory how many
 *                  closes had returned, and kills it
 * The observer runs without the library; the worker counts in its own memory (peek.h): a pipe or
 * shared memory would be a channel, and make the library finish its work.
 */
#include "peek.h"

#include <dirent.h>
#include <sys/syscall.h>

#define FILES 10000
#define BIT 10 /* bytes of one write to the file that stays open */

static void file_name(char *p, size_t n, long i)
{
	snprintf(p, n, "k/%ld/f%ld", i % 7, i);
}

static size_t file_size(long i)
{
	return 50 + (size_t)(i % 400);
}

/* Some are new, some exist with the same size, some with another. */
static void fixture(void)
{
	char name[64];

	OK(mkdir("k", 0755));
	for (int i = 0; i < 7; i++)
		OK(mkdir(t_name("k/%d", i), 0755));
	for (long i = 0; i < FILES; i += 40) {
		file_name(name, sizeof(name), i);
		putn(name, i % 80 ? file_size(i) : 10, 3);
	}
}

__attribute__((noreturn)) static void die(void)
{
	for (;;) {
		long r;

		__asm__ volatile("syscall"
				 : "=a"(r)
				 : "a"((long)SYS_kill), "D"((long)getpid()), "S"((long)SIGKILL)
				 : "rcx", "r11", "memory");
	}
}

static void worker(long limit)
{
	char name[64], b[1024];
	int open_fd;

	open_fd = open("k/open", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	peek_ready();
	for (long i = 0; i < FILES; i++) {
		int fd;

		file_name(name, sizeof(name), i);
		fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		t_fill(b, file_size(i), (unsigned)i);
		if (fd < 0 || write(fd, b, file_size(i)) != (ssize_t)file_size(i) || close(fd) < 0)
			_exit(3);
		peek_area.acked = i + 1;
		if (i % 50 == 0) {
			t_fill(b, BIT, (unsigned)i);
			if (write(open_fd, b, BIT) != BIT)
				_exit(4);
			peek_area.acked_bytes += BIT;
		}
		if (i + 1 == limit) {
			/* the last of the open file, right before the end */
			t_fill(b, BIT, (unsigned)i);
			if (write(open_fd, b, BIT) != BIT)
				_exit(4);
			peek_area.acked_bytes += BIT;
			die();
		}
	}
	die();
}

/* How many of the acknowledged files are not there, or not complete. */
static long missing(long acked, bool print)
{
	char name[64], want[1024], got[1024];
	long bad = 0;

	for (long i = 0; i < acked; i++) {
		ssize_t n = -1;
		int fd;

		file_name(name, sizeof(name), i);
		fd = open(name, O_RDONLY);
		if (fd >= 0) {
			n = read(fd, got, sizeof(got));
			close(fd);
		}
		t_fill(want, file_size(i), (unsigned)i);
		if (n != (ssize_t)file_size(i) || memcmp(want, got, (size_t)n)) {
			if (print && bad < 10)
				out("%s: size %zd, should be %zu\n", name, n, file_size(i));
			bad++;
		}
	}
	return bad;
}

static long open_size(void)
{
	struct stat st;

	return stat("k/open", &st) < 0 ? -1 : (long)st.st_size;
}

/* Does anything still run that was loaded with the same statistics file? */
static bool left_over(void)
{
	const char *mark = getenv("FASTIO_STATS");
	DIR *d = opendir("/proc");
	struct dirent *e;
	bool found = false;

	while (mark && !found && (e = readdir(d))) {
		static char env[1 << 16];
		char *end = NULL;
		ssize_t n;
		int fd;

		if (e->d_name[0] < '1' || e->d_name[0] > '9' || atoi(e->d_name) == getpid() ||
		    atoi(e->d_name) == getppid())
			continue;
		fd = open(t_name("/proc/%s/environ", e->d_name), O_RDONLY);
		n = fd < 0 ? -1 : read(fd, env, sizeof(env));
		if (fd >= 0)
			close(fd);
		for (char *p = env; n > 0 && p < env + n; p = end + 1) {
			end = memchr(p, '\0', (size_t)(env + n - p));
			if (!end)
				break;
			if (!strncmp(p, "FASTIO_STATS=", 13) && !strcmp(p + 13, mark))
				found = true;
		}
	}
	closedir(d);
	return found;
}

int main(int argc, char **argv)
{
	long limit, acked, at_once, bad, bytes;
	bool random_moment;
	pid_t pid;
	int st, waited = 0;

	if (argc == 2 && !strcmp(argv[1], "--fixture")) {
		fixture();
		t_flush();
		return 0;
	}
	if (getenv("T_WORKER")) {
		worker(atol(argv[1]));
		return 1;
	}
	if (argc != 3)
		return 64;
	random_moment = !strcmp(argv[1], "random");
	limit = random_moment ? FILES : atol(argv[2]);
	pid = peek_start(t_name("%ld", limit));
	peek_go(pid);
	if (random_moment) {
		srand((unsigned)(getpid() ^ time(NULL)));
		usleep((useconds_t)(atol(argv[2]) * 1000 + rand() % 1000));
		kill(pid, SIGSTOP);
		waitpid(pid, &st, WUNTRACED);
		if (WIFSTOPPED(st)) {
			acked = peek_get(pid, &peek_area.acked);
			bytes = peek_get(pid, &peek_area.acked_bytes);
			kill(pid, SIGKILL);
			waitpid(pid, &st, 0);
		} else {
			acked = FILES;
			bytes = FILES / 50 * BIT;
		}
	} else {
		acked = limit;
		bytes = (limit + 49) / 50 * BIT + BIT;
		waitpid(pid, &st, 0);
	}
	at_once = missing(acked, false);
	out("died by signal %d\n", WIFSIGNALED(st) ? WTERMSIG(st) : 0);
	while (left_over() && waited++ < 200)
		usleep(10000);
	out("something still runs after two seconds: %d\n", left_over());
	bad = missing(acked, true);
	out("acknowledged but not complete: %ld\n", bad);
	out("bytes of the open file lost: %ld\n", open_size() >= bytes ? 0 : bytes - open_size());
	/*
	 * for the test that wants to know that work was really pending: it differs from run to run
	 */
	if (getenv("T_REPORT")) {
		FILE *f = fopen(getenv("T_REPORT"), "w");

		fprintf(f, "%ld\n", at_once);
		fclose(f);
	}
	t_flush();
	return 0;
}
