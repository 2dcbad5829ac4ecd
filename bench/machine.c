/* SPDX-License-Identifier: MIT */
/* machine.c - what a result must say about where it was measured */
#include "bench.h"
#include "report.h"

#include <limits.h>
#include <mntent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* The first line of a file, or the one that begins with key, after the colon */
static void read_line(const char *path, const char *key, char *out, size_t room)
{
	char line[512];
	FILE *f = fopen(path, "r");

	snprintf(out, room, "unknown");
	while (f && fgets(line, sizeof(line), f)) {
		const char *text = line;

		line[strcspn(line, "\n")] = '\0';
		if (key) {
			if (strncmp(line, key, strlen(key)) != 0 || !(text = strstr(line, ": ")))
				continue;
			text += 2;
		}
		snprintf(out, room, "%.*s", (int)room - 1, text);
		break;
	}
	if (f)
		fclose(f);
}

/* The mount point with the longest path that dir is below; the last one of equals is on top. */
static void find_mount(struct machine *m, const char *dir)
{
	char real[PATH_MAX];
	FILE *f = setmntent("/proc/self/mounts", "r");
	struct mntent *e;
	size_t best = 0;

	snprintf(m->fs, sizeof(m->fs), "unknown");
	if (!realpath(dir, real))
		real[0] = '\0';
	while (f && (e = getmntent(f))) {
		size_t n = strlen(e->mnt_dir);

		if (n == 1)
			n = 0; /* the root */
		if (n < best || strncmp(real, e->mnt_dir, n) != 0 || (real[n] && real[n] != '/'))
			continue;
		best = n;
		snprintf(m->fs, sizeof(m->fs), "%s", e->mnt_type);
		snprintf(m->options, sizeof(m->options), "%s", e->mnt_opts);
	}
	if (f)
		endmntent(f);
}

void machine_read(struct machine *m, const char *dir)
{
	time_t now = time(NULL);
	struct utsname u;
	struct tm tm;

	memset(m, 0, sizeof(*m));
	read_line("/proc/cpuinfo", "model name", m->model, sizeof(m->model));
	read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", NULL, m->governor,
		  sizeof(m->governor));
	if (!uname(&u))
		snprintf(m->kernel, sizeof(m->kernel), "%.40s %.64s", u.sysname, u.release);
	m->cores = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	strftime(m->date, sizeof(m->date), "%F %H:%M UTC", gmtime_r(&now, &tm));
	find_mount(m, dir);
}

void machine_print(const struct machine *m, FILE *f)
{
	fprintf(f, "Machine: %s, %u cores, governor %s; %s; libfastio %s; %s\n", m->model, m->cores,
		m->governor, m->kernel, FIO_VERSION, m->date);
	fprintf(f, "File system: %s (%s)\n", m->fs, m->options);
}

void machine_line(const struct machine *m, char *out, size_t room)
{
	snprintf(out, room, "%s (%s); %s, %u cores, governor %s; %s", m->fs, m->options, m->model,
		 m->cores, m->governor, m->kernel);
}

void machine_json(const struct machine *m, FILE *f)
{
	const char *const fields[][2] = {
		{"model", m->model},   {"governor", m->governor}, {"kernel", m->kernel},
		{"date", m->date},     {"version", FIO_VERSION},  {"fs", m->fs},
		{"mount", m->options},
	};

	fprintf(f, "\"cores\":%u", m->cores);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		fprintf(f, ",\"%s\":", fields[i][0]);
		json_string(f, fields[i][1]);
	}
}
