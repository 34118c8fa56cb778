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
  readonly wall: () => number
  /** In which history Global tells of what it tells. */
  readonly history: () => History
}

export class SimHoldings {
  readonly #options: SimHoldingsOptions
  readonly cache: Map<number, Entry> = new Map<number, Entry>()
  readonly bindings: OwnBindings<SimBinding>
  readonly readings: Set<Reading> = new Set<Reading>()

  constructor(options: SimHoldingsOptions) {
    this.#options = options
    this.bindings = new OwnBindings({ ...options, most: 1000 })
  }

  clear(): void {
    this.cache.clear()
    this.bindings.clear()
    this.readings.clear()
  }

  keep(token: number, incarnation: number): void {
    const before = this.cache.get(token)
    if (before !== undefined && !before.isVoid && before.incarnation > incarnation) return
    this.cache.set(token, this.#known(incarnation))
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
    const tokens = new Set(this.cache.keys())
    for (const entry of this.cache.values()) entry.isVoid = true
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
      if (entry?.isVoid === true) this.cache.delete(token)
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

  #drop(token: number, seq: number): void {
    const { rules, oracle, peer } = this.#options
    const entry = this.cache.get(token)
    if (entry !== undefined && (entry.incarnation < seq || !rules.incarnations)) {
      if (entry.incarnation >= seq && !entry.isVoid) {
        oracle.fail(`${peer} lets go of ${token}@${entry.incarnation} for a removal at ${seq}`)
      }
      this.cache.delete(token)
    }
    for (const reading of this.readings) {
      if (reading.token === token && reading.known.incarnation < seq) this.readings.delete(reading)
    }
  }
}
