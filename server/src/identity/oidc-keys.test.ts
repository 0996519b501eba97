import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heldClock } from '../testing/held-clock.ts'
import { createOidcKeys, OidcKeysError } from './oidc-keys.ts'

test('an account whose issuers do not answer leaves room for those of others', async () => {
  const clock = heldClock()
  const asked: string[] = []
  const release: (() => void)[] = []
  const egress = {
    get(url: string): Promise<Buffer> {
      asked.push(new URL(url).hostname)
      return new Promise((_, reject) => {
        release.push(() => {
          reject(new TypeError('the test is over'))
        })
      })
    },
  }
  const keys = createOidcKeys({ egress, now: () => clock.now(), onFailure() {} })
  const looking = ['a', 'b', 'c', 'd'].map((name) =>
    assert.rejects(keys.of(`https://${name}.example`, '111111111111'), OidcKeysError),
  )
  looking.push(assert.rejects(keys.of('https://e.example', '222222222222'), OidcKeysError))
  assert.deepEqual(asked, ['a.example', 'b.example', 'e.example'])
  for (const end of release) end()
  await Promise.all(looking)

  const later = assert.rejects(keys.of('https://c.example', '111111111111'), OidcKeysError)
  assert.deepEqual(asked.slice(3), ['c.example'])
  release.at(-1)?.()
  await later
})
