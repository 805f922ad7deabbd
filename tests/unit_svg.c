/* SPDX-License-Identifier: MIT */
/* A screen as a picture: what is on it is in the document, as text and nothing else, whatever a program has printed. */
#include "cli/svg.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

static void draw(const char *output, char **document)
{
	struct rcast_screen *screen;
	size_t n_bytes;

	cr_assert_eq(rcast_screen_create(20, 3, &screen), 0);
	rcast_screen_feed(screen, output, strlen(output));
	cr_assert_eq(svg_make(screen, document, &n_bytes), 0);
	cr_assert_eq(strlen(*document), n_bytes);
	rcast_screen_free(screen);
}

static size_t count(const char *document, const char *part)
{
	size_t n = 0;

	for (const char *at = strstr(document, part); at; at = strstr(at + 1, part))
		n++;
	return n;
}

static void expect(const char *output, const char *part, size_t n_times)
{
	char *document;

	draw(output, &document);
	cr_assert_eq(count(document, part), n_times, "%zu times, not %zu, is '%s' in\n%s", count(document, part), n_times,
		     part, document);
	free(document);
}

HARNESS_TEST(svg, shows_text_and_how_it_looks)
{
	expect("hello", ">hello</text>", 1);
	expect("one\r\ntwo", "<text", 2);
	expect("\033[1mbold", "font-weight=\"bold\"", 1);
	expect("\033[3;4mslanted", "font-style=\"italic\" text-decoration=\"underline ", 1);
	expect("\033[8mhidden", "hidden", 0);
	expect("\033[4m   ", "<text", 1);
}

HARNESS_TEST(svg, takes_colours_from_where_they_are_said)
{
	expect("\033[31mx", "fill=\"#cd0000\">x", 1);
	expect("\033[38;5;196mx", "fill=\"#ff0000\">x", 1);
	expect("\033[38;5;255mx", "fill=\"#eeeeee\">x", 1);
	expect("\033[38;2;1;2;3mx", "fill=\"#010203\">x", 1);
	expect("\033[44mx", "height=\"18\" fill=\"#0000ee\"/>", 1);
	expect("\033[7mx", "fill=\"#16181d\">x", 1);
}

HARNESS_TEST(svg, shows_the_cursor_unless_it_is_hidden)
{
	expect("", "fill-opacity", 1);
	expect("\033[?25l", "fill-opacity", 0);
}

/* What would be an element or an entity in a document is text on a screen. */
HARNESS_TEST(svg, has_no_element_that_a_program_printed)
{
	expect("<script>1</script>", "<script", 0);
	expect("<script>1</script>", "&lt;script&gt;1&lt;/script&gt;", 1);
	expect("a&lt;b", "a&amp;lt;b", 1);
	expect("\"'", ">\"'</text>", 1);
}

/* What no document may have, however it is written. */
HARNESS_TEST(svg, is_a_document_whatever_was_printed)
{
	expect("a[b[c]]>", ">a[b[c]]&gt;</text>", 1);
	expect("a\xef\xbf\xbe\xef\xbf\xbf", ">a\xef\xbf\xbd\xef\xbf\xbd</text>", 1);
}

HARNESS_TEST(svg, keeps_a_wide_character_on_two_cells)
{
	expect("\xe6\x97\xa5", "textLength=\"16.8\"", 1);
}
