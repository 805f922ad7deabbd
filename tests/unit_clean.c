/* SPDX-License-Identifier: MIT */

#include "engine/clean.h"
#include "harness.h"

HARNESS_TEST(clean, text_is_cleaned_to_fit)
{
	char clean[8];

	cr_assert_eq(rcasti_text_clean(clean, sizeof clean, "abc\033[31mdef", 11), 7);
	cr_assert_str_eq(clean, "abc[31m");
	cr_assert_eq(rcasti_text_clean(clean, 3, "a€", 4), 1, "no half a character");
	cr_assert_str_eq(clean, "a");
	cr_assert_eq(rcasti_text_clean(clean, 1, "abc", 3), 0);
	cr_assert_str_eq(clean, "");
}
