# shellcheck shell=bash
# A private PostgreSQL server on a free loopback port, in a temporary folder, gone with the run.

# Durability is not what is tested, and the folder is thrown away; `start_postgres on` for what is measured.
start_postgres() {
    local binaries port fsync="${1:-off}"
    binaries="$(compgen -G '/usr/lib/postgresql/*/bin' | sort --version-sort | tail -n 1)"
    port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
    postgres_folder="$(mktemp --directory)"
    # PostgreSQL refuses to run as root.
    postgres_as=()
    if [[ $(id -u) == 0 ]]; then
        chown postgres: "$postgres_folder"
        postgres_as=(runuser -u postgres --)
    fi
    echo "== PostgreSQL in $postgres_folder on port $port"
    (
        cd /
        "${postgres_as[@]}" "$binaries/initdb" --auth trust --username postgres --encoding UTF8 --no-sync \
            --pgdata "$postgres_folder/data" >/dev/null
        "${postgres_as[@]}" "$binaries/pg_ctl" start --wait --silent --pgdata "$postgres_folder/data" \
            --log "$postgres_folder/log" \
            --options "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories='' -c fsync=$fsync -c log_line_prefix='%d ' -c max_connections=200"
    )
    postgres_stop=("${postgres_as[@]}" "$binaries/pg_ctl" stop --silent --mode immediate --pgdata "$postgres_folder/data")
    export COUNTERSIGN_TEST_POSTGRES_URL="postgres://postgres@127.0.0.1:$port/postgres"
    export COUNTERSIGN_TEST_POSTGRES_LOG="$postgres_folder/log"
}

stop_postgres() {
    (cd / && "${postgres_stop[@]}") || true
    rm -rf "$postgres_folder"
}
