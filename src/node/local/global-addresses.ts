/**
 * The addresses of a Local's Global (specs/004-index.md, R004-70; specs/006-membership.md, R006-42
 * to R006-45): those that its user gave, those that Global named last, and the one that was proved
 * last.
 */
import { DstoreError } from '../../errors.ts'
import { KIB, TICKET_ADDRESSES } from '../../limits.ts'
import { isTicketAddress } from '../../membership/ticket.ts'
import type { Target } from './connection-race.ts'

/** What is kept over a restart. */
export interface SavedAddresses {
  /** What the user had given: where that is not the same any more, the rest counts no longer. */
  readonly given: readonly string[]
  /** Where Global welcomed this Local last, without peer id. */
  readonly last?: string | undefined
  /** What Global named last, without peer id. */
  readonly named: readonly string[]
}

export interface GlobalAddressesOptions {
  /** Peer id of Global. */
  readonly peer: string
  /** Full multiaddrs, with its peer id. */
  readonly given: readonly string[]
  readonly saved: SavedAddresses | undefined
  /** Keeps these for the next start. */
  readonly save: (addresses: SavedAddresses) => Promise<void>
  /** Those that Global may name, if it was reached at `via`. */
  readonly usable: (named: readonly string[], via: string) => readonly string[]
}

export class GlobalAddresses {
  readonly #options: GlobalAddressesOptions
  #last: string | undefined
  #named: readonly string[] = []
  #saving: Promise<void> = Promise.resolve()

  constructor(options: GlobalAddressesOptions) {
    const { saved, given } = options
    this.#options = options
    if (saved?.given.join() !== given.join()) return
    this.#last = saved.last
    this.#named = saved.named
  }

  /** Full multiaddrs, in the order in which they are tried. */
  get all(): readonly string[] {
    const full = (one: string): string => `${one}/p2p/${this.#options.peer}`
    const last = this.#last === undefined ? [] : [this.#last]
    return [...new Set([...last.map(full), ...this.#options.given, ...this.#named.map(full)])]
  }

  /** Global welcomed this Local, and named its addresses. */
  welcomed(target: Target, named: readonly string[]): void {
    const { usable, given, save } = this.#options
    const proved = withoutPeer(target.known)
    const last = isTicketAddress(proved) ? proved : undefined
    const kept = usable(named, withoutPeer(target.address))
    if (last === this.#last && kept.join() === this.#named.join()) return
    this.#last = last
    this.#named = kept
    this.#saving = this.#saving.then(() => save({ given, last, named: kept }))
  }

  /** Resolves when everything is saved. */
  close(): Promise<void> {
    return this.#saving
  }
}

const withoutPeer = (address: string): string => address.replace(/\/p2p\/[^/]+$/, '')

/** The text of a file. */
export function encodeAddresses(addresses: SavedAddresses): string {
  return `${JSON.stringify(addresses, undefined, 2)}\n`
}

/** Maximum size of a file of addresses. */
export const ADDRESSES_FILE_BYTES: number = 16 * KIB

/** Error: `unreadable`. */
export function decodeAddresses(text: string): SavedAddresses {
  try {
    const value = JSON.parse(text) as Partial<Record<keyof SavedAddresses, unknown>>
    const { given, last, named } = value
    const isWhole = isListOf(isText, given) && isListOf(isAddress, named)
    if (isWhole && (last === undefined || isAddress(last))) return { given, last, named }
  } catch {
    // Reported below.
  }
  throw new DstoreError('unreadable', 'the file of addresses is damaged')
}

const isText = (value: unknown): value is string => typeof value === 'string'

const isAddress = (value: unknown): value is string => isText(value) && isTicketAddress(value)

function isListOf(is: (one: unknown) => one is string, value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= TICKET_ADDRESSES && value.every(is)
}
