import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { factsOf, keySpecs } from '../server/src/keys/specs.ts'
import { createMetrics } from '../server/src/telemetry/metrics.ts'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const pages = markdownFiles(root)

test('the pages that a newcomer needs are there', () => {
  const names = pages.map((page) => relative(root, page))
  for (const name of [
    'README.md',
    'CHANGELOG.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'docs/architecture.md',
    'docs/security-model.md',
    'docs/operations.md',
    'docs/configuration.md',
    'docs/ciphertext.md',
    'docs/api-coverage.md',
    'docs/key-types.md',
    'docs/imported-material.md',
    'docs/iam.md',
    'docs/temporary-credentials.md',
    'docs/key-access.md',
    'docs/grants.md',
    'docs/policy-evaluation.md',
    'docs/access-analysis.md',
    'docs/forward-access.md',
  ]) {
    assert.ok(names.includes(name), name)
  }
})

test('every relative link leads to a file that exists, and to a heading that is in it', () => {
  const dead: string[] = []
  let checked = 0
  for (const page of pages) {
    for (const target of linkTargets(readFileSync(page, 'utf8'))) {
      if (/^[a-z][a-z0-9+.-]*:/i.test(target)) continue
      checked += 1
      const [path = '', fragment] = target.split('#')
      const file = path === '' ? page : resolve(dirname(page), decodeURIComponent(path))
      const lives =
        existsSync(file) && (fragment === undefined || headingIds(readFileSync(file, 'utf8')).has(fragment))
      if (!lives) dead.push(`${relative(root, page)}: ${target}`)
    }
  }
  assert.deepEqual(dead, [])
  assert.ok(checked > 20, `only ${checked} links were found: the pages were not read`)
})

test('every keywright command that a page shows exists, with the options that it shows', async () => {
  const commands = new Map<string, Set<string>>()
  for (const page of pages) {
    for (const { command, options } of keywrightCommands(readFileSync(page, 'utf8'))) {
      const known = commands.get(command) ?? new Set()
      for (const option of options) known.add(option)
      commands.set(command, known)
    }
  }
  assert.ok(commands.has('serve') && commands.has('audit verify'), [...commands.keys()].join(', '))
  // Settings are flags of every command; the help of the whole lists them.
  const general = await helpOf()
  for (const [command, options] of commands) {
    const help = await helpOf(...command.split(' '))
    assert.ok(isCommand(command, help), `keywright ${command}`)
    for (const option of options) {
      assert.match(help + general, new RegExp(`${option}(?![\\w-])`), `keywright ${command} ${option}`)
    }
  }
})

test('every file and folder of the repository that a page names in code is there', () => {
  let checked = 0
  for (const page of pages) {
    for (const [, path = ''] of readFileSync(page, 'utf8').matchAll(
      /`((?:bench|check|docs|server|setup|test|\.ci)\/[\w./-]*)`/g,
    )) {
      checked += 1
      assert.ok(existsSync(join(root, path)), `${relative(root, page)}: ${path}`)
    }
  }
  assert.ok(checked > 20, `only ${checked} paths were found: the pages were not read`)
})

test('docs/architecture.md describes the rooms that there are, and no other', () => {
  const source = join(root, 'server/src')
  const rooms = readdirSync(source, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'testing')
    .flatMap(({ name }) => (name === 'services' ? servicesIn(join(source, name)) : [`${name}/`]))
  const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8')
  const described = [...page.matchAll(/^\| `([a-z/-]+\/)` \|/gm)].map(([, room = '']) => room)
  const rest = described.filter((room) => !room.startsWith('test/'))
  assert.deepEqual(rest.toSorted(), rooms.toSorted())
})

test('docs/key-types.md has every key spec with its usages and algorithms, and no other', () => {
  const page = readFileSync(join(root, 'docs/key-types.md'), 'utf8')
  const [, table = ''] = page.split('\n## Specs, usages, algorithms\n')
  const shown = [...table.matchAll(/^\| ([A-Z][A-Z0-9_, ]+) \| ([A-Z_]+) \| ([A-Z0-9_, ]+) \|/gm)].flatMap(
    ([, names = '', usage, algorithms]) =>
      names.split(', ').map((spec) => [spec, usage, algorithms].join(' | ')),
  )
  const known = keySpecs.flatMap((spec) =>
    Object.entries(factsOf(spec).usages).map(([usage, algorithms]) =>
      [spec, usage, algorithms.join(', ')].join(' | '),
    ),
  )
  assert.deepEqual(shown.toSorted(), known.toSorted())
})

test('docs/operations.md explains the metrics that there are, and no other', async () => {
  const metrics = createMetrics({ operations: [] })
  metrics.observeCache('keys', () => ({ hits: 0, misses: 0 }))
  metrics.observeJournal(() => ({ pending: 0, oldestPendingMs: 0 }))
  metrics.observeLinks(() => ({ linked: 0, unreachable: 0, waiting: 0, diverged: 0 }))
  const told = namesIn(await metrics.text(), /^# TYPE (keywright_\w+)/gm)
  const explained = namesIn(readFileSync(join(root, 'docs/operations.md'), 'utf8'), /`(keywright_[a-z_]+)`/g)
  assert.ok(told.length > 5, told.join())
  assert.deepEqual(explained, told)
})

test('every npm script that a page shows exists', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  for (const page of pages) {
    for (const [shown, run, short] of readFileSync(page, 'utf8').matchAll(
      /\bnpm (?:run ([\w:-]+)|(start|test)\b)/g,
    )) {
      assert.ok(Object.hasOwn(scripts, run ?? short ?? ''), `${relative(root, page)}: ${shown}`)
    }
  }
})

test('every setting that a page names is explained in docs/configuration.md', () => {
  const explained = settings(readFileSync(join(root, 'docs/configuration.md'), 'utf8'))
  for (const page of pages) {
    for (const setting of settings(readFileSync(page, 'utf8'))) {
      assert.ok(explained.has(setting), `${relative(root, page)}: ${setting}`)
    }
  }
})

test('no page names a folder of somebody’s machine or the host of a package registry', () => {
  const leaks = [/\/(home|Users)\/[a-z]/i, /[a-z]:\\Users\\/i, /https?:\/\/[^\s"')]*registry/i]
  for (const page of pages) {
    const text = readFileSync(page, 'utf8')
    for (const leak of leaks) assert.doesNotMatch(text, leak, relative(root, page))
  }
})

function servicesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'testing')
    .map((entry) => `services/${entry.name}/`)
}

/** What the pattern's group matches, each once, sorted. */
function namesIn(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map(([, name = '']) => name))].toSorted()
}

function markdownFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      return entry.name === 'node_modules' || entry.name.startsWith('.') ? [] : markdownFiles(path)
    }
    return entry.name.endsWith('.md') ? [path] : []
  })
}

/** Targets of inline links and images, and of reference definitions; what stands in code is no link. */
function linkTargets(markdown: string): string[] {
  const prose = markdown.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`\n]*`/g, '')
  return [
    ...prose.matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g),
    ...prose.matchAll(/^\[[^\]]+\]:\s+(\S+)/gm),
  ].map((match) => match[1] ?? '')
}

/** The ids that a forge gives to headings: lower case, punctuation gone, spaces to hyphens. */
function headingIds(markdown: string): Set<string> {
  const headings = markdown.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/^#{1,6}\s+(.+)$/gm)
  return new Set(
    [...headings].map(([, heading = '']) =>
      heading
        .trim()
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(/\s/g, '-'),
    ),
  )
}

function settings(markdown: string): Set<string> {
  return new Set(markdown.match(/\bKEYWRIGHT_[A-Z0-9_]*[A-Z0-9]\b/g))
}

/**
 * Commands in code fences and code spans: the words after `keywright` until the first that is no command's
 * name (an option, an argument in capitals, a number, a path), and the long options on that line.
 */
function keywrightCommands(markdown: string): { command: string; options: string[] }[] {
  const fences = [...markdown.matchAll(/^```[^\n]*\n([\s\S]*?)^```/gm)].flatMap(([, body = '']) =>
    body.replaceAll(/\\\n\s*/g, ' ').split('\n'),
  )
  const spans = [...markdown.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/`([^`\n]+)`/g)].map(
    ([, span = '']) => span,
  )
  return [...fences, ...spans].flatMap((line) => {
    const [, rest] = /(?:^|.*[\s/])keywright ([a-z].*)$/.exec(line.replace(/\s#.*$/, '')) ?? []
    if (rest === undefined || /\bgit clone\b/.test(line)) return []
    const words = rest.split(/\s+/)
    const end = words.findIndex((word) => !/^[a-z][a-z-]*$/.test(word))
    const command = words.slice(0, end === -1 ? undefined : end).join(' ')
    return command === '' ? [] : [{ command, options: rest.match(/(?<=\s)--[a-z][a-z-]*/g) ?? [] }]
  })
}

/** Whether the help is that of the command, or of one that takes its last words for arguments. */
function isCommand(words: string, help: string): boolean {
  const [, command = '', rest = ''] = /^Usage: keywright ([a-z-]+(?: [a-z-]+)*)(.*)$/m.exec(help) ?? []
  const takesArguments = /<[^>]+>|\[(?!options\]|command\])[^\]]+\]/.test(rest)
  return words === command || (takesArguments && words.startsWith(`${command} `))
}

async function helpOf(...command: string[]): Promise<string> {
  const entry = join(root, 'server/src/cli/keywright.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [entry, ...command, '--help'])
  return stdout
}
