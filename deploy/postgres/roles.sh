#!/usr/bin/env bash
# Makes the three roles that hpsearch uses; the postgres image runs it once, when its database is new.
#
#   hpsearch_owner      makes tables and studies (hpsearch create, restore, delete)
#   hpsearch_worker     reads and writes rows, makes and drops nothing (hpsearch worker, status, export, stop ...)
#   hpsearch_dashboard  reads (hpsearch dashboard)
#
# On a server of your own: make an empty database, then type, with POSTGRES_DB naming it, POSTGRES_USER a superuser, and
# the three variables below a file with a password each:
#   POSTGRES_USER=postgres POSTGRES_DB=hpsearch OWNER_PASSWORD_FILE=... deploy/postgres/roles.sh
set -eo pipefail

for variable in OWNER_PASSWORD_FILE WORKER_PASSWORD_FILE DASHBOARD_PASSWORD_FILE; do
    if [ ! -s "${!variable}" ]; then
        echo "roles.sh: $variable names no file with a password in it: '${!variable}'" >&2
        exit 1
    fi
done

# All or nothing. The passwords reach psql through files: neither its command line nor its environment has them.
psql --no-psqlrc --no-password --quiet --set ON_ERROR_STOP=1 --single-transaction \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --file - <<'SQL'
-- A server writes down statements that fail, and some all of them.
SET LOCAL log_statement = none;
SET LOCAL log_min_error_statement = panic;

\set owner_password `cat "$OWNER_PASSWORD_FILE"`
\set worker_password `cat "$WORKER_PASSWORD_FILE"`
\set dashboard_password `cat "$DASHBOARD_PASSWORD_FILE"`

CREATE ROLE hpsearch_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE hpsearch_worker LOGIN PASSWORD :'worker_password';
CREATE ROLE hpsearch_dashboard LOGIN PASSWORD :'dashboard_password';
ALTER ROLE hpsearch_dashboard SET default_transaction_read_only = on;

REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"DBNAME" TO hpsearch_owner, hpsearch_worker, hpsearch_dashboard;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO hpsearch_owner;
GRANT USAGE ON SCHEMA public TO hpsearch_worker, hpsearch_dashboard;

-- What the owner makes later, the others may use.
ALTER DEFAULT PRIVILEGES FOR ROLE hpsearch_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO hpsearch_worker;
ALTER DEFAULT PRIVILEGES FOR ROLE hpsearch_owner IN SCHEMA public
    GRANT USAGE ON SEQUENCES TO hpsearch_worker;
ALTER DEFAULT PRIVILEGES FOR ROLE hpsearch_owner IN SCHEMA public
    GRANT SELECT ON TABLES TO hpsearch_dashboard;
SQL
