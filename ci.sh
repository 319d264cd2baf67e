#!/usr/bin/env bash
# Every check of the project, the same for people and machines.
#
#   ./ci.sh         all of it, random tests in small numbers: a few minutes
#   ./ci.sh long    the random tests and the fuzz targets in full: more than an hour
#   ./ci.sh STEP    one step: fmt, clippy, test, no_std, doc, fuzz, deps, interop, bench, and of the long
#                   ones long_tests, long_interop, long_fuzz
#
# What a step needs and does not find makes it fail, with the command that installs it.
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-never}"

# Crates that must build without std, and the targets that have none.
NO_STD_CRATES=(-p confer-core -p confer-wire -p confer-basic -p confer-flex -p confer-esp -p confer-link -p confer-journal -p confer-chat-api)
NO_STD_TARGETS=(thumbv7em-none-eabihf x86_64-unknown-none)
FUZZ_TARGETS=(decode_basic decode_flex decode_esp decode_journal roundtrip split server_script read_transcript chat_api)
# Workspaces of their own, each with a Cargo.toml that the root does not know.
APART=(fuzz examples/no-std)
FUZZ_SECONDS="${FUZZ_SECONDS:-600}"
# How long schemathesis makes up requests.
SCHEMA_SECONDS="${SCHEMA_SECONDS:-20}"

need() { # COMMAND HINT
    command -v "$1" >/dev/null || { echo "ci: $1 is missing; install it with: $2" >&2; exit 1; }
}

fmt() {
    cargo fmt --all --check
    for apart in "${APART[@]}"; do cargo fmt --manifest-path "$apart/Cargo.toml" --check; done
}

clippy() {
    cargo clippy --workspace --all-targets --locked -- -D warnings
    (cd examples/no-std && cargo clippy --locked -- -D warnings)
}

test() {
    cargo test --workspace --locked
}

no_std() {
    local target targets=()
    for target in "${NO_STD_TARGETS[@]}"; do
        if rustup target list --installed | grep -qx "$target" || rustup target add "$target"; then
            targets+=(--target "$target")
        else
            echo "ci: $target cannot be added here; the program below is the proof instead" >&2
        fi
    done
    [ ${#targets[@]} = 0 ] || cargo build --locked "${NO_STD_CRATES[@]}" "${targets[@]}"
    # Linked without std, run on this machine. A test runs it, too, and has it built here.
    (cd examples/no-std && cargo run --release --locked --target-dir ../../target/tmp/no-std)
}

doc() {
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked
}

# libFuzzer needs flags that only nightly admits; RUSTC_BOOTSTRAP makes the pinned toolchain do.
fuzz() {
    need cargo-fuzz "cargo install cargo-fuzz --locked"
    # Each input is run once here: to build what runs fast would take longer than it saves.
    local -x CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_DEBUG=false
    RUSTC_BOOTSTRAP=1 cargo fuzz build -s none
    for target in "${FUZZ_TARGETS[@]}"; do
        RUSTC_BOOTSTRAP=1 cargo fuzz run -s none "$target" "tests/corpus/$target" -- -runs=0
    done
}

# One version of each dependency that ends up in what people run; nothing async where nothing is to be.
deps() {
    local twice
    twice="$(cargo tree -p confer-runtime-smol --edges normal --duplicates --depth 0 --locked)"
    [ -z "$twice" ] || { echo "ci: more than one version of:" >&2; echo "$twice" >&2; exit 1; }
    local async
    async="$(cargo tree -p confer-runtime-std --edges normal --prefix none --locked |
        grep -E '^(async-|futures|mio |polling |smol|tokio)' || true)"
    [ -z "$async" ] || { echo "ci: confer-runtime-std depends on:" >&2; echo "$async" >&2; exit 1; }
}

# The web API, spoken by a client in another language that knows nothing of ours, and by schemathesis.
interop() {
    need python3 "apt-get install python3 python3-venv"
    local python="$PWD/target/interop/bin/python"
    [ -x "$python" ] || python3 -m venv target/interop
    "$python" -m pip install --quiet --disable-pip-version-check -r tests/interop/requirements.txt
    # The program as the tests have it: behind them, there is nothing to build.
    cargo test --workspace --no-run --locked --quiet
    export PYTHONDONTWRITEBYTECODE=1
    (cd tests/interop && "$python" -m unittest --verbose && "$python" fuzz.py "$SCHEMA_SECONDS")
}

long_interop() {
    SCHEMA_SECONDS=300 INTEROP_CHATS=100 INTEROP_ROUNDS=20 interop
}

long_tests() {
    CONFER_LONG=1 cargo test --workspace --locked --release
}

long_fuzz() {
    need cargo-fuzz "cargo install cargo-fuzz --locked"
    for target in "${FUZZ_TARGETS[@]}"; do
        mkdir -p "fuzz/corpus/$target"
        RUSTC_BOOTSTRAP=1 cargo fuzz run -s none "$target" "fuzz/corpus/$target" "tests/corpus/$target" -- \
            -max_total_time="$FUZZ_SECONDS" -print_final_stats=1 -verbosity=1
    done
}

bench() {
    cargo bench --workspace --locked
}

run() {
    for step in "$@"; do
        echo "== $step"
        local begin=$SECONDS
        "$step"
        echo "== $step: done in $((SECONDS - begin)) s"
    done
}

case "${1:-all}" in
    all) run fmt clippy deps doc no_std fuzz test interop ;;
    long) run long_tests long_interop long_fuzz ;;
    fmt | clippy | test | no_std | doc | fuzz | deps | interop | long_tests | long_interop | long_fuzz | bench) run "$1" ;;
    *) sed -n '2,9p' "$0" >&2; exit 2 ;;
esac
