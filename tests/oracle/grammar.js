// SPDX-License-Identifier: MIT
//
// Random streams from a grammar of what programs send to terminals: text of all widths, control characters, and every
// sequence that changes the screen or its state, with plausible and with wild parameters; and changes of size. The same
// seed gives the same stream.
//
// Left out is what xterm.js does not have or sees otherwise for reasons of its own, so that nothing could be learnt: marks that
// follow no printed character, marks on wide ones (it loses count of columns where these do not fit), GR shifts, left and
// right margins and rectangles (tests/unit_margins.c has those), mouse encodings 1005 and 1015, kitty's keyboard protocol, the
// Dutch character set.
'use strict';

class Random {
	constructor(seed) {
		this.state = (seed * 2654435761 + 12345) >>> 0;
	}

	next() { // mulberry32
		this.state = (this.state + 0x6d2b79f5) >>> 0;
		let t = this.state;
		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	}

	below(n) {
		return Math.floor(this.next() * n);
	}

	pick(list) {
		return list[this.below(list.length)];
	}

	chance(p) {
		return this.next() < p;
	}
}

const words = ['the ', 'quick', ' brown', 'fox_', '  ', 'jumps ', 'over', ' lazy', 'dog.', '[\\]^_', '0123456789', '~`|{}', '-----', '#'];
const wide = ['漢', '字', '日本', '語', '한글', '，', '🎉', '🚀', '😀', '👍'];
const narrow = ['é', 'ß', 'Ω', '→', '█', '▀', '─', '│', '€', 'ж', '\u{1d400}'];
const marked = ['e\u0301', 'a\u0308\u0323', 'n\u0303', 'o\u0302\u0301', '☺\ufe0f'];

// Bytes that are no UTF-8 cannot be written in a string: U+10FF80–U+10FFFF stand for the bytes 80–FF, until encode().
const RAW = 0x10ff00;
const raw = (...bytes) => String.fromCodePoint(...bytes.map(byte => RAW + byte));
const illFormed = [raw(0xff), raw(0x80), raw(0xc3), raw(0xe2, 0x82), raw(0xf0, 0x9f, 0x8e), raw(0xc0, 0xaf), raw(0xed, 0xa0, 0x80),
	raw(0xf4, 0x90, 0x80, 0x80), raw(0xe0, 0x9f, 0xbf), raw(0xf8, 0x88), raw(0xfe), raw(0xf0, 0x80), raw(0xe2) + 'x', raw(0xe2, 0xc3, 0xa9)];

function encode(s) {
	const pieces = [];
	for (const part of s.split(/([\u{10ff80}-\u{10ffff}]+)/u))
		pieces.push(part.codePointAt(0) >= RAW ? Buffer.from([...part].map(c => c.codePointAt(0) - RAW)) : Buffer.from(part, 'utf8'));
	return Buffer.concat(pieces);
}

function text(r) {
	let s = '';
	for (let n = 1 + r.below(6); n > 0; n--) {
		const kind = r.next();
		s += kind < 0.7 ? r.pick(words) : kind < 0.8 ? r.pick(wide) : kind < 0.93 ? r.pick(narrow) : r.pick(marked);
	}
	return s;
}

// Mostly within the screen, sometimes at its edges, rarely far outside.
function number(r, most) {
	const kind = r.next();
	return kind < 0.1 ? '' : kind < 0.85 ? 1 + r.below(most) : kind < 0.92 ? most : kind < 0.97 ? most + 1 + r.below(5) : r.pick([0, 999]);
}

function colour(r, base) {
	switch (r.below(5)) {
	case 0: return `${base + r.below(8)}`;
	case 1: return `${base + 60 + r.below(8)}`;
	case 2: return `${base + 8};5;${r.below(256)}`;
	case 3: return `${base + 8};2;${r.below(256)};${r.below(256)};${r.below(256)}`;
	default: return r.pick([`${base + 8}:5:${r.below(256)}`, `${base + 8}:2::${r.below(256)}:${r.below(256)}:7`, `${base + 9}`]);
	}
}

function sgr(r) {
	const codes = [];
	for (let n = r.below(4); n >= 0; n--) {
		codes.push(r.pick([
			() => '0', () => '', () => colour(r, 30), () => colour(r, 40), () => colour(r, 30), () => colour(r, 40),
			() => r.pick([1, 2, 3, 4, 5, 7, 8, 9, 21, 53]), () => r.pick([22, 23, 24, 25, 27, 28, 29, 55]),
			() => `4:${r.below(6)}`, () => r.pick([`58;5;${r.below(256)}`, `58:2::1:2:${r.below(256)}`, '59']),
		])());
	}
	return `\x1b[${codes.join(';')}m`;
}

function title(r) {
	const end = r.pick(['\x07', '\x1b\\']);
	return `\x1b]${r.pick([0, 2, 2, 1])};${r.pick(['vim', 'a title', '漢字 é', ''])}${end}`;
}

function link(r) {
	const end = r.pick(['\x07', '\x1b\\']);
	return r.pick([`\x1b]8;;http://a.b/c;d${end}`, `\x1b]8;id=1;x:y${end}`, `\x1b]8;id=2;x:y${end}`, `\x1b]8;;${end}`]);
}

function paletteColour(r) {
	return r.pick(['#abc', '#102030', 'rgb:1/2/3', 'rgb:ffff/0000/8080', '?']);
}

function palette(r) {
	const end = r.pick(['\x07', '\x1b\\']);
	return r.pick([() => `\x1b]4;${r.below(256)};${paletteColour(r)}${end}`, () => `\x1b]4;1;${paletteColour(r)};2;${paletteColour(r)}${end}`,
		() => `\x1b]104;${r.below(4)}${end}`, () => `\x1b]104${end}`, () => `\x1b]${10 + r.below(3)};${paletteColour(r)}${end}`,
		() => `\x1b]10;${paletteColour(r)};${paletteColour(r)}${end}`, () => `\x1b]${110 + r.below(3)}${end}`])();
}

const privateModes = [1, 6, 7, 7, 25, 45, 66, 9, 1000, 1002, 1003, 1004, 1006, 1016, 2004, 2026];

function mode(r) {
	if (r.chance(0.2))
		return `\x1b[${r.pick([4, 4, 4, 20])}${r.pick(['h', 'l'])}`;
	const list = [r.pick(privateModes)];
	if (r.chance(0.2))
		list.push(r.pick(privateModes));
	return `\x1b[?${list.join(';')}${r.pick(['h', 'l'])}`;
}

function rarely(r) {
	return r.pick(['\x1b[!p', '\x1bc', '\x1b[m\x1b#8', '\x1b[?5h', '\x1b[>4;2m', '\x1b[c', '\x1b[6n', '\x1bP$qm\x1b\\',
		'\x1b_not for us\x1b\\', '\x1b]52;c;aGk=\x07', '\x1b[1"q', '\x1b[0"q', '\x1b[?J', '\x1b[?1K', '\x1b[5;5;5;5z', '\x1b[<1;2M',
		'\x1b[1;2\x18', '\x1b]2;cut', '\x18', '\x1a', '\x7f']);
}

// [weight, what]
const grammar = [
	[30, (r, c) => text(r)],
	[4, (r, c) => 'x'.repeat(r.below(c.cols + 10))],
	[8, (r, c) => '\r\n'],
	[6, (r, c) => r.pick(['\r', '\n', '\b', '\t', '\b\b\b', '\x0b', '\x0c', '\x07'])],
	[10, (r, c) => sgr(r)],
	[8, (r, c) => `\x1b[${number(r, c.rows)};${number(r, c.cols)}${r.pick(['H', 'H', 'f'])}`],
	[8, (r, c) => `\x1b[${number(r, 12)}${r.pick(['A', 'B', 'C', 'D', 'E', 'F', 'a', 'e'])}`],
	[3, (r, c) => `\x1b[${number(r, c.cols)}${r.pick(['G', '`'])}`],
	[2, (r, c) => `\x1b[${number(r, c.rows)}d`],
	[5, (r, c) => `\x1b[${r.pick(['', 0, 1, 2])}${r.pick(['K', 'K', 'J'])}`],
	[3, (r, c) => `\x1b[${number(r, 8)}${r.pick(['@', 'P', 'X'])}`],
	[3, (r, c) => `\x1b[${number(r, 5)}${r.pick(['L', 'M', 'S', 'T'])}`],
	[1, (r, c) => `\x1b[${number(r, 3)}${r.pick([' @', ' A', '\'}', '\'~'])}`],
	[2, (r, c) => `\x1b[${number(r, c.rows)};${number(r, c.rows)}r`],
	[2, (r, c) => r.pick(['\x1b7', '\x1b8', '\x1b[s', '\x1b[u', '\x1b[?1048h', '\x1b[?1048l'])],
	[2, (r, c) => r.pick(['\x1bD', '\x1bE', '\x1bM', '\x1bM'])],
	[1, (r, c) => r.pick(['\x1bH', '\x1b[g', '\x1b[3g', `\x1b[${number(r, 4)}I`, `\x1b[${number(r, 4)}Z`])],
	[2, (r, c) => r.pick(['\x1b(0', '\x1b(B', '\x1b)0', '\x1b)B', '\x1b(A', '\x1b(K', '\x1b(R', '\x1b)Z', '\x1b(=', '\x1b)Y', '\x1b*H', '\x1b(Q', '\x1b(E', '\x1b(5', '\x0e', '\x0f', '\x1b*0', '\x1bn', '\x1bo'])],
	[5, (r, c) => mode(r)],
	[1, (r, c) => `\x1b[?${r.pick([47, 1047, 1049, 1049])}${r.pick(['h', 'l'])}`],
	[1, (r, c) => r.pick(['\x1b=', '\x1b>', `\x1b[${r.below(7)} q`])],
	[1, (r, c) => title(r)],
	[2, (r, c) => link(r)],
	[0.5, (r, c) => palette(r)],
	[1, (r, c) => r.pick(['\x1b[22;0t', '\x1b[23;0t', '\x1b[22;2t', '\x1b[23;2t'])],
	[1, (r, c) => r.pick(words) + `\x1b[${number(r, 20)}b`],
	[1, (r, c) => rarely(r)],
	[0.7, (r, c) => r.pick(illFormed)],
	[1, (r, c) => null], // a change of size
];
const total = grammar.reduce((sum, [weight]) => sum + weight, 0);

function pickRule(r) {
	let at = r.next() * total;
	for (const [weight, rule] of grammar) {
		at -= weight;
		if (at < 0)
			return rule;
	}
	return grammar[0][1];
}

function size(r) {
	return r.chance(0.4) ? { cols: 80, rows: 24 } : { cols: 4 + r.below(100), rows: 2 + r.below(40) };
}

// A stream: {cols, rows, events}; an event has bytes, or cols and rows.
function stream(seed) {
	const r = new Random(seed), first = size(r), events = [];
	let c = first, pending = '';
	for (let n = 20 + r.below(180); n > 0; n--) {
		const s = pickRule(r)(r, c);
		if (s !== null) {
			pending += s;
			continue;
		}
		events.push({ bytes: encode(pending) });
		pending = '';
		c = size(r);
		events.push(c);
	}
	events.push({ bytes: encode(pending) });
	return { ...first, events };
}

module.exports = { Random, stream };
