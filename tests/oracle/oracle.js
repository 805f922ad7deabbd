// SPDX-License-Identifier: MIT
//
// The equality oracle: whoever is given a snapshot and the stream from there must end with the screen of whoever saw all.
//
//   node oracle.js --screen PROGRAM [--streams N] [--seed N] [--cuts N] [--verbose] [RECORDING…]
//
// One terminal (terminal.js) plays the whole stream. At random positions, any byte of it, ours (oracle_screen) makes a
// snapshot, which a second terminal is given while it is in some other state, and then the rest of the stream. The two are
// compared twice: at the position itself and at the stream's end; in cells, attributes, both screens, cursor, saved cursor,
// pen, character set, region, tab stops, modes, title, wraps. Prints a table; exits 1 below --least-random or
// --least-recorded (percent of positions equal).
'use strict';

const { spawn } = require('child_process');
const fs = require('fs');
const { OracleTerminal, differences } = require('./terminal.js');
const { Random, stream } = require('./grammar.js');

const options = { streams: 0, seed: 1, cuts: 3, verbose: false, screen: '', recordings: [], 'least-random': 99.9, 'least-recorded': 100 };

function parseArguments(list) {
	for (let i = 0; i < list.length; i++) {
		const name = list[i].replace(/^--/, '');
		if (!list[i].startsWith('--'))
			options.recordings.push(list[i]);
		else if (name === 'verbose')
			options.verbose = true;
		else if (name in options)
			options[name] = name === 'screen' ? list[++i] : Number(list[++i]);
		else
			throw new Error(`no option ${list[i]}`);
	}
}

// ── Ours ──

class OurScreen {
	constructor(program) {
		this.process = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'] });
		this.waiting = [];
		this.buffered = Buffer.alloc(0);
		this.process.stdout.on('data', data => {
			this.buffered = Buffer.concat([this.buffered, data]);
			this.answer();
		});
		this.process.on('error', error => fail(error.message));
		this.process.on('exit', status => {
			this.ended = true;
			for (const { reject } of this.waiting)
				reject(new Error(`oracle_screen ended with ${status}`));
		});
	}

	answer() {
		while (this.waiting.length > 0) {
			const newline = this.buffered.indexOf(10);
			if (newline < 0)
				return;
			const n = Number(this.buffered.subarray(0, newline).toString()), start = newline + 1;
			if (n >= 0 && this.buffered.length < start + n)
				return;
			const bytes = n < 0 ? null : Buffer.from(this.buffered.subarray(start, start + n));
			this.buffered = this.buffered.subarray(start + Math.max(n, 0));
			this.waiting.shift().resolve(bytes);
		}
	}

	begin(cols, rows) { this.process.stdin.write(`N ${cols} ${rows}\n`); }
	resize(cols, rows) { this.process.stdin.write(`R ${cols} ${rows}\n`); }
	feed(bytes) {
		if (bytes.length > 0)
			this.process.stdin.write(Buffer.concat([Buffer.from(`F ${bytes.length}\n`), bytes]));
	}
	snapshot() {
		this.process.stdin.write('S\n');
		return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
	}
	end() { this.process.stdin.end(); }
}

// ── Streams ──

function fail(why) {
	console.error(`oracle: ${why}`);
	process.exit(1); // not by itself: oracle_screen may still run, and waits for commands
}

function readFile(file) {
	try {
		return fs.readFileSync(file);
	} catch (error) {
		return fail(`no recording: ${error.message}`);
	}
}

function readRecording(file) {
	const data = readFile(file), events = [];
	let at = 0, first;
	while (at < data.length) {
		const newline = data.indexOf(10, at);
		const [what, a, b] = data.subarray(at, newline).toString().split(' ');
		at = newline + 1;
		if (what === 'N')
			first = { cols: Number(a), rows: Number(b) };
		else if (what === 'R')
			events.push({ cols: Number(a), rows: Number(b) });
		else {
			events.push({ bytes: data.subarray(at, at + Number(a)) });
			at += Number(a);
		}
	}
	return { ...first, events };
}

function lengthOf(events) {
	return events.reduce((n, event) => n + (event.bytes ? event.bytes.length : 0), 0);
}

// The events before and behind a position. A change of size at the position itself belongs to what is behind.
function split(events, position) {
	const before = [], behind = [];
	let left = position;
	for (const event of events) {
		if (behind.length > 0 || (left === 0 && !event.bytes)) {
			behind.push(event);
		} else if (!event.bytes) {
			before.push(event);
		} else if (event.bytes.length <= left) {
			before.push(event);
			left -= event.bytes.length;
		} else {
			before.push({ bytes: event.bytes.subarray(0, left) });
			behind.push({ bytes: event.bytes.subarray(left) });
			left = 0;
		}
	}
	return [before, behind];
}

function play(terminal, events) {
	for (const event of events) {
		if (event.bytes)
			terminal.feed(event.bytes);
		else
			terminal.resize(event.cols, event.rows);
	}
}

function sizeAt(streamed, before) {
	return before.reduce((size, event) => event.bytes ? size : event, streamed);
}

// What a viewer that was lapped may be left with: inside a sequence, in the other screen, in all sorts of modes.
const dirt = Buffer.from('left behind\x1b[?1049h\x1b[3;5r\x1b[?6;1003;1006;2004;1004h\x1b[4h\x1b[?7l\x1b(0\x0e\x1b[1;4;31;44mgarbage' +
	'\x1b[3g\x1b7\x1b[?25l\x1b=\x1b[4 q\x1b]2;an unfinished tit');

// ── Trials ──

const tally = { recorded: { positions: 0, equal: 0 }, random: { positions: 0, equal: 0 } };
const causes = new Map();
let nSnapshots = 0, snapshotBytes = 0, nLongSequences = 0;

function note(name, position, phase, found) {
	for (const { part, where, expected, found: got } of found) {
		const key = `${part} ${phase}`;
		if (!causes.has(key))
			causes.set(key, { n: 0, example: '' });
		const cause = causes.get(key);
		cause.n++;
		cause.example = cause.example || `${name} at ${position} ${where}: ${expected} / ${got}`;
		if (options.verbose)
			console.log(`${name} at ${position} ${phase}: ${part} ${where}\n  whole stream: ${expected}\n  snapshot:     ${got}`);
	}
}

async function tryPosition(ours, name, streamed, position, expected) {
	const [before, behind] = split(streamed.events, position);
	ours.begin(streamed.cols, streamed.rows);
	for (const event of before)
		event.bytes ? ours.feed(event.bytes) : ours.resize(event.cols, event.rows);
	const snapshot = await ours.snapshot();
	if (snapshot === null) { // inside a long sequence; a keyframer waits until that ends
		nLongSequences++;
		return null;
	}
	nSnapshots++;
	snapshotBytes += snapshot.length;

	const whole = new OracleTerminal(streamed.cols, streamed.rows);
	play(whole, before);
	const size = sizeAt(streamed, before);
	const joined = new OracleTerminal(size.cols, size.rows);
	joined.feed(dirt);
	joined.feed(snapshot);
	const atOnce = differences(whole.state(), joined.state());
	play(joined, behind);
	const atEnd = differences(expected, joined.state());
	whole.dispose();
	joined.dispose();
	note(name, position, 'at once', atOnce);
	note(name, position, 'at the end', atEnd);
	return atOnce.length === 0 && atEnd.length === 0;
}

async function tryStream(ours, kind, name, streamed, random, nCuts) {
	const length = lengthOf(streamed.events), whole = new OracleTerminal(streamed.cols, streamed.rows);
	let positions = 0, equal = 0;
	play(whole, streamed.events);
	const expected = whole.state();
	whole.dispose();
	for (let i = 0; i < nCuts; i++) {
		const same = await tryPosition(ours, name, streamed, random.below(length + 1), expected);
		positions += same !== null;
		equal += same === true;
	}
	tally[kind].positions += positions;
	tally[kind].equal += equal;
	return { positions, equal, length };
}

function percent({ positions, equal }) {
	return positions ? 100 * equal / positions : 100;
}

function show(name, { positions, equal }, length) {
	const size = length === undefined ? '' : `${length}`;
	console.log(`${name.padEnd(24)} ${size.padStart(9)} ${String(positions).padStart(10)} ${String(equal).padStart(8)} ` +
		`${percent({ positions, equal }).toFixed(3).padStart(9)} %`);
}

async function main() {
	parseArguments(process.argv.slice(2));
	const ours = new OurScreen(options.screen);
	console.log(`${'stream'.padEnd(24)} ${'bytes'.padStart(9)} ${'positions'.padStart(10)} ${'equal'.padStart(8)}`);
	for (const file of options.recordings) {
		const name = file.replace(/.*\//, ''), recording = readRecording(file);
		const { length, ...result } = await tryStream(ours, 'recorded', name, recording, new Random(options.seed), options.cuts * 10);
		show(name, result, length);
	}
	for (let i = 0; i < options.streams; i++) {
		const seed = options.seed + i;
		await tryStream(ours, 'random', `random ${seed}`, stream(seed), new Random(seed + 7), options.cuts);
	}
	ours.end();
	show('all recordings', tally.recorded);
	show(`${options.streams} random streams`, tally.random);
	console.log(`${nSnapshots} snapshots, ${Math.round(snapshotBytes / Math.max(nSnapshots, 1))} bytes on average; ` +
		`${nLongSequences} positions inside a sequence of more than 4 KiB left out`);
	for (const [what, { n, example }] of [...causes].sort((a, b) => b[1].n - a[1].n))
		console.log(`differs: ${what}: ${n} times, first in ${example}`);
	if (percent(tally.random) < options['least-random'] || percent(tally.recorded) < options['least-recorded'])
		process.exitCode = 1;
}

main().catch(error => fail(error.stack));
