/* SPDX-License-Identifier: MIT */
/*
 * log.h - a line of text, only when FASTIO_LOG asks for it
 */
#ifndef FIO_LOG_H
#define FIO_LOG_H

/* The strings up to NULL, one after another, as one line with "fastio: " and the pid before it. */
__attribute__((sentinel)) void fio_log(const char *first, ...);

/* Appends text to path (O_APPEND, not following a symlink, 0600); "stderr" is descriptor 2. */
void fio_append(const char *path, const char *text, unsigned long len);

#endif /* FIO_LOG_H */
