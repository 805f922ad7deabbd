/* SPDX-License-Identifier: MIT */
/* What a program says beside what it draws: as records in their place, and as the session's state. */
#include "flow_kit.h"

static const char script[] = "printf 'one\\033]133;A\\007$ \\033]133;B\\007'; until read x <%s; do :; done; "
			     "printf '\\033]133;C\\007out\\n\\033]133;D;3\\007\\a\\a\\033]7;file:///usr/lib\\033\\\\'; "
			     "printf '\\033[?1049;1002;2004h'; until read x <%s; do :; done";

static char *say(const char *verb, const char *format)
{
	struct harness_result result = harness_ringcast_run(verb, "t", format, NULL);
	char *out = strdup(result.out);

	cr_assert_eq(result.status, 0, "%s: %s", verb, result.err);
	harness_result_free(&result);
	return out;
}

static void expect_in_order(const char *text, const char *const *parts)
{
	const char *at = text;

	for (; *parts; parts++) {
		const char *found = strstr(at, *parts);

		cr_assert(found != NULL, "no '%s' behind '%.200s'", *parts, at);
		at = found + strlen(*parts);
	}
}

static void start(void)
{
	char whole[512];
	const char *gate = flow_gate();

	snprintf(whole, sizeof whole, script, gate, gate);
	flow_start("t", "64K", whole);
}

HARNESS_TEST(events, are_the_state_of_the_session)
{
	char *json, *text;

	start();
	harness_await(flow_stat("t", "at_prompt") == 1);
	json = say("stat", "--json");
	expect_in_order(json, (const char *[]){"\"modes\":[]", "\"bells\":0", "\"command_step\":\"input\"",
					       "\"commands\":0,\"at_prompt\":true", NULL});
	free(json);
	flow_open_gate();
	harness_await(flow_stat("t", "bells") == 2);
	harness_await((json = say("stat", "--json"), strstr(json, "\"modes\":[]") == NULL) || (free(json), false));
	expect_in_order(json,
			(const char *[]){"\"directory\":\"/usr/lib\"",
					 "\"modes\":[\"alternate-screen\",\"bracketed-paste\",\"mouse\"]", "\"bells\":2",
					 "\"command_step\":\"done\",\"commands\":1,\"command_status\":3,\"at_prompt\":false",
					 NULL});
	free(json);
	text = say("stat", NULL);
	expect_in_order(text,
			(const char *[]){"directory  /usr/lib\n",
					 "shell      not at its prompt; 1 commands, the latest ended with status 3\n",
					 "modes      alternate-screen bracketed-paste mouse\n", "bells      2\n", NULL});
	free(text);
}

/* Each behind the output that set it, in a stream whose output is what was printed and nothing else. */
HARNESS_TEST(events, are_records)
{
	char *json, *raw;

	start();
	harness_await(flow_stat("t", "at_prompt") == 1);
	flow_open_gate();
	harness_await(flow_stat("t", "bells") == 2);
	flow_open_gate();
	flow_await_end("t");
	json = say("tail", "--json");
	expect_in_order(json, (const char *[]){"\"kind\":\"output\"", "\"data\":\"one", "\"kind\":\"command\"",
					       "\"step\":\"prompt\",\"at_output_pos\":11}",
					       "\"step\":\"input\",\"at_output_pos\":21}", "\"kind\":\"output\"",
					       "\"step\":\"output\",\"at_output_pos\":29}",
					       "\"step\":\"done\",\"status\":3,\"at_output_pos\":44}", "\"kind\":\"bell\"",
					       "\"bells\":2}", "\"kind\":\"exit\"", NULL});
	expect_in_order(json,
			(const char *[]){"\"kind\":\"directory\"", "\"data\":\"/usr/lib\"", "\"kind\":\"exit\"", NULL});
	expect_in_order(json, (const char *[]){"\"kind\":\"modes\"",
					       "\"modes\":[\"alternate-screen\",\"bracketed-paste\",\"mouse\"]}",
					       "\"kind\":\"exit\"", NULL});
	free(json);
	raw = say("tail", "--raw");
	cr_expect_str_eq(raw,
			 "one\033]133;A\a$ \033]133;B\a\033]133;C\aout\r\n\033]133;D;3\a\a\a\033]7;file:///usr/lib\033\\"
			 "\033[?1049;1002;2004h");
	free(raw);
}

/* By circuit they are the same records. */
HARNESS_TEST(events, come_by_circuit_too)
{
	struct harness_result by_ring, by_circuit;

	start();
	harness_await(flow_stat("t", "at_prompt") == 1);
	flow_open_gate();
	harness_await(flow_stat("t", "bells") == 2);
	flow_open_gate();
	flow_await_end("t");
	by_ring = harness_ringcast_run("tail", "--json", "t", NULL);
	by_circuit = harness_ringcast_run("tail", "--json", "--by-circuit", "t", NULL);
	cr_expect_str_eq(by_circuit.out, by_ring.out);
	harness_result_free(&by_ring);
	harness_result_free(&by_circuit);
}

/* A million bells are as many bells, and at most one record a read. */
HARNESS_TEST(events, a_flood_of_bells_is_not_one_of_records)
{
	flow_start("t", "64K", "head -c 1000000 /dev/zero | tr '\\0' '\\a'");
	flow_await_end("t");
	cr_expect_eq(flow_stat("t", "bells"), 1000000);
	cr_expect_leq(flow_stat("t", "records"), 2 * flow_stat("t", "reads") + 8);
}
