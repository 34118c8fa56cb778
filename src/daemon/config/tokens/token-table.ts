/** The tokens of the API over TCP: made, found, listed, revoked (specs/007, "Tokens"). */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { DstoreError } from '../../../errors.ts'
import { DIGEST_NAMES } from '../../../hash/foreign-digest.ts'
import { checkNewName } from '../../../index/name.ts'
import { HTTP_TOKEN_BYTES, LABEL_CHARS, LONGEST_TOKEN_MS, TOKENS } from '../../../limits.ts'
import { isLabel } from '../../../membership/label.ts'
import { ROLES, type MemberRole } from '../../../membership/role.ts'
import type { TokenMirror } from './archived-tokens.ts'
import { readTokens, writeTokens, type TokenRecord } from './token-file.ts'
import { tokenHash } from './token-hash.ts'

/** The label of the token in the file `http-token`. */
export const FILE_LABEL = 'http-token'

/** Labels that the log uses for callers without a token of their own. */
const RESERVED: ReadonlySet<string> = new Set([FILE_LABEL, 'public', 'socket'])

/** How the label of a session begins in the log; that of its maker follows. */
export const SESSION_LABEL = 'session:'

/** The terms of a token. */
export interface TokenTerms {
  /** Default: `reader`. */
  readonly role?: MemberRole | undefined
  /** Default: the token's id. */
  readonly label?: string | undefined
  /** Default: never. */
  readonly expiresMs?: number | undefined
  readonly prefix?: string | undefined
}

/** A token as lists show it. Times are ISO 8601. */
export interface TokenEntry {
  readonly id: string
  readonly label: string
  readonly role: MemberRole
  readonly prefix?: string
  readonly createdAt?: string
  readonly expiresAt?: string
  /** Precise to a minute; lost if the daemon is killed within ten minutes of it. */
  readonly lastUsedAt?: string
}

/** What a request with a valid token may do. */
export interface TokenGrant {
  readonly label: string
  readonly role: MemberRole
  readonly prefix?: string
  /** Names the token as long as it is valid. */
  readonly hash: string
  /** By the wall clock, in ms. */
  readonly expiresAt?: number
}

/** How each token begins that a table makes: search tools can find one that leaked. */
const TOKEN_START = 'dstore_'

/** How often the times of last use are written. */
const WRITE_USE_MS = 600_000

/** How long tokens of others may be those that they were. */
const READ_MS = 1_000

/** Compared with where no token matches, so that both cases take the same steps. */
const NO_HASH = '0'.repeat(64)

export class TokenTable {
  readonly #path: string
  readonly #now: () => number
  readonly #byHash = new Map<string, TokenRecord>()
  /** The token of the file `http-token`, if the API is served over TCP. */
  #ofFile: TokenRecord | undefined
  #mirror: TokenMirror | undefined
  #usedSince: number | undefined
  /** Where others keep the tokens, and this table only reads them. */
  #read: (() => readonly TokenRecord[]) | undefined
  #readAt = -Infinity

  /** Reads the file. Errors: `not-permitted`, `unreadable`. */
  constructor(path: string, now: () => number = Date.now, mirror?: TokenMirror) {
    this.#path = path
    this.#now = now
    this.#mirror = mirror
    for (const record of readTokens(path)) this.#byHash.set(record.hash, record)
  }

  /** Reads the file again, which was settled with the records that are kept from now on. */
  settle(mirror: TokenMirror): void {
    this.#read = undefined
    this.#byHash.clear()
    for (const record of readTokens(this.#path)) this.#byHash.set(record.hash, record)
    this.#mirror = mirror
  }

  /**
   * Until the table is settled, others make and revoke the tokens, and the file does not count:
   * `read` tells which there are.
   */
  follow(read: () => readonly TokenRecord[]): void {
    this.#read = read
    this.#readAt = -Infinity
    this.#mirror = undefined
    this.#usedSince = undefined
    this.#byHash.clear()
  }

  /** Accepts the token of the file `http-token`, as an admin's. */
  acceptFile(token: string): void {
    const hash = tokenHash(token)
    this.#ofFile = { id: FILE_LABEL, label: FILE_LABEL, role: 'admin', hash, createdAt: 0 }
  }

  /**
   * What this token may do; undefined if it is none, or has expired. A table of hashes hides how
   * much of a wrong token is right; whole hashes are compared in constant time.
   */
  find(token: string): TokenGrant | undefined {
    const hash = tokenHash(token)
    this.#refresh()
    const record = hash === this.#ofFile?.hash ? this.#ofFile : this.#byHash.get(hash)
    const expected = Buffer.from(record?.hash ?? NO_HASH, 'hex')
    const isEqual = timingSafeEqual(Buffer.from(hash, 'hex'), expected)
    if (record === undefined || !isEqual) return undefined
    const now = this.#now()
    if (record.expiresAt !== undefined && record.expiresAt <= now) return undefined
    if (this.#read === undefined) this.#use(record, now)
    return record
  }

  /** Whether the token with this hash has not been revoked. It may have expired. */
  has(hash: string): boolean {
    return hash === this.#ofFile?.hash || this.#byHash.has(hash)
  }

  /**
   * Makes a token, which is durable when this resolves, and is not kept. Errors: `usage`;
   * `conflict` for a label that is taken; `busy` beyond `TOKENS`; `unwritable`; those of a
   * mirror.
   */
  async add({ role = 'reader', label, expiresMs, prefix }: TokenTerms): Promise<{
    readonly token: string
    readonly entry: TokenEntry
  }> {
    const id = randomBytes(4).toString('hex')
    const name = label ?? id
    checkLabel(name)
    if (!ROLES.includes(role))
      throw new DstoreError('usage', 'role must be reader, writer or admin')
    if (prefix !== undefined) checkPrefix(prefix)
    const isReserved = RESERVED.has(name) || name.startsWith(SESSION_LABEL)
    if (isReserved || this.#found(name) !== undefined) {
      throw new DstoreError('conflict', `the label is taken: ${name}`, {
        hint: '`dstore token ls` lists the tokens',
      })
    }
    if (this.#byHash.size >= TOKENS) {
      throw new DstoreError('busy', `there are ${TOKENS} tokens, and no node has more`, {
        hint: 'revoke those that are not used: `dstore token ls`, `dstore token rm`',
      })
    }
    if (
      expiresMs !== undefined &&
      !(Number.isSafeInteger(expiresMs) && expiresMs > 0 && expiresMs <= LONGEST_TOKEN_MS)
    ) {
      throw new DstoreError('usage', 'a token expires after 1 millisecond to 10 years')
    }
    const token = `${TOKEN_START}${randomBytes(HTTP_TOKEN_BYTES).toString('hex')}`
    const createdAt = this.#now()
    const record: TokenRecord = {
      id,
      label: name,
      role,
      ...(prefix !== undefined && { prefix }),
      hash: tokenHash(token),
      createdAt,
      ...(expiresMs !== undefined && { expiresAt: createdAt + expiresMs }),
    }
    writeTokens(this.#path, [...this.#byHash.values(), record])
    this.#byHash.set(record.hash, record)
    try {
      await this.#mirror?.keep(record)
    } catch (error) {
      // No caller learns this token.
      this.#drop(record)
      throw error
    }
    return { token, entry: entryOf(record) }
  }

  /** Every token, the oldest first, with those that have expired. */
  list(): TokenEntry[] {
    const all = [...this.#byHash.values()].toSorted((a, b) => a.createdAt - b.createdAt)
    return [...(this.#ofFile === undefined ? [] : [this.#ofFile]), ...all].map(entryOf)
  }

  /**
   * Revokes the token with this label or id, or this token, durably. Errors: `not-found`; `usage`
   * for that of the file `http-token`; `unwritable`; `partial` if it is revoked here, and the
   * archive does not know yet.
   */
  async remove(word: string): Promise<TokenEntry> {
    const hash = tokenHash(word)
    if (word === FILE_LABEL || hash === this.#ofFile?.hash) {
      throw new DstoreError('usage', 'the token in the file http-token cannot be removed', {
        hint: 'stop the daemon and delete the file: the next start makes another',
      })
    }
    const record = this.#found(word) ?? this.#byHash.get(hash)
    if (record === undefined) {
      // A token of another node is a secret, too.
      const shown = word.startsWith(TOKEN_START) || !isLabel(word) ? '' : `: ${word}`
      throw new DstoreError('not-found', `no such token${shown}`)
    }
    this.#drop(record)
    await this.#mirror?.drop(record.id)
    return entryOf(record)
  }

  #drop({ hash }: TokenRecord): void {
    writeTokens(
      this.#path,
      [...this.#byHash.values()].filter((one) => one.hash !== hash),
    )
    this.#byHash.delete(hash)
  }

  /** Writes the times of last use. A full disk must not keep a daemon from stopping. */
  close(): void {
    if (this.#usedSince === undefined) return
    this.#usedSince = undefined
    try {
      writeTokens(this.#path, [...this.#byHash.values()])
    } catch {
      // They are only for people; the tokens themselves are durable.
    }
  }

  /** Reads what others keep, unless it did a moment ago. */
  #refresh(): void {
    const now = this.#now()
    if (this.#read === undefined || Math.abs(now - this.#readAt) < READ_MS) return
    this.#readAt = now
    this.#byHash.clear()
    for (const record of this.#read()) this.#byHash.set(record.hash, record)
  }

  #use(record: TokenRecord, now: number): void {
    const used = { ...record, lastUsedAt: now - (now % 60_000) }
    if (used.lastUsedAt === record.lastUsedAt) return
    if (record === this.#ofFile) {
      this.#ofFile = used
      return
    }
    this.#byHash.set(record.hash, used)
    this.#usedSince ??= now
    if (now - this.#usedSince >= WRITE_USE_MS) this.close()
  }

  /** The token with this label, else with this id. */
  #found(word: string): TokenRecord | undefined {
    const all = [...this.#byHash.values()]
    return all.find(({ label }) => label === word) ?? all.find(({ id }) => id === word)
  }
}

/** Throws `usage` for a text that is no label. */
function checkLabel(label: string): void {
  if (isLabel(label)) return
  throw new DstoreError('usage', `not a label: ${JSON.stringify(label.slice(0, LABEL_CHARS))}`, {
    hint: `write up to ${LABEL_CHARS} letters, digits and . _ @ : -`,
  })
}

/** Throws `usage` unless names can be below it: `ci` would cover `cicero` as well. */
function checkPrefix(prefix: string): void {
  if (prefix === '') {
    throw new DstoreError('usage', 'the prefix of a token is empty', {
      hint: 'leave it out for a token that is not confined',
    })
  }
  const complete = prefix.endsWith('/') ? prefix : `${prefix}/`
  // First: a hint never names a prefix that is refused in turn.
  if (complete !== DIGEST_NAMES) checkNewName(`${complete}x`)
  if (prefix === complete) return
  throw new DstoreError('usage', `a token's prefix ends in a slash: ${prefix}`, {
    hint: `write ${complete}`,
  })
}

const timeOf = (time: number | undefined): string | undefined =>
  time === undefined ? undefined : new Date(time).toISOString()

function entryOf({ id, label, role, prefix, ...times }: TokenRecord): TokenEntry {
  const createdAt = times.createdAt === 0 ? undefined : timeOf(times.createdAt)
  const [expiresAt, lastUsedAt] = [timeOf(times.expiresAt), timeOf(times.lastUsedAt)]
  return {
    id,
    label,
    role,
    ...(prefix !== undefined && { prefix }),
    ...(createdAt !== undefined && { createdAt }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(lastUsedAt !== undefined && { lastUsedAt }),
  }
}
