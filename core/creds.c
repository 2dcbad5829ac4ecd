/* SPDX-License-Identifier: MIT */
/*
 * creds.c - what the process may do to files that are not its own
 */
#include "creds.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdatomic.h>
#include <string.h>

#include "sys.h"
#include "util.h"

#define CAP(name) (1u << CAP_##name)
#define OVERFLOW_ID 65534
#define ROOT_CAPS (CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(FOWNER) | CAP(FSETID))

static struct {
	_Atomic bool known; /* the others are filled in */
	bool all_ids;       /* every id has a mapping in our user namespace */
	uint32_t caps;      /* effective capabilities, the lower 32 */
	uid_t uid;          /* effective, and that of the file system */
} creds;

static uint32_t capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	return SYS2(SYS_capget, &head, data) == 0 ? data[0].effective : 0;
}

/* "         0          0 4294967295" */
static bool maps_all_ids(void)
{
	static const char *const want[] = {"0", "0", "4294967295"};
	char map[64];
	const char *p = map;
	ssize_t n;
	int fd;

	fd = sys_openat(AT_FDCWD, "/proc/self/uid_map", O_RDONLY | O_CLOEXEC, 0);
	n = fd < 0 ? 0 : sys_read(fd, map, sizeof(map) - 1);
	if (fd >= 0)
		sys_close(fd);
	if (n <= 0)
		return false;
	map[n] = '\0';
	for (size_t i = 0; i < FIO_ARRAY_SIZE(want); i++) {
		size_t len = strlen(want[i]);

		while (*p == ' ')
			p++;
		if (strncmp(p, want[i], len) != 0)
			return false;
		p += len;
		if (*p != ' ' && *p != '\n')
			return false;
	}
	return true;
}

static void learn(void)
{
	if (likely(atomic_load_explicit(&creds.known, memory_order_acquire)))
		return;
	/* Two threads at once find the same. */
	creds.uid = (uid_t)SYS0(SYS_geteuid);
	creds.caps = capabilities();
	creds.all_ids = maps_all_ids();
	atomic_store_explicit(&creds.known, true, memory_order_release);
}

bool fio_may_chown_to_all(void)
{
	learn();
	return creds.uid == 0 && creds.all_ids && (creds.caps & ROOT_CAPS) == ROOT_CAPS;
}

bool fio_may_open(mode_t mode, uid_t uid, int flags)
{
	mode_t need = (flags & O_ACCMODE) == O_RDWR ? S_IRUSR | S_IWUSR : S_IWUSR;

	learn();
	/* Without a mapping, another owner may show as the overflow id, which ours may be too. */
	return (uid == creds.uid && (mode & need) == need &&
		(creds.all_ids || uid != OVERFLOW_ID)) ||
	       (creds.all_ids && creds.caps & CAP(DAC_OVERRIDE));
}
