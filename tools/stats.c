/* SPDX-License-Identifier: MIT */
/* stats.c - reading and adding up statistics lines, and saying what counters mean */
#include "fastio.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *group, *name;
} counters[] = {
#define X(group, name) {#group, #name},
	FIO_COUNTERS(X)
#undef X
};

/* Where the name alone does not say it */
static const struct {
	const char *group, *name, *text;
} texts[] = {
	{"deferred", "create", "creates"},
	{"deferred", "update", "openings of existing files"},
	{"deferred", "write", "contents of real files"},
	{"deferred", "close", "closes"},
	{"deferred", "unlink", "unlinks"},
	{"deferred", "rmdir", "directories removed"},
	{"deferred", "rename", "renames"},
	{"deferred", "link", "links"},
	{"deferred", "fsync", "syncs that became members of a group"},
	{"fsync", "groups", "groups of syncs"},
	{"fsync", "files", "files that were synced one by one"},
	{"fsync", "strict", "syncs that were done at once"},
	{"elided", "trunc", "truncations (overwritten in place)"},
	{"elided", "meta", "changes to what was so already"},
	{"elided", "write", "writes merged into others"},
	{"elided", "annihilated", "files removed before they were made"},
	{"executed", "task", "by the background task"},
	{"executed", "ring", "by the ring"},
	{"executed", "caller", "by the program itself"},
	{"barrier", "all", "for everything"},
	{"barrier", "file", "for one file"},
	{"barrier", "dir", "for one directory"},
	{"cause", "channel", "write to a pipe, socket or terminal"},
	{"cause", "namespace", "rename, link or marker"},
	{"cause", "fd", "use of a descriptor"},
	{"cause", "path", "use of a pending name"},
	{"cause", "dir", "directory listed"},
	{"cause", "cred", "change of credentials or limits"},
	{"cause", "map", "mapping"},
	{"ring", "fallbacks", "done by plain calls instead"},
	{"pass", "warmup", "the first files of a process (warm-up)"},
	{"pass", "flags", "open flags that are never deferred"},
	{"pass", "fs", "file system or directory does not qualify"},
	{"pass", "dir", "directory that cannot be opened"},
	{"pass", "name", "path that cannot be taken"},
	{"pass", "exists", "the name exists"},
	{"pass", "space", "file system nearly full"},
	{"pass", "busy", "no spare processor"},
	{"pass", "race", "another thread at the same name"},
	{"pass", "size", "too large"},
	{"pass", "order", "order of calls that cannot be merged"},
	{"pass", "memory", "too much is held already"},
	{"pass", "fstat", "does not pay in this program just now"},
	{"pass", "type", "not a plain file"},
	{"pass", "mapped", "the program has mapped the file"},
	{"pass", "notask", "no background task"},
	{"pass", "serial", "unlinks do not pay in this directory"},
	{"pass", "short", "not a long run of unlinks"},
	{"pass", "untried", "the first file in a directory of a slow file system"},
	{"pass", "small", "content too small to hand over"},
	{"stop", "fork", "a process that shares memory or descriptors"},
	{"stop", "cred", "rights, namespaces or limits were changed"},
	{"stop", "map", "memory is shared with other processes"},
	{"stop", "fd", "a descriptor number of the library's was taken"},
	{"stop", "watch", "the program watches files (inotify, fanotify)"},
	{"stop", "raw", "system calls are made without libc (Go, io_uring)"},
	{"stop", "preload", "another library interposes file calls"},
	{"stop", "limit", "RLIMIT_NOFILE is too small or RLIMIT_FSIZE is set"},
	{"stop", "off", "FASTIO_ENGINE is off"},
};

#define NTEXTS (sizeof(texts) / sizeof(texts[0]))

const char *counter_group(int i)
{
	return counters[i].group;
}

const char *counter_name(int i)
{
	return counters[i].name;
}

const char *counter_text(int i)
{
	for (size_t k = 0; k < NTEXTS; k++)
		if (!strcmp(texts[k].group, counters[i].group) &&
		    !strcmp(texts[k].name, counters[i].name))
			return texts[k].text;
	return counters[i].name;
}

uint64_t group_sum(const uint64_t *values, const char *group)
{
	uint64_t sum = 0;

	for (int i = 0; i < FIO_NCOUNTERS; i++)
		if (!strcmp(counters[i].group, group))
			sum += values[i];
	return sum;
}

int group_largest(const uint64_t *values, const char *group)
{
	int largest = -1;

	for (int i = 0; i < FIO_NCOUNTERS; i++)
		if (!strcmp(counters[i].group, group) && values[i] &&
		    (largest < 0 || values[i] > values[largest]))
			largest = i;
	return largest;
}

const char *main_obstacle(const uint64_t *values)
{
	int pass = group_largest(values, "pass"), stop = group_largest(values, "stop");

	/* Each process has a warm-up. */
	if (stop >= 0 && (pass < 0 || pass == FIO_CNT_pass_warmup))
		pass = stop;
	return pass >= 0 ? counter_text(pass) : NULL;
}

void counters_json(FILE *f, const uint64_t *values)
{
	for (int i = 0; i < FIO_NCOUNTERS; i++) {
		bool first = !i || strcmp(counters[i].group, counters[i - 1].group) != 0;

		if (first)
			fprintf(f, "%s\"%s\":{", i ? "}," : "", counters[i].group);
		fprintf(f, "%s\"%s\":%llu", first ? "" : ",", counters[i].name,
			(unsigned long long)values[i]);
	}
	fputc('}', f);
}

/* What follows "key": and, if it is one, the brace of an object, in [p, end); or NULL */
static const char *after_key(const char *p, const char *end, const char *key, const char *brace)
{
	char quoted[40];
	int n = snprintf(quoted, sizeof(quoted), "\"%s\":%s", key, brace);

	p = memmem(p, (size_t)(end - p), quoted, (size_t)n);
	return p ? p + n : NULL;
}

static void read_counters(const char *line, uint64_t *values)
{
	const char *end = line + strlen(line);

	for (int i = 0; i < FIO_NCOUNTERS; i++) {
		const char *group = after_key(line, end, counters[i].group, "{"), *close, *v;

		if (!group)
			continue;
		close = strchr(group, '}');
		v = close ? after_key(group, close, counters[i].name, "") : NULL;
		values[i] = v ? strtoull(v, NULL, 10) : 0;
	}
}

static struct program *program_of(struct stats *st, const char *line)
{
	const char *text = after_key(line, line + strlen(line), "comm", "");
	char comm[sizeof(((struct program *)0)->comm)] = "?";
	struct program *p;

	if (text && *text == '"')
		snprintf(comm, sizeof(comm), "%.*s", (int)strcspn(text + 1, "\""), text + 1);
	for (size_t i = 0; i < st->nprograms; i++)
		if (!strcmp(st->programs[i].comm, comm))
			return &st->programs[i];
	p = reallocarray(st->programs, st->nprograms + 1, sizeof(*p));
	if (!p)
		return NULL;
	st->programs = p;
	p += st->nprograms++;
	*p = (struct program){0};
	memcpy(p->comm, comm, sizeof(comm));
	return p;
}

static void add_line(struct stats *st, const char *line)
{
	uint64_t values[FIO_NCOUNTERS] = {0};
	struct program *p;

	if (strncmp(line, "{\"pid\":", 7) != 0)
		return;
	read_counters(line, values);
	for (int i = 0; i < FIO_NCOUNTERS; i++)
		st->sum[i] += values[i];
	st->processes++;
	p = program_of(st, line);
	if (!p)
		return;
	p->processes++;
	p->deferred += group_sum(values, "deferred");
	p->passed += group_sum(values, "pass");
}

static int by_deferred(const void *a, const void *b)
{
	const struct program *x = a, *y = b;

	if (x->deferred != y->deferred)
		return x->deferred < y->deferred ? 1 : -1;
	return x->processes < y->processes ? 1 : x->processes > y->processes ? -1 : 0;
}

bool stats_read(const char *path, struct stats *st)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;

	if (!f) {
		io_failed("read the statistics", path, errno);
		return false;
	}
	while (getline(&line, &room, f) >= 0)
		add_line(st, line);
	free(line);
	fclose(f);
	if (st->nprograms)
		qsort(st->programs, st->nprograms, sizeof(*st->programs), by_deferred);
	return true;
}

void stats_free(struct stats *st)
{
	free(st->programs);
}
