/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets share that speak on circuits.
 */
#ifndef RINGCAST_TESTS_FUZZ_CIRCUIT_H
#define RINGCAST_TESTS_FUZZ_CIRCUIT_H

#include <sys/uio.h>

#include "fuzz.h"

#include <ringcast/circuit.h>

/* As many bytes of the script as it says, with these descriptors. Without a circuit, or where nothing can be sent, to nobody. */
static inline void fuzz_send_take(struct fuzz *fuzz, struct rcast_circuit *circuit, unsigned int flags, const int *take_fds,
				  int n_fds)
{
	size_t n_bytes = fuzz_u16(fuzz);
	uint8_t *bytes = fuzz_copy(fuzz, &n_bytes);
	struct iovec iov = {.iov_base = bytes, .iov_len = n_bytes};

	if (!circuit || rcast_circuit_send_take_fds(circuit, &iov, 1, flags, take_fds, n_fds) != 0)
		for (int i = 0; i < n_fds; i++)
			close(take_fds[i]);
	free(bytes);
}

#endif
