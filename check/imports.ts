import { readdirSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { parseSync, Visitor } from 'oxc-parser'
import type { SourceFile } from './arrows.ts'

/** Every .ts file under a folder with what it imports. */
export function sourceFiles(folder: string): SourceFile[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .sort()
    .map((path) => ({
      path: path.split(sep).join('/'),
      imports: importsOf(path, readFileSync(join(folder, path), 'utf8')),
    }))
}

/**
 * What a file imports, types and workers included: `import`, `export … from`, `import()`, `import('…').Type`, and
 * `new URL('…', import.meta.url)`, which is how a worker's file is named.
 * @throws Error when the file does not parse, or an `import()` names something only known at run time
 */
export function importsOf(path: string, source: string): string[] {
  const { errors, program } = parseSync(path, source)
  if (errors[0] !== undefined) throw new Error(`${path}: ${errors[0].message}`)
  const found = new Set<string>()
  const add = (node: { type: string; value?: unknown } | null) => {
    if (node?.type === 'Literal' && typeof node.value === 'string') found.add(node.value)
  }
  new Visitor({
    ImportDeclaration: (node) => add(node.source),
    ExportNamedDeclaration: (node) => add(node.source),
    ExportAllDeclaration: (node) => add(node.source),
    TSImportType: (node) => add(node.source),
    ImportExpression(node) {
      if (node.source.type !== 'Literal')
        throw new Error(`${path}: import() of something only known at run time`)
      add(node.source)
    },
    NewExpression(node) {
      const [file, base] = node.arguments
      if (node.callee.type !== 'Identifier' || node.callee.name !== 'URL' || file === undefined) return
      if (base?.type === 'MemberExpression' && base.object.type === 'MetaProperty') add(file)
    },
  }).visit(program)
  return [...found]
}
