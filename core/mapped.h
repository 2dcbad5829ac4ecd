/* SPDX-License-Identifier: MIT */
/*
 * mapped.h - files this process has mapped: a load from memory cannot be intercepted
 */
#ifndef FIO_MAPPED_H
#define FIO_MAPPED_H

#include <stdbool.h>
#include <stdint.h>

/* May say yes for a file that is not mapped, never no for one that is. */
bool fio_is_mapped(uint64_t ino_hash);

#endif /* FIO_MAPPED_H */
