/* SPDX-License-Identifier: MIT */
/*
 * first.c - how a sanitizer's runtime starts; in the unit tests, and preloaded in front of the
 * library
 *
 * AddressSanitizer's starts before any other constructor runs (the linker's -z initfirst), and with
 * options under which it calls nothing that the library exports, which needs the runtime's memory
 * already.  Reports go to files that begin with REPORTS: the background task has no standard error,
 * and programs close theirs.
 */

const char *__asan_default_options(void);
const char *__tsan_default_options(void);
const char *__ubsan_default_options(void);
void __asan_init(void);
void __sanitizer_set_report_path(const char *path);

#define COMMON "log_exe_name=1:handle_segv=0:handle_sigbus=0:handle_sigfpe=0:use_sigaltstack=0:"

const char *__asan_default_options(void)
{
	return COMMON "detect_leaks=0:verify_asan_link_order=0:disable_coredump=0";
}

const char *__ubsan_default_options(void)
{
	return COMMON "print_stacktrace=1:log_path=" REPORTS;
}

const char *__tsan_default_options(void)
{
	return COMMON "die_after_fork=0:log_path=" REPORTS;
}

#ifdef __SANITIZE_ADDRESS__
__attribute__((constructor)) static void begin(void)
{
	__asan_init();
	__sanitizer_set_report_path(REPORTS);
}
#endif
