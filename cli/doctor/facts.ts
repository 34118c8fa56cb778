/** What the checks of `doctor` look at: gathered once, by I/O that may fail in parts. */
import type { StatusAnswer } from '../../src/daemon/api/api.ts'
import type { Settings } from '../../src/daemon/config/settings.ts'
import type { DstoreError } from '../../src/errors.ts'
import type { EngineRoom } from '../../src/journal/engine/engine.ts'
import type { PeerProbe, TcpOutcome } from '../../src/network/probe.ts'
import type { Role } from '../../src/node/node.ts'

/** A fact, or why it is not known. */
export type Fact<T> = { readonly value: T } | { readonly why: string }

export interface Entry {
  /** Its path from the state directory. */
  readonly name: string
  readonly uid: number
  readonly mode: number
}

/** What is at the path of the state directory. */
export type DirectoryFacts =
  | { readonly state: 'missing' }
  /** `file`: what is there, or above it. */
  | { readonly state: 'no directory'; readonly file: string }
  | { readonly state: 'denied'; readonly owner: number | undefined }
  | {
      readonly state: 'there'
      readonly uid: number
      readonly mode: number
      readonly entries: readonly Entry[]
      /** Why this user cannot write to it, as an error of the system; undefined if it can. */
      readonly unwritable: string | undefined
    }

/** A process that a lock file names. */
export interface Holder {
  readonly pid: number
  readonly since: string | undefined
}

/** What is at the path of the socket. */
export type DaemonFacts =
  | { readonly state: 'none' }
  /** A process left its socket. */
  | { readonly state: 'stale'; readonly holder: Holder | undefined }
  /** A process holds the lock, but there is no socket. `isStarting`: since a moment ago. */
  | {
      readonly state: 'no socket'
      readonly holder: Holder | undefined
      readonly isStarting: boolean
    }
  | { readonly state: 'no socket file' }
  | { readonly state: 'denied'; readonly message: string; readonly hint: string }
  /** It takes connections and does not answer. `isStopped`: its process is stopped. */
  | { readonly state: 'silent'; readonly holder: Holder | undefined; readonly isStopped: boolean }
  /** What answers is no daemon of dstore. */
  | { readonly state: 'strange'; readonly message: string }
  | { readonly state: 'serving'; readonly status: StatusAnswer; readonly ms: number }

export interface DiskFacts {
  readonly freeBytes: number
  readonly totalBytes: number
  /** Both 0 on a filesystem that does not count them. */
  readonly freeFiles: number
  readonly totalFiles: number
}

export interface MemoryFacts {
  readonly totalBytes: number
  readonly availableBytes: number
  /** The limit of the control group of the daemon, else of this command. */
  readonly limitBytes: number | undefined
}

export interface DescriptorFacts {
  readonly soft: number
  readonly hard: number
  /** Undefined if the system does not tell. */
  readonly used: number | undefined
}

/** The certificate that the settings name, as its files are now. */
export interface CertificateFacts {
  /** Its path. */
  readonly path: string
  readonly validTo: Date
  readonly isExpired: boolean
}

/** The archive of a Global or standalone node. */
export interface ArchiveFacts {
  /** In the settings. */
  readonly place: string | undefined
  readonly endpoint: string | undefined
  /** In the note of the state directory. */
  readonly noted: string | undefined
  readonly key: SecretFile | undefined
  /** Tried from here; undefined where a daemon serves, which tells itself. */
  readonly bucket: { readonly fault: DstoreError | undefined } | undefined
}

/** A file that holds a secret; `open`: others may read it. */
export interface SecretFile {
  readonly path: string
  readonly state: 'there' | 'missing' | 'open'
}

/** The set of a member: what its settings name, tried from here. */
export interface SetFacts {
  /** Without secrets. */
  readonly engine: string
  readonly endpoint: string | undefined
  /** Do entries go to another machine without TLS? */
  readonly isEnginePlain: boolean
  readonly key: SecretFile | undefined
  readonly secrets: SecretFile | undefined
  /** Faults; undefined for one that is well, or that was not tried. */
  readonly tried: {
    readonly engine: DstoreError | undefined
    readonly bucket: DstoreError | undefined
    /** Engine and bucket are not of one set, or the journal has lost entries. */
    readonly together: DstoreError | undefined
  }
  /** Parts of the engine that have a limit. */
  readonly rooms: readonly EngineRoom[]
}

export interface GlobalFacts {
  /** Every known address, tried from here. */
  readonly probes: readonly PeerProbe[]
  /** Its lane port, where its host is connected; undefined if none is known. */
  readonly lane: { readonly port: number; readonly outcome: TcpOutcome } | undefined
}

export interface Facts {
  /** The version of this command, and of Node. */
  readonly version: string
  readonly node: string
  /** Undefined where users have no numbers. */
  readonly uid: number | undefined
  readonly path: string
  readonly socket: string
  /** The flags that select this node, as commands take them: ` --dir X`; empty without any. */
  readonly selector: string
  readonly directory: Fact<DirectoryFacts>
  readonly settings: Fact<Settings>
  readonly daemon: Fact<DaemonFacts>
  /** Undefined unless the node is a Local. */
  readonly global: Fact<GlobalFacts> | undefined
  /** Undefined without an archive. */
  readonly archive?: Fact<ArchiveFacts> | undefined
  /** Undefined unless the node is a member of a set. */
  readonly set?: Fact<SetFacts> | undefined
  /** Undefined unless TLS is set up; `why`: the files cannot be used. */
  readonly certificate: Fact<CertificateFacts> | undefined
  readonly disk: Fact<DiskFacts>
  /** Of the cached files of a running Local; undefined without any. */
  readonly cacheDisk?: Fact<DiskFacts> | undefined
  readonly memory: Fact<MemoryFacts>
  /** Of this command, which has those of its shell. */
  readonly descriptors: Fact<DescriptorFacts>
  /** Undefined without a daemon. */
  readonly daemonDescriptors: Fact<DescriptorFacts> | undefined
}

/** The status of a daemon that answers. */
export function statusOf({ daemon }: Facts): StatusAnswer | undefined {
  return 'value' in daemon && daemon.value.state === 'serving' ? daemon.value.status : undefined
}

/** The saved settings, empty if they cannot be read. */
export function settingsOf({ settings }: Facts): Settings {
  return 'value' in settings ? settings.value : {}
}

/** The role of the node, running or not; undefined if nothing says so. */
export function roleOf(facts: Facts): Role | undefined {
  const { directory } = facts
  const isThere = 'value' in directory && directory.value.state === 'there'
  const saved = isThere && 'value' in facts.settings ? facts.settings.value : undefined
  return statusOf(facts)?.role ?? (saved && (saved.role ?? 'standalone'))
}
