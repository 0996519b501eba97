import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { kmsClient, newKey } from '../kms-client.ts'
import { startServer } from '../server-process.ts'

const server = await startServer()
const kms = kmsClient(server)
after(() => server.stop())

interface Page {
  readonly items: readonly (string | undefined)[]
  readonly next: string | undefined
}
type List = (Limit: number, Marker: string | undefined) => Promise<Page>

const keys = await Promise.all(Array.from({ length: 23 }, () => newKey(kms)))
const KeyId = keys[0]?.id
const letters = fc.sample(fc.stringMatching(/^[a-zA-Z0-9/_-]{1,30}$/), { numRuns: 40, seed: 1 })
const aliases = [...new Set(letters)].map((name) => `alias/${name}`)
for (const [index, AliasName] of aliases.entries()) {
  await kms.createAlias({ AliasName, TargetKeyId: keys[index % 3]?.id })
}
const tagKeys = [
  ...new Set(
    fc.sample(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }), { numRuns: 45, seed: 1 }),
  ),
]
await kms.tagResource({ KeyId, Tags: tagKeys.map((TagKey) => ({ TagKey, TagValue: '' })) })

const lists: Record<string, [expected: readonly (string | undefined)[], list: List]> = {
  ListKeys: [
    keys.map(({ id }) => id),
    async (Limit, Marker) => {
      const { Keys = [], NextMarker } = await kms.listKeys({ Limit, Marker })
      return { items: Keys.map((key) => key.KeyId), next: NextMarker }
    },
  ],
  ListAliases: [
    aliases,
    async (Limit, Marker) => {
      const { Aliases = [], NextMarker } = await kms.listAliases({ Limit, Marker })
      return { items: Aliases.map((alias) => alias.AliasName), next: NextMarker }
    },
  ],
  'ListAliases of a key': [
    aliases.filter((_, index) => index % 3 === 0),
    async (Limit, Marker) => {
      const { Aliases = [], NextMarker } = await kms.listAliases({ KeyId, Limit, Marker })
      return { items: Aliases.map((alias) => alias.AliasName), next: NextMarker }
    },
  ],
  ListResourceTags: [
    tagKeys,
    async (Limit, Marker) => {
      const { Tags = [], NextMarker } = await kms.listResourceTags({ KeyId, Limit, Marker })
      return { items: Tags.map((tag) => tag.TagKey), next: NextMarker }
    },
  ],
}

for (const [name, [expected, list]] of Object.entries(lists)) {
  test(`${name}: pages of any lengths hold each item once, in one order`, async () => {
    const inOrder: string[] = []
    const property = fc.asyncProperty(fc.infiniteStream(fc.integer({ min: 1, max: 50 })), async (limits) => {
      const items: (string | undefined)[] = []
      let next: string | undefined
      for (const limit of limits) {
        const page: Page = await list(limit, next)
        assert.ok(page.items.length <= limit)
        items.push(...page.items)
        next = page.next
        if (next === undefined) break
      }
      assert.equal(items.length, expected.length)
      assert.deepEqual(new Set(items), new Set(expected))
      inOrder.push(items.join('\n'))
    })
    await fc.assert(property, { numRuns: 15 })
    assert.equal(new Set(inOrder).size, 1)
  })
}
