// SPDX-License-Identifier: MIT
//
// The oracle's terminal: @xterm/headless, with what differs from xterm and DEC terminals put right, and a way to say in
// full what state it is in.
//
// Bytes are decoded here, by the platform's decoder, so that ill-formed UTF-8 becomes U+FFFD as in other terminals;
// xterm.js' own decoder drops it. Lines are not wrapped anew on resize and nothing is kept above the screen: a snapshot is
// of the screen.
'use strict';

const path = require('path');
const modules = path.join(process.env.ORACLE_MODULES, 'node_modules');
const { Terminal } = require(path.join(modules, '@xterm/headless'));
const { Unicode11Addon } = require(path.join(modules, '@xterm/addon-unicode11'));

// Each is a deviation of xterm.js 6.0 from xterm (and from DEC's manuals) that has nothing to do with snapshots.
function correct(handler, terminal) {
	const buffer = () => handler._activeBuffer;
	const columns = () => handler._bufferService.cols;

	// Wide characters that lost a half are mended only at the ends of a run of text, and not in front of the last column of lines
	// that do not wrap: what is shown then depends on how the stream was cut. So each character is a run of its own here.
	const print = handler.print;
	handler.print = function (data, start, end) {
		for (let i = start; i < end; i++) {
			if (buffer().x >= columns() && !terminal._core.coreService.decPrivateModes.wraparound && data[i] >= 0x20 &&
				this._unicodeService.wcwidth(data[i]) > 0)
				buffer().x = columns() - 1;
			print.call(this, data, i, i + 1);
		}
	};

	// In origin mode, relative motions and CHA add the top margin once more each time.
	handler._moveCursor = function (dx, dy) {
		this._restrictCursor();
		buffer().x += dx;
		buffer().y += dy;
		this._restrictCursor();
	};
	const setColumn = params => {
		handler._restrictCursor();
		buffer().x = (params.params[0] || 1) - 1;
		handler._restrictCursor();
		return true;
	};
	terminal.parser.registerCsiHandler({ final: 'G' }, p => setColumn({ params: p }));
	terminal.parser.registerCsiHandler({ final: '`' }, p => setColumn({ params: p }));

	// ED 1 in the last column of the last row throws.
	const eraseInDisplay = handler.eraseInDisplay;
	handler.eraseInDisplay = function (params, respectProtect) {
		this._restrictCursor(columns());
		const last = this._bufferService.rows - 1;
		if (params.params[0] !== 1 || buffer().y < last || buffer().x + 1 < columns())
			return eraseInDisplay.call(this, params, respectProtect);
		this._eraseInBufferLine(last, 0, columns(), true, respectProtect);
		for (let y = 0; y < last; y++)
			this._resetBufferLine(y, respectProtect);
		return true;
	};

	// DECIC and DECDC in a full line act on the first column instead of the last.
	for (const name of ['insertColumns', 'deleteColumns']) {
		const original = handler[name];
		handler[name] = function (params) {
			this._restrictCursor();
			return original.call(this, params);
		};
	}

	// HTS and TBC in a full line speak of a column past the last one.
	for (const name of ['tabSet', 'tabClear']) {
		const original = handler[name];
		handler[name] = function (params) {
			const x = buffer().x;
			this._restrictCursor();
			original.call(this, params);
			buffer().x = x;
			return true;
		};
	}

	// With the origin in the region, a change of screens may leave the cursor outside of the other screen's region.
	for (const name of ['setModePrivate', 'resetModePrivate']) {
		const original = handler[name];
		handler[name] = function (params) {
			const before = buffer();
			original.call(this, params);
			if (buffer() !== before)
				this._restrictCursor(columns());
			return true;
		};
	}

	// SGR 0 ends protection (DECSCA), which only DECSCA does.
	const PROTECTED = 0x20000000;
	const sgr0 = handler._processSGR0;
	handler._processSGR0 = function (attr) {
		const kept = attr.bg & PROTECTED;
		sgr0.call(this, attr);
		attr.bg |= kept;
	};

	// SD fills with the default background where everything else that scrolls uses the pen's.
	handler.scrollDown = function (params) {
		const b = buffer();
		for (let n = Math.min(params.params[0] || 1, this._bufferService.rows); n > 0; n--) {
			b.lines.splice(b.ybase + b.scrollBottom, 1);
			b.lines.splice(b.ybase + b.scrollTop, 0, b.getBlankLine(this._eraseAttrData()));
		}
		return true;
	};

	const fresh = handler._curAttrData.clone();
	fresh.extended = handler._curAttrData.extended.clone();
	// DECSC and DECRC keep only half of the pen (no underline style nor colour), one character set instead of all, and neither
	// origin mode nor a due wrap: xterm does (DECSC_FLAGS and wrap_flag in its cursor.c), as do DEC's manuals but for the latter.
	handler.saveCursor = function () {
		const b = buffer(), c = this._charsetService;
		b.savedX = b.x;
		b.savedY = b.ybase + b.y;
		b.savedPen = this._curAttrData.clone();
		b.savedPen.extended = this._curAttrData.extended.clone();
		b.savedOrigin = terminal._core.coreService.decPrivateModes.origin;
		b.savedCharsets = { sets: [0, 1, 2, 3].map(i => c._charsets[i]), glevel: c.glevel };
		return true;
	};
	handler.restoreCursor = function () {
		const b = buffer(), c = this._charsetService;
		b.x = b.savedX || 0;
		b.y = Math.max((b.savedY || 0) - b.ybase, 0);
		this._curAttrData = (b.savedPen || fresh).clone();
		this._curAttrData.extended = (b.savedPen || fresh).extended.clone();
		c._charsets = b.savedCharsets ? b.savedCharsets.sets.slice() : [];
		c.setgLevel(b.savedCharsets ? b.savedCharsets.glevel : 0);
		terminal._core.coreService.decPrivateModes.origin = b.savedOrigin || false;
		this._restrictCursor(columns());
		return true;
	};
	const softReset = handler.softReset;
	handler.softReset = function (params) {
		const b = buffer();
		b.savedPen = b.savedCharsets = b.savedOrigin = undefined;
		return softReset.call(this, params);
	};

	// RIS leaves the cursor hidden, lines feeds as they were and the saved cursors.
	const fullReset = handler.fullReset;
	handler.fullReset = function () {
		const result = fullReset.call(this);
		terminal._core.coreService.isCursorHidden = false;
		terminal._core.optionsService.options.convertEol = false;
		terminal._core.optionsService.options.cursorBlink = false;
		for (const b of [terminal._core.buffers.normal, terminal._core.buffers.alt]) {
			b.savedX = b.savedY = 0;
			b.savedPen = b.savedCharsets = b.savedOrigin = undefined;
		}
		return result;
	};
}

// The same for its lines, of which all terminals share the functions.
function correctLines(line) {
	const Line = Object.getPrototypeOf(line);
	if (Line.isCorrected)
		return;
	Line.isCorrected = true;

	// A wide character that an insertion parts has its second half moved on as half of nothing, for what is printed in front of
	// it later to mend. xterm blanks both halves before it moves anything (ScrnInsertChar).
	const insertCells = Line.insertCells;
	Line.insertCells = function (x, n, fill) {
		if (x < this.length && this.getWidth(x) === 0)
			this.setCellFromCodepoint(x, 0, 1, fill);
		return insertCells.call(this, x, n, fill);
	};
}

// An indexed colour keeps bits of the RGB colour before it, which nothing looks at.
function plainColour(packed) {
	const indexed = [0x1000000, 0x2000000].includes(packed & 0x3000000), none = (packed & 0x3000000) === 0;
	return (none ? packed & ~0xffffff : indexed ? packed & ~0xffff00 : packed) >>> 0;
}

class OracleTerminal {
	constructor(cols, rows) {
		this.terminal = new Terminal({
			cols, rows, scrollback: 0, allowProposedApi: true, logLevel: 'off',
			windowsPty: { backend: 'winpty', buildNumber: 1 }, // the switch that means: no reflow
			windowOptions: { pushTitle: true, popTitle: true },
		});
		this.terminal.loadAddon(new Unicode11Addon());
		this.terminal.unicode.activeVersion = '11';
		this.core = this.terminal._core;
		this.handler = this.core._inputHandler;
		correct(this.handler, this.terminal);
		correctLines(this.core.buffers.normal.lines.get(0));
		// A link is forgotten when the lines that it was begun on have gone, even if the pen or other cells still have it.
		this.core._oscLinkService._removeMarkerFromLink = () => {};
		this.palette = new Map();
		this.handler.onColor(changes => this.changePalette(changes));
		this.decoder = new TextDecoder('utf-8', { ignoreBOM: true });
	}

	// xterm.js tells who draws and keeps nothing itself. Kinds: 0 a question, 1 a colour, 2 back to what it was (without an index: all 256).
	changePalette(changes) {
		for (const { type, index, color } of changes) {
			if (type === 1)
				this.palette.set(index, color.join('/'));
			else if (type === 2 && index !== undefined)
				this.palette.delete(index);
			else if (type === 2)
				[...this.palette.keys()].filter(i => i < 256).forEach(i => this.palette.delete(i));
		}
	}

	feed(bytes) {
		for (let i = 0; i < bytes.length; i += 65536)
			this.handler.parse(this.decoder.decode(bytes.subarray(i, i + 65536), { stream: true }));
	}

	// xterm.js keeps what lies past the edge, cells and saved cursors, and has it again when the screen grows.
	resize(cols, rows) {
		const buffers = [this.core.buffers.normal, this.core.buffers.alt];
		const tabs = buffers.map(buffer => this.tabsAfterResize(buffer.tabs, this.terminal.cols, cols));
		this.core._bufferService.resize(cols, rows);
		buffers.forEach((buffer, i) => buffer.tabs = tabs[i]);
		for (const buffer of buffers) {
			for (let y = 0; y < buffer.lines.length; y++) {
				buffer.lines.get(y).resize(cols, this.terminal.buffer.active.getNullCell());
				this.mendLastColumn(buffer.lines.get(y), cols - 1);
			}
			// The blank alternate buffer keeps room for the rows it had, and scrolls into that.
			if (buffer.lines.length === 0)
				buffer.lines.maxLength = rows;
			buffer.savedX = Math.min(buffer.savedX || 0, cols - 1);
			buffer.savedY = Math.min(buffer.savedY || 0, buffer.ybase + rows - 1);
		}
	}

	// xterm.js has stops every eight columns again behind the last one that it finds, also in columns that have been there all
	// along, and depending on what lies past the edge. In xterm a change of size changes no stop. Columns that come have those of
	// a fresh xterm here: what they had when they went, no snapshot can tell.
	tabsAfterResize(tabs, before, after) {
		const stops = {};
		for (let x = 0; x < after; x++)
			if (x < before ? tabs[x] : x % 8 === 0)
				stops[x] = true;
		return stops;
	}

	// A wide character that lost its second half to the edge stays on as half of nothing.
	mendLastColumn(line, x) {
		if (line.getWidth(x) !== 2)
			return;
		const cell = line.loadCell(x, this.terminal.buffer.active.getNullCell());
		line.setCellFromCodepoint(x, 0, 1, cell);
	}

	dispose() {
		this.terminal.dispose();
	}

	// ── What it shows and is in ──

	pen(attr) {
		const UNDERLINE = 0x10000000, EXTENDED = 0x10000000;
		const link = attr.bg & EXTENDED && attr.extended.urlId ? this.core._oscLinkService.getLinkData(attr.extended.urlId) : undefined;
		const underlined = attr.fg & UNDERLINE;
		const style = underlined ? (attr.bg & EXTENDED && attr.extended.underlineStyle) || 1 : 0;
		const colour = underlined && attr.bg & EXTENDED ? attr.extended.underlineColor & 0x3ffffff : 0;
		return [plainColour(attr.fg), plainColour(attr.bg & ~EXTENDED), style, colour === 0x3ffffff ? 0 : plainColour(colour),
			link ? `${link.id || ''} ${link.uri}` : ''].join(',');
	}

	// A second half without a first counts as a blank.
	row(buffer, y) {
		const line = buffer.lines.get(buffer.ybase + y), cols = this.terminal.cols, cells = [];
		const cell = this.terminal.buffer.active.getNullCell();
		for (let x = 0; x < cols; x++) {
			line.loadCell(x, cell);
			const wide = line.getWidth(x) === 2;
			cells.push(`${wide ? 'W' : ''}${line.getString(x) || ' '}|${this.pen(cell)}`);
			if (wide)
				cells.push('');
			x += wide ? 1 : 0;
		}
		return cells;
	}

	screen(buffer) {
		const rows = [];
		for (let y = 0; y < this.terminal.rows && buffer.lines.length > 0; y++)
			rows.push(this.row(buffer, y));
		return rows;
	}

	wraps(buffer) {
		const wraps = [];
		for (let y = 1; y < this.terminal.rows && buffer.lines.length > 0; y++)
			wraps.push(buffer.lines.get(buffer.ybase + y).isWrapped ? 1 : 0);
		return wraps.join('');
	}

	tabs(buffer) {
		const stops = [];
		for (let x = 1; x < this.terminal.cols; x++)
			if (buffer.tabs[x])
				stops.push(x);
		return stops.join(',');
	}

	saved(buffer) {
		const x = Math.min(buffer.savedX || 0, this.terminal.cols), y = Math.max((buffer.savedY || 0) - buffer.ybase, 0);
		return [x, Math.min(y, this.terminal.rows - 1), buffer.savedPen ? this.pen(buffer.savedPen) : '0,0,0,0,',
			buffer.savedOrigin ? 'origin' : ''].join(';');
	}

	state() {
		const { buffers } = this.core, service = this.core.coreService, mouse = this.core.coreMouseService;
		const active = buffers.active, modes = service.decPrivateModes;
		const state = {
			cells: this.screen(active),
			cursor: `${active.x},${active.y}`,
			pen: this.pen(this.handler._curAttrData),
			charset: JSON.stringify(this.core._charsetService.charset || null),
			wraps: this.wraps(active),
			region: `${active.scrollTop}-${active.scrollBottom}`,
			tabs: this.tabs(active),
			saved: this.saved(active),
			title: this.handler._windowTitle,
			palette: JSON.stringify([...this.palette].sort()),
			screen: active === buffers.alt ? 'alternate' : 'primary',
			modes: JSON.stringify({ ...modes, ...service.modes, hidden: service.isCursorHidden,
				cursorStyle: modes.cursorStyle, newLine: this.core.optionsService.options.convertEol,
				mouse: mouse.activeProtocol, encoding: mouse.activeEncoding }),
		};
		if (active === buffers.alt) {
			state.primaryCells = this.screen(buffers.normal);
			state.primaryWraps = this.wraps(buffers.normal);
			state.primaryRegion = `${buffers.normal.scrollTop}-${buffers.normal.scrollBottom}`;
			state.primarySaved = this.saved(buffers.normal);
		}
		return state;
	}
}

// The first difference in each part: [{part, where, expected, found}].
function differences(expected, found) {
	const list = [];
	for (const part of Object.keys(expected)) {
		if (!Array.isArray(expected[part])) {
			if (expected[part] !== found[part])
				list.push({ part, where: '', expected: expected[part], found: found[part] });
			continue;
		}
		search: for (let y = 0; y < expected[part].length; y++) {
			const a = expected[part][y], b = (found[part] || [])[y] || [];
			for (let x = 0; x < Math.max(a.length, b.length); x++) {
				if (a[x] !== b[x]) {
					list.push({ part, where: `row ${y} cell ${x}`, expected: a[x], found: b[x] });
					break search;
				}
			}
		}
	}
	return list;
}

module.exports = { OracleTerminal, differences };
