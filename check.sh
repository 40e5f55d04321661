#!/bin/bash
#
# check.sh: everything that must hold, from cheap to dear
#
# One function per step, each with the mistake it is there for. A step that fails does not keep the
# next ones from running. What came out is gathered line by line in one file (passed, failed or
# skipped; what; why), which the end of this script counts.

set -u -o pipefail
cd "$(dirname "$(readlink -f "$0")")" || exit 1
. .ci/lib.sh

steps=(layers format scripts manuals gcc address thread release install package soak demo)
packages_check=(git clang-format-14 shellcheck mandoc
                clang-14 libclang-rt-14-dev llvm-14
                libcmocka-dev g++ spin python3 python3-numpy golang-go
                systemd dbus iproute2
                build-essential debhelper dh-python lintian man-db)
builds=build-check
results=$builds/results
soak_seconds=120
patience=2 # times the time that a test is given by its meson.build, for a machine that is busy

usage() {
        cat <<END
usage: ./check.sh [--long] [STEP...]

Installs the Debian packages that are missing, builds, and runs all checks, or only the steps named:
${steps[*]}

  --long    the same, and the tests that can run longer do (MDSHMD_LONG=1)
  --help    this text

The last line is "N passed, N failed, N skipped"; the exit status is 0 when nothing failed. Builds
and logs are in $builds/. Tests on recorded market data look for it in \$MDSHMD_TEST_DATA, else in
../shared/data, and are skipped where there is none.
END
}

# ---- the steps -----------------------------------------------------------------------------------

# An #include against the direction of the layers: a decoder that needs the event loop, a library
# that needs the daemon.
step_layers() {
        tests/check-layers --self-test
        tests/check-layers
}

# A file formatted by another hand, which the next one's editor will change all over.
step_format() {
        git ls-files -z '*.c' '*.h' | xargs -0 clang-format-14 --dry-run --Werror
}

# Shell that breaks at a space in a name, an unset variable, or an ignored failure.
step_scripts() {
        local scripts
        mapfile -t scripts < <(git ls-files | while read -r file; do
                head -n 1 "$file" | grep -aqE '^#!.*\b(ba)?sh\b|^# shellcheck shell=' &&
                        echo "$file"
        done)
        shellcheck -x "${scripts[@]}"
        git ls-files -z '*.bash-completion' | xargs -0 shellcheck -s bash
}

# A manual page that man(1) shows with a hole in it.
step_manuals() {
        local manuals
        mapfile -t manuals < <(git ls-files '*.[1-8]')
        [ ${#manuals[@]} -gt 0 ]
        mandoc -T lint -W warning "${manuals[@]}"
}

# Whatever a warning or a test can see, with the compiler that distributions use.
step_gcc() {
        CC=gcc build gcc -Dwerror=true
        run_tests gcc
}

# Reads and writes outside of an object, leaks, undefined behaviour; what only clang warns of; and
# inputs that nobody has thought of.
step_address() {
        CC=clang-14 build address -Dwerror=true -Db_lundef=false -Dfuzz=true \
                -Db_sanitize=address,undefined -Dc_args=-fno-sanitize-recover=all
        patience=$((patience * 4)) UBSAN_OPTIONS=print_stacktrace=1 \
                run_tests address --no-suite model
}

# Data races: a fence or an atomic forgotten where two threads or processes meet.
step_thread() {
        CC=clang-14 configure $builds/thread -Dwerror=true -Db_lundef=false -Db_sanitize=thread
        patience=$((patience * 4)) TSAN_OPTIONS=halt_on_error=1 run_tests thread --suite tsan
}

# Code that leans on an assert, or on what the optimizer left alone; benchmarks that no longer
# build.
step_release() {
        build_release
        run_tests release --suite unit
}

# A file that is built and not installed; a header or pkg-config file that works in this tree alone;
# a program in README.md that its reader cannot compile.
step_install() {
        build_release
        tests/check-install $builds/release $builds/root
        tests/check-readme $builds/root
}

# What works from the build folder and not as a package; what a package leaves behind; a build that is
# another one each time.
step_package() {
        local status=0
        tests/check-package $builds/package || status=$?
        [ $status -ne 77 ] || note skipped package 'built, and not installed: no systemd can be booted here'
        [ $status -eq 0 ] || [ $status -eq 77 ]
}

# Two things that each hold by themselves, and do not when they happen at once.
step_soak() {
        CC=gcc build gcc -Dwerror=true
        tests/soak/run --seconds "$soak_seconds" $builds/gcc
}

# The front door: what a newcomer runs first, and what it leaves behind.
step_demo() {
        tests/check-demo
}

# ---- what they are made of -----------------------------------------------------------------------

# build NAME [OPTION...]
build() {
        configure "$builds/$1" "${@:2}"
        ninja -C "$builds/$1"
}

build_release() {
        CC=gcc build release -Dwerror=true -Dbuildtype=release -Db_ndebug=true -Dbench=true \
                -Dprefix=/usr -Dlibdir="lib/$(gcc -print-multiarch)" -Dsysconfdir=/etc \
                -Dlocalstatedir=/var
}

# run_tests NAME [OPTION OF meson test...]: builds what these tests need, and runs them. The results
# are counted one by one.
run_tests() {
        local status=0
        rm -f "$builds/$1"/meson-logs/testlog.json
        "${fixed_addresses[@]}" meson test -C "$builds/$1" \
                --timeout-multiplier "$patience" "${@:2}" || status=$?
        .ci/tally "$builds/$1" "$1" "$results"
        [ $status -eq 0 ] || grep -q "^failed"$'\t'"$1:" "$results"
}

# The sanitizers of clang 14 reserve fixed ranges of addresses, and die at start where a newer
# kernel has put something there at random. Not everybody may switch that off: a container may not.
fixed_addresses=(setarch "$(uname -m)" --addr-no-randomize)
"${fixed_addresses[@]}" true 2>/dev/null || fixed_addresses=()

note() {
        printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$results"
}

# Runs one step by itself, and says how it went. A step whose tests are counted one by one is not
# counted as well, unless something else failed in it.
run_step() {
        local step=$1 log=$builds/$1.log before status failed start=$SECONDS
        before=$(wc -l <"$results")
        (set -e && "step_$step") >"$log" 2>&1 </dev/null
        status=$? # after the fact: in a condition, set -e would not hold inside
        if [ $status -ne 0 ]; then
                note failed "$step" "see $log"
        elif [ "$(wc -l <"$results")" -eq "$before" ]; then
                note passed "$step" ''
        fi

        failed=$(tail -n +$((before + 1)) "$results" | grep -c '^failed')
        if [ "$failed" -eq 0 ]; then
                printf '%-8s ok, %d s\n' "$step" $((SECONDS - start))
        else
                tail -n 120 "$log"
                printf '%-8s FAILED, %d s; the whole of it is in %s\n' \
                        "$step" $((SECONDS - start)) "$log"
        fi
}

# show OUTCOME: each with its reason
show() {
        grep "^$1"$'\t' "$results" | while IFS=$'\t' read -r outcome what why; do
                printf '%s: %s%s\n' "$outcome" "$what" "${why:+ ($why)}"
        done
}

# ---- the run -------------------------------------------------------------------------------------

chosen=()
for argument; do
        case $argument in
        --long)
                export MDSHMD_LONG=1
                patience=20
                soak_seconds=7200
                ;;
        --help)
                usage
                exit 0
                ;;
        *)
                [[ " ${steps[*]} " == *" $argument "* ]] || {
                        usage >&2
                        exit 2
                }
                chosen+=("$argument")
                ;;
        esac
done
[ ${#chosen[@]} -gt 0 ] || chosen=("${steps[@]}")

packages_install "${PACKAGES_BUILD[@]}" "${packages_check[@]}"

mkdir -p $builds
: >$results
for step in "${chosen[@]}"; do
        run_step "$step"
done

show skipped
show failed
passed=$(grep -c ^passed $results)
failed=$(grep -c ^failed $results)
skipped=$(grep -c ^skipped $results)
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
