/** The documents of the API that the page reads, as far as it reads them (specs/openapi.yaml). */

export type Role = 'reader' | 'writer' | 'admin'

export interface SessionDocument {
  readonly label: string
  readonly role: Role
  /** That of the node at its Global. */
  readonly memberRole?: Role
  readonly prefix?: string
  readonly expiresAt?: string
  readonly calls: readonly string[]
}

export interface Problem {
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly hint?: string
}

export interface Sample {
  readonly at: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly peerIn: number
  readonly peerOut: number
  readonly ok: number
  readonly refused: number
  readonly failed: number
  readonly hits: number
  readonly misses: number
  readonly p50: number | null
  readonly p99: number | null
}

export interface Transfer {
  readonly id: string
  readonly key: string
  readonly name?: string
  readonly size?: number
  readonly done: number
  readonly rate: number
  readonly startedAt: string
  readonly direction?: 'in' | 'out'
  readonly peers: readonly { peer: string; label?: string; bytes: number }[]
}

export interface Member {
  readonly peer: string
  readonly label?: string
  readonly role?: Role
  readonly state: string
  readonly since?: string
  readonly behind?: number
  readonly bytesServed?: number
  readonly owes?: number
}

export interface Removal {
  readonly id: string
  readonly key: string
  readonly name?: string
  readonly startedAt: string
  readonly endedAt?: string
  readonly acknowledged: readonly string[]
  readonly owing: readonly string[]
  readonly acknowledgedCount: number
  readonly owingCount: number
  /** Machines that owe it, and serve nothing until they have caught up. */
  readonly expiredCount?: number
}

export interface Update {
  readonly status?: Status
  readonly rates?: { intervalMs: number; samples: readonly Sample[] }
  readonly transfers?: { active: number; transfers: readonly Transfer[] }
  readonly members?: { changed: readonly Member[]; gone?: readonly string[]; all?: true }
  readonly removals?: { removals: readonly Removal[] }
}

export interface Rule {
  readonly prefix?: string
  readonly maxSize?: number
  readonly maxAgeMs?: number
  readonly unusedMs?: number
  readonly maxNames?: number
  readonly names: number
  readonly size: number
  readonly heldOtherwise?: number
  readonly removed: number
  readonly lastRemovedAt?: string
  readonly counting: boolean
}

export interface SetMember {
  readonly id: string
  readonly name: string
  readonly version: string
  readonly state: string
  readonly position: number
  readonly at: string
  readonly agoMs?: number
  readonly isOwn: boolean
}

export interface SetReport {
  readonly state: string
  readonly engine: string
  readonly bucket: string
  readonly epoch: number
  readonly end?: number
  readonly engineSilentMs: number
  readonly members: readonly SetMember[]
  readonly error?: string
}

export interface Archive {
  readonly state: string
  readonly place: string
  readonly lagEntries: number
  readonly lagBytes: number
  readonly lagMs: number
  readonly firstCopy?: { done: number; total: number }
  readonly disk?: { usedBytes: number; budgetBytes?: number; values: number }
  readonly snapshot?: { position: number; at: string }
  readonly error?: string
}

export interface CacheFiles {
  readonly kind: string
  readonly directory: string
  readonly budgetBytes?: number
  readonly usedBytes: number
  readonly values: number
}

export interface Cache {
  readonly usedBytes: number
  readonly budgetBytes: number
  readonly values: number
  readonly hits: number
  readonly misses: number
  readonly evictions: number
  readonly files?: CacheFiles
  readonly noFiles?: string
}

export interface Store {
  readonly kind: 'memory' | 'disk'
  readonly durable: boolean
  readonly values: number
  readonly valueBytes: number
  readonly quotaBytes?: number
  readonly headroomBytes?: number
  readonly damaged: number
  readonly missingHeld?: number
  readonly unfinishedBytes: number
  readonly seq: number
}

export interface GlobalLink {
  readonly peer: string
  readonly address?: string
  readonly state: 'connected' | 'doubtful' | 'away'
  readonly since: string
  readonly lastHeard?: string
  readonly roundTripMs?: number
  readonly version?: string
  readonly error?: string
  readonly laneFault?: string
}

export interface Status {
  readonly role: 'standalone' | 'global' | 'local'
  readonly version: string
  readonly startedAt: string
  readonly peerId?: string
  readonly listen: readonly string[]
  readonly position?: string
  readonly leaseMs?: number
  readonly members?: number
  readonly refused?: Readonly<Record<string, number>>
  readonly clock?: { trusted: boolean; why?: string; leftMs?: number; offMs?: number }
  readonly global?: GlobalLink
  readonly locals: readonly string[]
  readonly registered: readonly { peer: string; connected: boolean; seq: number }[]
  readonly store?: Store
  readonly rules?: readonly Rule[]
  readonly cache?: Cache
  readonly pins?: { pins: number; incomplete: number; usedBytes: number; budgetBytes: number }
  readonly inactiveStore?: { values: number; valueBytes: number; names: number; error?: string }
  readonly archive?: Archive
  readonly set?: SetReport
  readonly traffic: readonly { peer: string; valueBytesIn: number; valueBytesOut: number }[]
  readonly daemon: {
    pid: number
    directory: string
    residentBytes: number
    doors?: readonly string[]
    http?: { url: string; public: boolean; refused: number }
  }
}

export interface Facts {
  readonly key: string
  readonly size: number
  readonly incarnation: number
  readonly heldBytes: number
  readonly confirmed: boolean
  readonly names: readonly string[]
  readonly holders: readonly string[]
  readonly heldBy?: number
  readonly directory?: { totalSize: number; files: number; mayLack: boolean }
}

export interface NameLine {
  readonly name: string
  readonly key: string
  readonly kind?: 'fixed' | 'tag'
  readonly size?: number
  readonly boundAt?: string
  readonly expiresAt?: string
}

export type LevelLine = NameLine | { prefix: string }

export interface EntryLine {
  readonly name: string
  readonly type: 'file' | 'directory' | 'link'
  readonly key?: string
  readonly size?: number
  readonly exec?: true
  readonly files?: number
  readonly to?: string
}

export interface Change {
  readonly position: string
  readonly seq: number
  readonly type: string
  readonly key?: string
  readonly names: readonly string[]
  readonly size?: number
  readonly peer?: string
  readonly role?: string
  readonly previous?: string
  readonly why?: string
}

export interface RemovalAnswer {
  readonly key?: string
  readonly name?: string
  readonly seq: number
  readonly freedBytes: number
  readonly names: readonly string[]
  readonly acknowledged: readonly string[]
  readonly owed: readonly string[]
  readonly expired: readonly string[]
  readonly tree?: { removed: number; most: number; complete: boolean }
}

export interface MemberLine {
  readonly peer: string
  readonly role?: Role
  readonly state: string
  readonly since: string
  readonly label?: string
}

export interface TokenLine {
  readonly id: string
  readonly label: string
  readonly role: Role
  readonly prefix?: string
  readonly createdAt?: string
  readonly expiresAt?: string
  readonly lastUsedAt?: string
}

export interface Pin {
  readonly word: string
  readonly key?: string
  readonly size?: number
  readonly heldBytes: number
  readonly state: string
  readonly permanent?: true
  readonly error?: string
}

export interface PutAnswer {
  readonly key: string
  readonly size: number
  readonly existed: boolean
  readonly previous?: string
  readonly silent?: readonly string[]
}
