/* SPDX-License-Identifier: MIT */
/* Sessions and readers in the words of the schema. Strings are borrowed from what is described. Control's. */
#ifndef RCASTI_ENGINE_DESCRIBE_H
#define RCASTI_ENGINE_DESCRIBE_H

#include "engine/readers.h"
#include "ringcast.pb-c.h"

void rcasti_describe_session(struct rcast_session *session, Ringcast__Wire__SessionInfo *info);
void rcasti_describe_stats(struct rcast_session *session, Ringcast__Wire__SessionStats *stats);
void rcasti_describe_reader(const struct rcasti_attachment *attachment, Ringcast__Wire__ReaderInfo *info);

#endif
