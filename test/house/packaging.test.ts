/** The files in packaging, checked with this machine's systemd and against the files they name. */
import { test } from '../serial.ts'
import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { COMMANDS } from '../../cli/commands.ts'
import { parseFlags, type Flags } from '../../cli/flags.ts'
import { read } from './tree.ts'

const UNITS = {
  'dstore@main.service': read('packaging/systemd/dstore@.service'),
  'dstore.service': read('packaging/systemd/dstore.service'),
}

const dockerfile = read('packaging/docker/Dockerfile')
const compose = parse(read('packaging/docker/compose.yaml'), { merge: true }) as Compose

interface Compose {
  readonly services: Record<string, Service>
  readonly secrets: object
  readonly volumes: object
}

interface Service {
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
  t.regex(final, new RegExp(`^RUN ln -s ${folder}/dist/dstore\\.js /usr/local/bin/dstore$`, 'm'))
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
