/* SPDX-License-Identifier: MIT */
/*
 * table.c - pending intents by inode and by name
 */
#include "table.h"

#include <pthread.h>

#include "dir.h"
#include "unit.h"
#include "util.h"

#define MANY 5000 /* several per bucket */

static struct fio_dir dirs[2];

static struct fio_intent *make(struct fio_dir *dir, const char *name, uint64_t ino_hash)
{
	struct fio_intent *it = fio_intent_get(1);

	it->dir = dir;
	if (name) {
		it->name_len = (uint8_t)strlen(name);
		memcpy(it->name, name, it->name_len + 1u);
		it->name_hash = fio_hash_name(name, it->name_len);
	}
	it->ino_hash = ino_hash;
	return it;
}

static struct fio_intent *by_name(struct fio_dir *dir, const char *name)
{
	size_t len = strlen(name);

	return fio_table_by_name(dir, fio_hash_name(name, len), name, len).it;
}

static void drop(struct fio_intent *it)
{
	fio_table_del(it, FIO_LOCK_HELD);
	fio_intent_put(it, FIO_LOCK_HELD);
}

static void find(void)
{
	uint64_t ino = fio_hash_inode(8, 12);
	struct fio_intent *it = make(&dirs[0], "file", ino);
	struct fio_found f;

	CHECK(by_name(&dirs[0], "file") == NULL);
	CHECK(fio_table_by_ino(ino).it == NULL);
	fio_table_add(it, FIO_LOCK_HELD);
	CHECK(it->linked);
	CHECK(by_name(&dirs[0], "file") == it);
	CHECK(by_name(NULL, "file") == it);
	CHECK(by_name(&dirs[1], "file") == NULL);
	CHECK(by_name(&dirs[0], "fil") == NULL);
	CHECK(by_name(&dirs[0], "files") == NULL);
	CHECK(by_name(&dirs[0], "File") == NULL);
	f = fio_table_by_ino(ino);
	CHECK(f.it == it);
	CHECK_EQ(f.gen, atomic_load(&it->gen));
	CHECK(fio_table_by_ino(fio_hash_inode(8, 13)).it == NULL);
	CHECK(fio_table_by_ino(fio_hash_inode(9, 12)).it == NULL);
	fio_table_del(it, FIO_LOCK_HELD);
	CHECK(!it->linked);
	CHECK(by_name(&dirs[0], "file") == NULL);
	CHECK(fio_table_by_ino(ino).it == NULL);
	fio_table_del(it, FIO_LOCK_HELD); /* twice is harmless */
	fio_intent_put(it, FIO_LOCK_HELD);
}

static void one_key_only(void)
{
	uint64_t ino = fio_hash_inode(1, 1);
	struct fio_intent *name = make(&dirs[0], "n", 0), *inode = make(&dirs[0], NULL, ino);

	fio_table_add(name, FIO_LOCK_HELD);
	fio_table_add(inode, FIO_LOCK_HELD);
	CHECK(by_name(&dirs[0], "n") == name);
	CHECK(fio_table_by_ino(ino).it == inode);
	drop(name);
	CHECK(fio_table_by_ino(ino).it == inode);
	drop(inode);
	CHECK(fio_table_by_ino(ino).it == NULL);

	/* a created file gets its inode later */
	name = make(&dirs[0], "late", 0);
	fio_table_add(name, FIO_LOCK_HELD);
	name->ino_hash = ino;
	fio_table_add_ino(name, FIO_LOCK_HELD);
	CHECK(fio_table_by_ino(ino).it == name);
	drop(name);
	CHECK(fio_table_by_ino(ino).it == NULL);
}

static void same_name_in_two_directories(void)
{
	struct fio_intent *a = make(&dirs[0], "Makefile", 0), *b = make(&dirs[1], "Makefile", 0);

	fio_table_add(a, FIO_LOCK_HELD);
	fio_table_add(b, FIO_LOCK_HELD);
	CHECK(by_name(&dirs[0], "Makefile") == a);
	CHECK(by_name(&dirs[1], "Makefile") == b);
	CHECK(by_name(NULL, "Makefile") != NULL);
	drop(a);
	CHECK(by_name(&dirs[0], "Makefile") == NULL);
	CHECK(by_name(NULL, "Makefile") == b);
	drop(b);
	CHECK(by_name(NULL, "Makefile") == NULL);
}

/* Equal hashes, other names: the name decides. */
static void collisions(void)
{
	struct fio_intent *a = make(&dirs[0], "one", 0), *b = make(&dirs[0], "two", 0);

	b->name_hash = a->name_hash;
	fio_table_add(a, FIO_LOCK_HELD);
	fio_table_add(b, FIO_LOCK_HELD);
	CHECK(fio_table_by_name(&dirs[0], a->name_hash, "one", 3).it == a);
	CHECK(fio_table_by_name(&dirs[0], a->name_hash, "two", 3).it == b);
	CHECK(fio_table_by_name(&dirs[0], a->name_hash, "six", 3).it == NULL);
	drop(b);
	CHECK(fio_table_by_name(&dirs[0], a->name_hash, "one", 3).it == a);
	drop(a);
}

static void long_chains(void)
{
	static struct fio_intent *it[MANY];
	char name[32];

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "name-%d", i);
		it[i] = make(&dirs[i & 1], name, fio_hash_inode(3, (uint64_t)i));
		fio_table_add(it[i], FIO_LOCK_HELD);
	}
	for (int i = 0; i < MANY; i++) {
		CHECK(by_name(&dirs[i & 1], it[i]->name) == it[i]);
		CHECK(by_name(&dirs[~i & 1], it[i]->name) == NULL);
		CHECK(fio_table_by_ino(it[i]->ino_hash).it == it[i]);
	}
	for (int i = 0; i < MANY; i += 3)
		fio_table_del(it[i], FIO_LOCK_HELD);
	for (int i = 0; i < MANY; i++) {
		CHECK((by_name(NULL, it[i]->name) == it[i]) == (i % 3 != 0));
		CHECK((fio_table_by_ino(it[i]->ino_hash).it == it[i]) == (i % 3 != 0));
	}
	for (int i = 0; i < MANY; i++)
		drop(it[i]);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "name-%d", i);
		CHECK(by_name(NULL, name) == NULL);
	}
}

static void *churn(void *arg)
{
	char name[32];

	snprintf(name, sizeof(name), "thread-%d", (int)(intptr_t)arg);
	for (int i = 0; i < 5000; i++) {
		struct fio_intent *it = make(&dirs[0], name, fio_hash_inode(7, (uintptr_t)arg));
		struct fio_found f;

		fio_table_add(it, FIO_LOCK_HELD);
		CHECK(by_name(&dirs[0], name) == it);
		f = fio_table_by_ino(it->ino_hash);
		CHECK(f.it == it && f.gen == atomic_load(&it->gen));
		drop(it);
		CHECK(atomic_load(&it->gen) != f.gen);
		CHECK(by_name(&dirs[0], name) == NULL);
	}
	return NULL;
}

static void threads(void)
{
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, churn, (void *)(intptr_t)i), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
}

static void hashes(void)
{
	CHECK(fio_hash_name("", 0) != 0);
	CHECK(fio_hash_inode(0, 0) != 0);
	CHECK(fio_hash_name("12345678", 8) != fio_hash_name("12345679", 8));
	CHECK(fio_hash_name("a", 1) != fio_hash_name("a\0", 2));
	CHECK(fio_hash_inode(1, 2) != fio_hash_inode(2, 1));
}

static const struct unit_test tests[] = {
	TEST(find),       TEST(one_key_only), TEST(same_name_in_two_directories),
	TEST(collisions), TEST(long_chains),  TEST(threads),
	TEST(hashes),
};

UNIT_MAIN(tests)
