/* SPDX-License-Identifier: MIT */
/*
 * streams.c - new files that are written by streams
 */
#include "t.h"

#include <stdio_ext.h>
#include <sys/resource.h>
#include <wchar.h>

#define FILES 40
#define BLOCK 4096

static char text[3 * 7 * BLOCK + 1];

static FILE *fresh(const char *name, const char *mode)
{
	FILE *f = fopen(name, mode);

	if (!f)
		out("fopen %s %s: %s\n", name, mode, t_errno(errno));
	return f;
}

/* Files that it pays to defer, or no more would be after some that are looked at. */
static FILE *among_others(const char *name, const char *mode)
{
	char own[32];

	strcpy(own, name);
	for (int k = 0; k < 8; k++) {
		FILE *f = fresh(t_name("%s.%d", own, k), "w");

		fputs("others", f);
		OK(fclose(f));
	}
	return fresh(own, mode);
}

/* ---- output ---- */

/* Around the ends of blocks, by all that writes. */
static void put_some(FILE *f, int how, size_t n)
{
	switch (how % 8) {
	case 0:
		out("fwrite %zu\n", fwrite(text, 1, n, f));
		break;
	case 1:
		out("fwrite %zu\n", fwrite(text, n ? n : 1, 3, f));
		break;
	case 2:
		text[n] = '\0';
		out("fputs %d\n", fputs(text, f) >= 0);
		t_fill(text, sizeof(text), 1);
		break;
	case 3:
		out("fprintf %d\n", fprintf(f, "%.*s|%d|%s\n", (int)n, text, how, "end"));
		break;
	case 4:
		for (size_t i = 0; i < n; i++)
			putc(text[i], f);
		break;
	case 5:
		for (size_t i = 0; i < n; i++)
			putc_unlocked(text[i], f);
		out("putw %d\n", putw(12345, f));
		break;
	case 6:
		out("fwrite_unlocked %zu\n", fwrite_unlocked(text, 1, n, f));
		break;
	case 7:
		out("fputc %d\n", fputc('c', f));
		out("fwrite of none %zu %zu\n", fwrite(text, 0, n, f), fwrite(text, n, 0, f));
		break;
	}
}

static const size_t sizes[] = {0,         1,          100,       BLOCK - 1,     BLOCK,
			       BLOCK + 1, BLOCK + 76, 2 * BLOCK, 2 * BLOCK + 5, 7 * BLOCK};

static void outputs(bool looks)
{
	for (int i = 0; i < (int)T_COUNT(sizes) * 8; i++) {
		const char *name = t_name("out%d", i);
		FILE *f = among_others(name, i & 1 ? "w" : "w+b");

		for (int k = 0; k < 4; k++) {
			put_some(f, i + k * 3, sizes[(i / 8 + (size_t)k) % T_COUNT(sizes)]);
			if (looks && k == i % 4)
				show(t_name("out%d", i));
		}
		R(ferror(f));
		R(fclose(f));
	}
	for (int i = 0; i < (int)T_COUNT(sizes) * 8; i++)
		show(t_name("out%d", i));
}

CASE(output)
{
	outputs(false);
}

CASE(output_is_read)
{
	outputs(true);
}

CASE(empty)
{
	for (int i = 0; i < FILES; i++)
		R(fclose(fresh(t_name("e%d", i), "w")));
	for (int i = 0; i < FILES; i++)
		show(t_name("e%d", i));
}

/* ---- offsets, descriptors, buffers ---- */

CASE(offsets)
{
	fpos_t pos;

	for (int i = 0; i < FILES; i++) {
		FILE *f = among_others(t_name("o%d", i), "w+");

		fwrite(text, 1, sizes[(size_t)i % T_COUNT(sizes)], f);
		switch (i / 10) {
		case 0:
			out("ftell %ld\n", ftell(f));
			break;
		case 1:
			R(fseek(f, i - 10, SEEK_SET));
			break;
		case 2:
			R(fgetpos(f, &pos));
			fputs("between", f);
			R(fsetpos(f, &pos));
			break;
		case 3:
			rewind(f);
			out("ftello %ld\n", (long)ftello(f));
			break;
		}
		fputs("more", f);
		out("lseek %ld\n", (long)lseek(fileno(f), 0, SEEK_CUR));
		R(fclose(f));
		show(t_name("o%d", i));
	}
}

CASE(descriptors)
{
	struct stat st;

	for (int i = 0; i < FILES; i++) {
		FILE *f = among_others(t_name("d%d", i), "w");
		int fd = fileno(f);

		out("fileno %d\n", fd);
		fputs("stream ", f);
		switch (i % 10) {
		case 0:
			R(write(fd, "raw ", 4));
			fputs("stream", f);
			break;
		case 1:
			R(write(fd, text, 5000));
			R(fchmod(fd, 0600));
			break;
		case 2:
			OK(fstat(fd, &st));
			out("size %ld mode %o\n", (long)st.st_size, st.st_mode);
			fputs("stream", f);
			R(write(fd, "raw", 3));
			break;
		case 3:
			R(fflush(f));
			OK(fstat(fd, &st));
			out("size %ld\n", (long)st.st_size);
			R(ftruncate(fd, 3));
			break;
		case 4:
			R(close(fd));
			break;
		case 5:
			R(close(dup(fd)));
			R(fflush(f));
			break;
		case 6:
			R(dup2(2, fd));
			break;
		case 7:
			out("flags %x %x\n", fcntl(fd, F_GETFL) & ~O_LARGEFILE, fcntl(fd, F_GETFD));
			R(fsync(fd));
			break;
		case 8:
			R(fflush(f));
			R(write(fd, "raw ", 4));
			fputs("stream", f);
			R(fflush_unlocked(f));
			break;
		case 9:
			out("read %zu", fread(text + 100, 1, 10, f));
			out(" error %d\n", ferror(f) != 0);
			t_fill(text, sizeof(text), 1);
			break;
		}
		/* the number that the program has closed may be anybody's */
		if (i % 10 == 4)
			__fpurge(f);
		if (i % 10 == 6)
			out("fclose\n"), __fpurge(f), fclose(f);
		else
			R(fclose(f));
	}
	for (int i = 0; i < FILES; i++)
		show(t_name("d%d", i));
}

CASE(buffers)
{
	static char own[3000];

	for (int i = 0; i < FILES; i++) {
		const char *name = t_name("b%d", i);
		FILE *f = among_others(name, "w");

		if (i & 1)
			fputs("before\n", f);
		switch (i / 2 % 8) {
		case 0:
			R(setvbuf(f, NULL, _IONBF, 0));
			break;
		case 1:
			R(setvbuf(f, NULL, _IOLBF, 0));
			break;
		case 2:
			R(setvbuf(f, own, _IOFBF, sizeof(own)));
			break;
		case 3:
			setbuf(f, NULL);
			break;
		case 4:
			setlinebuf(f);
			break;
		case 5:
			setbuffer(f, own, 200);
			break;
		case 6:
			setbuffer(f, own, 100);
			break;
		case 7:
			setbuffer(f, own, 128);
			break;
		}
		fputs("a line\nand ", f);
		fputc('x', f);
		show(t_name("b%d", i));
		fwrite(text, 1, 3500, f);
		fprintf(f, "%d\n", i);
		show(t_name("b%d", i));
		R(fclose(f));
		show(t_name("b%d", i));
	}
}

CASE(wide)
{
	for (int i = 0; i < FILES; i++) {
		FILE *f = among_others(t_name("w%d", i), "w+");

		if (i % 3 == 1)
			out("fwide %d\n", fwide(f, 1) > 0);
		if (i % 3 == 2)
			fputs("bytes ", f);
		out("fputws %d\n", fputws(L"wide ", f) >= 0);
		out("fwprintf %d\n", fwprintf(f, L"%d %ls", i, L"text"));
		out("fputwc %d\n", fputwc(L'c', f) == L'c');
		for (int k = 0; k < 2000 * (i % 2); k++)
			putwc(L'p', f);
		out("fputs %d\n", fputs("bytes", f) >= 0);
		show(t_name("w%d", i));
		R(fclose(f));
		show(t_name("w%d", i));
	}
}

CASE(read_back)
{
	char line[100];

	for (int i = 0; i < FILES; i++) {
		FILE *f = among_others(t_name("r%d", i), "w+");

		fprintf(f, "one\ntwo\n%d\n", i);
		fwrite(text, 1, sizes[(size_t)i % T_COUNT(sizes)], f);
		if (i & 1)
			rewind(f);
		else
			R(fseek(f, -3, SEEK_END));
		out("got %s\n", fgets(line, sizeof(line), f) ? line : "nothing");
		out("getc %d\n", getc(f));
		R(fseek(f, 0, SEEK_CUR));
		fputs("over", f);
		R(fclose(f));
		show(t_name("r%d", i));
	}
}

CASE(reopened)
{
	for (int i = 0; i < FILES; i++) {
		FILE *f = among_others(t_name("p%d", i), "w");

		fputs("first", f);
		f = freopen(i & 1 ? t_name("q%d", i) : NULL, i & 1 ? "w" : "a", f);
		if (!f) {
			out("freopen: %s\n", t_errno(errno));
			continue;
		}
		out("fileno %d\n", fileno(f));
		fputs("second", f);
		R(fclose(f));
		show(t_name("p%d", i));
		show(t_name("q%d", i));
	}
}

/* ---- opening ---- */

CASE(opening)
{
	static const char *const modes[] = {"w",   "wb", "w+",          "wb+", "we",
					    "w+e", "wx", "wc",          "wm",  "a",
					    "a+",  "r+", "w,ccs=UTF-8", "x",   ""};
	FILE *f;

	OK(mkdir("dir", 0755));
	OK(symlink("target", "link"));
	for (unsigned i = 0; i < T_COUNT(modes) * 4; i++) {
		const char *mode = modes[i / 4];
		const char *name = i % 4 == 0   ? t_name("m%u", i)
				   : i % 4 == 1 ? "there"
				   : i % 4 == 2 ? "dir"
						: "missing/file";

		f = fopen(name, mode);
		out("%s %s: %s\n", name, mode, f ? "opened" : t_errno(errno));
		if (!f)
			continue;
		out("flags %x %x\n", fcntl(fileno(f), F_GETFL) & ~O_LARGEFILE,
		    fcntl(fileno(f), F_GETFD));
		fputs("content", f);
		OK(fclose(f));
	}
	f = fresh("link", "w");
	fputs("by link", f);
	R(fclose(f));
	f = fresh("/dev/null", "w");
	fputs("nowhere", f);
	R(fclose(f));
	show("there");
	show("target");
	umask(077);
	R(fclose(fresh("masked", "w")));
}

/* Over files that are there, again and again. */
CASE(again)
{
	for (int i = 0; i < FILES * 4; i++) {
		FILE *f = fresh(t_name("again%d", i % FILES), "w");

		out("%zu\n", fwrite(text, 1, sizes[(size_t)(i / 3) % T_COUNT(sizes)], f));
		R(fclose(f));
	}
	for (int i = 0; i < FILES; i++)
		show(t_name("again%d", i));
}

/* Names, in the middle of writing. */
CASE(names)
{
	for (int i = 0; i < FILES; i++) {
		FILE *f = among_others(t_name("n%d", i), "w");

		fwrite(text, 1, BLOCK + 10, f);
		switch (i % 4) {
		case 0:
			R(rename(t_name("n%d", i), t_name("moved%d", i)));
			break;
		case 1:
			R(unlink(t_name("n%d", i)));
			break;
		case 2:
			R(link(t_name("n%d", i), t_name("moved%d", i)));
			break;
		case 3:
			R(truncate(t_name("n%d", i), 5));
			break;
		}
		fputs("rest", f);
		R(fclose(f));
		show(t_name("n%d", i));
		show(t_name("moved%d", i));
	}
}

/* ---- ends ---- */

static FILE *left_open(void)
{
	FILE *f = NULL;

	for (int i = 0; i < FILES; i++) {
		f = fresh(t_name("l%d", i), "w");
		fprintf(f, "%d:", i);
		fwrite(text, 1, sizes[(size_t)i % T_COUNT(sizes)], f);
		fputs("tail", f);
	}
	return f;
}

CASE(returns)
{
	left_open();
}

CASE(exits)
{
	left_open();
	t_flush();
	exit(3);
}

CASE(leaves)
{
	left_open();
	t_flush();
	_exit(4);
}

CASE(closes_all)
{
	left_open();
	R(fcloseall());
}

CASE(is_killed)
{
	left_open();
	t_flush();
	kill(getpid(), SIGKILL);
}

CASE(forks)
{
	FILE *f = left_open();
	pid_t pid;
	int status;

	show("l5");
	pid = fork();
	if (pid == 0) {
		fputs("child", f);
		exit(0);
	}
	waitpid(pid, &status, 0);
	fputs("parent", f);
	out("status %x\n", status);
}

CASE(spawns)
{
	left_open();
	R(system("cat l3 l5 l6 | cksum >sums"));
	show("sums");
}

static void *writer(void *arg)
{
	for (int i = 0; i < 2000; i++)
		fputs("from a thread\n", arg);
	return NULL;
}

static void *closer(void *arg)
{
	fputs("last\n", arg);
	return (void *)(long)fclose(arg);
}

/* The order of lines is anybody's. */
static void count_lines(const char *name)
{
	static char all[1 << 20];
	int n[3] = {0}, fd = open(name, O_RDONLY);
	ssize_t len = read(fd, all, sizeof(all) - 1);

	close(fd);
	all[len > 0 ? len : 0] = '\0';
	for (char *line = strtok(all, "\n"); line; line = strtok(NULL, "\n"))
		n[!strcmp(line, "from main") ? 0 : !strcmp(line, "from a thread") ? 1 : 2]++;
	out("%s: %zd bytes, %d %d %d\n", name, len, n[0], n[1], n[2]);
	unlink(name);
}

CASE(threads)
{
	for (int i = 0; i < 8; i++) {
		FILE *f = fresh(t_name("t%d", i), "w");
		pthread_t a, b;
		void *r;

		fputs("from main\n", f);
		pthread_create(&a, NULL, writer, f);
		pthread_create(&b, NULL, writer, f);
		for (int k = 0; k < 1000; k++)
			fprintf(f, "%s\n", "from main");
		pthread_join(a, NULL);
		pthread_join(b, NULL);
		pthread_create(&a, NULL, closer, f);
		pthread_join(a, &r);
		out("fclose %ld\n", (long)r);
		count_lines(t_name("t%d", i));
	}
}

/* Numbers run out. */
CASE(no_numbers)
{
	struct rlimit lim = {24, 24};
	FILE *f[40];
	int n = 0;

	OK(setrlimit(RLIMIT_NOFILE, &lim));
	while (n < 40 && (f[n] = fopen(t_name("x%d", n), "w"))) {
		fprintf(f[n], "%d", n);
		n++;
	}
	out("%d, then %s\n", n, t_errno(errno));
	while (n)
		R(fclose(f[--n]));
}

static void fixture(void)
{
	int fd = open("there", O_WRONLY | O_CREAT, 0644);

	if (write(fd, "there before", 12) != 12 || close(fd))
		exit(1);
}

static const struct t_case cases[] = {
	C(output),  C(output_is_read), C(empty),      C(offsets),    C(descriptors), C(buffers),
	C(wide),    C(read_back),      C(reopened),   C(opening),    C(again),       C(names),
	C(returns), C(exits),          C(leaves),     C(closes_all), C(is_killed),   C(forks),
	C(spawns),  C(threads),        C(no_numbers),
};

int main(int argc, char **argv)
{
	t_fill(text, sizeof(text), 1);
	return t_main(argc, argv, cases, T_COUNT(cases), fixture);
}
