#!/usr/bin/env bash
# Keeps old pipelines alive: the old load-test.sh's arguments, carried out by loadgen.
#
#   scripts/load-test.sh <endpoint> <token> <concurrency> <seconds>
#
# <concurrency> users ask <endpoint> one request after the other for <seconds> seconds, each with the token as its bearer.
# LOAD_TEST_BODY='{"…"}' sends that as JSON with POST. LOADGEN names the program (default: loadgen on the PATH); further
# options of it go into LOADGEN_OPTIONS, as LOADGEN_OPTIONS='--out junit=report.xml'.
#
# The token reaches loadgen through the environment, never on its command line, where every user of the machine could read
# it. It is masked in all that is printed and written. Exit codes are those of loadgen: 0 passed, 99 where no request
# succeeded or more than 1 % failed, 2 wrong usage.
set -euo pipefail

if [ $# -ne 4 ]; then
    echo "usage: $0 <endpoint> <token> <concurrency> <seconds>" >&2
    exit 2
fi
case $3$4 in
*[!0-9]*)
    echo "$0: <concurrency> and <seconds> are whole numbers" >&2
    exit 2
    ;;
esac

export LOAD_TEST_ENDPOINT=$1 LOAD_TEST_TOKEN=$2 LOAD_TEST_BODY=${LOAD_TEST_BODY:-}
concurrency=$3 seconds=$4

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
{
    cat <<'TOML'
name = "load-test"

[[step]]
name = "request"
headers.authorization = "Bearer {{ env.LOAD_TEST_TOKEN }}"
TOML
    if [ -n "$LOAD_TEST_BODY" ]; then
        cat <<'TOML'
post = "{{ env.LOAD_TEST_ENDPOINT }}"
body = "{{ env.LOAD_TEST_BODY }}"
headers.content-type = "application/json"
TOML
    else
        echo 'get = "{{ env.LOAD_TEST_ENDPOINT }}"'
    fi
    cat <<TOML

[load]
vus = $concurrency
duration = "${seconds}s"

[thresholds]
http_req_failed = "rate < 1%"
TOML
} >"$folder/load-test.toml"

# Options are words: they are split on purpose.
# shellcheck disable=SC2086
"${LOADGEN:-loadgen}" run "$folder/load-test.toml" ${LOADGEN_OPTIONS:-}
