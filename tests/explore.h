/* SPDX-License-Identifier: MIT */
/*
 * Runs a model program through every execution that the memory model allows. Include it before all else, or build with
 * -include: it puts explore.c in the place of the program's atomics and threads. The program is a closed one: its threads
 * meet in nothing but 64-bit atomics, each of them stored to by one thread at a time, and every loop ends.
 *
 *   witness("lapped")   say that this happened: explore.c counts in how many executions, and fails if an expected one is missing
 */
#ifndef RINGCAST_TESTS_EXPLORE_H
#define RINGCAST_TESTS_EXPLORE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

uint64_t explore_load(const void *address, const char *name, memory_order order);
void explore_store(void *address, const char *name, uint64_t value, memory_order order);
void explore_fence(memory_order order);
int explore_spawn(pthread_t *thread, void *(*run)(void *), void *argument);
int explore_join(pthread_t thread);
void explore_witness(const char *what);

/* The program's own main. */
int explored_main(void);

#ifndef EXPLORE_ITSELF
#undef atomic_load_explicit
#undef atomic_store_explicit
#define atomic_load_explicit(address, order) explore_load((const void *)(address), #address, order)
#define atomic_store_explicit(address, value, order) explore_store((void *)(address), #address, value, order)
#define rcasti_load(address, order) explore_load((const void *)(address), #address, (memory_order)(order))
#define rcasti_store(address, value, order) explore_store((void *)(address), #address, value, (memory_order)(order))
#define rcasti_fence(order) explore_fence((memory_order)(order))
#define pthread_create(thread, attributes, run, argument) explore_spawn(thread, run, argument)
#define pthread_join(thread, result) explore_join(thread)
#define witness(what) explore_witness(what)
#define main explored_main
#endif

#endif
