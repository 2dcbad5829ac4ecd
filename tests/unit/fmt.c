/* SPDX-License-Identifier: MIT */
/*
 * fmt.c - formatting into a fixed buffer
 */
#include "fmt.h"

#include <errno.h>

#include "unit.h"

static char buf[64];

static const char *of_int(int64_t v)
{
	struct fio_fmt f;

	fmt_init(&f, buf, sizeof(buf));
	fmt_int(&f, v);
	CHECK_EQ(f.len, strlen(buf));
	return buf;
}

static const char *of_json(const char *s)
{
	struct fio_fmt f;

	fmt_init(&f, buf, sizeof(buf));
	fmt_json(&f, s);
	return buf;
}

static const char *of_errno(int err)
{
	struct fio_fmt f;

	fmt_init(&f, buf, sizeof(buf));
	fmt_errno(&f, err);
	return buf;
}

static void numbers(void)
{
	CHECK_STR(of_int(0), "0");
	CHECK_STR(of_int(7), "7");
	CHECK_STR(of_int(-1), "-1");
	CHECK_STR(of_int(10), "10");
	CHECK_STR(of_int(1234567890123LL), "1234567890123");
	CHECK_STR(of_int(INT64_MAX), "9223372036854775807");
	CHECK_STR(of_int(INT64_MIN), "-9223372036854775808");
}

static void text(void)
{
	struct fio_fmt f;

	fmt_init(&f, buf, sizeof(buf));
	CHECK_STR(buf, "");
	fmt_str(&f, "");
	CHECK_EQ(f.len, 0);
	fmt_str(&f, "a=");
	fmt_int(&f, 5);
	fmt_str(&f, ";");
	CHECK_STR(buf, "a=5;");
	CHECK_EQ(f.len, 4);
}

static void json(void)
{
	CHECK_STR(of_json(""), "");
	CHECK_STR(of_json("tar"), "tar");
	CHECK_STR(of_json("a\"b\\c/d"), "a\\\"b\\\\c/d");
	CHECK_STR(of_json("\n\t\x01\x1f"), "\\u000a\\u0009\\u0001\\u001f");
	CHECK_STR(of_json("\x7f"), "\\u007f");
	/* bytes that are no ASCII stay valid JSON */
	CHECK_STR(of_json("\xc3\xa4"), "\\u00c3\\u00a4");
	CHECK_STR(of_json(" ~"), " ~");
}

static void errors(void)
{
	CHECK_STR(of_errno(ENOSPC), "No space left on device");
	CHECK_STR(of_errno(ENOENT), "No such file or directory");
	CHECK_STR(of_errno(ESTALE), "Stale file handle");
	CHECK_STR(of_errno(4000), "error 4000");
	/* as libc says it */
	for (int e = 1; e < 134; e++) {
		if (strncmp(of_errno(e), "error ", 6) != 0)
			CHECK_STR(buf, strerror(e));
	}
}

/* For each size: what fits is there, terminated, and the byte behind is untouched. */
static void truncation(void)
{
	static const char whole[] = "ab\\u0001-12345No space left on device";
	struct fio_fmt f;

	for (size_t cap = 1; cap <= sizeof(whole) + 3; cap++) {
		memset(buf, '#', sizeof(buf));
		fmt_init(&f, buf, cap);
		fmt_str(&f, "ab");
		fmt_json(&f, "\x01");
		fmt_int(&f, -12345);
		fmt_errno(&f, ENOSPC);
		CHECK(f.len < cap);
		CHECK_EQ(strlen(buf), f.len);
		CHECK_EQ(f.len, cap < sizeof(whole) ? cap - 1 : sizeof(whole) - 1);
		CHECK(memcmp(buf, whole, f.len) == 0);
		CHECK_EQ(buf[cap], '#');
	}
}

static const struct unit_test tests[] = {
	TEST(numbers), TEST(text), TEST(json), TEST(errors), TEST(truncation),
};

UNIT_MAIN(tests)
