# The worker and every `leads` command. Runs as nobody in particular, on a read-only file system; writes to LEADS_DATA alone.
FROM python:3.11.17-slim-trixie AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src

# The dependencies change less often than the code: their layer is kept.
COPY requirements.lock ./
RUN python -m venv /opt/leads \
    && /opt/leads/bin/python -m pip install --require-hashes --only-binary :all: --requirement requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY topics topics
COPY actions actions
COPY streams streams
# Nothing in the finished image can install anything.
RUN /opt/leads/bin/python -m pip install --no-deps --no-build-isolation . \
    && /opt/leads/bin/python -m pip uninstall --yes hatchling trove-classifiers setuptools pip


FROM python:3.11.17-slim-trixie

RUN useradd --uid 10001 --no-create-home --home-dir /var/lib/leads --shell /usr/sbin/nologin leads \
    && install --directory --owner leads --group leads --mode 0700 /var/lib/leads
COPY --from=build /opt/leads /opt/leads

ENV PATH=/opt/leads/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    LEADS_DATA=/var/lib/leads
USER 10001:10001
WORKDIR /var/lib/leads
STOPSIGNAL SIGTERM
ENTRYPOINT ["leads"]
CMD ["worker"]
