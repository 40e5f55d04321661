# shellcheck shell=bash
#
# What demo.sh and check.sh share: words to the user, Debian packages, build folders.

# The tools are Debian's, whatever else is installed on this machine under the same names.
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH

# What it takes to build the daemon, the library and the tools.
# shellcheck disable=SC2034 # used by those who source this
PACKAGES_BUILD=(gcc libc6-dev meson ninja-build pkgconf
                libev-dev libinih-dev libsystemd-dev libpcap-dev libjson-c-dev zlib1g-dev)

die() {
        printf '%s: %s\n' "${0##*/}" "$*" >&2
        exit 1
}

# Prints those of its arguments that are not installed.
packages_missing() {
        local package status
        for package in "$@"; do
                status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)
                [ "$status" = installed ] || printf '%s\n' "$package"
        done
}

# Installs those of its arguments that are not installed. Nothing missing: no root, no network, no
# apt-get.
packages_install() {
        local missing sudo=() log
        mapfile -t missing < <(packages_missing "$@")
        [ ${#missing[@]} -gt 0 ] || return 0

        local by_hand="apt-get update && apt-get install --no-install-recommends ${missing[*]}"
        command -v apt-get >/dev/null ||
                die "these Debian packages are needed, and there is no apt-get here: ${missing[*]}"
        if [ "$(id -u)" -ne 0 ]; then
                command -v sudo >/dev/null ||
                        die "packages are missing, and there is no sudo; as root: $by_hand"
                sudo=(sudo)
                [ -t 0 ] || sudo+=(-n) # nobody is there to be asked for a password
        fi

        printf 'installing %d packages: %s\n' ${#missing[@]} "${missing[*]}"
        log=$(mktemp)
        if ! { "${sudo[@]}" apt-get -q update &&
                "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
                        -o DPkg::Lock::Timeout=300 install --no-install-recommends \
                        "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
                tail -n 20 "$log" >&2
                rm -f "$log"
                die "these packages could not be installed (see above); as root: $by_hand"
        fi
        rm -f "$log"
}

# configure FOLDER [OPTION...]: a build folder with these options, new or not.
configure() {
        local folder=$1
        shift
        if [ -f "$folder/build.ninja" ]; then
                meson setup --reconfigure "$folder" "$@"
        else
                rm -rf "$folder"
                meson setup "$folder" "$@"
        fi
}
