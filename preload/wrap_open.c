/* SPDX-License-Identifier: MIT */
/*
 * wrap_open.c - open, openat, creat and their checked forms
 */
#include "export.h"

static bool wants_mode(int flags)
{
	return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
}

/* The variadic mode is there only if the flags say so. */
#define READ_MODE(mode, flags)                      \
	do {                                        \
		if (wants_mode(flags)) {            \
			va_list ap_;                \
			va_start(ap_, flags);       \
			mode = va_arg(ap_, mode_t); \
			va_end(ap_);                \
		}                                   \
	} while (0)

/*
 * core, else the stock call (with the flags in f, which may lack O_TRUNC), made again if something
 * pending was in its way; then core may take the descriptor over
 */
#define OPEN(dirfd, path, flags, mode, stock)                                              \
	({                                                                                 \
		int fd_;                                                                   \
                                                                                           \
		LOADED;                                                                    \
		CANCEL_POINT;                                                              \
		fd_ = fio_open(dirfd, path, flags, mode);                                  \
		if (fd_ <= FIO_PASS) {                                                     \
			int passed_ = fd_, err_ = errno,                                   \
			    f = passed_ == FIO_PASS_TRUNC ? (flags) & ~O_TRUNC : (flags);  \
			uint32_t seq_ = fio_seq();                                         \
                                                                                           \
			fd_ = stock;                                                       \
			if (unlikely(fio_pending() || fio_seq() != seq_ ||                 \
				     (fd_ < 0 && errno == EMFILE)) &&                      \
			    in_the_way(dirfd, path, flags, fd_, seq_)) {                   \
				int first_ = fd_;                                          \
                                                                                           \
				errno = err_;                                              \
				fd_ = stock;                                               \
				if (unlikely(first_ >= 0 && fd_ < 0 && errno == EMFILE)) { \
					NEXT(close)(first_);                               \
					first_ = -1;                                       \
					errno = err_;                                      \
					fd_ = stock;                                       \
				}                                                          \
				fd_ = settled(first_, fd_, flags, err_);                   \
			}                                                                  \
			fio_ahead_opened(fd_, flags);                                      \
			if (passed_ != FIO_PASS && fd_ >= 0)                               \
				fd_ = attached(dirfd, path, flags, passed_, fd_);          \
		} else {                                                                   \
			fd_ = RESULT(fd_);                                                 \
		}                                                                          \
		NEW_FD(fd_);                                                               \
		fd_;                                                                       \
	})

static bool in_the_way(int dirfd, const char *path, int flags, int fd, uint32_t seq)
{
	int err = errno;
	bool again = fio_opened(dirfd, path, flags, fd >= 0 ? fd : -err, seq);

	errno = err;
	return again;
}

/*
 * Two descriptors of which the second counts: it gets the number of the first.  If there is no
 * second, as somebody has moved a directory meanwhile, the first may have made or truncated the
 * file, and stands, unless the file is one that this process had removed.
 */
static int settled(int first, int second, int flags, int saved)
{
	int err = errno;

	if (first < 0)
		return second;
	if (second >= 0) {
		NEXT(dup3)(second, first, flags & O_CLOEXEC);
		NEXT(close)(second);
		errno = saved;
		return first;
	}
	if ((err == ENOENT || err == ENOTDIR) && flags & (O_CREAT | O_TRUNC) &&
	    fio_has_name(first)) {
		errno = saved;
		return first;
	}
	NEXT(close)(first);
	errno = err;
	return -1;
}

static int attached(int dirfd, const char *path, int flags, int passed, int fd)
{
	int r = fio_opened_attach(dirfd, path, flags, passed, fd);

	if (r >= 0)
		return fd;
	NEXT(close)(fd);
	errno = -r;
	return -1;
}

int x_open(const char *path, int flags, ...)
{
	mode_t mode = 0;

	READ_MODE(mode, flags);
	return OPEN(AT_FDCWD, path, flags, mode, NEXT(open)(path, f, mode));
}

int x___open_2(const char *path, int flags)
{
	if (wants_mode(flags))
		return NEXT(__open_2)(path, flags);
	return OPEN(AT_FDCWD, path, flags, 0, NEXT(__open_2)(path, f));
}

int x_openat(int dirfd, const char *path, int flags, ...)
{
	mode_t mode = 0;

	READ_MODE(mode, flags);
	return OPEN(dirfd, path, flags, mode, NEXT(openat)(dirfd, path, f, mode));
}

int x___openat_2(int dirfd, const char *path, int flags)
{
	if (wants_mode(flags))
		return NEXT(__openat_2)(dirfd, path, flags);
	return OPEN(dirfd, path, flags, 0, NEXT(__openat_2)(dirfd, path, f));
}

int x_creat(const char *path, mode_t mode)
{
	const int flags = O_CREAT | O_WRONLY | O_TRUNC;

	return OPEN(AT_FDCWD, path, flags, mode,
		    f == flags ? NEXT(creat)(path, mode) : NEXT(open)(path, f, mode));
}

#define FIO_GROUP_open ~, 1
#include "aliases.h"
