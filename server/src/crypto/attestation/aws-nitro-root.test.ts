import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { awsNitroRootPem } from './aws-nitro-root.ts'
import { createAttestationVerifier } from './attestation-verifier.ts'

test('the root for AWS has the fingerprint that AWS publishes, and can begin a chain', () => {
  const root = new X509Certificate(awsNitroRootPem)
  assert.equal(
    root.fingerprint256,
    '64:1A:03:21:A3:E2:44:EF:E4:56:46:31:95:D6:06:31:7E:D7:CD:CC:3C:17:56:E0:98:93:F3:C6:8F:79:BB:5B',
  )
  assert.equal(root.subject, 'C=US\nO=Amazon\nOU=AWS\nCN=aws.nitro-enclaves')
  createAttestationVerifier([root.raw], () => Date.now())
})
