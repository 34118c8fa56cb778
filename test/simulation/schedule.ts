/**
 * One seeded run of the world: random work, random faults, then quiet; and what the oracle found.
 */
import { ALL_RULES, type Rules } from '../../src/index/rules.ts'
import { grantorClock, holderClock, type Clocks } from '../../src/node/clock.ts'
import { Oracle } from './oracle.ts'
import { SimClock } from './sim-clock.ts'
import { SimGlobal } from './sim-global.ts'
import type { FileRules } from './sim-holdings.ts'
import { SimLocal } from './sim-local.ts'
import { digestOf } from './tokens.ts'
import { NamesWork } from './names/names-work.ts'
import { TreeWork } from './trees/tree-work.ts'
import { World } from './world.ts'

export interface Outcome {
  readonly violation: string | undefined
  readonly transcript: readonly string[]
  /** How often a wall clock was set forward, and back. */
  readonly steps: { forward: number; back: number }
}

type Elapsed = (clocks: Clocks) => () => number

export interface ScheduleOptions {
  /** Rules that are switched off. */
  readonly switched?: Partial<Rules>
  /** Wall clocks are set, machines sleep, and clocks differ in pace, at Global too. */
  readonly clockFaults?: boolean
  /** Callers put and remove trees; Global crashes in the middle of what takes several changes. */
  readonly trees?: boolean
  /** Locals keep values in files across restarts, and other processes use the paths. */
  readonly files?: FileRules
  /** Callers move tags, and bind names that expire. */
  readonly names?: boolean
  /** The elapsed clocks of Global and of the Locals. */
  readonly grantor?: Elapsed
  readonly holder?: Elapsed
}

const TOKENS = [1, 2, 3]
const NAMES = ['a', 'b']
const BUSY_MS = 25_000
const QUIET_MS = 30_000

/** How long a store may take over what was begun. */
const SETTLE_MS = 2000

/** A crash comes within this time after what it interrupts. */
const CRASH_MS = 100

/** For how long a Local that lacks changes at the end is waited for. */
const FED_SECONDS = 5

/** How long clocks must agree before wall time is trusted, where names expire. */
const SETTLED_MS = 6000

/** When Global forgets a Local, where that is tried at all. */
const FORGET_SOON_MS = 3000
const FORGET_LATE_MS = 3_600_000

export function runSchedule(seed: number, options: ScheduleOptions = {}): Outcome {
  const {
    switched,
    clockFaults = false,
    trees = false,
    names = false,
    grantor = grantorClock,
    holder = holderClock,
    files,
  } = options
  const world = new World(seed)
  const oracle = new Oracle(world)
  const rules = { ...ALL_RULES, ...switched }
  const leaseMs = world.chance(clockFaults ? 0.7 : 0.3) ? world.one([1500, 4000]) : undefined
  const plan = world.one(names ? PLANS_OF_NAMES : PLANS)
  const forgetAfterMs = plan.forgetAfterMs ?? (world.chance(0.2) ? 12_000 : FORGET_LATE_MS)
  // Within what R004-51 allows for: Global is at most 1 % faster than the slowest Local.
  const clock = new SimClock(world, clockFaults ? world.between(0.99, 1.0059) : 1)
  const parts = { world, oracle, rules, leaseMs, forgetAfterMs }
  const settledMs = names ? SETTLED_MS : undefined
  const global = new SimGlobal({ ...parts, clock, elapsed: grantor, trees, settledMs })
  const count = world.chance(0.02) ? 20 : 1 + world.pick(4)
  const peers = Array.from({ length: count }, (_, i) => `L${i + 1}`)
  const locals = peers.map(
    (peer) => new SimLocal({ ...parts, files, peer, global, elapsed: holder }),
  )
  world.say(`${count} Locals, lease ${leaseMs ?? 'none'}`)
  if (trees) global.batchItems = world.one([1, 2, undefined])
  global.admit(peers)
  global.onExpelled = (peer) => locals.find((local) => local.peer === peer)?.expelled()
  global.start()
  for (const local of locals) local.start()

  const failed = (): boolean => oracle.violation !== undefined
  let busy = true
  const again = (least: number, most: number, act: () => void): void => {
    world.after(world.between(least, most), () => {
      if (!busy) return
      act()
      for (const local of locals) local.checkCompletion()
      again(least, most, act)
    })
  }
  const pace = plan.forgetAfterMs === undefined ? world.one([1, 1, 4, 12]) : 1
  world.say(`plan: ${plan.name}, work every ${5 * pace} to ${150 * pace} ms`)
  const treeWork = trees ? new TreeWork(world, global) : undefined
  const namesWork = names ? new NamesWork(world, global) : undefined
  again(5 * pace, 150 * pace, () => {
    const local = world.one(locals)
    if (namesWork !== undefined && (treeWork === undefined || world.chance(0.5))) {
      namesWork.act(local)
    } else if (treeWork === undefined) work(world, global, local, plan)
    else treeWork.act(local)
  })
  if (trees) {
    global.crashes = world.one([0, 0.005, 0.02])
    global.syncMs = world.one([0, 10, 80])
    again(1, 60, () => crashInTheMiddle(world, global))
  }
  if (names && !trees) {
    global.crashes = world.one([0, 0, 0.01, 0.05])
    again(10, 400, () => void (global.index === undefined && global.start()))
  }
  if (plan.faults.length > 0) {
    again(300, 4000, () =>
      plan.faults[world.pick(plan.faults.length)]!(world, global, world.one(locals)),
    )
  }

  const steps = { forward: 0, back: 0 }
  if (clockFaults) {
    again(300, 2000, () => setWall(world, steps, clock, world.one(locals)))
    again(500, 4000, () => sleepOrWake(world, global, world.one(locals)))
  }

  world.run(BUSY_MS, failed)
  busy = false
  global.crashes = 0
  const outcome = (): Outcome => {
    return { violation: oracle.violation, transcript: world.transcript, steps }
  }
  if (failed()) return outcome()
  world.say('quiet')
  global.wake()
  // A crash may be due still.
  world.run(BUSY_MS + CRASH_MS, failed)
  if (global.index === undefined) global.start()
  // What is still being decided about members is, before it is set right.
  world.run(BUSY_MS + SETTLE_MS, failed)
  for (const peer of peers) {
    if (global.index!.members.roleOf(peer) !== undefined) continue
    global.ask({ type: 'admit', peer, role: 'admin' }, () => undefined)
  }
  for (const local of locals) {
    local.partitioned = false
    if (local.isAsleep) local.wake()
    if (!local.isUp) local.start()
  }
  if (treeWork !== undefined) {
    // By then every caller has its answer, or gave up.
    world.run(BUSY_MS + QUIET_MS / 2, failed)
    treeWork.releaseAll()
  }
  world.run(BUSY_MS + QUIET_MS, failed)
  // What is removed in the background at any time, at this moment too, is fed within a second.
  for (let i = 1; i <= FED_SECONDS && !failed() && locals.some(isBehind(global)); i++) {
    world.run(BUSY_MS + QUIET_MS + i * 1000, failed)
  }
  if (!failed()) global.trees?.atRest()
  if (!failed()) global.names?.atRest(global.index!.present !== undefined)
  const existing = new Set(oracle.existing())
  const everybody = peers.toSorted().join()
  for (const local of locals) {
    local.checkQuiet(existing)
    if ([...local.members].toSorted().join() !== everybody) {
      oracle.fail(`${local.peer} knows of the members ${[...local.members].join()}`)
    }
    if (!local.isConnected) oracle.fail(`${local.peer} never came back`)
    if (local.position !== global.index!.position.seq) {
      oracle.fail(`${local.peer} is at ${local.position}, Global at ${global.index!.position.seq}`)
    }
  }
  return outcome()
}

const isBehind =
  (global: SimGlobal) =>
  (local: SimLocal): boolean =>
    local.position !== global.index!.position.seq

/** How far a wall clock is set: from less than its resolution is worth to days. */
const STEPS_MS = [50, 500, 3000, 60_000, 3_600_000, 90_000_000, 400_000_000]

/** The wall clock of Global or of a Local is set; forward and back in turn. */
function setWall(world: World, steps: Outcome['steps'], ofGlobal: SimClock, local: SimLocal): void {
  const isGlobal = world.chance(0.6)
  const ms = world.one(STEPS_MS) * world.between(0.5, 1)
  const isForward = steps.forward === steps.back
  world.say(`${isGlobal ? 'Global' : local.peer}: the wall clock steps ${isForward ? ms : -ms} ms`)
  ;(isGlobal ? ofGlobal : local.clock).step(isForward ? ms : -ms)
  steps[isForward ? 'forward' : 'back']++
}

/** The machine of Global or of a Local falls asleep, or wakes up. */
function sleepOrWake(world: World, global: SimGlobal, local: SimLocal): void {
  if (global.isAsleep) global.wake()
  else if (world.chance(0.7)) sleep(world, global, local)
  else if (global.index !== undefined) global.sleep()
}

/** Global crashes while a removal of a tree goes on, or edges are counted. */
function crashInTheMiddle(world: World, global: SimGlobal): void {
  if (global.index === undefined) {
    if (world.chance(0.1)) global.start()
  } else if (global.trees!.isInTheMiddle && world.chance(0.03)) {
    global.crash()
  }
}

type Act = (world: World, global: SimGlobal, local: SimLocal) => void

/** What goes wrong, and how often something is put: rare puts leave removed what is removed. */
interface Plan {
  readonly name: string
  readonly faults: readonly Act[]
  readonly puts: number
  readonly forgetAfterMs?: number
}

const partition: Act = (world, _, local) => {
  local.partitioned = !local.partitioned
  world.say(`${local.peer} is ${local.partitioned ? 'partitioned' : 'healed'}`)
}

const cut: Act = (_world, _global, local) => local.cut()

const sleep: Act = (_world, _global, local) => {
  if (local.isAsleep) local.wake()
  else if (local.isUp) local.sleep()
}

const crash: Act = (_world, _global, local) => {
  if (local.isUp) local.crash()
  else local.start()
}

const goodbye: Act = (_world, _global, local) => {
  if (local.isUp && !local.isAsleep) local.goodbye()
  else if (!local.isUp) local.start()
}

const crashGlobal: Act = (_world, global) => {
  if (global.index === undefined) global.start()
  else global.crash()
}

const backUp: Act = (world, global) => {
  global.backup = global.store.backup()
  world.say(`a backup that ends at ${global.store.lastSeq}`)
}

const restore: Act = (_world, global) => {
  global.restore()
  if (global.index === undefined) global.start()
}

/**
 * Out of touch until it is forgotten; then back, and cut off again while it asks about what it
 * holds.
 */
const forget: Act = (world, _, local) => {
  if (local.partitioned) return
  local.partitioned = true
  world.say(`${local.peer} is partitioned until it is forgotten`)
  local.cut()
  world.after(FORGET_SOON_MS + 1500, () => {
    local.partitioned = false
    local.cutAtReset = true
  })
}

/** A member is expelled, or an expelled one admitted again. */
const expel: Act = (world, global, { peer }) => {
  if (global.index === undefined) return
  const isMember = global.index.members.roleOf(peer) !== undefined
  world.say(`${peer} is to be ${isMember ? 'expelled' : 'admitted again'}`)
  if (isMember) global.ask({ type: 'expel', peer, timeoutMs: 5000 }, () => undefined)
  else global.ask({ type: 'admit', peer, role: 'admin' }, () => undefined)
}

const PLANS: readonly Plan[] = [
  { name: 'forgotten', faults: [forget], puts: 30, forgetAfterMs: FORGET_SOON_MS },
  { name: 'calm', faults: [], puts: 25 },
  { name: 'links', faults: [partition, partition, cut], puts: 8 },
  { name: 'sleep', faults: [sleep, sleep, sleep, partition], puts: 4 },
  { name: 'backups', faults: [backUp, restore, partition, sleep, cut, cut], puts: 20 },
  {
    name: 'everything',
    faults: [partition, partition, cut, sleep, sleep, crash, goodbye, crashGlobal, backUp, restore],
    puts: 15,
  },
  {
    name: 'members',
    faults: [expel, expel, expel, partition, cut, sleep, crash, crashGlobal, backUp, restore],
    puts: 12,
  },
]

/** Where names move, answers are lost, and requests come again, after a restart too. */
const PLANS_OF_NAMES: readonly Plan[] = [
  ...PLANS,
  { name: 'repeats', faults: [cut, cut, cut, crashGlobal, crashGlobal, partition], puts: 0 },
]

/** What callers do: each kind with its share of a hundred, puts with what the plan gives them. */
function work(world: World, global: SimGlobal, local: SimLocal, plan: Plan): void {
  const token = world.one(TOKENS)
  const name = world.one(NAMES)
  const remove = { type: 'remove', digest: digestOf(token), timeoutMs: 5000, force: true } as const
  const put = { type: 'put', values: [Uint8Array.of(token)], name: undefined } as const
  const kinds: readonly (readonly [number, () => void])[] = [
    [35, () => local.callers.get(token)],
    [plan.puts * 0.6, () => local.callers.put(token, world.chance(0.2) ? name : undefined)],
    [plan.puts * 0.3, () => local.callers.upload(token)],
    [plan.puts * 0.1, () => global.ask(put, () => undefined)],
    [16, () => local.callers.remove(token)],
    [4, () => global.ask(remove, () => undefined)],
    [4, () => local.callers.bind(name, token)],
    [6, () => local.callers.lookup(name)],
    [4, () => local.callers.unbind(name)],
    [4, () => local.callers.evict(token)],
  ]
  let at = world.between(
    0,
    kinds.reduce((sum, [share]) => sum + share, 0),
  )
  for (const [share, act] of kinds) {
    at -= share
    if (at < 0) return act()
  }
}
