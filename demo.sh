#!/bin/bash
#
# demo.sh: live quotes in this terminal, from nothing
#
# Installs the Debian packages that are missing, builds, and starts a daemon, a simulated exchange
# that sends to it over UDP, and mdctl, which shows what the daemon knows. q ends all three, and
# nothing is left of them. Without a terminal it prints some changes and ends.

set -u -o pipefail
cd "$(dirname "$(readlink -f "$0")")" || exit 1
. .ci/lib.sh
. .ci/market.sh

build="build-demo"
lines=12               # to print without a terminal
wanted=' (quote|trade) ' # what they must be, and within how many seconds there must be so many
patience=10
name=mdshmd-demo-$$
run=      # a temporary folder; short, for a socket's path is short
viewer=   # process id of mdctl
terminal= # its settings as we found them

usage() {
        cat <<END
usage: ./demo.sh [--help]

Builds mdshmd in $build/, then shows live quotes of a simulated exchange; q ends it and everything
it started. Without a terminal it prints $lines changes and ends.
END
}

clean_up() {
        trap '' HUP INT TERM
        end "$viewer"
        [ -z "$terminal" ] || stty "$terminal" 2>/dev/null
        market_stop
        rm -rf "$run"
}

# The viewer runs beside this script, not before it, so that a signal finds somebody who listens.
show_in_terminal() {
        local status=0
        terminal=$(stty -g)
        $build/tools/mdctl/mdctl -s "$run/socket" watch <&0 &
        viewer=$!
        wait $viewer || status=$?
        [ -t 0 ] || exit 129 # the terminal is gone; the viewer saw it before the signal came here
        [ $status -ne 0 ] || viewer=
        return $status
}

show_some_lines() {
        local seen=$run/seen tries=$((patience * 10))
        : >"$seen"
        $build/tools/mdctl/mdctl -s "$run/socket" --format=table watch >"$seen" </dev/null &
        viewer=$!
        until [ "$(grep -cE "$wanted" "$seen")" -ge $lines ]; do
                tries=$((tries - 1))
                [ $tries -gt 0 ] || market_fail "no quotes in $patience seconds"
                sleep 0.1
        done
        head -n 1 "$seen"
        grep -E -m $lines "$wanted" "$seen"
}

case ${1-} in
'') ;;
--help)
        usage
        exit 0
        ;;
*)
        usage >&2
        exit 2
        ;;
esac

packages_install "${PACKAGES_BUILD[@]}"

trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
run=$(mktemp -d "/tmp/$name.XXXXXX") || exit 1

echo "building, in $build/"
if ! { CC=gcc configure $build -Dtests=false && ninja -C $build; } >"$run/build" 2>&1; then
        tail -n 40 "$run/build" >&2
        die "it does not build (see above)"
fi
market_start "$run" "$name" $build/daemon/mdshmd $build/tools/mdsim $build/tools/mdctl/mdctl

if [ -t 0 ] && [ -t 1 ]; then
        show_in_terminal
else
        show_some_lines
fi
