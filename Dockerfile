# docker build -t neurallog . && docker run --read-only -p 8080:8080 -v neurallog:/var/lib/neurallog neurallog
FROM debian:12 AS build
WORKDIR /src
COPY script script
RUN script/bootstrap
COPY . .
RUN cmake --preset release && cmake --build --preset release --target neurallog \
 && strip -o /neurallog build/release/neurallog \
 && install -d -o 10001 -g 10001 -m 0700 /data

# One static binary that writes nowhere but to its volume.
FROM scratch
COPY --from=build /neurallog /usr/bin/neurallog
COPY --from=build --chown=10001:10001 /data /var/lib/neurallog
USER 10001:10001
ENV NEURALLOG_LISTEN=0.0.0.0:8080 NEURALLOG_DATA_DIR=/var/lib/neurallog NEURALLOG_LOG_FORMAT=json
VOLUME /var/lib/neurallog
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["/usr/bin/neurallog", "healthcheck"]
ENTRYPOINT ["/usr/bin/neurallog"]
CMD ["serve"]
