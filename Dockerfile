# Weir's server in an image: no compiler, no root, no download at start.
# Build with the embedded model (default) or without: --build-arg WEIR_GROUPS="runtime"
FROM python:3.11-slim AS install

ARG WEIR_GROUPS="runtime model"
ENV PIP_NO_CACHE_DIR=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    WEIR_PYTHON=python3.11 \
    WEIR_VENV=/opt/weir

WORKDIR /src
COPY LICENSE ./
COPY requirements requirements
COPY scripts/setup-env scripts/setup-env
COPY clients/python clients/python
COPY server server
# The step that `make docker-install` runs too, so that CI proves it without an image engine.
RUN scripts/setup-env --no-editable ${WEIR_GROUPS}

FROM python:3.11-slim

# Port 50051 is where callers connect; nothing else listens.
ENV PATH=/opt/weir/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
RUN useradd --system --uid 10001 --home-dir /var/lib/weir --create-home weir
COPY --from=install /opt/weir /opt/weir
USER 10001
WORKDIR /var/lib/weir
EXPOSE 50051

# A draining server answers NOT_SERVING, so a balancer stops sending before the process ends.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["weir", "health"]
# SIGTERM drains: running streams end before the process does.
STOPSIGNAL SIGTERM
ENTRYPOINT ["weir"]
CMD ["serve"]
