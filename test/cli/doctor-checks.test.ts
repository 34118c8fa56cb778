/** The checks of `dstore doctor`, from facts to findings. */
import { test } from '../serial.ts'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import type { StatusAnswer } from '../../src/daemon/api/api.ts'
import { isOlderThan } from '../../cli/doctor/check-daemon.ts'
import { laneTarget } from '../../cli/doctor/check-global.ts'
import { examine } from '../../cli/doctor/checks.ts'
import type { Facts } from '../../cli/doctor/facts.ts'
import { SUBJECTS, type Finding } from '../../cli/doctor/finding.ts'
import { findingsText, summaryText } from '../../cli/doctor/render.ts'
import { isLoopback, octal, quoted } from '../../cli/doctor/words.ts'
import { span } from '../../cli/wording.ts'

import { AWAY, CASES as OTHER_CASES } from './doctor-cases.ts'
import { ARCHIVE_CASES } from './doctor-archive-cases.ts'
import { CACHED_CASES } from './doctor-cached-cases.ts'
import { CERTIFICATE_CASES } from './doctor-certificate-cases.ts'
import {
  PEER,
  cutOff,
  healthy,
  link,
  overTcp,
  statusFor,
  there,
  withDaemon,
} from './doctor-facts.ts'

const CASES = { ...OTHER_CASES, ...CERTIFICATE_CASES, ...CACHED_CASES, ...ARCHIVE_CASES }

const worse = (facts: Facts): readonly Finding[] =>
  examine(facts).filter(({ severity }) => severity !== 'ok')

const named = (facts: Facts): string[] =>
  worse(facts).map(({ id, severity }) => `${severity} ${id}`)

test('R007-132 a healthy node of each role has no finding but those that are ok', (t) => {
  for (const role of ['standalone', 'global', 'local'] as const) {
    t.deepEqual(named(healthy(role)), [], role)
    t.is(summaryText(examine(healthy(role))), 'nothing is wrong')
    t.notRegex(findingsText(examine(healthy(role))), /remedy/)
  }
})

for (const [title, [facts, expected]] of Object.entries(CASES)) {
  test(`${title}: what doctor finds`, (t) => t.deepEqual(named(facts), expected))
}

test('R007-338 an API over TLS, and one on loopback, is nothing to warn of', (t) => {
  for (const url of [
    'https://10.0.0.1:1',
    'http://[::1]:1',
    'http://127.0.0.9:1',
    'http://localhost:1',
  ])
    t.deepEqual(named(healthy('global', {}, overTcp(url))), [], url)
  for (const url of ['http://127.evil.example:1', 'http://[::2]:1', 'http://0.0.0.0:1'])
    t.deepEqual(named(healthy('global', {}, overTcp(url))), ['warning http-plain'], url)
})

test('R007-132 every id is in the spec, and the spec names no other', (t) => {
  const spec = readFileSync('specs/007-daemon-and-command-line.md', 'utf8')
  const section = spec.slice(spec.indexOf('### Doctor'), spec.indexOf('### Completion'))
  const isId = (word: string): boolean => /^[a-z]+(-[a-z]+)+$/.test(word)
  const inSpec = new Set([...section.matchAll(/`([a-z-]+)`/g)].map(([, id]) => id!).filter(isId))
  const used = ['descriptors-shell-used', 'descriptors-daemon-used']
  const found = new Set(Object.values(CASES).flatMap(([facts]) => worse(facts).map(({ id }) => id)))
  const checked = [...found].filter((id) => !id.endsWith('-not-checked') && !used.includes(id))
  t.deepEqual(checked.toSorted(), [...inSpec].filter((id) => id !== '-used').toSorted())
  // The unit tests above make every finding that the code can make.
  const files = readdirSync('cli/doctor', { recursive: true, encoding: 'utf8' })
  const code = files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join('cli/doctor', file), 'utf8'))
  const written = [...code.join('').matchAll(/'([a-z]+(?:-[a-z]+)+)'/g)].map(([, id]) => id!)
  for (const id of checked) t.true(written.includes(id), id)
})

test('R007-132 every finding has a remedy with a command, and each is one line', (t) => {
  const all = Object.values(CASES).flatMap(([facts]) => worse(facts))
  for (const { id, found, remedy } of all) {
    t.regex(remedy ?? '', /`[^`]+`|--dir|--socket|config\.json|no step|ask/, id)
    t.notRegex(`${found}${remedy}`, /[\n{}]/, id)
    t.notRegex(`${found}${remedy}`, /undefined|NaN|\[object/, id)
  }
})

test('R007-132 the commands of a remedy name the node that was examined', (t) => {
  const selector = " --dir '/my state'"
  const [stopped] = worse(healthy('global', { selector, ...withDaemon({ state: 'none' }) }))
  t.is(stopped!.remedy, "`dstore start --dir '/my state'` starts it")
  const [removed] = worse(
    healthy(
      'local',
      { selector, ...cutOff('reached') },
      link({ ...AWAY, errorCode: 'not-permitted' }),
    ),
  )
  t.is(
    removed!.remedy,
    'on Global: `dstore invite -o ticket`; here: ' +
      "`dstore stop --dir '/my state'`, then `dstore join --dir '/my state' @ticket`",
  )
})

test('R007-136 the remedy for a Global that cannot be reached follows what was met', (t) => {
  for (const [outcome, remedy] of [
    ['late', /firewall.*`nc -vz HOST 4480`/],
    ['no-route', /firewall.*`nc -vz HOST 4480`/],
    ['no-host', /`getent hosts NAME`/],
    ['mute', /`dstore doctor` tells/],
    ['refused', /`dstore start`; if `dstore status` there shows another port.*`dstore join /],
  ] as const) {
    const found = worse(healthy('local', cutOff(outcome), link(AWAY)))
    t.regex(found.find(({ id }) => id === 'global-unreachable')?.remedy ?? '', remedy, outcome)
  }
})

test('R007-133 a check that fails is a finding, and the others are made', (t) => {
  const broken = { ...statusFor('global'), listen: 5 } as unknown as StatusAnswer
  t.deepEqual(named(healthy('global', { ...there({ mode: 0o777 }) }, broken)), [
    'problem directory-open',
    'note listen-not-checked',
  ])
})

const some = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values)

/** Any facts: healthy ones, those of every case, unknown ones, and a status that lacks parts. */
const anyFacts: fc.Arbitrary<Facts> = fc
  .record({
    base: some(...Object.values(CASES).map(([facts]) => facts)),
    parts: fc.array(
      some<keyof Facts>(
        'directory',
        'settings',
        'daemon',
        'global',
        'disk',
        'memory',
        'descriptors',
        'daemonDescriptors',
      ),
    ),
    from: some(...Object.values(CASES).map(([facts]) => facts)),
    unknown: fc.array(
      some<keyof Facts>(
        'directory',
        'settings',
        'daemon',
        'global',
        'disk',
        'memory',
        'descriptors',
      ),
    ),
    lost: fc.array(
      some<keyof StatusAnswer>(
        'version',
        'listen',
        'clock',
        'global',
        'store',
        'cache',
        'role',
        'startedAt',
      ),
    ),
  })
  .map(({ base, parts, from, unknown, lost }) => {
    const facts: Record<string, unknown> = { ...base }
    for (const part of parts) facts[part] = from[part]
    for (const part of unknown) facts[part] = { why: 'it is not known' }
    const daemon = facts['daemon'] as Facts['daemon']
    if ('value' in daemon && daemon.value.state === 'serving') {
      const status = Object.fromEntries(
        Object.entries(daemon.value.status).filter(([name]) => !lost.includes(name as 'role')),
      ) as unknown as StatusAnswer
      facts['daemon'] = { value: { ...daemon.value, status } }
    }
    return facts as unknown as Facts
  })

test('R007-132 R007-133 any facts give findings, each of one line, problems first', (t) => {
  const rank = ['problem', 'warning', 'note', 'ok']
  fc.assert(
    fc.property(anyFacts, (facts) => {
      const findings = examine(facts)
      const ranks = findings.map(({ severity }) => rank.indexOf(severity))
      t.deepEqual(
        ranks,
        ranks.toSorted((a, b) => a - b),
      )
      for (const { subject, severity, remedy, found } of findings) {
        t.true(SUBJECTS.includes(subject))
        t.is(remedy === undefined, severity === 'ok')
        t.false(found.includes('\n'))
      }
      const lines = findingsText(findings).split('\n')
      const remedies = findings.filter(({ remedy }) => remedy !== undefined).length
      t.is(lines.length, Math.max(1, findings.length + remedies))
    }),
    { numRuns: 300 },
  )
})

test('R007-142 versions compare by their numbers', (t) => {
  t.true(isOlderThan('0.9.0', '0.10.0'))
  t.true(isOlderThan('0.1.0-rc.1', '0.1.0'))
  t.false(isOlderThan('0.1.0', '0.1.0'))
  t.false(isOlderThan('1.0.0', '0.99.99'))
})

test('R007-137 the lane port is tried at the host where Global is connected', (t) => {
  t.deepEqual(laneTarget(statusFor('local')), { host: '10.0.0.1', port: 4481 })
  t.deepEqual(laneTarget(link({ address: `/dns4/g.example/tcp/1/p2p/${PEER}` })), {
    host: 'g.example',
    port: 4481,
  })
  t.is(laneTarget(link({ address: undefined })), undefined)
  t.is(laneTarget(undefined), undefined)
})

test('R007-132 figures in words', (t) => {
  t.deepEqual([0, 999, 1000, 59_999, 3_600_000, -3_725_000, 90_061_000].map(span), [
    '0ms',
    '999ms',
    '1s',
    '1m',
    '1h',
    '1h 2m',
    '1d 1h',
  ])
  t.is(octal(0o40777 & 0o7777), '0777')
  t.is(octal(0o1700), '01700')
  t.is(quoted("/it's"), String.raw`'/it'\''s'`)
  t.is(quoted('/plain-1.0'), '/plain-1.0')
  t.deepEqual(
    ['/ip4/127.9.0.1/tcp/1', '/ip6/::1/tcp/1', '/dns/localhost/tcp/1', '/ip4/10.0.0.1/tcp/1'].map(
      isLoopback,
    ),
    [true, true, true, false],
  )
})
