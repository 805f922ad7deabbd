/* SPDX-License-Identifier: MIT */
/*
 * Sleeping and waking as a whole: sleeps follow one another, a byte in the pipe outlives the sleep that it was meant for, and
 * the publisher rings once a sleep. Interleavings only: that each step is seen by the other side at once is what the two full
 * fences are for, and tests/model_wake.c is about those.
 *
 * What must hold: no reader sleeps on for ever while there is something to read (which would be an invalid end state), and the
 * publisher writes no more bytes than there were sleeps.
 *
 * BROKEN=1: the reader looks before it says that it sleeps, not after. 2: the publisher asks who sleeps before it publishes.
 * 3: the publisher remembers that it rang, and not for which sleep. 4: the reader counts its sleeps only when rung.
 */
#ifndef BROKEN
#define BROKEN 0
#endif
#define N_RECORDS 3

byte published = 0;	/* records committed */
byte episode = 0;	/* of the cursor page: odd while the reader sleeps */
byte in_pipe = 0;	/* bytes that the reader has not taken */
byte n_sleeps = 0, n_rung = 0;

inline ring(seen) {
	if
	:: (seen & 1) && seen != rung_episode && !(BROKEN == 3 && rung_episode != 0) ->
		rung_episode = seen;
		in_pipe++;
		n_rung++
	:: else
	fi
}

active proctype publisher() {
	byte rung_episode = 0, seen = 0, i;

	for (i : 1 .. N_RECORDS) {
#if BROKEN == 2
		seen = episode;
		published++;
#else
		published++;
		seen = episode;
#endif
		ring(seen)
	}
}

active proctype reader() {
	byte taken = 0;
	bool found;

	do
	:: taken == N_RECORDS -> break
	:: taken < published -> taken++
	:: taken == published && taken < N_RECORDS ->
#if BROKEN == 1
		found = published > taken;
		episode++;
#elif BROKEN == 4
		episode = episode | 1;
		found = published > taken;
#else
		episode++;
		found = published > taken;
#endif
		n_sleeps++;
		if
		:: found
		:: else -> in_pipe > 0
		fi;
		/* awake: first the page, then the pipe */
#if BROKEN == 4
		if
		:: in_pipe > 0 -> episode++
		:: else -> episode = episode & 254
		fi;
#else
		episode++;
#endif
		atomic { in_pipe = 0 }
	od;
	assert(n_rung <= n_sleeps)
}
