/** What `dstore doctor` can find of an archive, as facts. */
import { DstoreError, type ErrorCode } from '../../src/errors.ts'
import type { StatusAnswer } from '../../src/daemon/api/api.ts'
import type { ArchiveFacts, Facts } from '../../cli/doctor/facts.ts'
import { healthy, statusFor, withDaemon } from './doctor-facts.ts'

const place = 's3://company/dstore/main'

const fine: ArchiveFacts = {
  place,
  endpoint: undefined,
  noted: place,
  key: undefined,
  bucket: undefined,
}

const report: NonNullable<StatusAnswer['archive']> = {
  state: 'current',
  place,
  acknowledges: false,
  mayServe: true,
  own: 7,
  archived: 5,
  lagEntries: 2,
  lagBytes: 2048,
  lagMs: 1500,
  requests: { writes: 1, reads: 1, deletes: 0, failed: 0 },
}

/** A Global that serves, with this of its archive. */
const served = (
  facts: Partial<ArchiveFacts>,
  archive: Partial<NonNullable<StatusAnswer['archive']>> = {},
): Facts =>
  healthy(
    'global',
    { archive: { value: { ...fine, ...facts } } },
    statusFor('global', { archive: { ...report, ...archive } }),
  )

/** One that does not run; this is what the bucket answered. */
const stopped = (code: ErrorCode, message: string): Facts =>
  healthy('standalone', {
    ...withDaemon({ state: 'none' }),
    archive: { value: { ...fine, bucket: { fault: new DstoreError(code, message) } } },
  })

/** By what is wrong: the facts, and exactly what is found. */
export const ARCHIVE_CASES: Readonly<Record<string, readonly [Facts, string[]]>> = {
  'R011-89 an archive that is well': [served({}), []],
  'R011-89 one whose key file is kept elsewhere': [
    served({ key: { path: '/etc/key', state: 'missing' } }),
    [],
  ],
  'R011-89 a key file that others may read': [
    served({ key: { path: '/etc/key', state: 'open' } }),
    ['problem archive-key-open'],
  ],
  'R011-89 a note that the settings do not agree with': [
    served({ place: 's3://company/other' }),
    ['problem archive-differs'],
  ],
  'R011-89 an archive that no setting names': [
    healthy('standalone', {
      ...withDaemon({ state: 'none' }),
      archive: { value: { ...fine, place: undefined } },
    }),
    ['problem archive-not-named', 'note daemon-stopped'],
  ],
  'R011-89 an endpoint in clear': [
    served({ endpoint: 'http://s3.corp:9000' }),
    ['warning archive-plain'],
  ],
  'R011-89 an endpoint of this machine': [served({ endpoint: 'http://127.0.0.1:9000' }), []],
  'R011-89 a first copy': [
    served({}, { state: 'first-copy', firstCopy: { done: 1, total: 3 } }),
    ['note archive-first-copy'],
  ],
  'R011-89 a bucket that does not answer for a while': [
    served({}, { state: 'behind', error: 'no answer', errorCode: 'unreachable' }),
    ['warning archive-behind'],
  ],
  'R011-89 a bucket for which puts wait': [
    served({}, { state: 'waiting', error: 'no answer', errorCode: 'unreachable' }),
    ['problem archive-unreachable'],
  ],
  'R011-89 a bucket that refuses the credentials of a daemon': [
    served({}, { state: 'unreachable', error: 'refused', errorCode: 'not-permitted' }),
    ['problem archive-denied'],
  ],
  'R011-89 an archive that was taken over': [
    served({}, { state: 'fenced' }),
    ['problem archive-fenced'],
  ],
  'R011-89 without a daemon, a bucket that does not answer': [
    stopped('unreachable', 'no answer'),
    ['problem archive-unreachable', 'note daemon-stopped'],
  ],
  'R011-89 without a daemon, credentials that are refused': [
    stopped('not-permitted', 'refused'),
    ['problem archive-denied', 'note daemon-stopped'],
  ],
  'R011-89 without a daemon, no such bucket': [
    stopped('not-found', 'no bucket'),
    ['problem archive-no-bucket', 'note daemon-stopped'],
  ],
  'R011-89 without a daemon, a bucket that ignores conditions': [
    stopped('incompatible', 'it ignores conditions'),
    ['problem archive-ignores-conditions', 'note daemon-stopped'],
  ],
  'R011-89 without a daemon, no client of S3': [
    stopped('unsupported', 'not installed'),
    ['problem archive-client-missing', 'note daemon-stopped'],
  ],
  'R011-89 without a daemon, a bucket that answers': [
    healthy('standalone', {
      ...withDaemon({ state: 'none' }),
      archive: { value: { ...fine, bucket: { fault: undefined } } },
    }),
    ['note daemon-stopped'],
  ],
}
