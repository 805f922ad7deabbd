/* SPDX-License-Identifier: MIT */
/*
 * What an engine says about sessions, checked and made fit to print.
 */
#ifndef RCASTI_CLIENT_INFO_H
#define RCASTI_CLIENT_INFO_H

#include <ringcast/client.h>

#include "ringcast.pb-c.h"

/*
 * Copy UTF-8 text without anything that could steer a terminal: control characters, bidirectional overrides and bytes that
 * are not UTF-8 become '?'. Cut, at a whole character, to what `room` bytes hold with the end mark.
 */
void rcasti_info_clean_text(char *clean, size_t room, const char *text);

/* -EPROTO: no session can look like that. */
int rcasti_info_from_wire(struct rcast_session_info *info, const Ringcast__Wire__SessionInfo *wire);

void rcasti_reader_info_from_wire(struct rcast_reader_info *info, const Ringcast__Wire__ReaderInfo *wire);

#endif
