import { DAY_MS, HOUR_MS, type TestRegion } from '../held-server.ts'

/** Where the keys of the model can be. */
export const modelRegions = ['us-east-1', 'eu-west-1'] as const satisfies readonly TestRegion[]
export type ModelRegion = (typeof modelRegions)[number]

export const otherRegion = (region: ModelRegion): ModelRegion =>
  region === 'us-east-1' ? 'eu-west-1' : 'us-east-1'

/** What is asked of the deployment, or happens to it. Keys are numbered from the first that was created. */
export type Command =
  | { readonly do: 'create'; readonly external: boolean; readonly multiRegion: boolean }
  | { readonly do: KeyCommand; readonly key: number; readonly region: ModelRegion }
  | { readonly do: 'schedule'; readonly key: number; readonly region: ModelRegion; readonly days: number }
  | {
      readonly do: 'rotate yearly'
      readonly key: number
      readonly region: ModelRegion
      readonly days: number
    }
  | {
      readonly do: 'import'
      readonly key: number
      readonly region: ModelRegion
      readonly what: Imported
      readonly days?: number | undefined
    }
  | { readonly do: 'name'; readonly key: number; readonly region: ModelRegion; readonly alias: string }
  | { readonly do: 'take the name away'; readonly region: ModelRegion; readonly alias: string }
  | { readonly do: 'wait'; readonly days: number }
  | { readonly do: 'restart' | 'crash'; readonly downDays: number }

export type KeyCommand =
  | 'encrypt'
  | 'enable'
  | 'disable'
  | 'cancel'
  | 'rotate'
  | 'rotate no more'
  | 'delete material'
  | 'replicate'
  | 'move primary'
  | 'grant'
  | 'revoke'

/** The material that is missing; other bytes in its place; or more material, to be rotated to. */
export type Imported = 'the right bytes' | 'the wrong bytes' | 'new bytes'

export interface ModelMaterial {
  /** Of imported material, by name; the test has the bytes. */
  readonly bytes: string
}

/** A key in one Region. */
export interface Place {
  state: 'Enabled' | 'Disabled' | 'PendingDeletion' | 'PendingReplicaDeletion' | 'PendingImport'
  windowDays: number
  deletionAtMs: number | undefined
  /** Of an EXTERNAL key: what is there, and until when. */
  readonly here: Map<ModelMaterial, number | undefined>
  readonly aliases: Set<string>
  granted: boolean
}

export interface ModelKey {
  readonly number: number
  readonly external: boolean
  readonly multiRegion: boolean
  primary: ModelRegion
  readonly places: Map<ModelRegion, Place>
  /** All that it ever encrypted with, the current one last. */
  readonly materials: ModelMaterial[]
  pending: ModelMaterial | undefined
  onDemand: number
  rotation: { periodDays: number; nextMs: number } | undefined
}

export interface Model {
  nowMs: number
  readonly keys: ModelKey[]
}

const PENDING = new Set<Place['state']>(['PendingDeletion', 'PendingReplicaDeletion'])
const NEAR_AUTOMATIC_MS = 20 * 60_000
const ON_DEMAND_ROTATIONS = 25

type Refusal =
  | 'AlreadyExistsException'
  | 'ConflictException'
  | 'DisabledException'
  | 'IncorrectKeyMaterialException'
  | 'KMSInvalidStateException'
  | 'LimitExceededException'
  | 'NotFoundException'
  | 'UnsupportedOperationException'

/**
 * Whether it is worth a try. Every operation in every wrong state is in the table of key states; here most of what is
 * asked should happen.
 */
export function isPossible({ keys }: Model, command: Command): boolean {
  if (!('key' in command)) return true
  const key = keys[command.key]
  const place = key?.places.get(command.region)
  if (key === undefined || place === undefined) return key !== undefined && command.do === 'encrypt'
  switch (command.do) {
    case 'cancel':
      return PENDING.has(place.state)
    case 'enable':
      return place.state === 'Disabled'
    case 'schedule':
      return !PENDING.has(place.state)
    case 'import':
    case 'delete material':
      return key.external
    case 'rotate':
      return !key.external || key.pending !== undefined
    case 'rotate yearly':
    case 'rotate no more':
      return !key.external
    case 'replicate':
    case 'move primary':
      return key.multiRegion
    default:
      return true
  }
}

/** What the command gets, and what is then the case: undefined where it succeeds, else the error. */
export function step(model: Model, command: Command): Refusal | undefined {
  switch (command.do) {
    case 'create':
      create(model, command.external, command.multiRegion)
      return undefined
    case 'wait':
      pass(model, command.days * DAY_MS)
      return undefined
    case 'restart':
    case 'crash':
      catchUp(model)
      return undefined
    case 'take the name away':
      for (const { places } of model.keys)
        if (places.get(command.region)?.aliases.delete(command.alias)) return undefined
      return 'NotFoundException'
    case 'name':
      return onKey(model, command, (place) => {
        if (PENDING.has(place.state)) return 'KMSInvalidStateException'
        for (const { places } of model.keys) places.get(command.region)?.aliases.delete(command.alias)
        place.aliases.add(command.alias)
        return undefined
      })
    case 'schedule':
      return onKey(model, command, (place, key) => schedule(model, key, place, command))
    case 'rotate yearly':
      return onKey(model, command, (place, key) => {
        const refused = automatic(key, place, command.region)
        if (refused !== undefined) return refused
        // A new period counts from when rotation was switched on or last happened.
        const fromMs =
          key.rotation === undefined ? model.nowMs : key.rotation.nextMs - key.rotation.periodDays * DAY_MS
        key.rotation = { periodDays: command.days, nextMs: fromMs + command.days * DAY_MS }
        rotateWhatIsDue(model, key)
        return undefined
      })
    case 'import':
      return onKey(model, command, (place, key) => importInto(model, key, place, command))
    default:
      return onKey(model, command, (place, key) => keyCommands[command.do](model, key, place, command.region))
  }
}

function create(model: Model, external: boolean, multiRegion: boolean): void {
  const number = model.keys.length
  const place = newPlace(external ? 'PendingImport' : 'Enabled')
  const materials = external ? [] : [{ bytes: 'made here' }]
  const primary = modelRegions[0]
  const places = new Map([[primary as ModelRegion, place]])
  model.keys.push({
    number,
    external,
    multiRegion,
    primary,
    places,
    materials,
    pending: undefined,
    onDemand: 0,
    rotation: undefined,
  })
}

function newPlace(state: Place['state']): Place {
  return {
    state,
    windowDays: 0,
    deletionAtMs: undefined,
    here: new Map(),
    aliases: new Set(),
    granted: false,
  }
}

function onKey(
  { keys }: Model,
  command: { readonly key: number; readonly region: ModelRegion },
  act: (place: Place, key: ModelKey) => Refusal | undefined,
): Refusal | undefined {
  const key = keys[command.key]
  const place = key?.places.get(command.region)
  return key === undefined || place === undefined ? 'NotFoundException' : act(place, key)
}

const keyCommands: Readonly<
  Record<KeyCommand, (model: Model, key: ModelKey, place: Place, region: ModelRegion) => Refusal | undefined>
> = {
  encrypt: (_, _key, place) => use(place),
  enable: (model, key, place) => {
    if (place.state !== 'Enabled' && place.state !== 'Disabled') return 'KMSInvalidStateException'
    place.state = 'Enabled'
    rotateWhatIsDue(model, key)
    return undefined
  },
  disable: (_, _key, place) => {
    if (place.state !== 'Enabled' && place.state !== 'Disabled') return 'KMSInvalidStateException'
    place.state = 'Disabled'
    return undefined
  },
  cancel: (_, key, place) => {
    if (!PENDING.has(place.state)) return 'KMSInvalidStateException'
    place.state = 'Disabled'
    place.deletionAtMs = undefined
    if (key.external && !isComplete(key, place)) place.state = 'PendingImport'
    return undefined
  },
  rotate: (model, key, place, region) => {
    if (region !== key.primary) return 'UnsupportedOperationException'
    const refused = use(place)
    if (refused !== undefined) return refused
    if (key.rotation !== undefined && key.rotation.nextMs - model.nowMs <= NEAR_AUTOMATIC_MS)
      return 'ConflictException'
    if (key.onDemand >= ON_DEMAND_ROTATIONS) return 'LimitExceededException'
    if (key.external && !isReady(key)) return 'KMSInvalidStateException'
    key.materials.push(key.pending ?? { bytes: 'made here' })
    key.pending = undefined
    key.onDemand++
    return undefined
  },
  'rotate no more': (_, key, place, region) => {
    const refused = automatic(key, place, region)
    if (refused === undefined) key.rotation = undefined
    return refused
  },
  'delete material': (_, key, place) => {
    if (!key.external) return 'UnsupportedOperationException'
    const current = key.materials.at(-1)
    if (current !== undefined) lose(key, place, current)
    return undefined
  },
  replicate: (_, key, place, region) => {
    if (!key.multiRegion || region !== key.primary) return 'UnsupportedOperationException'
    const refused = use(place)
    // Two faults of one rank; of these the server names the state first.
    if (refused !== undefined) return refused
    const there = otherRegion(region)
    if (key.places.has(there)) return 'AlreadyExistsException'
    key.places.set(there, newPlace(key.external ? 'PendingImport' : 'Enabled'))
    return undefined
  },
  'move primary': (_, key, place, region) => {
    if (!key.multiRegion || region !== key.primary) return 'UnsupportedOperationException'
    const there = key.places.get(otherRegion(region))
    if (there === undefined) return 'NotFoundException'
    const refused = use(place) ?? use(there)
    if (refused === undefined) key.primary = otherRegion(region)
    return refused
  },
  grant: (_, _key, place) => {
    const refused = use(place)
    if (refused === undefined) place.granted = true
    return refused
  },
  revoke: (_, _key, place) => {
    place.granted = false
    return undefined
  },
}

function use({ state }: Place): Refusal | undefined {
  if (state === 'Enabled') return undefined
  return state === 'Disabled' ? 'DisabledException' : 'KMSInvalidStateException'
}

function automatic(key: ModelKey, place: Place, region: ModelRegion): Refusal | undefined {
  return key.external || region !== key.primary ? 'UnsupportedOperationException' : use(place)
}

function schedule(
  model: Model,
  key: ModelKey,
  place: Place,
  { region, days }: Command & { do: 'schedule' },
): Refusal | undefined {
  if (PENDING.has(place.state)) return 'KMSInvalidStateException'
  place.windowDays = days
  const waits = region === key.primary && key.places.size > 1
  place.state = waits ? 'PendingReplicaDeletion' : 'PendingDeletion'
  place.deletionAtMs = waits ? undefined : model.nowMs + days * DAY_MS
  return undefined
}

function importInto(
  model: Model,
  key: ModelKey,
  place: Place,
  { what, region, days }: Command & { do: 'import' },
): Refusal | undefined {
  if (!key.external) return 'UnsupportedOperationException'
  if (PENDING.has(place.state)) return 'KMSInvalidStateException'
  const untilMs = days === undefined ? undefined : model.nowMs + days * DAY_MS
  const isFirst = key.materials.length === 0
  if (what === 'new bytes' || isFirst) {
    if (region !== key.primary) return 'UnsupportedOperationException'
    if (key.pending !== undefined) return 'KMSInvalidStateException'
    const material = { bytes: nameOfNext(key) }
    place.here.set(material, untilMs)
    if (isFirst) key.materials.push(material)
    else key.pending = material
  } else {
    if (what === 'the wrong bytes') return 'IncorrectKeyMaterialException'
    const missing = missingIn(key, place)
    if (missing !== undefined) place.here.set(missing, untilMs)
  }
  if (place.state === 'PendingImport' && isComplete(key, place)) place.state = 'Enabled'
  return undefined
}

/** Imported material that is deleted or expires. */
function lose(key: ModelKey, place: Place, material: ModelMaterial): void {
  if (!place.here.delete(material)) return
  if (key.materials.includes(material)) {
    if (!PENDING.has(place.state)) place.state = 'PendingImport'
  } else if (place === key.places.get(key.primary)) {
    // A set is not bound yet to what was never rotated to.
    key.pending = undefined
    for (const { here } of key.places.values()) here.delete(material)
  }
}

/** Whether there is something to rotate to, in every Region. */
function isReady({ pending, places }: ModelKey): boolean {
  return pending !== undefined && [...places.values()].every(({ here }) => here.has(pending))
}

/** What an import of bytes that the key knows brings: what it needs first, else what it waits for, else what is there. */
function missingIn({ materials, pending }: ModelKey, place: Place | undefined): ModelMaterial | undefined {
  const known = pending === undefined ? materials : [...materials, pending]
  return known.find((material) => place?.here.has(material) !== true) ?? materials.at(-1)
}

/** What the bytes are called that would be the next new ones of this key. */
export function nameOfNext({ number, materials, pending }: ModelKey): string {
  return `${number}/${materials.length + (pending === undefined ? 0 : 1)}`
}

/** The bytes that an import of the right ones brings. */
export function nameOfMissing(key: ModelKey, region: ModelRegion): string {
  return missingIn(key, key.places.get(region))?.bytes ?? nameOfNext(key)
}

function isComplete({ materials }: ModelKey, { here }: Place): boolean {
  return materials.length > 0 && materials.every((material) => here.has(material))
}

/** Lets time pass with everything running: what is due happens at its time, in its order. */
function pass(model: Model, ms: number): void {
  const endMs = model.nowMs + ms
  for (;;) {
    const next = Math.min(...model.keys.flatMap(dueTimes))
    if (!(next <= endMs)) break
    model.nowMs = Math.max(model.nowMs, next)
    doWhatIsDue(model)
  }
  model.nowMs = endMs
}

/** After a time with nothing running: what was due meanwhile happens now. */
function catchUp(model: Model): void {
  doWhatIsDue(model)
  pass(model, 2 * HOUR_MS)
}

function dueTimes(key: ModelKey): number[] {
  const places = [...key.places.values()]
  const deletions = places.flatMap(({ deletionAtMs }) => deletionAtMs ?? [])
  const expiries = places.flatMap(({ here }) => [...here.values()].flatMap((untilMs) => untilMs ?? []))
  return [...deletions, ...expiries, isRotated(key) ? (key.rotation?.nextMs ?? Infinity) : Infinity]
}

/** What is due by now. */
export function doWhatIsDue(model: Model): void {
  for (const key of model.keys) {
    for (const [region, place] of key.places) {
      for (const [material, untilMs] of place.here)
        if (untilMs !== undefined && untilMs <= model.nowMs) lose(key, place, material)
      const { deletionAtMs } = place
      if (deletionAtMs === undefined || deletionAtMs > model.nowMs) continue
      key.places.delete(region)
      const primary = key.places.get(key.primary)
      if (primary?.state !== 'PendingReplicaDeletion') continue
      primary.state = 'PendingDeletion'
      primary.deletionAtMs = model.nowMs + primary.windowDays * DAY_MS
    }
    rotateWhatIsDue(model, key)
  }
}

function isRotated({ rotation, places, primary }: ModelKey): boolean {
  return rotation !== undefined && places.get(primary)?.state === 'Enabled'
}

/** Once, however many periods were missed; the next period counts from now. */
function rotateWhatIsDue(model: Model, key: ModelKey): void {
  if (!isRotated(key) || key.rotation === undefined || key.rotation.nextMs > model.nowMs) return
  key.materials.push({ bytes: 'made here' })
  key.rotation.nextMs = model.nowMs + key.rotation.periodDays * DAY_MS
}
