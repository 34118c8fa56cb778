/**
 * The types that programs compile against: the declarations that the library's entry reaches, and
 * no others. A program may lack packages and the types of Node, so declarations that need these are
 * an error. The build writes them.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'

/** Where the compiler writes declarations, and where the package has them. */
const COMPILED = 'dist/src'
const PUBLIC = 'dist/types'
const ENTRY = 'dstore.d.ts'

/** The declarations by their paths. Throws if one imports from outside of them. */
export function publicTypes(read: (path: string) => string, entry: string): Map<string, string> {
  const found = new Map<string, string>()
  const visit = (path: string): void => {
    if (found.has(path)) return
    const text = read(path)
    // Older compilers know no specifiers that end in `.ts`.
    found.set(
      path,
      text.replaceAll(SPECIFIER, (all) => all.replace(/\.ts(?=['"])/, '.js')),
    )
    for (const [, specifier] of text.matchAll(SPECIFIER)) {
      if (!specifier!.startsWith('.')) {
        throw new Error(`${path} is part of the public types, and imports ${specifier}`)
      }
      visit(posix.join(posix.dirname(path), specifier!.replace(/\.[jt]s$/, '.d.ts')))
    }
    if (/\bNodeJS\.|\bBuffer\b|<reference types/.test(withoutComments(text))) {
      throw new Error(`${path} is part of the public types, and needs the types of Node`)
    }
  }
  visit(entry)
  return found
}

const SPECIFIER = /\b(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g

const withoutComments = (text: string): string => text.replaceAll(/\/\*\*?[^]*?\*\//g, '')

export function writePublicTypes(): void {
  rmSync(PUBLIC, { recursive: true, force: true })
  const types = publicTypes((path) => readFileSync(join(COMPILED, path), 'utf8'), ENTRY)
  for (const [path, text] of types) {
    const target = join(PUBLIC, path)
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, text)
  }
}
