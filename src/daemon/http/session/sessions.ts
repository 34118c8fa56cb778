/**
 * Sessions of the page (specs/013, R013-3 to R013-6): a caller makes a code, and a page trades it,
 * once, for a token of its own. All of it is in memory, and ends with the daemon.
 */
import { DstoreError } from '../../../errors.ts'
import {
  HTTP_TOKEN_BYTES,
  PAGE_CODE_MS,
  PAGE_CODES,
  PAGE_SESSION_MS,
  PAGE_SESSIONS,
} from '../../../limits.ts'
import { suffices, type MemberRole } from '../../../membership/role.ts'
import { tokenHash } from '../../config/tokens/token-hash.ts'
import { SESSION_LABEL } from '../../config/tokens/token-table.ts'
import type { Caller } from '../tokens/caller.ts'

export interface SessionsOptions {
  /** The wall clock, in ms. */
  readonly now: () => number
  readonly randomBytes: (length: number) => Buffer
  /** Whether the token with this hash may still be used. */
  readonly isToken: (hash: string) => boolean
}

/** A caller that is a session. */
export interface Session extends Caller {
  readonly hash: string
  readonly expiresAt: number
  readonly isSession: true
}

/** What ends a code or a session. */
interface Made {
  /** The hash of the token that made it; undefined over the socket. */
  readonly maker: string | undefined
  readonly expiresAt: number
}

/** What a code stands for. */
interface Grant extends Made {
  readonly label: string
  readonly role: MemberRole
  readonly prefix?: string
  /** When the token that made it expires. */
  readonly ends: number
}

export class Sessions {
  readonly #options: SessionsOptions
  /** By the hash of the code, the oldest first. */
  readonly #codes = new Map<string, Grant>()
  /** By the hash of the token, the oldest first. */
  readonly #sessions = new Map<string, Made & { readonly session: Session }>()

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  /** Makes a code for a session with these rights, or a lesser role. Error: `not-permitted`. */
  makeCode(maker: Caller, role: MemberRole = maker.role): { code: string; expiresAt: number } {
    if (maker.isSession) {
      throw new DstoreError('not-permitted', 'a session of the page makes no other sessions', {
        hint: '`dstore open` makes one',
      })
    }
    if (!suffices(maker.role, role)) {
      throw new DstoreError('not-permitted', `a session cannot be ${role}: this is ${maker.role}`)
    }
    const { label, prefix, hash, expiresAt: ends = Infinity } = maker
    const expiresAt = Math.min(this.#options.now() + PAGE_CODE_MS, ends)
    const code = this.#secret('code')
    add(this.#codes, PAGE_CODES, tokenHash(code), {
      label: SESSION_LABEL + label,
      role,
      ...(prefix !== undefined && { prefix }),
      maker: hash,
      ends,
      expiresAt,
    })
    return { code, expiresAt }
  }

  /** The session that this code is for, and its token; undefined for a code that is not valid. */
  trade(code: string): { token: string; session: Session } | undefined {
    const id = tokenHash(code)
    const grant = this.#codes.get(id)
    if (grant === undefined) return undefined
    this.#codes.delete(id)
    if (!this.#isValid(grant)) return undefined
    const token = this.#secret('session')
    const hash = tokenHash(token)
    const { maker, ends, ...rights } = grant
    const expiresAt = Math.min(this.#options.now() + PAGE_SESSION_MS, ends)
    const session: Session = { ...rights, hash, expiresAt, isSession: true }
    add(this.#sessions, PAGE_SESSIONS, hash, { maker, expiresAt, session })
    return { token, session }
  }

  /** The session of this token; undefined if it is none, or has ended. */
  find(token: string): Session | undefined {
    return this.#live(tokenHash(token))
  }

  /** Whether there is a session whose token has this hash, and which has not ended. */
  has(hash: string): boolean {
    return this.#live(hash) !== undefined
  }

  end({ hash }: Session): void {
    this.#sessions.delete(hash)
  }

  #live(hash: string): Session | undefined {
    const found = this.#sessions.get(hash)
    if (found === undefined) return undefined
    if (this.#isValid(found)) return found.session
    this.#sessions.delete(hash)
    return undefined
  }

  #isValid({ maker, expiresAt }: Made): boolean {
    const { now, isToken } = this.#options
    return expiresAt > now() && (maker === undefined || isToken(maker))
  }

  /** A text that search tools can find, and that the log shows as dots. */
  #secret(kind: string): string {
    return `dstore_${kind}_${this.#options.randomBytes(HTTP_TOKEN_BYTES).toString('hex')}`
  }
}

/** Adds one more. Of too many, the oldest of the maker that has most yields. */
function add<T extends Made>(all: Map<string, T>, most: number, id: string, one: T): void {
  all.set(id, one)
  if (all.size <= most) return
  const counts = new Map<string | undefined, number>()
  for (const { maker } of all.values()) counts.set(maker, (counts.get(maker) ?? 0) + 1)
  const largest = Math.max(...counts.values())
  for (const [oldest, { maker }] of all) {
    if (counts.get(maker) === largest) {
      all.delete(oldest)
      return
    }
  }
}
