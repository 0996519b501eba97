import { test } from 'node:test'
import { clockAhead } from '../server-process.ts'
import { boto3Script } from './boto3-script.ts'

const { keeps, restart } = boto3Script('identities.py', {
  waiters_and_resources: 'waiters end, resources work and documents arrive as objects',
  paginators: 'paginators walk users, policies and grants to their end, each once',
  errors: 'errors have the code, the status, the text and the exception type that programs catch',
  grants: 'a grant lets its grantee in, and is retired by it',
  presigned: 'a presigned GetCallerIdentity says who signed it, to whoever sends it as it was signed',
})

test('a session may what its role and its session policy may, until it expires', async () => {
  await keeps('sessions')
  await restart({ nodeArgs: clockAhead(3_600_000) })
  await keeps('expired_sessions')
})
