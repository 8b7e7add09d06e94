# The worker and its model, for CPUs. The root file system may be read-only:
#
#   docker build -t sentiment-batch .
#   docker run --rm --read-only --network none --user "$(id -u):$(id -g)" -v "$PWD:/data" sentiment-batch \
#     score reviews.csv -o reviews.scored.parquet
#
# Without --user it runs as user 10001, who must then be allowed to write where the output goes. For outputs in object
# stores mount a volume at /state: they are put together there.
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY . .
RUN python -m venv /opt/sentiment-batch \
    && /opt/sentiment-batch/bin/pip install --no-cache-dir --constraint constraints.txt .

FROM python:3.11-slim-bookworm
COPY --from=build /opt/sentiment-batch /opt/sentiment-batch
ENV PATH=/opt/sentiment-batch/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_STATE_HOME=/state
USER 10001:10001
WORKDIR /data
ENTRYPOINT ["sentiment-batch"]
CMD ["--help"]
