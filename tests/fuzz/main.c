/* SPDX-License-Identifier: MIT */
/*
 * main.c - differential fuzzer: random calls, stock and preloaded, must leave the same transcript
 *
 * Each list of operations is carried out by a process of its own, without the library and then with
 * it in one or more modes, always in a fresh directory of the same name.  The transcripts (values,
 * errno, contents, stat fields, what an unpreloaded observer sees at release points, how the
 * process ended, the final tree) are compared.  A list that differs is shrunk by leaving parts out.
 */
#define _GNU_SOURCE 1
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../progs/t.h"

static const struct mode {
	const char *name;
	const char *env[5];
} modes[] = {
	{"stock", {NULL}},
	{"sync", {"FASTIO_ENGINE=sync", "FASTIO_WARMUP=0"}},
	{"uring", {"FASTIO_ENGINE=uring", "FASTIO_WARMUP=0"}},
	{"synclag", {"FASTIO_ENGINE=sync", "FASTIO_WARMUP=0", "FASTIO_LAG_US=4000"}},
	{"lag", {"FASTIO_ENGINE=uring", "FASTIO_WARMUP=0", "FASTIO_LAG_US=4000"}},
	{"default", {NULL}},
	{"noage", {"FASTIO_ENGINE=uring", "FASTIO_WARMUP=0", "FASTIO_AGE_US=10000000"}},
	{"window",
	 {"FASTIO_ENGINE=sync", "FASTIO_WARMUP=0", "FASTIO_WINDOW=2", "FASTIO_AGE_US=100"}},
	{"group", {"FASTIO_ENGINE=sync", "FASTIO_WARMUP=0", "FASTIO_FSYNC=group"}},
	{"grouplag",
	 {"FASTIO_ENGINE=uring", "FASTIO_WARMUP=0", "FASTIO_FSYNC=group", "FASTIO_LAG_US=4000"}},
	{"off", {"FASTIO_ENGINE=off"}},
};

static struct {
	const char *lib, *dir, *src, *mode, *replay, *out;
	uint64_t seed;
	long ops, count, seconds;
	int tries;
	bool verbose, as_is;
} opt = {.dir = "/tmp", .src = ".", .mode = "rotate", .out = ".", .seed = 1, .ops = 80, .tries = 6};

static char base[256], work_dir[300], file_shared[300], file_ops[300], file_stats[300],
	file_err[300];
static int top_fd = -1;

/* ---- figures ---- */

#define DEFERRED 12
static struct {
	const char *name;
	long n;
} deferred[DEFERRED] = {{"\"create\":", 0},  {"\"write\":", 0}, {"\"close\":", 0},
			{"\"unlink\":", 0},  {"\"chmod\":", 0}, {"\"chown\":", 0},
			{"\"utimens\":", 0}, {"\"rmdir\":", 0}, {"\"rename\":", 0},
			{"\"link\":", 0},    {"\"fsync\":", 0}, {"\"trunc\":", 0}};
static long n_lists, n_runs, n_ops, n_late;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static char *slurp(const char *path, size_t *len)
{
	static char buf[1 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, sizeof(buf) - 1);

	if (fd >= 0)
		close(fd);
	*len = n < 0 ? 0 : (size_t)n;
	buf[*len] = 0;
	return buf;
}

/* Adds up the statistics lines of a run. */
static void read_stats(void)
{
	size_t len;
	char *text = slurp(file_stats, &len), *line, *save = NULL;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *at = strstr(line, "\"deferred\":"), *end = at ? strchr(at, '}') : NULL, *v;
		long late;

		for (int i = 0; end && i < DEFERRED - 1; i++) {
			v = strstr(at, deferred[i].name);
			if (v && v < end)
				deferred[i].n += atol(v + strlen(deferred[i].name));
		}
		v = strstr(line, deferred[DEFERRED - 1].name);
		if (v)
			deferred[DEFERRED - 1].n += atol(v + strlen(deferred[DEFERRED - 1].name));
		v = strstr(line, "\"late\":");
		late = v ? atol(v + 7) : 0;
		n_late += late;
		if (late)
			play_note("late errors: %ld\n", late);
	}
}

/* ---- one run ---- */

static int remove_entry(const char *path, const struct stat *st T_UNUSED, int type T_UNUSED,
			struct FTW *f T_UNUSED)
{
	return remove(path) && errno != ENOENT ? -1 : 0;
}

static void clear(const char *path)
{
	nftw(path, remove_entry, 64, FTW_DEPTH | FTW_PHYS);
}

static void fresh_dirs(bool nobody)
{
	char path[300];
	size_t n = (size_t)snprintf(path, sizeof(path), "%s/top", base);

	if (top_fd >= 0)
		close(top_fd);
	clear(path);
	mkdir(path, 0755);
	top_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* deep enough that no chain of ".." leads out */
	for (int i = 1; i <= 4; i++) {
		n += (size_t)snprintf(path + n, sizeof(path) - n, "/%d", i);
		if (mkdir(path, 0755) || (nobody && chown(path, 65534, 65534))) {
			perror(path);
			exit(70);
		}
	}
	snprintf(work_dir, sizeof(work_dir), "%s", path);
}

static void child_of(const struct mode *m, bool nobody, int socket)
{
	static char self[300], stats[320], preload[900];
	char *args[] = {self, (char *)"--play", file_shared, file_ops, work_dir, NULL};
	char *env[16];
	const char *first = getenv("FASTIO_TEST_FIRST"); /* a sanitizer's libraries */
	struct rlimit none = {0, 0}, many = {1024, 1024};
	int n = 0, fd;
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[len < 0 ? 0 : len] = 0;
	setrlimit(RLIMIT_CORE, &none);
	setrlimit(RLIMIT_NOFILE, &many);
	sigset_t nothing;

	sigemptyset(&nothing);
	sigprocmask(SIG_SETMASK, &nothing, NULL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid();
	umask(022);
	if (chdir(work_dir))
		_exit(71);
	/* 0 nothing, 1 and 2 a file, 3 the directory, 4 the socket */
	fd = open(work_dir, O_RDONLY | O_DIRECTORY);
	dup2(fd, 100);
	dup2(socket, 101);
	dup2(open("/dev/null", O_RDONLY), 0);
	dup2(open(file_err, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0666), 1);
	dup2(1, 2);
	dup2(100, 3);
	dup2(101, 4);
	syscall(SYS_close_range, 5, ~0u, 0);
	env[n++] = (char *)"PATH=/usr/local/bin:/usr/bin:/bin";
	if (m != modes) {
		snprintf(stats, sizeof(stats), "FASTIO_STATS=%s", file_stats);
		snprintf(preload, sizeof(preload), "LD_PRELOAD=%s%s%s", first ? first : "", first ? ":" : "",
			 opt.lib);
		env[n++] = stats;
		env[n++] = preload;
		for (int i = 0; i < 5 && m->env[i]; i++)
			env[n++] = (char *)m->env[i];
	}
	env[n] = NULL;
	if (nobody && (setgroups(0, NULL) || setgid(65534) || setuid(65534)))
		_exit(72);
	execve(self, args, env);
	_exit(127);
}

/* Waits for a child, a while. */
static bool wait_for(pid_t pid, int *status, double seconds)
{
	struct pollfd p = {(int)syscall(SYS_pidfd_open, pid, 0), POLLIN, 0};
	int r = poll(&p, 1, (int)(seconds * 1000));

	close(p.fd);
	if (r <= 0)
		return false;
	return waitpid(pid, status, 0) == pid;
}

/* Whatever the program has left comes to us: background tasks have to end by themselves. */
static int leftovers(void)
{
	double end = now() + 2.5;
	pid_t pid;
	int n = 0;

	while ((pid = waitpid(-1, NULL, WNOHANG | __WALL)) >= 0) {
		if (pid > 0)
			continue;
		if (now() > end) {
			char path[100];
			size_t len;

			snprintf(path, sizeof(path), "/proc/%d/task/%d/children", getpid(),
				 getpid());
			for (char *p = slurp(path, &len); *p;) {
				pid = (pid_t)strtol(p, &p, 10);
				if (pid > 0)
					kill(pid, SIGKILL);
				while (*p == ' ')
					p++;
			}
			waitpid(-1, NULL, __WALL);
			n++;
		} else {
			usleep(500);
		}
	}
	return n;
}

static bool as_nobody(const struct op *ops, int n)
{
	/*
	 * part of the list, so that it survives shrinking: by its first operation's spare argument
	 */
	return geteuid() == 0 && n > 0 && ops[0].a[5] == 1;
}

static char *run(const struct op *ops, int n, const struct mode *m, size_t *len)
{
	bool nobody = as_nobody(ops, n), tells = false;
	pid_t pid, watcher = -1;
	int pair[2], status = 0, left;
	char *copy;
	const char *text;
	FILE *f;

	f = fopen(file_ops, "we");
	if (!f)
		exit(70);
	write_ops(f, ops, n);
	fclose(f);
	for (int i = 0; i < n; i++)
		tells |= ops[i].code == OP_tell;
	fresh_dirs(nobody);
	close(open(file_stats, O_WRONLY | O_CREAT | O_TRUNC, 0666));
	chmod(file_stats, 0666);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		exit(70);
	play_reset(file_shared, 0);
	if (tells) {
		watcher = fork();
		if (watcher == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(pair[0]);
			/* the program's user may signal it */
			if (nobody && setresuid(65534, 0, 0))
				_exit(1);
			play_observe(top_fd, pair[1], work_dir);
			_exit(0);
		}
		play_reset(file_shared, watcher);
	}
	pid = fork();
	if (pid == 0) {
		child_of(m, nobody, pair[0]);
	}
	close(pair[0]);
	close(pair[1]);
	if (!wait_for(pid, &status, 30)) {
		play_note("HANGS\n");
		kill(pid, SIGKILL);
		wait_for(pid, &status, 5);
	}
	if (watcher > 0) {
		kill(watcher, SIGKILL);
		waitpid(watcher, NULL, 0);
	}
	left = leftovers();
	play_note("ended: %x\n", (unsigned)status);
	if (left)
		play_note("LEFT: %d processes\n", left);
	play_dump(top_fd);
	copy = slurp(file_err, len);
	play_note("%.3000s", copy);
	if (m != modes)
		read_stats();
	text = play_text(len);
	copy = malloc(*len + 1);
	if (!copy)
		exit(70);
	memcpy(copy, text, *len);
	copy[*len] = 0;
	n_runs++;
	n_ops += n;
	return copy;
}

/* ---- comparing and shrinking ---- */

struct outcome {
	char *text;
	size_t len;
};

static bool same(const struct outcome *a, const struct outcome *b)
{
	return a->len == b->len && !memcmp(a->text, b->text, a->len);
}

/* Does the list differ in this mode, in any of so many tries? */
static bool differs(const struct op *ops, int n, const struct mode *m, int tries)
{
	struct outcome stock, other;
	bool bad = false;

	stock.text = run(ops, n, modes, &stock.len);
	for (int i = 0; i < tries && !bad; i++) {
		other.text = run(ops, n, m, &other.len);
		bad = !same(&stock, &other);
		free(other.text);
	}
	if (bad) {
		/* Is stock the same twice? */
		other.text = run(ops, n, modes, &other.len);
		bad = same(&stock, &other);
		free(other.text);
	}
	free(stock.text);
	return bad;
}

static int shrink(struct op *ops, int n, const struct mode *m, int tries, double seconds)
{
	static struct op part[OPS_MAX];
	double end = now() + seconds;
	int chunk = n / 2;

	while (chunk >= 1 && now() < end) {
		bool any = false;

		for (int at = n - chunk; at > -chunk && now() < end; at -= chunk) {
			int from = at < 0 ? 0 : at, k = n - chunk - (at < 0 ? at : 0);

			if (k <= 0 || k >= n)
				continue;
			memcpy(part, ops, (size_t)from * sizeof(*ops));
			memcpy(part + from, ops + from + (n - k),
			       (size_t)(k - from) * sizeof(*ops));
			if (from == 0)
				part[0].a[5] = ops[0].a[5];
			if (differs(part, k, m, tries)) {
				memcpy(ops, part, (size_t)k * sizeof(*ops));
				n = k;
				any = true;
			}
		}
		if (chunk == 1 && !any)
			break;
		if (!any || chunk > n / 2)
			chunk = chunk > 1 ? chunk / 2 : 1;
	}
	return n;
}

/* The first lines that differ. */
static void show_difference(const struct outcome *a, const struct outcome *b)
{
	const char *p = a->text, *q = b->text;
	int context = 0;

	while (*p && *q) {
		size_t n = strcspn(p, "\n"), k = strcspn(q, "\n");

		if (n != k || memcmp(p, q, n)) {
			printf("  stock:     %.*s\n  preloaded: %.*s\n", (int)n, p, (int)k, q);
			if (++context == 4)
				return;
		}
		p += n + (p[n] == '\n');
		q += k + (q[k] == '\n');
	}
	if (*p || *q)
		printf("  %s ends early; the other goes on: %.200s\n", *p ? "preloaded" : "stock",
		       *p ? p : q);
}

static void report(struct op *ops, int n, const struct mode *m, uint64_t seed,
		   const struct outcome *a, const struct outcome *b)
{
	char path[600];
	struct outcome stock, other;
	FILE *f;

	printf("DIFFERENT: seed %lu, mode %s, %d operations\n", (unsigned long)seed, m->name, n);
	show_difference(a, b);
	fflush(stdout);
	if (opt.as_is)
		return;
	if (!differs(ops, n, m, opt.tries * 3)) {
		printf("  not again in %d tries\n", opt.tries * 3);
		snprintf(path, sizeof(path), "%s/fuzz-%lu-%s.ops", opt.out, (unsigned long)seed,
			 m->name);
		f = fopen(path, "we");
		if (f) {
			write_ops(f, ops, n);
			fclose(f);
		}
		return;
	}
	n = shrink(ops, n, m, opt.tries, 90);
	stock.text = run(ops, n, modes, &stock.len);
	for (int i = 0; i < opt.tries * 3; i++) {
		other.text = run(ops, n, m, &other.len);
		if (!same(&stock, &other))
			break;
		if (i < opt.tries * 3 - 1)
			free(other.text);
	}
	printf("shrunk to %d operations:\n", n);
	write_ops(stdout, ops, n);
	show_difference(&stock, &other);
	snprintf(path, sizeof(path), "%s/fuzz-%lu-%s.c", opt.out, (unsigned long)seed, m->name);
	f = fopen(path, "we");
	if (f) {
		print_program(f, ops, n, opt.src);
		fclose(f);
		printf("as a C program: %s\n", path);
	}
	snprintf(path, sizeof(path), "%s/fuzz-%lu-%s.ops", opt.out, (unsigned long)seed, m->name);
	f = fopen(path, "we");
	if (f) {
		write_ops(f, ops, n);
		fclose(f);
	}
	fflush(stdout);
	free(stock.text);
	free(other.text);
}

static bool compare(struct op *ops, int n, const struct mode *m, uint64_t seed,
		    struct outcome *stock)
{
	struct outcome other;
	bool bad;

	if (!stock->text)
		stock->text = run(ops, n, modes, &stock->len);
	other.text = run(ops, n, m, &other.len);
	bad = !same(stock, &other);
	if (bad) {
		struct outcome again;

		again.text = run(ops, n, modes, &again.len);
		if (same(stock, &again))
			report(ops, n, m, seed, stock, &other);
		else if (opt.verbose)
			printf("seed %lu: stock differs from itself\n", (unsigned long)seed);
		bad = same(stock, &again);
		if (!bad && opt.verbose)
			show_difference(stock, &again);
		free(again.text);
	}
	free(other.text);
	return bad;
}

static void usage(FILE *f)
{
	fprintf(f, "fuzz: random calls, stock and preloaded, must leave the same transcript\n"
		   "  --lib FILE       the library\n"
		   "  --dir DIRECTORY  where to work (default /tmp)\n"
		   "  --src DIRECTORY  the fuzzer's source, for printed programs\n"
		   "  --out DIRECTORY  where to put what was found (default .)\n"
		   "  --seed N         first seed (default 1)\n"
		   "  --count N        lists to try; --seconds N: or so long\n"
		   "  --ops N          operations per list (default 80)\n"
		   "  --mode MODE      rotate (two modes per list), all, or one of:");
	for (size_t i = 1; i < T_COUNT(modes); i++)
		fprintf(f, " %s", modes[i].name);
	fprintf(f, "\n"
		   "  --replay FILE    a list from a file instead of a seed\n"
		   "  --tries N        runs per step of shrinking (default 6)\n"
		   "  --no-shrink      only say what differs\n"
		   "  --verbose        also lists that stock answers differently twice\n");
}

static void parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{"lib", 1, NULL, 'l'},     {"dir", 1, NULL, 'd'},   {"src", 1, NULL, 'S'},
		{"seed", 1, NULL, 's'},    {"count", 1, NULL, 'c'}, {"seconds", 1, NULL, 't'},
		{"ops", 1, NULL, 'o'},     {"mode", 1, NULL, 'm'},  {"replay", 1, NULL, 'r'},
		{"tries", 1, NULL, 'T'},   {"out", 1, NULL, 'O'},   {"no-shrink", 0, NULL, 'n'},
		{"verbose", 0, NULL, 'v'}, {"help", 0, NULL, 'h'},  {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'l':
			opt.lib = optarg;
			break;
		case 'd':
			opt.dir = optarg;
			break;
		case 'S':
			opt.src = optarg;
			break;
		case 'O':
			opt.out = optarg;
			break;
		case 's':
			opt.seed = strtoul(optarg, NULL, 10);
			break;
		case 'c':
			opt.count = atol(optarg);
			break;
		case 't':
			opt.seconds = atol(optarg);
			break;
		case 'o':
			opt.ops = atol(optarg);
			break;
		case 'm':
			opt.mode = optarg;
			break;
		case 'r':
			opt.replay = optarg;
			break;
		case 'T':
			opt.tries = atoi(optarg);
			break;
		case 'n':
			opt.as_is = true;
			break;
		case 'v':
			opt.verbose = true;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(64);
		}
	}
	opt.lib = opt.lib ? realpath(opt.lib, NULL) : NULL;
	if (!opt.lib || access(opt.lib, R_OK)) {
		fprintf(stderr, "fuzz: no library: give %s\n", "--lib FILE");
		exit(64);
	}
}

static void prepare(void)
{
	sigset_t usr1;

	snprintf(base, sizeof(base), "%.200s/fastio-fuzz.XXXXXX", opt.dir);
	if (!mkdtemp(base)) {
		perror(base);
		exit(70);
	}
	chmod(base, 0755);
	snprintf(file_shared, sizeof(file_shared), "%s/shared", base);
	snprintf(file_ops, sizeof(file_ops), "%s/ops", base);
	snprintf(file_stats, sizeof(file_stats), "%s/stats", base);
	snprintf(file_err, sizeof(file_err), "%s/err", base);
	close(open(file_shared, O_WRONLY | O_CREAT, 0666));
	chmod(file_shared, 0666);
	if (truncate(file_shared, 32 << 20)) {
		perror(file_shared);
		exit(70);
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGPIPE, SIG_IGN);
	/* the observer waits for it, from its first moment */
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
}

static bool wanted(size_t mode, uint64_t seed)
{
	if (!strcmp(opt.mode, "all"))
		return true;
	if (!strcmp(opt.mode, "rotate"))
		return mode == 1 + seed % (T_COUNT(modes) - 1) ||
		       mode == 1 + (seed * 5 + 3) % (T_COUNT(modes) - 2);
	return !strcmp(opt.mode, modes[mode].name);
}

int main(int argc, char **argv)
{
	static struct op ops[OPS_MAX], copy[OPS_MAX];
	double start, end;
	int n, failed = 0;

	if (argc > 1 && !strcmp(argv[1], "--play"))
		return play_main(argc, argv);
	if (argc > 1 && !strcmp(argv[1], "--dump"))
		return dump_main(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	parse(argc, argv);
	umask(0);
	prepare();
	start = now();
	end = opt.seconds ? start + (double)opt.seconds : 1e18;
	if (!opt.count)
		opt.count = opt.seconds ? 1000000000 : 100;
	if (opt.replay)
		opt.count = 1;
	for (uint64_t seed = opt.seed; seed < opt.seed + (uint64_t)opt.count && now() < end;
	     seed++) {
		struct outcome stock = {NULL, 0};

		if (opt.replay) {
			if (!read_ops(opt.replay, ops, &n)) {
				perror(opt.replay);
				return 66;
			}
		} else {
			n = generate(seed, ops, (int)opt.ops);
			ops[0].a[5] = seed % 4 == 3;
		}
		for (size_t i = 1; i < T_COUNT(modes); i++) {
			if (!wanted(i, seed))
				continue;
			memcpy(copy, ops, sizeof(ops[0]) * (size_t)n);
			failed += compare(copy, n, &modes[i], seed, &stock);
		}
		free(stock.text);
		n_lists++;
	}
	clear(base);
	printf("%ld lists, %ld runs, %ld operations in %.0f s, %d different; deferred:", n_lists,
	       n_runs, n_ops, now() - start, failed);
	for (int i = 0; i < DEFERRED; i++)
		printf(" %.*s %ld", (int)strlen(deferred[i].name) - 3, deferred[i].name + 1,
		       deferred[i].n);
	printf("; late errors %ld\n", n_late);
	return failed != 0;
}
