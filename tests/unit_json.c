/* SPDX-License-Identifier: MIT */
/*
 * The JSON writer: escapes, commas, and bytes that are not text.
 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#include "cli/json.h"

static void expect_json(struct json *json, const char *text)
{
	cr_expect(!json->no_memory);
	cr_expect(json->n_bytes == strlen(text) && memcmp(json->text, text, json->n_bytes) == 0, "%.*s, not %s",
		  (int)json->n_bytes, json->text, text);
	json_free(json);
}

HARNESS_TEST(json, puts_commas_between_elements_only)
{
	struct json json = {0};

	json_begin(&json, '[');
	json_unsigned(&json, UINT64_MAX);
	json_begin(&json, '{');
	json_key(&json, "a");
	json_signed(&json, INT64_MIN);
	json_key(&json, "b");
	json_begin(&json, '[');
	json_end(&json, ']');
	json_key(&json, "c");
	json_bool(&json, false);
	json_end(&json, '}');
	json_bool(&json, true);
	json_end(&json, ']');
	expect_json(&json, "[18446744073709551615,{\"a\":-9223372036854775808,\"b\":[],\"c\":false},true]");
}

HARNESS_TEST(json, escapes_strings)
{
	static const struct {
		const char *text, *json;
	} cases[] = {
		{"", "\"\""},
		{"plain", "\"plain\""},
		{"\"\\", "\"\\\"\\\\\""},
		{"\r\n\t", "\"\\r\\n\\t\""},
		{"\x1b[m\x01\x7f", "\"\\u001b[m\\u0001\\u007f\""},
		{"\xc2\x9b"
		 "5n",
		 "\"\\u009b5n\""}, /* CSI in one character: terminals obey it */
		{"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\""},
		{"bad \xff", "\"bad ?\""},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct json json = {0};

		json_string(&json, cases[i].text);
		expect_json(&json, cases[i].json);
	}
}

HARNESS_TEST(json, bytes_that_are_no_text_lose_nothing)
{
	static const struct {
		const char *bytes;
		size_t n_bytes;
		const char *json;
	} cases[] = {
		{"ok", 2, "\"data\":\"ok\""},
		{"a\0b", 3, "\"data\":\"a\\u0000b\""},
		{"\xff", 1, "\"data_base64\":\"/w==\""},
		{"\xff\xfe", 2, "\"data_base64\":\"//4=\""},
		{"\xff\xfe\xfd", 3, "\"data_base64\":\"//79\""},
		{"\xe2\x82", 2, "\"data_base64\":\"4oI=\""},             /* a character cut in two */
		{"\xc0\x80", 2, "\"data_base64\":\"wIA=\""},             /* overlong */
		{"\xed\xa0\x80", 3, "\"data_base64\":\"7aCA\""},         /* a surrogate */
		{"\xf4\x90\x80\x80", 4, "\"data_base64\":\"9JCAgA==\""}, /* beyond Unicode */
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct json json = {0};

		json_bytes(&json, "data", cases[i].bytes, cases[i].n_bytes);
		expect_json(&json, cases[i].json);
	}
}

HARNESS_TEST(json, grows_over_long_texts)
{
	char *text = malloc(100001);
	struct json json = {0};

	memset(text, 'x', 100000);
	text[100000] = 0;
	json_string(&json, text);
	cr_expect_eq(json.n_bytes, 100002);
	json_free(&json);
	free(text);
}
