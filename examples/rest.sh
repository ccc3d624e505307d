#!/bin/sh
# A node over HTTP, with curl and nothing else.
#
#   npm start -- --agents examples/shout.ts examples/reviewer.ts
#   sh examples/rest.sh
#
# The second command prints: the result of a task that was waited for; the answer to a submission that was not; what a
# signal is answered with; the events of that task to its end, as a stream; and a refusal as a problem with its code.
# TROUPE_URL names a node elsewhere. The routes are described at /docs of the node.
set -eu
api="${TROUPE_URL:-http://127.0.0.1:7600}/api/v1"
json='content-type: application/json'

echo '# submit and wait for up to 10 seconds'
curl -sS "$api/tasks?wait=10" -H "$json" -d '{"agent":"shout","input":{"text":"hi"}}'

printf '\n\n# submit; with an Idempotency-Key it can be sent again\n'
answer=$(curl -sS "$api/tasks" -H "$json" -H "Idempotency-Key: rest-$$" -d '{"agent":"reviewer","input":{"text":"a draft"}}')
echo "$answer"
task=$(echo "$answer" | sed 's/.*"task":"\([^"]*\)".*/\1/')

printf '\n# a signal to the machine that works for it\n'
curl -sS "$api/tasks/$task/signals/approve" -H "$json" -d '{"by":"Ada"}'

printf '\n\n# its events, to the end\n'
curl -sSN "$api/tasks/$task/events"

printf '# a refusal\n'
curl -sS "$api/tasks" -H "$json" -d '{"agent":"shot","input":{}}'
echo
