#!/usr/bin/env bash
# Makes the secrets that docker-compose.yml mounts: a password a role, the three database URLs, the dashboard's token.
#
#   deploy/make-secrets.sh [FOLDER]      (default: the folder "secrets" beside this script)
#
# What is there already stays as it is: a database keeps the passwords that it was made with. Nobody but you can enter
# the folder; the files in it may be read by anybody, because a container's user has another number than you.
set -euo pipefail

folder=${1:-"$(dirname "$0")/secrets"}
mkdir -p "$folder"
chmod 700 "$folder"

# keep NAME: what stdin gives becomes the secret of that name, unless it exists.
keep() {
    local draft="$folder/.$1.draft"
    if [ -s "$folder/$1" ]; then
        cat > /dev/null
        return
    fi
    (umask 077 && cat > "$draft")
    chmod 444 "$draft"
    mv "$draft" "$folder/$1"
}

# 48 hexadecimal digits, which no URL needs to encode.
draw() {
    od -An -v -tx1 -N24 /dev/urandom | tr -d ' \n'
}

draw | keep postgres_password
draw | keep dashboard_token
for role in owner worker dashboard; do
    draw | keep "${role}_password"
    printf 'postgresql://hpsearch_%s:%s@database/hpsearch\n' "$role" "$(< "$folder/${role}_password")" | keep "${role}_url"
done
echo "secrets are in $folder"
