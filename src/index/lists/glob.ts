/**
 * Patterns for names (specs/004-index.md, R004-162). It follows every way to read the pattern at
 * once, so that the work for a name is bounded by its length times that of the pattern, whatever
 * the pattern is.
 */
import { DstoreError } from '../../errors.ts'
import { NAME_BYTES } from '../../limits.ts'

/** Code points from the first to the second, both among them. */
type Span = readonly [from: number, to: number]

type Token =
  | { readonly type: 'literal'; readonly code: number }
  /** One character that is no slash. */
  | { readonly type: 'any' }
  | { readonly type: 'class'; readonly spans: readonly Span[]; readonly negated: boolean }
  /** Characters that are no slash, or none. */
  | { readonly type: 'star' }
  /** Any characters, or none. */
  | { readonly type: 'all' }
  /** Nothing, or characters up to a slash: `**` and a slash. Continues in an `inside`. */
  | { readonly type: 'levels' }
  | { readonly type: 'inside' }

const SLASH = 0x2f

export class Glob {
  /** Every name that matches begins with this. */
  readonly prefix: string
  /** States that were followed so far: a measure of the work. */
  steps = 0
  readonly #tokens: readonly Token[]
  /** It is to match the last part of a name. */
  readonly #ofLastPart: boolean
  /** The round in which a state was entered last. */
  readonly #entered: Float64Array
  #round = 0
  #states: number[] = []
  #next: number[] = []

  /** Error: `usage`. */
  constructor(pattern: string) {
    checkPattern(pattern)
    const tokens = tokensOf(Array.from(pattern))
    this.#tokens = tokens
    this.#ofLastPart = !pattern.includes('/')
    this.#entered = new Float64Array(tokens.length + 1)
    const fixed = tokens.findIndex(({ type }) => type !== 'literal')
    const literals = tokens.slice(0, fixed === -1 ? tokens.length : fixed)
    const codes = literals.map((token) => (token.type === 'literal' ? token.code : 0))
    this.prefix = this.#ofLastPart ? '' : String.fromCodePoint(...codes)
  }

  matches(name: string): boolean {
    const text = this.#ofLastPart ? name.slice(name.lastIndexOf('/') + 1) : name
    this.#states.length = 0
    this.#round++
    this.#enter(0, this.#states)
    for (let at = 0; at < text.length;) {
      const code = text.codePointAt(at)!
      at += code > 0xffff ? 2 : 1
      if (!this.#advance(code)) return false
    }
    return this.#states.includes(this.#tokens.length)
  }

  /** Takes one character in. Can any way to read the pattern go on? */
  #advance(code: number): boolean {
    const next = this.#next
    next.length = 0
    this.#round++
    this.steps += this.#states.length
    for (const state of this.#states) {
      const token = this.#tokens[state]
      if (token !== undefined) this.#follow(token, state, code, next)
    }
    this.#next = this.#states
    this.#states = next
    return next.length > 0
  }

  #follow(token: Token, state: number, code: number, next: number[]): void {
    switch (token.type) {
      case 'literal':
        if (token.code === code) this.#enter(state + 1, next)
        break
      case 'any':
        if (code !== SLASH) this.#enter(state + 1, next)
        break
      case 'class':
        if (code !== SLASH && isIn(token, code)) this.#enter(state + 1, next)
        break
      case 'star':
        if (code !== SLASH) this.#enter(state, next)
        break
      case 'all':
        this.#enter(state, next)
        break
      case 'levels':
        break
      case 'inside':
        this.#enter(state, next)
        if (code === SLASH) this.#enter(state + 1, next)
    }
  }

  /** Adds a state, and those that are reached from it without a character. */
  #enter(state: number, states: number[]): void {
    if (this.#entered[state] === this.#round) return
    this.#entered[state] = this.#round
    states.push(state)
    const type = this.#tokens[state]?.type
    if (type === 'star' || type === 'all') this.#enter(state + 1, states)
    if (type !== 'levels') return
    this.#enter(state + 1, states)
    this.#enter(state + 2, states)
  }
}

function checkPattern(pattern: string): void {
  const fault =
    pattern === ''
      ? 'it is empty'
      : Buffer.byteLength(pattern) > NAME_BYTES
        ? `it has more than ${NAME_BYTES} bytes`
        : /[\p{Cs}\p{Cc}]/u.test(pattern)
          ? 'it has characters that no name has'
          : undefined
  if (fault !== undefined) throw new DstoreError('usage', `not a pattern: ${fault}`)
}

function tokensOf(characters: readonly string[]): Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < characters.length;) {
    const character = characters[at++]!
    if (character === '?') tokens.push({ type: 'any' })
    else if (character === '[') at = addClass(characters, at, tokens)
    else if (character === '\\' && at < characters.length) tokens.push(literal(characters[at++]!))
    else if (character !== '*') tokens.push(literal(character))
    else {
      const begin = at - 1
      while (characters[at] === '*') at++
      const isWholePart = begin === 0 || characters[begin - 1] === '/'
      if (at - begin === 1) tokens.push({ type: 'star' })
      else if (isWholePart && characters[at] === '/') {
        tokens.push({ type: 'levels' }, { type: 'inside' })
        at++
      } else tokens.push({ type: 'all' })
    }
  }
  return tokens
}

const literal = (character: string): Token => ({ type: 'literal', code: codeOf(character) })

const codeOf = (character: string): number => character.codePointAt(0)!

/** Reads a class from behind its bracket, and gives where it ends. */
function addClass(characters: readonly string[], start: number, tokens: Token[]): number {
  let at = start
  const negated = characters[at] === '!' || characters[at] === '^'
  if (negated) at++
  const spans: Span[] = []
  // A bracket that is the first of a class stands for itself.
  const first = at
  while (at === first || characters[at] !== ']') {
    if (characters[at] === '\\') at++
    const from = characters[at++]
    if (from === undefined) throw new DstoreError('usage', 'not a pattern: a [ without its ]')
    const isSpan =
      characters[at] === '-' && at + 1 < characters.length && characters[at + 1] !== ']'
    const to = isSpan ? characters[at + 1]! : from
    if (isSpan) at += 2
    spans.push([codeOf(from), codeOf(to)])
  }
  tokens.push({ type: 'class', spans, negated })
  return at + 1
}

const isIn = ({ spans, negated }: Token & { type: 'class' }, code: number): boolean =>
  spans.some(([from, to]) => from <= code && code <= to) !== negated
