#!/usr/bin/env bash
# Makes MyApp's and the loader's users in MySQL, with the passwords of their secrets; again, it changes what differs.
# `python -m deploy.account1_app.database_users` sends it to the CodeBuild project of database_users.yaml, which reaches
# the database and gives it, in its environment: DATABASE_HOST, DATABASE_PORT, DATABASE_NAME, DATABASE_CA_BUNDLE, the
# LOADER_TABLES, and USER and PASSWORD of MASTER_, APP_ and LOADER_.
set -euo pipefail

# A text as SQL writes it.
quoted() { printf "'%s'" "$(sed "s/\\\\/\\\\\\\\/g; s/'/''/g" <<<"$1")"; }

statements() {
    local app loader table
    app="$(quoted "$APP_USER")@'%'"
    loader="$(quoted "$LOADER_USER")@'%'"
    cat <<SQL
CREATE USER IF NOT EXISTS $app REQUIRE SSL;
ALTER USER $app IDENTIFIED BY $(quoted "$APP_PASSWORD") REQUIRE SSL;
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON \`$DATABASE_NAME\`.* TO $app;
CREATE USER IF NOT EXISTS $loader REQUIRE SSL;
ALTER USER $loader IDENTIFIED BY $(quoted "$LOADER_PASSWORD") REQUIRE SSL;
SQL
    # The tables may not be there yet: MySQL then grants with CREATE only, which the loader does not keep.
    for table in $LOADER_TABLES; do
        cat <<SQL
GRANT CREATE, SELECT, INSERT, UPDATE, DELETE ON \`$DATABASE_NAME\`.\`$table\` TO $loader;
REVOKE CREATE ON \`$DATABASE_NAME\`.\`$table\` FROM $loader;
SQL
    done
}

statements | MYSQL_PWD="$MASTER_PASSWORD" mariadb --no-defaults --host="$DATABASE_HOST" --port="$DATABASE_PORT" \
    --user="$MASTER_USER" --ssl-ca="$DATABASE_CA_BUNDLE" --ssl-verify-server-cert
echo "The users $APP_USER and $LOADER_USER are as they should be."
