import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { kmsClient, newKey } from '../kms-client.ts'
import { startServer } from '../server-process.ts'

const server = await startServer()
const kms = kmsClient(server)
after(() => server.stop())

const KEYS = 3
const ALIASES = 3

type Command =
  | { do: 'enable' | 'disable' | 'schedule' | 'cancel' | 'encrypt' | 'decrypt'; key: number }
  | { do: 'describe as' | 'tag' | 'untag'; key: number; text: string }
  | { do: 'create alias' | 'move alias'; key: number; alias: number }
  | { do: 'delete alias'; alias: number }
  | { do: 'encrypt by alias'; alias: number }

interface ModelKey {
  readonly id: string
  readonly sealed: Uint8Array | undefined
  state: 'Enabled' | 'Disabled' | 'PendingDeletion'
  description: string
  tags: Map<string, string>
}

/** What the documentation says of a deployment of three keys and three names for them. */
interface Model {
  readonly keys: readonly ModelKey[]
  /** Names are of this run alone. */
  readonly aliasName: (alias: number) => string
  readonly aliases: Map<number, number>
}

/** undefined where the command succeeds, else the error that it gets. The model is changed as the deployment is to be. */
function step(model: Model, command: Command): string | undefined {
  if (command.do === 'delete alias')
    return model.aliases.delete(command.alias) ? undefined : 'NotFoundException'
  if (command.do === 'encrypt by alias') {
    const key = model.keys[model.aliases.get(command.alias) ?? -1]
    return key === undefined ? 'NotFoundException' : use(key)
  }
  const key = model.keys[command.key]
  assert.ok(key !== undefined)
  if (command.do === 'encrypt' || command.do === 'decrypt') return use(key)
  if (command.do === 'cancel') {
    if (key.state !== 'PendingDeletion') return 'KMSInvalidStateException'
    key.state = 'Disabled'
    return undefined
  }
  if (command.do === 'move alias' && !model.aliases.has(command.alias)) {
    return key.state === 'PendingDeletion' ? 'either' : 'NotFoundException'
  }
  if (command.do === 'create alias' && model.aliases.has(command.alias)) {
    return key.state === 'PendingDeletion' ? 'either' : 'AlreadyExistsException'
  }
  if (key.state === 'PendingDeletion') return 'KMSInvalidStateException'
  switch (command.do) {
    case 'enable':
      key.state = 'Enabled'
      break
    case 'disable':
      key.state = 'Disabled'
      break
    case 'schedule':
      key.state = 'PendingDeletion'
      break
    case 'describe as':
      key.description = command.text
      break
    case 'tag':
      key.tags.set(command.text, `${command.text}!`)
      break
    case 'untag':
      key.tags.delete(command.text)
      break
    case 'create alias':
    case 'move alias':
      model.aliases.set(command.alias, command.key)
      break
  }
  return undefined
}

function use(key: ModelKey): string | undefined {
  if (key.state === 'Enabled') return undefined
  return key.state === 'Disabled' ? 'DisabledException' : 'KMSInvalidStateException'
}

function send(model: Model, command: Command): Promise<unknown> {
  const KeyId = 'key' in command ? model.keys[command.key]?.id : undefined
  const AliasName = 'alias' in command ? model.aliasName(command.alias) : undefined
  switch (command.do) {
    case 'enable':
      return kms.enableKey({ KeyId })
    case 'disable':
      return kms.disableKey({ KeyId })
    case 'schedule':
      return kms.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
    case 'cancel':
      return kms.cancelKeyDeletion({ KeyId })
    case 'encrypt':
      return kms.encrypt({ KeyId, Plaintext: Buffer.from('x') })
    case 'decrypt':
      return kms.decrypt({ CiphertextBlob: model.keys[command.key]?.sealed })
    case 'describe as':
      return kms.updateKeyDescription({ KeyId, Description: command.text })
    case 'tag':
      return kms.tagResource({ KeyId, Tags: [{ TagKey: command.text, TagValue: `${command.text}!` }] })
    case 'untag':
      return kms.untagResource({ KeyId, TagKeys: [command.text] })
    case 'create alias':
      return kms.createAlias({ AliasName, TargetKeyId: KeyId })
    case 'move alias':
      return kms.updateAlias({ AliasName, TargetKeyId: KeyId })
    case 'delete alias':
      return kms.deleteAlias({ AliasName })
    case 'encrypt by alias':
      return kms.encrypt({ KeyId: AliasName, Plaintext: Buffer.from('x') })
  }
}

async function requireSame(model: Model): Promise<void> {
  for (const [index, key] of model.keys.entries()) {
    const [{ KeyMetadata }, { Tags = [] }, { Aliases = [] }] = await Promise.all([
      kms.describeKey({ KeyId: key.id }),
      kms.listResourceTags({ KeyId: key.id }),
      kms.listAliases({ KeyId: key.id }),
    ])
    assert.equal(KeyMetadata?.KeyState, key.state)
    assert.equal(KeyMetadata?.Enabled, key.state === 'Enabled')
    assert.equal(KeyMetadata?.DeletionDate !== undefined, key.state === 'PendingDeletion')
    assert.equal(KeyMetadata?.Description, key.description)
    assert.deepEqual(new Map(Tags.map((tag) => [tag.TagKey, tag.TagValue])), key.tags)
    const names = [...model.aliases]
      .filter(([, target]) => target === index)
      .map(([alias]) => model.aliasName(alias))
    assert.deepEqual(
      Aliases.map((alias) => alias.AliasName),
      names.toSorted(),
    )
  }
}

const key = fc.nat({ max: KEYS - 1 })
const alias = fc.nat({ max: ALIASES - 1 })
const text = fc.constantFrom('a', 'b', '__proto__')
const commands: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ do: fc.constantFrom('enable', 'disable', 'cancel', 'encrypt', 'decrypt'), key }),
  fc.record({ do: fc.constant('schedule'), key }),
  fc.record({ do: fc.constantFrom('describe as', 'tag', 'untag'), key, text }),
  fc.record({ do: fc.constantFrom('create alias', 'move alias'), key, alias }),
  fc.record({ do: fc.constantFrom('delete alias', 'encrypt by alias'), alias }),
)
let runs = 0

test("whatever is done to them in whatever order, keys, names and tags follow AWS's documented states", async () => {
  const property = fc.asyncProperty(fc.array(commands, { minLength: 1, maxLength: 30 }), async (sequence) => {
    const run = runs++
    const keys = await Promise.all(
      Array.from({ length: KEYS }, async () => {
        const { id } = await newKey(kms)
        const { CiphertextBlob } = await kms.encrypt({ KeyId: id, Plaintext: Buffer.from('x') })
        return {
          id,
          sealed: CiphertextBlob,
          state: 'Enabled' as const,
          description: '',
          tags: new Map<string, string>(),
        }
      }),
    )
    const model: Model = { keys, aliases: new Map(), aliasName: (name) => `alias/run-${run}/${name}` }
    for (const command of sequence) {
      const expected = step(model, command)
      const got = await send(model, command).then(
        () => undefined,
        (error: Error) => error.name,
      )
      // Two faults of one rank: AWS does not say which comes first.
      if (expected === 'either')
        assert.match(got ?? '', /^(KMSInvalidState|NotFound|AlreadyExists)Exception$/)
      else assert.equal(got, expected, JSON.stringify(command))
    }
    await requireSame(model)
  })
  await fc.assert(property, { numRuns: 30 })
})
