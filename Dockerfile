# A worker, for any queue. Everything installed comes from requirements.lock, with hashes; nothing runs as root.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
ARG EXTRAS="aws gcp azure"
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/holdfast
# The dependencies first: they change less often than the code, and stay in the builder's cache.
COPY pyproject.toml requirements.lock ./
COPY tools/locked.py tools/locked.py
RUN python tools/locked.py ${EXTRAS} > locked.txt \
 && /opt/holdfast/bin/pip install --no-deps --require-hashes --requirement locked.txt
COPY . .
RUN /opt/holdfast/bin/pip install --no-deps --no-build-isolation .

FROM python:${PYTHON}-slim
ENV PATH=/opt/holdfast/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
RUN useradd --system --create-home --uid 10001 holdfast \
 && install --directory --owner=holdfast --group=holdfast /var/lib/holdfast
COPY --from=build /opt/holdfast /opt/holdfast
USER holdfast
WORKDIR /var/lib/holdfast
ENTRYPOINT ["holdfast"]
CMD ["worker"]
