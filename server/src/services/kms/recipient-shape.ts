import type { Member } from '../../shape.ts'
import { enums } from './enums.ts'

/** An enclave that an answer is for. CloudTrail has what its document says instead. */
export const recipientInfo = {
  type: 'structure',
  unrecorded: true,
  members: {
    KeyEncryptionAlgorithm: { type: 'string', enum: enums.KeyEncryptionMechanism },
    AttestationDocument: { type: 'blob', min: 1, max: 262144 },
  },
} as const satisfies Member
