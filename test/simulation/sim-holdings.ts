/**
 * What a Local in a simulated world holds: values without bytes, by token, bindings, and who reads.
 */
import { OwnBindings } from '../../src/index/local/own-bindings.ts'
import type { Digest, Found, Removal, Unbinding } from '../../src/index/message.ts'
import type { Rules } from '../../src/index/rules.ts'
import type { History, Oracle } from './oracle.ts'
import { digestOf } from './tokens.ts'

export interface Entry {
  incarnation: number
  history: History
  isVoid: boolean
  /** An earlier run left it in a file. */
  isFound?: boolean
}

/** The rules of cached files (specs/004-index.md, R004-170 to R004-172), each with a switch. */
export interface FileRules {
  /** What an earlier run left is void, and part of the first reset. */
  readonly foundVoid: boolean
  /** A removal takes the file from its path before it is acknowledged. */
  readonly pathsUnlinked: boolean
  /** Every path is taken away at a reset, and at the end of a lease. */
  readonly pathsTakenAway: boolean
  /** No path is handed out once the lease is over. */
  readonly pathsLeased: boolean
}

/** A name as Global bound it. */
export interface SimBinding extends Entry {
  readonly digest: Digest
  readonly expiresMs: number | undefined
}

export interface Reading {
  readonly token: number
  known: Entry
}

export interface SimHoldingsOptions {
  readonly peer: string
  readonly oracle: Oracle
  readonly rules: Rules
  /** It keeps values in files on a disk, whose paths other processes use. Undefined: in none. */
  readonly files: FileRules | undefined
  /** Is the lease over, as this Local sees it? */
  readonly isExpired: () => boolean
  readonly wall: () => number
  /** In which history Global tells of what it tells. */
  readonly history: () => History
}

export class SimHoldings {
  readonly #options: SimHoldingsOptions
  readonly cache: Map<number, Entry> = new Map<number, Entry>()
  readonly bindings: OwnBindings<SimBinding>
  readonly readings: Set<Reading> = new Set<Reading>()
  /** What the paths that were handed out lead to. */
  readonly paths: Map<number, Entry> = new Map<number, Entry>()

  constructor(options: SimHoldingsOptions) {
    this.#options = options
    this.bindings = new OwnBindings({ ...options, most: 1000 })
  }

  /** The process is gone. Its files stay, and their paths lead to them until it starts again. */
  end(): void {
    if (this.#options.files === undefined) this.cache.clear()
    this.bindings.clear()
    this.readings.clear()
  }

  start(): void {
    this.paths.clear()
    const isVoid = this.#options.files?.foundVoid === true
    for (const entry of this.cache.values()) Object.assign(entry, { isVoid, isFound: true })
  }

  /** A clean stop takes every path away. */
  goodbye(): void {
    this.paths.clear()
  }

  evict(token: number): void {
    this.cache.delete(token)
    this.paths.delete(token)
  }

  /** Reads end, and every path is taken away. */
  cut(): void {
    this.readings.clear()
    this.#takePathsAway()
  }

  keep(token: number, incarnation: number): void {
    const before = this.cache.get(token)
    if (before !== undefined && !before.isVoid && before.incarnation > incarnation) return
    this.cache.set(token, this.#known(incarnation))
    this.openPath(token)
  }

  /** A process asks for the path of a value that may be served. */
  openPath(token: number): void {
    const { files, isExpired } = this.#options
    const entry = this.cache.get(token)
    if (files === undefined || entry === undefined) return
    if (files.pathsLeased && isExpired()) return
    this.paths.set(token, { ...entry })
  }

  remember(name: string, { digest, incarnation, expiresMs }: Found): void {
    this.bindings.set(name, { ...this.#known(incarnation), digest, expiresMs })
  }

  apply(removals: readonly Removal[], unbindings: readonly Unbinding[]): void {
    for (const { digest, seq } of removals) this.#drop(digest[0]!, seq)
    this.bindings.apply(unbindings)
  }

  /** The digests of all that is void from here on. */
  reset(): Digest[] {
    this.bindings.clear()
    this.#takePathsAway()
    const isTrusted = ({ isFound }: Entry): boolean =>
      isFound === true && this.#options.files?.foundVoid === false
    const known = [...this.cache].filter(([, entry]) => !isTrusted(entry))
    const tokens = new Set(known.map(([token]) => token))
    for (const [, entry] of known) entry.isVoid = true
    for (const reading of this.readings) {
      reading.known.isVoid = true
      tokens.add(reading.token)
    }
    return [...tokens].map(digestOf)
  }

  verified(digest: Digest, incarnation: number | undefined): void {
    const token = digest[0]!
    const entry = this.cache.get(token)
    const readings = [...this.readings].filter((reading) => reading.token === token)
    if (incarnation === undefined) {
      if (entry?.isVoid === true) this.evict(token)
      for (const reading of readings) if (reading.known.isVoid) this.readings.delete(reading)
      return
    }
    for (const known of [entry, ...readings.map((reading) => reading.known)]) {
      if (known?.isVoid === true) Object.assign(known, this.#known(incarnation))
    }
  }

  #known(incarnation: number): Entry {
    return { incarnation, history: this.#options.history(), isVoid: false }
  }

  #takePathsAway(): void {
    if (this.#options.files?.pathsTakenAway === true) this.paths.clear()
  }

  #drop(token: number, seq: number): void {
    const { rules, oracle, peer } = this.#options
    const entry = this.cache.get(token)
    if (entry !== undefined && (entry.incarnation < seq || !rules.incarnations)) {
      if (entry.incarnation >= seq && !entry.isVoid) {
        oracle.fail(`${peer} lets go of ${token}@${entry.incarnation} for a removal at ${seq}`)
      }
      this.cache.delete(token)
    }
    const path = this.paths.get(token)
    const isOlder = path !== undefined && path.incarnation < seq
    if (isOlder && this.#options.files?.pathsUnlinked === true) this.paths.delete(token)
    for (const reading of this.readings) {
      if (reading.token === token && reading.known.incarnation < seq) this.readings.delete(reading)
    }
  }
}
