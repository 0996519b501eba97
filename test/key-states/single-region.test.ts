import assert from 'node:assert/strict'
import { test } from 'node:test'
import { operationNames } from '../../server/src/services/kms/operation-names.ts'
import { supportedOperations } from '../../server/src/services/kms/service.ts'
import { documented, keyStates, withoutKey } from './documented-states.ts'
import { keyStatesTests } from './key-states.ts'

const ofCustomKeyStores = operationNames.filter((name) => name.includes('CustomKeyStore'))

test('every operation that is served is in the table, in every state, or is on no key', () => {
  const inTable = Object.keys(documented)
  assert.deepEqual([...inTable, ...withoutKey].toSorted(), [...supportedOperations].toSorted())
  assert.deepEqual(
    [...inTable, ...withoutKey, ...ofCustomKeyStores].toSorted(),
    [...operationNames].toSorted(),
  )
  for (const [operation, states] of Object.entries(documented))
    for (const state of keyStates) assert.ok(states[state].length > 0, `${operation} in ${state}`)
})

keyStatesTests(false)
