import { partitionOf } from '../../arn.ts'
import { dataKeyPairSpecsIn, factsOf, keySpecsIn, type KeySpec } from '../../keys/specs.ts'

/** A figure that is not the same in every Region. */
interface RegionalRate {
  readonly rate: number
  readonly inRegions?: Readonly<Record<string, number>>
  readonly inChina?: number
}

const cryptographic = {
  /** Symmetric keys, HMAC keys and random bytes. */
  'Cryptographic.symmetric': {
    rate: 10_000,
    inRegions: {
      'us-east-1': 100_000,
      'us-west-2': 100_000,
      'eu-west-1': 100_000,
      'us-east-2': 20_000,
      'ap-southeast-1': 20_000,
      'ap-southeast-2': 20_000,
      'ap-northeast-1': 20_000,
      'eu-central-1': 20_000,
      'eu-west-2': 20_000,
    },
  },
  'Cryptographic.RSA': { rate: 1000 },
  /** Elliptic curve keys, and SM2 keys in China Regions. */
  'Cryptographic.ECC': { rate: 1000 },
  'Cryptographic.ML_DSA': { rate: 1000 },
  // AWS does not say; as for the other keys of after the quantum computer.
  'Cryptographic.ML_KEM': { rate: 1000 },
} as const satisfies Record<string, RegionalRate>

const dataKeyPairs: Readonly<Record<string, RegionalRate>> = {
  'GenerateDataKeyPair.RSA_2048': { rate: 20, inChina: 1 },
  'GenerateDataKeyPair.RSA_3072': { rate: 4, inChina: 0.5 },
  'GenerateDataKeyPair.RSA_4096': { rate: 1, inChina: 0.1 },
  'GenerateDataKeyPair.ECC_NIST_P256': { rate: 100 },
  'GenerateDataKeyPair.ECC_NIST_P384': { rate: 100 },
  'GenerateDataKeyPair.ECC_NIST_P521': { rate: 100 },
  'GenerateDataKeyPair.ECC_SECG_P256K1': { rate: 100 },
  'GenerateDataKeyPair.ECC_NIST_EDWARDS25519': { rate: 100 },
  'GenerateDataKeyPair.SM2': { rate: 25 },
  // AWS does not say; they are as quickly made as those of elliptic curves.
  'GenerateDataKeyPair.ML_KEM_512': { rate: 100 },
  'GenerateDataKeyPair.ML_KEM_768': { rate: 100 },
  'GenerateDataKeyPair.ML_KEM_1024': { rate: 100 },
}

/** Operations with a quota of their own. */
const single: Readonly<Record<string, number>> = {
  CancelKeyDeletion: 5,
  CreateAlias: 5,
  CreateGrant: 50,
  CreateKey: 5,
  DeleteAlias: 15,
  DeleteImportedKeyMaterial: 15,
  DescribeKey: 2000,
  DisableKey: 5,
  DisableKeyRotation: 5,
  EnableKey: 5,
  EnableKeyRotation: 15,
  GetKeyLastUsage: 5,
  GetKeyPolicy: 1000,
  GetKeyRotationStatus: 1000,
  GetParametersForImport: 1,
  GetPublicKey: 2000,
  ImportKeyMaterial: 15,
  ListAliases: 500,
  ListGrants: 100,
  ListKeyPolicies: 100,
  ListKeyRotations: 100,
  ListKeys: 500,
  ListResourceTags: 2000,
  ListRetirableGrants: 100,
  PutKeyPolicy: 15,
  ReplicateKey: 5,
  RetireGrant: 50,
  RevokeGrant: 50,
  RotateKeyOnDemand: 5,
  ScheduleKeyDeletion: 15,
  TagResource: 10,
  UntagResource: 5,
  UpdateAlias: 5,
  UpdateKeyDescription: 5,
  UpdatePrimaryRegion: 5,
}

const figures: ReadonlyMap<string, RegionalRate> = new Map<string, RegionalRate>([
  ...Object.entries(cryptographic),
  ...Object.entries(dataKeyPairs),
  ...Object.entries(single).map(([name, rate]) => [name, { rate }] as const),
])

/**
 * AWS's request quotas. What is counted together is a class; a class stands for its place in this list wherever requests
 * are counted. Custom key stores, of which each has a quota of its own, are not served here.
 *
 * @see AWS KMS Developer Guide, "Request quotas". Read 2026-11
 */
export const quotaClasses: readonly string[] = [...figures.keys()]

const places: ReadonlyMap<unknown, number> = new Map(quotaClasses.map((name, at) => [name, at]))

/** The place of a class in the list; undefined where there is none of that name. */
export function placeOf(quotaClass: unknown): number | undefined {
  return places.get(quotaClass)
}

/** Requests per second that AWS lets an account make in a Region. */
export function awsRate(quotaClass: string, region: string): number {
  const figure = figures.get(quotaClass)
  if (figure === undefined) throw new Error(`there is no class ${quotaClass} of requests`)
  const { rate, inRegions, inChina } = figure
  return (partitionOf(region) === 'aws-cn' ? inChina : inRegions?.[region]) ?? rate
}

/** What a request takes of one quota. */
export interface Charge {
  /** The class's place in `quotaClasses`. */
  readonly at: number
  readonly tokens: number
  /** Absent: that of the request. */
  readonly region?: string
}

type Request = Readonly<Record<string, unknown>>

/** How an operation is counted: always in one class, or by what its request says. */
export type Counting =
  | { readonly charge: Charge }
  /** The two are the same object where both ends of a request are of one class. */
  | { readonly chargeOf: (request: Request) => Charge; readonly secondOf?: (request: Request) => Charge }

const charges: ReadonlyMap<string, Charge> = new Map(
  quotaClasses.map((name, at) => [name, { at, tokens: 1 }]),
)

function chargeOf(quotaClass: string): Charge {
  const charge = charges.get(quotaClass)
  if (charge === undefined) throw new Error(`there is no class ${quotaClass} of requests`)
  return charge
}

/**
 * Which class a cryptographic operation is of follows from the algorithm that it names, since an algorithm goes with keys
 * of one family only. So a request is counted before anybody looks for its key, and who is throttled learns
 * nothing of it; whoever names an algorithm that the key does not have is refused later, and counted here.
 */
const ofAlgorithm: ReadonlyMap<string, Charge> = new Map(
  [...new Set([...keySpecsIn('aws'), ...keySpecsIn('aws-cn')])].flatMap((spec) =>
    Object.values(factsOf(spec).usages).flatMap((algorithms) =>
      algorithms.map((algorithm) => [algorithm, chargeOf(cryptographicClass(spec))] as const),
    ),
  ),
)

function cryptographicClass(spec: KeySpec): keyof typeof cryptographic {
  switch (factsOf(spec).form.type) {
    case 'secret':
      return 'Cryptographic.symmetric'
    case 'rsa':
      return 'Cryptographic.RSA'
    case 'ec':
    case 'ed25519':
    case 'sm2':
      return 'Cryptographic.ECC'
    case 'ml-dsa':
      return 'Cryptographic.ML_DSA'
    case 'ml-kem':
      return 'Cryptographic.ML_KEM'
  }
}

const symmetric = chargeOf('Cryptographic.symmetric')

function byAlgorithm(member: string): (request: Request) => Charge {
  return (request) => {
    const algorithm = request[member]
    return algorithm === undefined ? symmetric : (ofAlgorithm.get(algorithm as string) ?? symmetric)
  }
}

const ofPairSpec: ReadonlyMap<unknown, Charge> = new Map(
  [...new Set([...dataKeyPairSpecsIn('aws'), ...dataKeyPairSpecsIn('aws-cn')])].map((spec) => [
    spec,
    chargeOf(`GenerateDataKeyPair.${spec}`),
  ]),
)
const byPairSpec: Counting = {
  chargeOf: ({ KeyPairSpec }) => ofPairSpec.get(KeyPairSpec) ?? symmetric,
}

const twoNewKeys = { at: chargeOf('CreateKey').at, tokens: 2 }

const others: Readonly<Record<string, Counting>> = {
  Encrypt: { chargeOf: byAlgorithm('EncryptionAlgorithm') },
  Decrypt: { chargeOf: byAlgorithm('EncryptionAlgorithm') },
  ReEncrypt: {
    chargeOf: byAlgorithm('SourceEncryptionAlgorithm'),
    secondOf: byAlgorithm('DestinationEncryptionAlgorithm'),
  },
  GenerateDataKey: { charge: symmetric },
  GenerateDataKeyWithoutPlaintext: { charge: symmetric },
  GenerateRandom: { charge: symmetric },
  GenerateMac: { charge: symmetric },
  VerifyMac: { charge: symmetric },
  Sign: { chargeOf: byAlgorithm('SigningAlgorithm') },
  Verify: { chargeOf: byAlgorithm('SigningAlgorithm') },
  DeriveSharedSecret: { chargeOf: byAlgorithm('KeyAgreementAlgorithm') },
  Encapsulate: { charge: chargeOf('Cryptographic.ML_KEM') },
  Decapsulate: { charge: chargeOf('Cryptographic.ML_KEM') },
  GenerateDataKeyPair: byPairSpec,
  GenerateDataKeyPairWithoutPlaintext: byPairSpec,
  // The replica is made in its own Region, at the price of two keys there.
  ReplicateKey: {
    chargeOf: () => chargeOf('ReplicateKey'),
    secondOf: ({ ReplicaRegion }) => ({ ...twoNewKeys, region: ReplicaRegion as string }),
  },
  // It counts in both Regions that it changes.
  UpdatePrimaryRegion: {
    chargeOf: () => chargeOf('UpdatePrimaryRegion'),
    secondOf: ({ PrimaryRegion }) => ({
      ...chargeOf('UpdatePrimaryRegion'),
      region: PrimaryRegion as string,
    }),
  },
}

/** How the requests of an operation are counted. */
export function countingOf(operation: string): Counting {
  return others[operation] ?? { charge: chargeOf(operation) }
}
