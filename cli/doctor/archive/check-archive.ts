/** Checks of the archive (specs/011-archive.md, R011-89). No I/O. */
import { lagText } from '../../terminal/archive-text.ts'
import { type ArchiveFacts, type Facts, roleOf, statusOf } from '../facts.ts'
import { type Finding, reportOn } from '../finding.ts'
import { quoted } from '../words.ts'

const report = reportOn('archive')

export function checkArchive(facts: Facts): readonly Finding[] {
  const { archive } = facts
  if (archive === undefined || roleOf(facts) === 'local') return []
  if ('why' in archive) return [report.unknown(archive.why)]
  const { value } = archive
  const found = [...noteOf(value), ...keyOf(value), ...linkOf(value), ...bucketOf(facts, value)]
  return found.length > 0 ? found : [report.ok(fine(facts, value))]
}

function noteOf({ place, noted }: ArchiveFacts): Finding[] {
  if (noted === undefined || noted === place) return []
  const here = `this store has the archive ${noted}`
  const remedy = `\`dstore start --archive ${noted}\`, or with --archive none to leave it for good`
  if (place !== undefined) {
    const what = `${here}, and the settings name ${place}`
    return [report.problem('archive-differs', what, remedy)]
  }
  return [report.problem('archive-not-named', `${here}, and the settings name none`, remedy)]
}

function keyOf({ key }: ArchiveFacts): Finding[] {
  if (key?.state !== 'open') return []
  const what = `others may read the key file of the archive, ${key.path}`
  return [report.problem('archive-key-open', what, `\`chmod 600 ${quoted(key.path)}\``)]
}

function linkOf({ endpoint }: ArchiveFacts): Finding[] {
  if (endpoint === undefined || !/^http:/i.test(endpoint)) return []
  if (/^http:\/\/(localhost|127\.[\d.]+|\[::1\])(:|\/|$)/i.test(endpoint)) return []
  const what = `values go to ${endpoint} in clear: the network can read them`
  const remedy = 'give the server a certificate, then `dstore start --archive-endpoint https://...`'
  return [report.warning('archive-plain', what, remedy)]
}

function bucketOf(facts: Facts, { bucket, place }: ArchiveFacts): Finding[] {
  const status = statusOf(facts)?.archive
  if (status === undefined) {
    const fault = bucket?.fault
    if (fault === undefined) return []
    const { code, message, hint = 'see `dstore logs`' } = fault
    const id = FAULTS[code] ?? 'archive-unreachable'
    return [report.problem(id, `from this shell: ${message}`, hint)]
  }
  const { state, error = 'no answer', errorCode } = status
  switch (state) {
    case 'opening':
    case 'current':
      return []
    case 'first-copy': {
      const { done = 0, total = 0 } = status.firstCopy ?? {}
      const what = `the first copy is under way, ${done} of ${total} large values: nothing can be restored`
      return [report.note('archive-first-copy', what, '`dstore status` shows how far it is')]
    }
    case 'behind': {
      const what = `${place} is behind and ${lagText(status)}: ${error}`
      return [report.warning('archive-behind', what, remedyFor(errorCode))]
    }
    case 'waiting':
    case 'unreachable': {
      const what = `puts ${state === 'waiting' ? 'wait' : 'are refused'}: ${place} ${lagText(status)}: ${error}`
      const id = FAULTS[errorCode ?? 'unreachable'] ?? 'archive-unreachable'
      return [report.problem(id, what, remedyFor(errorCode))]
    }
    case 'fenced': {
      const what = `another node has taken over ${place}: ${error}`
      const remedy = 'let this node be: `dstore stop`; the other one has the archive'
      return [report.problem('archive-fenced', what, remedy)]
    }
  }
}

/** By the code of a fault: what is wrong. */
const FAULTS: Readonly<Record<string, string>> = {
  'not-permitted': 'archive-denied',
  'not-found': 'archive-no-bucket',
  incompatible: 'archive-ignores-conditions',
  unsupported: 'archive-client-missing',
}

function remedyFor(code: string | undefined): string {
  if (code === 'not-permitted') {
    return '`dstore stop`, then `dstore start` with credentials that may read, write, list and delete there: docs/archive.md'
  }
  return '`dstore logs` shows what the bucket answers; it is tried again all the time'
}

function fine(facts: Facts, { place, key }: ArchiveFacts): string {
  const status = statusOf(facts)?.archive
  const lag = status === undefined ? 'the bucket answers, and keeps conditions' : lagText(status)
  const kept = key?.state === 'there' ? '; its key file is here: keep a copy elsewhere' : ''
  return `${place}: ${lag}${kept}`
}
