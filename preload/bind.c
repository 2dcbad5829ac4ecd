/* SPDX-License-Identifier: MIT */
/*
 * bind.c - finds the next definition of every interposed symbol
 *
 * dlsym() locks, may allocate, and is not for signal handlers or for an allocator that opens a
 * file while it is asked.  So the objects behind ours are searched here, by their GNU hash
 * tables, with dlsym's rules: load order, default versions.  That takes no lock and no memory, and
 * ends at libc, so it only meets objects that stay.  Each pointer leads to a small function at
 * first, which finds the original, stores it in the pointer and calls it: a program pays for the
 * symbols that it uses, and calls before the constructor are nothing special.
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
#define NAME(name) char t_##name[sizeof(#name)];
static const struct {
#define SYM(ret, name, params, args, before) NAME(name)
#define VSYM(name, params, args, before) NAME(name)
#define SYMA(ret, name, params, args, before, ok, after) NAME(name)
#define CUSTOM(ret, name, params, args) NAME(name)
#define VCUSTOM(name, params, args) NAME(name)
#define CUSTOMV(ret, name, vparams, params, args) NAME(name)
#define VCUSTOMV(name, vparams, params, args) NAME(name)
#include "symbols.def"
#define BARRIER(name) NAME(name)
#include "symbols.def"
} names = {
#define SYM(ret, name, params, args, before) #name,
#define VSYM(name, params, args, before) #name,
#define SYMA(ret, name, params, args, before, ok, after) #name,
#define CUSTOM(ret, name, params, args) #name,
#define VCUSTOM(name, params, args) #name,
#define CUSTOMV(ret, name, vparams, params, args) #name,
#define VCUSTOMV(name, vparams, params, args) #name,
#include "symbols.def"
#define BARRIER(name) #name,
#include "symbols.def"
};

#define OFFSET(name) offsetof(__typeof__(names), t_##name),
static const uint16_t name_offset[NSYMBOLS] = {
#define SYM(ret, name, params, args, before) OFFSET(name)
#define VSYM(name, params, args, before) OFFSET(name)
#define SYMA(ret, name, params, args, before, ok, after) OFFSET(name)
#define CUSTOM(ret, name, params, args) OFFSET(name)
#define VCUSTOM(name, params, args) OFFSET(name)
#define CUSTOMV(ret, name, vparams, params, args) OFFSET(name)
#define VCUSTOMV(name, vparams, params, args) OFFSET(name)
#include "symbols.def"
#define BARRIER(name) OFFSET(name)
#include "symbols.def"
};

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

void *fio_next_symbol(const char *name)
{
	const struct link_map *map = _r_debug.r_map;
	uint32_t h = gnu_hash(name);
	struct object o;
	void *p = NULL;

	while (map && map->l_ld != _DYNAMIC)
		map = map->l_next;
	for (map = map ? map->l_next : NULL; map && !p; map = map->l_next)
		if (object_of(map, &o))
			p = object_symbol(&o, name, h);
	return p;
}

static long missing(void)
{
	errno = ENOSYS;
	return -1;
}

static bool bind_symbol(unsigned int symbol)
{
	void *p = fio_next_symbol((const char *)&names + name_offset[symbol]);

	if (p)
		__atomic_store_n(slot_of(symbol), p, __ATOMIC_RELAXED);
	return p;
}

void fio_bind_early(void)
{
	bind_symbol(SYMBOL_syscall);
}

/* For jump.S: everything is finished; where to go. */
void *fio_jump_target(unsigned int barrier) __attribute__((visibility("hidden")));
void *fio_jump_target(unsigned int barrier)
{
	slot *next = slot_of(NTYPED + barrier);

	fio_release_all(FIO_CAUSE_OTHER);
	fio_acquire();
	if (!*next && !bind_symbol(NTYPED + barrier))
		*next = (void *)missing;
	return *next;
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

/* ---- the first call ---- */

/* What a function returns that does not exist. */
#define FAILED(ret) ((ret)(intptr_t)(__builtin_classify_type(*(ret *)0) == 5 ? 0 : -1))

#define FIRST_CALL(ret, name, params, args)     \
	static ret first_##name params          \
	{                                       \
		if (bind_symbol(SYMBOL_##name)) \
			return NEXT(name) args; \
		errno = ENOSYS;                 \
		return FAILED(ret);             \
	}
#define FIRST_VCALL(name, params, args)         \
	static void first_##name params         \
	{                                       \
		if (bind_symbol(SYMBOL_##name)) \
			NEXT(name) args;        \
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
