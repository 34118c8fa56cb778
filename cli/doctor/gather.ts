/** Gathers what `doctor` checks: every part at once where it can be, each in a bounded time. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { StateDirectory } from '../../src/daemon/config/state-directory.ts'
import { DstoreError } from '../../src/errors.ts'
import { VERSION } from '../../src/node/version.ts'
import type { Flags } from '../flags.ts'
import { bounded, type Bounds } from './bounded.ts'
import type { DescriptorFacts, Fact, Facts } from './facts.ts'
import { roleOf, settingsOf, statusOf } from './facts.ts'
import { lookAtArchive } from './archive/gather-archive.ts'
import { lookAtDaemon } from './gather-daemon.ts'
import { lookAtDirectory, lookAtDisk } from './gather-directory.ts'
import { lookAtGlobal, savedAddresses } from './gather-global.ts'
import { lookAtCertificate, lookAtSettings, unread } from './gather-settings.ts'
import { lookAtDescriptors, lookAtMemory } from './gather-system.ts'
import { lookAtSet } from './set/gather-set.ts'
import { quoted } from './words.ts'

export async function gather(
  directory: StateDirectory,
  flags: Pick<Flags, 'dir' | 'socket'>,
  bounds: Bounds,
): Promise<Facts> {
  const { timeoutMs, signal } = bounds
  const { path } = directory
  const part = <T>(what: string, work: () => Promise<T>): Promise<Fact<T>> =>
    bounded(what, bounds, work)
  const disk = part('the look at the disk', () => lookAtDisk(path))
  const own = part('the look at the limits of this shell', () => known(lookAtDescriptors()))
  const there = await part('the look at the state directory', () => lookAtDirectory(path))
  // Nothing more is read from a filesystem that hangs.
  const isReadable = 'value' in there
  const read = isReadable
    ? await part('the look at the settings', () => lookAtSettings(directory, flags))
    : { why: there.why }
  const { settings, socket } = 'value' in read ? read.value : unread(directory, flags, read.why)
  const daemon = isReadable
    ? await part('the answer of the daemon', () => {
        // The daemon's own time ends first: what it means is for `lookAtDaemon` to say.
        return lookAtDaemon(directory, socket, timeoutMs * 0.9, signal)
      })
    : { why: there.why }
  const { version: node } = process
  const selector = Object.entries({ dir: flags.dir && path, socket: flags.socket && socket })
    .map(([name, value]) => (value === undefined ? '' : ` --${name} ${quoted(value)}`))
    .join('')
  const base = { version: VERSION, node, uid: process.getuid?.(), path, socket, selector }
  const facts = { ...base, directory: there, settings, daemon } as Facts
  const status = statusOf(facts)
  const pid = status?.daemon.pid
  const settingsNow = settingsOf(facts)
  const { httpCert, httpKey, engine } = settingsNow
  const cached = status?.cache?.files?.directory
  const isArchived = settingsNow.archive !== undefined || existsSync(directory.archive)
  const [global, certificate, memory, daemonDescriptors, cacheDisk, archive, set] =
    await Promise.all([
      globalOf(facts, bounds),
      httpCert === undefined || httpKey === undefined
        ? undefined
        : part('the look at the certificate', () => lookAtCertificate(httpCert, httpKey)),
      part('the look at the memory', () => lookAtMemory(pid)),
      pid === undefined
        ? undefined
        : part('the look at the limits of the daemon', () => lookAtDescriptors(pid)),
      cached === undefined
        ? undefined
        : part('the look at the disk of cached files', () => lookAtDisk(cached)),
      isArchived
        ? part('the look at the archive', () => {
            return lookAtArchive(directory, settingsNow, status?.archive !== undefined, signal)
          })
        : undefined,
      // Before the first start nothing is opened: that would make the journal.
      engine === undefined || !existsSync(join(path, 'member-id'))
        ? undefined
        : part('the look at the set', () => {
            return lookAtSet({ ...settingsNow, engine }, status?.set !== undefined, signal)
          }),
    ])
  return {
    ...facts,
    global,
    certificate,
    memory,
    disk: await disk,
    cacheDisk,
    archive,
    set,
    descriptors: await own,
    daemonDescriptors: present(daemonDescriptors),
  }
}

async function globalOf(facts: Facts, bounds: Bounds): Promise<Facts['global']> {
  if (roleOf(facts) !== 'local') return undefined
  const status = statusOf(facts)
  const known = status?.global?.addresses
  // As long again, for what loads before a probe begins.
  const patient = { ...bounds, timeoutMs: bounds.timeoutMs * 2 }
  return bounded('the look at Global', patient, async () => {
    const addresses = known ?? (await savedAddresses(facts.path, settingsOf(facts)))
    if (addresses.length === 0) throw new DstoreError('usage', 'no address of Global is known')
    return lookAtGlobal(addresses, status, bounds)
  })
}

/** The system may not tell: for this process that is worth a finding. */
async function known(found: Promise<DescriptorFacts | undefined>): Promise<DescriptorFacts> {
  const facts = await found
  if (facts === undefined) throw new DstoreError('unreadable', 'the system does not tell the limit')
  return facts
}

/** For the daemon's process it is none: it may run elsewhere, behind its socket. */
function present(
  fact: Fact<DescriptorFacts | undefined> | undefined,
): Fact<DescriptorFacts> | undefined {
  if (fact === undefined || 'why' in fact) return fact
  return fact.value === undefined ? undefined : { value: fact.value }
}
