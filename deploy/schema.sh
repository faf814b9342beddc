#!/bin/sh
# Make and upgrade the databases of Temporal. May run before every deploy: creating is idempotent, `setup-schema -v 0.0`
# never goes back, and `update-schema` is the upgrade.
# The tool reads the server, the user and the password from SQL_*, so that none of them stands in the list of processes.
set -eu

for pair in "temporal temporal" "temporal_visibility visibility"; do
  database=${pair% *}
  schema=${pair#* }
  temporal-sql-tool --db "$database" create
  temporal-sql-tool --db "$database" setup-schema -v 0.0
  temporal-sql-tool --db "$database" update-schema -d "/etc/temporal/schema/postgresql/v12/$schema/versioned"
done
