/* SPDX-License-Identifier: MIT */
/*
 * A ring with its writer here and one reader that follows it in another process, as the programs about publishing and about
 * cost curves need it.
 *
 * The reader copies each record out with rcast_reader_read, as one that does not trust the writer has to, and looks again at
 * once when it has caught up: that this does not make every publish wait for the line it looks at is the library's business.
 *
 * Only records of the kind RCAST_OUTPUT count. The writer warms up with others, until both sides have touched all the memory.
 */
#ifndef PERF_FOLLOW_H
#define PERF_FOLLOW_H

#include <ringcast/ring_inline.h>

#include "perf/measure.h"

enum follow_how { FOLLOW_NOBODY, FOLLOW_COPYING, FOLLOW_IN_PLACE };

struct follow_workload {
	size_t n_bytes; /* of a record's payload */
	uint64_t ring_bytes;
	enum follow_how reader;
	bool paced;         /* the writer waits for the reader: everything is delivered */
	bool inlined;       /* both sides use <ringcast/ring_inline.h>; not for a reader that looks in place */
	unsigned int batch; /* records a batch; 0: no batches */
};

struct follow_result {
	double ns_a_record; /* the writer's time */
	double delivered;   /* the share of the records, in percent */
	double delivered_a_second;
};

/* Publish for measure_run_ns. */
struct follow_result follow_run(const struct follow_workload *workload);

#endif
