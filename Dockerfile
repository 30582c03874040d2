# The image of every part of an installation; docker-compose.yml says which part a container runs. It writes to /app/var
# and /tmp alone, so that its root may be read-only; a container without a volume at /app/var loses its records.
FROM python:3.11.11-slim-bookworm AS installed
WORKDIR /app
COPY deploy/install.sh deploy/install.sh
COPY requirements requirements
RUN python -m venv .venv && sh deploy/install.sh .venv/bin requirements/base.txt \
    && python -m compileall -q .venv/lib

FROM python:3.11.11-slim-bookworm
# For backups: pg_dump may be newer than the server, and no older. Debian's own is of one major version alone.
ARG POSTGRES_MAJOR=16
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates postgresql-common \
    && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y \
    && apt-get install -y --no-install-recommends "postgresql-client-$POSTGRES_MAJOR" \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 neuroroute && mkdir -p /app/var && chown neuroroute /app/var
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=installed /app/.venv .venv
COPY requirements requirements
COPY manage.py pyproject.toml ./
COPY neuroroute neuroroute
COPY providers providers
COPY tenants tenants
COPY usage usage
COPY profiling profiling
COPY feedback feedback
COPY routing routing
COPY dashboard dashboard
COPY templates templates
COPY static static
COPY docs docs
# What is compiled here need not be by each process that starts; with a read-only root none could keep it.
RUN python -m compileall -q manage.py neuroroute providers tenants usage profiling feedback routing dashboard
USER neuroroute
VOLUME /app/var
EXPOSE 8000
STOPSIGNAL SIGTERM
# Of the web server, alone or with all its company; docker-compose.yml has another check for the parts that listen nowhere.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ.get(\"PORT\", 8000)}/health', timeout=4)"]
CMD ["python", "manage.py", "serve"]
