/* SPDX-License-Identifier: MIT */
/*
 * account.c - who a user or group is: is somebody else asked?
 *
 * libc looks an account up by its services, in order; some are daemons, so it is a release.  If the
 * first service is the file, the file has the account, and there is no cache daemon, nobody is
 * asked: then only what is pending of that file has to be there.
 */
#include <fcntl.h>
#include <string.h>

#include "fio.h"
#include "gate.h"
#include "lock.h"
#include "mem.h"
#include "sys.h"

#define TEXT_MAX 32768 /* of a file; what is behind is not looked for */
#define NAME_MAX_ 256

/* Reads a file into text, terminated; false if it cannot be read. */
static bool read_text(const char *path, char *text)
{
	int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	ssize_t n;

	if (fd < 0)
		return false;
	n = sys_read(fd, text, TEXT_MAX - 1);
	sys_close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static const char *next_line(const char *p)
{
	p = strchr(p, '\n');
	return p ? p + 1 : NULL;
}

static const char *skip_space(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/* "passwd:  files systemd", but not "files [SUCCESS=merge] systemd" */
static bool file_first(const char *text, const char *db)
{
	size_t n = strlen(db);

	for (const char *p = text; p; p = next_line(p)) {
		p = skip_space(p);
		if (strncmp(p, db, n) != 0 || p[n] != ':')
			continue;
		p = skip_space(p + n + 1);
		if (strncmp(p, "files", 5) != 0)
			return false;
		p += 5;
		return (*p == ' ' || *p == '\t' || *p == '\n') && *skip_space(p) != '[';
	}
	return false;
}

static bool is_number(const char *p, uint32_t id)
{
	uint64_t v = 0;

	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9' && v <= UINT32_MAX; p++)
		v = v * 10 + (uint64_t)(*p - '0');
	return *p == ':' && v == id;
}

/* "name:x:id:..."; name NULL: by id.  The last line may be cut off. */
static bool has_account(const char *text, const char *name, uint32_t id)
{
	size_t n = name ? strlen(name) : 0;

	for (const char *p = text; p && next_line(p); p = next_line(p)) {
		const char *field = p;

		if (name) {
			if (n && strncmp(p, name, n) == 0 && p[n] == ':')
				return true;
			continue;
		}
		for (int i = 0; i < 2 && field; i++) {
			field = strpbrk(field, ":\n");
			field = field && *field == ':' ? field + 1 : NULL;
		}
		if (field && is_number(field, id))
			return true;
	}
	return false;
}

static bool is_local(struct fio_thread *t, const char *db, const char *file, const char *name,
		     uint32_t id)
{
	uint32_t size;
	bool local;
	char *text;

	if ((name && fio_pathlen(t, name, NAME_MAX_) <= 0) ||
	    SYS3(SYS_faccessat, AT_FDCWD, "/var/run/nscd/socket", F_OK) == 0)
		return false;
	text = fio_buf_get(fio_shard(t), TEXT_MAX, &size, FIO_LOCK_HELD);
	if (!text)
		return false;
	local = read_text("/etc/nsswitch.conf", text) && file_first(text, db) &&
		read_text(file, text) && has_account(text, name, id);
	fio_buf_put(fio_shard(t), text, size, FIO_LOCK_HELD);
	return local;
}

void fio_release_account_slow(const char *db, const char *file, const char *name, uint32_t id)
{
	struct fio_thread *t;
	bool local = false;

	fio_release_path(AT_FDCWD, "/etc/nsswitch.conf", true, FIO_CAUSE_PATH);
	fio_release_path(AT_FDCWD, file, true, FIO_CAUSE_PATH);
	t = fio_enter();
	if (t) {
		local = is_local(t, db, file, name, id);
		fio_leave(t);
	}
	if (!local)
		fio_release_all(FIO_CAUSE_OTHER);
}
