# Shell functions of this project's scripts; read with ".", never run. The reader
# sets $top, the top of the source tree.
# shellcheck shell=sh disable=SC2034,SC2154

# What is built; a script may say another tree than its own.
sources=$top

build_packages="gcc libc6-dev make autoconf automake libtool pkg-config
libev-dev libhttp-parser-dev libwslay-dev libyaml-dev libssl-dev
libjansson-dev libcurl4-openssl-dev"

say () {
	printf '%s\n' "$*"
}

die () {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

is_installed () {
	dpkg-query -W -f='${Status}' "$1" 2>/dev/null |
		grep -q 'install ok installed'
}

as_root () {
	if test "$(id -u)" = 0; then
		"$@"
	else
		sudo "$@"
	fi
}

# Installs those of the Debian packages that are missing, and says which.
need_packages () {
	missing=
	for package; do
		is_installed "$package" || missing="$missing $package"
	done
	test -n "$missing" || return 0
	if test "$(id -u)" != 0 && ! command -v sudo >/dev/null; then
		die "as root, please run: apt-get install$missing"
	fi
	say "Installing Debian packages:$missing"
	as_root apt-get update -qq || say "apt-get update failed; going on"
	# The list is words on purpose.
	# shellcheck disable=SC2086
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# Any node and npm will do: they only install the packages of a lock file.
need_npm () {
	command -v npm >/dev/null && command -v node >/dev/null && return
	need_packages nodejs npm
}

# The packages of a folder's lock file, once for each state of that file.
npm_install () {
	mark=$1/node_modules/.installed
	if ! cmp -s "$1/package-lock.json" "$mark"; then
		say "Installing npm packages of ${1#"$top"/}"
		(cd "$1" && npm ci --ignore-scripts --no-audit --no-fund \
			--loglevel=error) || return 1
		cp "$1/package-lock.json" "$mark"
	fi
}

# Makes the files that git does not hold, once; make renews them.
need_configure () {
	test -x "$sources/configure" && test -f "$sources/Makefile.in" && return
	say "Making configure"
	(cd "$sources" && autoreconf -fi 2>&1) >"$1/autoreconf.log" || {
		cat "$1/autoreconf.log"
		return 1
	}
}

# Configures a build folder if it is new, and builds there. Further arguments are
# configure's.
build_in () {
	folder=$1
	shift
	if ! test -f "$folder/Makefile"; then
		mkdir -p "$folder"
		need_configure "$folder" || return 1
		say "Configuring ${folder#"$top"/}"
		(cd "$folder" && "$sources/configure" -q "$@") || return 1
	fi
	say "Building in ${folder#"$top"/}"
	make -C "$folder" -s -j"$(nproc)" all
}

# A random access key, made once; nobody else may read it.
make_key () {
	test -s "$1" && return
	(
		umask 077
		mkdir -p "$(dirname "$1")"
		head -c 32 /dev/urandom | base64 >"$1.new"
		mv "$1.new" "$1"
	)
	say "Made an access key: ${1#"$top"/}"
}

# wps.conf in $1 for a port $2, with the key file $3; the rest, what hubs are to
# know, comes from standard input.
write_conf () {
	(
		umask 077
		{
			cat <<-EOF
			# Written anew by each start.
			plugins: [auth, webpubsub, rest, cloudevents]
			plugin_dir: "$top/build/plugins/.libs"
			listen:
			  - address: "127.0.0.1:$2"
			auth:
			  access_keys: ["file:$3"]
			EOF
			cat
		} >"$1"
	)
}

connection_string () {
	printf 'Endpoint=http://127.0.0.1;Port=%s;AccessKey=%s;Version=1.0;\n' \
		"$1" "$(cat "$2")"
}

# Wants a port number.
check_port () {
	case $1 in
	'' | *[!0-9]* | ??????*) die "not a port: $1" ;;
	esac
	test "$1" -ge 1 || die "not a port: $1"
	test "$1" -le 65535 || die "not a port: $1"
}
