# glibc: Temporal's native core has no musl build, so no Alpine.
FROM node:24-bookworm-slim

# Temporal's native core verifies TLS against the system's certificates.
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/*

WORKDIR /app
ENV NODE_ENV=production TIDEMARK_HOME=/tmp/tidemark

COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund && npm cache clean --force

COPY tsconfig.json ./
COPY src ./src
COPY activities ./activities
COPY workflows ./workflows

USER node
ENTRYPOINT ["node", "src/cli/tidemark.js"]
CMD ["worker"]
