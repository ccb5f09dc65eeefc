# shellcheck shell=bash
# What the tests need beside the Rust toolchain. Only what is missing is installed.

packages_missing() {
    local bench="$1"
    command -v cc >/dev/null || echo build-essential
    command -v curl >/dev/null || echo curl
    command -v openssl >/dev/null || echo openssl
    command -v sqlite3 >/dev/null || echo sqlite3
    command -v nsenter >/dev/null || echo util-linux
    command -v ip >/dev/null || echo iproute2
    command -v node >/dev/null || echo nodejs
    command -v npm >/dev/null || echo npm
    command -v chromium >/dev/null || echo chromium
    # What the pages look like must not depend on the machine, and Arabic and Japanese must be there to be looked at.
    compgen -G '/usr/share/fonts/truetype/noto/NotoNaskhArabic-*' >/dev/null || echo fonts-noto-core
    compgen -G '/usr/share/fonts/opentype/ipafont-gothic/*' >/dev/null || echo fonts-ipafont-gothic
    command -v python3 >/dev/null || echo python3
    python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
    # josekit, one of the judges, links OpenSSL.
    command -v pkg-config >/dev/null || echo pkg-config
    pkg-config --exists openssl 2>/dev/null || echo libssl-dev
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || echo postgresql
    command -v psql >/dev/null || echo postgresql-client
    [[ -e /usr/sbin/nats-server ]] || echo nats-server
    # The gateways of docs/gateways.md.
    PATH="$PATH:/usr/sbin" command -v nginx >/dev/null || echo nginx-light
    command -v caddy >/dev/null || echo caddy
    PATH="$PATH:/usr/sbin" command -v haproxy >/dev/null || echo haproxy
    [[ -e /usr/lib/apache2/modules/mod_lua.so ]] || echo apache2-bin
    compgen -G '/usr/lib/*/lua/5.*/socket' >/dev/null || echo lua-socket
    [[ $bench == no ]] || command -v wrk >/dev/null || echo wrk
}

install_packages() {
    local missing
    mapfile -t missing < <(packages_missing "$1")
    if ((${#missing[@]} == 0)); then
        return
    fi
    if [[ $(id -u) != 0 ]]; then
        echo "install these Debian packages first: ${missing[*]}" >&2
        exit 1
    fi
    echo "== installing ${missing[*]}"
    # Servers are installed as programs: none of them is started.
    export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
    apt-get update --quiet --quiet
    # The server of Debian's package is not used: no cluster is made for it.
    mkdir -p /etc/postgresql-common
    [[ -e /etc/postgresql-common/createcluster.conf ]] ||
        echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
    apt-get install --yes --quiet --quiet --no-install-recommends "${missing[@]}"
}

install_interop() {
    local venv=target/interop-venv stamp=target/interop-venv/installed
    echo "== foreign clients: npm"
    npm ci --prefix tests/interop --no-fund --no-audit --loglevel error
    npm ci --prefix tests/browser --no-fund --no-audit --loglevel error
    echo "== a foreign receiver of signals: crates.io"
    cargo build --locked --quiet --manifest-path tests/interop/receiver/Cargo.toml --target-dir target/interop-receiver
    if ! cmp --silent tests/interop/requirements.txt "$stamp"; then
        echo "== foreign clients: PyPI"
        python3 -m venv --clear "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement tests/interop/requirements.txt
        cp tests/interop/requirements.txt "$stamp"
    fi
}
