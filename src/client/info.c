/* SPDX-License-Identifier: MIT */
/*
 * Between the schema and the structures of <ringcast/client.h>.
 *
 * A title is chosen by the program in the terminal, a command line by whoever started it, and both come from an engine that we
 * have no reason to believe. They end up on somebody's screen, so they are cleaned here, once, for every caller. Numbers are
 * checked where something is going to rely on them: a name is a path, a capacity bounds memory.
 *
 * Called by command.c, find.c, view.c and connection.c.
 */
#include "client/info.h"

#include <errno.h>
#include <string.h>

#include <ringcast/circuit.h>
#include <ringcast/ring.h>

/* The code point at `text` and how many bytes it takes; 0 bytes: not UTF-8. */
static int decode_utf8(const unsigned char *text, uint32_t *point)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	int n = text[0] < 0x80 ? 1 : text[0] >> 5 == 6 ? 2 : text[0] >> 4 == 14 ? 3 : text[0] >> 3 == 30 ? 4 : 0;

	if (n == 0)
		return 0;
	*point = n == 1 ? text[0] : text[0] & (0x7fu >> n);
	for (int i = 1; i < n; i++) {
		if (text[i] >> 6 != 2)
			return 0;
		*point = *point << 6 | (text[i] & 0x3f);
	}
	if (*point < smallest[n] || *point > 0x10ffff || (*point >= 0xd800 && *point <= 0xdfff))
		return 0;
	return n;
}

static bool steers_terminal(uint32_t point)
{
	bool control = point < 0x20 || (point >= 0x7f && point < 0xa0);
	bool separator = point == 0x2028 || point == 0x2029;
	bool direction = point == 0x200e || point == 0x200f || (point >= 0x202a && point <= 0x202e) ||
			 (point >= 0x2066 && point <= 0x2069);

	return control || separator || direction;
}

void rcasti_info_clean_text(char *clean, size_t room, const char *text)
{
	const unsigned char *from = (const unsigned char *)text;
	size_t used = 0;

	while (*from) {
		uint32_t point = 0;
		int n = decode_utf8(from, &point);
		bool fine = n > 0 && !steers_terminal(point);
		size_t n_clean = fine ? (size_t)n : 1;

		if (used + n_clean >= room)
			break;
		if (fine)
			memcpy(clean + used, from, n_clean);
		else
			clean[used] = '?';
		used += n_clean;
		from += n > 0 ? n : 1;
	}
	clean[used] = 0;
}

static bool is_capacity(uint64_t bytes)
{
	return bytes >= RCAST_RING_MIN_BYTES && bytes <= RCAST_RING_MAX_BYTES && (bytes & (bytes - 1)) == 0;
}

int rcasti_info_from_wire(struct rcast_session_info *info, const Ringcast__Wire__SessionInfo *wire)
{
	if (!wire || !rcast_name_is_valid(wire->name) || !is_capacity(wire->ring_bytes) || wire->cols > UINT16_MAX ||
	    wire->rows > UINT16_MAX || wire->first_pos > wire->next_pos || wire->kind < RCAST_SESSION_PTY ||
	    wire->kind > RCAST_SESSION_OWNED || wire->command_step > RCAST_STEP_DONE)
		return -EPROTO;
	*info = (struct rcast_session_info){
		.kind = (enum rcast_session_kind)wire->kind,
		.ended = wire->ended,
		.has_exit = wire->has_exit,
		.exit = {.status = wire->exit_status, .signal = wire->exit_signal},
		.pid = wire->pid,
		.cols = (uint16_t)wire->cols,
		.rows = (uint16_t)wire->rows,
		.n_readers = wire->n_readers,
		.ring_bytes = wire->ring_bytes,
		.first_pos = wire->first_pos,
		.next_pos = wire->next_pos,
		.n_records = wire->n_records,
		.n_output = wire->n_output,
		.age_ms = wire->age_ms,
		.modes = wire->modes,
		.n_bells = wire->n_bells,
		.command_step = (enum rcast_command_step)wire->command_step,
		.command_status = wire->command_status,
		.n_commands = wire->n_commands,
		.at_prompt = wire->at_prompt,
	};
	rcasti_info_clean_text(info->name, sizeof info->name, wire->name);
	rcasti_info_clean_text(info->title, sizeof info->title, wire->title);
	rcasti_info_clean_text(info->command, sizeof info->command, wire->command);
	rcasti_info_clean_text(info->directory, sizeof info->directory, wire->directory);
	if (strcmp(info->directory, wire->directory) != 0) /* another path than was said */
		info->directory[0] = 0;
	return 0;
}

void rcasti_reader_info_from_wire(struct rcast_reader_info *info, const Ringcast__Wire__ReaderInfo *wire)
{
	*info = (struct rcast_reader_info){
		.id = wire->id,
		.pid = wire->pid,
		.by_circuit = wire->by_circuit,
		.may_input = wire->may_input,
		.lease_ms = wire->lease_ms,
		.pos = wire->pos,
		.behind_bytes = wire->behind_bytes,
		.n_laps = wire->n_laps,
		.n_rings = wire->n_rings,
		.answers = wire->answers,
	};
}
