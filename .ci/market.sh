# shellcheck shell=bash
#
# A daemon of our own and a simulated exchange that sends to it over UDP, for demo.sh and for tests.
# Both lie in one folder and under one name, so that what runs on this machine already is not
# disturbed, and nothing need be left of them. Wants lib.sh.

market_patience=10 # seconds for the daemon to start, and for any of them to stop
market_name=       # of the segment
market_run=        # the folder: config, socket, log
market_daemon=     # process ids
market_exchange=

# market_start FOLDER NAME MDSHMD MDSIM MDCTL: the folder is there, the rest are paths of programs.
# Afterwards the daemon answers at FOLDER/socket. When that cannot be, it says why and exits.
market_start() {
        local mdshmd=$3 mdsim=$4 mdctl=$5 port tries=$((market_patience * 20))
        market_run=$1 market_name=$2
        port=$(free_port)
        market_config "$port" >"$market_run/mdshmd.conf"

        begin "$mdshmd" -c "$market_run/mdshmd.conf"
        market_daemon=$!
        until "$mdctl" -s "$market_run/socket" status >/dev/null 2>"$market_run/refusal"; do
                kill -0 $market_daemon 2>/dev/null || market_fail "the daemon did not start"
                tries=$((tries - 1))
                [ $tries -gt 0 ] || market_fail "no answer from the daemon"
                sleep 0.05
        done

        begin "$mdsim" --to "127.0.0.1:$port" --instruments 20 --rate 200 --seed 1
        market_exchange=$!
}

# Leaves nothing but the folder.
market_stop() {
        end "$market_exchange"
        end "$market_daemon"
        [ -z "$market_name" ] || rm -f "/dev/shm/$market_name" "/dev/shm/$market_name.lock"
}

# What they had to say, then `die`.
market_fail() {
        cat "$market_run/log" "$market_run/refusal" >&2
        die "$@"
}

market_config() {
        cat <<END
[segment]
name = $market_name
instruments = 64
journal = 65536

[listen]
socket = $market_run/socket

[feed exchange]
source = udp
protocol = iex-tops
address = 127.0.0.1
port = $1
END
}

# A UDP port that nobody on this machine listens to.
free_port() {
        local port
        while :; do
                port=$((20000 + RANDOM % 12000))
                grep -qi ":$(printf %04X $port) " /proc/net/udp /proc/net/udp6 2>/dev/null || break
        done
        echo $port
}

# Starts a program beside this script that ends with it, however it ends.
begin() {
        setpriv --pdeathsig TERM "$@" >>"$market_run/log" 2>&1 </dev/null &
}

# Ends a process of ours and waits for it: TERM first, KILL when that does not help.
end() {
        local pid=$1 tries=$((market_patience * 10))
        [ -n "$pid" ] || return 0
        kill -TERM "$pid" 2>/dev/null
        while kill -0 "$pid" 2>/dev/null && [ $tries -gt 0 ]; do
                sleep 0.1
                tries=$((tries - 1))
        done
        kill -KILL "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
}
