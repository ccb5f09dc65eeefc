# shellcheck shell=bash
# Steps of a run: each is named, timed and counted; the run goes on after a failure and fails at its end.
# A step that runs cargo's tests counts as those tests, any other as one.

passed=0
failed=0
failures=()
step_log="$(mktemp)"

step() {
    local name="$1" status=0 started=$SECONDS
    shift
    printf '\n== %s: %s\n' "$name" "$*"
    "$@" 2>&1 | tee "$step_log" || status=$?
    count "$status"
    printf '== %s: %s after %s s\n' "$name" "$([[ $status == 0 ]] && echo passed || echo FAILED)" $((SECONDS - started))
    [[ $status == 0 ]] || failures+=("$name")
}

count() {
    local status="$1" ok=0 bad=0
    read -r ok bad < <(awk '/^test result: /{ok += $4; bad += $6} END {print ok + 0, bad + 0}' "$step_log")
    if ((ok + bad == 0)); then
        [[ $status == 0 ]] && ok=1
    fi
    # Tests that did not even build have no result line.
    if [[ $status != 0 ]] && ((bad == 0)); then
        bad=1
    fi
    passed=$((passed + ok))
    failed=$((failed + bad))
}

finish() {
    rm -f "$step_log"
    printf '\nwhole run: %s s\n' "$SECONDS"
    if ((${#failures[@]} > 0)); then
        printf 'failed: %s\n' "${failures[@]}"
    fi
    printf '%s passed, %s failed\n' "$passed" "$failed"
    exit $((${#failures[@]} > 0))
}
