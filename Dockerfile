# hpsearch, for CPUs and NVIDIA GPUs: PyTorch's usual Linux build brings CUDA's libraries, 5 GB of the image.
# Where there are no GPUs, name the index of the builds without them (pytorch.org's "Get Started" page shows it):
#   docker build --build-arg TORCH_INDEX_URL=... --tag hpsearch .
ARG PYTHON_VERSION=3.11

FROM python:${PYTHON_VERSION}-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PATH=/opt/hpsearch/bin:$PATH
RUN python -m venv /opt/hpsearch
# First, and alone: a layer of gigabytes that stays when hpsearch changes. Versions are checked by the last step.
ARG TORCH_INDEX_URL=
# hadolint ignore=DL3013
RUN pip install ${TORCH_INDEX_URL:+--index-url "$TORCH_INDEX_URL"} torch torchvision
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY hpsearch hpsearch
# ONNX is what `hpsearch export` writes besides safetensors.
RUN pip install '.[onnx]'

FROM python:${PYTHON_VERSION}-slim
# A new volume at /data belongs to whom the folder in the image belongs to.
RUN groupadd --gid 10001 hpsearch \
    && useradd --uid 10001 --gid hpsearch --no-create-home --home-dir /tmp --shell /usr/sbin/nologin hpsearch \
    && install --directory --owner hpsearch --group hpsearch /data
COPY --from=build /opt/hpsearch /opt/hpsearch
# The root file system may be read-only: what libraries keep for themselves goes to /tmp.
ENV PATH=/opt/hpsearch/bin:$PATH PYTHONUNBUFFERED=1 HPSEARCH_CACHE=/data XDG_CACHE_HOME=/tmp MPLCONFIGDIR=/tmp
USER 10001:10001
WORKDIR /data
VOLUME /data
ENTRYPOINT ["hpsearch"]
