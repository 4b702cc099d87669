# The server in a container. Nothing of it needs root, a shell or a writable image: all that it keeps is in one volume.
# INSTALL.md says how to run it; compose.yaml is the short way.
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json tsconfig.json ./
RUN npm ci --ignore-scripts
COPY bin ./bin
COPY lib ./lib
RUN npm run build

# What runs: neither compiler nor test tools.
FROM node:24-bookworm-slim AS modules
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts

FROM node:24-bookworm-slim
# The number is fixed: files outside of the container (the launch password) belong to it as well.
RUN groupadd --gid 10001 securechat \
  && useradd --uid 10001 --gid 10001 --no-log-init --home-dir /var/lib/securechat --shell /usr/sbin/nologin securechat \
  && install -d -m 0700 -o 10001 -g 10001 /var/lib/securechat
WORKDIR /opt/securechat
COPY package.json ./
COPY bin ./bin
COPY --from=modules /src/node_modules ./node_modules
COPY --from=build /src/dist ./dist
ENV NODE_ENV=production \
    PATH=/opt/securechat/bin:$PATH \
    SECURECHAT_HOME=/var/lib/securechat \
    SECURECHAT_METRICS_PORT=7790
USER 10001:10001
VOLUME /var/lib/securechat
EXPOSE 7700
STOPSIGNAL SIGTERM
# In the container only: the port of metrics and health listens on its loopback address.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:7790/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Replaces its shell by node, which is then process 1 and gets the signals.
ENTRYPOINT ["securechat-server"]
