/* SPDX-License-Identifier: MIT */
/*
 * aliases.h - the other names of the functions that the including file defines
 *
 * Include it last, after "#define FIO_GROUP_xxx ~, 1" for the group of the ALIAS rows.
 */
#define FIO_SECOND(a, b, ...) b
#define FIO_HAS(...) FIO_SECOND(__VA_ARGS__, 0, ~)
#define FIO_PASTE_(a, b) a##b
#define FIO_PASTE(a, b) FIO_PASTE_(a, b)
#define FIO_ALIAS_1(alias_string, name_string, name, c_name) \
	extern __typeof__(name) c_name __asm__(alias_string) \
		__attribute__((alias(name_string), visibility("default")));
#define FIO_ALIAS_0(alias_string, name_string, name, c_name)
#define ALIAS(group, alias_name, name)                    \
	FIO_PASTE(FIO_ALIAS_, FIO_HAS(FIO_GROUP_##group)) \
	(#alias_name, #name, x_##name, x_##alias_name)
#include "symbols.def"
