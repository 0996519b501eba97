import { deleteImportedKeyMaterial } from './delete-imported-key-material.ts'
import { getParametersForImport } from './get-parameters-for-import.ts'
import { importKeyMaterial } from './import-key-material.ts'

/** The operations on imported key material, with what does them. */
export const importHandlers = {
  DeleteImportedKeyMaterial: deleteImportedKeyMaterial,
  GetParametersForImport: getParametersForImport,
  ImportKeyMaterial: importKeyMaterial,
} as const

/** Those of them that CloudTrail records as changing something. */
export const writingImportOperations = ['DeleteImportedKeyMaterial', 'ImportKeyMaterial'] as const
