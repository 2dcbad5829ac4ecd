/* SPDX-License-Identifier: MIT */
/*
 * table.h - pending intents by (dev, ino) and by name
 *
 * Protocol.  A bucket's chain is changed and walked with the bucket's lock held; whether it is
 * empty may be asked without.  An intent stays in the tables until what it wants is in the file
 * system, so whoever finds it with the bucket locked may take its gen and wait for that to change.
 */
#ifndef FIO_TABLE_H
#define FIO_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "intent.h"

struct fio_found {
	struct fio_intent *it; /* NULL: nothing found */
	uint32_t gen;          /* its gen while it was in the table */
};

/* Links by name_hash and by ino_hash, whichever is set. */
void fio_table_add(struct fio_intent *it, uint32_t held);
/* CREATE intents: the file has an inode now. */
void fio_table_add_ino(struct fio_intent *it, uint32_t held);
void fio_table_del(struct fio_intent *it, uint32_t held);

/* In the directory. */
struct fio_found fio_table_by_name(struct fio_dir *dir, uint64_t hash, const char *name,
				   size_t len);
/* Is there another one than this (which may be gone by now)? */
bool fio_table_has_other(const struct fio_intent *it, struct fio_dir *dir, uint64_t hash,
			 const char *name, size_t len);
/* In any directory; with begun only one that somebody is carrying out or has carried out early. */
struct fio_found fio_table_by_any_name(uint64_t hash, const char *name, size_t len, bool begun);
struct fio_found fio_table_by_ino(uint64_t ino_hash);
void fio_tables_reset(void);

#endif /* FIO_TABLE_H */
