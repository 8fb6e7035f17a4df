# Shared by the commands in this folder: messages, and running a step with its time. Sourced by bash, not run.
# shellcheck shell=bash

# Many containers forbid to keep what was compiled. Then every process compiles all that it imports once more, and the
# tests start some two hundred: most of what one of them takes to start.
unset PYTHONDONTWRITEBYTECODE

# Set by "fail" and "run" as well, so that one place knows where the details are.
LOG="${LOG:-/dev/null}"

say() { printf '[%3d s] %s\n' "$SECONDS" "$*"; }

heading() { printf '\n=== %s ===\n' "$*"; }

# One message, and the end. Further arguments are further lines.
fail() {
    {
        printf '\nERROR: %s\n' "$1"
        shift
        local line
        for line in "$@"; do printf '  %s\n' "$line"; done
    } >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# limited SECONDS COMMAND...: like timeout(1), which not every system has.
limited() {
    local seconds=$1
    shift
    if have timeout; then
        timeout "$seconds" "$@"
    else
        "$@"
    fi
}

# run TITLE COMMAND...: run a step with its output in the log; say that it is still going every 15 s.
run() {
    local title=$1 began=$SECONDS next=15 pid status=0
    shift
    say "$title"
    printf '\n### %s\n$ %s\n' "$title" "$*" >>"$LOG"
    "$@" >>"$LOG" 2>&1 </dev/null &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        if ((SECONDS - began >= next)); then
            say "  still working on it ($((SECONDS - began)) s): $(last_line)"
            next=$((next + 15))
        fi
    done
    wait "$pid" || status=$?
    return "$status"
}

last_line() { grep -vE '^[[:space:]]*$|^\$ ' "$LOG" | tail -n 1 | cut -c 1-100; }

# Install what the cards are checked with, where there is npm.
frontend_packages() {
    have npm || return 1
    [[ -d frontend/node_modules ]] || npm --prefix frontend ci --ignore-scripts --no-audit --no-fund
}

# The last lines of the log, indented, for the end of a message.
log_tail() { tail -n "${1:-15}" "$LOG" | cut -c 1-300; }
