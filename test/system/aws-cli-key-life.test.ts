import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { kmsClient } from '../kms-client.ts'
import { settled } from '../multi-region-set.ts'
import { runKeywright, startServer, type ServerProcess } from '../server-process.ts'
import { terminal, type Terminal } from './terminal.ts'

/**
 * Rotation, imported material, multi-Region keys and deletion with Debian's AWS CLI, which is of 2022: rotation on demand,
 * rotation periods and several materials of a key came later, and are tested with the AWS SDK for JavaScript.
 */

interface Metadata {
  readonly KeyId: string
  readonly Arn: string
  readonly KeyState: string
  readonly [member: string]: unknown
}

const account = '123456789012'
const arnOf = (keyId: string, region = 'us-east-1') => `arn:aws:kms:${region}:${account}:key/${keyId}`

let server: ServerProcess
let user: Terminal
before(async () => {
  server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: account } })
  user = terminal(server, { endpoint: server.url })
})
after(() => server.stop())

const metadata = async (script: string, member = 'KeyMetadata') =>
  (await user.json<Record<string, Metadata>>(script))[member] as Metadata
const opened = '--output text --query Plaintext | base64 --decode'

describe('the AWS CLI with multi-Region keys', () => {
  let id: string

  test('create-key --multi-region makes a primary key with the policy that is typed in', async () => {
    const made = await metadata(`
aws kms create-key \\
  --description "Key of several Regions" \\
  --multi-region \\
  --policy '{
    "Version": "2012-10-17",
    "Statement": [
      {
        "Sid": "The account decides",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::${account}:root"},
        "Action": "kms:*",
        "Resource": "*"
      }
    ]
  }'`)
    id = made.KeyId
    assert.match(id, /^mrk-[0-9a-f]{32}$/)
    assert.equal(made['MultiRegion'], true)
    assert.deepEqual(made['MultiRegionConfiguration'], {
      MultiRegionKeyType: 'PRIMARY',
      PrimaryKey: { Arn: arnOf(id), Region: 'us-east-1' },
      ReplicaKeys: [],
    })
    const text = await user.text(
      `aws kms get-key-policy --key-id ${id} --policy-name default --output text --query Policy`,
    )
    assert.match(text, /The account decides/)
  })

  test('replicate-key makes the same key in another Region, with a description of its own', async () => {
    const replica = await metadata(
      `
aws kms replicate-key \\
  --key-id ${id} \\
  --replica-region us-west-2 \\
  --description "The one in us-west-2"`,
      'ReplicaKeyMetadata',
    )
    assert.deepEqual([replica.Arn, replica.KeyState], [arnOf(id, 'us-west-2'), 'Creating'])
    await settled(kmsClient(server, { region: 'us-west-2' }), id)
    const there = await metadata(`aws kms describe-key --region us-west-2 --key-id ${id}`)
    assert.deepEqual([there['Description'], there.KeyState], ['The one in us-west-2', 'Enabled'])
    const set = {
      PrimaryKey: { Arn: arnOf(id), Region: 'us-east-1' },
      ReplicaKeys: [{ Arn: arnOf(id, 'us-west-2'), Region: 'us-west-2' }],
    }
    assert.deepEqual(there['MultiRegionConfiguration'], { MultiRegionKeyType: 'REPLICA', ...set })
    const here = await metadata(`aws kms describe-key --key-id ${id}`)
    assert.deepEqual(here['MultiRegionConfiguration'], { MultiRegionKeyType: 'PRIMARY', ...set })
    assert.match(
      await user.refusedWith(`aws kms replicate-key --key-id ${id} --replica-region us-west-2`),
      /^AlreadyExistsException: /,
    )
  })

  test('each Region lists its own keys, and what one has encrypted the other decrypts', async () => {
    for (const region of ['us-east-1', 'us-west-2'])
      assert.match(await user.text(`aws kms list-keys --region ${region} --output text`), new RegExp(id))
    // list-keys says nothing of usage, so nothing is left of what it lists.
    assert.deepEqual(await user.json("aws kms list-keys --query 'Keys[?KeyUsage==`ENCRYPT_DECRYPT`]'"), [])
    const shown = await user.text(`
aws kms encrypt --key-id ${id} --plaintext 'for both' --output text --query CiphertextBlob | base64 --decode > sealed
aws kms decrypt --region us-west-2 --ciphertext-blob fileb://sealed ${opened}`)
    assert.equal(shown, 'for both')
  })

  test('rotation is the whole set’s, and is switched on at the primary key', async () => {
    assert.equal(await user.text(`aws kms enable-key-rotation --key-id ${id}`), '')
    const status = `aws kms get-key-rotation-status --region us-west-2 --key-id ${id} --query KeyRotationEnabled`
    assert.equal(await user.text(status), 'true')
    assert.equal(
      await user.refusedWith(`aws kms disable-key-rotation --region us-west-2 --key-id ${id}`),
      `UnsupportedOperationException: ${arnOf(id, 'us-west-2')} is not a multi-region primary key.`,
    )
  })

  test('update-primary-region moves the primary key, and both are used all the while', async () => {
    assert.equal(
      await user.text(`
aws kms update-primary-region \\
  --key-id ${id} \\
  --primary-region us-west-2`),
      '',
    )
    await user.json(`aws kms encrypt --key-id ${id} --plaintext x`)
    await user.json(`aws kms encrypt --region us-west-2 --key-id ${id} --plaintext x`)
    for (const region of ['us-east-1', 'us-west-2']) {
      const { MultiRegionConfiguration } = await settled(kmsClient(server, { region }), id)
      assert.equal(MultiRegionConfiguration?.PrimaryKey?.Region, 'us-west-2')
    }
    assert.equal(
      await user.refusedWith(`aws kms update-primary-region --key-id ${id} --primary-region us-west-2`),
      `UnsupportedOperationException: ${arnOf(id)} is not a multi-region primary key.`,
    )
    assert.equal(await user.text(`aws kms decrypt --ciphertext-blob fileb://sealed ${opened}`), 'for both')
  })

  test('a primary key is deleted after its replicas', async () => {
    const scheduled = await user.json<Record<string, unknown>>(
      `aws kms schedule-key-deletion --region us-west-2 --key-id ${id} --pending-window-in-days 9`,
    )
    assert.deepEqual(scheduled, {
      KeyId: arnOf(id, 'us-west-2'),
      KeyState: 'PendingReplicaDeletion',
      PendingWindowInDays: 9,
    })
    const replica = await user.json<Record<string, unknown>>(
      `aws kms schedule-key-deletion --key-id ${id} --pending-window-in-days 7`,
    )
    assert.equal(replica['KeyState'], 'PendingDeletion')
    const waiting = await metadata(`aws kms describe-key --region us-west-2 --key-id ${id}`)
    assert.deepEqual([waiting['PendingDeletionWindowInDays'], waiting['DeletionDate']], [9, undefined])
    for (const region of ['us-east-1', 'us-west-2'])
      await user.json(`aws kms cancel-key-deletion --region ${region} --key-id ${id}`)
    assert.equal((await metadata(`aws kms describe-key --key-id ${id}`)).KeyState, 'Disabled')
  })

  test('of a set that is not there, and of a key of one Region, it is said what is wrong', async () => {
    const unknown = 'mrk-12345678901234567890123456789012'
    assert.equal(
      await user.refusedWith(`aws kms replicate-key --key-id ${unknown} --replica-region us-west-2`),
      `NotFoundException: Key '${arnOf(unknown)}' does not exist`,
    )
    const { KeyId, Arn } = await metadata('aws kms create-key')
    assert.equal(
      await user.refusedWith(`aws kms replicate-key --key-id ${KeyId} --replica-region us-west-2`),
      `UnsupportedOperationException: ${Arn} is not a multi-region primary key.`,
    )
  })
})

describe('the AWS CLI with imported key material', () => {
  let id: string
  const wrapped = (material: string) => `
aws kms get-parameters-for-import --key-id ${id} --wrapping-algorithm RSAES_OAEP_SHA_256 --wrapping-key-spec RSA_2048 \\
  --query '[PublicKey,ImportToken]' --output text > parameters
cut -f1 parameters | base64 --decode > wrapping.der
cut -f2 parameters | base64 --decode > token
openssl pkeyutl -encrypt -in ${material} -out wrapped -inkey wrapping.der -keyform DER -pubin \\
  -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256`
  const importKey = (more: string) =>
    `aws kms import-key-material --key-id ${id} --encrypted-key-material fileb://wrapped --import-token fileb://token ${more}`
  const forGood = '--expiration-model KEY_MATERIAL_DOES_NOT_EXPIRE'

  test('create-key --origin EXTERNAL makes a key that waits for its material', async () => {
    const made = await metadata('aws kms create-key --origin EXTERNAL --description "Our own material"')
    id = made.KeyId
    assert.deepEqual([made.KeyState, made['Enabled'], made['Origin']], ['PendingImport', false, 'EXTERNAL'])
    assert.equal(
      await user.refusedWith(`aws kms encrypt --key-id ${id} --plaintext x`),
      `KMSInvalidStateException: ${arnOf(id)} is pending import.`,
    )
  })

  test('get-parameters-for-import, OpenSSL and import-key-material bring the material in', async () => {
    await user.text(`openssl rand -out material 32\n${wrapped('material')}\n${importKey(forGood)} > imported`)
    const { KeyState, ...rest } = await metadata(`aws kms describe-key --key-id ${id}`)
    assert.deepEqual(
      [KeyState, rest['ExpirationModel'], rest['ValidTo']],
      ['Enabled', 'KEY_MATERIAL_DOES_NOT_EXPIRE', undefined],
    )
    const shown = await user.text(`
aws kms encrypt --key-id ${id} --plaintext 'under our own material' --output text --query CiphertextBlob \\
  | base64 --decode > sealed
aws kms decrypt --ciphertext-blob fileb://sealed ${opened}`)
    assert.equal(shown, 'under our own material')
  })

  test('the material can be deleted, and only the same material brought back, now with an end', async () => {
    await user.text(`aws kms delete-imported-key-material --key-id ${id}`)
    assert.equal((await metadata(`aws kms describe-key --key-id ${id}`)).KeyState, 'PendingImport')
    const decrypt = 'aws kms decrypt --ciphertext-blob fileb://sealed'
    assert.equal(await user.refusedWith(decrypt), `KMSInvalidStateException: ${arnOf(id)} is pending import.`)
    await user.text(`openssl rand -out other 32\n${wrapped('other')}`)
    assert.match(await user.refusedWith(importKey(forGood)), /^IncorrectKeyMaterialException: /)

    const validTo = new Date(Date.now() + 30 * 86_400_000).toISOString().replace(/\.\d+Z$/, 'Z')
    await user.text(wrapped('material'))
    await user.text(
      `${importKey(`--expiration-model KEY_MATERIAL_EXPIRES --valid-to ${validTo}`)} > imported\n${decrypt} > opened`,
    )
    const { KeyState, ...rest } = await metadata(`aws kms describe-key --key-id ${id}`)
    assert.deepEqual([KeyState, rest['ExpirationModel']], ['Enabled', 'KEY_MATERIAL_EXPIRES'])
    assert.equal(Date.parse(rest['ValidTo'] as string), Date.parse(validTo))
  })

  test('mistakes are named: no end, an end in the past, a token of another key, automatic rotation', async () => {
    assert.equal(
      await user.refusedWith(importKey('')),
      'ValidationException: A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES',
    )
    assert.match(
      await user.refusedWith(
        importKey('--expiration-model KEY_MATERIAL_EXPIRES --valid-to 2020-01-01T00:00:00Z'),
      ),
      /^ValidationException: /,
    )
    const { KeyId } = await metadata('aws kms create-key --origin EXTERNAL')
    assert.match(
      await user.refusedWith(importKey(forGood).replace(id, KeyId)),
      /^InvalidImportTokenException: /,
    )
    assert.equal(
      await user.refusedWith(`aws kms enable-key-rotation --key-id ${id}`),
      `UnsupportedOperationException: ${arnOf(id)} origin is EXTERNAL which is not valid for this operation.`,
    )
    const status = `aws kms get-key-rotation-status --key-id ${id} --query KeyRotationEnabled`
    assert.equal(await user.text(status), 'false')
    const own = await metadata('aws kms create-key')
    assert.equal(
      await user.refusedWith(
        `aws kms get-parameters-for-import --key-id ${own.KeyId} --wrapping-algorithm RSAES_OAEP_SHA_256 --wrapping-key-spec RSA_2048`,
      ),
      `UnsupportedOperationException: ${own.Arn} origin is AWS_KMS which is not valid for this operation.`,
    )
  })
})

test('a key is disabled, scheduled for deletion within 7 to 30 days, and kept', async () => {
  const { KeyId, Arn } = await metadata('aws kms create-key')
  await user.text(`aws kms disable-key --key-id ${KeyId}`)
  for (const days of [6, 31]) {
    const refused = await user.refusedWith(
      `aws kms schedule-key-deletion --key-id ${KeyId} --pending-window-in-days ${days}`,
    )
    assert.match(refused, /^ValidationException: /)
  }
  const scheduled = await user.json<Record<string, unknown>>(
    `aws kms schedule-key-deletion --key-id ${KeyId} --pending-window-in-days 7`,
  )
  assert.deepEqual([scheduled['KeyId'], scheduled['KeyState']], [Arn, 'PendingDeletion'])
  assert.deepEqual(await user.json(`aws kms cancel-key-deletion --key-id ${KeyId}`), { KeyId: Arn })
  assert.equal((await metadata(`aws kms describe-key --key-id ${KeyId}`)).KeyState, 'Disabled')
})

test('the journal names who imported, replicated and deleted, and holds neither token nor material', async () => {
  const { stdout } = await runKeywright(['audit', 'tail', '--json', '--limit', '1000'], server)
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { eventName: string }).eventName)
  for (const name of [
    'GetParametersForImport',
    'ImportKeyMaterial',
    'DeleteImportedKeyMaterial',
    'ReplicateKey',
    'UpdatePrimaryRegion',
    'ScheduleKeyDeletion',
  ])
    assert.ok(events.includes(name), name)
  const material = await user.text('base64 --wrap 0 material')
  const token = await user.text('base64 --wrap 0 token')
  assert.ok(!stdout.includes(material) && !stdout.includes(token.slice(0, 64)))
  assert.equal((await runKeywright(['audit', 'verify'], server)).code, 0)
})
