/** The statements of the prompt: the seed's verbs, in any case (specs/007, "The prompt"). */
import { DstoreError } from '../../src/errors.ts'
import { nearest } from '../suggest.ts'
import { insteadOf } from './foreign.ts'

export type Statement =
  | { readonly do: 'nothing' | 'help' | 'version' | 'exit' }
  | { readonly do: 'set'; readonly name: string | undefined; readonly value: string }
  | { readonly do: 'tag'; readonly name: string; readonly value: string }
  | { readonly do: 'get' | 'path' | 'del'; /** A key or a name. */ readonly what: string }
  | { readonly do: 'pin' | 'unpin'; /** A key or a name, and a path. */ readonly what: string }
  | Query

/** What asks, and changes nothing. */
export type Query =
  | { readonly do: 'stat' | 'strlen' | 'ttl' | 'type'; readonly what: string }
  | { readonly do: 'exists' | 'mget'; /** At least one. */ readonly whats: readonly string[] }
  | { readonly do: 'keys'; readonly pattern: string }
  | { readonly do: 'ls'; readonly prefix: string }
  | { readonly do: 'ping' | 'dbsize' | 'info' }

type Verb = Exclude<Statement['do'], 'nothing'>

/** Every spelling of every verb, in lower case. */
export const VERBS: ReadonlyMap<string, Verb> = new Map(
  Object.entries({
    set: ['set', 'put', 'insert', 'in', 'i', 'setnx'],
    tag: ['tag'],
    get: ['get', 'out', 'select', 'output', 'o'],
    mget: ['mget'],
    path: ['path'],
    del: ['del', 'rem', 'delete', 'remove', 'rm', 'd', 'unlink'],
    pin: ['pin'],
    unpin: ['unpin'],
    exists: ['exists', 'has'],
    stat: ['stat'],
    strlen: ['strlen'],
    ttl: ['ttl'],
    type: ['type'],
    keys: ['keys'],
    ls: ['ls'],
    dbsize: ['dbsize'],
    info: ['info'],
    ping: ['ping'],
    help: ['help', '.help'],
    version: ['version', '.version'],
    exit: ['exit', 'quit', '.exit'],
  }).flatMap(([verb, spellings]) => spellings.map((one): [string, Verb] => [one, verb as Verb])),
)

/** Verbs that stand alone. */
export const ALONE: ReadonlySet<Verb> = new Set([
  'help',
  'version',
  'exit',
  'ping',
  'dbsize',
  'info',
])

export const HELP: string = `\
SET VALUE            store a value, print its key
SET NAME VALUE...    store a value and bind a write-once name to it
TAG NAME VALUE...    store a value and move a name to it, or bind one that can be moved
GET NAME             show the value of a name or a key; MGET shows several
DEL NAME             unbind a name, and remove its value with its last name
DEL KEY              remove a value everywhere
EXISTS NAME...       is it there? STAT, STRLEN, TYPE, TTL say more of one
KEYS PATTERN         list names: KEYS '**' lists all, KEYS 'models/*' a level; LS PREFIX
PATH NAME            show the path of a file to map, held for a minute
PIN NAME             keep a value, or what a name is moved to, on this machine; UNPIN
DBSIZE, INFO, PING   what is stored, what this node is, whether it answers

Also PUT, INSERT, IN, I, SETNX; OUT, SELECT, OUTPUT, O; REM, DELETE, REMOVE, RM, D, UNLINK; HAS;
in any case. Words are quoted as in a shell; an open quote continues on the next line.
HELP  VERSION  EXIT or QUIT (or Ctrl-D); also .help  .version  .exit
Ctrl-C cancels the statement`

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
    case 'stat':
    case 'strlen':
    case 'ttl':
    case 'type':
      return { do: verb, what: oneOf(first, operands) }
    case 'exists':
    case 'mget':
      if (operands.length === 0) throw usage(`${first} takes names or keys`)
      return { do: verb, whats: operands }
    case 'keys':
      return { do: verb, pattern: atMostOne(first, operands, 'pattern') ?? '**' }
    case 'ls':
      return { do: verb, prefix: atMostOne(first, operands, 'prefix') ?? '' }
    case 'ping':
    case 'dbsize':
    case 'info':
      if (operands.length > 0) throw usage(`${first} takes no arguments`)
      return { do: verb }
    case 'help':
    case 'version':
    case 'exit':
      if (operands.length > 0) throw usage(`${first} takes no arguments`)
      return { do: verb }
    case undefined: {
      const instead = insteadOf(first.toLowerCase())
      if (instead !== undefined) {
        throw new DstoreError('usage', `there is no ${first.toUpperCase()} here`, { hint: instead })
      }
      const near = nearest(first.toLowerCase(), [...VERBS.keys()])
      const hint = near === undefined ? 'HELP lists the statements' : `did you mean ${near}?`
      throw new DstoreError('usage', `no such statement: ${first}`, { hint })
    }
  }
}

function oneOf(verb: string, operands: readonly string[]): string {
  if (operands.length !== 1) throw usage(`${verb} takes one name or key`)
  return operands[0]!
}

function atMostOne(verb: string, operands: readonly string[], what: string): string | undefined {
  if (operands.length > 1) throw usage(`${verb} takes one ${what}`)
  return operands[0]
}

function parseSet(verb: string, operands: readonly string[]): Statement {
  const [first, ...rest] = operands
  if (first === undefined) throw usage(`${verb} takes a value, or a name and a value`)
  if (rest.length === 0) return { do: 'set', name: undefined, value: first }
  return { do: 'set', name: first, value: rest.join(' ') }
}

function usage(message: string): DstoreError {
  return new DstoreError('usage', message, { hint: 'HELP lists the statements' })
}
