import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer } from '../server-process.ts'

const server = await startServer()
const kms = kmsClient(server)
after(() => server.stop())

interface Page {
  readonly items: readonly string[]
  readonly NextMarker?: string | undefined
  readonly Truncated?: boolean | undefined
}
type List = (request: { Limit?: number; Marker?: string }) => Promise<Page>

const keys = await Promise.all(Array.from({ length: 7 }, () => newKey(kms)))
const [{ id: KeyId }] = keys as [{ id: string; arn: string }]
for (let i = 0; i < 6; i++) await kms.createAlias({ AliasName: `alias/page/${i}`, TargetKeyId: KeyId })
await kms.createAlias({ AliasName: 'alias/of-another', TargetKeyId: keys[1]?.id })
// Neither a line feed nor what is longer in bytes than in characters may confuse a marker.
const tagKeys = ['a', 'B', 'ü'.repeat(128), 'line\nfeed', 'z/\u{1F511}', ':', '\u0001']
await kms.tagResource({ KeyId, Tags: tagKeys.map((TagKey) => ({ TagKey, TagValue: '' })) })

const lists: Record<string, List> = {
  ListKeys: async (request) => {
    const { Keys = [], ...rest } = await kms.listKeys(request)
    return { ...rest, items: Keys.map((key) => key.KeyId ?? '') }
  },
  ListAliases: async (request) => {
    const { Aliases = [], ...rest } = await kms.listAliases(request)
    return { ...rest, items: Aliases.map((alias) => alias.AliasName ?? '') }
  },
  'ListAliases of a key': async (request) => {
    const { Aliases = [], ...rest } = await kms.listAliases({ KeyId, ...request })
    return { ...rest, items: Aliases.map((alias) => alias.AliasName ?? '') }
  },
  ListResourceTags: async (request) => {
    const { Tags = [], ...rest } = await kms.listResourceTags({ KeyId, ...request })
    return { ...rest, items: Tags.map((tag) => tag.TagKey ?? '') }
  },
  ListKeyPolicies: async (request) => {
    const { PolicyNames = [], ...rest } = await kms.listKeyPolicies({ KeyId, ...request })
    return { ...rest, items: PolicyNames }
  },
}
const expected: Record<string, readonly string[]> = {
  ListKeys: keys.map(({ id }) => id),
  ListAliases: ['alias/of-another', ...Array.from({ length: 6 }, (_, i) => `alias/page/${i}`)],
  'ListAliases of a key': Array.from({ length: 6 }, (_, i) => `alias/page/${i}`),
  ListResourceTags: tagKeys,
  ListKeyPolicies: ['default'],
}

for (const [name, list] of Object.entries(lists)) {
  const everything = (expected[name] ?? []).toSorted()

  test(`${name}: pages of each length hold each item once, and only the last one has no marker`, async () => {
    for (const Limit of [1, 2, 3, everything.length, everything.length + 1, undefined]) {
      const items: string[] = []
      let page: Page | undefined
      do {
        const Marker = page?.NextMarker
        page = await list({ ...(Limit !== undefined && { Limit }), ...(Marker !== undefined && { Marker }) })
        assert.equal(page.Truncated, page.NextMarker !== undefined)
        assert.ok(page.items.length <= (Limit ?? Infinity))
        if (page.Truncated) assert.equal(page.items.length, Limit, 'a page that is not the last is full')
        items.push(...page.items)
      } while (page.NextMarker !== undefined)
      assert.deepEqual(items.toSorted(), everything)
    }
  })

  test(`${name}: a Limit is 1 to 1000`, async () => {
    await assertRefused(
      list({ Limit: 0 }),
      'ValidationException',
      "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: " +
        'Member must have value greater than or equal to 1',
    )
    await assertRefused(
      list({ Limit: 1001 }),
      'ValidationException',
      "1 validation error detected: Value '1001' at 'limit' failed to satisfy constraint: " +
        'Member must have value less than or equal to 1000',
    )
  })

  test(`${name}: what was given out by no page of this list is no marker`, async () => {
    const others = await Promise.all(
      Object.entries(lists)
        .filter(([other]) => other.split(' ')[0] !== name.split(' ')[0])
        .map(async ([, other]) => (await other({ Limit: 1 })).NextMarker),
    )
    const foreign = others.filter((marker) => marker !== undefined)
    assert.ok(foreign.length >= 2)
    for (const Marker of [...foreign, 'nonsense', 'AAAA', `${foreign[0]}=`, ' ', 'x'.repeat(1024)]) {
      await assertRefused(list({ Marker }), 'InvalidMarkerException', /./)
    }
    await assertRefused(list({ Marker: 'x'.repeat(1025) }), 'ValidationException', /at 'marker'.* 1024$/)
    await assertRefused(
      list({ Marker: '' }),
      'ValidationException',
      /at 'marker'.*greater than or equal to 1$/,
    )
    await assertRefused(
      list({ Marker: '\u{1F511}' }),
      'ValidationException',
      /at 'marker'.*regular expression pattern/,
    )
  })
}

test('without a Limit a page holds 100 keys or 50 aliases', async () => {
  const elsewhere = kmsClient(server, { region: 'eu-west-2' })
  const many = await Promise.all(Array.from({ length: 101 }, () => newKey(elsewhere)))
  await Promise.all(
    many
      .slice(0, 51)
      .map(({ id }, index) => elsewhere.createAlias({ AliasName: `alias/${index}`, TargetKeyId: id })),
  )
  const { Keys, Truncated: moreKeys } = await elsewhere.listKeys({})
  const { Aliases, Truncated: moreAliases } = await elsewhere.listAliases({})
  assert.deepEqual([Keys?.length, moreKeys, Aliases?.length, moreAliases], [100, true, 50, true])
})

test('items that come or go between two pages move none of the others', async () => {
  const first = await lists['ListAliases of a key']?.({ Limit: 3 })
  assert.ok(first?.NextMarker !== undefined)
  // The last one of the page goes, one before it comes, one after it comes.
  await kms.deleteAlias({ AliasName: 'alias/page/2' })
  await kms.createAlias({ AliasName: 'alias/page/0-new', TargetKeyId: KeyId })
  await kms.createAlias({ AliasName: 'alias/page/9', TargetKeyId: KeyId })
  const second = await lists['ListAliases of a key']?.({ Marker: first.NextMarker })
  assert.deepEqual(
    [...first.items, ...(second?.items ?? [])],
    ['0', '1', '2', '3', '4', '5', '9'].map((end) => `alias/page/${end}`),
  )
})
