/* SPDX-License-Identifier: MIT */
/*
 * Packing for and unpacking from circuits.
 *
 * protobuf keeps fields that it does not know and says nothing. For an engine that would be to do half of what was asked, so
 * a request is searched, by its descriptors, for unknown fields in every message that it contains. A reply is read by a
 * client that may be older than the engine: there they are what makes additions possible, and are passed over.
 *
 * Called by src/engine and src/client, which each have a copy in their own library.
 */
#include "control/schema.h"

#include <errno.h>
#include <stdlib.h>

/* Most messages are short: these are packed on the stack. */
enum { STACK_BYTES = 4096 };

int rcasti_schema_send(struct rcast_circuit *circuit, const ProtobufCMessage *message, unsigned int flags,
		       const int *take_fds, int n_fds)
{
	uint8_t on_stack[STACK_BYTES], *bytes = on_stack;
	size_t n_bytes = protobuf_c_message_get_packed_size(message);
	struct iovec iov;
	int error;

	if (n_bytes > RCAST_LINK_MAX_MESSAGE)
		return -EMSGSIZE;
	if (n_bytes > sizeof on_stack)
		bytes = malloc(n_bytes);
	if (!bytes)
		return -ENOMEM;
	protobuf_c_message_pack(message, bytes);
	iov = (struct iovec){.iov_base = bytes, .iov_len = n_bytes};
	error = rcast_circuit_send_take_fds(circuit, &iov, 1, flags, take_fds, n_fds);
	if (bytes != on_stack)
		free(bytes);
	return error;
}

static bool is_known(const ProtobufCMessage *message);

static const void *member(const ProtobufCMessage *message, unsigned int offset)
{
	return (const char *)message + offset;
}

/* Is this member of a oneof the one that is set? Fields that are no members are. */
static bool is_chosen(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	if (!(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF))
		return true;
	return *(const uint32_t *)member(message, field->quantifier_offset) == field->id;
}

static bool is_field_known(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	const ProtobufCMessage *const *inner = member(message, field->offset);
	size_t n = 1;

	if (field->type != PROTOBUF_C_TYPE_MESSAGE || !is_chosen(message, field))
		return true;
	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		n = *(const size_t *)member(message, field->quantifier_offset);
		inner = *(const ProtobufCMessage *const *const *)inner;
	}
	for (size_t i = 0; i < n; i++) {
		if (inner[i] && !is_known(inner[i]))
			return false;
	}
	return true;
}

/* No unknown field here, nor in any message inside. The schema is not recursive, so this ends. */
static bool is_known(const ProtobufCMessage *message)
{
	if (message->n_unknown_fields > 0)
		return false;
	for (unsigned int i = 0; i < message->descriptor->n_fields; i++) {
		if (!is_field_known(message, &message->descriptor->fields[i]))
			return false;
	}
	return true;
}

static const char *judge(const ProtobufCMessage *message, bool has_command)
{
	if (!message)
		return "the request is malformed";
	if (!is_known(message))
		return "the request has a command or field that this engine does not know";
	return has_command ? NULL : "the request names no command";
}

Ringcast__Wire__Request *rcasti_schema_unpack_request(const struct rcast_message *message, const char **wrong)
{
	Ringcast__Wire__Request *request = ringcast__wire__request__unpack(NULL, message->n_bytes, message->data);

	*wrong = judge(request ? &request->base : NULL,
		       request && request->command_case != RINGCAST__WIRE__REQUEST__COMMAND__NOT_SET);
	if (!*wrong)
		return request;
	ringcast__wire__request__free_unpacked(request, NULL);
	return NULL;
}

Ringcast__Wire__AttachedRequest *rcasti_schema_unpack_attached_request(const struct rcast_message *message,
								       const char **wrong)
{
	Ringcast__Wire__AttachedRequest *request =
		ringcast__wire__attached_request__unpack(NULL, message->n_bytes, message->data);

	*wrong = judge(request ? &request->base : NULL,
		       request && request->request_case != RINGCAST__WIRE__ATTACHED_REQUEST__REQUEST__NOT_SET);
	if (!*wrong)
		return request;
	ringcast__wire__attached_request__free_unpacked(request, NULL);
	return NULL;
}

Ringcast__Wire__Reply *rcasti_schema_unpack_reply(const struct rcast_message *message)
{
	return ringcast__wire__reply__unpack(NULL, message->n_bytes, message->data);
}
