/* SPDX-License-Identifier: MIT */
/* Attaching readers to sessions, and the ways in which that ends. The model is in attach.c. */
#ifndef RCASTI_ENGINE_ATTACH_H
#define RCASTI_ENGINE_ATTACH_H

#include <ringcast/circuit.h>

#include "engine/exchange.h"
#include "engine/readers.h"

/* The Attach command. */
void rcasti_attach(struct rcasti_exchange *exchange, const Ringcast__Wire__Attach *request, struct rcast_message *message);

/* A message on a circuit that is attached. */
enum rcast_consumed rcasti_attached_request(struct rcasti_exchange *exchange, struct rcast_message *message);

/* The client has gone, or given up: take the reader away without a word. Nothing to do if it was detached before. */
void rcasti_exchange_detach(struct rcasti_exchange *exchange);

/* Take it away and say why, as the last message. */
void rcasti_attachment_evict(struct rcasti_attachment *attachment, const char *why);

/* The session is in another ring: let the reader have it. */
void rcasti_attachment_move(struct rcasti_attachment *attachment);

/* Something can be sent again. */
void rcasti_attachment_go_on(struct rcasti_attachment *attachment);

/* The session is going: tell all of its readers that it was removed. */
void rcasti_attachments_end(struct rcast_session *session);

/* Evict those that have closed their pipe. */
void rcasti_attachments_end_gone(struct rcast_session *session);

#endif
