FROM python:3.11-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PYC_INVALIDATION_MODE=UNCHECKED_HASH \
    UV_NO_CACHE=1 \
    UV_PYTHON_DOWNLOADS=never

WORKDIR /build
COPY requirements/uv.txt requirements/runtime.txt ./

# Bytecode belongs in the image: the root is read-only where it runs, so each start would compile all it imports again.
# By hash instead of by time, it is the same in every build. uv leaves a lock in the environment that everybody may write.
RUN pip install --require-hashes --only-binary :all: --requirement uv.txt \
    && python -m venv --without-pip /opt/venv \
    && uv pip sync --python /opt/venv/bin/python --require-hashes --no-build --compile-bytecode runtime.txt \
    && rm -f /opt/venv/.lock

# What no run reads: tests, headers, stubs, and the pages of a Prefect server.
RUN find /opt/venv/lib -depth -type d \( -name tests -o -name include -o -path "*/prefect/server/ui*" \) -exec rm -r {} + \
    && find /opt/venv/lib -type f \( -name "*.pyi" -o -name "*.h" -o -name "*.hpp" -o -name "*.px[di]" -o -name "*.pyx" \) -delete


FROM python:3.11-slim-bookworm

LABEL org.opencontainers.image.title="data-flows" \
      org.opencontainers.image.description="Prefect flows, the agent that starts them, and their registration"

# Root owns the code and the packages: what runs can read them and change nothing.
# The base has no bytecode of the standard library, which costs each start and each health check more than its own work.
RUN useradd --uid 10001 --user-group --no-log-init --no-create-home --home-dir /tmp --shell /usr/sbin/nologin data-flows \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash \
        -x "site-packages|dist-packages|ensurepip|idlelib|lib2to3|pydoc_data|test|tkinter|turtledemo" \
        "$(python -c 'import os; print(os.path.dirname(os.__file__))')"

ENV PATH=/opt/venv/bin:$PATH \
    HOME=/tmp \
    PREFECT_HOME=/tmp/prefect \
    PYTHONPATH=/opt/data-flows \
    PYTHONUNBUFFERED=1

COPY --from=build /opt/venv /opt/venv
WORKDIR /opt/data-flows
COPY flows/ flows/
COPY scripts/ scripts/
COPY sitecustomize.py ./

# The one writable place. On Fargate a task's volume takes owner and mode from the image only where the image declares
# that path as a volume: /tmp stays open to every user; undeclared it would be root's with 0755.
VOLUME /tmp
USER 10001:10001
STOPSIGNAL SIGTERM

# No entrypoint: the task definitions and Prefect's worker say the whole command.
CMD ["prefect", "version"]
