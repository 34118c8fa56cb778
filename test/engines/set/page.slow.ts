/**
 * A stranger types what docs/set.md says to try on one machine: real servers of an engine, a real
 * bucket, three members and a Local, in another home.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { DISK } from '../../disk.ts'
import { Machine } from '../../docs/machine.ts'
import { blocksOf } from '../../docs/page.ts'
import { createPlace, removePlace } from '../../docs/place.ts'
import { freePort } from '../../free-port.ts'
import { test } from '../../serial.ts'
import { findProgram } from '../engine.ts'
import { natsServer } from '../journals/nats-cluster.ts'
import { postgresPrograms } from '../journals/postgres-set.ts'

interface Walk {
  readonly engine: string
  /** What the script of the other engine has, which is left out. */
  readonly other: string
  /** Prepares the home; a folder of programs for the PATH; undefined where they are missing. */
  readonly programs: (home: string, bin: string) => string | undefined
}

const WALKS: readonly Walk[] = [
  {
    engine: 'NATS',
    other: 'initdb',
    programs: () => {
      const program = natsServer()
      return program === undefined ? undefined : dirname(program)
    },
  },
  { engine: 'PostgreSQL', other: 'nats-server', programs: postgresFor },
]

/** A digit goes before each port of the page, so that they are free. */
const PORTS = ['4221', '6221', '5441', '7071', '4510', '4511', '4520', '4521', '4530', '4531']
const PORT = /(?<=:|=|-p |\b[abc] )(?=(?:422|622|544|707|45[123])[\d$])/g

for (const { engine, other, programs } of WALKS) {
  test(`docs/set.md: what it says to try on one machine works as written, with ${engine}`, async (t) => {
    t.timeout(300_000)
    const place = await createPlace('bundle')
    const home = mkdtempSync(join(DISK, 'dstore-set-page-'))
    const [ofEngine, bucket] = [programs(home, join(place.path, 'bin')), findProgram('versitygw')]
    const digit = await freeDigit()
    try {
      if (ofEngine === undefined || bucket === undefined) {
        t.log(`${engine} or versitygw is not installed: the page was not tried`)
        t.pass()
        return
      }
      const search = [place.search, ofEngine, dirname(bucket)].join(delimiter)
      const machine = new Machine(home, search)
      const all = scripts()
        .filter((script) => !script.includes(other))
        .map((script) => script.replaceAll(PORT, digit))
      t.is(all.length, 7)
      let isEnded = false
      try {
        const outputs: string[] = []
        for (const script of all) {
          const { output, exit } = await machine.run(script, true)
          t.log(output)
          t.is(exit, 0, `${script}\n${output}`)
          outputs.push(output)
        }
        isEnded = true
        const [, , members, put, killed, again] = outputs
        t.regex(members!, /^active +a, epoch \d+, since \S+$/m)
        t.is(members!.match(/^member .*/gm)?.length, 3)
        t.regex(put!, /^b[a-z2-7]{50,}$/m)
        t.regex(killed!, /^hello, set$/m)
        t.regex(killed!, /^active +[bc], epoch \d+, since \S+$/m)
        t.regex(again!, /^member +a {2}standby/m)
      } finally {
        if (!isEnded) await machine.run(all.at(-1)!, false)
        await machine.close()
      }
    } finally {
      await removePlace(place)
      rmSync(home, { recursive: true, force: true, maxRetries: 20 })
    }
  })
}

/** The scripts of the walk, in order; what installs programs is a session. */
const scripts = (): string[] =>
  blocksOf('docs/set.md')
    .flatMap(({ steps }) => steps)
    .filter(({ output, command }) => output === undefined && command.includes('~/set'))
    .map(({ command }) => command)

/** The page is not for root. As root, its servers run as the user that their package made. */
function postgresFor(home: string, bin: string): string | undefined {
  const folder = postgresPrograms()
  if (folder === undefined || process.getuid?.() !== 0) return folder
  for (const name of ['initdb', 'pg_ctl', 'pg_basebackup']) {
    const as = 'setpriv --reuid=postgres --regid=postgres --clear-groups'
    writeFileSync(join(bin, name), `#!/bin/sh\nexec ${as} '${join(folder, name)}' "$@"\n`)
    chmodSync(join(bin, name), 0o755)
  }
  const [uid, gid] = ['-u', '-g'].map((flag) => {
    return Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout)
  })
  const place = join(home, 'set')
  mkdirSync(place)
  for (const path of [home, place]) chownSync(path, uid!, gid!)
  return folder
}

async function freeDigit(): Promise<string> {
  for (const digit of ['1', '2']) {
    const tried = await Promise.allSettled(PORTS.map((port) => freePort(Number(`${digit}${port}`))))
    if (tried.every(({ status }) => status === 'fulfilled')) return digit
  }
  throw new Error('no ports are free for the page')
}
