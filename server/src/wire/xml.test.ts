import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Members } from '../shape.ts'
import { xmlMembers, xmlText } from './xml.ts'

test('an answer is written after its shape', () => {
  const members = {
    Name: { type: 'string' },
    Count: { type: 'integer' },
    Enabled: { type: 'boolean' },
    Made: { type: 'timestamp' },
    Used: { type: 'timestamp' },
    Bytes: { type: 'blob' },
    Users: { type: 'list', of: { type: 'structure', members: { Id: { type: 'string' } } } },
    Summary: { type: 'map', key: { type: 'string' }, value: { type: 'string' } },
    Absent: { type: 'string' },
  } as const satisfies Members
  assert.equal(
    xmlMembers(members, {
      Unknown: 'left out',
      Name: 'a<b>&"c"',
      Count: 0,
      Enabled: false,
      Made: new Date('2026-11-22T10:00:00Z'),
      Used: new Date('2026-11-22T10:00:00.250Z'),
      Bytes: Buffer.from('x'),
      Users: [{ Id: '1' }, {}],
      Summary: new Map([['<k>', 'v']]),
      Absent: undefined,
    }),
    '<Name>a&lt;b&gt;&amp;&quot;c&quot;</Name><Count>0</Count><Enabled>false</Enabled><Made>2026-11-22T10:00:00Z</Made>' +
      '<Used>2026-11-22T10:00:00.250Z</Used><Bytes>eA==</Bytes><Users><member><Id>1</Id></member><member></member></Users>' +
      '<Summary><entry><key>&lt;k&gt;</key><value>v</value></entry></Summary>',
  )
})

test('no text can leave its element, and what XML cannot hold is replaced', () => {
  assert.equal(xmlText('a\r\n\tb'), 'a&#xD;\n\tb')
  assert.equal(xmlText('\u0000\u001f\ufffe\ud800'), '\ufffd'.repeat(4))
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const xml = xmlText(text)
      assert.doesNotMatch(xml, /[<>"]/)
      assert.doesNotMatch(xml, /&(?!amp;|lt;|gt;|quot;|#xD;)/)
      assert.ok(xml.isWellFormed())
    }),
  )
})
