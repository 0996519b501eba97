/**
 * The arrows between the rooms under server/src (docs/architecture.md): a file may import its own room, the leaf
 * files, and the rooms named here. Anything else, an unknown room included, is an error.
 */
const rooms: Readonly<Record<string, readonly string[]>> = {
  deployment: ['links', 'keys', 'identity', 'audit', 'telemetry', 'store', 'crypto', 'policy', 'egress'],
  http: ['wire', 'telemetry'],
  wire: ['services', 'identity', 'audit', 'telemetry', 'store'],
  services: [
    'links',
    'keys',
    'identity',
    'audit',
    'telemetry',
    'schedule',
    'policy',
    'crypto',
    'store',
    'egress',
  ],
  schedule: ['keys', 'identity', 'audit', 'telemetry', 'store'],
  links: ['schedule', 'keys', 'identity', 'audit', 'telemetry', 'policy', 'crypto', 'store', 'egress'],
  keys: ['policy', 'crypto', 'store', 'egress'],
  identity: ['policy', 'crypto', 'store', 'egress'],
  audit: ['crypto', 'store'],
  telemetry: ['store'],
  store: ['crypto'],
  policy: [],
  crypto: [],
  egress: [],
}

/** Facts that every room may import; they import nothing of ours. */
const leaves: readonly string[] = [
  'arn.ts',
  'aws-error.ts',
  'clock.ts',
  'private-file.ts',
  'random-uuid.ts',
  'regions.ts',
  'shape.ts',
  'strict-json.ts',
  'sync-directory.ts',
]

/** One file under server/src: its path from there with `/`, and what it imports, as written. */
export interface SourceFile {
  readonly path: string
  readonly imports: readonly string[]
}

/**
 * Every wrong arrow, one line each; none when all is well. Test files may import what they like.
 * @param packages names of npm packages that production code may import
 */
export function wrongArrows(files: readonly SourceFile[], packages: readonly string[]): string[] {
  const sources = files.filter(({ path }) => !isTest(path))
  const wrong: string[] = []
  const graph = new Map<string, string[]>()
  for (const { path, imports } of sources) {
    const targets: string[] = []
    graph.set(path, targets)
    if (roomOf(path) === undefined) wrong.push(`${path} is in no room that check/arrows.ts knows`)
    for (const specifier of imports) {
      const target = resolve(path, specifier)
      const reason = target === undefined ? wrongPackage(specifier, packages) : wrongImport(path, target)
      if (reason !== undefined) wrong.push(`${path} imports ${specifier}: ${reason}`)
      if (target !== undefined) targets.push(target)
    }
  }
  return [...wrong, ...cycles(graph)]
}

function wrongPackage(specifier: string, packages: readonly string[]): string | undefined {
  if (specifier.startsWith('node:')) return undefined
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  return packages.includes(name) ? undefined : 'not a dependency in server/package.json'
}

function wrongImport(from: string, to: string): string | undefined {
  // Named, not imported: the version that is printed, and where compiled code is kept.
  if (to === '../package.json' || to === '../../node_modules/.cache/keywright') return undefined
  if (to.startsWith('../')) return 'outside server/src'
  if (isTest(to)) return 'a test file'
  const [here, there] = [roomOf(from), roomOf(to)]
  if (here === undefined) return undefined
  if (there === undefined) return `${to} is in no room that check/arrows.ts knows`
  if (here === 'leaf') return 'a leaf file imports nothing of ours'
  if (there === 'leaf' || here === 'main') return undefined
  if (there === 'main') return here === 'cli' ? undefined : 'only cli may import main.ts'
  if (there === 'config')
    return here === 'cli' || here === 'config' ? undefined : 'only main.ts and cli may import config.ts'
  if (here === 'cli') return undefined
  if (here === 'services' && there === 'services') return wrongService(from, to)
  if (here === there || rooms[here]?.includes(there)) return undefined
  return `${here} may not import ${there}`
}

/** services/*.ts is shared by the services' folders and knows none of them; the folders do not know each other. */
function wrongService(from: string, to: string): string | undefined {
  const [here, there] = [folderOf(from), folderOf(to)]
  if (there === undefined || here === there) return undefined
  return here === undefined
    ? 'what services share may not import one of them'
    : `service ${here} may not import service ${there}`
}

/** `leaf`, `main`, `config`, `cli`, or the name of a room; undefined for a place that has no rule. */
function roomOf(path: string): string | undefined {
  if (leaves.includes(path)) return 'leaf'
  if (path === 'main.ts' || path.startsWith('main/')) return 'main'
  if (path === 'config.ts' || path === 'settings.ts') return 'config'
  const [room, rest] = path.split('/')
  if (room === undefined || rest === undefined) return undefined
  return room === 'cli' || Object.hasOwn(rooms, room) ? room : undefined
}

/** `kms` for services/kms/encrypt.ts; undefined for services/call.ts. */
function folderOf(path: string): string | undefined {
  const parts = path.split('/')
  return parts.length > 2 ? parts[1] : undefined
}

function isTest(path: string): boolean {
  return /\.(test|suite)\.ts$/.test(path) || `/${path}`.includes('/testing/')
}

/** The path from server/src that a relative specifier means; undefined for a package. */
function resolve(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  const parts = from.split('/').slice(0, -1)
  for (const part of specifier.split('/')) {
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/')
}

/** Each import that closes a circle is one line, with the way round. */
function cycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const way: string[] = []
  const visit = (path: string): void => {
    if (done.has(path)) return
    const start = way.indexOf(path)
    if (start >= 0) {
      found.push(`cycle: ${[...way.slice(start), path].join(' → ')}`)
      return
    }
    way.push(path)
    for (const target of graph.get(path) ?? []) if (target !== path) visit(target)
    way.pop()
    done.add(path)
  }
  for (const path of graph.keys()) visit(path)
  return found
}
