#!/bin/sh
# Print the secrets that docker-compose.yml needs, made at random. Usage: deploy/secrets.sh > .env
set -eu
umask 077
for name in SECRET_KEY SECRETS_KEYS CLIENT_KEY_PEPPER METRICS_TOKEN POSTGRES_PASSWORD RABBITMQ_PASSWORD GRAFANA_PASSWORD; do
    printf '%s=%s\n' "$name" "$(python3 -c 'import secrets; print(secrets.token_hex(32))')"
done
