#!/bin/sh
# Makes a symmetric KMS key with material of your own: 32 bytes in a file, wrapped by OpenSSL with RSAES_OAEP_SHA_256.
# usage: import-symmetric-key.sh MATERIAL [ENDPOINT]; prints the key id. The AWS CLI has to have credentials.
set -eu
umask 077
material=$1
endpoint=${2:-http://127.0.0.1:5567}
work=$(mktemp -d)
key=
finish() {
  status=$?
  rm -rf "$work"
  test "$status" -eq 0 || test -z "$key" || echo "key $key was made and has no material; delete it with schedule-key-deletion" >&2
  exit "$status"
}
trap finish EXIT

kms() { aws --endpoint-url "$endpoint" kms "$@"; }

key=$(kms create-key --origin EXTERNAL --query KeyMetadata.KeyId --output text)
kms get-parameters-for-import --key-id "$key" \
  --wrapping-algorithm RSAES_OAEP_SHA_256 --wrapping-key-spec RSA_4096 \
  --query '[PublicKey, ImportToken]' --output text >"$work/parameters"
cut -f1 "$work/parameters" | openssl enc -d -base64 -A -out "$work/public-key.der"
cut -f2 "$work/parameters" | openssl enc -d -base64 -A -out "$work/import-token.bin"

openssl pkeyutl -encrypt -pubin -keyform DER -inkey "$work/public-key.der" \
  -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256 \
  -in "$material" -out "$work/wrapped.bin"

kms import-key-material --key-id "$key" \
  --import-token "fileb://$work/import-token.bin" \
  --encrypted-key-material "fileb://$work/wrapped.bin" \
  --expiration-model KEY_MATERIAL_DOES_NOT_EXPIRE >/dev/null
echo "$key"
