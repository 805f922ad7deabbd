/* SPDX-License-Identifier: MIT */
/* The public headers in C++, and the functions that are inlined from them. */
#include <ringcast/circuit.h>
#include <ringcast/client.h>
#include <ringcast/engine.h>
#include <ringcast/ring.h>
#include <ringcast/ring_inline.h>
#include <ringcast/screen.h>

#include <cstdio>
#include <cstdlib>

static void must(bool condition, const char *what)
{
	if (condition)
		return;
	std::fprintf(stderr, "broken: %s\n", what);
	std::abort();
}

int main()
{
	rcast_writer *writer;
	rcast_reader *reader;

	must(rcast_writer_create(nullptr, &writer) == 0, "create");
	must(rcast_reader_open_take(rcast_writer_dup_fd(writer), &reader) == 0, "open");
	rcast_fast_writer fast_writer = rcast_fast_writer_begin(writer);
	rcast_fast_reader fast_reader = rcast_fast_reader_begin(reader);
	for (uint64_t i = 0; i < 200000; i++) {
		rcast_record record;
		uint64_t seen;

		must(rcast_fast_put(&fast_writer, RCAST_APPLICATION, &i, sizeof i) == 0, "put");
		must(rcast_fast_read(&fast_reader, &seen, sizeof seen, &record) == RCAST_RECORD, "read");
		must(seen == i && record.n_bytes == sizeof i, "the same");
	}
	rcast_fast_writer_end(&fast_writer);
	rcast_fast_reader_end(&fast_reader);
	rcast_reader_close(reader);
	rcast_writer_free(writer);
	return 0;
}
