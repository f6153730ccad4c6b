# An image with nothing in it but the program. docs/installing.md says how it is run.

# The oldest Rust that builds it (rust-version in Cargo.toml). On Alpine programs are linked with musl,
# statically, and a C compiler is there for the crypto library.
FROM rust:1.95-alpine3.23 AS build
WORKDIR /doctor
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY docs/codes docs/codes
RUN cargo build --release --locked
# Their licences ask that what is built of the dependencies comes with their notices.
RUN find "$CARGO_HOME"/registry/src -maxdepth 3 -type f \
    \( -iname 'licen[cs]e*' -o -iname 'copying*' -o -iname 'notice*' \) \
    -print -exec cat {} \; > /doctor/THIRD-PARTY.txt

FROM scratch
LABEL org.opencontainers.image.title="pulumi-oidc-doctor" \
      org.opencontainers.image.description="Says why a CI job cannot log in to Pulumi Cloud with its OIDC token, and what to change" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY LICENSE /LICENSE
COPY --from=build /doctor/THIRD-PARTY.txt /THIRD-PARTY.txt
COPY --from=build /doctor/target/release/doctor /doctor
# Nobody in particular: the program needs no account and no home.
USER 65532:65532
# It needs no certificates either: where there are none, it trusts Mozilla's list, which is built in.
# It needs no temporary directory: only --output, --bundle and Azure's summary page write files.
ENTRYPOINT ["/doctor"]
