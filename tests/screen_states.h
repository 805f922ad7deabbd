/* SPDX-License-Identifier: MIT */
/* Bytes that bring a screen into all sorts of states: for the tests of snapshots, and for a fuzzer to begin with. */
#ifndef RINGCAST_TESTS_SCREEN_STATES_H
#define RINGCAST_TESTS_SCREEN_STATES_H

/* What must outlive a snapshot. */
static const char *const screen_states[] = {
	"hello",
	"0123456789",
	"0123456789abc",
	"012345678漢",
	"012345678漢\033[1;9H",
	"0123456789abc\033[1;10H\033[X",
	"0123456789abc\033[44m\033[1;8H\033[3X\033[m\033[2;4H",
	"0123456789\033[1;31;42m漢c\033[1;9H\033[K",
	"\033[31;1mred\033[48;2;1;2;3m\033[K\033[38;5;200;4:3;58:2::9:8:7mcurly",
	"\033[44m\033[2J\033[mx\033[7mi\033[8mh\033[53mo\033[9ms",
	"e\xcc\x81\xcc\xa3",
	"\033[5G\xcc\x81",
	"\033[>1u\033[=4;2u\033[>31u\033[?1049h\033[>3u\033[>5u\033[<u",
	"\033[?1049h\033[>3u\033[?1049l\033[=8u",
	"\033(K\033)=\033*Z\033+4{|}",
	"\033]8;;http://a.b/c;d\033\\link\033[1mbold\033]8;;\033\\no link",
	"\033]8;id=1;x:y\007in\033]8;id=2;x:y\007out\0337\033]8;;\007\033[?1049h\033]8;;x:y\007z\033[44m\033[K",
	"\033]8;;x:y\033\\\033[?1049hab\0337\033[?1049l",
	"\033]4;1;rgb:12/34/56;255;#abc\033\\\033]10;#ffffff;#000;rgb:f/0/8\033\\\033]104;1\033\\",
	"\033]4;7;#123456\007\033]11;#123\007\033]104\007\033]111\007",
	"\033[2;3r\033[?6h\033[2;2Hx",
	"\033[3g\033[5G\033H\r",
	"\033(0\033)A\016#q",
	"\033[3;4H\033[32m\0337\033[m\033[H",
	"0123456789\0337\033[H",
	"primary\033[?1049h\033[2;3Halt\0337\033[3r",
	"primary\033[?47halt",
	"\033[2;3r\033[?6h\033[2;2H\0337\033[?6l\033[3;4r",
	"0123456789\033[?6h\0337\033[?6l\033[?1049h\033[2;3r\033[?6hab\0337",
	"\033[?1049h\033[2;3r\033[?6h\0337\033[?1049l",
	"\033[?1049halt\033[2;2H\0337\033[?1049l",
	"\033[?1;5;1004;2004;1003;1006h\033=\033[4h\033[20hab",
	"\033[?7;25l\033[5 q\033[>4;2m",
	"\033]0;title \xc3\xa9\007\033[22;0t\033]2;other\033\\",
	"\033[1\"qab\033[0\"qcd",
	"\033[?2026habc",
	"ab\033[31",
	"ab\033]2;cut sho",
	"ab\xe2\x82",
	"\n\n\n0123456789ab",
	"0123456789\r\n\n\n\nab\033[H\033[Mx",
};

#define N_SCREEN_STATES (sizeof(screen_states) / sizeof(screen_states[0]))

/* A terminal that was left in the middle of something. */
#define SCREEN_LEFT_BEHIND                                                                                     \
	"left\033[?1049h\033[2;3r\033[?6;1003;1006;2004;1004h\033[4h\033[?7l\033(0\016\033[1;4;31;44mx\033[3g" \
	"\0337\033[?25l\033=\033[4 q\033]2;unfinished"

#endif
