import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  ListAliasesCommand,
  ListResourceTagsCommand,
  TagResourceCommand,
  UpdateKeyDescriptionCommand,
  type KMSClient,
  type TagResourceCommandOutput,
} from '@aws-sdk/client-kms'
import { kmsClient } from '../kms-client.ts'
import type { ServerProcess } from '../server-process.ts'

type Server = Pick<ServerProcess, 'url' | 'credentials'>

/** What a key looks like to its owner. */
interface KeyFacts {
  readonly description: string
  readonly enabled: boolean
  readonly tags: Readonly<Record<string, string>>
  readonly aliases: readonly string[]
}

interface OwnedKey {
  readonly keyId: string
  /** What it must be. Two when the answer to the last change was lost: it took place or it did not. */
  possible: readonly KeyFacts[]
}

/**
 * Clients that change and use keys, and remember what was acknowledged to them; the memory outlives servers that
 * are killed. Each key has one client, so its owner knows what it must be.
 */
export interface Workload {
  /** Ids of requests whose answers came, with 200. */
  readonly acknowledged: Set<string>
  /** Requests that ended with neither an answer of 200 nor a lost connection, as `operation: error`. */
  readonly refused: string[]
  readonly keyCount: number
  /**
   * Runs clients, each of which uses all the servers in turns, until `enough` says so or no server is left; resolves when
   * every one has ended.
   */
  run(servers: readonly Server[], options: RunOptions): Promise<void>
  /** Every key is as it was acknowledged, and every ciphertext opens. */
  check(server: Server): Promise<void>
}

interface RunOptions {
  readonly clients: number
  /** Asked after each answer with how many this run has had. */
  enough(answers: number): boolean
  /** A request that was refused with this error may be forgotten; its outcome is unknown. */
  readonly tolerate?: RegExp
}

export function createWorkload(): Workload {
  const acknowledged = new Set<string>()
  const refused: string[] = []
  const owned: OwnedKey[][] = []
  const sealed: { readonly keyId: string; readonly plaintext: string; readonly ciphertext: Uint8Array }[] = []
  let names = 0

  async function run(servers: readonly Server[], { clients, enough, tolerate }: RunOptions): Promise<void> {
    let answers = 0
    let over = false
    const kms = servers.map((server) => kmsClient(server))
    const reachable: Set<KMSClient> = new Set(kms)
    const one = async (number: number): Promise<void> => {
      const keys = (owned[number] ??= [])
      while (!over) {
        if (reachable.size === 0) return
        const client = [...reachable][randomInt(reachable.size)] as KMSClient
        try {
          const { requestId, httpStatusCode } = await step(client, keys)
          assert.equal(httpStatusCode, 200)
          assert.ok(requestId)
          acknowledged.add(requestId)
          answers += 1
          over ||= enough(answers)
        } catch (error) {
          if (isLost(error)) {
            reachable.delete(client)
            continue
          }
          const text = `${(error as Error).name}: ${(error as Error).message}`
          refused.push(text)
          if (tolerate?.test(text) !== true) {
            over = true
            throw error
          }
        }
      }
    }
    try {
      const ended = await Promise.allSettled(Array.from({ length: clients }, (_, number) => one(number)))
      for (const each of ended) if (each.status === 'rejected') throw each.reason
    } finally {
      for (const client of kms) client.destroy()
    }
  }

  /** One request of a client; on an answer its key is as `becomes` says. */
  async function step(client: KMSClient, keys: OwnedKey[]): Promise<TagResourceCommandOutput['$metadata']> {
    const key = keys[randomInt(keys.length + 1)] ?? keys.find(({ possible }) => possible.length > 1)
    if (key === undefined) {
      if (keys.length < 4) return await create(client, keys)
      return await step(client, keys)
    }
    if (key.possible.length > 1) await settle(client, key)
    const [facts] = key.possible
    assert.ok(facts)
    const { keyId } = key
    const name = `n${++names}`
    const change = async (becomes: Partial<KeyFacts>, send: () => Promise<TagResourceCommandOutput>) => {
      key.possible = [facts, { ...facts, ...becomes }]
      const answer = await send()
      key.possible = key.possible.slice(1)
      return answer.$metadata
    }
    switch (randomInt(8)) {
      case 0:
        return await change({ description: name }, () =>
          client.send(new UpdateKeyDescriptionCommand({ KeyId: keyId, Description: name })),
        )
      case 1: {
        const tags = { ...facts.tags, [`tag${randomInt(10)}`]: name }
        const Tags = Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue }))
        return await change({ tags }, () => client.send(new TagResourceCommand({ KeyId: keyId, Tags })))
      }
      case 2:
        if (facts.aliases.length >= 40) break
        return await change({ aliases: [...facts.aliases, `alias/${name}`].sort() }, () =>
          client.send(new CreateAliasCommand({ AliasName: `alias/${name}`, TargetKeyId: keyId })),
        )
      case 3:
        if (facts.enabled) {
          return await change({ enabled: false }, () => client.send(new DisableKeyCommand({ KeyId: keyId })))
        }
        break
      case 4: {
        if (!facts.enabled) break
        const answer = await client.send(new GenerateDataKeyCommand({ KeyId: keyId, KeySpec: 'AES_256' }))
        return answer.$metadata
      }
    }
    if (!facts.enabled) {
      return await change({ enabled: true }, () => client.send(new EnableKeyCommand({ KeyId: keyId })))
    }
    const answer = await client.send(new EncryptCommand({ KeyId: keyId, Plaintext: Buffer.from(name) }))
    sealed.push({ keyId, plaintext: name, ciphertext: answer.CiphertextBlob as Uint8Array })
    return answer.$metadata
  }

  async function create(client: KMSClient, keys: OwnedKey[]): Promise<TagResourceCommandOutput['$metadata']> {
    const description = `n${++names}`
    const { KeyMetadata, $metadata } = await client.send(
      new CreateKeyCommand({ Description: description, Tags: [{ TagKey: 'made', TagValue: description }] }),
    )
    const keyId = KeyMetadata?.KeyId as string
    keys.push({ keyId, possible: [{ description, enabled: true, tags: { made: description }, aliases: [] }] })
    return $metadata
  }

  /** Which of what is possible took place. */
  async function settle(client: KMSClient, key: OwnedKey): Promise<void> {
    const found = await look(client, key.keyId)
    const match = key.possible.find((facts) => same(facts, found))
    assert.ok(
      match,
      `key ${key.keyId} is ${JSON.stringify(found)}, not one of ${JSON.stringify(key.possible)}`,
    )
    key.possible = [match]
  }

  return {
    acknowledged,
    refused,
    get keyCount() {
      return owned.flat().length
    },
    run,
    async check(server) {
      const client = kmsClient(server)
      try {
        for (const key of owned.flat()) {
          if (key.possible.length > 1) await settle(client, key)
          else assert.deepEqual(await look(client, key.keyId), key.possible[0], `key ${key.keyId}`)
        }
        const enabled = new Set(
          owned
            .flat()
            .filter(({ possible }) => possible[0]?.enabled)
            .map(({ keyId }) => keyId),
        )
        for (const { keyId, ciphertext, plaintext } of sealed) {
          if (!enabled.has(keyId)) continue
          const opened = await client.send(new DecryptCommand({ CiphertextBlob: ciphertext }))
          assert.equal(Buffer.from(opened.Plaintext ?? []).toString(), plaintext)
        }
      } finally {
        client.destroy()
      }
    },
  }
}

async function look(client: KMSClient, keyId: string): Promise<KeyFacts> {
  const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId: keyId }))
  const { Tags = [] } = await client.send(new ListResourceTagsCommand({ KeyId: keyId, Limit: 50 }))
  const { Aliases = [] } = await client.send(new ListAliasesCommand({ KeyId: keyId, Limit: 100 }))
  return {
    description: KeyMetadata?.Description ?? '',
    enabled: KeyMetadata?.Enabled ?? false,
    tags: Object.fromEntries(Tags.map(({ TagKey, TagValue }) => [TagKey, TagValue])),
    aliases: Aliases.map(({ AliasName }) => AliasName as string).sort(),
  }
}

function same(one: KeyFacts, other: KeyFacts): boolean {
  try {
    assert.deepEqual(one, other)
    return true
  } catch {
    return false
  }
}

/** No answer came: the server is gone. */
function isLost(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException
  return /^(ECONNRESET|ECONNREFUSED|EPIPE)$/.test(code ?? '') || /socket hang up|aborted/.test(message)
}
