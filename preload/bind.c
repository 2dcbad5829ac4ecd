/* SPDX-License-Identifier: MIT */
/*
 * bind.c - finds the next definition of every interposed symbol
 *
 * dlsym() locks, may allocate, and is not for signal handlers or for an allocator that opens a
 * file while it is asked.  So the objects behind ours are searched here, by their GNU hash
 * tables, with dlsym's rules: load order, default versions.  Everything is bound by the
 * constructor; until then each pointer leads to a small function that binds itself first.
 */
#include "next.h"

#include "../core/fio.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
#define SYM(ret, name, params, args, before) SYMBOL_##name,
#define VSYM(name, params, args, before) SYMBOL_##name,
#define SYMA(ret, name, params, args, before, ok, after) SYMBOL_##name,
#define CUSTOM(ret, name, params, args) SYMBOL_##name,
#define VCUSTOM(name, params, args) SYMBOL_##name,
#define CUSTOMV(ret, name, vparams, params, args) SYMBOL_##name,
#define VCUSTOMV(name, vparams, params, args) SYMBOL_##name,
#include "symbols.def"
	NTYPED,
	BEFORE_BARRIERS = NTYPED - 1,
#define BARRIER(name) SYMBOL_##name,
#include "symbols.def"
	NSYMBOLS
};

_Static_assert(sizeof(struct fio_next) == NTYPED * sizeof(void *), "one pointer per symbol");
_Static_assert(sizeof(struct fio_next_any) == (NSYMBOLS - NTYPED) * sizeof(void *), "here too");

struct fio_next_any fio_next_any;

/* The names one after the other: no relocations. */
static const char names[] =
#define SYM(ret, name, params, args, before) #name "\0"
#define VSYM(name, params, args, before) #name "\0"
#define SYMA(ret, name, params, args, before, ok, after) #name "\0"
#define CUSTOM(ret, name, params, args) #name "\0"
#define VCUSTOM(name, params, args) #name "\0"
#define CUSTOMV(ret, name, vparams, params, args) #name "\0"
#define VCUSTOMV(name, vparams, params, args) #name "\0"
#include "symbols.def"
#define BARRIER(name) #name "\0"
#include "symbols.def"
	;

/* A pointer of any of the types. */
typedef void *__attribute__((may_alias)) slot;

static slot *slot_of(unsigned int symbol)
{
	return symbol < NTYPED ? (slot *)&fio_next + symbol
			       : (slot *)&fio_next_any + (symbol - NTYPED);
}

/* ---- one shared object ---- */

struct object {
	ElfW(Addr) base;
	const ElfW(Sym) * symtab;
	const char *strtab;
	const char *soname;
	const ElfW(Half) * versym;
	uint32_t nbuckets, symoffset, bloom_size, bloom_shift;
	const ElfW(Addr) * bloom;
	const uint32_t *buckets, *chain;
};

/* glibc relocates these pointers in place, but not in the vdso. */
static const void *dynamic_pointer(const struct link_map *map, ElfW(Addr) p)
{
	return (const void *)(p < map->l_addr ? p + map->l_addr : p);
}

static bool object_of(const struct link_map *map, struct object *o)
{
	const uint32_t *hash = NULL;
	ElfW(Xword) soname = 0;

	memset(o, 0, sizeof(*o));
	o->base = map->l_addr;
	for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++) {
		switch (d->d_tag) {
		case DT_GNU_HASH:
			hash = dynamic_pointer(map, d->d_un.d_ptr);
			break;
		case DT_SYMTAB:
			o->symtab = dynamic_pointer(map, d->d_un.d_ptr);
			break;
		case DT_STRTAB:
			o->strtab = dynamic_pointer(map, d->d_un.d_ptr);
			break;
		case DT_VERSYM:
			o->versym = dynamic_pointer(map, d->d_un.d_ptr);
			break;
		case DT_SONAME:
			soname = d->d_un.d_val;
			break;
		}
	}
	if (!hash || !o->symtab || !o->strtab)
		return false;
	o->soname = soname ? o->strtab + soname : "";
	o->nbuckets = hash[0];
	o->symoffset = hash[1];
	o->bloom_size = hash[2];
	o->bloom_shift = hash[3];
	o->bloom = (const ElfW(Addr) *)(hash + 4);
	o->buckets = (const uint32_t *)(o->bloom + o->bloom_size);
	o->chain = o->buckets + o->nbuckets;
	return o->nbuckets && o->bloom_size;
}

static uint32_t gnu_hash(const char *name)
{
	uint32_t h = 5381;

	while (*name)
		h = h * 33 + (unsigned char)*name++;
	return h;
}

static void *symbol_address(const struct object *o, const ElfW(Sym) * sym)
{
	void *p = (void *)(o->base + sym->st_value);

	if (ELF64_ST_TYPE(sym->st_info) == STT_GNU_IFUNC)
		p = ((void *(*)(void))p)();
	return p;
}

/* The default version of the name, else an old version of it. */
static void *object_symbol(const struct object *o, const char *name, uint32_t h)
{
	const unsigned int bits = sizeof(ElfW(Addr)) * 8;
	ElfW(Addr) mask = (ElfW(Addr))1 << h % bits | (ElfW(Addr))1 << (h >> o->bloom_shift) % bits;
	const ElfW(Sym) *old = NULL;
	uint32_t i;

	if ((o->bloom[h / bits % o->bloom_size] & mask) != mask)
		return NULL;
	i = o->buckets[h % o->nbuckets];
	if (i < o->symoffset)
		return NULL;
	for (;; i++) {
		const ElfW(Sym) *sym = &o->symtab[i];
		uint32_t c = o->chain[i - o->symoffset];

		if ((c | 1) == (h | 1) && sym->st_shndx != SHN_UNDEF && sym->st_value &&
		    !strcmp(o->strtab + sym->st_name, name)) {
			if (!o->versym || !(o->versym[i] & 0x8000))
				return symbol_address(o, sym);
			old = sym;
		}
		if (c & 1)
			break;
	}
	return old ? symbol_address(o, old) : NULL;
}

/* ---- the objects behind ours ---- */

static const struct link_map *own_map(void)
{
	const struct link_map *map;

	for (map = _r_debug.r_map; map; map = map->l_next)
		if (map->l_ld == _DYNAMIC)
			break;
	return map;
}

static long missing(void)
{
	errno = ENOSYS;
	return -1;
}

static bool bind_one(unsigned int symbol)
{
	const struct link_map *map = own_map();
	const char *name = names;
	struct object o;
	void *p = NULL;
	uint32_t h;

	for (unsigned int i = 0; i < symbol; i++)
		name += strlen(name) + 1;
	h = gnu_hash(name);
	for (map = map ? map->l_next : NULL; map && !p; map = map->l_next)
		if (object_of(map, &o))
			p = object_symbol(&o, name, h);
	if (p)
		*slot_of(symbol) = p;
	return p;
}

/* For jump.S: everything is finished; where to go. */
void *fio_jump_target(unsigned int barrier) __attribute__((visibility("hidden")));
void *fio_jump_target(unsigned int barrier)
{
	slot *next = slot_of(NTYPED + barrier);

	fio_release_all(FIO_CAUSE_OTHER);
	fio_acquire();
	if (!*next && !bind_one(NTYPED + barrier))
		*next = (void *)missing;
	return *next;
}

static bool all_bound;

void fio_bind_all(void)
{
	const struct link_map *map = own_map();
	uint64_t bound[NTYPED / 64 + 1] = {0};
	uint32_t hashes[NTYPED];
	const char *name = names;
	struct object o;

	if (all_bound)
		return;
	for (unsigned int i = 0; i < NTYPED; i++, name += strlen(name) + 1)
		hashes[i] = gnu_hash(name);
	for (map = map ? map->l_next : NULL; map; map = map->l_next) {
		if (!object_of(map, &o))
			continue;
		name = names;
		for (unsigned int i = 0; i < NTYPED; i++, name += strlen(name) + 1) {
			void *p;

			if (bound[i / 64] >> i % 64 & 1)
				continue;
			p = object_symbol(&o, name, hashes[i]);
			if (p) {
				*slot_of(i) = p;
				bound[i / 64] |= (uint64_t)1 << i % 64;
			}
		}
	}
	all_bound = true;
}

void *fio_libc_symbol(const char *name)
{
	const struct link_map *map;
	struct object o;

	for (map = _r_debug.r_map; map; map = map->l_next)
		if (object_of(map, &o) && !strncmp(o.soname, "libc.", 5))
			return object_symbol(&o, name, gnu_hash(name));
	return NULL;
}

/* ---- before binding ---- */

/* What a function returns that does not exist. */
#define FAILED(ret) ((ret)(intptr_t)(__builtin_classify_type(*(ret *)0) == 5 ? 0 : -1))

#define FIRST_CALL(ret, name, params, args)     \
	static ret first_##name params          \
	{                                       \
		if (bind_one(SYMBOL_##name))    \
			return NEXT(name) args; \
		errno = ENOSYS;                 \
		return FAILED(ret);             \
	}
#define FIRST_VCALL(name, params, args)      \
	static void first_##name params      \
	{                                    \
		if (bind_one(SYMBOL_##name)) \
			NEXT(name) args;     \
	}
#define SYM(ret, name, params, args, before) FIRST_CALL(ret, name, params, args)
#define VSYM(name, params, args, before) FIRST_VCALL(name, params, args)
#define SYMA(ret, name, params, args, before, ok, after) FIRST_CALL(ret, name, params, args)
#define CUSTOM(ret, name, params, args) FIRST_CALL(ret, name, params, args)
#define VCUSTOM(name, params, args) FIRST_VCALL(name, params, args)
#define CUSTOMV(ret, name, vparams, params, args) FIRST_CALL(ret, name, params, args)
#define VCUSTOMV(name, vparams, params, args) FIRST_VCALL(name, params, args)
#include "symbols.def"

struct fio_next fio_next = {
#define SYM(ret, name, params, args, before) .n_##name = first_##name,
#define VSYM(name, params, args, before) .n_##name = first_##name,
#define SYMA(ret, name, params, args, before, ok, after) .n_##name = first_##name,
#define CUSTOM(ret, name, params, args) .n_##name = first_##name,
#define VCUSTOM(name, params, args) .n_##name = first_##name,
#define CUSTOMV(ret, name, vparams, params, args) .n_##name = (ret(*) vparams)first_##name,
#define VCUSTOMV(name, vparams, params, args) .n_##name = (void(*) vparams)first_##name,
#include "symbols.def"
};
