# The image of every part of an installation; docker-compose.yml says which part a container runs.
FROM python:3.11-slim AS installed
WORKDIR /app
COPY deploy/install.sh deploy/install.sh
COPY requirements requirements
RUN python -m venv .venv && sh deploy/install.sh .venv/bin requirements/base.txt

FROM python:3.11-slim
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
USER neuroroute
VOLUME /app/var
EXPOSE 8000
CMD ["python", "manage.py", "serve"]
