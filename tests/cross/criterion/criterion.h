/* SPDX-License-Identifier: MIT */
/*
 * As much of Criterion as the unit tests of src/ring and src/control use, for machines that we build for but have no Criterion
 * of: each test in a process of its own, one after the other. Only scripts/test-cross has this in its include path.
 */
#ifndef RINGCAST_TESTS_CROSS_CRITERION_H
#define RINGCAST_TESTS_CROSS_CRITERION_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct cr_test {
	const char *suite, *name;
	void (*run)(void), (*init)(void), (*fini)(void);
	int timeout;
	bool disabled;
	struct cr_test *next;
};

/* Weak: one of each in a program, of whatever many files include this. */
__attribute__((weak)) struct cr_test *cr_tests;
__attribute__((weak)) bool cr_failed;

#define Test(suite_, name_, ...)                                                                 \
	static void suite_##_##name_##_run(void);                                                \
	static struct cr_test suite_##_##name_##_test = {                                        \
		.suite = #suite_, .name = #name_, .run = suite_##_##name_##_run, ##__VA_ARGS__}; \
	__attribute__((constructor)) static void suite_##_##name_##_add(void)                    \
	{                                                                                        \
		suite_##_##name_##_test.next = cr_tests;                                         \
		cr_tests = &suite_##_##name_##_test;                                             \
	}                                                                                        \
	static void suite_##_##name_##_run(void)

static inline void cr_judge(bool holds, bool fatal, const char *file, int line, const char *text, const char *format, ...)
{
	va_list arguments;

	if (holds)
		return;
	fprintf(stderr, "%s:%d: %s: ", file, line, text);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	cr_failed = true;
	if (fatal)
		_exit(1);
}

#define CR_JUDGE(fatal, condition, ...) cr_judge(condition, fatal, __FILE__, __LINE__, #condition, "" __VA_ARGS__)

#define cr_assert(condition, ...) CR_JUDGE(true, !!(condition), ##__VA_ARGS__)
#define cr_assert_not(condition, ...) CR_JUDGE(true, !(condition), ##__VA_ARGS__)
#define cr_assert_eq(a, b, ...) CR_JUDGE(true, (a) == (b), ##__VA_ARGS__)
#define cr_assert_neq(a, b, ...) CR_JUDGE(true, (a) != (b), ##__VA_ARGS__)
#define cr_assert_lt(a, b, ...) CR_JUDGE(true, (a) < (b), ##__VA_ARGS__)
#define cr_assert_leq(a, b, ...) CR_JUDGE(true, (a) <= (b), ##__VA_ARGS__)
#define cr_assert_gt(a, b, ...) CR_JUDGE(true, (a) > (b), ##__VA_ARGS__)
#define cr_assert_geq(a, b, ...) CR_JUDGE(true, (a) >= (b), ##__VA_ARGS__)
#define cr_assert_null(a, ...) CR_JUDGE(true, (a) == NULL, ##__VA_ARGS__)
#define cr_assert_not_null(a, ...) CR_JUDGE(true, (a) != NULL, ##__VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) CR_JUDGE(true, strcmp(a, b) == 0, ##__VA_ARGS__)
#define cr_assert_str_empty(a, ...) CR_JUDGE(true, (a)[0] == 0, ##__VA_ARGS__)
#define cr_assert_arr_eq(a, b, n, ...) CR_JUDGE(true, memcmp(a, b, n) == 0, ##__VA_ARGS__)
#define cr_assert_fail(...) CR_JUDGE(true, false, ##__VA_ARGS__)
#define cr_expect(condition, ...) CR_JUDGE(false, !!(condition), ##__VA_ARGS__)
#define cr_expect_eq(a, b, ...) CR_JUDGE(false, (a) == (b), ##__VA_ARGS__)
#define cr_expect_neq(a, b, ...) CR_JUDGE(false, (a) != (b), ##__VA_ARGS__)
#define cr_expect_gt(a, b, ...) CR_JUDGE(false, (a) > (b), ##__VA_ARGS__)
#define cr_expect_geq(a, b, ...) CR_JUDGE(false, (a) >= (b), ##__VA_ARGS__)
#define cr_expect_leq(a, b, ...) CR_JUDGE(false, (a) <= (b), ##__VA_ARGS__)
#define cr_expect_null(a, ...) CR_JUDGE(false, (a) == NULL, ##__VA_ARGS__)
#define cr_expect_str_eq(a, b, ...) CR_JUDGE(false, strcmp(a, b) == 0, ##__VA_ARGS__)
#define cr_skip_test(...) _exit(0)

static inline bool cr_is_skipped(const struct cr_test *test)
{
	const char *skipped = getenv("SKIPPED_TEST");
	char name[256];

	snprintf(name, sizeof name, "%s::%s", test->suite, test->name);
	return skipped && strcmp(name, skipped) == 0;
}

static inline void cr_run(const struct cr_test *test)
{
	if (test->init)
		test->init();
	test->run();
	if (test->fini)
		test->fini();
	_exit(cr_failed);
}

__attribute__((weak)) int main(void)
{
	int n_passed = 0, n_failed = 0;

	for (const struct cr_test *test = cr_tests; test; test = test->next) {
		int status = 0;
		pid_t pid;

		if (cr_is_skipped(test))
			continue;
		pid = fork();
		if (pid == 0)
			cr_run(test);
		waitpid(pid, &status, 0);
		n_passed += status == 0;
		n_failed += status != 0;
		if (status != 0)
			fprintf(stderr, "%s::%s: failed, status %#x\n", test->suite, test->name, (unsigned int)status);
	}
	printf("%d passed, %d failed\n", n_passed, n_failed);
	return n_failed > 0;
}

#endif
