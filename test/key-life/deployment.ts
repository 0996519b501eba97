import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { DAY_MS, HOUR_MS, startHeldServer, type HeldServer } from '../held-server.ts'
import { newUser } from '../identity-clients.ts'
import { importMaterial, newImportable } from '../imported-material.ts'
import { newKey } from '../kms-client.ts'
import type { Credentials } from '../server-process.ts'
import {
  otherRegion,
  nameOfMissing,
  nameOfNext,
  type Command,
  type KeyCommand,
  type Model,
  type ModelKey,
} from './model.ts'

/** A deployment that does what the model does, and what the model has no need to know. */
export interface Real {
  readonly server: HeldServer
  /** May do nothing but what grants let it do. */
  readonly grantee: Credentials
  readonly keyIds: string[]
  readonly ciphertexts: Ciphertext[]
  /** Of imported material, by the model's name of it. */
  readonly bytes: Map<string, Buffer>
  readonly grants: Map<string, string>
  /** When the server was last started. */
  startedAtMs: number
}

export interface Ciphertext {
  readonly key: number
  readonly blob: Uint8Array
  readonly plaintext: string
}

export async function newDeployment(databaseUrl: string | undefined): Promise<Real> {
  const server = await startHeldServer({ databaseUrl })
  const grantee = await newUser(server.iam(), 'grantee').catch(async (error: unknown) => {
    await server.stop()
    throw error
  })
  return {
    server,
    grantee,
    keyIds: [],
    ciphertexts: [],
    bytes: new Map(),
    grants: new Map(),
    startedAtMs: server.clock.now(),
  }
}

/** Does it, and lets everything happen that follows from it. @returns the error's name, when it is refused */
export async function perform(real: Real, model: Model, command: Command): Promise<string | undefined> {
  const refused = await send(real, model, command).then(
    () => undefined,
    (error: Error) => {
      // What is no answer of the service is a fault of this test.
      if (!('$metadata' in error)) throw error
      return error.name
    },
  )
  await real.server.settle()
  return refused
}

async function send(real: Real, model: Model, command: Command): Promise<void> {
  const { server } = real
  switch (command.do) {
    case 'create': {
      const { external, multiRegion } = command
      const made = await newKey(server.kms(), {
        MultiRegion: multiRegion,
        Origin: external ? 'EXTERNAL' : 'AWS_KMS',
      })
      real.keyIds.push(made.id)
      return
    }
    case 'wait':
      return await server.pass(command.days * DAY_MS)
    case 'restart':
    case 'crash':
      await server[command.do](command.downDays * DAY_MS)
      real.startedAtMs = server.clock.now()
      // What cannot be undone waits an hour, because nobody knows whether the clock is right.
      return await server.pass(2 * HOUR_MS)
    case 'take the name away':
      await server.kms(command.region).deleteAlias({ AliasName: command.alias })
      return
    default:
      return await sendToKey(real, model, command)
  }
}

type OnKey = Extract<Command, { readonly key: number }>

async function sendToKey(real: Real, model: Model, command: OnKey): Promise<void> {
  const kms = real.server.kms(command.region)
  const KeyId = real.keyIds[command.key]
  switch (command.do) {
    case 'schedule':
      await kms.scheduleKeyDeletion({ KeyId, PendingWindowInDays: command.days })
      return
    case 'rotate yearly':
      await kms.enableKeyRotation({ KeyId, RotationPeriodInDays: command.days })
      return
    case 'import':
      return await importInto(real, model, command)
    case 'name': {
      const request = { AliasName: command.alias, TargetKeyId: KeyId }
      const { Aliases = [] } = await kms.listAliases({})
      const isThere = Aliases.some(({ AliasName }) => AliasName === command.alias)
      await (isThere ? kms.updateAlias(request) : kms.createAlias(request))
      return
    }
    default:
      await keyCommands[command.do](real, command)
  }
}

type Send = (real: Real, command: OnKey & { do: KeyCommand }) => Promise<unknown>

const onKeyId =
  (call: (kms: ReturnType<HeldServer['kms']>, KeyId: string | undefined) => Promise<unknown>): Send =>
  ({ server, keyIds }, { key, region }) =>
    call(server.kms(region), keyIds[key])

const keyCommands: Readonly<Record<KeyCommand, Send>> = {
  encrypt: async ({ server, keyIds, ciphertexts }, { key, region }) => {
    const plaintext = `message ${ciphertexts.length}`
    const { CiphertextBlob } = await server
      .kms(region)
      .encrypt({ KeyId: keyIds[key], Plaintext: Buffer.from(plaintext) })
    assert.ok(CiphertextBlob)
    ciphertexts.push({ key, blob: CiphertextBlob, plaintext })
  },
  enable: onKeyId((kms, KeyId) => kms.enableKey({ KeyId })),
  disable: onKeyId((kms, KeyId) => kms.disableKey({ KeyId })),
  cancel: onKeyId((kms, KeyId) => kms.cancelKeyDeletion({ KeyId })),
  rotate: onKeyId((kms, KeyId) => kms.rotateKeyOnDemand({ KeyId })),
  'rotate no more': onKeyId((kms, KeyId) => kms.disableKeyRotation({ KeyId })),
  'delete material': onKeyId((kms, KeyId) => kms.deleteImportedKeyMaterial({ KeyId })),
  replicate: ({ server, keyIds }, { key, region }) =>
    server.kms(region).replicateKey({ KeyId: keyIds[key], ReplicaRegion: otherRegion(region) }),
  'move primary': ({ server, keyIds }, { key, region }) =>
    server.kms(region).updatePrimaryRegion({ KeyId: keyIds[key], PrimaryRegion: otherRegion(region) }),
  grant: async ({ server, keyIds, grants }, { key, region }) => {
    const KeyId = keyIds[key]
    const GranteePrincipal = `arn:aws:iam::${server.opened.firstAccountId}:user/grantee`
    const { GrantId = '' } = await server
      .kms(region)
      .createGrant({ KeyId, GranteePrincipal, Name: 'decrypt', Operations: ['Decrypt'] })
    grants.set(`${key} ${region}`, GrantId)
  },
  revoke: async ({ server, keyIds, grants }, { key, region }) => {
    const GrantId = grants.get(`${key} ${region}`)
    grants.delete(`${key} ${region}`)
    const request = { KeyId: keyIds[key] }
    if (GrantId === undefined) await server.kms(region).listGrants(request)
    else await server.kms(region).revokeGrant({ ...request, GrantId })
  },
}

async function importInto(
  { server, keyIds, bytes }: Real,
  model: Model,
  { key, region, what, days }: Command & { do: 'import' },
): Promise<void> {
  const modelKey = model.keys[key] as ModelKey
  const kms = server.kms(region)
  const KeyId = keyIds[key] ?? ''
  const isNew = what === 'new bytes' || modelKey.materials.length === 0
  const name = isNew ? nameOfNext(modelKey) : nameOfMissing(modelKey, region)
  const known = bytes.get(name) ?? randomBytes(32)
  const importable = await newImportable(
    kms,
    KeyId,
    'SYMMETRIC_DEFAULT',
    what === 'the wrong bytes' && !isNew ? randomBytes(32) : known,
  )
  await importMaterial(kms, importable, {
    ...(isNew && { ImportType: 'NEW_KEY_MATERIAL' }),
    ...(days !== undefined && { ValidTo: new Date(server.clock.now() + days * DAY_MS) }),
  })
  bytes.set(name, known)
}
