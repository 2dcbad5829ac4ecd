/* SPDX-License-Identifier: MIT */
/*
 * maps.h - shared mappings, remembered until a child can share them
 */
#ifndef FASTIO_MAPS_H
#define FASTIO_MAPS_H

#include <stdbool.h>

/* A writable shared mapping was made: once a child has it too, it is a channel nobody sees. */
extern bool fio_shared_map __attribute__((visibility("hidden")));

#endif /* FASTIO_MAPS_H */
