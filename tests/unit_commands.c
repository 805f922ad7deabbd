/* SPDX-License-Identifier: MIT */
#include "scene.h"

static const struct {
	Ringcast__Wire__Request__CommandCase command;
	const ProtobufCMessageDescriptor *descriptor;
} about_sessions[] = {
	{RINGCAST__WIRE__REQUEST__COMMAND_DESCRIBE, &ringcast__wire__describe__descriptor},
	{RINGCAST__WIRE__REQUEST__COMMAND_STATS, &ringcast__wire__stats__descriptor},
	{RINGCAST__WIRE__REQUEST__COMMAND_INPUT, &ringcast__wire__input__descriptor},
	{RINGCAST__WIRE__REQUEST__COMMAND_RESIZE, &ringcast__wire__resize__descriptor},
	{RINGCAST__WIRE__REQUEST__COMMAND_SIGNAL, &ringcast__wire__signal__descriptor},
	{RINGCAST__WIRE__REQUEST__COMMAND_KICK, &ringcast__wire__kick__descriptor},
	{RINGCAST__WIRE__REQUEST__COMMAND_KILL, &ringcast__wire__kill__descriptor},
	{RINGCAST__WIRE__REQUEST__COMMAND_ATTACH, &ringcast__wire__attach__descriptor},
	{RINGCAST__WIRE__REQUEST__COMMAND_KEYFRAME, &ringcast__wire__keyframe__descriptor},
};

/* Each command that names a session has the name as its first field. */
HARNESS_TEST(commands, unknown_sessions_are_named)
{
	scene_begin(false, (struct rcast_engine_options){0});
	for (size_t i = 0; i < sizeof about_sessions / sizeof about_sessions[0]; i++) {
		union {
			ProtobufCMessage base;
			Ringcast__Wire__Describe describe;
			char room[256];
		} message;
		Ringcast__Wire__Request request;

		cr_assert_leq(about_sessions[i].descriptor->sizeof_message, sizeof message);
		protobuf_c_message_init(about_sessions[i].descriptor, &message);
		message.describe.session = (char *)"nob\033ody";
		ringcast__wire__request__init(&request);
		request.command_case = about_sessions[i].command;
		request.describe = &message.describe;
		cr_expect_eq(wire_ask(&wire, &request), -ENOENT, "%s", about_sessions[i].descriptor->name);
		cr_expect_str_eq(wire_said, "no session nobody", "without the control character");
	}
	scene_finish();
}

HARNESS_TEST(commands, start_wants_a_program_or_one_descriptor)
{
	WIRE_REQUEST(request, start, START, Start, start);
	char *argv[] = {"true"};
	int fds[2] = {dup(0), dup(0)};

	scene_begin(false, (struct rcast_engine_options){0});
	request_start.name = "t";
	cr_assert_eq(wire_ask(&wire, &request), -EINVAL);
	cr_assert(strstr(wire_said, "pipe session comes with 1 descriptors, not 0"), "%s", wire_said);
	cr_assert_eq(wire_ask_fds(&wire, &request, fds, 2), -EINVAL);
	request_start.argv = argv;
	request_start.n_argv = 1;
	fds[0] = dup(0);
	cr_assert_eq(wire_ask_fds(&wire, &request, fds, 1), -EINVAL);
	cr_assert(strstr(wire_said, "program comes with 0 descriptors, not 1"), "%s", wire_said);
	request_start.cols = 100000;
	cr_assert_eq(wire_ask(&wire, &request), -EINVAL);
	cr_assert(strstr(wire_said, "100000"), "%s", wire_said);
	request_start.cols = 0;
	cr_assert_eq(wire_ask(&wire, &request), 0);
	scene_finish();
}

/* Every number is a session's own; nothing of the request is taken on trust. */
HARNESS_TEST(commands, describe_tells_what_is_so)
{
	struct wire_reply *reply;
	Ringcast__Wire__SessionInfo *info;

	scene_begin(false, (struct rcast_engine_options){0});
	cr_assert_eq(wire_start_shell(&wire, "t", "printf 12345; sleep 600"), 0);
	wire_await(&wire, wire_info(&wire, "t", n_output) == 5);
	reply = wire_describe(&wire, "t");
	info = reply->reply->session;
	cr_assert_str_eq(info->name, "t");
	cr_assert_eq(info->kind, 1);
	cr_assert(!info->ended && !info->has_exit);
	cr_assert_gt(info->pid, 0);
	cr_assert_eq(info->cols, 80);
	cr_assert_eq(info->rows, 24);
	cr_assert_eq(info->ring_bytes, RCAST_RING_DEFAULT_BYTES);
	cr_assert_eq(info->first_pos, 0);
	cr_assert_eq(info->n_records, 2);
	cr_assert_gt(info->next_pos, 5);
	cr_assert_str_eq(info->command, "sh -c printf 12345; sleep 600");
	wire_reply_free(reply);
	scene_finish();
}
