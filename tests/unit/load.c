/* SPDX-License-Identifier: MIT */
/*
 * load.c - when there is no processor to spare
 */
#include "load.h"

#include <sched.h>

#include "clock.h"
#include "options.h"
#include "unit.h"

#define WOKEN 16 /* wake-ups on the waker's processor that end deferral for a while */

static struct fio_thread thread, other;
static cpu_set_t all;

/* From here on this is the processor, although the process may use all that were counted. */
static int stay(void)
{
	cpu_set_t one;
	int here = fio_this_cpu();

	CPU_ZERO(&one);
	CPU_SET(here, &one);
	CHECK_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
	return here;
}

static void woken(int n, int cpu)
{
	while (n--)
		fio_load_woken(cpu);
}

static void start(void)
{
	fio_clock = clock_gettime;
	CHECK_EQ(sched_setaffinity(0, sizeof(all), &all), 0);
	fio_load_reset();
	thread.active_epoch = 0;
	other.active_epoch = 0;
	/* what is left of an earlier case goes */
	woken(2 * WOKEN, -1);
}

static void same_processor(void)
{
	int here;

	start();
	CHECK(!fio_crowded(&thread));
	here = stay();
	woken(WOKEN - 1, here);
	CHECK(!fio_crowded(&thread));
	woken(1, here);
	CHECK(fio_crowded(&thread));
	start();
	CHECK(!fio_crowded(&thread));
}

static void another_processor(void)
{
	int here;

	start();
	CHECK(!fio_crowded(&thread));
	here = stay();
	for (int i = 0; i < 10 * WOKEN; i++)
		woken(1, i % 3 ? here : here + 1);
	CHECK(!fio_crowded(&thread));
}

static void never_in_tests(void)
{
	start();
	CHECK(!fio_crowded(&thread));
	fio_opt.warmup = 0;
	woken(2 * WOKEN, stay());
	CHECK(!fio_crowded(&thread));
	fio_opt.warmup = 64;
}

static void as_many_threads_as_processors(void)
{
	start();
	CHECK(!fio_crowded(&thread));
	for (int i = 1; i < CPU_COUNT(&all); i++) {
		other.active_epoch = 0;
		fio_crowded(&other);
	}
	CHECK(fio_crowded(&thread));
}

static void one_processor(void)
{
	start();
	stay();
	CHECK(fio_crowded(&thread));
}

static const struct unit_test tests[] = {
	TEST(same_processor), TEST(another_processor),
	TEST(never_in_tests), TEST(as_many_threads_as_processors),
	TEST(one_processor),
};

int main(int argc, char **argv)
{
	CHECK_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
	if (CPU_COUNT(&all) < 2)
		unit_skip("needs two processors");
	return unit_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
