/* SPDX-License-Identifier: MIT */
/*
 * counters.c - the statistics line
 */
#include "counters.h"

#include <string.h>

#include "fmt.h"
#include "log.h"
#include "options.h"
#include "sys.h"
#include "util.h"

_Atomic uint64_t fio_counters[FIO_NCOUNTERS];

/* For 'fastio top', which reads a running process: a note, found by the program headers, with the places
 * of the counters, of their names in order, of what is pending, and of the pid, each from the note's
 * content on. */
#define X(group, name) #group "." #name " "
__attribute__((used)) const char fio_counters_layout[] = FIO_COUNTERS(X);
#undef X

__asm__(".pushsection .note.fastio, \"a\", %note\n"
	".balign 4\n"
	".long 7, 2f - 1f, 1\n"
	".asciz \"fastio\"\n"
	".balign 4\n"
	"1: .long fio_counters - 1b, fio_counters_layout - 1b, fio_live - 1b, fio_pid - 1b\n"
	"2:\n"
	".popsection\n");

static const struct {
	const char *group, *name;
} names[] = {
#define X(group, name) {#group, #name},
	FIO_COUNTERS(X)
#undef X
};

void fio_counters_reset(void)
{
	for (int i = 0; i < FIO_NCOUNTERS; i++)
		atomic_store_explicit(&fio_counters[i], 0, memory_order_relaxed);
}

static void put_comm(struct fio_fmt *f)
{
	char comm[32] = "";
	int fd = sys_openat(AT_FDCWD, "/proc/self/comm", O_RDONLY | O_CLOEXEC, 0);

	if (fd >= 0) {
		ssize_t n = sys_read(fd, comm, sizeof(comm) - 1);

		comm[n > 0 ? n - 1 : 0] = '\0';
		sys_close(fd);
	}
	fmt_json(f, comm);
}

void fio_counters_write(const char *engine)
{
	static char buf[4096]; /* the gate is closed */
	struct fio_fmt f;
	const char *group = NULL;

	if (!fio_opt.stats[0])
		return;
	fmt_init(&f, buf, sizeof(buf) - 1);
	fmt_str(&f, "{\"pid\":");
	fmt_int(&f, sys_getpid());
	fmt_str(&f, ",\"comm\":\"");
	put_comm(&f);
	fmt_str(&f, "\",\"engine\":\"");
	fmt_str(&f, engine);
	fmt_str(&f, "\"");
	for (size_t i = 0; i < FIO_ARRAY_SIZE(names); i++) {
		if (!group || strcmp(group, names[i].group) != 0) {
			fmt_str(&f, group ? "},\"" : ",\"");
			fmt_str(&f, names[i].group);
			fmt_str(&f, "\":{\"");
			group = names[i].group;
		} else {
			fmt_str(&f, ",\"");
		}
		fmt_str(&f, names[i].name);
		fmt_str(&f, "\":");
		fmt_int(&f, (int64_t)atomic_load_explicit(&fio_counters[i], memory_order_relaxed));
	}
	fmt_str(&f, "}}");
	buf[f.len] = '\n';
	fio_append(fio_opt.stats, buf, f.len + 1);
}
