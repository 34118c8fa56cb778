/**
 * Puts of 1 KiB through the active member of a set, beside a single Global and beside appends to
 * the set's engine without a set, in turns; then members that follow 1,000 puts a second.
 *
 *     node dist/bench/set-puts.js [MEMBERS [ROUNDS]] [nats|postgres]...
 *
 * Real servers on loopback, as `npm run test:engines` starts them; what is not installed is skipped
 * with one line. Linux only: it reads memory and processor time from /proc. The figures are in
 * bench/notes/set.md.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openEngine } from '../src/daemon/process/set/open-member.ts'
import { type Dstore, connect } from '../src/dstore.ts'
import { openFileJournal } from '../src/journal/file/file-journal.ts'
import type { Journal } from '../src/journal/journal.ts'
import { KIB, MIB } from '../src/limits.ts'
import { Place } from '../test/cli/command.ts'
import { Running } from '../test/e2e/archive/archived.ts'
import { type Engine, findProgram, startEngine } from '../test/engines/engine.ts'
import { PROGRAMS } from '../test/engines/programs.ts'
import { type EngineKind, type JournalEngine, KINDS } from '../test/engines/set/engines.ts'
import { type Member, type SetDrill, killDrills, withSet } from '../test/engines/set/set-drill.ts'
import { freePort } from '../test/free-port.ts'
import { type Contestant, DEPTH, inTurns, pipelined, report, timed } from './in-turns.ts'
import { putChange, writerOf } from './journal-puts.ts'
import { median } from './ratio.ts'

const given = process.argv.slice(2)
const [MEMBERS = 2, ROUNDS = 1000] = given.map(Number).filter((number) => number > 0)
const kinds = KINDS.filter(({ name }) => given.includes(name))

const VALUE_BYTES = KIB
const DEEP_TURNS = 9
const DEEP_PUTS = 1000
/** Turns that do not count: until then the code is not compiled. */
const WARM_TURNS = 2
const PACE = 1000
const PACED_SECONDS = 30
const TICK_MS = 10
/** Clock ticks a second, of the kernel's times in /proc. */
const TICKS = 100

/** Deep turns: each contestant's median rate, beside that of the first. */
async function deepInTurns(contestants: readonly Contestant[]): Promise<void> {
  const rates = contestants.map(() => [] as number[])
  for (let turn = 0; turn < WARM_TURNS + DEEP_TURNS; turn++) {
    for (const [which, [, work]] of contestants.entries()) {
      const ms = await timed(() => pipelined(DEEP_PUTS, work))
      if (turn >= WARM_TURNS) rates[which]!.push((1000 * DEEP_PUTS) / ms)
    }
  }
  for (const [which, [name]] of contestants.entries()) {
    const own = rates[which]!
    const ratio = median(own.map((rate, turn) => rate / rates[0]![turn]!))
    const [least, most] = [Math.min(...own), Math.max(...own)].map((rate) => rate.toFixed(0))
    report(
      `${name}: ${median(own).toFixed(0)}/s (${least} to ${most}); ${ratio.toFixed(2)} of the first`,
    )
  }
}

/** Opens a journal, and appends the changes that puts make, without a store. */
async function appends(journal: Journal): Promise<Contestant[1]> {
  const writer = await writerOf(journal)
  return (i) => writer.append([putChange(i, VALUE_BYTES)])
}

async function measure(drill: SetDrill, kind: string): Promise<void> {
  const ends: (() => unknown)[] = []
  try {
    const place = new Place(drill)
    const listen = `--listen=/ip4/127.0.0.1/tcp/${await freePort()}`
    await new Running(drill, place, ['--global', listen]).ready()
    const open = async (state: string): Promise<Dstore> => {
      const node = await connect({ dir: state })
      ends.push(() => node.close())
      return node
    }
    const active = await drill.active()
    const [single, set] = [await open(place.state), await open(active.place.state)]
    const files = await openFileJournal({ directory: join(place.path, 'journal') })
    ends.push(() => files.close())
    const { journal } = drill
    const engine = await openEngine(journal.url('appends'), journal.secrets, { mustExist: false })
    ends.push(() => engine.close())
    const contestants: readonly Contestant[] = [
      ['one Global', () => single.put(randomBytes(VALUE_BYTES))],
      [`a set over ${kind}`, () => set.put(randomBytes(VALUE_BYTES))],
      ['appends to files', await appends(files)],
      [`appends to ${kind}`, await appends(engine)],
    ]
    report(`\n${MEMBERS} members over ${kind}, puts of 1 KiB, one at a time:`)
    await inTurns(contestants, ROUNDS)
    report(`${DEPTH} at once:`)
    await deepInTurns(contestants)
    await follow(drill, set)
  } finally {
    for (const end of ends.toReversed()) await end()
  }
}

/** Resident memory of a process, and the seconds of processor time that it has used. */
function usage(pid: number): { readonly rss: number; readonly seconds: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const rss = Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * KIB
  return { rss, seconds: (Number(fields[11]) + Number(fields[12])) / TICKS }
}

/** Seconds that all cores were at work, whatever at. */
const busySeconds = (): number =>
  cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0) /
  1000

async function follow(drill: SetDrill, node: Dstore): Promise<void> {
  const active = await drill.active()
  const watched = drill.members.map((member) => ({
    name: `${member === active ? 'active' : 'standby'} ${member.name}`,
    pid: member.running.process.pid!,
  }))
  const before = watched.map(({ pid }) => usage(pid))
  const most = before.map(({ rss }) => rss)
  const busy = busySeconds()
  const own = process.cpuUsage()
  const began = performance.now()
  let [asked, acknowledged] = [0, 0]
  const wanted = PACE * PACED_SECONDS
  const underWay = new Set<Promise<unknown>>()
  while (asked < wanted) {
    const due = Math.min(wanted, Math.floor(((performance.now() - began) / 1000) * PACE))
    for (; asked < due; asked++) {
      // What is late waits for what is under way, so that memory has a bound.
      while (underWay.size >= DEPTH) await Promise.race(underWay)
      const put = node.put(randomBytes(VALUE_BYTES)).then(() => acknowledged++)
      underWay.add(put)
      void put.finally(() => underWay.delete(put))
    }
    for (const [at, { pid }] of watched.entries()) {
      most[at] = Math.max(most[at]!, usage(pid).rss)
    }
    await sleep(TICK_MS)
  }
  await Promise.all(underWay)
  const seconds = (performance.now() - began) / 1000
  const percent = (used: number): string => `${((100 * used) / seconds).toFixed(0)} %`
  const { user, system } = process.cpuUsage(own)
  report(`${acknowledged} puts in ${seconds.toFixed(1)} s, of ${PACE} a second wanted:`)
  for (const [at, { name, pid }] of watched.entries()) {
    const { seconds: used } = usage(pid)
    const mib = [before[at]!.rss, most[at]!].map((rss) => (rss / MIB).toFixed(0))
    report(
      `${name}: ${percent(used - before[at]!.seconds)} of a core; ` +
        `${mib[0]} MiB before, ${mib[1]} MiB at most`,
    )
  }
  report(
    `this process ${percent((user + system) / 1e6)}; all of the machine ${percent(busySeconds() - busy)}`,
  )
  await reportLag(drill, active)
}

/** How long standbys need to apply what was acknowledged when the puts ended. */
async function reportLag(drill: SetDrill, active: Member): Promise<void> {
  const positionOf = async (member: Member): Promise<number> =>
    (await member.status())?.set?.members.find(({ isOwn }) => isOwn)?.position ?? 0
  const began = performance.now()
  const end = await positionOf(active)
  for (const member of drill.members.filter((one) => one !== active)) {
    while ((await positionOf(member)) < end) await sleep(TICK_MS)
    const ms = (performance.now() - began).toFixed(0)
    report(`standby ${member.name} has applied entry ${end}, ${ms} ms after the last answer`)
  }
}

async function over(kind: EngineKind, bucket: Engine): Promise<void> {
  const journal: JournalEngine = await kind.start()
  closing.push(() => journal.end())
  await withSet(bucket, journal, 'bench', (drill) => measure(drill, kind.name), {
    members: MEMBERS,
    locals: 0,
  })
}

// The client of this process is not given its environment, so that it can't be quiet by itself.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true'
const closing: (() => Promise<void>)[] = []
const closeAll = async (): Promise<void> => {
  for (const close of closing.splice(0).toReversed()) await close()
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    killDrills()
    void closeAll().finally(() => process.exit(1))
  })
}
const program = PROGRAMS[0]!
const path = findProgram(program.program)
if (path === undefined) {
  report(`skipped: ${program.name} is not installed: ${program.hint}`)
} else {
  for (const kind of kinds.length > 0 ? kinds : KINDS) {
    const missing = kind.missing()
    if (missing !== undefined) {
      report(`skipped: ${kind.name}: ${missing}`)
      continue
    }
    try {
      const bucket = await startEngine(program, path)
      closing.push(() => bucket.end())
      await over(kind, bucket)
    } finally {
      await closeAll()
    }
  }
}
