/* SPDX-License-Identifier: MIT */
/*
 * Moving a session to a fresh ring, to kick one reader out: the others go on without losing a record, and the kicked one, which
 * keeps its mapping and goes on looking, reads nothing that was written after the kick.
 *
 * The publisher makes the fresh ring, and only then ends the old one with MOVED; what it publishes from then on goes to the
 * fresh one. Control sends the fresh ring to every reader but the kicked one. A reader drains the old ring to its end and goes on
 * at the start of the fresh one; if that has not come yet, it waits for its circuit, not for the old ring's pipe.
 *
 * A ring is what was published in it, never lapped here: laps are the ring protocol's matter, and a move must add none.
 *
 * What must hold: every reader that was not kicked ends with all records, in order; the kicked one with those written before the
 * kick; nobody waits for ever.
 *
 * BROKEN=1: the old ring just stops, without MOVED. 2: MOVED before the last record.
 * 3: a reader goes over as soon as it is told, without draining the old ring. 4: the kicked reader gets the fresh ring too.
 * 5: the publisher goes on in the old ring after the kick was answered. 6: fresh rings are sent to the first reader only.
 */
#ifndef BROKEN
#define BROKEN 0
#endif
#define N_RECORDS 4
#define N_READERS 3
#define KICKED 2
#define MOVED 255

chan circuit[N_READERS] = [1] of { byte };	/* the number of a ring */
byte ring0[6], ring1[6];
byte length[2];			/* what was committed in each */
bool is_made[2];
bool kick_wanted = false, kick_done = false;
byte n_before_kick = 0;	/* records published when the kick was answered */

inline put(ring, value) {
	atomic {
		if
		:: ring == 0 -> ring0[length[0]] = value
		:: else -> ring1[length[1]] = value
		fi;
		length[ring]++
	}
}

active proctype publisher() {
	byte ring = 0, i;

	is_made[0] = true;
	for (i : 1 .. N_RECORDS) {
		if
		:: kick_wanted && ring == 0 ->
#if BROKEN == 2
			put(0, MOVED);
			put(0, i);
			is_made[1] = true;
			ring = 1;
			n_before_kick = i;
			kick_done = true;
			goto next
#elif BROKEN == 5
			n_before_kick = i - 1;
			is_made[1] = true;
			kick_done = true;
			put(0, i);
			put(0, MOVED);
			ring = 1;
			goto next
#else
			is_made[1] = true;
#if BROKEN != 1
			put(0, MOVED);
#endif
			ring = 1;
			n_before_kick = i - 1;
			kick_done = true
#endif
		:: !kick_wanted || ring == 1
		fi;
		put(ring, i);
next:		skip
	}
	/* A kick that comes after the last record. */
	if
	:: ring == 0 -> kick_wanted; is_made[1] = true; put(0, MOVED); n_before_kick = N_RECORDS; kick_done = true
	:: else
	fi
}

active proctype control() {
	byte i;

	kick_wanted = true;
	kick_done;
	for (i : 0 .. N_READERS - 1) {
		if
		:: i == KICKED && BROKEN != 4
		:: BROKEN == 6 && i > 0
		:: else -> circuit[i] ! 1
		fi
	}
}

active [N_READERS] proctype reader() {
	byte me = _pid - 2, ring = 0, at = 0, expected = 1, value, fresh;
	bool lost = false;

	do
	:: expected > N_RECORDS -> break
#if BROKEN == 3
	:: ring == 0 && nempty(circuit[me]) -> circuit[me] ? fresh; ring = fresh; at = 0
#endif
	:: at < length[ring] ->
		atomic { value = (ring == 0 -> ring0[at] : ring1[at]); at++ }
		if
		:: value == MOVED && me == KICKED && BROKEN != 4 -> break
		:: value == MOVED && !(me == KICKED && BROKEN != 4) ->
			circuit[me] ? fresh;
			assert(is_made[fresh]);
			ring = fresh;
			at = 0
		:: else ->
			assert(value == expected);
			expected++;
			/* what the kicked may see was there when the kick was answered */
			assert(me != KICKED || !kick_done || value <= n_before_kick)
		fi
	od;
	assert(me == KICKED || expected == N_RECORDS + 1)
}
