/** The files in packaging, checked with this machine's systemd and against the files they name. */
import { test } from '../serial.ts'
import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { COMMANDS } from '../../cli/commands.ts'
import type { Flags } from '../../cli/flags.ts'
import { parseFlags } from '../../cli/parse-flags.ts'
import { SDK_VERSION } from '../../src/bucket/sdk.ts'
import { ENGINE_PACKAGES } from '../../src/journal/engine/packages.ts'
import { read } from './tree.ts'

const UNITS = {
  'dstore@main.service': read('packaging/systemd/dstore@.service'),
  'dstore-member@main.service': read('packaging/systemd/dstore-member@.service'),
  'dstore.service': read('packaging/systemd/dstore.service'),
}

const dockerfile = read('packaging/docker/Dockerfile')
const compose = parse(read('packaging/docker/compose.yaml'), { merge: true }) as Compose
const composeSet = parse(read('packaging/docker/compose-set.yaml'), { merge: true }) as Compose

interface Compose {
  readonly services: Record<string, Service>
  readonly secrets: object
  readonly volumes: object
  readonly configs?: Readonly<Record<string, { readonly content: string }>>
}

interface Service {
  readonly build?: { readonly args: Readonly<Record<string, string>> }
  readonly restart: string
  readonly command: string[]
  readonly volumes: string[]
  readonly secrets?: string[]
  readonly depends_on?: object
}

/** The daemon's flags in a command line that begins with `daemon`. */
function daemonFlags(words: readonly string[]): object {
  const [command, ...args] = words
  if (command !== 'daemon') throw new Error(`not a daemon: ${words.join(' ')}`)
  return parseFlags(command, COMMANDS['daemon']!.flags, args).flags
}

for (const [name, text] of Object.entries(UNITS)) {
  test(`${name} starts a daemon, and stops it with the right signal`, (t) => {
    const [, words] = /^ExecStart=\S+dstore (.*)$/m.exec(text)!
    t.notThrows(() => daemonFlags(words!.split(' ')))
    t.regex(text, /^SuccessExitStatus=143$/m)
    t.regex(text, /^NoNewPrivileges=yes$/m)
    t.regex(text, /^RestrictAddressFamilies=.* AF_NETLINK$/m, 'Node lists addresses so')
    t.notRegex(text, /^MemoryDenyWriteExecute=yes$/m, 'Node compiles as it runs')
  })

  test(`systemd accepts ${name}, if it is installed`, async (t) => {
    if (spawnSync('systemd-analyze', ['--version']).error !== undefined) {
      t.log('systemd is not installed: the unit was not tried')
      t.pass()
      return
    }
    const folder = mkdtempSync(join(tmpdir(), 'dstore-units-'))
    t.teardown(() => rmSync(folder, { recursive: true }))
    const unit = join(folder, name)
    writeFileSync(unit, text.replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`))
    const kind = name.includes('@') ? [] : ['--user']
    const env = { ...process.env, XDG_RUNTIME_DIR: folder }
    const found = await promisify(execFile)('systemd-analyze', [...kind, 'verify', unit], { env })
    t.is(found.stderr, '')
  })
}

test('the agent for launchd starts a daemon, and again after a failure', (t) => {
  const agent = read('packaging/launchd/dstore.plist')
  const [, words] = /<string>exec dstore (.*?) 2&gt;&gt;/.exec(agent)!
  t.notThrows(() => daemonFlags(words!.split(' ')))
  t.regex(agent, /<key>KeepAlive<\/key>\s*<dict>\s*<key>SuccessfulExit<\/key>\s*<false\/>/)
  const open: string[] = []
  for (const [, end, name] of agent.matchAll(/<(\/?)([a-z]+)(?: [^>]*)?>/g)) {
    if (end === '') open.push(name!)
    else t.is(open.pop(), name)
  }
  t.deepEqual(open, [])
})

test('the unit of a user takes the path of another dstore, as docs/service.md puts it in', (t) => {
  const [, path] = /sed "s\|(\S+?)\|/.exec(read('docs/service.md'))!
  const unit = UNITS['dstore.service']
  t.is(unit.split(path!).length, 2)
  t.true(unit.includes(`ExecStart=${path} daemon`))
  t.true(unit.includes('EnvironmentFile=-%h/.config/dstore/env'))
})

test('the image runs as an unprivileged user, has a health check, and copies existing files', (t) => {
  const [, final = ''] = dockerfile.split(/^(?=FROM .*slim\n)/m).slice(-2)
  t.regex(final, /^USER dstore$/m)
  t.regex(final, /^HEALTHCHECK /m)
  t.regex(dockerfile, /npm ci --ignore-scripts/)
  const [, words] = /CMD (\[.*\])\nENTRYPOINT/.exec(dockerfile)!
  const [program, ...args] = JSON.parse(words!) as string[]
  t.is(program, 'dstore')
  const [command, ...flags] = args as [string, ...string[]]
  t.notThrows(() => parseFlags(command, COMMANDS[command]!.flags, flags))
  for (const path of ['package.json', 'package-lock.json']) t.true(existsSync(path))
  const [, script, folder] = /node dist\/(\S+)\.js "\$TARGETARCH" (\S+)/.exec(dockerfile)!
  t.true(existsSync(`${script}.ts`), 'what the image holds is staged')
  t.regex(final, new RegExp(`^COPY --from=build ${folder} ${folder}$`, 'm'))
  t.regex(final, new RegExp(`^RUN ln -s ${folder}/dist/dstore\\.cjs /usr/local/bin/dstore$`, 'm'))
  t.deepEqual(final.match(/^COPY/gm), ['COPY'], 'and nothing else')
})

test('R003-122 where a Global gets a port, it gets one for bulk data, which is documented', (t) => {
  const { listen, 'lane-port': port } = daemonFlags(compose.services['global']!.command) as Flags
  t.deepEqual(listen, ['/ip4/0.0.0.0/tcp/4480'])
  t.is(port, '4481')
  t.regex(dockerfile, /^EXPOSE 4480 4481$/m)
  const page = read('docs/service.md')
  t.regex(page, /DSTORE_LISTEN=\/ip4\/0\.0\.0\.0\/tcp\/4480\\nDSTORE_LANE_PORT=4481/)
  t.regex(page, /allow 4480:4481\/tcp/)
  t.regex(page, /dport 4480-4481 accept/)
})

test('the composition is a Global, and Locals that join it with a ticket from outside', (t) => {
  const { services, secrets, volumes } = compose
  const { global, ...locals } = services
  t.like(daemonFlags(global!.command), { global: true })
  t.true(Object.keys(locals).length >= 2)
  for (const [name, { command, secrets: given, depends_on }] of Object.entries(locals)) {
    t.like(daemonFlags(command), { join: '@/run/secrets/ticket' }, name)
    t.deepEqual(given, Object.keys(secrets))
    t.deepEqual(depends_on, { global: { condition: 'service_healthy' } })
  }
  for (const [name, { volumes: own }] of Object.entries(services)) {
    t.deepEqual(own, [`${name}:/var/lib/dstore`], 'each has a state of its own')
    t.true(Object.hasOwn(volumes, name))
  }
})

test('the composition of a set is three members of one set, which start again, and a Local', (t) => {
  const { services, volumes, configs, secrets } = composeSet
  const members = ['m1', 'm2', 'm3'].map((name) => [name, services[name]!] as const)
  for (const [name, { command, volumes: own, restart, secrets: given }] of members) {
    t.like(daemonFlags(command), { global: true, 'set-key': '/run/secrets/set-key' }, name)
    t.deepEqual(command, members[0]![1].command, 'they differ by their state only')
    t.deepEqual(own, [`${name}:/var/lib/dstore`])
    t.is(restart, 'always', 'one that was overtaken stands by')
    t.deepEqual(given, ['engine', 'set-key'])
    t.true(Object.hasOwn(volumes, name))
  }
  t.like(daemonFlags(services['local']!.command), { join: '@/run/secrets/ticket' })
  t.deepEqual(Object.keys(secrets), ['engine', 'set-key', 'ticket'])
  const { content } = configs!['nats.conf']!
  t.regex(content, /sync_interval: always/)
  t.regex(content, /^system_account: /m)
  const packages = { '@aws-sdk/client-s3': SDK_VERSION, ...ENGINE_PACKAGES }
  const listed = Object.entries(packages).map(([name, version]) => `${name}@${version}`)
  t.is(services['m1']!.build!.args['PACKAGES'], listed.join(' '))
  t.regex(dockerfile, /^ARG PACKAGES=$/m)
})

test('a member is started again whenever it ends, and has time to say farewell', (t) => {
  const unit = UNITS['dstore-member@main.service']
  t.regex(unit, /^Restart=always$/m)
  t.regex(unit, /^StartLimitIntervalSec=0$/m)
  t.regex(unit, /^TimeoutStopSec=30$/m)
  const page = read('docs/set.md')
  for (const path of ['/var/lib/dstore/keys/main.key', '/etc/dstore/main.engine.json']) {
    t.true(page.includes(path))
    t.true(unit.includes(path.replace('main', '%i')))
  }
})
