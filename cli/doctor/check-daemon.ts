/** Checks of the daemon and of what it says of itself (R007-135, R007-142 to R007-145). No I/O. */
import { formatSize } from '../../src/daemon/config/quantities.ts'
import { isPlain, plainText } from '../terminal/status-text.ts'
import { plural } from '../terminal/terminal.ts'
import type { DaemonFacts, Facts, Holder } from './facts.ts'
import { roleOf, settingsOf, statusOf } from './facts.ts'
import type { Finding } from './finding.ts'
import { reportOn } from './finding.ts'
import { span } from '../wording.ts'
import { isLoopback, place, quoted } from './words.ts'

const report = reportOn('daemon')

export function checkDaemon(facts: Facts): readonly Finding[] {
  const { daemon, socket } = facts
  if ('why' in daemon) return [report.unknown(daemon.why)]
  const { value } = daemon
  switch (value.state) {
    case 'none':
      // Without a directory there is nothing that a daemon could serve.
      return roleOf(facts) === undefined ? [] : [stopped(facts)]
    case 'stale':
      return [
        report.problem(
          'daemon-killed',
          `the daemon${named(value.holder)} ended without closing: a stale socket is left at ${socket}`,
          '`dstore start` replaces it; `dstore logs` shows the last lines',
        ),
      ]
    case 'no socket':
      if (value.isStarting) {
        return [
          report.note(
            'daemon-starting',
            `a daemon starts${named(value.holder)}, and does not serve yet`,
            '`dstore doctor` again in a minute; `dstore logs` shows what it does',
          ),
        ]
      }
      return [
        report.problem(
          'socket-missing',
          `a daemon runs${named(value.holder)}, but its socket is not at ${socket}`,
          restart(value.holder),
        ),
      ]
    case 'no socket file':
      return [
        report.problem(
          'socket-not-a-socket',
          `what is at ${socket} is not a socket, so that no daemon can serve there`,
          `move it away: \`mv ${quoted(socket)} ${quoted(`${socket}.old`)}\`, then \`dstore start\``,
        ),
      ]
    case 'denied':
      return [report.problem('socket-denied', value.message, value.hint)]
    case 'silent':
      return [silent(value)]
    case 'strange':
      return [
        report.problem(
          'daemon-strange',
          `what answers at ${socket} is no dstore daemon: ${value.message}`,
          'end the program that serves there, or choose another socket with --socket PATH',
        ),
      ]
    case 'serving':
      return [serving(facts, value)]
  }
}

function stopped(facts: Facts): Finding {
  const what =
    roleOf(facts) === 'global' ? 'the daemon is stopped: its Locals are cut off' : 'no daemon runs'
  return report.note('daemon-stopped', what, '`dstore start` starts it')
}

function silent({ holder, isStopped }: DaemonFacts & { state: 'silent' }): Finding {
  const found = `the daemon${named(holder)} takes connections and does not answer`
  return isStopped && holder !== undefined
    ? report.problem(
        'daemon-frozen',
        `${found}: its process is stopped (SIGSTOP)`,
        `\`kill -CONT ${holder.pid}\` lets it continue`,
      )
    : report.problem('daemon-silent', found, restart(holder))
}

function serving(facts: Facts, { status, ms }: DaemonFacts & { state: 'serving' }): Finding {
  const { pid, directory } = status.daemon
  if (directory !== facts.path) {
    return report.warning(
      'daemon-elsewhere',
      `the daemon at ${facts.socket} serves ${directory}, not ${facts.path}`,
      `name its directory: \`{other}dstore doctor --dir ${quoted(directory)}\``,
    )
  }
  return report.ok(
    `${status.role}, process ${pid}, since ${status.startedAt}, answers in ${span(ms)}`,
  )
}

/** ` (process 12, since T)` */
function named(holder: Holder | undefined): string {
  if (holder === undefined) return ''
  const since = holder.since === undefined ? '' : `, since ${holder.since}`
  return ` (process ${holder.pid}${since})`
}

const restart = (holder: Holder | undefined): string =>
  holder === undefined
    ? '`dstore logs` shows what it did last; end its process, then `dstore start`'
    : `\`kill ${holder.pid}\`, with -9 if it stays, then \`dstore start\``

/** The versions of command, daemon and Global, and of Node. */
export function checkVersions(facts: Facts): readonly Finding[] {
  const on = reportOn('versions')
  const { version, node } = facts
  const status = statusOf(facts)
  const found: Finding[] = []
  if (status !== undefined && status.version !== version) {
    found.push(
      on.warning(
        'daemon-version',
        `the daemon runs version ${status.version}, and this command is ${version}`,
        '`dstore stop`, then `dstore start`: the node then runs the version of this command',
      ),
    )
  }
  const global = status?.global?.version
  if (global !== undefined && global !== status!.version) {
    const isOlder = isOlderThan(global, status!.version)
    found.push(
      on.warning(
        'global-version',
        `Global runs version ${global}, ${isOlder ? 'older' : 'newer'} than ${status!.version} of this node`,
        isOlder
          ? "on Global's machine: install the newer version, `{other}dstore stop`, then `{other}dstore start`"
          : 'here: install the newer version, `dstore stop`, then `dstore start`',
      ),
    )
  }
  if (found.length > 0) return found
  const parts = [`command ${version}`]
  if (status !== undefined) parts.push(`daemon ${status.version}`)
  if (status?.global !== undefined) parts.push(`Global ${global ?? 'not known'}`)
  return [on.ok([...parts, `Node ${node}`].join(', '))]
}

/** Compares versions such as `0.10.2` by their numbers; what follows a hyphen counts as older. */
export function isOlderThan(version: string, other: string): boolean {
  const [a, b] = [version, other].map((text) => {
    const [numbers = '', ...rest] = text.split('-')
    return { numbers: numbers.split('.').map(Number), isEarly: rest.length > 0 }
  })
  for (let i = 0; i < 3; i++) {
    const [left, right] = [a!.numbers[i] ?? 0, b!.numbers[i] ?? 0]
    if (left !== right) return left < right
  }
  return a!.isEarly && !b!.isEarly
}

/** Where the node can be reached: Global by its Locals, and the API over TCP. */
export const checkListen = (facts: Facts): readonly Finding[] => [
  ...plainHttp(facts),
  ...checkCertificate(facts),
  ...checkReach(facts),
]

/** A Global that only its own machine can reach (R007-143). */
function checkReach(facts: Facts): readonly Finding[] {
  const on = reportOn('listen')
  if (roleOf(facts) !== 'global') return []
  const listen = settingsOf(facts).listen ?? statusOf(facts)?.listen ?? []
  const places = listen.map(place).join(', ')
  if (listen.length === 0) return []
  if (!listen.every(isLoopback)) return [on.ok(places)]
  const port = /\/tcp\/(\d+)/.exec(listen[0]!)?.[1] ?? '4480'
  return [
    on.note(
      'loopback-only',
      `Global listens only on loopback (${places}): no other machine can join`,
      `\`dstore stop\`, then \`dstore start --listen /ip4/0.0.0.0/tcp/${port}\`, and a new \`dstore invite\``,
    ),
  ]
}

/** The API over TCP, where the network can read its tokens (R007-338). */
function plainHttp(facts: Facts): readonly Finding[] {
  const url = statusOf(facts)?.daemon.http?.url
  if (url === undefined || !isPlain(url)) return []
  const found = reportOn('listen').warning(
    'http-plain',
    plainText(url),
    '`dstore stop`, then `dstore start --http-cert FILE --http-key FILE`',
  )
  return [found]
}

/** The daemon keeps the pair in use while the files hold none; a start refuses them (R007-337). */
function checkCertificate({ certificate }: Facts): readonly Finding[] {
  const on = reportOn('listen')
  if (certificate === undefined) return []
  if ('why' in certificate) {
    return [
      on.warning(
        'certificate-unusable',
        `the certificate for TLS, or its key: ${certificate.why}`,
        'replace both files; without them the next `dstore start` fails',
      ),
    ]
  }
  const { path, validTo, isExpired } = certificate.value
  if (!isExpired) return []
  const since = validTo.toISOString()
  const remedy = 'replace it and its key; `dstore logs` shows that the daemon has read them'
  return [on.problem('certificate-expired', `${path} expired ${since}: clients refuse it`, remedy)]
}

/** A store that a Local has from an earlier role, where its status tells. */
interface Inactive {
  readonly inactiveStore?: { readonly values: number; readonly valueBytes: number }
}

/** Values that the store knows to be damaged, or that are not served (R007-144, R007-145). */
export function checkValues(facts: Facts): readonly Finding[] {
  const on = reportOn('values')
  const status = statusOf(facts)
  const { inactiveStore } = (status ?? {}) as Inactive
  if (inactiveStore !== undefined && inactiveStore.values > 0) {
    const { values, valueBytes } = inactiveStore
    return [
      on.note(
        'store-inactive',
        `a store of an earlier role is not served: ${plural(values, 'value')}, ${formatSize(valueBytes)}`,
        '`dstore stop`, then `dstore join --with-data` uploads it; or `dstore start --standalone` goes back',
      ),
    ]
  }
  const store = status?.store
  if (store === undefined || store.damaged === 0) return []
  return [
    on.problem(
      'values-damaged',
      `${store.damaged} of ${store.values} values are damaged, and are not served`,
      '`dstore verify --repair` lists them, and repairs those that a node still holds',
    ),
  ]
}
