import { encryptionAlgorithms, macAlgorithms, namesOf, signingAlgorithms } from '../../keys/algorithms.ts'
import { lastUsageOperations } from '../../keys/key-use.ts'
import { wrappingAlgorithmsIn, wrappingKeySpecsIn } from '../../keys/import-wrapping.ts'
import {
  algorithmsOf,
  customerMasterKeySpecsIn,
  dataKeyPairSpecsIn,
  factsOf,
  keySpecsIn,
  type KeyUsage,
} from '../../keys/specs.ts'

const keyUsages: readonly KeyUsage[] = [
  'SIGN_VERIFY',
  'ENCRYPT_DECRYPT',
  'GENERATE_VERIFY_MAC',
  'KEY_AGREEMENT',
  'ENCAPSULATE_DECAPSULATE',
]

/** AWS's enumerations in a partition, as far as keys of its specs have the values. */
function enumsIn(partition: string) {
  const keySpecs = keySpecsIn(partition)
  const had = <Algorithm extends string>(usage: KeyUsage, algorithms: readonly Algorithm[]) =>
    algorithms.filter((each) => keySpecs.some((spec) => algorithmsOf(spec, usage).includes(each)))
  return {
    KeyUsageType: keyUsages.filter((usage) =>
      keySpecs.some((spec) => factsOf(spec).usages[usage] !== undefined),
    ) as readonly KeyUsage[],
    CustomerMasterKeySpec: customerMasterKeySpecsIn(partition),
    KeySpec: keySpecs,
    DataKeyPairSpec: dataKeyPairSpecsIn(partition),
    OriginType: ['AWS_KMS', 'EXTERNAL', 'AWS_CLOUDHSM', 'EXTERNAL_KEY_STORE'],
    EncryptionAlgorithmSpec: had('ENCRYPT_DECRYPT', encryptionAlgorithms),
    DryRunModifierType: ['IGNORE_CIPHERTEXT'],
    DataKeySpec: ['AES_256', 'AES_128'],
    KeyState: [
      'Creating',
      'Enabled',
      'Disabled',
      'PendingDeletion',
      'PendingImport',
      'PendingReplicaDeletion',
      'Unavailable',
      'Updating',
    ],
    ExpirationModelType: ['KEY_MATERIAL_EXPIRES', 'KEY_MATERIAL_DOES_NOT_EXPIRE'],
    KeyManagerType: ['AWS', 'CUSTOMER'],
    SigningAlgorithmSpec: had('SIGN_VERIFY', namesOf(signingAlgorithms)),
    MessageType: ['RAW', 'DIGEST', 'EXTERNAL_MU'],
    KeyAgreementAlgorithmSpec: ['ECDH'],
    EncapsulationAlgorithmSpec: ['ML_KEM'],
    MacAlgorithmSpec: namesOf(macAlgorithms),
    KeyLastUsageTrackingOperation: lastUsageOperations,
    KeyEncryptionMechanism: ['RSAES_OAEP_SHA_256'],
    AlgorithmSpec: wrappingAlgorithmsIn(partition),
    WrappingKeySpec: wrappingKeySpecsIn(partition),
    ImportType: ['NEW_KEY_MATERIAL', 'EXISTING_KEY_MATERIAL'],
    RotationType: ['AUTOMATIC', 'ON_DEMAND'],
    IncludeKeyMaterial: ['ALL_KEY_MATERIAL', 'ROTATIONS_ONLY'],
    KeyMaterialState: [
      'NON_CURRENT',
      'CURRENT',
      'PENDING_ROTATION',
      'PENDING_MULTI_REGION_IMPORT_AND_ROTATION',
    ],
    ImportState: ['IMPORTED', 'PENDING_IMPORT'],
    MultiRegionKeyType: ['PRIMARY', 'REPLICA'],
  } as const
}

/** Outside China, where AWS's errors do not name what only China Regions have. */
export const enums = enumsIn('aws')

/** In China Regions. */
export const enumsInChina = enumsIn('aws-cn')
