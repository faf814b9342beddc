#!/bin/sh
# Make the namespace, its retention and its search attributes what Holdfast needs. May run any number of times.
# The address and the namespace come from TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE, the retention from RETENTION.
set -eu

patiently() { # a new namespace reaches every frontend within some ten seconds
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
    if "$@"; then return 0; fi
    sleep 5
  done
  echo "gave up: $*" >&2
  return 1
}

patiently temporal operator cluster health

if temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
  patiently temporal operator namespace update --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
else
  patiently temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
fi

# One name a call: on SQL, the CLI given several says that all were added, and adds the first.
# Adding what is there already succeeds; adding it with another type fails, and should.
for name in Stack Run Operation State Requester Environment Waiting; do
  patiently temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name "Holdfast$name" --type Keyword
done
patiently temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name HoldfastOwed --type Bool

echo "Namespace $TEMPORAL_NAMESPACE is ready."
