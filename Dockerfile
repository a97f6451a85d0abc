# An image of the server. requirements.txt pins every package by its hash, the build tool included.
#
#   docker build -t afterglow .
#   docker run afterglow migrate              migrates the database
#   docker run -p 8000:8000 afterglow         serves; it does not start on unsafe settings (see .env.example)
#
# /data holds the SQLite file, and the keyring unless AFTERGLOW_KEYRING names another file.
FROM python:3.11-slim AS build
WORKDIR /build
COPY requirements.txt ./
RUN python -m venv /opt/afterglow \
    && /opt/afterglow/bin/pip install --no-cache-dir --require-hashes --requirement requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY migrations ./migrations
COPY openapi/README.md ./openapi/
COPY app ./app
RUN /opt/afterglow/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/afterglow/bin/pip uninstall --yes hatchling trove-classifiers pathspec pluggy

FROM python:3.11-slim
RUN groupadd --gid 10001 afterglow \
    && useradd --uid 10001 --gid afterglow --no-create-home --home-dir /data afterglow \
    && install --directory --owner afterglow --group afterglow --mode 700 /data
COPY --from=build /opt/afterglow /opt/afterglow
ENV PATH=/opt/afterglow/bin:$PATH PYTHONUNBUFFERED=1 AFTERGLOW_ENV=production
WORKDIR /data
VOLUME /data
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/livez', timeout=2)"]
ENTRYPOINT ["afterglow"]
CMD ["serve", "--host", "0.0.0.0"]
