import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Tag } from '@aws-sdk/client-kms'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer } from '../server-process.ts'

const server = await startServer()
const kms = kmsClient(server)
after(() => server.stop())

async function tagsOf(KeyId: string): Promise<Record<string, string>> {
  const { Tags = [], Truncated } = await kms.listResourceTags({ KeyId })
  assert.equal(Truncated, false)
  return Object.fromEntries(Tags.map((tag) => [tag.TagKey, tag.TagValue]))
}

const numbered = (count: number, from = 0): Tag[] =>
  Array.from({ length: count }, (_, i) => ({ TagKey: `tag-${from + i}`, TagValue: String(i) }))

test('a key has the tags that it was created with and those that were added since, without those taken away', async () => {
  const { id, arn } = await newKey(kms, {
    Tags: [
      { TagKey: 'Project', TagValue: 'blue' },
      { TagKey: 'empty', TagValue: '' },
    ],
  })
  assert.deepEqual(await tagsOf(id), { Project: 'blue', empty: '' })
  await kms.tagResource({
    KeyId: arn,
    Tags: [
      { TagKey: 'Project', TagValue: 'red' },
      { TagKey: 'project', TagValue: 'ü \u{1F511}' },
    ],
  })
  assert.deepEqual(await tagsOf(arn), { Project: 'red', empty: '', project: 'ü \u{1F511}' })
  await kms.untagResource({ KeyId: id, TagKeys: ['Project', 'never was'] })
  assert.deepEqual(await tagsOf(id), { empty: '', project: 'ü \u{1F511}' })
  await kms.untagResource({ KeyId: arn, TagKeys: ['empty', 'project'] })
  assert.deepEqual(await tagsOf(id), {})
})

test('a key that was created without tags has none', async () => {
  assert.deepEqual(await tagsOf((await newKey(kms, { Tags: [] })).id), {})
})

test('names that JavaScript objects have are ordinary tag keys', async () => {
  const { id } = await newKey(kms)
  await kms.tagResource({
    KeyId: id,
    Tags: [
      { TagKey: '__proto__', TagValue: '1' },
      { TagKey: 'constructor', TagValue: '2' },
    ],
  })
  const { Tags = [] } = await kms.listResourceTags({ KeyId: id })
  assert.deepEqual(Tags.map((tag) => `${tag.TagKey}=${tag.TagValue}`).toSorted(), [
    '__proto__=1',
    'constructor=2',
  ])
})

test('duplicate and reserved tag keys are refused, at creation too', async () => {
  const { id } = await newKey(kms)
  const calls = [
    (Tags: Tag[]) => kms.tagResource({ KeyId: id, Tags }),
    (Tags: Tag[]) => kms.createKey({ Tags }),
  ]
  for (const call of calls) {
    const twice = [
      { TagKey: 'a', TagValue: '1' },
      { TagKey: 'a', TagValue: '1' },
    ]
    await assertRefused(call(twice), 'TagException', 'Duplicate tag keys')
    await assertRefused(
      call([{ TagKey: 'aws:mine', TagValue: '1' }]),
      'TagException',
      'Tags beginning with aws: are reserved',
    )
  }
  assert.deepEqual(await tagsOf(id), {})
})

test('a reserved tag key cannot be taken away either', async () => {
  const { id } = await newKey(kms)
  await assertRefused(
    kms.untagResource({ KeyId: id, TagKeys: ['aws:mine'] }),
    'TagException',
    'Tags beginning with aws: are reserved',
  )
})

test('tags that are set at once are all set, and never more than 50', async () => {
  const { id } = await newKey(kms, { Tags: numbered(40) })
  const outcomes = await Promise.allSettled(
    numbered(20, 40).map((tag) => kms.tagResource({ KeyId: id, Tags: [tag] })),
  )
  const refusals = outcomes.flatMap((each) =>
    each.status === 'rejected' ? [(each.reason as Error).name] : [],
  )
  assert.deepEqual(refusals, Array<string>(10).fill('TagException'))
  assert.equal(Object.keys(await tagsOf(id)).length, 50)
})

test('a key has at most 50 tags', async () => {
  await assertRefused(kms.createKey({ Tags: numbered(51) }), 'TagException', 'Too many tags')
  const { id } = await newKey(kms, { Tags: numbered(49) })
  await assertRefused(kms.tagResource({ KeyId: id, Tags: numbered(2, 49) }), 'TagException', 'Too many tags')
  await kms.tagResource({ KeyId: id, Tags: numbered(1, 49) })
  // A new value of a tag that is there needs no room.
  await kms.tagResource({ KeyId: id, Tags: [{ TagKey: 'tag-7', TagValue: 'changed' }] })
  const tags = await tagsOf(id)
  assert.equal(Object.keys(tags).length, 50)
  assert.equal(tags['tag-7'], 'changed')
})

test('tag keys have 1 to 128 characters and values up to 256; what breaks it is named by its place', async () => {
  const { id } = await newKey(kms)
  const longest = { TagKey: 'k'.repeat(128), TagValue: 'v'.repeat(256) }
  await kms.tagResource({ KeyId: id, Tags: [longest] })
  assert.deepEqual(await tagsOf(id), { [longest.TagKey]: longest.TagValue })
  await assertRefused(
    kms.tagResource({
      KeyId: id,
      Tags: [
        { TagKey: 'ok', TagValue: '' },
        { TagKey: '', TagValue: '' },
      ],
    }),
    'ValidationException',
    "1 validation error detected: Value '' at 'tags.2.member.tagKey' failed to satisfy constraint: " +
      'Member must have length greater than or equal to 1',
  )
  await assertRefused(
    kms.tagResource({ KeyId: id, Tags: [{ TagKey: 'k'.repeat(129), TagValue: 'v'.repeat(257) }] }),
    'ValidationException',
    /^2 validation errors detected: .*'tags\.1\.member\.tagKey'.* 128; .*'tags\.1\.member\.tagValue'.* 256$/,
  )
  await assertRefused(kms.untagResource({ KeyId: id, TagKeys: [''] }), 'ValidationException', /at 'tagKeys/)
  assert.deepEqual(await tagsOf(id), { [longest.TagKey]: longest.TagValue })
})

test('tags of one key are no tags of another', async () => {
  const [one, two] = [await newKey(kms), await newKey(kms)]
  await kms.tagResource({ KeyId: one.id, Tags: [{ TagKey: 'a', TagValue: '1' }] })
  assert.deepEqual(await tagsOf(two.id), {})
})
