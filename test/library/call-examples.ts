/** The calls of the library as programs see them, and the examples in their comments. */
import { filesIn, read } from '../house/tree.ts'
import { exported } from '../../tools/reference.ts'

export interface PublicCall {
  /** Of its class or interface, or of a function: `Dstore.put`, `keyOf`. */
  readonly name: string
  readonly examples: readonly string[]
}

const OWNER = /^export (?:declare )?(?:interface|class) (\w+)/
const FUNCTION = /^export declare function (\w+)/
const METHOD = /^ {4}(?:static )?(\w+)(?:<[^(]*>)?\(/
const EXAMPLE = /^\s*\* @example (.+)$/

/** What a program does not call: the constructor of a fault, and what it writes itself. */
const NOT_CALLED = new Set(['DstoreError.constructor', 'Key.constructor'])
const OF_PROGRAMS = new Set(['Log'])

/** Every function and method in the declarations that the package exports, overloads apart. */
export function publicCalls(): PublicCall[] {
  const names = new Set(exported())
  return filesIn('dist/types').flatMap((path) => callsOf(read(path), names))
}

function callsOf(text: string, names: ReadonlySet<string>): PublicCall[] {
  const calls: PublicCall[] = []
  let owner = ''
  let examples: string[] = []
  for (const line of text.split('\n')) {
    const example = EXAMPLE.exec(line)?.[1]
    if (example !== undefined) examples.push(example)
    if (/^\s*\/?\*/.test(line)) {
      if (/^\s*\/\*\*/.test(line)) examples = []
      continue
    }
    owner = OWNER.exec(line)?.[1] ?? owner
    const called = FUNCTION.exec(line)?.[1]
    const method = METHOD.exec(line)?.[1]
    const name = called ?? (method === undefined ? undefined : `${owner}.${method}`)
    if (name !== undefined && !NOT_CALLED.has(name) && names.has(name.split('.')[0]!)) {
      if (!OF_PROGRAMS.has(owner) || called !== undefined) calls.push({ name, examples })
    }
    examples = []
  }
  return calls
}
