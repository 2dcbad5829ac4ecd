/* SPDX-License-Identifier: MIT */
/*
 * generic.c - the exports that are a barrier in front of the original, and nothing else
 */
#include "export.h"

#include <string.h>

#define SYM(ret, name, params, args, before) \
	ret x_##name params                  \
	{                                    \
		before;                      \
		return NEXT(name) args;      \
	}
#define VSYM(name, params, args, before) \
	void x_##name params             \
	{                                \
		before;                  \
		NEXT(name) args;         \
	}
#define SYMA(ret, name, params, args, before, ok, after) \
	ret x_##name params                              \
	{                                                \
		ret r;                                   \
                                                         \
		before;                                  \
		if (!fio_believing())                    \
			return NEXT(name) args;          \
		r = NEXT(name) args;                     \
		if (ok)                                  \
			after;                           \
		return r;                                \
	}
#include "symbols.def"

#define FIO_GROUP_gen ~, 1
#include "aliases.h"
