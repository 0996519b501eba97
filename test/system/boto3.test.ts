import assert from 'node:assert/strict'
import { runKeywright, type Credentials, type ServerProcess } from '../server-process.ts'
import { boto3Script } from './boto3-script.ts'

boto3Script(
  'promises.py',
  {
    application:
      'the KMSEncryption class of the study notes encrypts, decrypts and envelopes with Fernet, unchanged',
    envelope: 'the envelope encryption of the study notes runs unchanged',
    types: 'blobs, timestamps, numbers and texts arrive in the types that boto3 promises',
    answers_fit_the_model: "every answer has members, enums and blobs of boto3's own model",
    paginators: 'paginators walk every list to its end, in order',
    errors: 'errors have the code, the text and the exception type that programs catch',
    regions_and_accounts: 'another Region and another account have keys of their own',
    retries: 'no retry mode repeats what was refused, and connections are kept',
  },
  otherAccount,
)

async function otherAccount(server: ServerProcess) {
  const created = await runKeywright(['account', 'create', '999988887777'], server)
  assert.equal(created.code, 0, created.stderr)
  const given = await runKeywright(['credentials', 'create', '999988887777', '--json'], server)
  assert.equal(given.code, 0, given.stderr)
  const { accessKeyId, secretAccessKey } = JSON.parse(given.stdout) as Credentials
  return { OTHER_ACCESS_KEY_ID: accessKeyId, OTHER_SECRET_ACCESS_KEY: secretAccessKey }
}
