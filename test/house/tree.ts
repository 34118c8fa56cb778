/** The files of this repository, and the imports of each source file. */
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseAst } from 'rolldown/parseAst'

/** The root of the repository. This file runs from `dist/test/house`. */
export const ROOT: string = join(dirname(fileURLToPath(import.meta.url)), '../../..')

/** Folders that are not part of the repository. */
const FOREIGN = new Set(['node_modules', 'dist', '.git', '.npm'])

/** Every file below a folder, as paths from the root with forward slashes, in order. */
export function filesIn(folder: string): string[] {
  const found: string[] = []
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    if (FOREIGN.has(entry.name)) continue
    const path = posix.join(folder, entry.name)
    if (entry.isDirectory()) found.push(...filesIn(path))
    else if (entry.isFile()) found.push(path)
  }
  return found.toSorted()
}

export function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

/** One `import`, `export from`, `import()` or `import type`. */
export interface Import {
  /** The file that imports, from the root. */
  readonly from: string
  /** The imported file from the root, or the bare specifier of a package. */
  readonly to: string
  /** Is `to` a file of this repository? */
  readonly own: boolean
  /** Loaded together with the file: neither `import()` nor only types. */
  readonly loaded: boolean
}

/** The facts of one source file that the tests check. */
export interface Source {
  readonly path: string
  readonly imports: readonly Import[]
  /** `process`, as the global or as `node:process`. */
  readonly usesProcess: boolean
  readonly hasDefaultExport: boolean
  readonly lines: number
}

/** Parses a TypeScript file with the bundler's parser. */
export function sourceOf(path: string): Source {
  const text = read(path)
  const imports: Import[] = []
  let usesProcess = false
  let hasDefaultExport = false
  const add = (specifier: unknown, loaded: boolean): void => {
    if (typeof specifier !== 'string') return
    const own = specifier.startsWith('.')
    const to = own ? posix.join(posix.dirname(path), specifier) : specifier
    if (to === 'node:process') usesProcess = true
    imports.push({ from: path, to, own, loaded })
  }
  for (const node of nodesOf(parseAst(text, { lang: 'ts' }))) {
    const specifier = (node['source'] as { value?: unknown } | null | undefined)?.value
    const typesOnly = node['importKind'] === 'type' || node['exportKind'] === 'type'
    if (node.type === 'ExportDefaultDeclaration') hasDefaultExport = true
    else if (node.type === 'MemberExpression') usesProcess ||= isGlobalProcess(node['object'])
    else if (node.type === 'ImportExpression' || node.type === 'TSImportType') add(specifier, false)
    else if (/^(Import|ExportNamed|ExportAll)Declaration$/.test(node.type)) {
      add(specifier, !typesOnly)
    }
  }
  return { path, imports, usesProcess, hasDefaultExport, lines: text.split('\n').length - 1 }
}

interface SyntaxNode {
  readonly type: string
  readonly [property: string]: unknown
}

/** Every node of a syntax tree, parents first. */
function* nodesOf(value: unknown): Generator<SyntaxNode> {
  if (typeof value !== 'object' || value === null) return
  if ('type' in value && typeof value.type === 'string') yield value as SyntaxNode
  for (const child of Object.values(value)) yield* nodesOf(child)
}

function isGlobalProcess(object: unknown): boolean {
  const { type, name } = object as { type?: string; name?: string }
  return type === 'Identifier' && name === 'process'
}
