/* SPDX-License-Identifier: MIT */
/*
 * Messages of the command schema (ringcast.proto) on circuits: what both ends of the wire do alike.
 *
 * Compiled into both shared libraries, so it uses circuits through their public header alone.
 */
#ifndef RCASTI_CONTROL_SCHEMA_H
#define RCASTI_CONTROL_SCHEMA_H

#include <ringcast/circuit.h>

#include "ringcast.pb-c.h"

/* The longest keyframe that anybody makes, passes on or takes: some hundred times a full screen. */
#define RCASTI_MAX_KEYFRAME_BYTES (8u << 20)

/* rcast_circuit_send_take_fds of a message; the same errors. */
int rcasti_schema_send(struct rcast_circuit *circuit, const ProtobufCMessage *message, unsigned int flags,
		       const int *take_fds, int n_fds);

/*
 * Unpack what a client says. NULL: it is malformed, has a field that this version does not know, at any depth, or names no
 * command; *wrong then says which in one line. Free with ringcast__wire__…__free_unpacked(…, NULL).
 */
Ringcast__Wire__Request *rcasti_schema_unpack_request(const struct rcast_message *message, const char **wrong);
Ringcast__Wire__AttachedRequest *rcasti_schema_unpack_attached_request(const struct rcast_message *message,
								       const char **wrong);

/* Unpack what an engine says; fields of a later version are passed over. NULL: malformed. */
Ringcast__Wire__Reply *rcasti_schema_unpack_reply(const struct rcast_message *message);

#endif
