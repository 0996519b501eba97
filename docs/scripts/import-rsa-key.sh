#!/bin/sh
# Makes a KMS key for signatures of an RSA key of your own: PKCS #8 in DER, wrapped by OpenSSL 3 with RSA_AES_KEY_WRAP_SHA_256.
# usage: import-rsa-key.sh MATERIAL KEY_SPEC [ENDPOINT]; prints the key id. The AWS CLI has to have credentials.
set -eu
umask 077
material=$1
spec=$2
endpoint=${3:-http://127.0.0.1:5567}
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

key=$(kms create-key --origin EXTERNAL --key-spec "$spec" --key-usage SIGN_VERIFY \
  --query KeyMetadata.KeyId --output text)
kms get-parameters-for-import --key-id "$key" \
  --wrapping-algorithm RSA_AES_KEY_WRAP_SHA_256 --wrapping-key-spec RSA_4096 \
  --query '[PublicKey, ImportToken]' --output text >"$work/parameters"
cut -f1 "$work/parameters" | openssl enc -d -base64 -A -out "$work/public-key.der"
cut -f2 "$work/parameters" | openssl enc -d -base64 -A -out "$work/import-token.bin"

# An AES key for this once. OpenSSL takes it on its command line only, where other users of this machine can see it.
openssl rand -out "$work/aes-key.bin" 32
openssl enc -e -id-aes256-wrap-pad -iv A65959A6 \
  -K "$(od -An -v -tx1 "$work/aes-key.bin" | tr -d ' \n')" \
  -in "$material" -out "$work/under-aes.bin"
openssl pkeyutl -encrypt -pubin -keyform DER -inkey "$work/public-key.der" \
  -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256 \
  -in "$work/aes-key.bin" -out "$work/under-rsa.bin"
cat "$work/under-rsa.bin" "$work/under-aes.bin" >"$work/wrapped.bin"

kms import-key-material --key-id "$key" \
  --import-token "fileb://$work/import-token.bin" \
  --encrypted-key-material "fileb://$work/wrapped.bin" \
  --expiration-model KEY_MATERIAL_DOES_NOT_EXPIRE >/dev/null
echo "$key"
