#!/usr/bin/env bash
# load-test.sh <endpoint> <token> <concurrency> <seconds>
endpoint=$1 token=$2 concurrency=$3 seconds=$4
end=$((SECONDS + seconds))
for _ in $(seq "$concurrency"); do
  while [ $SECONDS -lt $end ]; do
    curl -s -o /dev/null -w '%{http_code} %{time_total}\n' \
      -H "Authorization: Bearer $token" "$endpoint"
  done &
done > results.txt
wait
sort results.txt | uniq -c
