/* SPDX-License-Identifier: MIT */
/*
 * A cursor page, and the pipe that goes with it, as a hostile reader would have them: forged before it is handed over and
 * scribbled on afterwards, the pipe drained, left to fill up, or closed.
 *
 * What must hold: a page that is none is refused; ringing never blocks (the fuzzer's timeout would tell), writes at most one
 * byte, and none for a number that it has rung for; and once the reader is gone it stays gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "fuzz.h"

#include "ring/memory.h"

#include <ringcast/ring.h>

#define ALL_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

enum operation { RING, STORE_EPISODE, STORE_POS, SCRIBBLE, DRAIN, CLOSE, FILL_UP, LEAVE_BLOCKING, N_OPERATIONS };

struct reader {
	struct rcasti_cursor_page *page;
	struct rcasti_cursor_words *words; /* those that the follower looks at, if it took the page */
	int wake_fd;
	uint64_t rung_episode;
	bool closed, was_filled;
};

static int n_in_pipe(const struct reader *reader)
{
	int n = 0;

	if (!reader->closed)
		must(ioctl(reader->wake_fd, FIONREAD, &n) == 0);
	return n;
}

static void ring(struct reader *reader, struct rcast_follower *follower)
{
	uint64_t episode = reader->words->episode;
	int before = n_in_pipe(reader), result = rcast_follower_ring(follower), more;

	more = n_in_pipe(reader) - before;
	must(result == 0 || result == 1 || result == -EPIPE);
	must(more == 0 || (more == 1 && result == 1));
	must(result != 1 || (episode % 2 == 1 && episode != reader->rung_episode));
	must(result != -EPIPE || reader->closed);
	if (result == 1)
		reader->rung_episode = episode;
}

static void drain(struct reader *reader)
{
	char bytes[4096];

	if (!reader->closed)
		while (n_in_pipe(reader) > 0 && read(reader->wake_fd, bytes, sizeof bytes) > 0)
			continue;
}

/* More sleeps than the pipe has bytes, once in an input: it takes long. */
static void fill_up(struct reader *reader, struct rcast_follower *follower)
{
	for (int i = 0; i < 4200 && !reader->was_filled; i++) {
		reader->words->episode = reader->rung_episode + 2 + (reader->rung_episode & 1 ? 0 : 1);
		if (rcast_follower_ring(follower) == 1)
			reader->rung_episode = reader->words->episode;
	}
	must(n_in_pipe(reader) <= 4096);
	reader->was_filled = true;
}

static void close_pipe(struct reader *reader)
{
	if (!reader->closed)
		close(reader->wake_fd);
	reader->closed = true;
}

static void operate(struct fuzz *fuzz, struct reader *reader, struct rcast_follower *follower)
{
	uint16_t n;

	switch ((enum operation)(fuzz_u8(fuzz) % N_OPERATIONS)) {
	case RING:
		ring(reader, follower);
		break;
	case STORE_EPISODE:
		reader->words->episode = fuzz_u64(fuzz);
		break;
	case STORE_POS:
		reader->words->pos = fuzz_u64(fuzz);
		must(rcast_follower_pos(follower) == reader->words->pos);
		break;
	case SCRIBBLE:
		n = fuzz_u16(fuzz);
		memset((char *)reader->page + n % RCASTI_CURSOR_BYTES, fuzz_u8(fuzz),
		       RCASTI_CURSOR_BYTES - n % RCASTI_CURSOR_BYTES);
		break;
	case DRAIN:
		drain(reader);
		break;
	case CLOSE:
		close_pipe(reader);
		break;
	case FILL_UP:
		fill_up(reader, follower);
		break;
	case LEAVE_BLOCKING:
		if (!reader->closed)
			fcntl(reader->wake_fd, F_SETFL, 0);
		break;
	case N_OPERATIONS:
		break;
	}
}

/* What stands in for a page: size, seals and the first word as the script says. */
static int forge(struct fuzz *fuzz, struct rcasti_cursor_page **page, size_t *mapped_bytes)
{
	static const size_t sizes[] = {RCASTI_CURSOR_BYTES, 0, 8, 2 * RCASTI_CURSOR_BYTES, 69632};
	static const int seals[] = {ALL_SEALS, 0, ALL_SEALS & ~F_SEAL_SHRINK, ALL_SEALS & ~F_SEAL_FUTURE_WRITE};
	size_t n_bytes = sizes[fuzz_u8(fuzz) % 5];
	int fd = memfd_create("forged", MFD_CLOEXEC | MFD_ALLOW_SEALING), which_seals = seals[fuzz_u8(fuzz) % 4];

	must(fd >= 0 && ftruncate(fd, (off_t)n_bytes) == 0);
	*mapped_bytes = n_bytes < RCASTI_CURSOR_BYTES ? 0 : n_bytes;
	if (*mapped_bytes > 0) {
		*page = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		must(*page != MAP_FAILED);
		if (fuzz_u8(fuzz) % 4 != 1)
			memset(*page, 0, n_bytes);
		(*page)->magic = RCASTI_CURSOR_MAGIC ^ fuzz_u8(fuzz);
		(*page)->place = (uint32_t)(fuzz->n_left % (RCASTI_N_PLACES + 1));
	}
	must(fcntl(fd, F_ADD_SEALS, which_seals) == 0);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	struct fuzz fuzz = {.at = data, .n_left = n_bytes};
	struct reader reader = {.page = NULL};
	struct rcast_follower *follower;
	int lowest_fd = fuzz_lowest_fd(), error;
	size_t mapped_bytes;

	error = rcast_follower_create_take(forge(&fuzz, &reader.page, &mapped_bytes), &follower, &reader.wake_fd);
	must(error == 0 || error == -EPROTO);
	must(error != 0 || mapped_bytes == RCASTI_CURSOR_BYTES);
	if (error == 0) {
		must(reader.page->place < RCASTI_N_PLACES);
		reader.words = &reader.page->words[reader.page->place];
		for (int n = 0; fuzz.n_left > 0 && n < 64; n++)
			operate(&fuzz, &reader, follower);
		rcast_follower_free(follower);
		close_pipe(&reader);
	}
	if (mapped_bytes > 0)
		munmap(reader.page, mapped_bytes);
	must(fuzz_lowest_fd() == lowest_fd);
	return 0;
}

/* ── Seeds ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void put_episode(struct fuzz_seed *seed, uint64_t episode)
{
	fuzz_put_u8(seed, STORE_EPISODE);
	fuzz_put_u64(seed, episode);
	fuzz_put_u8(seed, RING);
	fuzz_put_u8(seed, RING);
}

bool fuzz_make_seed(unsigned int number, struct fuzz_seed *seed)
{
	static const uint8_t pages[][4] = {{0, 0, 0, 0}, {1},    {2},    {3},       {4},
					   {0, 1},       {0, 2}, {0, 3}, {0, 0, 1}, {0, 0, 0, 9}};

	if (number >= sizeof pages / sizeof pages[0])
		return false;
	fuzz_put(seed, pages[number], sizeof pages[number]);
	put_episode(seed, 1);
	put_episode(seed, 2);
	put_episode(seed, UINT64_MAX);
	fuzz_put_u8(seed, DRAIN);
	fuzz_put_u8(seed, STORE_POS);
	fuzz_put_u64(seed, UINT64_MAX);
	fuzz_put_u8(seed, LEAVE_BLOCKING);
	fuzz_put_u8(seed, FILL_UP);
	fuzz_put_u8(seed, SCRIBBLE);
	fuzz_put_u16(seed, 8);
	fuzz_put_u8(seed, 0xff);
	fuzz_put_u8(seed, RING);
	fuzz_put_u8(seed, CLOSE);
	put_episode(seed, 3);
	put_episode(seed, 5);
	return true;
}
