import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wrongArrows } from './arrows.ts'
import { importsOf } from './imports.ts'

/** The complaints about one file that imports one thing. */
const complaint = (path: string, specifier: string) =>
  wrongArrows([{ path, imports: [specifier] }], ['kysely'])

const allowed: [path: string, specifier: string][] = [
  ['main.ts', './http/server.ts'],
  ['main.ts', './config.ts'],
  ['main.ts', './main/listening.ts'],
  ['main/listening.ts', '../http/server.ts'],
  ['cli/keywright.ts', '../main.ts'],
  ['cli/serve.ts', '../config.ts'],
  ['cli/audit.ts', '../audit/verify.ts'],
  ['http/server.ts', '../wire/dispatch.ts'],
  ['wire/dispatch.ts', '../services/kms/encrypt.ts'],
  ['services/kms/encrypt.ts', '../operation.ts'],
  ['services/kms/encrypt.ts', '../../keys/find.ts'],
  ['services/kms/encrypt.ts', './refusal.ts'],
  ['keys/material.ts', '../crypto/wrap.ts'],
  ['store/rows.ts', 'kysely'],
  ['crypto/kdf.ts', 'node:crypto'],
  ['crypto/kdf.ts', '../clock.ts'],
  ['store/rows.test.ts', '../http/server.ts'],
  ['store/rows.test.ts', '../../../test/server.ts'],
  ['store/rows.test.ts', '../testing/held-clock.ts'],
  ['testing/held-clock.ts', '../clock.ts'],
]

const refused: [path: string, specifier: string, reason: RegExp][] = [
  ['crypto/kdf.ts', '../store/store.ts', /crypto may not import store/],
  ['policy/decide.ts', '../identity/principal.ts', /policy may not import identity/],
  ['egress/connect.ts', '../crypto/random.ts', /egress may not import crypto/],
  ['telemetry/log.ts', '../audit/journal.ts', /telemetry may not import audit/],
  ['keys/find.ts', '../identity/principal.ts', /keys may not import identity/],
  ['keys/find.ts', '../services/kms/encrypt.ts', /keys may not import services/],
  ['http/server.ts', '../store/store.ts', /http may not import store/],
  ['wire/dispatch.ts', '../http/server.ts', /wire may not import http/],
  ['services/sts/identity.ts', '../kms/encrypt.ts', /service sts may not import service kms/],
  ['services/operation.ts', './kms/encrypt.ts', /what services share/],
  ['wire/dispatch.ts', '../main.ts', /only cli may import main/],
  ['wire/dispatch.ts', '../main/listening.ts', /only cli may import main/],
  ['store/store.ts', '../config.ts', /only main\.ts and cli may import config/],
  ['store/store.ts', '../cli/serve.ts', /store may not import cli/],
  ['config.ts', './store/store.ts', /config may not import store/],
  ['arn.ts', './clock.ts', /a leaf file imports nothing/],
  ['crypto/kdf.ts', '../../../test/vectors.ts', /outside server\/src/],
  ['crypto/kdf.ts', './kdf.test.ts', /a test file/],
  ['store/store.ts', '../testing/held-clock.ts', /a test file/],
  ['crypto/kdf.ts', '../utils/bytes.ts', /in no room/],
  ['store/store.ts', '@aws-sdk/client-kms', /not a dependency/],
]

for (const [path, specifier] of allowed) {
  test(`${path} may import ${specifier}`, () => assert.deepEqual(complaint(path, specifier), []))
}

for (const [path, specifier, reason] of refused) {
  test(`${path} may not import ${specifier}`, () => {
    const [line = '', ...more] = complaint(path, specifier)
    assert.match(line, reason)
    assert.ok(line.startsWith(`${path} imports ${specifier}: `))
    assert.deepEqual(more, [])
  })
}

test('a file outside every room is refused whatever it imports', () => {
  for (const path of ['bytes.ts', 'bytes/join.ts']) {
    assert.deepEqual(wrongArrows([{ path, imports: [] }], []), [
      `${path} is in no room that check/arrows.ts knows`,
    ])
  }
})

test('files that import each other in a circle are refused, with the way round', () => {
  const files = [
    { path: 'crypto/a.ts', imports: ['./b.ts'] },
    { path: 'crypto/b.ts', imports: ['./c.ts'] },
    { path: 'crypto/c.ts', imports: ['./a.ts'] },
  ]
  assert.deepEqual(wrongArrows(files, []), ['cycle: crypto/a.ts → crypto/b.ts → crypto/c.ts → crypto/a.ts'])
})

test('every way to import a file counts as an arrow', () => {
  const source = `
    import type { A } from './type.ts'
    import { b } from './value.ts'
    import './effect.ts'
    export * from './all.ts'
    export { d } from './named.ts'
    type E = import('./type-position.ts').E
    const worker = new Worker(new URL('./worker.ts', import.meta.url))
    const lazy = await import('./lazy.ts')
    // import './comment.ts'
    const text = "import './text.ts'"`
  assert.deepEqual(
    importsOf('x.ts', source).sort(),
    ['all', 'effect', 'lazy', 'named', 'type-position', 'type', 'value', 'worker'].map(
      (name) => `./${name}.ts`,
    ),
  )
})

test('an import whose target is only known at run time is refused', () => {
  assert.throws(() => importsOf('x.ts', 'await import(name)'), /only known at run time/)
})
