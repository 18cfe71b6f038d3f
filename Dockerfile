# syntax=docker/dockerfile:1
# Two stages: what builds stays behind. The result runs as an ordinary user on a read-only file system
# and writes to /var/lib/pegbot only.

FROM python:3.11.13-slim-bookworm AS build

# live: every source and Postgres. run: the core alone, about half the size.
ARG LOCK=live

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /src

# The lock first: the environment is built again only when the lock changes.
COPY requirements/ requirements/
RUN python -m venv /opt/pegbot \
 && /opt/pegbot/bin/python -m pip install --require-hashes -r requirements/${LOCK}.txt

COPY pyproject.toml README.md LICENSE ./
COPY bot/ bot/
COPY config/ config/
RUN /opt/pegbot/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && /opt/pegbot/bin/python -m pip install --no-deps dist/pegbot-*.whl \
 && /opt/pegbot/bin/python -m pip uninstall --yes hatchling editables pip setuptools

FROM python:3.11.13-slim-bookworm

LABEL org.opencontainers.image.title="pegbot" \
      org.opencontainers.image.description="Watches tokenized US stocks against the shares they stand for" \
      org.opencontainers.image.licenses="Apache-2.0"

# A fixed number, so that the owner of a mounted folder can be set from outside.
RUN groupadd --gid 10001 pegbot \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/pegbot --shell /usr/sbin/nologin pegbot \
 && install --directory --owner=10001 --group=10001 --mode=0750 /var/lib/pegbot

COPY --from=build /opt/pegbot /opt/pegbot
COPY config/ /etc/pegbot/

ENV PATH=/opt/pegbot/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PEGBOT_CONFIG=/etc/pegbot/docker.toml

USER 10001:10001
WORKDIR /var/lib/pegbot
VOLUME /var/lib/pegbot
EXPOSE 8050
STOPSIGNAL SIGTERM

HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["/opt/pegbot/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8050/healthz', timeout=4)"]

ENTRYPOINT ["pegbot"]
CMD ["run"]
