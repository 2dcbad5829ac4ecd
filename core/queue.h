/* SPDX-License-Identifier: MIT */
/*
 * queue.h - the claimable queue
 *
 * Protocol.  A ring of cells, three positions that only grow: retire <= claim hint, retire <= head.
 *
 *	put      reserves the position head, then stores the intent in its cell (EMPTY -> intent)
 *	claim    compare-and-swaps an intent's state QUEUED -> CLAIMED; which one of several claimers
 *	         wins owns the intent.  The oldest first; a barrier may claim any.
 *	done     stores DONE in the cell, then advances retire over DONE cells, each of which exactly one
 *	         thread turns from DONE to EMPTY
 *
 * So 'everything queued before now is done' is retire >= the head of now.  Positions are 64 bits
 * and never wrap.  A cell is reused only after it was retired, since head - retire <= the ring's
 * size. The done event is a futex word that changes when somebody waits and something was done.
 */
#ifndef FIO_QUEUE_H
#define FIO_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "intent.h"

#define FIO_QUEUE_SIZE 1024

/* False if the ring is full. */
bool fio_queue_put(struct fio_intent *it);
/* The oldest unclaimed intent before position limit, claimed; NULL if there is none. */
struct fio_intent *fio_queue_claim(uint64_t limit, bool by_caller);
/*
 * The oldest that a worker of the pool may take, claimed and counted under way in its directory, or
 * NULL.
 */
struct fio_intent *fio_queue_claim_pooled(void);
/* How many are for the pool and unclaimed. */
uint32_t fio_queue_pooled(void);
/* Claims this one; false if somebody else has it. */
bool fio_queue_claim_one(struct fio_intent *it, bool by_caller);
/* A claimed intent at position pos was executed. */
void fio_queue_done(uint64_t pos);
uint64_t fio_queue_head(void);
/* Positions not yet retired. */
uint32_t fio_queue_depth(void);
/* Positions before limit that nobody has claimed yet, about. */
uint32_t fio_queue_unclaimed(uint64_t limit);

/* Everything before it is done. */
uint64_t fio_queue_retired(void);
/* Until that is another position than pos. */
void fio_queue_wait_move(uint64_t pos);
/* Sleep until everything before pos is done, or the intent's gen is no longer gen. */
void fio_queue_wait_pos(uint64_t pos);
void fio_queue_wait_gen(struct fio_intent *it, uint32_t gen);
/* ... or a worker has made the file. */
void fio_queue_wait_named(struct fio_intent *it, uint32_t gen);
/* Until the task has closed all descriptors of files that were sent to it. */
void fio_queue_wait_copies(void);
/* A claimed intent goes back: whoever claimed it cannot carry it out. */
void fio_queue_unclaim(struct fio_intent *it);
/* To be called after something changed that a waiter may wait for. */
void fio_queue_notify(void);
/*
 * An executor died between the end of an intent and fio_queue_done: nobody will come for its cell.
 */
void fio_queue_repair(void);
void fio_queue_reset(void);

#endif /* FIO_QUEUE_H */
