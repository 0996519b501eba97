import type { SignatureScheme, SignedInput } from '../../crypto/schemes.ts'
import { signingFacts, type MessageType, type SigningAlgorithm } from '../../keys/algorithms.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { algorithmsOf, type KeySpec } from '../../keys/specs.ts'
import type { Asked } from './conditions.ts'
import type { RequestOf } from './shapes.ts'

/** What Sign and Verify ask of a message alike. */
type Signed = Pick<RequestOf<'Sign'>, 'Message' | 'MessageType' | 'SigningAlgorithm' | 'GrantTokens'>

/** What policies and grants can go by. A request that does not say what its message is gives it as it is. */
export function signingAsked({ MessageType = 'RAW', SigningAlgorithm, GrantTokens }: Signed): Asked {
  return {
    grantTokens: GrantTokens,
    values: { 'kms:messagetype': MessageType, 'kms:signingalgorithm': SigningAlgorithm },
  }
}

/**
 * What was hashed already is as long as the algorithm's hash, or as μ. A rule of the request alone.
 *
 * @throws KmsError ValidationException
 */
export function requireDigestLength({ Message, MessageType = 'RAW', SigningAlgorithm }: Signed): void {
  const { inputs, digestBytes } = signingFacts(SigningAlgorithm)
  const input = inputs[MessageType]
  if (input === undefined || input === 'message' || Message.length === digestBytes) return
  throw new KmsError('ValidationException', `Digest is invalid length for algorithm ${SigningAlgorithm}.`)
}

/**
 * How the message is signed with a key that has the algorithm.
 *
 * @throws KmsError ValidationException for a type of message that the algorithm does not take, UnsupportedOperationException
 * for one that it does not take here
 */
export function howSigned(
  spec: KeySpec,
  { MessageType = 'RAW', SigningAlgorithm }: Signed,
): { scheme: SignatureScheme; input: SignedInput } {
  const { inputs, scheme, unsupportedInput } = signingFacts(SigningAlgorithm)
  const input = inputs[MessageType]
  if (input !== undefined) return { scheme, input }
  if (MessageType === unsupportedInput) {
    throw new KmsError(
      'UnsupportedOperationException',
      `Message type ${MessageType} is not supported with algorithm ${SigningAlgorithm}.`,
    )
  }
  // AWS names what the type does not go with: the key, or only this one of its algorithms.
  const misfit = takesType(spec, MessageType) ? `algorithm ${SigningAlgorithm}` : `key spec ${spec}`
  throw new KmsError('ValidationException', `Message type ${MessageType} is incompatible with ${misfit}.`)
}

function takesType(spec: KeySpec, type: MessageType): boolean {
  const algorithms = algorithmsOf(spec, 'SIGN_VERIFY') as readonly SigningAlgorithm[]
  return algorithms.some((algorithm) => signingFacts(algorithm).inputs[type] !== undefined)
}
