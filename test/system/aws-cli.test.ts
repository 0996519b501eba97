import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runKeywright, startServer, type ServerProcess } from '../server-process.ts'
import { terminal, type Terminal } from './terminal.ts'

interface KeyMetadata {
  readonly KeyId: string
  readonly Arn: string
  readonly AWSAccountId: string
  readonly Description: string
  readonly KeyState: string
  readonly Enabled: boolean
  readonly KeyUsage: string
  readonly KeySpec: string
  readonly CustomerMasterKeySpec: string
  readonly Origin: string
  readonly KeyManager: string
  readonly MultiRegion: boolean
  readonly EncryptionAlgorithms: string[]
  readonly CreationDate: string
  readonly DeletionDate?: string
  readonly PendingDeletionWindowInDays?: number
}
interface Described {
  readonly KeyMetadata: KeyMetadata
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const account = '123456789012'
const arnOf = (keyId: string) => `arn:aws:kms:us-east-1:${account}:key/${keyId}`
const alias = 'alias/app-encryption-key'

/** What AWS answers to an alias where only a key id or key ARN names a key. */
const refusedAlias = (operation: string, name = alias) => ({
  code: 'NotFoundException',
  operation,
  message: `Invalid keyId '${name}'`,
})

describe('the AWS CLI, first five minutes', () => {
  let server: ServerProcess
  let user: Terminal
  before(async () => {
    server = await startServer()
    user = terminal(server)
  })
  after(() => server.stop())

  test('create-key, create-alias, encrypt, decrypt and generate-data-key work as the README shows them', async () => {
    const aws = `aws --endpoint-url ${server.url}`
    const made = await user.json<Described>(
      `${aws} kms create-key --description "Application encryption key"`,
    )
    assert.match(made.KeyMetadata.KeyId, uuid)
    assert.equal(made.KeyMetadata.AWSAccountId, '000000000000')
    const id = made.KeyMetadata.KeyId

    const { stdout } = await user.run(
      `${aws} kms create-alias --alias-name alias/app-encryption-key --target-key-id ${id}`,
    )
    assert.equal(stdout, '')

    const secret = Buffer.from('a secret \0 of bytes \xff\xfe', 'latin1')
    writeFileSync(join(user.folder, 'secret'), secret)
    const context = '--encryption-context purpose=demo,environment=test'
    await user.text(
      `${aws} kms encrypt --key-id alias/app-encryption-key --plaintext fileb://secret ${context} --output text --query CiphertextBlob | base64 --decode > encrypted`,
    )
    assert.ok(!readFileSync(join(user.folder, 'encrypted')).includes(secret))
    const opened = await user.json<Record<string, string>>(
      `${aws} kms decrypt --ciphertext-blob fileb://encrypted ${context}`,
    )
    assert.deepEqual(opened, {
      KeyId: made.KeyMetadata.Arn,
      Plaintext: secret.toString('base64'),
      EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    })

    const dataKey = await user.json<Record<string, string>>(
      `${aws} kms generate-data-key --key-id alias/app-encryption-key --key-spec AES_256`,
    )
    assert.equal(Buffer.from(dataKey['Plaintext'] ?? '', 'base64').length, 32)
    assert.equal(dataKey['KeyId'], made.KeyMetadata.Arn)
  })

  test('the credentials file and the two variables that the server prints are all that a shell needs', async () => {
    const line = /^ {2}(export .*)$/m.exec(server.stdout())?.[1]
    assert.ok(line, server.stdout())
    const other = terminal(server)
    const { Keys } = await other.json<{ Keys: { KeyArn: string }[] }>(
      `unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_CONFIG_FILE; ${line}; aws --endpoint-url ${server.url} kms list-keys`,
    )
    assert.match(Keys[0]?.KeyArn ?? '', /^arn:aws:kms:us-east-1:000000000000:key\//)
  })
})

describe('the AWS CLI with the commands of the study notes', () => {
  let server: ServerProcess
  let user: Terminal
  let id: string
  before(async () => {
    server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: account } })
    user = terminal(server, { endpoint: server.url })
  })
  after(() => server.stop())

  const describeKey = async (keyId = id) =>
    (await user.json<Described>(`aws kms describe-key --key-id ${keyId}`)).KeyMetadata

  test('create-key with a policy makes an enabled symmetric key of that policy', async () => {
    const { KeyMetadata: made } = await user.json<Described>(`
aws kms create-key \\
  --description "Application encryption key" \\
  --key-usage ENCRYPT_DECRYPT \\
  --key-spec SYMMETRIC_DEFAULT \\
  --policy '{
    "Version": "2012-10-17",
    "Statement": [
      {
        "Sid": "Enable Root Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Action": "kms:*",
        "Resource": "*"
      }
    ]
  }'`)
    id = made.KeyId
    const { CreationDate, ...rest } = made
    assert.ok(Math.abs(Date.parse(CreationDate) - Date.now()) < 60_000, CreationDate)
    assert.deepEqual(rest, {
      AWSAccountId: account,
      KeyId: id,
      Arn: arnOf(id),
      Enabled: true,
      Description: 'Application encryption key',
      KeyUsage: 'ENCRYPT_DECRYPT',
      KeyState: 'Enabled',
      Origin: 'AWS_KMS',
      KeyManager: 'CUSTOMER',
      CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
      KeySpec: 'SYMMETRIC_DEFAULT',
      EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
      MultiRegion: false,
    })
  })

  test('create-alias refuses a key that does not exist, and names one that does', async () => {
    const missing = '12345678-1234-1234-1234-123456789012'
    const command = (target: string) => `
aws kms create-alias \\
  --alias-name alias/app-encryption-key \\
  --target-key-id ${target}`
    assert.deepEqual(await user.refusal(command(missing)), {
      code: 'NotFoundException',
      operation: 'CreateAlias',
      message: `Key '${arnOf(missing)}' does not exist`,
    })
    assert.equal(await user.text(command(id)), '')
    const again = await user.refusal(command(id))
    assert.equal(again.code, 'AlreadyExistsException')
    assert.equal(
      again.message,
      `An alias with the name arn:aws:kms:us-east-1:${account}:${alias} already exists`,
    )
  })

  test('list-keys lists it, and describe-key finds it by its alias', async () => {
    assert.deepEqual(await user.json('aws kms list-keys'), { Keys: [{ KeyId: id, KeyArn: arnOf(id) }] })
    const found = await user.json<Described>('aws kms describe-key \\\n  --key-id alias/app-encryption-key')
    assert.equal(found.KeyMetadata.KeyId, id)
    const listed = "aws kms list-keys \\\n  --query 'Keys[?KeyUsage==`ENCRYPT_DECRYPT`]'"
    // ListKeys tells ids and ARNs only, on AWS too.
    assert.deepEqual(await user.json(listed), [])
  })

  test('update-key-description refuses an alias and takes the key id', async () => {
    const command = (key: string) => `
aws kms update-key-description \\
  --key-id ${key} \\
  --description "Updated application encryption key"`
    assert.deepEqual(await user.refusal(command(alias)), refusedAlias('UpdateKeyDescription'))
    assert.equal((await describeKey()).Description, 'Application encryption key')
    assert.equal(await user.text(command(id)), '')
    assert.equal((await describeKey()).Description, 'Updated application encryption key')
  })

  test('encrypt and decrypt keep a text and its encryption context together', async () => {
    const sealed = await user.json<Record<string, string>>(`
aws kms encrypt \\
  --key-id alias/app-encryption-key \\
  --plaintext "Hello, World!" \\
  --encryption-context purpose=demo,environment=test`)
    assert.equal(sealed['KeyId'], arnOf(id))
    assert.equal(sealed['EncryptionAlgorithm'], 'SYMMETRIC_DEFAULT')
    writeFileSync(
      join(user.folder, 'encrypted-data.bin'),
      Buffer.from(sealed['CiphertextBlob'] ?? '', 'base64'),
    )

    const opened = await user.json<Record<string, string>>(`
aws kms decrypt \\
  --ciphertext-blob fileb://encrypted-data.bin \\
  --encryption-context purpose=demo,environment=test`)
    assert.equal(Buffer.from(opened['Plaintext'] ?? '', 'base64').toString(), 'Hello, World!')

    const other =
      'aws kms decrypt --ciphertext-blob fileb://encrypted-data.bin --encryption-context purpose=demo,environment=prod'
    assert.deepEqual(await user.refusal(other), {
      code: 'InvalidCiphertextException',
      operation: 'Decrypt',
      message: '',
    })
  })

  test('generate-data-key, with and without its plaintext, gives keys that decrypt opens', async () => {
    const context = '--encryption-context application=myapp,version=1.0'
    const opens = async (blob: string) => {
      writeFileSync(join(user.folder, 'data-key'), Buffer.from(blob, 'base64'))
      const { Plaintext } = await user.json<{ Plaintext: string }>(
        `aws kms decrypt --ciphertext-blob fileb://data-key ${context}`,
      )
      return Plaintext
    }
    const dataKey = await user.json<Record<string, string>>(`
aws kms generate-data-key \\
  --key-id alias/app-encryption-key \\
  --key-spec AES_256 \\
  --encryption-context application=myapp,version=1.0`)
    assert.deepEqual(Object.keys(dataKey).sort(), ['CiphertextBlob', 'KeyId', 'Plaintext'])
    assert.equal(Buffer.from(dataKey['Plaintext'] ?? '', 'base64').length, 32)
    assert.equal(await opens(dataKey['CiphertextBlob'] ?? ''), dataKey['Plaintext'])

    const sealed = await user.json<Record<string, string>>(`
aws kms generate-data-key-without-plaintext \\
  --key-id alias/app-encryption-key \\
  --key-spec AES_256 \\
  --encryption-context application=myapp,version=1.0`)
    assert.deepEqual(Object.keys(sealed).sort(), ['CiphertextBlob', 'KeyId'])
    assert.equal(Buffer.from(await opens(sealed['CiphertextBlob'] ?? ''), 'base64').length, 32)
  })

  test('re-encrypt moves a ciphertext to another key and context', async () => {
    const { KeyMetadata: second } = await user.json<Described>('aws kms create-key')
    await user.text(
      `aws kms create-alias --alias-name alias/new-encryption-key --target-key-id ${second.KeyId}`,
    )
    const moved = await user.json<Record<string, string>>(`
aws kms re-encrypt \\
  --ciphertext-blob fileb://encrypted-data.bin \\
  --destination-key-id alias/new-encryption-key \\
  --source-encryption-context purpose=demo,environment=test \\
  --destination-encryption-context purpose=demo,environment=prod`)
    assert.equal(moved['SourceKeyId'], arnOf(id))
    assert.equal(moved['KeyId'], second.Arn)
    writeFileSync(join(user.folder, 'moved'), Buffer.from(moved['CiphertextBlob'] ?? '', 'base64'))
    const opened = await user.text(
      'aws kms decrypt --ciphertext-blob fileb://moved --encryption-context environment=prod,purpose=demo --output text --query Plaintext | base64 --decode',
    )
    assert.equal(opened, 'Hello, World!')
  })

  test('get-key-policy, put-key-policy and list-key-policies refuse an alias and take the key id', async () => {
    const get = (key: string) => `
aws kms get-key-policy \\
  --key-id ${key} \\
  --policy-name default`
    const policy = `{
    "Version": "2012-10-17",
    "Statement": [
      {
        "Sid": "Enable Root Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Action": "kms:*",
        "Resource": "*"
      },
      {
        "Sid": "Allow Application Role",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:role/AppRole"},
        "Action": [
          "kms:Encrypt",
          "kms:Decrypt",
          "kms:ReEncrypt*",
          "kms:GenerateDataKey*",
          "kms:DescribeKey"
        ],
        "Resource": "*"
      }
    ]
  }`
    const put = (key: string) => `
aws kms put-key-policy \\
  --key-id ${key} \\
  --policy-name default \\
  --policy '${policy}'`
    const list = (key: string) => `
aws kms list-key-policies \\
  --key-id ${key}`
    assert.deepEqual(await user.refusal(get(alias)), refusedAlias('GetKeyPolicy'))
    assert.deepEqual(await user.refusal(put(alias)), refusedAlias('PutKeyPolicy'))
    assert.deepEqual(await user.refusal(list(alias)), refusedAlias('ListKeyPolicies'))

    const before = await user.json<{ Policy: string }>(get(id))
    assert.equal((JSON.parse(before.Policy) as { Statement: unknown[] }).Statement.length, 1)
    // As at AWS, whom a policy names must be there.
    assert.deepEqual(await user.refusal(put(id)), {
      code: 'MalformedPolicyDocumentException',
      operation: 'PutKeyPolicy',
      message: 'Policy contains a statement with one or more invalid principals.',
    })
    const trust =
      '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}}'
    await user.json(`aws iam create-role --role-name AppRole --assume-role-policy-document '${trust}'`)
    assert.equal(await user.text(put(id)), '')
    const after = await user.json<{ Policy: string }>(get(id))
    assert.deepEqual(JSON.parse(after.Policy), JSON.parse(policy))
    assert.deepEqual(await user.json(list(id)), { PolicyNames: ['default'] })
  })

  test('disable-key and enable-key refuse an alias; with the key id they decide whether encrypt works', async () => {
    const disable = (key: string) => `aws kms disable-key \\\n  --key-id ${key}`
    const enable = (key: string) => `aws kms enable-key \\\n  --key-id ${key}`
    assert.deepEqual(await user.refusal(disable(alias)), refusedAlias('DisableKey'))
    assert.deepEqual(await user.refusal(enable(alias)), refusedAlias('EnableKey'))
    assert.equal((await describeKey()).KeyState, 'Enabled')

    assert.equal(await user.text(disable(id)), '')
    const disabled = await describeKey(alias)
    assert.deepEqual([disabled.KeyState, disabled.Enabled], ['Disabled', false])
    assert.deepEqual(await user.refusal(`aws kms encrypt --key-id ${alias} --plaintext x`), {
      code: 'DisabledException',
      operation: 'Encrypt',
      message: `${arnOf(id)} is disabled.`,
    })
    assert.equal(await user.text(enable(id)), '')
    assert.equal((await describeKey()).Enabled, true)
    await user.json(`aws kms encrypt --key-id ${alias} --plaintext x`)
  })

  test('schedule-key-deletion and cancel-key-deletion refuse an alias and take the key id', async () => {
    const schedule = (key: string) => `
aws kms schedule-key-deletion \\
  --key-id ${key} \\
  --pending-window-in-days 30`
    const cancel = (key: string) => `aws kms cancel-key-deletion \\\n  --key-id ${key}`
    assert.deepEqual(await user.refusal(schedule(alias)), refusedAlias('ScheduleKeyDeletion'))
    assert.deepEqual(await user.refusal(cancel(alias)), refusedAlias('CancelKeyDeletion'))

    const scheduled = await user.json<Record<string, unknown>>(schedule(id))
    const { DeletionDate, ...rest } = scheduled
    assert.deepEqual(rest, { KeyId: arnOf(id), KeyState: 'PendingDeletion', PendingWindowInDays: 30 })
    const days = (Date.parse(DeletionDate as string) - Date.now()) / 86_400_000
    assert.ok(days > 29.9 && days <= 30, `${days} days`)
    const pending = await describeKey()
    assert.equal(pending.DeletionDate, DeletionDate)
    const refused = await user.refusal(`aws kms encrypt --key-id ${alias} --plaintext x`)
    assert.equal(refused.code, 'KMSInvalidStateException')
    assert.equal(refused.message, `${arnOf(id)} is pending deletion.`)

    assert.deepEqual(await user.json(cancel(id)), { KeyId: arnOf(id) })
    const cancelled = await describeKey()
    assert.deepEqual([cancelled.KeyState, cancelled.DeletionDate], ['Disabled', undefined])
    await user.text(`aws kms enable-key --key-id ${id}`)
  })

  test('rotation is switched on, asked for and switched off, by the key and not by an alias', async () => {
    const status = () => user.json<Record<string, unknown>>(`aws kms get-key-rotation-status --key-id ${id}`)
    assert.deepEqual(
      await user.refusal(`aws kms enable-key-rotation --key-id ${alias}`),
      refusedAlias('EnableKeyRotation'),
    )
    assert.deepEqual(
      await user.refusal(`aws kms get-key-rotation-status --key-id ${alias}`),
      refusedAlias('GetKeyRotationStatus'),
    )
    assert.equal((await status())['KeyRotationEnabled'], false)
    await user.text(`aws kms enable-key-rotation --key-id ${id}`)
    assert.equal((await status())['KeyRotationEnabled'], true)
    await user.text(`aws kms disable-key-rotation --key-id ${id}`)
    assert.equal((await status())['KeyRotationEnabled'], false)
  })

  test('commands of a later release are refused by name, and leave nothing behind', async () => {
    for (const [command, operation] of [
      ['create-key --origin AWS_CLOUDHSM --custom-key-store-id cks-1234567890abcdef0', 'CreateKey'],
      ['describe-custom-key-stores', 'DescribeCustomKeyStores'],
    ] as const) {
      const refused = await user.refusal(`aws kms ${command}`)
      assert.deepEqual([refused.code, refused.operation], ['UnsupportedOperationException', operation])
    }
    assert.equal((await user.json<{ Keys: unknown[] }>('aws kms list-keys')).Keys.length, 2)
  })

  test('the journal holds one record for each command, with the CLI as its user agent, and verifies', async () => {
    const { stdout, code } = await runKeywright(['audit', 'tail', '--json', '--limit', '1000'], server)
    assert.equal(code, 0)
    const records = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((record) => record['eventSource'] === 'kms.amazonaws.com')
    const encrypts = records.filter(({ eventName }) => eventName === 'Encrypt')
    assert.equal(encrypts.length, 4)
    assert.deepEqual(
      encrypts.map(({ errorCode }) => errorCode),
      [undefined, 'DisabledException', undefined, 'KMSInvalidStateException'],
    )
    assert.match(String(encrypts[0]?.['userAgent']), /^aws-cli\/2\./)
    assert.deepEqual(encrypts[0]?.['requestParameters'], {
      keyId: alias,
      encryptionContext: { purpose: 'demo', environment: 'test' },
    })
    assert.equal((await runKeywright(['audit', 'verify'], server)).code, 0)
  })
})

describe('the AWS CLI: tags, aliases, paging and refusals', () => {
  let server: ServerProcess
  let user: Terminal
  let ids: string[]
  before(async () => {
    server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: account } })
    user = terminal(server, { endpoint: server.url })
    ids = (
      await user.text(
        'for n in 1 2 3 4 5; do aws kms create-key --query KeyMetadata.KeyId --output text; done',
      )
    ).split('\n')
  })
  after(() => server.stop())

  test('tag-resource, untag-resource and list-resource-tags keep one value for each name', async () => {
    const [id] = ids
    const list = () => user.json(`aws kms list-resource-tags --key-id ${id}`)
    assert.deepEqual(await list(), { Tags: [] })
    const tag = 'TagKey=Project,TagValue=Apollo TagKey=Owner,TagValue='
    assert.equal(await user.text(`aws kms tag-resource --key-id ${id} --tags ${tag}`), '')
    assert.equal(
      await user.text(`aws kms tag-resource --key-id ${id} --tags TagKey=Project,TagValue=Gemini`),
      '',
    )
    assert.deepEqual(await list(), {
      Tags: [
        { TagKey: 'Owner', TagValue: '' },
        { TagKey: 'Project', TagValue: 'Gemini' },
      ],
    })
    assert.equal(await user.text(`aws kms untag-resource --key-id ${id} --tag-keys Owner Unknown`), '')
    assert.deepEqual(await list(), { Tags: [{ TagKey: 'Project', TagValue: 'Gemini' }] })
    const reserved = await user.refusal(`aws kms tag-resource --key-id ${id} --tags TagKey=aws:x,TagValue=y`)
    assert.equal(reserved.code, 'TagException')
    assert.equal(
      (await user.refusal('aws kms list-resource-tags --key-id alias/x')).message,
      "Invalid keyId 'alias/x'",
    )
  })

  test("the CLI's paginator walks list-keys a page at a time, stops at --max-items, and goes on from its token", async () => {
    const all = ids
      .map((id) => ({ KeyId: id, KeyArn: arnOf(id) }))
      .sort((a, b) => (a.KeyId < b.KeyId ? -1 : 1))
    assert.deepEqual(await user.json('aws kms list-keys --page-size 2'), { Keys: all })
    const first = await user.json<{ Keys: unknown[]; NextToken: string }>(
      'aws kms list-keys --page-size 2 --max-items 3',
    )
    assert.deepEqual(first.Keys, all.slice(0, 3))
    const rest = await user.json(`aws kms list-keys --page-size 2 --starting-token ${first.NextToken}`)
    assert.deepEqual(rest, { Keys: all.slice(3) })
    const onePage = await user.json<{ Truncated: boolean; NextMarker: string }>(
      'aws kms list-keys --limit 4 --no-paginate',
    )
    assert.equal(onePage.Truncated, true)
    const last = await user.json(`aws kms list-keys --no-paginate --marker '${onePage.NextMarker}'`)
    assert.deepEqual(last, { Keys: all.slice(4), Truncated: false })
    assert.equal(
      (await user.refusal('aws kms list-keys --no-paginate --marker nonsense')).code,
      'InvalidMarkerException',
    )
  })

  test('aliases are listed, paged, moved and deleted', async () => {
    const [one, two] = ids
    await user.text(
      `for n in 1 2 3; do aws kms create-alias --alias-name alias/n$n --target-key-id ${one}; done`,
    )
    const names = async (command: string) => {
      const { Aliases } = await user.json<{ Aliases: { AliasName: string; TargetKeyId: string }[] }>(command)
      return Aliases.map(({ AliasName, TargetKeyId }) => `${AliasName} ${TargetKeyId}`)
    }
    const own = ['alias/n1', 'alias/n2', 'alias/n3'].map((name) => `${name} ${one}`)
    assert.deepEqual(await names(`aws kms list-aliases --key-id ${one} --page-size 2`), own)
    assert.equal(await user.text(`aws kms update-alias --alias-name alias/n2 --target-key-id ${two}`), '')
    assert.deepEqual(await names(`aws kms list-aliases --key-id ${two}`), [`alias/n2 ${two}`])
    const sealed = await user.json<{ KeyId: string }>('aws kms encrypt --key-id alias/n2 --plaintext x')
    assert.equal(sealed.KeyId, arnOf(two ?? ''))
    assert.equal(await user.text('aws kms delete-alias --alias-name alias/n2'), '')
    assert.deepEqual(await user.refusal('aws kms encrypt --key-id alias/n2 --plaintext x'), {
      code: 'NotFoundException',
      operation: 'Encrypt',
      message: `Alias arn:aws:kms:us-east-1:${account}:alias/n2 is not found.`,
    })
    const [page] = await names('aws kms list-aliases --page-size 1 --max-items 1')
    assert.match(page ?? '', /^alias\//)
  })

  test('a key is found by id, ARN, alias and alias ARN, and only in its own Region', async () => {
    const [, , id = ''] = ids
    await user.text(`aws kms create-alias --alias-name alias/four/forms --target-key-id ${id}`)
    for (const name of [
      id,
      arnOf(id),
      'alias/four/forms',
      `arn:aws:kms:us-east-1:${account}:alias/four/forms`,
    ]) {
      const { KeyId } = await user.json<{ KeyId: string }>(`aws kms encrypt --key-id ${name} --plaintext x`)
      assert.equal(KeyId, arnOf(id))
    }
    assert.equal(
      (await user.refusal(`aws --region eu-central-1 kms describe-key --key-id ${id}`)).message,
      `Key 'arn:aws:kms:eu-central-1:${account}:key/${id}' does not exist`,
    )
    assert.equal(
      (await user.refusal(`aws --region eu-central-1 kms encrypt --key-id ${arnOf(id)} --plaintext x`))
        .message,
      'Invalid arn us-east-1',
    )
    const { Keys } = await user.json<{ Keys: unknown[] }>('aws --region eu-central-1 kms list-keys')
    assert.deepEqual(Keys, [])
  })

  test('generate-random gives as many bytes as asked for', async () => {
    const bytes = await user.text(
      'aws kms generate-random --number-of-bytes 1024 --query Plaintext --output text | base64 --decode | wc -c',
    )
    assert.equal(bytes, '1024')
  })

  test('a wrong secret and an unknown access key are refused with the names of AWS', async () => {
    const { accessKeyId } = server.credentials
    const wrong = terminal(server, {
      endpoint: server.url,
      credentials: { accessKeyId, secretAccessKey: 'x'.repeat(40) },
    })
    const mismatch = await wrong.run('aws kms list-keys')
    assert.equal(mismatch.code, 254)
    assert.match(
      mismatch.stderr,
      /\(InvalidSignatureException\) when calling the ListKeys operation: The request signature we calculated does not match/,
    )
    const unknown = terminal(server, {
      endpoint: server.url,
      credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x'.repeat(40) },
    })
    assert.deepEqual(await unknown.refusal('aws kms list-keys'), {
      code: 'UnrecognizedClientException',
      operation: 'ListKeys',
      message: 'The security token included in the request is invalid.',
    })
    assert.equal(
      (await user.refusal('aws --region mars-north-1 kms list-keys')).code,
      'InvalidSignatureException',
    )
  })

  test('a second account has keys of its own and learns nothing of the first', async () => {
    const made = await runKeywright(
      ['account', 'create', '--json', '--account-id', '999988887777', '--name', 'second'],
      server,
    )
    assert.equal(made.code, 0, made.stderr)
    const given = await runKeywright(
      ['credentials', 'create', '--json', '--account-id', '999988887777'],
      server,
    )
    assert.equal(given.code, 0, given.stderr)
    const { accessKeyId, secretAccessKey } = JSON.parse(given.stdout) as {
      accessKeyId: string
      secretAccessKey: string
    }
    const stranger = terminal(server, { endpoint: server.url, credentials: { accessKeyId, secretAccessKey } })
    assert.deepEqual(await stranger.json('aws kms list-keys'), { Keys: [] })
    const [id = ''] = ids
    const known = await stranger.refusal(`aws kms encrypt --key-id ${arnOf(id)} --plaintext x`)
    const unknown = await stranger.refusal(
      `aws kms encrypt --key-id ${arnOf('11111111-2222-3333-4444-555555555555')} --plaintext x`,
    )
    assert.deepEqual(known, {
      code: 'AccessDeniedException',
      operation: 'Encrypt',
      message: `User: arn:aws:iam::999988887777:root is not authorized to perform: kms:Encrypt on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access`,
    })
    assert.deepEqual(unknown, known)
    const { KeyMetadata } = await stranger.json<Described>('aws kms create-key --tags TagKey=a,TagValue=b')
    assert.equal(KeyMetadata.AWSAccountId, '999988887777')
    assert.equal(
      (await user.refusal(`aws kms describe-key --key-id ${KeyMetadata.KeyId}`)).message,
      `Key '${arnOf(KeyMetadata.KeyId)}' does not exist`,
    )
  })
})
