/** The statements of the prompt: the seed's verbs, in any case (specs/007, "The prompt"). */
import { DstoreError } from '../../src/errors.ts'
import { nearest } from '../suggest.ts'

export type Statement =
  | { readonly do: 'nothing' | 'help' | 'version' | 'exit' }
  | { readonly do: 'set'; readonly name: string | undefined; readonly value: string }
  | { readonly do: 'tag'; readonly name: string; readonly value: string }
  | { readonly do: 'get' | 'path' | 'del'; /** A key or a name. */ readonly what: string }
  | { readonly do: 'pin' | 'unpin'; /** A key or a name, and a path. */ readonly what: string }

type Verb = 'set' | 'tag' | 'get' | 'path' | 'del' | 'pin' | 'unpin' | 'help' | 'version' | 'exit'

/** Every spelling of every verb, in lower case. */
export const VERBS: ReadonlyMap<string, Verb> = new Map(
  Object.entries({
    set: ['set', 'put', 'insert', 'in', 'i'],
    tag: ['tag'],
    get: ['get', 'out', 'select', 'output', 'o'],
    path: ['path'],
    del: ['del', 'rem', 'delete', 'remove', 'rm', 'd'],
    pin: ['pin'],
    unpin: ['unpin'],
    help: ['.help'],
    version: ['.version'],
    exit: ['.exit'],
  }).flatMap(([verb, spellings]) => spellings.map((one): [string, Verb] => [one, verb as Verb])),
)

export const HELP: string = `\
SET VALUE            store a value, print its key
SET NAME VALUE...    store a value and bind a write-once name to it
TAG NAME VALUE...    store a value and move a name to it, or bind one that can be moved
GET NAME             show the value of a name or a key
PATH NAME            show the path of a file to map, held for a minute
DEL NAME             unbind a name, and remove its value with its last name
DEL KEY              remove a value everywhere
PIN NAME             keep a value, or what a name is moved to, on this machine; UNPIN

Also PUT, INSERT, IN, I; OUT, SELECT, OUTPUT, O; REM, DELETE, REMOVE, RM, D; in any case.
Words are quoted as in a shell; an open quote continues on the next line.
.help  .version  .exit (or Ctrl-D); Ctrl-C cancels the statement`

/** The statement that the words spell; `usage` if they spell none. */
export function parseStatement(words: readonly string[]): Statement {
  const [first, ...operands] = words
  if (first === undefined) return { do: 'nothing' }
  const verb = VERBS.get(first.toLowerCase())
  switch (verb) {
    case 'set':
      return parseSet(first, operands)
    case 'tag': {
      const [name, ...rest] = operands
      if (name === undefined || rest.length === 0) throw usage(`${first} takes a name and a value`)
      return { do: 'tag', name, value: rest.join(' ') }
    }
    case 'get':
    case 'path':
    case 'del':
      return { do: verb, what: oneOf(first, operands) }
    case 'pin':
    case 'unpin':
      return { do: verb, what: oneOf(first, operands) }
    case 'help':
    case 'version':
    case 'exit':
      if (operands.length > 0) throw usage(`${first} takes no arguments`)
      return { do: verb }
    case undefined: {
      const near = nearest(first.toLowerCase(), [...VERBS.keys()])
      const hint = near === undefined ? '.help lists the statements' : `did you mean ${near}?`
      throw new DstoreError('usage', `no such statement: ${first}`, { hint })
    }
  }
}

function oneOf(verb: string, operands: readonly string[]): string {
  if (operands.length !== 1) throw usage(`${verb} takes one name or key`)
  return operands[0]!
}

function parseSet(verb: string, operands: readonly string[]): Statement {
  const [first, ...rest] = operands
  if (first === undefined) throw usage(`${verb} takes a value, or a name and a value`)
  if (rest.length === 0) return { do: 'set', name: undefined, value: first }
  return { do: 'set', name: first, value: rest.join(' ') }
}

function usage(message: string): DstoreError {
  return new DstoreError('usage', message, { hint: '.help lists the statements' })
}
