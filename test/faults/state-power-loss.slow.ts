/**
 * Power cuts of a Global under load, one after another on the same disk: its state directory is a
 * file system in an image, which is copied while the daemon is stopped in the middle of its work.
 * The next daemon has the copy.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { openFileJournal } from '../../src/journal/file/file-journal.ts'
import { Layout } from '../../src/store/disk/layout.ts'
import { Database } from '../../src/store/disk/records/database.ts'
import { test } from '../serial.ts'
import { Place } from '../cli/command.ts'
import { Daemon } from '../e2e/nodes.ts'
import { eventually } from '../eventually.ts'
import { Disk, canMount } from './image.ts'
import { differences, nothingTold, thin, work } from './load.ts'

const CUTS = Number(process.env['DSTORE_POWER_CUTS'] ?? 60)
const MAX_LIFE_MS = 1500
const WORKERS = 4
const KEPT = 10

test(`R005-29, R005-91, R005-97: the power of a Global under load is cut ${CUTS} times, and what was answered is there`, async (t) => {
  t.timeout(60 * 60_000)
  if (!canMount()) {
    t.log('SKIPPED: not root, or no loop devices')
    t.pass()
    return
  }
  const place = new Place(t)
  const disk = new Disk(t, { path: place.state, image: place.file('image'), size: '2G' })
  const socket = join(place.state, 'dstore.sock')
  const told = nothingTold()
  let global = await Daemon.start(t, ['--global'], place)
  let tails = 0
  const isReal = (): boolean => told.puts > CUTS && told.removals > 0 && told.bindings > 0
  for (let cut = 0; cut < CUTS || (!isReal() && cut < 4 * CUTS); cut++) {
    const workers = Array.from({ length: WORKERS }, (_, i) => work(socket, `${cut}-${i}`, told))
    await new Promise((resolve) => setTimeout(resolve, Math.random() * MAX_LIFE_MS))
    global.process.kill('SIGSTOP')
    await eventually(() => isStopped(global.process.pid!))
    await disk.cutPower(async () => {
      await global.signal('SIGKILL')
      await Promise.all(workers)
    })
    if (await isTailed(place.state)) tails++
    global = await Daemon.start(t, [], place)
    t.deepEqual(await differences(socket, told), [], `after cut ${cut + 1}`)
    await thin(socket, told, KEPT)
  }
  const { puts, removals, bindings, unbindings } = told
  t.log(`answered: ${puts} puts, ${removals} removals, ${bindings} binds, ${unbindings} unbinds`)
  t.log(`${tails} openings had a journal with more than the records`)
  t.true(isReal(), 'the load was real')
})

/** Is each of its threads stopped, after the call to the kernel that it was in? */
function isStopped(pid: number): boolean {
  const tasks = `/proc/${pid}/task`
  return readdirSync(tasks).every((task) => {
    const stat = readFileSync(join(tasks, task, 'stat'), 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T')
  })
}

/** Has the journal entries that the records have not? */
async function isTailed(state: string): Promise<boolean> {
  const layout = new Layout(state)
  const database = new Database(layout.records, { readOnly: true })
  const journal = await openFileJournal({ directory: layout.journal, readOnly: true })
  try {
    return (await journal.extent()).last > database.tally().position
  } finally {
    await journal.close()
    await database.close()
  }
}
