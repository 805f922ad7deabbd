/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include "cli/describe.h"

HARNESS_TEST(describe, states)
{
	struct rcast_session_info info = {0};
	char text[32];

	describe_state(&info, text, sizeof text);
	cr_expect_str_eq(text, "running");
	info.ended = true;
	describe_state(&info, text, sizeof text);
	cr_expect_str_eq(text, "ended");
	info.has_exit = true;
	info.exit.status = 3;
	describe_state(&info, text, sizeof text);
	cr_expect_str_eq(text, "exit 3");
	info.exit.signal = 9;
	describe_state(&info, text, sizeof text);
	cr_expect_str_eq(text, "killed 9");
}

HARNESS_TEST(describe, bytes_and_ages)
{
	static const struct {
		uint64_t value;
		const char *bytes, *age;
	} cases[] = {{0, "0", "0s"},
		     {1023, "1023", "1s"},
		     {1536, "1.5K", "1s"},
		     {59999, "58.6K", "59s"},
		     {60000, "58.6K", "1m"},
		     {3600000, "3.4M", "1h"},
		     {UINT64_C(86400000) * 3, "247.2M", "3d"},
		     {UINT64_MAX, "16.0E", "213503982334d"}};
	char text[32];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		describe_bytes(cases[i].value, text, sizeof text);
		cr_expect_str_eq(text, cases[i].bytes);
		describe_age(cases[i].value, text, sizeof text);
		cr_expect_str_eq(text, cases[i].age);
	}
}
