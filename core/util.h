/* SPDX-License-Identifier: MIT */
/*
 * util.h - small helpers without a home of their own
 */
#ifndef FIO_UTIL_H
#define FIO_UTIL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define FIO_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define FIO_CACHELINE 64
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Memory of ours that is free: AddressSanitizer is told that nobody touches it. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define fio_mark_free(p, n) __asan_poison_memory_region(p, n)
#define fio_mark_used(p, n) __asan_unpoison_memory_region(p, n)
#else
#define fio_mark_free(p, n) ((void)0)
#define fio_mark_used(p, n) ((void)0)
#endif

static inline void fio_pause(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Finaliser of splitmix64: every input bit reaches every output bit. */
static inline uint64_t fio_mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/* Never 0, so that 0 can mean 'none'. */
static inline uint64_t fio_hash_inode(uint64_t dev, uint64_t ino)
{
	return fio_mix(fio_mix(ino) + dev) | 1;
}

static inline uint64_t fio_hash_name(const char *name, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ULL ^ len, w;

	while (len >= 8) {
		__builtin_memcpy(&w, name, 8);
		h = fio_mix(h ^ w);
		name += 8;
		len -= 8;
	}
	w = 0;
	for (size_t i = 0; i < len; i++)
		w = w << 8 | (unsigned char)name[i];
	return fio_mix(h ^ w) | 1;
}

/* The last component of a path of len bytes; empty if it ends in '/'. */
static inline const char *fio_last_component(const char *path, size_t len, size_t *name_len)
{
	size_t at = len;

	while (at && path[at - 1] != '/')
		at--;
	*name_len = len - at;
	return path + at;
}

#endif /* FIO_UTIL_H */
