/* SPDX-License-Identifier: MIT */
/* What a session's output has said beside what it draws. The model is in events.c. */
#ifndef RCASTI_ENGINE_EVENTS_H
#define RCASTI_ENGINE_EVENTS_H

#include <ringcast/ringcast.h>

#define RCASTI_TITLE_BYTES 256      /* with the closing zero */
#define RCASTI_DIRECTORY_BYTES 1024 /* likewise */
#define RCASTI_MAX_MARKS 8          /* of commands, from one read */

struct rcasti_texts {
	char title[RCASTI_TITLE_BYTES];
	char directory[RCASTI_DIRECTORY_BYTES];
};

/* Kinds of events that records are owed for. */
enum {
	RCASTI_OWES_MODES = 1,
	RCASTI_OWES_TITLE = 2,
	RCASTI_OWES_DIRECTORY = 4,
	RCASTI_OWES_MARKS = 8,
	RCASTI_OWES_BELL = 16
};

struct rcasti_events {
	struct rcasti_texts texts; /* the latest, clean */
	struct rcast_modes modes, told_modes;
	struct rcast_bell bell; /* since the last record of it */
	uint64_t n_bells;
	struct rcast_command
		marks[RCASTI_MAX_MARKS]; /* not published yet: n_marks of them, from first_mark on, around the end */
	unsigned int first_mark, n_marks;
	uint32_t latest_step;  /* enum rcast_command_step */
	int32_t latest_status; /* of the latest command that has ended; -1: not known */
	uint64_t latest_step_ns, n_commands;
	unsigned int owed;  /* RCASTI_OWES_… */
	bool texts_changed; /* since whoever tells control has looked */
	char host[65];
};

void rcasti_events_init(struct rcasti_events *events);

/* What the scanner has found. */
void rcasti_events_bell(struct rcasti_events *events);
void rcasti_events_reset(struct rcasti_events *events, bool soft); /* DECSTR, or a full reset */
void rcasti_events_set_mode(struct rcasti_events *events, uint32_t number, bool on);
void rcasti_events_title(struct rcasti_events *events, const char *text, size_t n_bytes);

/* OSC 7, "file://host/path". `is_whole`: nothing of it was cut off. */
void rcasti_events_directory(struct rcasti_events *events, const char *text, size_t n_bytes, bool is_whole);

/* OSC 133, "D;0" and the like, at this place of the output. */
void rcasti_events_mark(struct rcasti_events *events, const char *text, size_t n_bytes, uint64_t output_pos);

/* A record that is owed. The data is the events' own, until the next is asked for. False: nothing is. */
struct rcasti_event {
	uint8_t kind;
	const void *data;
	size_t n_bytes;
};
bool rcasti_events_first(const struct rcasti_events *events, struct rcasti_event *event);

/* It was published. */
void rcasti_events_paid(struct rcasti_events *events, const struct rcasti_event *event);

#endif
