import type { PrivateKeyForm } from '../server/src/crypto/key-form.ts'
import type { SignatureScheme } from '../server/src/crypto/schemes.ts'
import {
  namesOf,
  signingFacts,
  type MessageType,
  type SigningAlgorithm,
} from '../server/src/keys/algorithms.ts'
import { algorithmsOf, type KeySpec } from '../server/src/keys/specs.ts'
import { MESSAGE_BYTES } from './crypto-call.ts'
import { newMessage } from './crypto-cost.ts'
import { pairSpecsFor } from './pair-specs.ts'

/** One way of signing that costs its own: a spec, a scheme and what is given. */
export interface SigningFamily {
  readonly what: string
  readonly key: { readonly KeySpec: KeySpec; readonly KeyUsage: 'SIGN_VERIFY' }
  readonly form: PrivateKeyForm
  readonly scheme: SignatureScheme
  readonly nearest?: string
  /** What Sign and Verify are asked with, but for key and signature. */
  newInput(): { Message: string; MessageType: MessageType; SigningAlgorithm: SigningAlgorithm }
}

/** Each scheme of each spec with its first algorithm, hashes make no difference; messages, or what is given in place of one. */
export function signingFamilies(): SigningFamily[] {
  return pairSpecsFor('SIGN_VERIFY').flatMap(({ spec, form }) => {
    const algorithms = algorithmsOf(spec, 'SIGN_VERIFY') as readonly SigningAlgorithm[]
    const firstOfEach = new Map(
      algorithms.toReversed().map((algorithm) => [signingFacts(algorithm).scheme.type, algorithm]),
    )
    return algorithms
      .filter((algorithm) => firstOfEach.get(signingFacts(algorithm).scheme.type) === algorithm)
      .flatMap((algorithm) => messageTypesOf(algorithm).map((type) => family(spec, form, algorithm, type)))
  })
}

// A digest in place of a message saves one hash of 32 bytes: where a message can be given, it is not asked for.
function messageTypesOf(algorithm: SigningAlgorithm): readonly MessageType[] {
  const types = namesOf(signingFacts(algorithm).inputs as Record<MessageType, unknown>)
  return types.filter((type) => type !== 'DIGEST' || !types.includes('RAW'))
}

function family(
  spec: KeySpec,
  form: PrivateKeyForm,
  SigningAlgorithm: SigningAlgorithm,
  MessageType: MessageType,
): SigningFamily {
  const { scheme, digestBytes } = signingFacts(SigningAlgorithm)
  const nearest = nearestOf(scheme, MessageType)
  return {
    what: [spec, SigningAlgorithm, ...(MessageType === 'RAW' ? [] : [MessageType])].join(' '),
    key: { KeySpec: spec, KeyUsage: 'SIGN_VERIFY' },
    form,
    scheme,
    ...(nearest !== undefined && { nearest }),
    newInput: () => ({
      Message: newMessage(MessageType === 'RAW' ? MESSAGE_BYTES : digestBytes),
      MessageType,
      SigningAlgorithm,
    }),
  }
}

function nearestOf({ type }: SignatureScheme, messageType: MessageType): string | undefined {
  if (type === 'ed25519ph') return 'node:crypto has pure Ed25519 only'
  if (messageType === 'EXTERNAL_MU') return 'node:crypto signs messages only, and computes μ'
  return undefined
}
