# The course in a container. The copies of the chapters and the answers lie in the volume:
#     docker build -t gpt2lab .
#     docker run --rm -it -p 127.0.0.1:8888:8888 -v gpt2lab:/home/learner gpt2lab
# The address that it prints, with its token, opens in the browser outside. `.ci/every-path docker` runs these steps
# in a chroot, without a daemon.
FROM debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates git python3 python3-venv
RUN useradd --create-home learner
WORKDIR /srv/gpt2lab
COPY . .
RUN python3 course.py doctor && .venv/bin/gpt2lab share --fix
USER learner
EXPOSE 8888
CMD [".venv/bin/gpt2lab", "open", "--no-browser", "--ip", "0.0.0.0", "--port", "8888"]
